/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A set of byte ranges, kept sorted and merged. */
#ifndef RANGE_SET_H
#define RANGE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
	uint64_t start;
	uint64_t end; /* exclusive */
};

struct range_set {
	struct range *ranges;
	size_t count;
};

void range_set_clear(struct range_set *set);
void range_set_add(struct range_set *set, uint64_t start, uint64_t end);
void range_set_remove(struct range_set *set, uint64_t start, uint64_t end);
bool range_set_has(const struct range_set *set, uint64_t at);
uint64_t range_set_total(const struct range_set *set);

#endif
