/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The vCPUs' registers at power-on: read from the first incarnation before anything ran in it,
 * and put into every incarnation, the first included.
 */
#ifndef COCO_CORE_POWER_ON_H
#define COCO_CORE_POWER_ON_H

#include "core/guest.h"

/* Reads the registers of all vCPUs of an incarnation. The caller frees *out. */
int coco_power_on_capture(struct coco_guest *guest, const struct coco_incarnation *incarnation,
			  struct coco_power_on **out, struct coco_error *error);
/* Lets the backend change what was read. */
void coco_power_on_adjust(struct coco_power_on *power_on, const struct coco_backend *backend,
			  const struct coco_launch *launch);
/* Writes what was read. */
int coco_power_on_restore(struct coco_guest *guest, const struct coco_incarnation *incarnation,
			  struct coco_power_on *power_on, struct coco_error *error);
void coco_power_on_free(struct coco_power_on *power_on);

#endif
