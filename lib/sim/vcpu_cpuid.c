/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A vCPU's CPUID. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/lapic.h"
#include "sim/vcpu.h"
#include "sim/vcpu_state.h"

const struct kvm_cpuid_entry2 *sim_cpuid_find(const struct sim_vcpu *vcpu, uint32_t function,
					      uint32_t index)
{
	for (uint32_t i = 0; i < vcpu->state->cpuid_count; i++) {
		const struct kvm_cpuid_entry2 *entry = &vcpu->state->cpuid[i];

		if (entry->function == function &&
		    (!(entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || entry->index == index))
			return entry;
	}
	return NULL;
}

uint64_t sim_guest_xcr0(const struct sim_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *entry = sim_cpuid_find(vcpu, 0xd, 0);

	if (!entry)
		return 1;
	return (entry->eax | (uint64_t)entry->edx << 32) & SIM_XCR0_SUPPORTED;
}

/* kvm_cpuid_check_equal() */
static bool is_equal(const struct sim_vcpu_state *state, const struct kvm_cpuid_entry2 *entries,
		     uint32_t count)
{
	if (count != state->cpuid_count)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		const struct kvm_cpuid_entry2 *a = &state->cpuid[i], *b = &entries[i];

		if (a->function != b->function || a->index != b->index || a->flags != b->flags ||
		    a->eax != b->eax || a->ebx != b->ebx || a->ecx != b->ecx || a->edx != b->edx)
			return false;
	}
	return true;
}

/* kvm_check_cpuid() */
static int check(const struct kvm_cpuid_entry2 *entries, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t bits = entries[i].eax >> 8 & 0xff;

		if (entries[i].function != 0x80000008)
			continue;
		return bits == 48 || bits == 57 || bits == 0 ? 0 : -EINVAL;
	}
	return 0;
}

static int set_entries(struct sim_vcpu *vcpu, const struct kvm_cpuid_entry2 *entries,
		       uint32_t count)
{
	struct sim_vcpu_state *state = vcpu->state;
	int r;

	if (vcpu->ran)
		return is_equal(state, entries, count) ? 0 : -EINVAL;
	r = check(entries, count);
	if (r)
		return r;
	memcpy(state->cpuid, entries, count * sizeof(*entries));
	state->cpuid_count = count;
	sim_lapic_set_version(vcpu);
	return 0;
}

int sim_set_cpuid2(struct sim_file *file, uintptr_t argument)
{
	struct kvm_cpuid_entry2 entries[SIM_CPUID_ENTRIES];
	struct kvm_cpuid2 header;

	if (sim_copy_in(&header, argument, sizeof(header)))
		return -EFAULT;
	if (header.nent > SIM_CPUID_ENTRIES)
		return -E2BIG;
	if (sim_copy_in(entries, argument + sizeof(header), header.nent * sizeof(entries[0])))
		return -EFAULT;
	return set_entries(file->object, entries, header.nent);
}

int sim_set_cpuid(struct sim_file *file, uintptr_t argument)
{
	struct kvm_cpuid_entry2 entries[SIM_CPUID_ENTRIES] = {0};
	struct kvm_cpuid_entry old[SIM_CPUID_ENTRIES];
	struct kvm_cpuid header;

	if (sim_copy_in(&header, argument, sizeof(header)))
		return -EFAULT;
	if (header.nent > SIM_CPUID_ENTRIES)
		return -E2BIG;
	if (sim_copy_in(old, argument + sizeof(header), header.nent * sizeof(old[0])))
		return -EFAULT;
	for (uint32_t i = 0; i < header.nent; i++)
		entries[i] = (struct kvm_cpuid_entry2){
			.function = old[i].function,
			.eax = old[i].eax,
			.ebx = old[i].ebx,
			.ecx = old[i].ecx,
			.edx = old[i].edx,
		};
	return set_entries(file->object, entries, header.nent);
}

int sim_get_cpuid2(struct sim_file *file, uintptr_t argument)
{
	const struct sim_vcpu_state *state = ((struct sim_vcpu *)file->object)->state;
	struct kvm_cpuid2 header;

	if (sim_copy_in(&header, argument, sizeof(header)))
		return -EFAULT;
	if (header.nent < state->cpuid_count)
		return -E2BIG;
	if (sim_copy_out(argument + sizeof(header), state->cpuid,
			 state->cpuid_count * sizeof(state->cpuid[0])))
		return -EFAULT;
	header.nent = state->cpuid_count;
	return sim_copy_out(argument, &header, sizeof(header));
}
