/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The recipe of a guest, from its options. Its memory regions come later: core/memory.h. */
#ifndef COCO_CORE_RECIPE_H
#define COCO_CORE_RECIPE_H

#include "core/guest.h"

/* Checks all that the caller gave, and puts defaults in place of zeroes. */
int coco_recipe_check_options(struct coco_host *host, struct coco_guest_options *options,
			      struct coco_error *error);

/* Fills a zeroed recipe, but for vCPUs and memory, from options that were checked. */
int coco_recipe_init(struct coco_recipe *recipe, struct coco_seam *seam,
		     const struct coco_guest_options *options, struct coco_error *error);

/* Gives up what coco_recipe_init() and launches took. */
void coco_recipe_release(struct coco_recipe *recipe);

#endif
