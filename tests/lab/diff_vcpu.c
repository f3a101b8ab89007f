/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a vCPU is set to and read as, before and after its state is protected. */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "diff.h"

/* KVM_GET_XSAVE. */
#define XSAVE_SIZE 4096

static void cpuid(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		  struct diff_result *result)
{
	static const struct kvm_cpuid_entry2 leaves[] = {
		{.function = 0,
		 .eax = 0x10,
		 .ebx = 0x68747541,
		 .ecx = 0x444d4163,
		 .edx = 0x69746e65},
		{.function = 1,
		 .eax = 0xa00f11,
		 .ebx = 0x800,
		 .ecx = 0x80200000,
		 .edx = 0x178bfbff},
		{.function = 0x80000000, .eax = 0x80000008},
		{.function = 0x80000001, .eax = 0xa00f11, .edx = 0x20100800},
		{.function = 0x80000008, .eax = 0x3028},
	};
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[COUNT(leaves)];
	} list;

	memset(&list, 0, sizeof(list));
	list.head.nent = COUNT(leaves);
	memcpy(list.entries, leaves, sizeof(leaves));
	if (a[0] == 1)
		list.head.nent = 300;
	else if (a[0] == 2)
		list.entries[1].eax = 0xb00f11;
	else if (a[0] == 3)
		list.entries[4].eax = 0x3099;
	result->rc = diff_ioctl(side, diff_vcpu(vm, a[1]), KVM_SET_CPUID2, &list);
}

/* Requests that are given a structure, and those that fill it. */
static const struct {
	unsigned long get;
	unsigned long set;
	size_t size;
} states[] = {
	{KVM_GET_REGS, KVM_SET_REGS, sizeof(struct kvm_regs)},
	{KVM_GET_SREGS, KVM_SET_SREGS, sizeof(struct kvm_sregs)},
	{KVM_GET_SREGS2, KVM_SET_SREGS2, sizeof(struct kvm_sregs2)},
	{KVM_GET_FPU, KVM_SET_FPU, sizeof(struct kvm_fpu)},
	{KVM_GET_XSAVE, KVM_SET_XSAVE, XSAVE_SIZE},
	{KVM_GET_XCRS, KVM_SET_XCRS, sizeof(struct kvm_xcrs)},
	{KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, sizeof(struct kvm_debugregs)},
	{KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, sizeof(struct kvm_vcpu_events)},
	{KVM_GET_MP_STATE, KVM_SET_MP_STATE, sizeof(struct kvm_mp_state)},
	{KVM_GET_LAPIC, KVM_SET_LAPIC, sizeof(struct kvm_lapic_state)},
};

static void get_state(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		      struct diff_result *result)
{
	static uint8_t bytes[XSAVE_SIZE];

	memset(bytes, 0, sizeof(bytes));
	result->rc = diff_ioctl(side, diff_vcpu(vm, a[1]), PICK(states, a[0]).get, bytes);
	/* At 464: the host's own XCR0. */
	if (PICK(states, a[0]).get == KVM_GET_XSAVE)
		memset(bytes + 464, 0, sizeof(uint64_t));
	if (!result->rc)
		diff_put(result, bytes, PICK(states, a[0]).size);
}

/* What is there is set again; with a change that is right for a[2] == 0. */
static void change(unsigned long set, void *bytes, uint8_t how)
{
	struct kvm_sregs2 *sregs = bytes;

	if (set == KVM_SET_REGS) {
		struct kvm_regs *regs = bytes;

		regs->rax = how == 1 ? 0x1234567890 : 0x77;
		regs->rip = how == 2 ? UINT64_MAX : 0xfff0;
		regs->rflags = how == 3 ? 0 : 2;
	} else if (set == KVM_SET_SREGS || set == KVM_SET_SREGS2) {
		/* The first fields are the same. */
		sregs->cs.base = 0xffff0000;
		if (how == 1)
			sregs->cr0 = 0x80000010; /* paging without protection */
		else if (how == 2)
			sregs->efer = 1ull << 40;
		else if (how == 3)
			sregs->cr4 = 1ull << 31;
	} else if (set == KVM_SET_MP_STATE) {
		((struct kvm_mp_state *)bytes)->mp_state = how == 1 ? 77 : how;
	} else if (set == KVM_SET_DEBUGREGS) {
		struct kvm_debugregs *debug = bytes;

		debug->db[0] = 0x1000;
		if (how == 1)
			debug->dr7 = 1ull << 40;
		else if (how == 2)
			debug->dr7 = 0x401;
		else if (how == 3)
			debug->flags = 1;
	} else if (set == KVM_SET_XCRS) {
		if (how == 1)
			((struct kvm_xcrs *)bytes)->xcrs[0].value = 0;
	} else if (set == KVM_SET_FPU) {
		((struct kvm_fpu *)bytes)->mxcsr = 0x1f80;
		((struct kvm_fpu *)bytes)->fcw = how ? 0x27f : 0x37f;
	} else if (set == KVM_SET_VCPU_EVENTS && how) {
		((struct kvm_vcpu_events *)bytes)->flags = how == 1 ? 1u << 30 : 0;
	}
}

