/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A vCPU's registers and settings: what is put in comes out, what KVM refuses is refused
 * (6.4, 6.5). */
#include <string.h>

#include "bench.h"
#include "sim/cpuid.h"
#include "sim/vcpu_state.h"

#define BAD ((const void *)8) /* an address that nothing is at */

struct vcpu {
	struct bench bench;
	int fd;
};

static void open_vcpu(struct vcpu *vcpu, const char *knobs, bool lapic)
{
	bench_open(&vcpu->bench, knobs, 0);
	if (lapic)
		bench_split(&vcpu->bench);
	vcpu->fd = bench_vcpu(&vcpu->bench, 0);
}

static void close_vcpu(struct vcpu *vcpu)
{
	ck_assert_int_eq(bench_close_fd(&vcpu->bench, vcpu->fd), 0);
	bench_close(&vcpu->bench);
}

static int call(struct vcpu *vcpu, unsigned long request, const void *argument)
{
	return bench_ioctl(&vcpu->bench, vcpu->fd, request, argument);
}

/* --- power-on */

START_TEST(power_on_is_the_kernels)
{
	const bool amd = _i;
	struct kvm_regs regs = {0};
	struct kvm_sregs sregs = {0};
	struct kvm_debugregs debug = {0};
	struct kvm_fpu fpu = {0};
	struct kvm_xcrs xcrs = {0};
	struct vcpu vcpu;

	open_vcpu(&vcpu, amd ? "sev" : "plain", true);
	ck_assert_int_eq(call(&vcpu, KVM_GET_REGS, &regs), 0);
	ck_assert_int_eq(call(&vcpu, KVM_GET_SREGS, &sregs), 0);
	ck_assert_int_eq(call(&vcpu, KVM_GET_DEBUGREGS, &debug), 0);
	ck_assert_int_eq(call(&vcpu, KVM_GET_FPU, &fpu), 0);
	ck_assert_int_eq(call(&vcpu, KVM_GET_XCRS, &xcrs), 0);
	ck_assert_uint_eq(regs.rip, 0xfff0);
	ck_assert_uint_eq(regs.rflags, 2);
	ck_assert_uint_eq(regs.rdx, 0x600);
	ck_assert_uint_eq(regs.rax | regs.rbx | regs.rcx | regs.rsp, 0);
	ck_assert_uint_eq(sregs.cs.selector, 0xf000);
	ck_assert_uint_eq(sregs.cs.base, 0xffff0000);
	ck_assert_uint_eq(sregs.cs.type, amd ? 0xa : 0xb);
	ck_assert_uint_eq(sregs.ds.type, 3);
	ck_assert_uint_eq(sregs.tr.type, amd ? 3 : 0xb);
	ck_assert_uint_eq(sregs.cr0, 0x60000010);
	ck_assert_uint_eq(sregs.apic_base, 0xfee00900);
	ck_assert_uint_eq(debug.dr6, 0xffff0ff0);
	ck_assert_uint_eq(debug.dr7, 0x400);
	ck_assert_uint_eq(fpu.fcw, 0x37f);
	ck_assert_uint_eq(fpu.mxcsr, 0); /* KVM does not show it here */
	ck_assert_uint_eq(xcrs.nr_xcrs, 1);
	ck_assert_uint_eq(xcrs.xcrs[0].value, 1);
	close_vcpu(&vcpu);
}
END_TEST

static uint32_t lapic_word(const struct kvm_lapic_state *lapic, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, lapic->regs + offset, sizeof(value));
	return value;
}

