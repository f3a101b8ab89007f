/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Instructions of SEV, SEV-ES and SNP guests: what raises #VC (APM volume 2, 15.35.5), what the
 * guest can do without KVM, and the instructions that are its own: PVALIDATE and RMPADJUST
 * (15.36.6, volume 3).
 */
#include <errno.h>
#include <string.h>

#include "sim/cpu.h"
#include "sim/knobs.h"
#include "sim/sev_run.h"

#define RFLAGS_CF   (1ull << 0)
#define RFLAGS_IOPL 12

/* EAX of PVALIDATE and RMPADJUST. */
#define RMP_FAIL_INPUT      1u
#define RMP_FAIL_PERMISSION 2u
#define RMP_FAIL_SIZE       6u

#define RMPADJUST_VMPL(x) ((x)&0xff)
#define RMPADJUST_VMSA    (1ull << 16)

uint64_t sim_sev_address_bit(const struct sim_vcpu *vcpu)
{
	(void)vcpu;
	return 1ull << SIM_SEV_C_BIT;
}

static enum sim_verdict raise_vc(struct sim_vcpu *vcpu, uint64_t code)
{
	sim_cpu_raise(vcpu->cpu, SIM_VECTOR_VC, code);
	return SIM_EXCEPTION;
}

static enum sim_verdict raise(struct sim_vcpu *vcpu, uint32_t vector)
{
	sim_cpu_raise(vcpu->cpu, vector, 0);
	return SIM_EXCEPTION;
}

static enum sim_verdict fail(struct sim_vcpu *vcpu, int error)
{
	vcpu->exit_scratch[3] = (uint64_t)(int64_t)error;
	return SIM_FAIL;
}

/* --- MSRs */

static uint64_t sev_status(const struct sim_sev_vm *sev)
{
	/* SEV, SEV-ES and SNP; from bit 2 on it repeats SEV_FEATURES. */
	uint64_t status = 1;

	if (sim_sev_is_es(sev))
		status |= 2;
	return status | sev->features << 2;
}

static void return_msr(struct sim_vcpu *vcpu, uint64_t value)
{
	sim_cpu_set_gpr(vcpu->cpu, SIM_RAX, (uint32_t)value);
	sim_cpu_set_gpr(vcpu->cpu, SIM_RDX, value >> 32);
}

static enum sim_verdict access_msr(struct sim_vcpu *vcpu, bool write)
{
	const struct sim_sev_vm *sev = sim_sev_vm(vcpu->vm);
	uint32_t index = (uint32_t)sim_cpu_gpr(vcpu->cpu, SIM_RCX);
	uint64_t value =
		sim_cpu_gpr(vcpu->cpu, SIM_RDX) << 32 | (uint32_t)sim_cpu_gpr(vcpu->cpu, SIM_RAX);
	bool valid;

	if (sim_cpu_privilege(vcpu->cpu))
		return SIM_NATIVE; /* #GP */
	if (index == SIM_MSR_SEV_STATUS) {
		if (write)
			return raise(vcpu, SIM_VECTOR_GP);
		return_msr(vcpu, sev_status(sev));
		return SIM_DONE;
	}
	if (!sim_sev_is_es(sev))
		return SIM_NATIVE;
	if (index == SIM_MSR_GHCB) {
		if (write)
			sim_sev_vcpu(vcpu)->ghcb_msr = value;
		else
			return_msr(vcpu, sim_sev_vcpu(vcpu)->ghcb_msr);
		return SIM_DONE;
	}
	/* Those that are in the VMSA are not intercepted. */
	if (!write && sim_cpu_read_msr(vcpu->cpu, index, &value)) {
		return_msr(vcpu, value);
		return SIM_DONE;
	}
	if (write && sim_cpu_write_msr(vcpu->cpu, index, value, &valid))
		return valid ? SIM_DONE : raise(vcpu, SIM_VECTOR_GP);
	return raise_vc(vcpu, SIM_VC_MSR);
}

/* --- PVALIDATE, RMPADJUST */