static void set_state(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		      struct diff_result *result)
{
	static uint8_t bytes[XSAVE_SIZE];
	const int fd = diff_vcpu(vm, a[1]);

	memset(bytes, 0, sizeof(bytes));
	result->status = (uint32_t)diff_ioctl(side, fd, PICK(states, a[0]).get, bytes);
	change(PICK(states, a[0]).set, bytes, a[2]);
	result->rc = diff_ioctl(side, fd, PICK(states, a[0]).set, bytes);
}

/* Neither clocks nor VM_CR, which is about nested virtualization. */
static void msr(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		struct diff_result *result)
{
	static const struct {
		uint32_t index;
		uint64_t right;
		uint64_t wrong;
	} msrs[] = {
		{0xc0000080, 0, 1ull << 40},      /* EFER */
		{0x277, 0x0007040600070406, 2},   /* PAT */
		{0xc0000081, 0x1234, 0},          /* STAR */
		{0xc0000082, 0x1000, 1ull << 60}, /* LSTAR */
		{0xc0000084, 0x200, 0},           /* SFMASK */
		{0xc0000102, 0x1000, 1ull << 60}, /* KERNEL_GS_BASE */
		{0xc0000103, 5, 1ull << 40},      /* TSC_AUX */
		{0x174, 8, 0},                    /* SYSENTER_CS */
		{0x175, 0x1000, 1ull << 60},      /* SYSENTER_ESP */
		{0x1b, 0xfee00900, 1ull << 60},   /* APIC_BASE */
		{0xc0010130, 0x1000, 0},          /* GHCB */
		{0xc0010131, 1, 0},               /* SEV_STATUS */
		{0xda0, 0, 1},                    /* XSS */
		{0x1d9, 0, 1},                    /* DEBUGCTL */
		{0xc0010015, 0, 1ull << 40},      /* HWCR */
		{0x4b564d01, 0, 1},               /* KVM's clock */
		{0x10000000, 0, 0},               /* none */
	};
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} list;

	memset(&list, 0, sizeof(list));
	list.head.nmsrs = 1;
	list.entry.index = PICK(msrs, a[0]).index;
	list.entry.data = a[2] == 2 ? PICK(msrs, a[0]).wrong : PICK(msrs, a[0]).right;
	result->rc =
		diff_ioctl(side, diff_vcpu(vm, a[1]), a[2] ? KVM_SET_MSRS : KVM_GET_MSRS, &list);
	if (!a[2] && result->rc == 1)
		diff_put_word(result, list.entry.data);
}

static void run(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		struct diff_result *result)
{
	const unsigned which = a[0] % DIFF_VCPUS;

	/* No guest code: only whether it would be let in. */
	if (!vm->runs[which])
		return;
	vm->runs[which]->immediate_exit = 1;
	result->rc = diff_ioctl_value(side, vm->vcpus[which], KVM_RUN, 0);
}

static void vcpu_command(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
			 struct diff_result *result)
{
	static const unsigned long requests[] = {KVM_NMI, KVM_SMI, KVM_GET_TSC_KHZ,
						 KVM_KVMCLOCK_CTRL, KVM_MEMORY_ENCRYPT_OP};

	result->rc = diff_ioctl_value(side, diff_vcpu(vm, a[1]), PICK(requests, a[0]), 0);
	if (PICK(requests, a[0]) == KVM_GET_TSC_KHZ)
		result->rc = result->rc > 0;
}

static void debug(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		  struct diff_result *result)
{
	static const uint32_t controls[] = {
		0, KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP, 1u << 30};
	struct kvm_guest_debug control;

	memset(&control, 0, sizeof(control));
	control.control = controls[a[0]];
	result->rc = diff_ioctl(side, diff_vcpu(vm, a[1]), KVM_SET_GUEST_DEBUG, &control);
}

static void interrupt(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		      struct diff_result *result)
{
	struct kvm_interrupt vector = {.irq = a[0] ? 300 : 0x41};

	result->rc = diff_ioctl(side, diff_vcpu(vm, a[1]), KVM_INTERRUPT, &vector);
}

const struct diff_op diff_vcpu_ops[] = {
	{"cpuid", cpuid, {4, DIFF_VCPUS}, 3},
	{"get", get_state, {10, DIFF_VCPUS}, 8},
	{"set", set_state, {10, DIFF_VCPUS, 4}, 8},
	{"msr", msr, {17, DIFF_VCPUS, 3}, 6},
	{"run", run, {DIFF_VCPUS}, 3},
	{"vcpu_command", vcpu_command, {5, DIFF_VCPUS}, 2},
	{"debug", debug, {4, DIFF_VCPUS}, 2},
	{"interrupt", interrupt, {2, DIFF_VCPUS}, 1},
	{0},
};
