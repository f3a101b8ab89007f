/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "range_set.h"

#include <stdlib.h>

void range_set_clear(struct range_set *set)
{
	free(set->ranges);
	set->ranges = NULL;
	set->count = 0;
}

/* The ranges without [start, end), with room for two more. */
static struct range *without(const struct range_set *set, uint64_t start, uint64_t end,
			     size_t *count)
{
	struct range *out = calloc(set->count + 2, sizeof(*out));
	size_t n = 0;

	if (out == NULL)
		abort();
	for (size_t i = 0; i < set->count; i++) {
		struct range r = set->ranges[i];

		if (r.end <= start || r.start >= end) {
			out[n++] = r;
			continue;
		}
		if (r.start < start)
			out[n++] = (struct range){r.start, start};
		if (r.end > end)
			out[n++] = (struct range){end, r.end};
	}
	*count = n;
	return out;
}

void range_set_remove(struct range_set *set, uint64_t start, uint64_t end)
{
	size_t count;
	struct range *left = without(set, start, end, &count);

	free(set->ranges);
	set->ranges = left;
	set->count = count;
}

void range_set_add(struct range_set *set, uint64_t start, uint64_t end)
{
	size_t count, at = 0, next;
	struct range *left;

	/* Neighbours that touch the range become part of it. */
	for (size_t i = 0; i < set->count; i++) {
		const struct range *r = &set->ranges[i];

		if (r->end < start || r->start > end)
			continue;
		start = r->start < start ? r->start : start;
		end = r->end > end ? r->end : end;
	}
	left = without(set, start, end, &count);
	while (at < count && left[at].start < start)
		at++;
	for (next = count; next > at; next--)
		left[next] = left[next - 1];
	left[at] = (struct range){start, end};
	free(set->ranges);
	set->ranges = left;
	set->count = count + 1;
}

bool range_set_has(const struct range_set *set, uint64_t at)
{
	for (size_t i = 0; i < set->count; i++)
		if (at >= set->ranges[i].start && at < set->ranges[i].end)
			return true;
	return false;
}

uint64_t range_set_total(const struct range_set *set)
{
	uint64_t total = 0;

	for (size_t i = 0; i < set->count; i++)
		total += set->ranges[i].end - set->ranges[i].start;
	return total;
}