START_TEST(the_boot_cpu_differs_from_the_others)
{
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp;
	struct kvm_sregs sregs;
	struct vcpu vcpu;
	int other;

	open_vcpu(&vcpu, "all", true);
	other = bench_vcpu(&vcpu.bench, 3);
	ck_assert_int_eq(call(&vcpu, KVM_GET_MP_STATE, &mp), 0);
	ck_assert_uint_eq(mp.mp_state, KVM_MP_STATE_RUNNABLE);
	ck_assert_int_eq(call(&vcpu, KVM_GET_LAPIC, &lapic), 0);
	ck_assert_uint_eq(lapic_word(&lapic, 0x30), 0x50014);
	ck_assert_uint_eq(lapic_word(&lapic, 0x350), 0x700);
	ck_assert_int_eq(bench_ioctl(&vcpu.bench, other, KVM_GET_MP_STATE, &mp), 0);
	ck_assert_uint_eq(mp.mp_state, KVM_MP_STATE_UNINITIALIZED);
	ck_assert_int_eq(bench_ioctl(&vcpu.bench, other, KVM_GET_LAPIC, &lapic), 0);
	ck_assert_uint_eq(lapic_word(&lapic, 0x20), 3u << 24);
	ck_assert_uint_eq(lapic_word(&lapic, 0x350), 0x10000);
	ck_assert_int_eq(bench_ioctl(&vcpu.bench, other, KVM_GET_SREGS, &sregs), 0);
	ck_assert_uint_eq(sregs.apic_base, 0xfee00800);
	ck_assert_int_eq(bench_close_fd(&vcpu.bench, other), 0);
	close_vcpu(&vcpu);
}
END_TEST

/* --- 6.4: without an in-kernel LAPIC */

START_TEST(without_a_lapic_there_is_less)
{
	static struct kvm_lapic_state lapic;
	struct kvm_mp_state mp = {.mp_state = KVM_MP_STATE_RUNNABLE};
	const struct kvm_vapic_addr vapic = {0};
	struct vcpu vcpu;

	open_vcpu(&vcpu, "all", false);
	ck_assert_int_eq(call(&vcpu, KVM_GET_LAPIC, &lapic), -EINVAL);
	ck_assert_int_eq(call(&vcpu, KVM_SET_LAPIC, &lapic), -EINVAL);
	/* Before the argument is read. */
	ck_assert_int_eq(call(&vcpu, KVM_SET_LAPIC, BAD), -EINVAL);
	ck_assert_int_eq(call(&vcpu, KVM_SET_VAPIC_ADDR, &vapic), -EINVAL);
	ck_assert_int_eq(call(&vcpu, KVM_SET_MP_STATE, &mp), 0);
	mp.mp_state = KVM_MP_STATE_HALTED;
	ck_assert_int_eq(call(&vcpu, KVM_SET_MP_STATE, &mp), -EINVAL);
	mp.mp_state = 99;
	ck_assert_int_eq(call(&vcpu, KVM_SET_MP_STATE, &mp), -EINVAL);
	close_vcpu(&vcpu);
}
END_TEST

/* --- what is put in comes out */

static const struct {
	const char *row;
	unsigned long set, get;
	size_t size;
} round_trips[] = {
	{"REGS", KVM_SET_REGS, KVM_GET_REGS, sizeof(struct kvm_regs)},
	{"FPU", KVM_SET_FPU, KVM_GET_FPU, sizeof(struct kvm_fpu)},
	{"XSAVE", KVM_SET_XSAVE, KVM_GET_XSAVE, 4096},
	{"XSAVE2", KVM_SET_XSAVE, KVM_GET_XSAVE2, 4096},
	{"LAPIC", KVM_SET_LAPIC, KVM_GET_LAPIC, sizeof(struct kvm_lapic_state)},
};

/* Bytes that every one of them takes: pads and flags of zero where they are checked. */
static void fill(uint8_t *bytes, size_t size, unsigned long request)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 7 + 3);
	if (request == KVM_SET_XSAVE) {
		memset(bytes + 24, 0, 8);
		memset(bytes + 512, 0, 64);
		/* The host's XCR0, which KVM puts into what FXSAVE leaves free. */
		memset(bytes + 464, 0, 8);
		bytes[464] = 7;
	}
	if (request == KVM_SET_REGS)
		((struct kvm_regs *)(void *)bytes)->rflags = 0x202;
	if (request == KVM_SET_FPU) {
		struct kvm_fpu *fpu = (struct kvm_fpu *)(void *)bytes;

		fpu->pad1 = 0;
		fpu->pad2 = 0;
		fpu->mxcsr = 0; /* which KVM neither takes from here nor shows */
	}
}

