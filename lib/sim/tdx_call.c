/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* TDCALL: what a TD asks of the module. */
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "sim/tdx.h"

#define METADATA_FIELD_ID_INCORRECT 0xC0000C0000000000ull

#define EXTENSION_ALIGNMENT 64u
#define REPORT_SIZE         1024u
#define REPORT_DATA_SIZE    64u

static enum sim_verdict answer(struct sim_vcpu *vcpu, uint64_t status)
{
	sim_cpu_set_gpr(vcpu->cpu, SIM_RAX, status);
	return SIM_DONE;
}

static enum sim_verdict invalid(struct sim_vcpu *vcpu, uint64_t operand)
{
	return answer(vcpu, TDX_OPERAND_INVALID | operand);
}

/*
 * Private memory that the module reads or writes for the guest: SIM_DONE with *bytes, or what
 * becomes of an access that does not find it.
 */
static enum sim_verdict operand(struct sim_vcpu *vcpu, uint64_t gpa, enum sim_access access,
				uint8_t **bytes)
{
	struct sim_memory memory;

	sim_td_find_memory(vcpu, gpa, true, access, &memory);
	switch (memory.backing) {
	case SIM_BACKING_RAM:
		*bytes = memory.host;
		return SIM_DONE;
	case SIM_BACKING_EXCEPTION:
		sim_cpu_raise(vcpu->cpu, memory.vector, memory.error_code);
		return SIM_EXCEPTION;
	case SIM_BACKING_MEMORY_FAULT:
		vcpu->exit_scratch[3] = (uint64_t)sim_memory_fault(vcpu, gpa, true);
		return SIM_FAIL;
	default:
		vcpu->exit_scratch[3] = (uint64_t)(int64_t)memory.error;
		return SIM_FAIL;
	}
}

static enum sim_verdict vp_info(struct sim_vcpu *vcpu)
{
	const struct sim_td *td = sim_td(vcpu->vm);

	sim_cpu_set_gpr(vcpu->cpu, SIM_RCX,
			td->params.config_flags & SIM_TD_CONFIG_MAX_GPAW ? 52 : 48);
	sim_cpu_set_gpr(vcpu->cpu, SIM_RDX, td->params.attributes);
	sim_cpu_set_gpr(vcpu->cpu, SIM_R8, td->vcpus | (uint64_t)td->params.max_vcpus << 32);
	sim_cpu_set_gpr(vcpu->cpu, SIM_R9, sim_td_vcpu(vcpu)->index);
	sim_cpu_set_gpr(vcpu->cpu, SIM_R10, 1); /* TDG.SYS.RD is there */
	sim_cpu_set_gpr(vcpu->cpu, SIM_R11, 0);
	return answer(vcpu, TDX_SUCCESS);
}

static enum sim_verdict veinfo_get(struct sim_vcpu *vcpu)
{
	struct sim_ve_info *ve = &sim_td_vcpu(vcpu)->ve;
	const struct sim_ve_info none = {0};
	const struct sim_ve_info *told = ve->valid ? ve : &none;
	uint64_t status = ve->valid ? TDX_SUCCESS : TDX_NO_VALID_VE_INFO;

	sim_cpu_set_gpr(vcpu->cpu, SIM_RCX, told->reason);
	sim_cpu_set_gpr(vcpu->cpu, SIM_RDX, told->qualification);
	sim_cpu_set_gpr(vcpu->cpu, SIM_R8, told->gla);
	sim_cpu_set_gpr(vcpu->cpu, SIM_R9, told->gpa);
	sim_cpu_set_gpr(vcpu->cpu, SIM_R10, told->length);
	ve->valid = false;
	return answer(vcpu, status);
}

static enum sim_verdict rtmr_extend(struct sim_vcpu *vcpu)
{
	struct sim_td *td = sim_td(vcpu->vm);
	uint64_t gpa = sim_cpu_gpr(vcpu->cpu, SIM_RCX);
	uint64_t index = sim_cpu_gpr(vcpu->cpu, SIM_RDX);
	uint8_t input[2 * SIM_MRTD_SIZE];
	enum sim_verdict verdict;
	uint8_t *extension;

	if (gpa % EXTENSION_ALIGNMENT || gpa >= td->shared_bit)
		return invalid(vcpu, TDX_OPERAND_RCX);
	if (index >= SIM_TD_RTMRS)
		return invalid(vcpu, TDX_OPERAND_RDX);
	verdict = operand(vcpu, gpa, SIM_READ, &extension);
	if (verdict != SIM_DONE)
		return verdict;
	memcpy(input, td->rtmr[index], SIM_MRTD_SIZE);
	memcpy(input + SIM_MRTD_SIZE, extension, SIM_MRTD_SIZE);
	if (EVP_Digest(input, sizeof(input), td->rtmr[index], NULL, EVP_sha384(), NULL) != 1)
		return answer(vcpu, TDX_OPERAND_BUSY | TDX_OPERAND_RCX);
	return answer(vcpu, TDX_SUCCESS);
}

