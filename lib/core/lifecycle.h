/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What launch, reset and teardown have in common. */
#ifndef COCO_CORE_LIFECYCLE_H
#define COCO_CORE_LIFECYCLE_H

#include "core/guest.h"

/* Brings the vCPUs to rest; if they don't come, the guest runs on. With the lock held. */
int coco_park_guest(struct coco_guest *guest, struct coco_error *error);

/* Gives back the incarnation that has the handles, whole or in part. Without the lock. */
int coco_retire_current(struct coco_guest *guest, struct coco_error *error);

/* From no incarnation to a new one; or to none. Without the lock. */
int coco_build_in_place(struct coco_guest *guest, struct coco_error *error);

/* Lets the vCPUs go into what was built. With the lock held. */
/* The launch or reset has ended with `r`: listeners hear of it, and take back if it failed. With
 * the lock held, which is given up meanwhile. */
void coco_tell_end(struct coco_guest *guest, int r, const struct coco_error *error);

void coco_start(struct coco_guest *guest);

#endif
