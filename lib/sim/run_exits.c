/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What leaves the guest: instructions and MMIO, as KVM serves them for a guest that is not
 * confidential. */
#include <errno.h>
#include <string.h>

#include "sim/exits.h"
#include "sim/knobs.h"
#include "sim/msrs.h"
#include "sim/run.h"
#include "sim/vm_config.h"

#define CR4_OSXSAVE     (1ull << 18)
#define CPUID_1_OSXSAVE (1u << 27)
#define MSR_X2APIC      0x800u
#define MSR_X2APIC_LAST 0x8ffu
#define RFLAGS_IOPL     12

/* Documentation/virt/kvm/x86/hypercalls.rst */
#define HC_VAPIC_POLL_IRQ 1
#define KVM_ENOSYS        1000
#define KVM_EPERM         1

#define HYPERCALL_FLAGS_OFFSET 96
#define HYPERCALL_LONG_MODE    1u /* KVM_EXIT_HYPERCALL_LONG_MODE */

static uint32_t low32(struct sim_vcpu *vcpu, enum sim_gpr gpr)
{
	return (uint32_t)sim_cpu_gpr(vcpu->cpu, gpr);
}

static int general_protection(struct sim_vcpu *vcpu)
{
	sim_cpu_raise(vcpu->cpu, SIM_VECTOR_GP, 0);
	return SIM_RUN_ON;
}

static int skip(struct sim_vcpu *vcpu)
{
	sim_cpu_skip(vcpu->cpu);
	return SIM_RUN_ON;
}

int sim_run_unknown(struct sim_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	vcpu->run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
	vcpu->run->internal.ndata = 0;
	return 0;
}

/* --- CPUID */

static int cpuid(struct sim_vcpu *vcpu)
{
	const uint32_t function = low32(vcpu, SIM_RAX);
	const struct kvm_cpuid_entry2 *entry = sim_cpuid_find(vcpu, function, low32(vcpu, SIM_RCX));
	uint32_t ecx = entry ? entry->ecx : 0;

	if (function == 1) {
		ecx &= ~CPUID_1_OSXSAVE;
		if (sim_cpu_cr4(vcpu->cpu) & CR4_OSXSAVE)
			ecx |= CPUID_1_OSXSAVE;
	}
	sim_cpu_set_gpr(vcpu->cpu, SIM_RAX, entry ? entry->eax : 0);
	sim_cpu_set_gpr(vcpu->cpu, SIM_RBX, entry ? entry->ebx : 0);
	sim_cpu_set_gpr(vcpu->cpu, SIM_RCX, ecx);
	sim_cpu_set_gpr(vcpu->cpu, SIM_RDX, entry ? entry->edx : 0);
	return skip(vcpu);
}

/* --- MSRs */

static bool is_x2apic(const struct sim_vcpu *vcpu, uint32_t index)
{
	return sim_vcpu_has_lapic(vcpu) && index >= MSR_X2APIC && index <= MSR_X2APIC_LAST;
}

static int read_msr(struct sim_vcpu *vcpu, uint32_t index, uint64_t *value)
{
	if (!sim_msr_allowed(vcpu->vm, index, false))
		return -EPERM;
	if (is_x2apic(vcpu, index))
		return sim_apic_read_msr(vcpu, index, value) ? 0 : -EINVAL;
	if (sim_cpu_read_msr(vcpu->cpu, index, value))
		return 0;
	return sim_msr_get(vcpu, index, value);
}

static int write_msr(struct sim_vcpu *vcpu, uint32_t index, uint64_t value)
{
	bool valid = false;
	int r;

	if (!sim_msr_allowed(vcpu->vm, index, true))
		return -EPERM;
	if (is_x2apic(vcpu, index))
		return sim_apic_write_msr(vcpu, index, value) ? 0 : -EINVAL;
	if (index == SIM_MSR_EFER)
		return sim_cpu_write_msr(vcpu->cpu, index, value, &valid) && valid ? 0 : -EINVAL;
	r = sim_msr_set(vcpu, index, value);
	if (!r && index == SIM_MSR_TSC_DEADLINE && sim_vcpu_has_lapic(vcpu))
		sim_apic_set_deadline(vcpu, value);
	if (!r && sim_cpu_write_msr(vcpu->cpu, index, value, &valid) && !valid)
		r = -EINVAL;
	return r;
}

static uint32_t exit_reason_of(int error)
{
	if (error == -EPERM)
		return KVM_MSR_EXIT_REASON_FILTER;
	return error == -ENOENT ? KVM_MSR_EXIT_REASON_UNKNOWN : KVM_MSR_EXIT_REASON_INVAL;
}

