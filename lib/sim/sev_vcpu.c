/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* vCPUs of SEV, SEV-ES and SNP: their VMSAs, what is refused once it is measured, INIT and SIPI,
 * and entry. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cpu.h"
#include "sim/sev.h"
#include "sim/sev_run.h"
#include "sim/vcpu_state.h"
#include "sim/vm_config.h"

#define DR7_FIXED    0x400ull
#define FAIL_INVALID UINT64_MAX /* VMEXIT_INVALID */

/* MSRs that a guest of SEV-ES has to itself (sev_es_recalc_msr_intercepts(),
 * svm_recalc_msr_intercepts()). */
static const uint32_t own_msrs[] = {
	0x174,      0x175,      0x176,      0x277,      0xc0000080, 0xc0000081,   0xc0000082,
	0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, SIM_MSR_GHCB,
};

int sim_sev_create_vcpu(struct sim_vcpu *vcpu)
{
	struct sim_sev_vcpu *state = calloc(1, sizeof(*state));

	if (!state)
		return -ENOMEM;
	state->vmsa_gpa = SIM_SEV_NO_GPA;
	state->pending_vmsa_gpa = SIM_SEV_NO_GPA;
	state->ghcb_registered = SIM_SEV_NO_GPA;
	vcpu->tech_state = state;
	return 0;
}

void sim_sev_destroy_vcpu(struct sim_vcpu *vcpu)
{
	struct sim_sev_vcpu *state = sim_sev_vcpu(vcpu);

	if (state && state->protected && sim_sev_is_snp(sim_sev_vm(vcpu->vm)))
		sim_sev_host(vcpu->vm->sim)->rmp_pages--;
	free(state);
	vcpu->tech_state = NULL;
}

void sim_sev_wait_for_vcpus(struct sim_vm *vm)
{
	for (uint32_t i = 0; i < vm->vcpu_count;)
		if (vm->vcpus[i]->in_run)
			pthread_cond_wait(&vm->idle, &vm->sim->lock);
		else
			i++;
}

static uint64_t msr_of(const struct sim_vcpu *vcpu, uint32_t index)
{
	uint64_t value = 0;

	return sim_msr_get(vcpu, index, &value) ? 0 : value;
}

/* The VMSA has what KVM's registers are at this moment (sev_es_sync_vmsa()). */
int sim_sev_capture_vmsa(struct sim_vcpu *vcpu)
{
	const struct sim_sev_vm *sev = sim_sev_vm(vcpu->vm);
	const struct sim_vcpu_state *from = vcpu->state;
	struct sim_sev_vcpu *state = sim_sev_vcpu(vcpu);
	struct sim_vmsa_source source;

	if (state->protected || from->debug.control || from->debugregs.dr7 & ~DR7_FIXED)
		return -EINVAL;
	source = (struct sim_vmsa_source){
		.regs = from->regs,
		.sregs = from->sregs,
		.xsave = from->xsave,
		.xcr0 = from->xcr0,
		.xss = msr_of(vcpu, 0xda0),
		.dr6 = from->debugregs.dr6,
		.dr7 = from->debugregs.dr7 | DR7_FIXED,
		.star = msr_of(vcpu, 0xc0000081),
		.lstar = msr_of(vcpu, 0xc0000082),
		.cstar = msr_of(vcpu, 0xc0000083),
		.sfmask = msr_of(vcpu, 0xc0000084),
		.kernel_gs_base = msr_of(vcpu, 0xc0000102),
		.sysenter_cs = msr_of(vcpu, 0x174),
		.sysenter_esp = msr_of(vcpu, 0x175),
		.sysenter_eip = msr_of(vcpu, 0x176),
		.pat = msr_of(vcpu, 0x277),
		.dbgctl = msr_of(vcpu, 0x1d9),
		.sev_features = sev->features,
		.with_fpu = sev->type != UAPI_VM_TYPE_DEFAULT,
		.cd_nw_cleared = from->cd_nw_cleared,
		.host_cr4_mce = true,
	};
	sim_vmsa_capture(&state->vmsa, &source);
	vcpu->own_registers = true;
	return 0;
}

/* --- what is refused (reference 4.8) */

