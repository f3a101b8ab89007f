/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * KVM_MEMORY_ENCRYPT_OP on a TD's vCPU. Checks are in the order of tdx_vcpu_unlocked_ioctl() and
 * tdx_vcpu_ioctl() of Linux 7.2.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/tdx.h"
#include "sim/vcpu_state.h"

#define TDCX_PAGES            5
#define KVM_CPUID_ENTRIES_MAX 256u
#define SIGNIFICANT_INDEX     1u
#define ECX_X2APIC            (1u << 21)

/* Leaf and sub-leaf numbers that a metadata field's id has room for. */
#define FIELD_LEAF_MAX    0x7fu
#define FIELD_SUBLEAF_MAX 0x7fu

static int init_vcpu(struct sim_vcpu *vcpu, const struct uapi_tdx_command *command)
{
	struct sim_td_vcpu *state = sim_td_vcpu(vcpu);
	struct sim_vm *vm = vcpu->vm;
	const struct kvm_cpuid_entry2 *features;

	if (command->flags)
		return -EINVAL;
	if (state->initialized)
		return -EINVAL;
	features = sim_cpuid_find(vcpu, 1, 0);
	if (!features || !(features->ecx & ECX_X2APIC))
		return -EINVAL;
	if (sim_td_seamcall(vm, "TDH.VP.CREATE", TDX_OPERAND_BUSY) != TDX_SUCCESS)
		return sim_vm_bug(vm);
	for (int i = 0; i < TDCX_PAGES; i++)
		if (sim_td_seamcall(vm, "TDH.VP.ADDCX", TDX_OPERAND_BUSY) != TDX_SUCCESS)
			return sim_vm_bug(vm);
	if (sim_td_seamcall(vm, "TDH.VP.INIT", TDX_OPERAND_BUSY) != TDX_SUCCESS)
		return sim_vm_bug(vm);
	state->index = sim_td(vm)->vcpus++;
	state->rcx = command->data;
	state->initialized = true;
	vcpu->state->sregs.apic_base = sim_td_apic_base(vcpu);
	vcpu->state->mp_state.mp_state = KVM_MP_STATE_RUNNABLE;
	return 0;
}

/* tdx_read_cpuid(): -EINVAL what no field id has room for, -EIO what the module does not have. */
static int read_leaf(const struct sim_td *td, uint32_t function, uint32_t index, bool has_index,
		     struct kvm_cpuid_entry2 *out)
{
	const uint32_t *values;
	int place;

	if (index > FIELD_SUBLEAF_MAX || (function & 0x7fffffffu) > FIELD_LEAF_MAX)
		return -EINVAL;
	place = sim_tdx_cpuid_find(function, has_index ? index : SIM_TDX_NO_SUBLEAF);
	if (place < 0)
		return -EIO;
	values = td->cpuid.values[place].r;
	*out = (struct kvm_cpuid_entry2){
		.function = function,
		.index = index,
		.flags = has_index ? SIGNIFICANT_INDEX : 0,
		.eax = values[0],
		.ebx = values[1],
		.ecx = values[2],
		.edx = values[3],
	};
	if (function == 0x80000008u)
		out->eax = (out->eax & ~0x00ff0000u) |
			   (td->shared_bit == TDX_SHARED_BIT_52 ? 52u : 48u) << 16;
	return 0;
}

/* A leaf with all of its sub-leaves. Whether there was any. */
static bool read_leaves(const struct sim_td *td, uint32_t function, struct kvm_cpuid_entry2 *out,
			uint32_t *count)
{
	int rc = read_leaf(td, function, 0, false, &out[*count]);
	uint32_t index = 0;

	if (!rc)
		++*count;
	if (rc != -EIO)
		return !rc;
	while (*count < KVM_CPUID_ENTRIES_MAX &&
	       !read_leaf(td, function, index, true, &out[*count])) {
		++*count;
		index++;
	}
	return index > 0;
}

int sim_td_get_cpuid(struct sim_vcpu *vcpu, const struct uapi_tdx_command *command)
{
	const struct sim_td *td = sim_td(vcpu->vm);
	uintptr_t user = (uintptr_t)command->data;
	struct kvm_cpuid2 header;
	struct kvm_cpuid_entry2 entries[KVM_CPUID_ENTRIES_MAX];
	uint32_t count = 0, last, room;

	if (sim_copy_in(&header, user, sizeof(header)))
		return -EFAULT;
	for (uint32_t range = 0; range < 2; range++) {
		uint32_t first = range ? 0x80000000u : 0;

		if (!read_leaves(td, first, entries, &count))
			return -EIO;
		last = entries[count - 1].eax;
		for (uint32_t function = first + 1; function <= last; function++)
			read_leaves(td, function, entries, &count);
	}
	room = header.nent;
	header.nent = count;
	if (sim_copy_out(user, &header, sizeof(header)))
		return -EFAULT;
	if (room < count)
		return -E2BIG;
	return sim_copy_out(user + sizeof(header), entries, count * sizeof(entries[0])) ? -EFAULT
											: 0;
}

/* Both kinds of command need a TD that has a key, and is not sealed. */
static bool open_for_commands(const struct sim_vcpu *vcpu)
{
	const struct sim_td *td = sim_td(vcpu->vm);

	return td->key_id && td->state != SIM_TD_RUNNABLE;
}

int sim_td_vcpu_command(struct sim_vcpu *vcpu, uintptr_t argument)
{
	struct uapi_tdx_command command;
	int rc = sim_td_get_command(argument, &command);

	if (rc)
		return rc;
	if (command.id == UAPI_TDX_INIT_VCPU)
		rc = sim_fault(vcpu->vm->sim, "TDX_INIT_VCPU", NULL);
	else if (command.id == UAPI_TDX_INIT_MEM_REGION)
		rc = sim_fault(vcpu->vm->sim, "TDX_INIT_MEM_REGION", NULL);
	else if (command.id == TDX_CMD_GET_CPUID)
		rc = sim_fault(vcpu->vm->sim, "TDX_GET_CPUID", NULL);
	if (rc)
		return rc;
	if (!open_for_commands(vcpu))
		return -EINVAL;
	switch (command.id) {
	case UAPI_TDX_INIT_VCPU:
		return init_vcpu(vcpu, &command);
	case UAPI_TDX_INIT_MEM_REGION:
		return sim_td_init_region(vcpu, &command);
	case TDX_CMD_GET_CPUID:
		return sim_td_get_cpuid(vcpu, &command);
	default:
		return -EINVAL;
	}
}
