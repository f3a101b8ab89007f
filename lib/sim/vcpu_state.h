/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A vCPU's registers and settings, as KVM's ioctls put them in and read them out. */
#ifndef COCO_SIM_VCPU_STATE_H
#define COCO_SIM_VCPU_STATE_H

#include "sim/sim.h"

#define SIM_CPUID_ENTRIES 256u /* KVM_MAX_CPUID_ENTRIES */

struct sim_msr_value {
	uint32_t index;
	uint64_t data;
};

struct sim_vcpu_state {
	struct kvm_regs regs;
	struct kvm_sregs2 sregs;
	uint64_t interrupt_bitmap[4];
	bool cd_nw_cleared;     /* the processor runs with caches whatever CR0 says */
	struct sim_xsave xsave; /* KVM_GET_FPU reads it, too */
	uint64_t xcr0;
	struct kvm_debugregs debugregs;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp_state;
	struct kvm_lapic_state lapic;
	struct kvm_cpuid_entry2 cpuid[SIM_CPUID_ENTRIES];
	uint32_t cpuid_count;
	struct sim_msr_value *msrs; /* sim_msr_count() of them, in the order of the table */
	uint32_t tsc_khz;
	uint64_t tsc_offset;
	uint64_t mcg_cap;
	uint64_t mce_banks[32 * 4];
	struct kvm_guest_debug debug;
	bool signal_mask_set;
	uint64_t signal_mask;
	uint64_t vapic_address;
	bool tpr_reporting;
	bool hyperv_synic;
	bool hyperv_enforce_cpuid;
	bool enforce_pv_cpuid;
	int external_vector; /* KVM_INTERRUPT with a split irqchip; -1: none */
};

int sim_vcpu_state_new(struct sim_vcpu *vcpu);
void sim_vcpu_state_free(struct sim_vcpu *vcpu);

/* What the vCPU's CPUID says; NULL: there is no such leaf. */
const struct kvm_cpuid_entry2 *sim_cpuid_find(const struct sim_vcpu *vcpu, uint32_t function,
					      uint32_t index);

/* MSRs: 0, or -ENOENT: the vCPU has no such MSR; -EINVAL: not that value. They look at no filter.
 */
int sim_msr_get(const struct sim_vcpu *vcpu, uint32_t index, uint64_t *data);
int sim_msr_set(struct sim_vcpu *vcpu, uint32_t index, uint64_t data);

/* IA32_APIC_BASE, from SREGS or as an MSR: -EINVAL: not that value. */
int sim_apic_base_set(struct sim_vcpu *vcpu, uint64_t base);
/* Bits of XCR0 that the vCPU's CPUID gives it. */
uint64_t sim_guest_xcr0(const struct sim_vcpu *vcpu);

/* The architectural state after INIT: what an AP starts with. `vcpu` keeps MSRs that INIT leaves
 * alone. */
void sim_vcpu_power_on(struct sim_vcpu *vcpu);
/* svm_set_cr0(): a quirk that is disabled later changes nothing before CR0 is set again. */
void sim_vcpu_cr0_written(struct sim_vcpu *vcpu);

bool sim_vcpu_has_lapic(const struct sim_vcpu *vcpu);

#endif
