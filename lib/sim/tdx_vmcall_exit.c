/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* TDVMCALLs that user space decides about. */
#include <errno.h>
#include <string.h>

#include "sim/tdx_vmcall.h"

#define MAP_GPA_CHUNK       (2ull << 20)
#define HYPERCALL_LONG_MODE 1ull
#define EVENT_VECTOR_MIN    32u
#define EVENT_VECTOR_MAX    255u
#define FATAL_REGISTERS     16u

static struct uapi_exit_tdx *run_tdx(struct sim_vcpu *vcpu)
{
	return (struct uapi_exit_tdx *)(void *)((uint8_t *)vcpu->run + UAPI_RUN_UNION_OFFSET);
}

static void fill_hypercall(struct sim_vcpu *vcpu, uint64_t gpa, uint64_t pages, uint64_t attributes)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_HYPERCALL;
	memset(&run->hypercall, 0, sizeof(run->hypercall));
	run->hypercall.nr = UAPI_HC_MAP_GPA_RANGE;
	run->hypercall.args[0] = gpa;
	run->hypercall.args[1] = pages;
	run->hypercall.args[2] = attributes;
	/* The union's second word is a flags field since Linux 6.4; kernels before had longmode
	 * there. */
	memcpy((uint8_t *)run + 96, &(uint64_t){HYPERCALL_LONG_MODE}, sizeof(uint64_t));
}

static bool user_maps_gpa(const struct sim_vm *vm)
{
	return vm->hypercall_exits & 1ull << UAPI_HC_MAP_GPA_RANGE;
}

static void map_gpa_chunk(struct sim_vcpu *vcpu)
{
	const struct sim_td *td = sim_td(vcpu->vm);
	const struct sim_td_vcpu *state = sim_td_vcpu(vcpu);
	uint64_t gpa = state->map_gpa_next, size = state->map_gpa_end - gpa;

	if (size > MAP_GPA_CHUNK)
		size = MAP_GPA_CHUNK;
	fill_hypercall(vcpu, gpa & ~td->shared_bit, size / SIM_PAGE_SIZE,
		       sim_td_is_private(td, gpa) ? UAPI_MAP_GPA_RANGE_ENCRYPTED : 0);
}

static int complete_map_gpa(struct sim_vcpu *vcpu);

/* KVM_RUN ends at once with the next chunk: 1, as complete()'s "another exit is due". */
static int next_chunk(struct sim_vcpu *vcpu)
{
	struct sim_td_vcpu *state = sim_td_vcpu(vcpu);

	state->map_gpa_next += MAP_GPA_CHUNK;
	if (state->map_gpa_next >= state->map_gpa_end)
		return sim_td_resume(vcpu);
	map_gpa_chunk(vcpu);
	vcpu->complete = complete_map_gpa;
	return 1;
}

static int complete_map_gpa(struct sim_vcpu *vcpu)
{
	uint64_t ret = vcpu->run->hypercall.ret;

	switch (ret) {
	case 0:
		return next_chunk(vcpu);
	case EAGAIN:
		sim_td_set_arg(vcpu, SIM_R10, UAPI_TDVMCALL_RETRY);
		break;
	case EINVAL:
		sim_td_set_arg(vcpu, SIM_R10, UAPI_TDVMCALL_INVALID_OPERAND);
		break;
	default:
		return -EINVAL;
	}
	sim_td_set_arg(vcpu, SIM_R11, sim_td_vcpu(vcpu)->map_gpa_next);
	return sim_td_resume(vcpu);
}

/* A guest physical address that the TD's width has room for. */
static bool legal_gpa(const struct sim_td *td, uint64_t gpa)
{
	return gpa < td->shared_bit << 1;
}

static uint64_t check_map_gpa(const struct sim_vm *vm, uint64_t gpa, uint64_t size)
{
	const struct sim_td *td = sim_td(vm);

	if (!user_maps_gpa(vm))
		return UAPI_TDVMCALL_SUBFUNC_UNSUPPORTED;
	if (gpa + size <= gpa || !legal_gpa(td, gpa) || !legal_gpa(td, gpa + size - 1) ||
	    sim_td_is_private(td, gpa) != sim_td_is_private(td, gpa + size - 1))
		return UAPI_TDVMCALL_INVALID_OPERAND;
	if (gpa % SIM_PAGE_SIZE || size % SIM_PAGE_SIZE)
		return UAPI_TDVMCALL_ALIGN_ERROR;
	return UAPI_TDVMCALL_SUCCESS;
}

enum sim_verdict sim_td_vmcall_map_gpa(struct sim_vcpu *vcpu)
{
	struct sim_td_vcpu *state = sim_td_vcpu(vcpu);
	uint64_t gpa = sim_td_arg(vcpu, SIM_R12), size = sim_td_arg(vcpu, SIM_R13);
	uint64_t result = check_map_gpa(vcpu->vm, gpa, size);

	if (result) {
		sim_td_set_arg(vcpu, SIM_R11, gpa);
		return sim_td_return(vcpu, result);
	}
	state->map_gpa_next = gpa;
	state->map_gpa_end = gpa + size;
	map_gpa_chunk(vcpu);
	return sim_td_exit(vcpu, complete_map_gpa);
}

static void fill_tdx(struct sim_vcpu *vcpu, uint64_t nr, uint64_t preset)
{
	struct uapi_exit_tdx *exit = run_tdx(vcpu);

	memset(exit, 0, sizeof(*exit));
	vcpu->run->exit_reason = UAPI_EXIT_TDX;
	exit->nr = nr;
	exit->ret = preset;
}

