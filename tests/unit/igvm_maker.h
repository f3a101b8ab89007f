/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Well-formed IGVM files, entry by entry, for tests and fuzzers to look at and to damage. */
#ifndef IGVM_MAKER_H
#define IGVM_MAKER_H

#include <cocoreset/igvm.h>

/* Data begins here, so that entries can say where theirs is before all of them are there. */
#define IGVM_MAKER_DATA 0x2000u

struct igvm_maker {
	uint8_t bytes[0x60000];
	uint32_t entries_end;
	uint32_t size;
};

void igvm_begin(struct igvm_maker *maker);
void igvm_platform(struct igvm_maker *maker, uint32_t type, uint32_t mask);
void igvm_policy(struct igvm_maker *maker, uint64_t policy, uint32_t mask);
/* `pages` pages that are filled with `fill`; the result is their offset in the file. */
uint32_t igvm_data(struct igvm_maker *maker, uint8_t fill, uint32_t pages);
/* One page, as it is. */
uint32_t igvm_page_of(struct igvm_maker *maker, const uint8_t *page);
void igvm_page(struct igvm_maker *maker, uint64_t gpa, uint32_t mask, uint32_t offset,
	       uint32_t flags, uint32_t type);
void igvm_area(struct igvm_maker *maker, uint32_t index, uint64_t size, uint32_t offset);
void igvm_parameter(struct igvm_maker *maker, uint32_t type, uint32_t index, uint32_t position);
void igvm_insert(struct igvm_maker *maker, uint64_t gpa, uint32_t mask, uint32_t index);
void igvm_context(struct igvm_maker *maker, uint64_t gpa, uint32_t mask, uint32_t offset,
		  uint32_t vcpu);
void igvm_required(struct igvm_maker *maker, uint64_t gpa, uint32_t mask, uint32_t size);
void igvm_error_range(struct igvm_maker *maker, uint64_t gpa, uint32_t mask, uint32_t size);
/* Sizes and checksum. */
void igvm_end(struct igvm_maker *maker);
/* Damaged headers get a checksum that is right. */
void igvm_fix_checksum(struct igvm_maker *maker);

#endif
