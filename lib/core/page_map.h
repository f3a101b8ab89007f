/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which pages of a region are private, and which the guest has decided about. The kernel
 * has no call to ask for it.
 */
#ifndef COCO_CORE_PAGE_MAP_H
#define COCO_CORE_PAGE_MAP_H

#include <stdbool.h>
#include <stdint.h>

/* Two bits a page, in memory that is zero and costs nothing until it is touched. */
struct coco_page_map {
	uint64_t *private_bits;
	uint64_t *decided_bits; /* converted once, either way */
	uint64_t pages;
};

/* -ENOMEM on failure. All pages are shared and undecided. */
int coco_page_map_init(struct coco_page_map *map, uint64_t pages);
/* Works for a map that is all zero. */
void coco_page_map_destroy(struct coco_page_map *map);

bool coco_page_map_private(const struct coco_page_map *map, uint64_t page);
/* Decides about [first, end). */
void coco_page_map_set(struct coco_page_map *map, uint64_t first, uint64_t end, bool to_private);

/* The first page in [first, end) that is private (or is not), `end` if there is none. */
uint64_t coco_page_map_find(const struct coco_page_map *map, uint64_t first, uint64_t end,
			    bool is_private);
/* The first page in [first, end) that is decided about, `end` if there is none. */
uint64_t coco_page_map_find_decided(const struct coco_page_map *map, uint64_t first, uint64_t end);

#endif
