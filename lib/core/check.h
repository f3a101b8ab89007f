/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef COCO_CORE_CHECK_H
#define COCO_CORE_CHECK_H

#include "core/guest.h"

/*
 * Phase `check` of launch and reset: everything that can be known to fail before anything is
 * touched. With the lock held, which is given up meanwhile: to measure an image takes milliseconds.
 */
int coco_check(struct coco_guest *guest, struct coco_error *error);

#endif