static int refuse_protected(const struct sim_sev_vm *sev, unsigned long request)
{
	switch (request) {
	case KVM_GET_REGS:
	case KVM_SET_REGS:
	case KVM_GET_SREGS:
	case KVM_SET_SREGS:
	case KVM_GET_SREGS2:
	case KVM_SET_SREGS2:
	case KVM_GET_DEBUGREGS:
	case KVM_SET_DEBUGREGS:
	case KVM_GET_XCRS:
	case KVM_SET_XCRS:
		return sev->type == UAPI_VM_TYPE_DEFAULT ? 0 : -EINVAL;
	case KVM_GET_FPU:
	case KVM_SET_FPU:
	case KVM_GET_XSAVE:
	case KVM_SET_XSAVE:
	case KVM_GET_XSAVE2:
		/* Of SNP vCPUs KVM does not mark the FPU state as one that it does not have. */
		return sev->type == UAPI_VM_TYPE_SEVES ? -EINVAL : 0;
	case KVM_SET_GUEST_DEBUG:
		return -EINVAL;
	default:
		return 0;
	}
}

int sim_sev_refuse_vcpu_ioctl(const struct sim_vcpu *vcpu, unsigned long request)
{
	const struct sim_sev_vm *sev = sim_sev_vm(vcpu->vm);

	if (request == KVM_SMI && sim_sev_is_es(sev))
		return -ENOTTY;
	if (request == KVM_SET_TSC_KHZ && sev->features & SIM_SEV_FEATURE_SECURE_TSC)
		return -EINVAL;
	return sim_sev_vcpu(vcpu)->protected ? refuse_protected(sev, request) : 0;
}

static bool is_own_msr(uint32_t index)
{
	for (size_t i = 0; i < sizeof(own_msrs) / sizeof(own_msrs[0]); i++)
		if (own_msrs[i] == index)
			return true;
	return false;
}

/* DEBUGCTL and the last branches: LAUNCH_UPDATE_VMSA and _FINISH stop intercepting them. */
static bool is_branch_msr(uint32_t index)
{
	return index == 0x1d9 || (index >= 0x1db && index <= 0x1de);
}

/* KVM looks at the intercepts, and the others' are computed at the first KVM_RUN. */
bool sim_sev_refuse_msr(const struct sim_vcpu *vcpu, uint32_t index, bool write)
{
	(void)write;
	return sim_sev_vcpu(vcpu)->protected &&
	       sim_sev_vm(vcpu->vm)->type != UAPI_VM_TYPE_DEFAULT &&
	       (is_branch_msr(index) || (vcpu->ran && is_own_msr(index)));
}

/* --- INIT and SIPI (4.7) */

void sim_snp_change_vmsa(struct sim_vcpu *vcpu)
{
	struct sim_sev_vcpu *state = sim_sev_vcpu(vcpu);

	if (!state->waiting_for_reset)
		return;
	state->waiting_for_reset = false;
	state->vmsa_gpa = state->pending_vmsa_gpa;
	state->pending_vmsa_gpa = SIM_SEV_NO_GPA;
	state->has_vmsa = false;
	state->reload = state->vmsa_gpa != SIM_SEV_NO_GPA;
	/* With a VMSA that can't be had it is runnable, too: so that KVM_RUN fails and does not
	 * wait. */
	vcpu->state->mp_state.mp_state =
		state->reload ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_HALTED;
}

bool sim_sev_init_event(struct sim_vcpu *vcpu)
{
	if (!sim_sev_is_es(sim_sev_vm(vcpu->vm)))
		return false;
	sim_snp_change_vmsa(vcpu);
	return true;
}

/* sev_vcpu_deliver_sipi_vector() */
bool sim_sev_sipi(struct sim_vcpu *vcpu, uint8_t vector)
{
	struct sim_sev_vcpu *state = sim_sev_vcpu(vcpu);

	(void)vector; /* the guest has said itself where its vCPUs go on */
	if (!sim_sev_is_es(sim_sev_vm(vcpu->vm)))
		return false;
	if (!state->received_first_sipi) {
		state->received_first_sipi = true;
		return true;
	}
	if (state->hold == SIM_AP_HOLD_EVENT)
		sim_ghcb_success(vcpu, 1);
	else if (state->hold == SIM_AP_HOLD_MSR)
		state->ghcb_msr = 1ull << 12 | 0x007;
	return true;
}

/* --- entry */

