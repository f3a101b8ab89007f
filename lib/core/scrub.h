/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What happens to the shared side of guest memory between two incarnations. */
#ifndef COCO_CORE_SCRUB_H
#define COCO_CORE_SCRUB_H

#include "core/guest.h"

/*
 * Takes a reset's memory options over into *out: checked, sorted, and a copy. NULL for defaults.
 * Given back by coco_memory_policy_release().
 */
int coco_memory_policy_init(const struct coco_guest *guest,
			    const struct coco_reset_options *options,
			    struct coco_memory_policy *out, struct coco_error *error);
void coco_memory_policy_release(struct coco_memory_policy *policy);

/*
 * Empties what is not kept, and in what is kept the pages of the launch image: it is loaded into
 * empty memory.
 */
int coco_scrub(struct coco_guest *guest, struct coco_error *error);

#endif