static void set_msr_result(struct sim_vcpu *vcpu, uint64_t value)
{
	sim_cpu_set_gpr(vcpu->cpu, SIM_RAX, (uint32_t)value);
	sim_cpu_set_gpr(vcpu->cpu, SIM_RDX, value >> 32);
}

static int complete_msr(struct sim_vcpu *vcpu)
{
	if (vcpu->run->msr.error) {
		sim_cpu_raise(vcpu->cpu, SIM_VECTOR_GP, 0);
		return 0;
	}
	if (vcpu->exit_scratch[0])
		set_msr_result(vcpu, vcpu->run->msr.data);
	sim_cpu_skip(vcpu->cpu);
	return 0;
}

static int msr(struct sim_vcpu *vcpu, bool write)
{
	const uint32_t index = low32(vcpu, SIM_RCX);
	uint64_t value = low32(vcpu, SIM_RAX) | (uint64_t)low32(vcpu, SIM_RDX) << 32;
	int r;

	if (sim_cpu_privilege(vcpu->cpu) != 0)
		return general_protection(vcpu);
	r = write ? write_msr(vcpu, index, value) : read_msr(vcpu, index, &value);
	if (r) {
		if (!sim_exit_msr(vcpu, index, write, write ? value : 0, exit_reason_of(r)))
			return general_protection(vcpu);
		vcpu->exit_scratch[0] = !write;
		vcpu->complete = complete_msr;
		return 0;
	}
	if (!write)
		set_msr_result(vcpu, value);
	return skip(vcpu);
}

/* --- port I/O */

static uint64_t with_size(uint64_t old, uint64_t value, unsigned int size)
{
	const uint64_t mask = (1ull << size * 8) - 1;

	/* As for any register: 32 bits clear the upper half. */
	return size == 4 ? (uint32_t)value : (old & ~mask) | (value & mask);
}

static uint64_t address_mask(const struct sim_insn *insn)
{
	return insn->address_size == 8 ? ~0ull : (1ull << insn->address_size * 8) - 1;
}

static void advance(struct sim_vcpu *vcpu, enum sim_gpr gpr, uint64_t mask, int64_t by)
{
	const uint64_t old = sim_cpu_gpr(vcpu->cpu, gpr);
	const uint64_t next = (old + (uint64_t)by) & mask;

	sim_cpu_set_gpr(vcpu->cpu, gpr, mask == 0xffff ? (old & ~mask) | next : next);
}

/* One item of INS or OUTS is done: RIP stays for the next. */
static void string_item_done(struct sim_vcpu *vcpu)
{
	const struct sim_insn *insn = sim_cpu_insn(vcpu->cpu);
	const uint64_t mask = address_mask(insn);
	const int64_t step =
		sim_cpu_rflags(vcpu->cpu) & 1u << 10 ? -(int64_t)insn->size : insn->size;

	advance(vcpu, insn->kind == SIM_INSN_OUT ? SIM_RSI : SIM_RDI, mask, step);
	if (insn->repeat)
		advance(vcpu, SIM_RCX, mask, -1);
	if (!insn->repeat || (sim_cpu_gpr(vcpu->cpu, SIM_RCX) & mask) == 0)
		sim_cpu_skip(vcpu->cpu);
}

static uint64_t string_address(struct sim_vcpu *vcpu)
{
	const struct sim_insn *insn = sim_cpu_insn(vcpu->cpu);
	const bool out = insn->kind == SIM_INSN_OUT;
	const uint64_t offset =
		sim_cpu_gpr(vcpu->cpu, out ? SIM_RSI : SIM_RDI) & address_mask(insn);

	return sim_cpu_linear(vcpu->cpu, out ? (enum sim_segment)insn->segment : SIM_ES, offset);
}

static int complete_in(struct sim_vcpu *vcpu)
{
	const struct sim_insn *insn = sim_cpu_insn(vcpu->cpu);
	uint32_t value = sim_exit_pio_value(vcpu, insn->size);

	if (!insn->string) {
		sim_cpu_set_gpr(vcpu->cpu, SIM_RAX,
				with_size(sim_cpu_gpr(vcpu->cpu, SIM_RAX), value, insn->size));
		sim_cpu_skip(vcpu->cpu);
	} else if (sim_cpu_operand(vcpu->cpu, string_address(vcpu), &value, insn->size, true) ==
		   SIM_OPERAND_DONE) {
		string_item_done(vcpu);
	}
	return 0;
}

