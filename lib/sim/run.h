/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What run.c, the local APICs and the CPU ask of each other. */
#ifndef COCO_SIM_RUN_H
#define COCO_SIM_RUN_H

#include "sim/sim.h"

/* Guest code is about to execute: gives up the lock. */
void sim_run_enter_guest(struct sim_vcpu *vcpu);
/* Takes the lock again. */
void sim_run_leave_guest(struct sim_vcpu *vcpu);
/* Asked by the CPU before each instruction: whether user space or another thread wants the vCPU
 * back. */
bool sim_run_wanted(const struct sim_vcpu *vcpu);

#endif
