/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a TD may not do itself: the module injects a #VE, and the guest asks by a TDVMCALL. */
#include <string.h>

#include "sim/run.h"
#include "sim/tdx.h"
#include "sim/tdx_msr.h"
#include "sim/vcpu_state.h"

#define EFER_SCE 1ull
#define EFER_LMA (1ull << 10)
#define MSR_EFER 0xc0000080u

#define CR4_OSXSAVE     (1ull << 18)
#define ECX_OSXSAVE     (1u << 27)
#define EDX_SYSCALL     (1u << 11)
#define EBX_APIC_ID(id) ((uint32_t)(id) << 24)

uint32_t sim_td_note_ve(struct sim_vcpu *vcpu, uint32_t reason, uint64_t qualification,
			uint64_t gpa, uint32_t length)
{
	struct sim_ve_info *ve = &sim_td_vcpu(vcpu)->ve;

	if (ve->valid)
		return TDX_VECTOR_DF;
	*ve = (struct sim_ve_info){
		.valid = true,
		.reason = reason,
		.qualification = qualification,
		.gpa = gpa,
		.length = length,
	};
	return TDX_VECTOR_VE;
}

enum sim_verdict sim_td_raise_ve(struct sim_vcpu *vcpu, uint32_t reason, uint64_t qualification,
				 uint64_t gpa, uint32_t length)
{
	sim_cpu_raise(vcpu->cpu, sim_td_note_ve(vcpu, reason, qualification, gpa, length), 0);
	return SIM_EXCEPTION;
}

enum sim_verdict sim_td_raise_gp(struct sim_vcpu *vcpu)
{
	sim_cpu_raise(vcpu->cpu, TDX_VECTOR_GP, 0);
	return SIM_EXCEPTION;
}

/* Leaves whose CPUID is the guest's to ask the VMM for, as long as it has not asked for fewer #VEs.
 */
static bool cpuid_is_ve(uint32_t leaf)
{
	static const uint32_t leaves[] = {0x2,  0x6,         0x9,         0xb,         0xc,
					  0xf,  0x10,        0x16,        0x17,        0x1b,
					  0x1f, 0x80000002u, 0x80000003u, 0x80000004u, 0x80000005u};

	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
		if (leaves[i] == leaf)
			return true;
	return false;
}

/* What depends on the vCPU's state. */
static void apply_dynamic(struct sim_vcpu *vcpu, uint32_t leaf, uint32_t r[4])
{
	if (leaf == 1) {
		struct kvm_regs regs;
		struct kvm_sregs2 sregs;

		sim_cpu_get(vcpu->cpu, &regs, &sregs);
		r[1] |= EBX_APIC_ID(vcpu->id);
		r[2] &= ~ECX_OSXSAVE;
		if (sregs.cr4 & CR4_OSXSAVE)
			r[2] |= ECX_OSXSAVE;
	} else if (leaf == 0x80000001u && !sim_cpu_is_64bit(vcpu->cpu)) {
		r[3] &= ~EDX_SYSCALL;
	}
}

static enum sim_verdict cpuid(struct sim_vcpu *vcpu)
{
	const struct sim_tdx_cpuid *table = &sim_td(vcpu->vm)->cpuid;
	struct sim_tdx_cpuid_values values = {{0, 0, 0, 0}};
	uint32_t leaf = (uint32_t)sim_cpu_gpr(vcpu->cpu, SIM_RAX);
	uint32_t index = (uint32_t)sim_cpu_gpr(vcpu->cpu, SIM_RCX);
	uint32_t last = table->values[sim_tdx_cpuid_find(0, SIM_TDX_NO_SUBLEAF)].r[0];
	uint32_t last_extended =
		table->values[sim_tdx_cpuid_find(0x80000000u, SIM_TDX_NO_SUBLEAF)].r[0];
	int place;

	if (leaf >> 28 == 4)
		return sim_td_raise_ve(vcpu, TDX_EXIT_CPUID, 0, 0, sim_cpu_insn(vcpu->cpu)->length);
	if (leaf > last_extended || (leaf > last && leaf < 0x80000000u))
		leaf = last;
	if (cpuid_is_ve(leaf))
		return sim_td_raise_ve(vcpu, TDX_EXIT_CPUID, 0, 0, sim_cpu_insn(vcpu->cpu)->length);
	place = sim_tdx_cpuid_lookup(leaf, index);
	if (place >= 0)
		values = table->values[place];
	apply_dynamic(vcpu, leaf, values.r);
	sim_cpu_set_gpr(vcpu->cpu, SIM_RAX, values.r[0]);
	sim_cpu_set_gpr(vcpu->cpu, SIM_RBX, values.r[1]);
	sim_cpu_set_gpr(vcpu->cpu, SIM_RCX, values.r[2]);
	sim_cpu_set_gpr(vcpu->cpu, SIM_RDX, values.r[3]);
	return SIM_DONE;
}

static bool is_x2apic(uint32_t index)
{
	return index >> 8 == 8;
}

/* Of EFER a TD changes nothing but SCE. */
static bool efer_allowed(struct sim_vcpu *vcpu, uint64_t value)
{
	struct kvm_regs regs;
	struct kvm_sregs2 sregs;

	sim_cpu_get(vcpu->cpu, &regs, &sregs);
	return !((value ^ sregs.efer) & ~(EFER_SCE | EFER_LMA));
}

