/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The vCPUs' registers at power-on: read from the first incarnation before anything ran in it,
 * and put into every incarnation, the first included, with what technology and launch image change.
 */
#ifndef COCO_CORE_POWER_ON_H
#define COCO_CORE_POWER_ON_H

#include "core/guest.h"

/* Reads the registers of all vCPUs of an incarnation. The caller frees *out. */
int coco_power_on_capture(struct coco_guest *guest, const struct coco_incarnation *incarnation,
			  struct coco_power_on **out, struct coco_error *error);
/* Writes what was read, changed for this launch. */
int coco_power_on_restore(struct coco_guest *guest, const struct coco_incarnation *incarnation,
			  struct coco_power_on *power_on, const struct coco_launch *launch,
			  struct coco_error *error);
void coco_power_on_free(struct coco_power_on *power_on);

#endif
