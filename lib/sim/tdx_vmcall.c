/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* TDG.VP.VMCALL: how a TD talks to KVM. handle_tdvmcall() and its like of Linux 7.2. */
#include "sim/tdx_vmcall.h"

#include <errno.h>

/* RAX, RCX and RSP are never passed, nor is RBP to a VMM that asked for NO_RBP_MOD, as KVM does. */
#define SELECT_FORBIDDEN (1u << SIM_RAX | 1u << SIM_RCX | 1u << SIM_RSP | 1u << SIM_RBP)

uint64_t sim_td_arg(const struct sim_vcpu *vcpu, enum sim_gpr gpr)
{
	return sim_td_vcpu(vcpu)->args[gpr];
}

void sim_td_set_arg(struct sim_vcpu *vcpu, enum sim_gpr gpr, uint64_t value)
{
	sim_td_vcpu(vcpu)->args[gpr] = value;
}

static void take_args(struct sim_vcpu *vcpu, uint32_t selected)
{
	struct sim_td_vcpu *state = sim_td_vcpu(vcpu);

	state->selected = selected;
	for (unsigned int gpr = SIM_RAX; gpr <= SIM_R15; gpr++)
		state->args[gpr] = selected & 1u << gpr ? sim_cpu_gpr(vcpu->cpu, gpr) : 0;
}

int sim_td_resume(struct sim_vcpu *vcpu)
{
	const struct sim_td_vcpu *state = sim_td_vcpu(vcpu);

	for (unsigned int gpr = SIM_RAX; gpr <= SIM_R15; gpr++)
		if (state->selected & 1u << gpr)
			sim_cpu_set_gpr(vcpu->cpu, gpr, state->args[gpr]);
	sim_cpu_set_gpr(vcpu->cpu, SIM_RAX, TDX_SUCCESS);
	return 0;
}

enum sim_verdict sim_td_return(struct sim_vcpu *vcpu, uint64_t result)
{
	sim_td_set_arg(vcpu, SIM_R10, result);
	sim_td_resume(vcpu);
	return SIM_DONE;
}

enum sim_verdict sim_td_exit(struct sim_vcpu *vcpu, int (*complete)(struct sim_vcpu *vcpu))
{
	vcpu->complete = complete;
	return SIM_EXIT;
}

enum sim_verdict sim_td_vmcall(struct sim_vcpu *vcpu)
{
	uint64_t control = sim_cpu_gpr(vcpu->cpu, SIM_RCX);

	/* Bits 31:16 select vector registers, which KVM does not look at. */
	if (control >> 32 || control & SELECT_FORBIDDEN) {
		sim_cpu_set_gpr(vcpu->cpu, SIM_RAX, TDX_OPERAND_INVALID | TDX_OPERAND_RCX);
		return SIM_DONE;
	}
	take_args(vcpu, (uint32_t)control);
	if (sim_td_arg(vcpu, SIM_R10))
		return sim_td_vmcall_hypercall(vcpu);
	switch (sim_td_arg(vcpu, SIM_R11)) {
	case TDX_EXIT_CPUID:
		return sim_td_vmcall_cpuid(vcpu);
	case TDX_EXIT_HLT:
		sim_td_resume(vcpu);
		return SIM_HALT;
	case TDX_EXIT_IO:
		return sim_td_vmcall_io(vcpu);
	case TDX_EXIT_RDMSR:
		return sim_td_vmcall_msr(vcpu, false);
	case TDX_EXIT_WRMSR:
		return sim_td_vmcall_msr(vcpu, true);
	case TDX_EXIT_EPT_VIOLATION:
		return sim_td_vmcall_mmio(vcpu);
	case TDVMCALL_MAP_GPA:
		return sim_td_vmcall_map_gpa(vcpu);
	case TDVMCALL_REPORT_FATAL_ERROR:
		return sim_td_vmcall_fatal(vcpu);
	case TDVMCALL_GET_INFO:
		return sim_td_vmcall_get_info(vcpu);
	case TDVMCALL_GET_QUOTE:
		return sim_td_vmcall_get_quote(vcpu);
	case TDVMCALL_SETUP_EVENT_NOTIFY:
		return sim_td_vmcall_event_notify(vcpu);
	default:
		return sim_td_return(vcpu, UAPI_TDVMCALL_SUBFUNC_UNSUPPORTED);
	}
}
