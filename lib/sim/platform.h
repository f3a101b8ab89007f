/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef COCO_SIM_PLATFORM_H
#define COCO_SIM_PLATFORM_H

#include "sim/sim.h"

void sim_platform_init(struct coco_sim *sim);

#endif