static enum sim_verdict return_rmp(struct sim_vcpu *vcpu, uint32_t result)
{
	sim_cpu_set_gpr(vcpu->cpu, SIM_RAX, result);
	return SIM_DONE;
}

static void set_carry(struct sim_vcpu *vcpu, bool carry)
{
	uint64_t flags = sim_cpu_rflags(vcpu->cpu) & ~RFLAGS_CF;

	sim_cpu_set_rflags(vcpu->cpu, flags | (carry ? RFLAGS_CF : 0));
}

/*
 * The page at the linear address in RAX; it is touched as any private access touches it. SIM_DONE:
 * *page is it; else what is to be done.
 */
static enum sim_verdict find_rmp(struct sim_vcpu *vcpu, struct sim_gmem_page **page)
{
	uint64_t linear = sim_cpu_gpr(vcpu->cpu, SIM_RAX), gpa;
	uint8_t *bytes;
	bool encrypted;
	int r;

	r = sim_cpu_translate(vcpu->cpu, linear, &gpa, &encrypted);
	if (r)
		return r == 1 ? SIM_EXCEPTION : fail(vcpu, r);
	gpa = gpa / SIM_PAGE_SIZE * SIM_PAGE_SIZE;
	if (!sim_attribute_private(vcpu->vm, gpa))
		return fail(vcpu, sim_memory_fault(vcpu, gpa, true));
	r = sim_snp_take_page(vcpu->vm, gpa, &bytes, page);
	if (r == -EFAULT)
		return fail(vcpu, sim_memory_fault(vcpu, gpa, true));
	return r ? fail(vcpu, r) : SIM_DONE;
}

static bool may_use_rmp(struct sim_vcpu *vcpu)
{
	return sim_sev_is_snp(sim_sev_vm(vcpu->vm)) && sim_cpu_is_64bit(vcpu->cpu);
}

static enum sim_verdict pvalidate(struct sim_vcpu *vcpu)
{
	uint64_t size = (uint32_t)sim_cpu_gpr(vcpu->cpu, SIM_RCX);
	bool validate = sim_cpu_gpr(vcpu->cpu, SIM_RDX) & 1, was;
	struct sim_gmem_page *page;
	enum sim_verdict verdict;

	/* Outside of long mode it is there, too, for what runs before it. */
	if (!sim_sev_is_snp(sim_sev_vm(vcpu->vm)))
		return raise(vcpu, SIM_VECTOR_UD);
	if (sim_cpu_privilege(vcpu->cpu))
		return raise(vcpu, SIM_VECTOR_GP);
	if (size > 1)
		return return_rmp(vcpu, RMP_FAIL_INPUT);
	verdict = find_rmp(vcpu, &page);
	if (verdict != SIM_DONE)
		return verdict;
	/* guest_memfd has small pages only, and so has the RMP. */
	if (size == 1)
		return return_rmp(vcpu, RMP_FAIL_SIZE);
	was = page->flags & SIM_RMP_VALIDATED;
	set_carry(vcpu, was == validate);
	if (validate)
		page->flags |= SIM_RMP_VALIDATED;
	else
		page->flags &= (uint8_t)~SIM_RMP_VALIDATED;
	/* Nobody has a page mapped that was not validated. */
	if (was && !validate)
		vcpu->vm->memory_epoch++;
	return return_rmp(vcpu, 0);
}

static enum sim_verdict rmpadjust(struct sim_vcpu *vcpu)
{
	uint64_t size = (uint32_t)sim_cpu_gpr(vcpu->cpu, SIM_RCX);
	uint64_t attributes = sim_cpu_gpr(vcpu->cpu, SIM_RDX);
	struct sim_gmem_page *page;
	enum sim_verdict verdict;

