/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which MSRs there are, and what may be in them. */
#ifndef COCO_SIM_MSRS_H
#define COCO_SIM_MSRS_H

#include "sim/sim.h"

enum sim_msr {
	SIM_MSR_TSC = 0x10,
	SIM_MSR_APIC_BASE = 0x1b,
	SIM_MSR_TSC_DEADLINE = 0x6e0,
	SIM_MSR_KVM_WALL_CLOCK_NEW = 0x4b564d00,
	SIM_MSR_KVM_SYSTEM_TIME_NEW = 0x4b564d01,
	SIM_MSR_EFER = 0xc0000080,
	SIM_MSR_STAR = 0xc0000081,
	SIM_MSR_FS_BASE = 0xc0000100,
	SIM_MSR_GS_BASE = 0xc0000101,
	SIM_MSR_KERNEL_GS_BASE = 0xc0000102,
	SIM_MSR_AMD64_SEV_ES_GHCB = 0xc0010130,
};

int sim_msrs_new(struct sim_vcpu *vcpu);

/* on /dev/kvm */
int sim_get_msr_list(struct sim_file *file, uintptr_t argument);
int sim_get_msr_feature_list(struct sim_file *file, uintptr_t argument);
int sim_get_feature_msrs(struct sim_file *file, uintptr_t argument);
int sim_get_mce_cap(struct sim_file *file, uintptr_t argument);

#endif
