/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The regions of a recipe: their host memory, and finding them by address. */
#ifndef COCO_CORE_MEMORY_H
#define COCO_CORE_MEMORY_H

#include "core/guest.h"

/* Unmaps what the library mapped. */
void coco_memory_release(struct coco_guest *guest);

/* Index of the region that holds `gpa`, or the region count. */
uint32_t coco_memory_find(const struct coco_guest *guest, uint64_t gpa);

/* Whether [gpa, gpa + size) is all memory. The range is valid. */
bool coco_memory_covers(const struct coco_guest *guest, uint64_t gpa, uint64_t size);

/*
 * The host address of a range that lies within one region and is all on the shared side; NULL for
 * any other. The range may be anything, and may be converted as soon as this returns.
 */
void *coco_memory_find_shared(struct coco_guest *guest, uint64_t gpa, uint64_t size);

/* Empties part of a region's shared side: it reads as zeroes and costs no memory. */
int coco_memory_discard_shared(struct coco_guest *guest, const struct coco_region *region,
			       uint64_t offset, uint64_t size, uint32_t stage,
			       struct coco_error *error);

#endif