/* MSRs that the processor virtualizes: no filter of KVM's has a say. */
static enum sim_verdict read_own_msr(struct sim_vcpu *vcpu, uint32_t index)
{
	uint64_t value;
	bool there = is_x2apic(index) ? sim_apic_read_msr(vcpu, index, &value)
				      : sim_cpu_read_msr(vcpu->cpu, index, &value) ||
						!sim_msr_get(vcpu, index, &value);

	if (!there)
		return sim_td_raise_gp(vcpu);
	sim_cpu_set_gpr(vcpu->cpu, SIM_RAX, (uint32_t)value);
	sim_cpu_set_gpr(vcpu->cpu, SIM_RDX, value >> 32);
	return SIM_DONE;
}

static enum sim_verdict write_own_msr(struct sim_vcpu *vcpu, uint32_t index, uint64_t value)
{
	bool valid = false;

	if (is_x2apic(index))
		valid = sim_apic_write_msr(vcpu, index, value);
	else if (!sim_cpu_write_msr(vcpu->cpu, index, value, &valid))
		valid = !sim_msr_set(vcpu, index, value);
	return valid ? SIM_DONE : sim_td_raise_gp(vcpu);
}

static enum sim_verdict msr(struct sim_vcpu *vcpu, bool write)
{
	uint32_t index = (uint32_t)sim_cpu_gpr(vcpu->cpu, SIM_RCX);
	uint64_t value = (uint32_t)sim_cpu_gpr(vcpu->cpu, SIM_RAX) | sim_cpu_gpr(vcpu->cpu, SIM_RDX)
									     << 32;
	bool own = write ? sim_td_guest_writes_msr(index) : sim_td_guest_reads_msr(index);

	if (own && write && index == MSR_EFER)
		own = efer_allowed(vcpu, value);
	if (own && sim_cpu_privilege(vcpu->cpu) == 0)
		return write ? write_own_msr(vcpu, index, value) : read_own_msr(vcpu, index);
	if (sim_cpu_privilege(vcpu->cpu) != 0)
		return sim_td_raise_gp(vcpu);
	return sim_td_raise_ve(vcpu, write ? TDX_EXIT_WRMSR : TDX_EXIT_RDMSR, 0, 0,
			       sim_cpu_insn(vcpu->cpu)->length);
}

/* E4 to E7: the port is the instruction's last byte. */
static bool has_immediate(struct sim_vcpu *vcpu, const struct sim_insn *insn)
{
	uint8_t opcode;

	return !insn->string && insn->length >= 2 &&
	       !sim_cpu_read(vcpu->cpu, sim_cpu_rip(vcpu->cpu) + insn->length - 2, &opcode, 1) &&
	       opcode >= 0xe4 && opcode <= 0xe7;
}

/* Intel SDM volume 3, table 29-5. */
static uint64_t io_qualification(struct sim_vcpu *vcpu)
{
	const struct sim_insn *insn = sim_cpu_insn(vcpu->cpu);

	return (insn->size - 1u) | (uint64_t)(insn->kind == SIM_INSN_IN) << 3 |
	       (uint64_t)insn->string << 4 | (uint64_t)(insn->string && insn->repeat) << 5 |
	       (uint64_t)has_immediate(vcpu, insn) << 6 | (uint64_t)insn->port << 16;
}

enum sim_verdict sim_td_instruction(struct sim_vcpu *vcpu, enum sim_instruction instruction)
{
	switch (instruction) {
	case SIM_INSN_CPUID:
		return cpuid(vcpu);
	case SIM_INSN_RDMSR:
		return msr(vcpu, false);
	case SIM_INSN_WRMSR:
		return msr(vcpu, true);
	case SIM_INSN_IN:
	case SIM_INSN_OUT:
		return sim_td_raise_ve(vcpu, TDX_EXIT_IO, io_qualification(vcpu), 0,
				       sim_cpu_insn(vcpu->cpu)->length);
	case SIM_INSN_HLT:
		return sim_td_raise_ve(vcpu, TDX_EXIT_HLT, 0, 0, sim_cpu_insn(vcpu->cpu)->length);
	case SIM_INSN_HYPERCALL:
		return sim_td_raise_ve(vcpu, TDX_EXIT_VMCALL, 0, 0,
				       sim_cpu_insn(vcpu->cpu)->length);
	case SIM_INSN_WBINVD:
		return sim_td_raise_ve(vcpu, TDX_EXIT_WBINVD, 0, 0,
				       sim_cpu_insn(vcpu->cpu)->length);
	case SIM_INSN_TDCALL:
		return sim_td_call(vcpu);
	default:
		/* VMGEXIT, PVALIDATE, RMPADJUST: another vendor's. */
		return SIM_NATIVE;
	}
}

/* KVM leaves #VE to be injected where nothing is: EPT violation with the page not suppressed. */
enum sim_verdict sim_td_mmio(struct sim_vcpu *vcpu, uint64_t gpa, enum sim_access access)
{
	return sim_td_raise_ve(vcpu, TDX_EXIT_EPT_VIOLATION, 1ull << access,
			       gpa | sim_td(vcpu->vm)->shared_bit, 0);
}
