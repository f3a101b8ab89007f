/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A vCPU's state when it is made, and after INIT (kvm_vcpu_reset()). */
#include "sim/vcpu_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/lapic.h"
#include "sim/msrs.h"
#include "sim/vm_config.h"

#define QUIRK_CD_NW_CLEARED (1ull << 1) /* KVM_X86_QUIRK_CD_NW_CLEARED */
#define CR0_RESET           0x60000010ull
#define DR6_RESET           0xffff0ff0ull
#define DR7_RESET           0x400ull
#define FCW_RESET           0x37f
#define MXCSR_RESET         0x1f80u
#define MXCSR_MASK          0xffffu
#define RDX_RESET           0x600ull /* as long as no CPUID has a signature */

static struct kvm_segment segment(uint8_t type, bool system)
{
	return (struct kvm_segment){.limit = 0xffff, .type = type, .present = 1, .s = !system};
}

/*
 * AMD's and Intel's KVM differ: init_vmcb() has segments that were not accessed yet, and
 * KVM_GET_SREGS shows DS, ES, FS and GS as accessed all the same. The state here is the VMCB's.
 */
static void reset_segments(struct kvm_sregs2 *sregs, bool amd)
{
	const struct kvm_segment data = segment(amd ? 2 : 3, false);

	sregs->cs = segment(amd ? 0xa : 0xb, false);
	sregs->cs.selector = 0xf000;
	sregs->cs.base = 0xffff0000;
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
	sregs->ldt = segment(2, true);
	sregs->tr = segment(amd ? 3 : 0xb, true);
	sregs->gdt = (struct kvm_dtable){.limit = 0xffff};
	sregs->idt = (struct kvm_dtable){.limit = 0xffff};
}

static void reset_fpu(struct sim_xsave *xsave)
{
	uint32_t *words = xsave->region;

	/* FXSAVE: FCW in the first word, MXCSR and its mask at 24 and 28. */
	memset(xsave, 0, sizeof(*xsave));
	words[0] = FCW_RESET;
	words[6] = MXCSR_RESET;
	words[7] = MXCSR_MASK;
}

void sim_vcpu_cr0_written(struct sim_vcpu *vcpu)
{
	vcpu->state->cd_nw_cleared =
		!(vcpu->vm->config->caps.disabled_quirks & QUIRK_CD_NW_CLEARED);
}

void sim_vcpu_power_on(struct sim_vcpu *vcpu)
{
	struct sim_vcpu_state *state = vcpu->state;
	const struct kvm_cpuid_entry2 *signature = sim_cpuid_find(vcpu, 1, 0);
	const uint64_t apic_base = state->sregs.apic_base;

	memset(&state->regs, 0, sizeof(state->regs));
	state->regs.rip = 0xfff0;
	state->regs.rflags = 2;
	state->regs.rdx = signature ? signature->eax : RDX_RESET;
	memset(&state->sregs, 0, sizeof(state->sregs));
	reset_segments(&state->sregs, sim_offers_sev(vcpu->vm->sim));
	state->sregs.cr0 = CR0_RESET;
	sim_vcpu_cr0_written(vcpu);
	state->sregs.apic_base = apic_base;
	memset(state->interrupt_bitmap, 0, sizeof(state->interrupt_bitmap));
	memset(&state->events, 0, sizeof(state->events));
	state->debugregs = (struct kvm_debugregs){.dr6 = DR6_RESET, .dr7 = DR7_RESET};
}

int sim_vcpu_state_new(struct sim_vcpu *vcpu)
{
	const bool boot = vcpu->id == vcpu->vm->boot_vcpu_id;
	struct sim_vcpu_state *state = calloc(1, sizeof(*state));

	if (!state)
		return -ENOMEM;
	vcpu->state = state;
	if (sim_msrs_new(vcpu)) {
		sim_vcpu_state_free(vcpu);
		return -ENOMEM;
	}
	state->sregs.apic_base = SIM_APIC_BASE | 0x800 | (boot ? 0x100 : 0);
	state->tsc_khz = (uint32_t)vcpu->vm->tsc_khz;
	state->mcg_cap = SIM_MCE_BANKS;
	state->external_vector = -1;
	state->xcr0 = 1;
	sim_vcpu_power_on(vcpu);
	reset_fpu(&state->xsave);
	sim_lapic_reset(vcpu, boot);
	state->mp_state.mp_state = boot || !sim_vcpu_has_lapic(vcpu) ? KVM_MP_STATE_RUNNABLE
								     : KVM_MP_STATE_UNINITIALIZED;
	return 0;
}

void sim_vcpu_state_free(struct sim_vcpu *vcpu)
{
	if (!vcpu->state)
		return;
	free(vcpu->state->msrs);
	free(vcpu->state);
	vcpu->state = NULL;
}