	if (!may_use_rmp(vcpu))
		return raise(vcpu, SIM_VECTOR_UD);
	if (sim_cpu_privilege(vcpu->cpu))
		return raise(vcpu, SIM_VECTOR_GP);
	if (size > 1 || RMPADJUST_VMPL(attributes) > 3)
		return return_rmp(vcpu, RMP_FAIL_INPUT);
	verdict = find_rmp(vcpu, &page);
	if (verdict != SIM_DONE)
		return verdict;
	if (!(page->flags & SIM_RMP_VALIDATED))
		return raise_vc(vcpu, SIM_VC_NOT_VALIDATED);
	if (size == 1)
		return return_rmp(vcpu, RMP_FAIL_SIZE);
	/* All vCPUs are at VMPL 0, and it may only change what is below it. */
	if (RMPADJUST_VMPL(attributes) == 0)
		return return_rmp(vcpu, RMP_FAIL_PERMISSION);
	if (attributes & RMPADJUST_VMSA)
		page->flags |= SIM_RMP_VMSA;
	else
		page->flags &= (uint8_t)~SIM_RMP_VMSA;
	return return_rmp(vcpu, 0);
}

/* --- VMGEXIT */

static enum sim_verdict vmgexit(struct sim_vcpu *vcpu)
{
	int r;

	/* To a guest without SEV-ES it is VMMCALL with a prefix. */
	if (!sim_sev_is_es(sim_sev_vm(vcpu->vm)))
		return SIM_NATIVE;
	r = sim_sev_vmgexit(vcpu);
	if (r == 1)
		return SIM_DONE;
	if (!r)
		return SIM_EXIT;
	/* The instruction is done all the same. */
	sim_cpu_skip(vcpu->cpu);
	return fail(vcpu, r);
}

/* What the CPU refuses by itself comes before what KVM intercepts. */
static bool is_permitted(struct sim_vcpu *vcpu, enum sim_instruction instruction)
{
	unsigned int privilege = sim_cpu_privilege(vcpu->cpu);

	if (instruction == SIM_INSN_IN || instruction == SIM_INSN_OUT)
		return privilege <= (sim_cpu_rflags(vcpu->cpu) >> RFLAGS_IOPL & 3);
	return instruction != SIM_INSN_WBINVD || privilege == 0;
}

enum sim_verdict sim_sev_instruction(struct sim_vcpu *vcpu, enum sim_instruction instruction)
{
	bool es = sim_sev_is_es(sim_sev_vm(vcpu->vm)) && is_permitted(vcpu, instruction);

	switch (instruction) {
	case SIM_INSN_RDMSR:
	case SIM_INSN_WRMSR:
		return access_msr(vcpu, instruction == SIM_INSN_WRMSR);
	case SIM_INSN_VMGEXIT:
		return vmgexit(vcpu);
	case SIM_INSN_PVALIDATE:
		return pvalidate(vcpu);
	case SIM_INSN_RMPADJUST:
		return rmpadjust(vcpu);
	case SIM_INSN_TDCALL:
		return raise(vcpu, SIM_VECTOR_UD);
	case SIM_INSN_CPUID:
		return es ? raise_vc(vcpu, SIM_VC_CPUID) : SIM_NATIVE;
	case SIM_INSN_IN:
	case SIM_INSN_OUT:
		return es ? raise_vc(vcpu, SIM_VC_IOIO) : SIM_NATIVE;
	case SIM_INSN_HYPERCALL:
		return es ? raise_vc(vcpu, SIM_VC_VMMCALL) : SIM_NATIVE;
	case SIM_INSN_WBINVD:
		return es ? raise_vc(vcpu, SIM_VC_WBINVD) : SIM_NATIVE;
	case SIM_INSN_HLT: /* an automatic exit: KVM needs to know nothing of the guest for it */
	default:
		return SIM_NATIVE;
	}
}

enum sim_verdict sim_sev_mmio(struct sim_vcpu *vcpu, uint64_t gpa, enum sim_access access)
{
	(void)gpa;
	(void)access;
	/* KVM can't see the instruction: the nested page table's reserved bits make it a #VC. */
	if (!sim_sev_is_es(sim_sev_vm(vcpu->vm)))
		return SIM_NATIVE;
	return raise_vc(vcpu, SIM_VC_NPF);
}
