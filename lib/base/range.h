/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Arithmetic on page ranges that come from callers and guests. */
#ifndef COCO_BASE_RANGE_H
#define COCO_BASE_RANGE_H

#include <cocoreset/base.h>
#include <stdbool.h>

/* The end of what x86 page tables can address. */
#define COCO_GPA_END (1ull << 52)

static inline bool coco_page_aligned(uint64_t value)
{
	return !(value & (COCO_PAGE_SIZE - 1));
}

/* Not empty, page aligned, does not wrap, and ends within the address space. */
static inline bool coco_page_range_valid(uint64_t start, uint64_t size)
{
	return size && coco_page_aligned(start) && coco_page_aligned(size) &&
	       start < COCO_GPA_END && size <= COCO_GPA_END - start;
}

/* For valid ranges. */
static inline bool coco_ranges_overlap(uint64_t start, uint64_t size, uint64_t other_start,
				       uint64_t other_size)
{
	return start < other_start + other_size && other_start < start + size;
}

static inline uint64_t coco_align_down(uint64_t value, uint64_t power_of_two)
{
	return value & ~(power_of_two - 1);
}

static inline uint64_t coco_align_up(uint64_t value, uint64_t power_of_two)
{
	return coco_align_down(value + power_of_two - 1, power_of_two);
}

static inline uint64_t coco_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t coco_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
