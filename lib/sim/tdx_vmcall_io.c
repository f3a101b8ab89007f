/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* TDVMCALLs in the place of instructions: port I/O, MMIO, MSRs, CPUID. */
#include <errno.h>

#include "sim/exits.h"
#include "sim/msrs.h"
#include "sim/run.h"
#include "sim/tdx_msr.h"
#include "sim/tdx_vmcall.h"
#include "sim/vcpu_state.h"
#include "sim/vm_config.h"

/* x2APIC registers are never KVM's MSR filter's. */
#define MSR_X2APIC_FIRST 0x800u
#define MSR_X2APIC_LAST  0x8ffu

static int complete_pio_write(struct sim_vcpu *vcpu)
{
	return sim_td_resume(vcpu);
}

static int complete_pio_read(struct sim_vcpu *vcpu)
{
	sim_td_set_arg(vcpu, SIM_R11,
		       sim_exit_pio_value(vcpu, (uint32_t)sim_td_arg(vcpu, SIM_R12)));
	return sim_td_resume(vcpu);
}

enum sim_verdict sim_td_vmcall_io(struct sim_vcpu *vcpu)
{
	uint64_t size = sim_td_arg(vcpu, SIM_R12), write = sim_td_arg(vcpu, SIM_R13);
	uint16_t port = (uint16_t)sim_td_arg(vcpu, SIM_R14);

	if (write > 1 || (size != 1 && size != 2 && size != 4))
		return sim_td_return(vcpu, UAPI_TDVMCALL_INVALID_OPERAND);
	if (!write) {
		sim_exit_pio_read(vcpu, port, (uint32_t)size);
		return sim_td_exit(vcpu, complete_pio_read);
	}
	if (sim_exit_pio_write(vcpu, port, (uint32_t)size, (uint32_t)sim_td_arg(vcpu, SIM_R15)))
		return sim_td_return(vcpu, UAPI_TDVMCALL_SUCCESS);
	return sim_td_exit(vcpu, complete_pio_write);
}

static int complete_mmio_write(struct sim_vcpu *vcpu)
{
	return sim_td_resume(vcpu);
}

static int complete_mmio_read(struct sim_vcpu *vcpu)
{
	sim_td_set_arg(vcpu, SIM_R11,
		       sim_exit_mmio_value(vcpu, (uint32_t)sim_td_arg(vcpu, SIM_R12)));
	return sim_td_resume(vcpu);
}

enum sim_verdict sim_td_vmcall_mmio(struct sim_vcpu *vcpu)
{
	const struct sim_td *td = sim_td(vcpu->vm);
	uint64_t size = sim_td_arg(vcpu, SIM_R12), write = sim_td_arg(vcpu, SIM_R13);
	uint64_t gpa = sim_td_arg(vcpu, SIM_R14);

	if ((size != 1 && size != 2 && size != 4 && size != 8) || write > 1 ||
	    sim_td_is_private(td, gpa) || sim_td_is_private(td, gpa + size - 1))
		return sim_td_return(vcpu, UAPI_TDVMCALL_INVALID_OPERAND);
	gpa &= ~td->shared_bit;
	if (!write) {
		sim_exit_mmio_read(vcpu, gpa, (uint32_t)size);
		return sim_td_exit(vcpu, complete_mmio_read);
	}
	if (sim_exit_mmio_write(vcpu, gpa, (uint32_t)size, sim_td_arg(vcpu, SIM_R15)))
		return sim_td_return(vcpu, UAPI_TDVMCALL_SUCCESS);
	return sim_td_exit(vcpu, complete_mmio_write);
}

static int complete_rdmsr(struct sim_vcpu *vcpu)
{
	if (vcpu->run->msr.error)
		sim_td_set_arg(vcpu, SIM_R10, UAPI_TDVMCALL_INVALID_OPERAND);
	else
		sim_td_set_arg(vcpu, SIM_R11, vcpu->run->msr.data);
	return sim_td_resume(vcpu);
}

static int complete_wrmsr(struct sim_vcpu *vcpu)
{
	if (vcpu->run->msr.error)
		sim_td_set_arg(vcpu, SIM_R10, UAPI_TDVMCALL_INVALID_OPERAND);
	return sim_td_resume(vcpu);
}

static int emulate_msr(struct sim_vcpu *vcpu, uint32_t index, bool write, uint64_t *data)
{
	int rc;

	if (index >= MSR_X2APIC_FIRST && index <= MSR_X2APIC_LAST) {
		bool done = write ? sim_apic_write_msr(vcpu, index, *data)
				  : sim_apic_read_msr(vcpu, index, data);

		return done ? 0 : -EINVAL;
	}
	if (!write)
		return sim_msr_get(vcpu, index, data);
	rc = sim_msr_set(vcpu, index, *data);
	if (!rc && index == SIM_MSR_TSC_DEADLINE)
		sim_apic_set_deadline(vcpu, *data);
	return rc;
}

/* 0, or why not: a KVM_MSR_EXIT_REASON_*. */
static uint32_t access_msr(struct sim_vcpu *vcpu, uint32_t index, bool write, uint64_t *data)
{
	bool x2apic = index >= MSR_X2APIC_FIRST && index <= MSR_X2APIC_LAST;
	int rc;

	if (!x2apic && !sim_msr_allowed(vcpu->vm, index, write))
		return KVM_MSR_EXIT_REASON_FILTER;
	if (write ? !sim_td_kvm_writes_msr(index) : !sim_td_kvm_reads_msr(index))
		return KVM_MSR_EXIT_REASON_INVAL;
	rc = emulate_msr(vcpu, index, write, data);
	if (rc == -ENOENT)
		return KVM_MSR_EXIT_REASON_UNKNOWN;
	return rc ? KVM_MSR_EXIT_REASON_INVAL : 0;
}

enum sim_verdict sim_td_vmcall_msr(struct sim_vcpu *vcpu, bool write)
{
	uint32_t index = (uint32_t)sim_td_arg(vcpu, SIM_R12);
	uint64_t data = write ? sim_td_arg(vcpu, SIM_R13) : 0;
	uint32_t reason = access_msr(vcpu, index, write, &data);

	if (!reason) {
		if (!write)
			sim_td_set_arg(vcpu, SIM_R11, data);
		return sim_td_return(vcpu, UAPI_TDVMCALL_SUCCESS);
	}
	if (sim_exit_msr(vcpu, index, write, data, reason))
		return sim_td_exit(vcpu, write ? complete_wrmsr : complete_rdmsr);
	return sim_td_return(vcpu, UAPI_TDVMCALL_INVALID_OPERAND);
}

/* kvm_cpuid() with an exact match: zeroes for what user space has not put in. */
enum sim_verdict sim_td_vmcall_cpuid(struct sim_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *entry = sim_cpuid_find(
		vcpu, (uint32_t)sim_td_arg(vcpu, SIM_R12), (uint32_t)sim_td_arg(vcpu, SIM_R13));

	sim_td_set_arg(vcpu, SIM_R12, entry ? entry->eax : 0);
	sim_td_set_arg(vcpu, SIM_R13, entry ? entry->ebx : 0);
	sim_td_set_arg(vcpu, SIM_R14, entry ? entry->ecx : 0);
	sim_td_set_arg(vcpu, SIM_R15, entry ? entry->edx : 0);
	return sim_td_return(vcpu, UAPI_TDVMCALL_SUCCESS);
}
