/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef COCO_CORE_CHECK_H
#define COCO_CORE_CHECK_H

#include "core/guest.h"

/*
 * Phase `check` of launch and reset: everything that can be known to fail before anything is
 * touched. With the lock held, which is given up meanwhile: to measure an image takes milliseconds.
 */
int coco_check(struct coco_guest *guest, struct coco_error *error);

/*
 * The same for any source of a launch, without the lock. Its digest is predicted. For whoever has
 * begun an operation, or has `source` alone.
 */
int coco_check_source(struct coco_guest *guest, struct coco_source *source,
		      struct coco_error *error);

#endif