static int complete_simple(struct sim_vcpu *vcpu)
{
	sim_td_set_arg(vcpu, SIM_R10, run_tdx(vcpu)->ret);
	return sim_td_resume(vcpu);
}

enum sim_verdict sim_td_vmcall_get_quote(struct sim_vcpu *vcpu)
{
	const struct sim_td *td = sim_td(vcpu->vm);
	uint64_t gpa = sim_td_arg(vcpu, SIM_R12);

	if (sim_td_is_private(td, gpa))
		return sim_td_return(vcpu, UAPI_TDVMCALL_INVALID_OPERAND);
	fill_tdx(vcpu, TDVMCALL_GET_QUOTE, UAPI_TDVMCALL_SUBFUNC_UNSUPPORTED);
	run_tdx(vcpu)->get_quote.gpa = gpa & ~td->shared_bit;
	run_tdx(vcpu)->get_quote.size = sim_td_arg(vcpu, SIM_R13);
	return sim_td_exit(vcpu, complete_simple);
}

static int complete_get_info(struct sim_vcpu *vcpu)
{
	const struct uapi_exit_tdx *exit = run_tdx(vcpu);

	sim_td_set_arg(vcpu, SIM_R10, exit->ret);
	sim_td_set_arg(vcpu, SIM_R11, exit->get_info.r11);
	sim_td_set_arg(vcpu, SIM_R12, exit->get_info.r12);
	sim_td_set_arg(vcpu, SIM_R13, exit->get_info.r13);
	sim_td_set_arg(vcpu, SIM_R14, exit->get_info.r14);
	return sim_td_resume(vcpu);
}

enum sim_verdict sim_td_vmcall_get_info(struct sim_vcpu *vcpu)
{
	uint64_t leaf = sim_td_arg(vcpu, SIM_R12);

	switch (leaf) {
	case 0:
		for (unsigned int gpr = SIM_R11; gpr <= SIM_R14; gpr++)
			sim_td_set_arg(vcpu, gpr, 0);
		return sim_td_return(vcpu, UAPI_TDVMCALL_SUCCESS);
	case 1:
		fill_tdx(vcpu, TDVMCALL_GET_INFO, UAPI_TDVMCALL_SUCCESS);
		run_tdx(vcpu)->get_info.leaf = leaf;
		return sim_td_exit(vcpu, complete_get_info);
	default:
		return sim_td_return(vcpu, UAPI_TDVMCALL_INVALID_OPERAND);
	}
}

enum sim_verdict sim_td_vmcall_event_notify(struct sim_vcpu *vcpu)
{
	uint64_t vector = sim_td_arg(vcpu, SIM_R12);

	if (vector < EVENT_VECTOR_MIN || vector > EVENT_VECTOR_MAX)
		return sim_td_return(vcpu, UAPI_TDVMCALL_INVALID_OPERAND);
	fill_tdx(vcpu, TDVMCALL_SETUP_EVENT_NOTIFY, UAPI_TDVMCALL_SUBFUNC_UNSUPPORTED);
	run_tdx(vcpu)->setup_event_notify.vector = vector;
	return sim_td_exit(vcpu, complete_simple);
}

static int complete_fatal(struct sim_vcpu *vcpu)
{
	return sim_td_resume(vcpu);
}

enum sim_verdict sim_td_vmcall_fatal(struct sim_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
	run->system_event.type = UAPI_SYSTEM_EVENT_TDX_FATAL;
	run->system_event.ndata = FATAL_REGISTERS;
	for (unsigned int gpr = SIM_RAX; gpr < FATAL_REGISTERS; gpr++)
		run->system_event.data[gpr] = sim_td_arg(vcpu, gpr);
	/* What TDH.VP.ENTER left there: its status, and how the guest was left. */
	run->system_event.data[SIM_RAX] = TDX_SUCCESS | TDX_EXIT_TDCALL;
	run->system_event.data[SIM_RCX] = sim_td_vcpu(vcpu)->selected;
	return sim_td_exit(vcpu, complete_fatal);
}

static int complete_hypercall(struct sim_vcpu *vcpu)
{
	sim_td_set_arg(vcpu, SIM_R10, vcpu->run->hypercall.ret);
	return sim_td_resume(vcpu);
}

/* __kvm_emulate_hypercall(): KVM's own ABI, with R10 to R14 in the places of RAX, RBX, RCX, RDX,
 * RSI. */
enum sim_verdict sim_td_vmcall_hypercall(struct sim_vcpu *vcpu)
{
	const uint64_t enosys = 1000;
	uint64_t gpa = sim_td_arg(vcpu, SIM_R11), pages = sim_td_arg(vcpu, SIM_R12);
	uint64_t gfn = gpa / SIM_PAGE_SIZE;

	if (sim_td_arg(vcpu, SIM_R10) != UAPI_HC_MAP_GPA_RANGE || !user_maps_gpa(vcpu->vm))
		return sim_td_return(vcpu, -enosys);
	if (gpa % SIM_PAGE_SIZE || !pages || gfn + pages <= gfn)
		return sim_td_return(vcpu, -(uint64_t)EINVAL);
	fill_hypercall(vcpu, gpa, pages, sim_td_arg(vcpu, SIM_R13));
	return sim_td_exit(vcpu, complete_hypercall);
}