/*
 * TDREPORT_STRUCT, Intel TDX Module ABI specification: REPORTMACSTRUCT, TEE_TCB_INFO,
 * TDINFO_STRUCT. The MAC is left zero: there is no processor that could verify it.
 */
static void fill_report(const struct sim_td *td, const uint8_t *data, uint8_t report[REPORT_SIZE])
{
	uint8_t *info = report + 512;

	memset(report, 0, REPORT_SIZE);
	report[0] = 0x81; /* a TD's */
	memcpy(report + 128, data, REPORT_DATA_SIZE);
	memcpy(info, &td->params.attributes, 8);
	memcpy(info + 8, &td->params.xfam, 8);
	memcpy(info + 16, td->digest, SIM_MRTD_SIZE);
	memcpy(info + 64, td->params.mrconfigid, SIM_MRTD_SIZE);
	memcpy(info + 112, td->params.mrowner, SIM_MRTD_SIZE);
	memcpy(info + 160, td->params.mrownerconfig, SIM_MRTD_SIZE);
	memcpy(info + 208, td->rtmr, sizeof(td->rtmr));
	EVP_Digest(report + 256, 256, report + 32, NULL, EVP_sha384(), NULL);
	EVP_Digest(info, 512, report + 80, NULL, EVP_sha384(), NULL);
}

static enum sim_verdict report(struct sim_vcpu *vcpu)
{
	const struct sim_td *td = sim_td(vcpu->vm);
	uint64_t gpa = sim_cpu_gpr(vcpu->cpu, SIM_RCX);
	uint64_t data_gpa = sim_cpu_gpr(vcpu->cpu, SIM_RDX);
	uint8_t *data, *out, copy[REPORT_DATA_SIZE];
	enum sim_verdict verdict;

	if (gpa % REPORT_SIZE || gpa >= td->shared_bit)
		return invalid(vcpu, TDX_OPERAND_RCX);
	if (data_gpa % REPORT_DATA_SIZE || data_gpa >= td->shared_bit)
		return invalid(vcpu, TDX_OPERAND_RDX);
	if (sim_cpu_gpr(vcpu->cpu, SIM_R8))
		return invalid(vcpu, TDX_OPERAND_R8);
	verdict = operand(vcpu, data_gpa, SIM_READ, &data);
	if (verdict != SIM_DONE)
		return verdict;
	memcpy(copy, data, sizeof(copy));
	verdict = operand(vcpu, gpa, SIM_WRITE, &out);
	if (verdict != SIM_DONE)
		return verdict;
	fill_report(td, copy, out);
	return answer(vcpu, TDX_SUCCESS);
}

static enum sim_verdict page_accept(struct sim_vcpu *vcpu)
{
	uint64_t status;
	enum sim_verdict verdict = sim_td_accept(vcpu, sim_cpu_gpr(vcpu->cpu, SIM_RCX), &status);

	return verdict == SIM_DONE ? answer(vcpu, status) : verdict;
}

enum sim_verdict sim_td_call(struct sim_vcpu *vcpu)
{
	uint64_t rax = sim_cpu_gpr(vcpu->cpu, SIM_RAX);
	uint64_t leaf = rax & 0xffff, version = rax >> 16 & 0xff;

	if (!sim_cpu_is_64bit(vcpu->cpu) || sim_cpu_privilege(vcpu->cpu))
		return sim_td_raise_gp(vcpu);
	if (rax >> 24 ||
	    (version && !(version == 1 && (leaf == TDG_VM_RD || leaf == TDG_VP_VEINFO_GET))))
		return invalid(vcpu, TDX_OPERAND_RAX);
	switch (leaf) {
	case TDG_VP_VMCALL:
		return sim_td_vmcall(vcpu);
	case TDG_VP_INFO:
		return vp_info(vcpu);
	case TDG_MR_RTMR_EXTEND:
		return rtmr_extend(vcpu);
	case TDG_VP_VEINFO_GET:
		return veinfo_get(vcpu);
	case TDG_MR_REPORT:
		return report(vcpu);
	case TDG_MEM_PAGE_ACCEPT:
		return page_accept(vcpu);
	case TDG_VM_RD:
	case TDG_VM_WR:
		return answer(vcpu, METADATA_FIELD_ID_INCORRECT | TDX_OPERAND_RDX);
	default:
		return invalid(vcpu, TDX_OPERAND_RAX);
	}
}
