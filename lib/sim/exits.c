/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/exits.h"

#include <string.h>

#include "sim/vm_config.h"

/* KVM_PIO_PAGE_OFFSET */
#define PIO_DATA_OFFSET ((uint64_t)SIM_PAGE_SIZE)

static void fill_pio(struct sim_vcpu *vcpu, uint8_t direction, uint16_t port, uint32_t size,
		     uint32_t value)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = direction;
	run->io.size = (uint8_t)size;
	run->io.port = port;
	run->io.count = 1;
	run->io.data_offset = PIO_DATA_OFFSET;
	memcpy((uint8_t *)run + PIO_DATA_OFFSET, &value, size);
}

bool sim_exit_pio_write(struct sim_vcpu *vcpu, uint16_t port, uint32_t size, uint32_t value)
{
	if (sim_ioeventfd_write(vcpu->vm, true, port, size, &value) ||
	    sim_coalesced_write(vcpu->vm, true, port, size, &value))
		return true;
	fill_pio(vcpu, KVM_EXIT_IO_OUT, port, size, value);
	return false;
}

void sim_exit_pio_read(struct sim_vcpu *vcpu, uint16_t port, uint32_t size)
{
	fill_pio(vcpu, KVM_EXIT_IO_IN, port, size, 0);
}

uint32_t sim_exit_pio_value(const struct sim_vcpu *vcpu, uint32_t size)
{
	uint32_t value = 0;

	memcpy(&value, (const uint8_t *)vcpu->run + PIO_DATA_OFFSET, size);
	return value;
}

static void fill_mmio(struct sim_vcpu *vcpu, bool write, uint64_t gpa, uint32_t size,
		      uint64_t value)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = gpa;
	memcpy(run->mmio.data, &value, sizeof(run->mmio.data));
	run->mmio.len = size;
	run->mmio.is_write = write;
}

bool sim_exit_mmio_write(struct sim_vcpu *vcpu, uint64_t gpa, uint32_t size, uint64_t value)
{
	if (sim_ioeventfd_write(vcpu->vm, false, gpa, size, &value) ||
	    sim_coalesced_write(vcpu->vm, false, gpa, size, &value))
		return true;
	fill_mmio(vcpu, true, gpa, size, value);
	return false;
}

void sim_exit_mmio_read(struct sim_vcpu *vcpu, uint64_t gpa, uint32_t size)
{
	fill_mmio(vcpu, false, gpa, size, 0);
}

uint64_t sim_exit_mmio_value(const struct sim_vcpu *vcpu, uint32_t size)
{
	uint64_t value = 0;

	memcpy(&value, vcpu->run->mmio.data, size);
	return value;
}

bool sim_exit_msr(struct sim_vcpu *vcpu, uint32_t index, bool write, uint64_t data, uint32_t reason)
{
	struct kvm_run *run = vcpu->run;

	if (!(vcpu->vm->config->caps.user_space_msr & reason))
		return false;
	run->exit_reason = write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
	run->msr.error = 0;
	memset(run->msr.pad, 0, sizeof(run->msr.pad));
	run->msr.reason = reason;
	run->msr.index = index;
	run->msr.data = data;
	return true;
}
