/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* KVM_GET_MSRS, KVM_SET_MSRS and KVM_GET/SET_ONE_REG. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/vcpu.h"
#include "sim/vcpu_state.h"

/* KVM_X86_REG_TYPE_MSR: bits of a register's id (arch/x86/include/uapi/asm/kvm.h). */
#define REG_X86      0x2000000000000000ull
#define REG_U64      0x0030000000000000ull
#define REG_TYPE_MSR 2ull

static bool refused(const struct sim_vcpu *vcpu, uint32_t index, bool write)
{
	return vcpu->vm->tech->refuse_msr && vcpu->vm->tech->refuse_msr(vcpu, index, write);
}

static int one_msr(struct sim_vcpu *vcpu, struct kvm_msr_entry *entry, bool write)
{
	uint64_t data;
	int r;

	if (refused(vcpu, entry->index, write))
		return -EINVAL;
	if (write)
		return sim_msr_set(vcpu, entry->index, entry->data);
	r = sim_msr_get(vcpu, entry->index, &data);
	if (!r)
		entry->data = data;
	return r;
}

/* msr_io(): the answer is how many of them went well; the first that does not ends it. */
static int transfer(struct sim_vcpu *vcpu, uintptr_t argument, bool write)
{
	struct kvm_msrs header;
	struct kvm_msr_entry *entries;
	size_t size;
	uint32_t done = 0;
	int r;

	if (sim_copy_in(&header, argument, sizeof(header)))
		return -EFAULT;
	if (header.nmsrs >= SIM_MAX_IO_MSRS)
		return -E2BIG;
	size = header.nmsrs * sizeof(*entries);
	entries = calloc(header.nmsrs + 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	r = sim_copy_in(entries, argument + sizeof(header), size);
	while (!r && done < header.nmsrs && one_msr(vcpu, &entries[done], write) == 0)
		done++;
	if (!r && !write)
		r = sim_copy_out(argument + sizeof(header), entries, size);
	free(entries);
	return r ? r : (int)done;
}

int sim_get_msrs(struct sim_file *file, uintptr_t argument)
{
	return transfer(file->object, argument, false);
}

int sim_set_msrs(struct sim_file *file, uintptr_t argument)
{
	return transfer(file->object, argument, true);
}

static int one_reg(struct sim_vcpu *vcpu, uintptr_t argument, bool write)
{
	struct kvm_one_reg reg;
	struct kvm_msr_entry entry = {0};
	uint64_t value;
	int r;

	if (sim_copy_in(&reg, argument, sizeof(reg)))
		return -EFAULT;
	if ((reg.id & 0xff00000000000000ull) != REG_X86 ||
	    (reg.id & 0x00f0000000000000ull) != REG_U64 || (reg.id >> 32 & 0xff) != REG_TYPE_MSR ||
	    reg.id & 0x000fff0000000000ull)
		return -EINVAL;
	entry.index = (uint32_t)reg.id;
	if (write && sim_copy_in(&entry.data, (uintptr_t)reg.addr, sizeof(uint64_t)))
		return -EFAULT;
	r = one_msr(vcpu, &entry, write);
	if (r)
		return -EINVAL;
	value = entry.data;
	return write ? 0 : sim_copy_out((uintptr_t)reg.addr, &value, sizeof(value));
}

int sim_get_one_reg(struct sim_file *file, uintptr_t argument)
{
	return one_reg(file->object, argument, false);
}

int sim_set_one_reg(struct sim_file *file, uintptr_t argument)
{
	return one_reg(file->object, argument, true);
}

/* The list is of the registers that are in no other ioctl: with no shadow stacks there are none. */
int sim_get_reg_list(struct sim_file *file, uintptr_t argument)
{
	struct kvm_reg_list list;

	(void)file;
	if (sim_copy_in(&list, argument, sizeof(list)))
		return -EFAULT;
	list.n = 0;
	return sim_copy_out(argument, &list, sizeof(list));
}