START_TEST(registers_come_out_as_they_went_in)
{
	static uint64_t in[512], out[512];
	struct vcpu vcpu;

	open_vcpu(&vcpu, "all", true);
	fill((uint8_t *)in, round_trips[_i].size, round_trips[_i].set);
	ck_assert_int_eq(call(&vcpu, round_trips[_i].set, in), 0);
	ck_assert_int_eq(call(&vcpu, round_trips[_i].get, out), 0);
	ck_assert_msg(memcmp(in, out, round_trips[_i].size) == 0, "%s", round_trips[_i].row);
	ck_assert_int_eq(call(&vcpu, round_trips[_i].set, BAD), -EFAULT);
	ck_assert_int_eq(call(&vcpu, round_trips[_i].get, BAD), -EFAULT);
	close_vcpu(&vcpu);
}
END_TEST

START_TEST(long_mode_sregs_come_out_as_they_went_in)
{
	struct kvm_sregs sregs, back;
	struct kvm_sregs2 more;
	struct vcpu vcpu;

	open_vcpu(&vcpu, "plain", true);
	ck_assert_int_eq(call(&vcpu, KVM_GET_SREGS, &sregs), 0);
	sregs.cr0 = 0x80000011;
	sregs.cr3 = 0x1000;
	sregs.cr4 = 0x20;
	sregs.efer = 0x500;
	sregs.cs.l = 1;
	sregs.interrupt_bitmap[0] = 1ull << 33;
	ck_assert_int_eq(call(&vcpu, KVM_SET_SREGS, &sregs), 0);
	ck_assert_int_eq(call(&vcpu, KVM_GET_SREGS, &back), 0);
	ck_assert_mem_eq(&sregs, &back, sizeof(sregs));
	ck_assert_int_eq(call(&vcpu, KVM_GET_SREGS2, &more), 0);
	ck_assert_uint_eq(more.cr3, 0x1000);
	ck_assert_uint_eq(more.flags, 0);
	close_vcpu(&vcpu);
}
END_TEST

static const struct {
	const char *row;
	uint64_t cr0, cr3, cr4, efer;
	bool cs_l;
	int expected;
} sregs_rows[] = {
	{"real mode", 0x60000010, 0, 0, 0, false, 0},
	{"protected mode", 0x11, 0, 0, 0, false, 0},
	{"long mode", 0x80000011, 0x1000, 0x20, 0x500, true, 0},
	{"LME and PG without PAE", 0x80000011, 0, 0, 0x500, true, -EINVAL},
	{"LME and PG without LMA", 0x80000011, 0, 0x20, 0x100, true, -EINVAL},
	{"LMA without PG", 0x11, 0, 0x20, 0x500, false, -EINVAL},
	{"CS.L without long mode", 0x11, 0, 0, 0, true, -EINVAL},
	{"PG without PE", 0x80000010, 0, 0, 0, false, -EINVAL},
	{"NW without CD", 0x20000011, 0, 0, 0, false, -EINVAL},
	{"CR0 above 32 bits", 0x100000011, 0, 0, 0, false, -EINVAL},
	{"CR4 with a reserved bit", 0x11, 0, 1ull << 40, 0, false, -EINVAL},
	{"EFER with a reserved bit", 0x11, 0, 0, 2, false, -EINVAL},
	{"CR3 above physical addresses", 0x80000011, 1ull << 53, 0x20, 0x500, true, -EINVAL},
};

START_TEST(sregs_are_checked)
{
	struct kvm_sregs sregs;
	struct vcpu vcpu;
	int r;

	open_vcpu(&vcpu, "all", true);
	ck_assert_int_eq(call(&vcpu, KVM_GET_SREGS, &sregs), 0);
	sregs.cr0 = sregs_rows[_i].cr0;
	sregs.cr3 = sregs_rows[_i].cr3;
	sregs.cr4 = sregs_rows[_i].cr4;
	sregs.efer = sregs_rows[_i].efer;
	sregs.cs.l = sregs_rows[_i].cs_l;
	r = call(&vcpu, KVM_SET_SREGS, &sregs);
	ck_assert_msg(r == sregs_rows[_i].expected, "%s: %d", sregs_rows[_i].row, r);
	close_vcpu(&vcpu);
}
END_TEST

