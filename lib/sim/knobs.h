/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a platform is like: struct coco_sim_options, checked and with its defaults filled in. */
#ifndef COCO_SIM_KNOBS_H
#define COCO_SIM_KNOBS_H

#include <cocoreset/sim.h>
#include <stdbool.h>

/* Where QEMU's TCG, which libunicorn is, has room for an address bit. */
#define SIM_SEV_C_BIT 38u

struct sim_knobs {
	struct coco_sim_options options;
};

int sim_knobs_check(struct coco_sim_options *options, struct coco_error *error);

bool sim_offers(const struct coco_sim *sim, enum coco_tech tech);
bool sim_quirk(const struct coco_sim *sim, enum coco_sim_quirks quirk);

#endif
