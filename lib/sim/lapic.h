/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The local APIC's registers as KVM_GET_LAPIC shows them; what it does is run.c's business. */
#ifndef COCO_SIM_LAPIC_H
#define COCO_SIM_LAPIC_H

#include "sim/sim.h"

/* Offsets of registers in the APIC page. */
enum sim_lapic_register {
	SIM_APIC_ID = 0x20,
	SIM_APIC_VERSION = 0x30,
	SIM_APIC_TPR = 0x80,
	SIM_APIC_LDR = 0xd0,
	SIM_APIC_DFR = 0xe0,
	SIM_APIC_SVR = 0xf0,
	SIM_APIC_ISR = 0x100,
	SIM_APIC_TMR = 0x180,
	SIM_APIC_IRR = 0x200,
	SIM_APIC_ICR = 0x300,
	SIM_APIC_ICR2 = 0x310,
	SIM_APIC_LVT_TIMER = 0x320,
	SIM_APIC_LVT_LINT0 = 0x350,
	SIM_APIC_LVT_ERROR = 0x370,
	SIM_APIC_TIMER_INITIAL = 0x380,
};

void sim_lapic_reset(struct sim_vcpu *vcpu, bool boot);
/* What it says of itself, which depends on the vCPU's CPUID. */
void sim_lapic_set_version(struct sim_vcpu *vcpu);
uint32_t sim_lapic_read(const struct sim_vcpu *vcpu, uint32_t offset);
void sim_lapic_write(struct sim_vcpu *vcpu, uint32_t offset, uint32_t value);

#endif