/* --- CPUID */

START_TEST(cpuid_is_set_before_the_first_run)
{
	struct {
		struct kvm_cpuid2 header;
		struct kvm_cpuid_entry2 entries[257];
	} cpuid = {.header.nent = 257}, back;
	struct vcpu vcpu;

	open_vcpu(&vcpu, "all", true);
	ck_assert_int_eq(call(&vcpu, KVM_SET_CPUID2, &cpuid), -E2BIG);
	ck_assert_int_eq(call(&vcpu, KVM_SET_CPUID2, BAD), -EFAULT);
	cpuid.header.nent = 2;
	cpuid.entries[0] = (struct kvm_cpuid_entry2){.function = 1, .eax = 0x1234};
	cpuid.entries[1] = (struct kvm_cpuid_entry2){.function = 0x80000008, .eax = 0x3128};
	ck_assert_int_eq(call(&vcpu, KVM_SET_CPUID2, &cpuid), -EINVAL);
	cpuid.entries[1].eax = 0x3028;
	ck_assert_int_eq(call(&vcpu, KVM_SET_CPUID2, &cpuid), 0);
	back.header.nent = 1;
	ck_assert_int_eq(call(&vcpu, KVM_GET_CPUID2, &back), -E2BIG);
	back.header.nent = 256;
	ck_assert_int_eq(call(&vcpu, KVM_GET_CPUID2, &back), 0);
	ck_assert_uint_eq(back.header.nent, 2);
	ck_assert_mem_eq(back.entries, cpuid.entries, 2 * sizeof(cpuid.entries[0]));
	/* Once it has run: the same only. */
	vcpu.bench.sim->vms->vcpus[0]->ran = true;
	ck_assert_int_eq(call(&vcpu, KVM_SET_CPUID2, &cpuid), 0);
	cpuid.entries[0].eax++;
	ck_assert_int_eq(call(&vcpu, KVM_SET_CPUID2, &cpuid), -EINVAL);
	close_vcpu(&vcpu);
}
END_TEST