int sim_sev_check_run(struct sim_vcpu *vcpu)
{
	struct sim_sev_vcpu *state = sim_sev_vcpu(vcpu);

	if (sim_sev_vm(vcpu->vm)->need_init)
		return -EINVAL;
	if (state->change_requested)
		sim_snp_change_vmsa(vcpu);
	state->change_requested = false;
	return 0;
}

static int fail_entry(struct sim_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	vcpu->run->fail_entry.hardware_entry_failure_reason = FAIL_INVALID;
	vcpu->run->fail_entry.cpu = 0;
	return 1;
}

/*
 * The firmware has finished the launch. A processor would not ask a SEV guest for it, but what it
 * then executes nobody has vouched for: a VMM that forgets the last step is to be told.
 */
static bool is_launched(const struct sim_sev_vm *sev)
{
	const struct sim_psp_guest *guest;

	if (sev->kind == SIM_SEV_SNP)
		return sev->context && sev->context->state == SIM_PSP_CONTEXT_RUNNING;
	guest = sim_psp_guest(&sim_sev_host(sev->vm->sim)->psp, sev->handle);
	return guest && guest->state == SIM_PSP_RUNNING;
}

/* A VMSA that the guest has made: a page of its own, validated, and marked by RMPADJUST. */
static bool load_guest_vmsa(struct sim_vcpu *vcpu)
{
	struct sim_sev_vcpu *state = sim_sev_vcpu(vcpu);
	struct sim_gmem_page *page;
	uint8_t *bytes;

	state->reload = false;
	if (sim_snp_take_page(vcpu->vm, state->vmsa_gpa, &bytes, &page))
		return false;
	if (!(page->flags & SIM_RMP_VALIDATED) || !(page->flags & SIM_RMP_VMSA))
		return false;
	memcpy(&state->vmsa, bytes, sizeof(state->vmsa));
	state->entered = false;
	state->has_vmsa = sim_vmsa_is_valid(&state->vmsa, sim_sev_vm(vcpu->vm)->features);
	return state->has_vmsa;
}

static void load_cpu(struct sim_vcpu *vcpu)
{
	static const struct {
		uint32_t index;
		size_t offset;
	} msrs[] = {
		{0xc0000081, offsetof(struct sim_vmsa, star)},
		{0xc0000082, offsetof(struct sim_vmsa, lstar)},
		{0xc0000083, offsetof(struct sim_vmsa, cstar)},
		{0xc0000084, offsetof(struct sim_vmsa, sfmask)},
		{0xc0000102, offsetof(struct sim_vmsa, kernel_gs_base)},
		{0x174, offsetof(struct sim_vmsa, sysenter_cs)},
		{0x175, offsetof(struct sim_vmsa, sysenter_esp)},
		{0x176, offsetof(struct sim_vmsa, sysenter_eip)},
		{0x277, offsetof(struct sim_vmsa, g_pat)},
	};
	struct sim_sev_vcpu *state = sim_sev_vcpu(vcpu);
	struct kvm_regs regs;
	struct kvm_sregs2 sregs;
	bool valid;

	sim_vmsa_load(&state->vmsa, &regs, &sregs);
	sregs.apic_base = vcpu->state->sregs.apic_base;
	sim_cpu_set(vcpu->cpu, &regs, &sregs);
	for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		uint64_t value;

		memcpy(&value, (const uint8_t *)&state->vmsa + msrs[i].offset, sizeof(value));
		sim_cpu_write_msr(vcpu->cpu, msrs[i].index, value, &valid);
	}
	state->entered = true;
}

int sim_sev_enter(struct sim_vcpu *vcpu)
{
	const struct sim_sev_vm *sev = sim_sev_vm(vcpu->vm);
	struct sim_sev_vcpu *state = sim_sev_vcpu(vcpu);

	if (sev->kind == SIM_SEV_PLAIN)
		return is_launched(sev) ? 0 : fail_entry(vcpu);
	vcpu->own_registers = true;
	sim_ghcb_finish(vcpu);
	if (state->reload && !load_guest_vmsa(vcpu))
		return fail_entry(vcpu);
	if (!state->has_vmsa || !is_launched(sev))
		return fail_entry(vcpu);
	if (!state->entered)
		load_cpu(vcpu);
	return 0;
}
