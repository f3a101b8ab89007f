/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef COCO_SIM_FAULTS_H
#define COCO_SIM_FAULTS_H

#include "sim/sim.h"

int sim_calls_new(struct coco_sim *sim);
void sim_calls_free(struct coco_sim *sim);
uint64_t sim_calls_total(const struct coco_sim *sim);

#endif
