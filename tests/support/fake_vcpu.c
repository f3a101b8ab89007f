/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A vCPU's state, how it powers on, and the ioctls that read and write it. */
#define _GNU_SOURCE
#include "fake_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- power-on ---- */

static struct kvm_segment real_mode_segment(uint16_t selector, uint64_t base, uint8_t type)
{
	return (struct kvm_segment){
		.base = base,
		.limit = 0xffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = (uint8_t)(type > 2 && type != 11),
	};
}

static void power_on_sregs(struct kvm_sregs *sregs, unsigned id)
{
	const struct kvm_segment data = real_mode_segment(0, 0, 3);

	sregs->cs = real_mode_segment(0xf000, 0xffff0000, 11);
	sregs->cs.s = 1;
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
	sregs->tr = real_mode_segment(0, 0, 11);
	sregs->ldt = real_mode_segment(0, 0, 2);
	sregs->gdt.limit = sregs->idt.limit = 0xffff;
	sregs->cr0 = 0x60000010;
	sregs->apic_base = 0xfee00000 | 0x800 | (id == 0 ? 0x100 : 0);
}

static void power_on_msrs(struct fake_vcpu_state *state)
{
	/* The list that KVM_GET_MSR_INDEX_LIST gives (fake_system.c), values as KVM has them. */
	static const struct kvm_msr_entry values[] = {
		{.index = 0x10, .data = 0x1000},
		{.index = 0x3b},
		{.index = 0x174},
		{.index = 0x175},
		{.index = 0x176},
		{.index = 0x1a0, .data = 1},
		{.index = 0x277, .data = 0x0007040600070406},
		{.index = 0xc0000080},
		{.index = 0xc0000081},
		{.index = 0xc0000082},
		{.index = 0xc0000083},
		{.index = 0xc0000084},
		{.index = 0xc0000102},
		{.index = 0xc0000103},
		{.index = 0x4b564d00},
		{.index = 0x4b564d01},
	};

	state->msr_count = sizeof(values) / sizeof(values[0]);
	memcpy(state->msrs, values, sizeof(values));
}

/* Some of each part differs from VM to VM: the last MSR, the last byte of XSAVE ... */
static void make_restless(struct fake_vcpu *vcpu, const struct fake_vm *vm)
{
	struct fake_vcpu_state *state = &vcpu->state;
	uint8_t salt = (uint8_t)vm->number;

	state->sregs.gs.base = salt;
	state->regs.rdx += salt;
	state->xsave[vcpu->xsave_size - 1] = salt;
	state->msrs[state->msr_count - 1].data = salt;
	state->debugregs.db[0] = salt;
	state->events.sipi_vector = salt;
	state->xcrs.xcrs[0].value |= (uint64_t)salt << 8;
	if (vm->irqchip)
		state->lapic.regs[0x80] = (char)salt;
}

static void power_on(struct fake_vcpu_state *state, const struct fake_vm *vm, unsigned id)
{
	static const uint16_t fcw = 0x37f;
	static const uint32_t mxcsr = 0x1f80;

	power_on_sregs(&state->sregs, id);
	power_on_msrs(state);
	state->regs.rip = 0xfff0;
	state->regs.rflags = 2;
	state->regs.rdx = 0x600;
	memcpy(&state->xsave[0], &fcw, sizeof(fcw));
	memcpy(&state->xsave[24], &mxcsr, sizeof(mxcsr));
	state->xcrs.nr_xcrs = 1;
	state->xcrs.xcrs[0].value = 1;
	state->debugregs.dr6 = 0xffff0ff0;
	state->debugregs.dr7 = 0x400;
	state->mp_state.mp_state =
		vm->irqchip && id != 0 ? KVM_MP_STATE_UNINITIALIZED : KVM_MP_STATE_RUNNABLE;
	if (vm->irqchip) {
		state->lapic.regs[0x23] = (char)id;
		state->lapic.regs[0x30] = 0x14;
		state->lapic.regs[0xf0] = (char)0xff;
	}
}

struct fake_vcpu *vcpu_new(struct fake_kvm *fake, struct fake_vm *vm, unsigned id)
{
	struct fake_vcpu *vcpu = calloc(1, sizeof(*vcpu));
	void *own;

