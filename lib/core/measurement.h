/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a guest's launch will measure, and has measured. */
#ifndef COCO_CORE_MEASUREMENT_H
#define COCO_CORE_MEASUREMENT_H

#include "core/guest.h"

/*
 * Lets the technology predict the launch digest of an incarnation from `source`, unless that is
 * known already, and say whether the launch can succeed. For whoever has begun an operation, or
 * has `source` alone.
 */
int coco_measurement_predict(struct coco_guest *guest, struct coco_source *source,
			     struct coco_error *error);

/* What a backend may know of a launch before anything is there. */
struct coco_launch coco_measurement_launch(const struct coco_guest *guest,
					   const struct coco_source *source);

#endif