static int complete_out(struct sim_vcpu *vcpu)
{
	if (sim_cpu_insn(vcpu->cpu)->string)
		string_item_done(vcpu);
	else
		sim_cpu_skip(vcpu->cpu);
	return 0;
}

static bool may_do_io(struct sim_vcpu *vcpu)
{
	return sim_cpu_privilege(vcpu->cpu) <= (sim_cpu_rflags(vcpu->cpu) >> RFLAGS_IOPL & 3);
}

static bool nothing_to_repeat(struct sim_vcpu *vcpu, const struct sim_insn *insn)
{
	return insn->string && insn->repeat &&
	       (sim_cpu_gpr(vcpu->cpu, SIM_RCX) & address_mask(insn)) == 0;
}

static int port_io(struct sim_vcpu *vcpu)
{
	const struct sim_insn *insn = sim_cpu_insn(vcpu->cpu);
	uint32_t value = low32(vcpu, SIM_RAX);

	if (!may_do_io(vcpu))
		return general_protection(vcpu);
	if (nothing_to_repeat(vcpu, insn))
		return skip(vcpu);
	if (insn->kind == SIM_INSN_IN) {
		sim_exit_pio_read(vcpu, insn->port, insn->size);
		vcpu->complete = complete_in;
		return 0;
	}
	if (insn->string) {
		const enum sim_operand operand =
			sim_cpu_operand(vcpu->cpu, string_address(vcpu), &value, insn->size, false);

		if (operand != SIM_OPERAND_DONE)
			return operand == SIM_OPERAND_EVENT ? SIM_RUN_ON : sim_run_unknown(vcpu);
	}
	if (sim_exit_pio_write(vcpu, insn->port, insn->size, value)) {
		complete_out(vcpu);
		return SIM_RUN_ON;
	}
	vcpu->complete = complete_out;
	return 0;
}

/* --- HLT, hypercalls */

static int halt(struct sim_vcpu *vcpu)
{
	if (sim_cpu_privilege(vcpu->cpu) != 0)
		return general_protection(vcpu);
	sim_cpu_skip(vcpu->cpu);
	if (sim_vcpu_has_lapic(vcpu))
		return SIM_RUN_HALT;
	vcpu->run->exit_reason = KVM_EXIT_HLT;
	return 0;
}

static int complete_hypercall(struct sim_vcpu *vcpu)
{
	uint64_t result = vcpu->run->hypercall.ret;

	if (!sim_cpu_is_64bit(vcpu->cpu))
		result = (uint32_t)result;
	sim_cpu_set_gpr(vcpu->cpu, SIM_RAX, result);
	sim_cpu_skip(vcpu->cpu);
	return 0;
}

static int map_gpa_range(struct sim_vcpu *vcpu, const uint64_t *arguments)
{
	struct kvm_run *run = vcpu->run;
	const uint64_t flags = sim_cpu_is_64bit(vcpu->cpu) ? HYPERCALL_LONG_MODE : 0;

	run->exit_reason = KVM_EXIT_HYPERCALL;
	run->hypercall.nr = UAPI_HC_MAP_GPA_RANGE;
	memset(run->hypercall.args, 0, sizeof(run->hypercall.args));
	memcpy(run->hypercall.args, arguments, 3 * sizeof(*arguments));
	run->hypercall.ret = 0;
	/* After `ret`: `flags`, which older headers have as longmode and padding. */
	memcpy((uint8_t *)run + HYPERCALL_FLAGS_OFFSET, &flags, sizeof(flags));
	vcpu->complete = complete_hypercall;
	return 0;
}

static int hypercall(struct sim_vcpu *vcpu)
{
	const uint64_t mask = sim_cpu_is_64bit(vcpu->cpu) ? ~0ull : 0xffffffff;
	const uint64_t number = sim_cpu_gpr(vcpu->cpu, SIM_RAX) & mask;
	const uint64_t arguments[] = {
		sim_cpu_gpr(vcpu->cpu, SIM_RBX) & mask,
		sim_cpu_gpr(vcpu->cpu, SIM_RCX) & mask,
		sim_cpu_gpr(vcpu->cpu, SIM_RDX) & mask,
	};
	int64_t result = -KVM_ENOSYS;

	if (sim_cpu_privilege(vcpu->cpu) != 0)
		result = -KVM_EPERM;
	else if (number == UAPI_HC_MAP_GPA_RANGE &&
		 vcpu->vm->hypercall_exits & 1ull << UAPI_HC_MAP_GPA_RANGE)
		return map_gpa_range(vcpu, arguments);
	else if (number == HC_VAPIC_POLL_IRQ)
		result = 0;
	sim_cpu_set_gpr(vcpu->cpu, SIM_RAX, (uint64_t)result & mask);
	return skip(vcpu);
}