	if (vcpu == NULL)
		abort();
	vcpu->id = id;
	vcpu->memory = memfd_create("fake kvm_run", MFD_CLOEXEC);
	if (vcpu->memory < 0 || ftruncate(vcpu->memory, FAKE_RUN_SIZE) != 0)
		abort();
	own = mmap(NULL, FAKE_RUN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->memory, 0);
	if (own == MAP_FAILED)
		abort();
	vcpu->own = own;
	vcpu->xsave_size = (size_t)fake_extension(fake, vm->type, KVM_CAP_XSAVE2);
	if (vcpu->xsave_size < 4096)
		vcpu->xsave_size = 4096;
	power_on(&vcpu->state, vm, id);
	for (unsigned i = 0; i < fake->more_msrs; i++)
		vcpu->state.msrs[vcpu->state.msr_count++].index = FAKE_MORE_MSRS + i;
	if (fake->restless)
		make_restless(vcpu, vm);
	return vcpu;
}

void vcpu_free(struct fake_vcpu *vcpu)
{
	munmap(vcpu->own, FAKE_RUN_SIZE);
	close(vcpu->memory);
	free(vcpu);
}

bool fake_kvm_vcpu_state(struct fake_kvm *fake, int fd, struct fake_vcpu_state *out)
{
	const struct fake_fd *entry;
	bool found;

	pthread_mutex_lock(&fake->lock);
	entry = fd_find(fake, fd);
	found = entry != NULL && entry->file->kind == FAKE_VCPU;
	if (found)
		*out = entry->file->vcpu->state;
	pthread_mutex_unlock(&fake->lock);
	return found;
}

/* ---- CPUID ---- */

void fake_cpuid(const struct fake_kvm *fake, struct kvm_cpuid_entry2 *entries)
{
	static const struct kvm_cpuid_entry2 first[] = {
		{.function = 0, .eax = 0x1f, .ebx = 0x756e6547},
		{.function = 1,
		 .eax = 0x600,
		 .ebx = 0x77000800,
		 .ecx = 0x80202001,
		 .edx = 0x78bfbff},
		{.function = 0xb, .index = 0, .flags = 1, .ecx = 0x100, .edx = 0x77},
		{.function = 0xb, .index = 1, .flags = 1, .ecx = 0x201, .edx = 0x77},
		{.function = 0x1f, .index = 0, .flags = 1, .ecx = 0x100, .edx = 0x77},
		{.function = 0x40000000, .eax = 0x40000001},
		{.function = 0x80000000, .eax = 0x80000008},
		{.function = 0x80000008, .eax = 0x3030},
		{.function = 0x8000001e, .eax = 0x77},
	};
	const unsigned given = sizeof(first) / sizeof(first[0]);

	memcpy(entries, first, sizeof(first));
	for (unsigned i = given; i < fake->cpuid_count; i++)
		entries[i] = (struct kvm_cpuid_entry2){
			.function = 0xd, .index = i - given, .flags = 1, .eax = i};
}

static int set_cpuid2(struct fake_call *call)
{
	const struct kvm_cpuid2 *cpuid = (const struct kvm_cpuid2 *)call->argument;
	struct fake_vcpu *vcpu = call->file->vcpu;
	size_t bytes;

	if (cpuid == NULL)
		return -EFAULT;
	text_add(&call->line, " nent=%u", cpuid->nent);
	if (cpuid->nent > FAKE_CPUID_MAX)
		return -E2BIG;
	bytes = cpuid->nent * sizeof(cpuid->entries[0]);
	if (vcpu->was_run)
		return vcpu->state.cpuid_count == cpuid->nent &&
				       memcmp(vcpu->state.cpuid, cpuid->entries, bytes) == 0
			       ? 0
			       : -EINVAL;
	memcpy(vcpu->state.cpuid, cpuid->entries, bytes);
	vcpu->state.cpuid_count = cpuid->nent;
	vcpu->state.parts_set |= FAKE_CPUID;
	return 0;
}

/* ---- registers that go in and out whole ---- */

enum direction { GET, SET };

