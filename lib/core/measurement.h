/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a guest's launch will measure, and has measured. */
#ifndef COCO_CORE_MEASUREMENT_H
#define COCO_CORE_MEASUREMENT_H

#include "core/guest.h"

/*
 * Lets the technology predict the launch digest of the next incarnation, unless that is known from
 * an earlier one of the same image, and say whether the launch can succeed. For whoever has
 * begun an operation.
 */
int coco_measurement_predict(struct coco_guest *guest, struct coco_error *error);

/* What a backend may know of a launch before anything is there. */
struct coco_launch coco_measurement_launch(const struct coco_guest *guest);

#endif
