/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/lapic.h"

#include <string.h>

#include "sim/vcpu_state.h"
#include "sim/vm_config.h"

#define VERSION        0x50014u /* integrated APIC, six entries in the LVT */
#define DIRECTED_EOI   (1u << 24)
#define CPUID_X2APIC   (1u << 21) /* leaf 1, ECX */
#define MASKED         0x10000u
#define LINT0_EXTINT   0x700u
#define QUIRK_LINT0    (1u << 0) /* KVM_X86_QUIRK_LINT0_REENABLED */
#define X2APIC_ENABLED 0x400u

uint32_t sim_lapic_read(const struct sim_vcpu *vcpu, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, vcpu->state->lapic.regs + offset, sizeof(value));
	return value;
}

void sim_lapic_write(struct sim_vcpu *vcpu, uint32_t offset, uint32_t value)
{
	memcpy(vcpu->state->lapic.regs + offset, &value, sizeof(value));
}

/* kvm_apic_set_version(): by default the feature is shown where KVM is not the IOAPIC. */
void sim_lapic_set_version(struct sim_vcpu *vcpu)
{
	const uint64_t flags = vcpu->vm->config->caps.x2apic_api;
	const struct kvm_cpuid_entry2 *leaf = sim_cpuid_find(vcpu, 1, 0);
	const bool shown =
		flags & SIM_X2APIC_SUPPRESS_EOI ||
		(!(flags & SIM_X2APIC_BROADCAST_EOI) && vcpu->vm->irqchip != SIM_IRQCHIP_FULL);

	if (!sim_vcpu_has_lapic(vcpu))
		return;
	sim_lapic_write(vcpu, SIM_APIC_VERSION,
			VERSION | (shown && leaf && leaf->ecx & CPUID_X2APIC ? DIRECTED_EOI : 0));
}

/* kvm_lapic_reset(): the boot CPU's LINT0 is open, a quirk that firmware relies upon. */
void sim_lapic_reset(struct sim_vcpu *vcpu, bool boot)
{
	const uint64_t quirks = vcpu->vm->config->caps.disabled_quirks;

	if (!sim_vcpu_has_lapic(vcpu))
		return;
	memset(&vcpu->state->lapic, 0, sizeof(vcpu->state->lapic));
	sim_lapic_write(vcpu, SIM_APIC_ID,
			vcpu->state->sregs.apic_base & X2APIC_ENABLED ? vcpu->id : vcpu->id << 24);
	sim_lapic_set_version(vcpu);
	sim_lapic_write(vcpu, SIM_APIC_DFR, 0xffffffff);
	sim_lapic_write(vcpu, SIM_APIC_SVR, 0xff);
	for (uint32_t lvt = SIM_APIC_LVT_TIMER; lvt <= SIM_APIC_LVT_ERROR; lvt += 0x10)
		sim_lapic_write(vcpu, lvt, MASKED);
	if (boot && !(quirks & QUIRK_LINT0))
		sim_lapic_write(vcpu, SIM_APIC_LVT_LINT0, LINT0_EXTINT);
}