START_TEST(supported_cpuid_is_what_a_vcpu_takes)
{
	struct {
		struct kvm_cpuid2 header;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid = {.header.nent = 1};
	bool sev = false;
	struct vcpu vcpu;

	open_vcpu(&vcpu, "snp", true);
	ck_assert_int_eq(bench_ioctl(&vcpu.bench, vcpu.bench.kvm, KVM_GET_SUPPORTED_CPUID, &cpuid),
			 -E2BIG);
	cpuid.header.nent = 256;
	ck_assert_int_eq(bench_ioctl(&vcpu.bench, vcpu.bench.kvm, KVM_GET_SUPPORTED_CPUID, &cpuid),
			 0);
	ck_assert_uint_gt(cpuid.header.nent, 20);
	for (uint32_t i = 0; i < cpuid.header.nent; i++)
		if (cpuid.entries[i].function == 0x8000001f) {
			sev = true;
			ck_assert_uint_eq(cpuid.entries[i].eax & 0x1a, 0x1a);
			ck_assert_uint_eq(cpuid.entries[i].ecx, 16);
		}
	ck_assert(sev);
	ck_assert_int_eq(call(&vcpu, KVM_SET_CPUID2, &cpuid), 0);
	close_vcpu(&vcpu);
}
END_TEST

/* --- MSRs */

struct msrs {
	struct kvm_msrs header;
	struct kvm_msr_entry entries[4];
};

START_TEST(msr_calls_stop_at_the_first_that_fails)
{
	struct msrs msrs = {{.nmsrs = 4},
			    {{.index = 0xc0000081, .data = 5},
			     {.index = 0x277, .data = 0x0606060606060606ull},
			     {.index = 0xdeadbeef, .data = 1},
			     {.index = 0xc0000084, .data = 7}}};
	struct vcpu vcpu;

	open_vcpu(&vcpu, "all", true);
	ck_assert_int_eq(call(&vcpu, KVM_SET_MSRS, &msrs), 2);
	for (unsigned i = 0; i < 4; i++)
		msrs.entries[i].data = 99;
	ck_assert_int_eq(call(&vcpu, KVM_GET_MSRS, &msrs), 2);
	ck_assert_uint_eq(msrs.entries[0].data, 5);
	ck_assert_uint_eq(msrs.entries[1].data, 0x0606060606060606ull);
	ck_assert_uint_eq(msrs.entries[2].data, 99);
	msrs.header.nmsrs = 256;
	ck_assert_int_eq(call(&vcpu, KVM_SET_MSRS, &msrs), -E2BIG);
	ck_assert_int_eq(call(&vcpu, KVM_GET_MSRS, BAD), -EFAULT);
	close_vcpu(&vcpu);
}
END_TEST

static const struct {
	const char *row;
	uint32_t index;
	uint64_t data;
	bool taken;
} msr_rows[] = {
	{"PAT: all types there are", 0x277, 0x0007040600070406ull, true},
	{"PAT: type 2", 0x277, 2, false},
	{"LSTAR: canonical", 0xc0000082, 0xffff800000000000ull, true},
	{"LSTAR: not canonical", 0xc0000082, 0x0000800000000000ull, false},
	{"MTRRCAP: what is in it", 0xfe, 0x508, true},
	{"MTRRCAP: anything else", 0xfe, 0x509, false},
	{"EFER: NX, LME, SCE", 0xc0000080, 0x901, true},
	{"EFER: reserved", 0xc0000080, 2, false},
	{"APIC_BASE: x2APIC", 0x1b, 0xfee00d00ull, true},
	{"APIC_BASE: x2APIC without enable", 0x1b, 0xfee00500ull, false},
	{"KVM system time", 0x4b564d01, 0x1001, true},
};

START_TEST(msrs_take_some_values_only)
{
	struct msrs msrs = {{.nmsrs = 1},
			    {{.index = msr_rows[_i].index, .data = msr_rows[_i].data}}};
	struct vcpu vcpu;
	int r;

	open_vcpu(&vcpu, "all", true);
	r = call(&vcpu, KVM_SET_MSRS, &msrs);
	ck_assert_msg(r == msr_rows[_i].taken, "%s: %d", msr_rows[_i].row, r);
	if (msr_rows[_i].taken) {
		msrs.entries[0].data = 0;
		ck_assert_int_eq(call(&vcpu, KVM_GET_MSRS, &msrs), 1);
		ck_assert_uint_eq(msrs.entries[0].data, msr_rows[_i].data);
	}
	close_vcpu(&vcpu);
}
END_TEST

START_TEST(every_listed_msr_can_be_read_and_written_back)
{
	struct {
		struct kvm_msr_list header;
		uint32_t indices[256];
	} list = {.header.nmsrs = 0};
	struct vcpu vcpu;
	uint32_t count;

	open_vcpu(&vcpu, "all", true);
	ck_assert_int_eq(bench_ioctl(&vcpu.bench, vcpu.bench.kvm, KVM_GET_MSR_INDEX_LIST, &list),
			 -E2BIG);
	count = list.header.nmsrs;
	ck_assert_uint_gt(count, 10);
	ck_assert_int_eq(bench_ioctl(&vcpu.bench, vcpu.bench.kvm, KVM_GET_MSR_INDEX_LIST, &list),
			 0);
	for (uint32_t i = 0; i < count; i++) {
		struct msrs msrs = {{.nmsrs = 1}, {{.index = list.indices[i]}}};

		ck_assert_msg(call(&vcpu, KVM_GET_MSRS, &msrs) == 1 &&
				      call(&vcpu, KVM_SET_MSRS, &msrs) == 1,
			      "MSR 0x%x", list.indices[i]);
	}
	close_vcpu(&vcpu);
}
END_TEST

START_TEST(one_reg_is_an_msr_by_another_name)
{
	uint64_t value = 0x41, back = 0;
	struct kvm_one_reg reg = {.id = 0x2030000200000000ull | 0xc0000081,
				  .addr = (uintptr_t)&value};
	struct vcpu vcpu;

	open_vcpu(&vcpu, "all", true);
	ck_assert_int_eq(call(&vcpu, KVM_SET_ONE_REG, &reg), 0);
	reg.addr = (uintptr_t)&back;
	ck_assert_int_eq(call(&vcpu, KVM_GET_ONE_REG, &reg), 0);
	ck_assert_uint_eq(back, 0x41);
	reg.id = 0x2030000200000000ull | 0xdeadbeef;
	ck_assert_int_eq(call(&vcpu, KVM_GET_ONE_REG, &reg), -EINVAL);
	reg.id = 0x1030000200000010ull;
	ck_assert_int_eq(call(&vcpu, KVM_GET_ONE_REG, &reg), -EINVAL);
	close_vcpu(&vcpu);
}
END_TEST

/* --- events, XCRs, debug registers and the rest */

START_TEST(events_are_checked)
{
	struct kvm_vcpu_events events = {
		.exception = {.injected = 1, .nr = 14, .has_error_code = 1}};
	struct vcpu vcpu;

	open_vcpu(&vcpu, "all", true);
	ck_assert_int_eq(call(&vcpu, KVM_SET_VCPU_EVENTS, &events), 0);
	ck_assert_int_eq(call(&vcpu, KVM_GET_VCPU_EVENTS, &events), 0);
	ck_assert_uint_eq(events.exception.injected, 1);
	ck_assert_uint_eq(events.exception.nr, 14);
	ck_assert_uint_eq(events.flags, 1 | 4 | 8);
	events.exception.nr = 32;
	ck_assert_int_eq(call(&vcpu, KVM_SET_VCPU_EVENTS, &events), -EINVAL);
	events.exception.nr = 2;
	ck_assert_int_eq(call(&vcpu, KVM_SET_VCPU_EVENTS, &events), -EINVAL);
	events = (struct kvm_vcpu_events){.flags = 0x100};
	ck_assert_int_eq(call(&vcpu, KVM_SET_VCPU_EVENTS, &events), -EINVAL);
	/* Payloads and triple faults want their capability first. */
	events.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	ck_assert_int_eq(call(&vcpu, KVM_SET_VCPU_EVENTS, &events), -EINVAL);
	ck_assert_int_eq(bench_cap(&vcpu.bench, KVM_CAP_EXCEPTION_PAYLOAD, 1), 0);
	ck_assert_int_eq(call(&vcpu, KVM_SET_VCPU_EVENTS, &events), 0);
	events.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	ck_assert_int_eq(call(&vcpu, KVM_SET_VCPU_EVENTS, &events), -EINVAL);
	ck_assert_int_eq(bench_cap(&vcpu.bench, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1), 0);
	ck_assert_int_eq(call(&vcpu, KVM_SET_VCPU_EVENTS, &events), 0);
	close_vcpu(&vcpu);
}
END_TEST

START_TEST(xcrs_go_as_far_as_cpuid)
{
	struct {
		struct kvm_cpuid2 header;
		struct kvm_cpuid_entry2 entry;
	} cpuid = {{.nent = 1}, {.function = 0xd, .flags = 1, .eax = 7}};
	struct kvm_xcrs xcrs = {.nr_xcrs = 1};
	struct vcpu vcpu;

	open_vcpu(&vcpu, "all", true);
	xcrs.xcrs[0].value = 7;
	ck_assert_int_eq(call(&vcpu, KVM_SET_XCRS, &xcrs), -EINVAL);
	ck_assert_int_eq(call(&vcpu, KVM_SET_CPUID2, &cpuid), 0);
	ck_assert_int_eq(call(&vcpu, KVM_SET_XCRS, &xcrs), 0);
	xcrs.xcrs[0].value = 6;
	ck_assert_int_eq(call(&vcpu, KVM_SET_XCRS, &xcrs), -EINVAL);
	xcrs.xcrs[0].value = 5;
	ck_assert_int_eq(call(&vcpu, KVM_SET_XCRS, &xcrs), -EINVAL);
	xcrs.nr_xcrs = 17;
	ck_assert_int_eq(call(&vcpu, KVM_SET_XCRS, &xcrs), -EINVAL);
	ck_assert_int_eq(call(&vcpu, KVM_GET_XCRS, &xcrs), 0);
	ck_assert_uint_eq(xcrs.xcrs[0].value, 7);
	close_vcpu(&vcpu);
}
END_TEST

START_TEST(small_settings_are_checked)
{
	struct kvm_debugregs debug = {.dr7 = 1ull << 40};
	const struct kvm_interrupt irq = {.irq = 256}, vector = {.irq = 32};
	const struct kvm_enable_cap unknown = {.cap = 9999}, synic = {.cap = KVM_CAP_HYPERV_SYNIC};
	uint64_t mce = 33, offset = 5, back = 0;
	struct kvm_device_attr attr = {.group = 0, .attr = 0, .addr = (uintptr_t)&offset};
	struct vcpu vcpu;

	open_vcpu(&vcpu, "all", true);
	ck_assert_int_eq(call(&vcpu, KVM_SET_DEBUGREGS, &debug), -EINVAL);
	ck_assert_int_eq(call(&vcpu, KVM_INTERRUPT, &irq), -EINVAL);
	ck_assert_int_eq(call(&vcpu, KVM_INTERRUPT, &vector), 0);
	ck_assert_int_eq(call(&vcpu, KVM_INTERRUPT, &vector), -EEXIST);
	ck_assert_int_eq(call(&vcpu, KVM_ENABLE_CAP, &unknown), -EINVAL);
	ck_assert_int_eq(call(&vcpu, KVM_ENABLE_CAP, &synic), 0);
	ck_assert_int_eq(call(&vcpu, KVM_X86_SETUP_MCE, &mce), -EINVAL);
	mce = 10;
	ck_assert_int_eq(call(&vcpu, KVM_X86_SETUP_MCE, &mce), 0);
	ck_assert_int_eq(call(&vcpu, KVM_SET_DEVICE_ATTR, &attr), 0);
	attr.addr = (uintptr_t)&back;
	ck_assert_int_eq(call(&vcpu, KVM_GET_DEVICE_ATTR, &attr), 0);
	ck_assert_uint_eq(back, 5);
	attr.attr = 1;
	ck_assert_int_eq(call(&vcpu, KVM_HAS_DEVICE_ATTR, &attr), -ENXIO);
	ck_assert_int_eq(bench_ioctl_value(&vcpu.bench, vcpu.fd, KVM_SET_TSC_KHZ, 1500000), 0);
	ck_assert_int_eq(bench_ioctl_value(&vcpu.bench, vcpu.fd, KVM_GET_TSC_KHZ, 0), 1500000);
	ck_assert_int_eq(bench_ioctl_value(&vcpu.bench, vcpu.fd, KVM_KVMCLOCK_CTRL, 0), -EINVAL);
	ck_assert_int_eq(bench_ioctl_value(&vcpu.bench, vcpu.fd, KVM_RUN, 1), -EINVAL);
	ck_assert_int_eq(call(&vcpu, KVM_GET_NESTED_STATE, &back), -EINVAL);
	close_vcpu(&vcpu);
}
END_TEST

#define ROWS(array) (int)(sizeof(array) / sizeof((array)[0]))

int main(void)
{
	const TTest *const tests[] = {
		the_boot_cpu_differs_from_the_others,
		without_a_lapic_there_is_less,
		long_mode_sregs_come_out_as_they_went_in,
		cpuid_is_set_before_the_first_run,
		supported_cpuid_is_what_a_vcpu_takes,
		msr_calls_stop_at_the_first_that_fails,
		every_listed_msr_can_be_read_and_written_back,
		one_reg_is_an_msr_by_another_name,
		events_are_checked,
		xcrs_go_as_far_as_cpuid,
		small_settings_are_checked,
		NULL,
	};
	Suite *suite = expect_suite("sim.vcpu_state", tests);
	TCase *rows = tcase_create("rows");

	tcase_add_loop_test(rows, power_on_is_the_kernels, 0, 2);
	tcase_add_loop_test(rows, registers_come_out_as_they_went_in, 0, ROWS(round_trips));
	tcase_add_loop_test(rows, sregs_are_checked, 0, ROWS(sregs_rows));
	tcase_add_loop_test(rows, msrs_take_some_values_only, 0, ROWS(msr_rows));
	suite_add_tcase(suite, rows);
	return expect_run(suite);
}
