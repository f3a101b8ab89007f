/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The host's CPUID as KVM offers it to guests. */
#ifndef COCO_SIM_CPUID_H
#define COCO_SIM_CPUID_H

#include "sim/sim.h"

int sim_get_supported_cpuid(struct sim_file *file, uintptr_t argument);
int sim_get_emulated_cpuid(struct sim_file *file, uintptr_t argument);
int sim_get_hyperv_cpuid(struct sim_file *file, uintptr_t argument);

/* The table behind them: at most `room` entries are written, how many there are is returned. */
uint32_t sim_supported_cpuid(const struct coco_sim *sim, struct kvm_cpuid_entry2 *entries,
			     uint32_t room);

#endif