static int transfer(struct fake_call *call, void *ours, size_t size, enum direction direction,
		    uint32_t part)
{
	struct fake_vcpu *vcpu = call->file->vcpu;

	if (call->argument == 0)
		return -EFAULT;
	if (direction == GET) {
		memcpy((void *)call->argument, ours, size);
		return 0;
	}
	if (vcpu->pending != FAKE_NOTHING)
		fake_blame(call->fake, "%s on %s with an exit that was not completed", call->name,
			   call->file->name);
	memcpy(ours, (const void *)call->argument, size);
	vcpu->state.parts_set |= part;
	return 0;
}

#define PART(name, member, part)                                                                   \
	static int get_##name(struct fake_call *call)                                              \
	{                                                                                          \
		struct fake_vcpu_state *state = &call->file->vcpu->state;                          \
		return transfer(call, &state->member, sizeof(state->member), GET, part);           \
	}                                                                                          \
	static int set_##name(struct fake_call *call)                                              \
	{                                                                                          \
		struct fake_vcpu_state *state = &call->file->vcpu->state;                          \
		return transfer(call, &state->member, sizeof(state->member), SET, part);           \
	}

PART(regs, regs, FAKE_REGS)
PART(xcrs, xcrs, FAKE_XCRS)
PART(events, events, FAKE_EVENTS)
PART(debugregs, debugregs, FAKE_DEBUGREGS)

static int get_sregs(struct fake_call *call)
{
	struct fake_vcpu_state *state = &call->file->vcpu->state;

	return transfer(call, &state->sregs, sizeof(state->sregs), GET, FAKE_SREGS);
}

static int set_sregs(struct fake_call *call)
{
	struct fake_vcpu_state *state = &call->file->vcpu->state;

	call->file->vcpu->cached_count = 0;
	return transfer(call, &state->sregs, sizeof(state->sregs), SET, FAKE_SREGS);
}

/* Only the newer request gives what lies beyond 4096 bytes; the old setter takes all of it. */
static int get_xsave(struct fake_call *call)
{
	return transfer(call, call->file->vcpu->state.xsave, 4096, GET, FAKE_XSAVE);
}

static int get_xsave2(struct fake_call *call)
{
	struct fake_vcpu *vcpu = call->file->vcpu;

	return transfer(call, vcpu->state.xsave, vcpu->xsave_size, GET, FAKE_XSAVE);
}

static int set_xsave(struct fake_call *call)
{
	struct fake_vcpu *vcpu = call->file->vcpu;

	return transfer(call, vcpu->state.xsave, vcpu->xsave_size, SET, FAKE_XSAVE);
}

static int get_lapic(struct fake_call *call)
{
	struct fake_vcpu_state *state = &call->file->vcpu->state;

	if (!call->file->vm->irqchip)
		return -EINVAL;
	return transfer(call, &state->lapic, sizeof(state->lapic), GET, FAKE_LAPIC);
}

static int set_lapic(struct fake_call *call)
{
	struct fake_vcpu_state *state = &call->file->vcpu->state;

	if (!call->file->vm->irqchip)
		return -EINVAL;
	if ((state->parts_set & FAKE_SREGS) == 0)
		fake_blame(call->fake, "%s: the local APIC before its base (KVM_SET_SREGS)",
			   call->file->name);
	return transfer(call, &state->lapic, sizeof(state->lapic), SET, FAKE_LAPIC);
}

static int get_mp_state(struct fake_call *call)
{
	struct fake_vcpu_state *state = &call->file->vcpu->state;

	return transfer(call, &state->mp_state, sizeof(state->mp_state), GET, FAKE_MP_STATE);
}

static int set_mp_state(struct fake_call *call)
{
	const struct kvm_mp_state *mp_state = (const struct kvm_mp_state *)call->argument;
	struct fake_vcpu_state *state = &call->file->vcpu->state;

	if (mp_state == NULL)
		return -EFAULT;
	if (!call->file->vm->irqchip && mp_state->mp_state != KVM_MP_STATE_RUNNABLE)
		return -EINVAL;
	return transfer(call, &state->mp_state, sizeof(state->mp_state), SET, FAKE_MP_STATE);
}

/* ---- MSRs: one by one, up to the first that is refused ---- */