/* --- what the technology left to KVM */

static int native(struct sim_vcpu *vcpu)
{
	switch (sim_cpu_insn(vcpu->cpu)->kind) {
	case SIM_INSN_CPUID:
		return cpuid(vcpu);
	case SIM_INSN_IN:
	case SIM_INSN_OUT:
		return port_io(vcpu);
	case SIM_INSN_RDMSR:
		return msr(vcpu, false);
	case SIM_INSN_WRMSR:
		return msr(vcpu, true);
	case SIM_INSN_HLT:
		return halt(vcpu);
	case SIM_INSN_VMGEXIT: /* VMMCALL, where there is no GHCB: APM volume 3 */
		if (!sim_offers_sev(vcpu->vm->sim))
			break;
		return hypercall(vcpu);
	case SIM_INSN_HYPERCALL:
		return hypercall(vcpu);
	case SIM_INSN_WBINVD:
		return sim_cpu_privilege(vcpu->cpu) == 0 ? skip(vcpu) : general_protection(vcpu);
	case SIM_INSN_PVALIDATE:
	case SIM_INSN_RMPADJUST:
	case SIM_INSN_TDCALL:
		break;
	}
	sim_cpu_raise(vcpu->cpu, SIM_VECTOR_UD, 0);
	return SIM_RUN_ON;
}

static int failure(const struct sim_vcpu *vcpu)
{
	const int error = (int)(int64_t)vcpu->exit_scratch[3];

	return error < 0 ? error : -error;
}

int sim_run_instruction(struct sim_vcpu *vcpu)
{
	switch (vcpu->vm->tech->instruction(vcpu, sim_cpu_insn(vcpu->cpu)->kind)) {
	case SIM_NATIVE:
		return native(vcpu);
	case SIM_DONE:
		return skip(vcpu);
	case SIM_HALT:
		sim_cpu_skip(vcpu->cpu);
		return SIM_RUN_HALT;
	case SIM_EXCEPTION:
		return SIM_RUN_ON;
	case SIM_EXIT:
		sim_cpu_skip(vcpu->cpu);
		return 0;
	case SIM_FAIL:
		break;
	}
	return failure(vcpu);
}

/* --- MMIO */

static int complete_mmio(struct sim_vcpu *vcpu)
{
	const uint32_t size = (uint32_t)vcpu->exit_scratch[0];

	sim_cpu_mmio_done(vcpu->cpu, vcpu->exit_scratch[1] ? 0 : sim_exit_mmio_value(vcpu, size));
	return 0;
}

static int apic_page(struct sim_vcpu *vcpu, const struct sim_cpu_stop *stop)
{
	const uint32_t offset = stop->gpa % SIM_PAGE_SIZE;

	if (stop->access == SIM_WRITE) {
		sim_apic_write(vcpu, offset & ~15u, (uint32_t)stop->data);
		sim_cpu_mmio_done(vcpu->cpu, 0);
	} else {
		sim_cpu_mmio_done(vcpu->cpu,
				  (uint64_t)sim_apic_read(vcpu, offset & ~15u) >> offset % 4 * 8);
	}
	return SIM_RUN_ON;
}

static int native_mmio(struct sim_vcpu *vcpu, const struct sim_cpu_stop *stop)
{
	const bool write = stop->access == SIM_WRITE;

	if (sim_apic_in_page(vcpu, stop->gpa))
		return apic_page(vcpu, stop);
	if (!write) {
		sim_exit_mmio_read(vcpu, stop->gpa, stop->size);
	} else if (sim_exit_mmio_write(vcpu, stop->gpa, stop->size, stop->data)) {
		sim_cpu_mmio_done(vcpu->cpu, 0);
		return SIM_RUN_ON;
	}
	vcpu->exit_scratch[0] = stop->size;
	vcpu->exit_scratch[1] = write;
	vcpu->complete = complete_mmio;
	return 0;
}

int sim_run_mmio(struct sim_vcpu *vcpu, const struct sim_cpu_stop *stop)
{
	switch (vcpu->vm->tech->mmio(vcpu, stop->gpa, stop->access)) {
	case SIM_NATIVE:
		return native_mmio(vcpu, stop);
	case SIM_FAIL:
		return failure(vcpu);
	case SIM_EXIT:
		return 0;
	case SIM_DONE:
	case SIM_HALT:
	case SIM_EXCEPTION:
		break;
	}
	return SIM_RUN_ON;
}