static struct kvm_msr_entry *find_msr(struct fake_vcpu_state *state, uint32_t index)
{
	for (uint32_t i = 0; i < state->msr_count; i++)
		if (state->msrs[i].index == index)
			return &state->msrs[i];
	return NULL;
}

static int move_msrs(struct fake_call *call, enum direction direction)
{
	struct fake_vcpu *vcpu = call->file->vcpu;
	struct kvm_msrs *msrs = (struct kvm_msrs *)call->argument;
	uint32_t refused =
		direction == GET ? call->fake->unreadable_msr : call->fake->unwritable_msr;
	uint32_t done = 0;

	if (msrs == NULL)
		return -EFAULT;
	text_add(&call->line, " n=%u", msrs->nmsrs);
	if (msrs->nmsrs >= 256)
		return -E2BIG;
	if (direction == SET && vcpu->pending != FAKE_NOTHING)
		fake_blame(call->fake, "%s on %s with an exit that was not completed", call->name,
			   call->file->name);
	for (; done < msrs->nmsrs; done++) {
		struct kvm_msr_entry *entry = &msrs->entries[done];
		struct kvm_msr_entry *ours = find_msr(&vcpu->state, entry->index);

		if (ours == NULL || (refused != 0 && entry->index == refused))
			break;
		if (direction == GET)
			entry->data = ours->data;
		else
			ours->data = entry->data;
	}
	if (direction == SET)
		vcpu->state.parts_set |= FAKE_MSRS;
	snprintf(call->result, sizeof(call->result), "%u", done);
	return (int)done;
}

static int get_msrs(struct fake_call *call)
{
	return move_msrs(call, GET);
}

static int set_msrs(struct fake_call *call)
{
	return move_msrs(call, SET);
}

const struct fake_request fake_vcpu_requests[] = {
	{KVM_SET_CPUID2, "KVM_SET_CPUID2", FAKE_VCPU, false, set_cpuid2},
	{KVM_GET_SREGS, "KVM_GET_SREGS", FAKE_VCPU, false, get_sregs},
	{KVM_SET_SREGS, "KVM_SET_SREGS", FAKE_VCPU, false, set_sregs},
	{KVM_GET_REGS, "KVM_GET_REGS", FAKE_VCPU, false, get_regs},
	{KVM_SET_REGS, "KVM_SET_REGS", FAKE_VCPU, false, set_regs},
	{KVM_GET_MSRS, "KVM_GET_MSRS", FAKE_VCPU, false, get_msrs},
	{KVM_SET_MSRS, "KVM_SET_MSRS", FAKE_VCPU, false, set_msrs},
	{KVM_GET_XSAVE, "KVM_GET_XSAVE", FAKE_VCPU, false, get_xsave},
	{KVM_GET_XSAVE2, "KVM_GET_XSAVE2", FAKE_VCPU, false, get_xsave2},
	{KVM_SET_XSAVE, "KVM_SET_XSAVE", FAKE_VCPU, false, set_xsave},
	{KVM_GET_XCRS, "KVM_GET_XCRS", FAKE_VCPU, false, get_xcrs},
	{KVM_SET_XCRS, "KVM_SET_XCRS", FAKE_VCPU, false, set_xcrs},
	{KVM_GET_LAPIC, "KVM_GET_LAPIC", FAKE_VCPU, false, get_lapic},
	{KVM_SET_LAPIC, "KVM_SET_LAPIC", FAKE_VCPU, false, set_lapic},
	{KVM_GET_MP_STATE, "KVM_GET_MP_STATE", FAKE_VCPU, false, get_mp_state},
	{KVM_SET_MP_STATE, "KVM_SET_MP_STATE", FAKE_VCPU, false, set_mp_state},
	{KVM_GET_VCPU_EVENTS, "KVM_GET_VCPU_EVENTS", FAKE_VCPU, false, get_events},
	{KVM_SET_VCPU_EVENTS, "KVM_SET_VCPU_EVENTS", FAKE_VCPU, false, set_events},
	{KVM_GET_DEBUGREGS, "KVM_GET_DEBUGREGS", FAKE_VCPU, false, get_debugregs},
	{KVM_SET_DEBUGREGS, "KVM_SET_DEBUGREGS", FAKE_VCPU, false, set_debugregs},
	{0, NULL, FAKE_VCPU, false, NULL},
};
