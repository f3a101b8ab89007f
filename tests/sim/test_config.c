/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A VM's configuration: sections 6.2, 6.3, 6.6, 9.3 and 11.7 of KVM's generic ABI, row by row. */
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"
#include "sim/vm.h"
#include "sim/vm_config.h"

#define PLAIN              0
#define SWP                1
#define BAD                ((const void *)8) /* an address that nothing is at */
#define APIC_BUS_CYCLES_NS 237

static const struct sim_vm_config *config_of(const struct bench *bench)
{
	return bench->sim->vms->config;
}

/* --- KVM_ENABLE_CAP */

enum before { NOTHING, A_VCPU, SPLIT, FULL, BOOT_CPU_5 };

static const struct cap_row {
	const char *row;
	uint32_t cap;
	uint64_t value;
	enum before before;
	int expected;
} cap_rows[] = {
	{"6.3 unknown cap", 9999, 0, NOTHING, -EINVAL},
	{"6.3 MAX_VCPUS: always EINVAL", KVM_CAP_MAX_VCPUS, 4, NOTHING, -EINVAL},
	{"6.3 DISABLE_QUIRKS: unknown bits dropped", KVM_CAP_DISABLE_QUIRKS, 1ull << 40, NOTHING,
	 0},
	{"6.3 DISABLE_QUIRKS2: unknown bits", KVM_CAP_DISABLE_QUIRKS2, 1ull << 40, NOTHING,
	 -EINVAL},
	{"6.3 DISABLE_QUIRKS2 at any time", KVM_CAP_DISABLE_QUIRKS2, 1, A_VCPU, 0},
	{"6.3 SPLIT_IRQCHIP: 4096 pins", KVM_CAP_SPLIT_IRQCHIP, 4096, NOTHING, 0},
	{"6.3 SPLIT_IRQCHIP: 4097 pins", KVM_CAP_SPLIT_IRQCHIP, 4097, NOTHING, -EINVAL},
	{"6.3 SPLIT_IRQCHIP: pins before EEXIST", KVM_CAP_SPLIT_IRQCHIP, 4097, FULL, -EINVAL},
	{"6.3 X2APIC_API", KVM_CAP_X2APIC_API, 3, A_VCPU, 0},
	{"6.3 X2APIC_API: unknown bit", KVM_CAP_X2APIC_API, 16, NOTHING, -EINVAL},
	{"6.3 X2APIC_API: bit 2 needs split", KVM_CAP_X2APIC_API, 4, FULL, -EINVAL},
	{"6.3 X2APIC_API: bit 2 with split", KVM_CAP_X2APIC_API, 4, SPLIT, 0},
	{"6.3 X2APIC_API: bits 2 and 3", KVM_CAP_X2APIC_API, 12, SPLIT, -EINVAL},
	{"6.3 X86_DISABLE_EXITS", KVM_CAP_X86_DISABLE_EXITS, 1, NOTHING, 0},
	{"6.3 X86_DISABLE_EXITS <V", KVM_CAP_X86_DISABLE_EXITS, 1, A_VCPU, -EINVAL},
	{"6.3 X86_DISABLE_EXITS: unknown bit", KVM_CAP_X86_DISABLE_EXITS, 0x100, NOTHING, -EINVAL},
	{"6.3 MSR_PLATFORM_INFO", KVM_CAP_MSR_PLATFORM_INFO, 0, A_VCPU, 0},
	{"6.3 EXCEPTION_PAYLOAD", KVM_CAP_EXCEPTION_PAYLOAD, 1, A_VCPU, 0},
	{"6.3 X86_TRIPLE_FAULT_EVENT", KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1, A_VCPU, 0},
	{"6.3 X86_USER_SPACE_MSR", KVM_CAP_X86_USER_SPACE_MSR, 7, A_VCPU, 0},
	{"6.3 X86_USER_SPACE_MSR: bit 3", KVM_CAP_X86_USER_SPACE_MSR, 8, NOTHING, -EINVAL},
	{"6.3 X86_BUS_LOCK_EXIT: both", KVM_CAP_X86_BUS_LOCK_EXIT, 3, NOTHING, -EINVAL},
	{"6.3 X86_BUS_LOCK_EXIT", KVM_CAP_X86_BUS_LOCK_EXIT, 2, NOTHING, 0},
	{"6.3 COPY_ENC_CONTEXT_FROM: no VM", KVM_CAP_VM_COPY_ENC_CONTEXT_FROM, 9999, NOTHING,
	 -EINVAL},
	{"6.3 EXIT_HYPERCALL", KVM_CAP_EXIT_HYPERCALL, 0x1000, A_VCPU, 0},
	{"6.3 EXIT_HYPERCALL: other calls", KVM_CAP_EXIT_HYPERCALL, 0x1001, NOTHING, -EINVAL},
	{"6.3 EXIT_ON_EMULATION_FAILURE", KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1, A_VCPU, 0},
	{"6.3 EXIT_ON_EMULATION_FAILURE: 2", KVM_CAP_EXIT_ON_EMULATION_FAILURE, 2, NOTHING,
	 -EINVAL},
	{"6.3 PMU_CAPABILITY", KVM_CAP_PMU_CAPABILITY, 1, NOTHING, 0},
	{"6.3 PMU_CAPABILITY <V", KVM_CAP_PMU_CAPABILITY, 1, A_VCPU, -EINVAL},
	{"6.3 PMU_CAPABILITY: bit 1", KVM_CAP_PMU_CAPABILITY, 2, NOTHING, -EINVAL},
	{"6.3 MAX_VCPU_ID", KVM_CAP_MAX_VCPU_ID, 8, NOTHING, 0},
	{"6.3 MAX_VCPU_ID: too many", KVM_CAP_MAX_VCPU_ID, 1u << 20, NOTHING, -EINVAL},
	{"6.3 MAX_VCPU_ID < boot id", KVM_CAP_MAX_VCPU_ID, 4, BOOT_CPU_5, -EINVAL},
	{"6.3 MAX_VCPU_ID after a vCPU", KVM_CAP_MAX_VCPU_ID, 8, A_VCPU, -EINVAL},
	{"6.3 MAX_VCPU_ID after a vCPU, the same", KVM_CAP_MAX_VCPU_ID, 4096, A_VCPU, 0},
	{"6.3 X86_NOTIFY_VMEXIT", KVM_CAP_X86_NOTIFY_VMEXIT, 1, NOTHING, 0},
	{"6.3 X86_NOTIFY_VMEXIT <V", KVM_CAP_X86_NOTIFY_VMEXIT, 1, A_VCPU, -EINVAL},
	{"6.3 X86_NOTIFY_VMEXIT: not enabled", KVM_CAP_X86_NOTIFY_VMEXIT, 2, NOTHING, -EINVAL},
	{"6.3 DISABLE_NX_HUGE_PAGES: not 0", KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 1, NOTHING, -EINVAL},
	{"6.3 DISABLE_NX_HUGE_PAGES <V", KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 0, A_VCPU, -EINVAL},
	{"6.3 APIC_BUS_CYCLES_NS >I", APIC_BUS_CYCLES_NS, 40, NOTHING, -ENXIO},
	{"6.3 APIC_BUS_CYCLES_NS", APIC_BUS_CYCLES_NS, 40, SPLIT, 0},
	{"6.3 APIC_BUS_CYCLES_NS: 0, before ENXIO", APIC_BUS_CYCLES_NS, 0, NOTHING, -EINVAL},
	{"6.3 MANUAL_DIRTY_LOG: both bits", KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 3, A_VCPU, 0},
	{"6.3 MANUAL_DIRTY_LOG: bit 1 needs bit 0", KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 2, NOTHING,
	 -EINVAL},
	{"6.3 HALT_POLL", KVM_CAP_HALT_POLL, 1000, A_VCPU, 0},
	{"6.3 HALT_POLL: more than 32 bits", KVM_CAP_HALT_POLL, 1ull << 32, NOTHING, -EINVAL},
	{"6.3 DIRTY_LOG_RING", KVM_CAP_DIRTY_LOG_RING, 4096, NOTHING, 0},
	{"6.3 DIRTY_LOG_RING: not a power of 2", KVM_CAP_DIRTY_LOG_RING, 4096 * 3, NOTHING,
	 -EINVAL},
	{"6.3 DIRTY_LOG_RING: less than a page", KVM_CAP_DIRTY_LOG_RING, 2048, NOTHING, -EINVAL},
	{"6.3 DIRTY_LOG_RING: too large", KVM_CAP_DIRTY_LOG_RING, 1u << 21, NOTHING, -E2BIG},
	{"6.3 DIRTY_LOG_RING <V", KVM_CAP_DIRTY_LOG_RING_ACQ_REL, 4096, A_VCPU, -EINVAL},
	{"6.3 DIRTY_LOG_RING_WITH_BITMAP", 225, 0, NOTHING, -EINVAL},
};

static void prepare(struct bench *bench, enum before before)
{
	if (before == A_VCPU)
		ck_assert_int_eq(bench_close_fd(bench, bench_vcpu(bench, 0)), 0);
	else if (before == SPLIT)
		bench_split(bench);
	else if (before == FULL)
		bench_irqchip(bench);
	else if (before == BOOT_CPU_5)
		ck_assert_int_eq(bench_ioctl_value(bench, bench->vm, KVM_SET_BOOT_CPU_ID, 5), 0);
}

START_TEST(capabilities_are_enabled_in_order)
{
	const struct cap_row *row = &cap_rows[_i];
	struct bench bench;
	int r;

	bench_open(&bench, "plain", PLAIN);
	prepare(&bench, row->before);
	r = bench_cap(&bench, row->cap, row->value);
	ck_assert_msg(r == row->expected, "%s: %d", row->row, r);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_ENABLE_CAP, BAD), -EFAULT);
	bench_close(&bench);
}
END_TEST

/* `flags` must be 0, for the generic ones as well; those of the dirty ring are not looked at. */
START_TEST(capabilities_refuse_flags)
{
	const struct {
		uint32_t cap;
		uint64_t value;
		int expected;
	} rows[] = {
		{KVM_CAP_EXIT_HYPERCALL, 0, -EINVAL},
		{KVM_CAP_HALT_POLL, 1, -EINVAL},
		{KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 1, -EINVAL},
		{KVM_CAP_DIRTY_LOG_RING, 4096, 0},
	};
	struct bench bench;

	bench_open(&bench, "all", PLAIN);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct kvm_enable_cap args = {.cap = rows[i].cap,
						    .flags = 1,
						    .args = {rows[i].value, ~0ull, ~0ull, ~0ull}};
		int r = bench_ioctl(&bench, bench.vm, KVM_ENABLE_CAP, &args);

		ck_assert_msg(r == rows[i].expected, "cap %u: %d", rows[i].cap, r);
	}
	bench_close(&bench);
}
END_TEST

/* The column "Repeat": bits accumulate, the last wins, and so on. */
START_TEST(capabilities_repeat_as_the_table_says)
{
	const struct sim_vm_caps *caps;
	struct bench bench;

	bench_open(&bench, "all", PLAIN);
	caps = &config_of(&bench)->caps;
	bench_split(&bench);
	bench_cap(&bench, KVM_CAP_DISABLE_QUIRKS, 1);
	bench_cap(&bench, KVM_CAP_DISABLE_QUIRKS2, 4);
	ck_assert_uint_eq(caps->disabled_quirks, 5);
	bench_cap(&bench, KVM_CAP_X2APIC_API, 1 | 4);
	bench_cap(&bench, KVM_CAP_X2APIC_API, 2 | 8);
	ck_assert_uint_eq(caps->x2apic_api, 1 | 2 | 8);
	bench_cap(&bench, KVM_CAP_X86_USER_SPACE_MSR, 7);
	bench_cap(&bench, KVM_CAP_X86_USER_SPACE_MSR, 2);
	ck_assert_uint_eq(caps->user_space_msr, 2);
	ck_assert(caps->platform_info);
	bench_cap(&bench, KVM_CAP_X86_BUS_LOCK_EXIT, 2);
	bench_cap(&bench, KVM_CAP_X86_BUS_LOCK_EXIT, 1);
	ck_assert(caps->bus_lock_exit);
	ck_assert_int_eq(bench_cap(&bench, KVM_CAP_DIRTY_LOG_RING, 4096), 0);
	ck_assert_int_eq(bench_cap(&bench, KVM_CAP_DIRTY_LOG_RING, 4096), -EINVAL);
	ck_assert_int_eq(bench_cap(&bench, KVM_CAP_MAX_VCPU_ID, 8), 0);
	ck_assert_int_eq(bench_cap(&bench, KVM_CAP_MAX_VCPU_ID, 9), -EINVAL);
	ck_assert_int_eq(bench_cap(&bench, KVM_CAP_MAX_VCPU_ID, 8), 0);
	bench_close(&bench);
}
END_TEST

/* --- KVM_CHECK_EXTENSION: section 12, and 2.1 of SEV's ABI */

#define ON_SYSTEM ~0ull

static const struct {
	uint64_t type;
	uint32_t cap;
	int expected;
} extension_rows[] = {
	{ON_SYSTEM, UAPI_CAP_VM_TYPES, 0x3f},
	{ON_SYSTEM, UAPI_CAP_MEMORY_ATTRIBUTES, 8},
	{ON_SYSTEM, KVM_CAP_READONLY_MEM, 1},
	{ON_SYSTEM, KVM_CAP_NR_MEMSLOTS, 32764},
	{ON_SYSTEM, KVM_CAP_MAX_VCPUS, 1024},
	{ON_SYSTEM, KVM_CAP_MAX_VCPU_ID, 4096},
	{ON_SYSTEM, KVM_CAP_XSAVE2, 4096},
	{ON_SYSTEM, 9999, 0},
	{0, UAPI_CAP_MEMORY_ATTRIBUTES, 0},
	{1, UAPI_CAP_MEMORY_ATTRIBUTES, 8},
	{2, UAPI_CAP_MEMORY_ATTRIBUTES, 0},
	{3, UAPI_CAP_MEMORY_ATTRIBUTES, 0},
	{4, UAPI_CAP_MEMORY_ATTRIBUTES, 8},
	{5, UAPI_CAP_MEMORY_ATTRIBUTES, 8},
	{0, UAPI_CAP_GUEST_MEMFD_FLAGS, 3},
	{1, UAPI_CAP_GUEST_MEMFD_FLAGS, 1},
	{2, UAPI_CAP_GUEST_MEMFD_FLAGS, 3},
	{3, UAPI_CAP_GUEST_MEMFD_FLAGS, 3},
	{4, UAPI_CAP_GUEST_MEMFD_FLAGS, 1},
	{5, UAPI_CAP_GUEST_MEMFD_FLAGS, 1},
	{0, KVM_CAP_MULTI_ADDRESS_SPACE, 2},
	{1, KVM_CAP_MULTI_ADDRESS_SPACE, 1},
	{2, KVM_CAP_MULTI_ADDRESS_SPACE, 2},
	{4, KVM_CAP_MULTI_ADDRESS_SPACE, 1},
	{5, KVM_CAP_MULTI_ADDRESS_SPACE, 1},
	{0, KVM_CAP_READONLY_MEM, 1},
	{1, KVM_CAP_READONLY_MEM, 1},
	{2, KVM_CAP_READONLY_MEM, 1},
	{3, KVM_CAP_READONLY_MEM, 0},
	{4, KVM_CAP_READONLY_MEM, 0},
	{5, KVM_CAP_READONLY_MEM, 0},
	{3, KVM_CAP_SYNC_REGS, 0},
	{4, KVM_CAP_SYNC_REGS, 0},
	{2, KVM_CAP_SYNC_REGS, 7},
};

START_TEST(extensions_are_answered_by_type)
{
	struct bench bench;
	int r;

	bench_open(&bench, "all",
		   extension_rows[_i].type == ON_SYSTEM ? 0 : extension_rows[_i].type);
	r = bench_ioctl_value(&bench, extension_rows[_i].type == ON_SYSTEM ? bench.kvm : bench.vm,
			      KVM_CHECK_EXTENSION, extension_rows[_i].cap);
	ck_assert_msg(r == extension_rows[_i].expected, "type %d, cap %u: %d",
		      (int)extension_rows[_i].type, extension_rows[_i].cap, r);
	bench_close(&bench);
}
END_TEST

START_TEST(only_offered_types_can_be_made)
{
	struct bench bench;

	bench_open(&bench, "snp", PLAIN);
	ck_assert_int_eq(
		bench_ioctl_value(&bench, bench.kvm, KVM_CHECK_EXTENSION, UAPI_CAP_VM_TYPES), 0x11);
	for (uintptr_t type = 0; type < 8; type++) {
		int r = bench_ioctl_value(&bench, bench.kvm, KVM_CREATE_VM, type);

		if (type == 0 || type == 4)
			ck_assert_int_eq(bench_close_fd(&bench, r), 0);
		else
			ck_assert_int_eq(r, -EINVAL);
	}
	ck_assert_int_eq(bench_ioctl_value(&bench, bench.kvm, KVM_CREATE_VM, 1ul << 32), -EINVAL);
	bench_close(&bench);
}
END_TEST

/* --- plain settings and their order */

static const struct {
	const char *row;
	unsigned long request;
	uint64_t value; /* or what its pointer leads to */
	bool pointer;
	enum before before;
	int expected;
} setting_rows[] = {
	{"6.2 SET_NR_MMU_PAGES", KVM_SET_NR_MMU_PAGES, 64, false, A_VCPU, 0},
	{"6.2 SET_NR_MMU_PAGES: < 64", KVM_SET_NR_MMU_PAGES, 63, false, NOTHING, -EINVAL},
	{"6.2 SET_TSS_ADDR", KVM_SET_TSS_ADDR, 0xffffd000, false, NOTHING, 0},
	{"6.2 SET_TSS_ADDR: too high", KVM_SET_TSS_ADDR, 0xffffe000, false, NOTHING, -EINVAL},
	{"6.2 SET_IDENTITY_MAP_ADDR", KVM_SET_IDENTITY_MAP_ADDR, 0xfffbc000, true, NOTHING, 0},
	{"6.2 SET_IDENTITY_MAP_ADDR <V", KVM_SET_IDENTITY_MAP_ADDR, 0xfffbc000, true, A_VCPU,
	 -EINVAL},
	{"6.2 SET_BOOT_CPU_ID", KVM_SET_BOOT_CPU_ID, 3, false, NOTHING, 0},
	{"6.2 SET_BOOT_CPU_ID <V", KVM_SET_BOOT_CPU_ID, 3, false, A_VCPU, -EBUSY},
	{"6.2 SET_BOOT_CPU_ID: the limit itself", KVM_SET_BOOT_CPU_ID, 4096, false, NOTHING, 0},
	{"6.2 SET_BOOT_CPU_ID: beyond", KVM_SET_BOOT_CPU_ID, 4097, false, NOTHING, -EINVAL},
	{"6.2 SET_TSC_KHZ", KVM_SET_TSC_KHZ, 1000000, false, NOTHING, 0},
	{"6.2 SET_TSC_KHZ <V", KVM_SET_TSC_KHZ, 1000000, false, A_VCPU, -EINVAL},
	{"6.2 SET_TSC_KHZ: 0 is the host's", KVM_SET_TSC_KHZ, 0, false, NOTHING, 0},
};

START_TEST(settings_are_made_in_order)
{
	struct bench bench;
	int r;

	bench_open(&bench, "all", PLAIN);
	prepare(&bench, setting_rows[_i].before);
	r = bench_ioctl_value(&bench, bench.vm, setting_rows[_i].request,
			      setting_rows[_i].pointer ? (uintptr_t)&setting_rows[_i].value
						       : setting_rows[_i].value);
	ck_assert_msg(r == setting_rows[_i].expected, "%s: %d", setting_rows[_i].row, r);
	bench_close(&bench);
}
END_TEST

START_TEST(the_identity_map_looks_at_vcpus_before_its_argument)
{
	struct bench bench;

	bench_open(&bench, "all", PLAIN);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_SET_IDENTITY_MAP_ADDR, BAD), -EFAULT);
	prepare(&bench, A_VCPU);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_SET_IDENTITY_MAP_ADDR, BAD), -EINVAL);
	bench_close(&bench);
}
END_TEST

/* --- vCPUs: 9.3, precedence; 11.7 */

START_TEST(vcpus_are_made_in_the_kernels_order)
{
	struct bench bench;
	int fd;

	bench_open(&bench, "all:max_vcpus=4", PLAIN);
	/* KVM_MAX_VCPU_IDS is four times the most vCPUs. */
	ck_assert_int_eq(bench_ioctl_value(&bench, bench.vm, KVM_CREATE_VCPU, 16), -EINVAL);
	ck_assert_int_eq(bench_cap(&bench, KVM_CAP_MAX_VCPU_ID, 10), 0);
	ck_assert_int_eq(bench_ioctl_value(&bench, bench.vm, KVM_CREATE_VCPU, 10), -EINVAL);
	for (uintptr_t id = 6; id < 10; id++) {
		fd = bench_vcpu(&bench, id);
		ck_assert_int_eq(bench_close_fd(&bench, fd), 0);
		if (id < 9)
			ck_assert_int_eq(bench_ioctl_value(&bench, bench.vm, KVM_CREATE_VCPU, id),
					 -EEXIST);
	}
	/* Closing its descriptor takes no vCPU away. A full VM is EINVAL before EEXIST. */
	ck_assert_int_eq(bench_ioctl_value(&bench, bench.vm, KVM_CREATE_VCPU, 6), -EINVAL);
	ck_assert_uint_eq(bench_account(&bench).vcpus, 4);
	bench_close(&bench);
}
END_TEST

/* --- filters */

START_TEST(msr_filters_are_checked_and_ask_for_msrs)
{
	uint8_t bits[8] = {0x02};
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_DENY,
		.ranges =
			{{.flags = KVM_MSR_FILTER_READ, .nmsrs = 8, .base = 0x10, .bitmap = bits}},
	};
	struct kvm_msr_filter bad = filter;
	const struct sim_vm *vm;
	struct bench bench;

	bench_open(&bench, "all", PLAIN);
	vm = bench.sim->vms;
	ck_assert(sim_msr_allowed(vm, 0x10, false));
	bad.flags = 2;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_X86_SET_MSR_FILTER, &bad), -EINVAL);
	bad = (struct kvm_msr_filter){.flags = KVM_MSR_FILTER_DEFAULT_DENY};
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_X86_SET_MSR_FILTER, &bad), -EINVAL);
	bad = filter;
	bad.ranges[0].flags = 0;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_X86_SET_MSR_FILTER, &bad), -EINVAL);
	bad = filter;
	bad.ranges[0].nmsrs = 0x600 * 8 + 1;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_X86_SET_MSR_FILTER, &bad), -EINVAL);
	bad = filter;
	bad.ranges[0].bitmap = (uint8_t *)8;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_X86_SET_MSR_FILTER, &bad), -EFAULT);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_X86_SET_MSR_FILTER, BAD), -EFAULT);
	ck_assert(sim_msr_allowed(vm, 0x10, false));

	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_X86_SET_MSR_FILTER, &filter), 0);
	bits[0] = 0; /* copied */
	ck_assert(!sim_msr_allowed(vm, 0x10, false));
	ck_assert(sim_msr_allowed(vm, 0x11, false));
	ck_assert(!sim_msr_allowed(vm, 0x11, true));
	ck_assert(!sim_msr_allowed(vm, 0x99, false));
	ck_assert(sim_msr_allowed(vm, 0x830, true));
	/* All empty and allow: it is gone. */
	filter = (struct kvm_msr_filter){0};
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_X86_SET_MSR_FILTER, &filter), 0);
	ck_assert(sim_msr_allowed(vm, 0x99, true));
	bench_close(&bench);
}
END_TEST

START_TEST(pmu_filters_are_checked)
{
	struct {
		struct kvm_pmu_event_filter header;
		uint64_t events[300];
	} filter = {.header = {.nevents = 300}};
	struct bench bench;

	bench_open(&bench, "all", PLAIN);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_SET_PMU_EVENT_FILTER, BAD), -EFAULT);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_SET_PMU_EVENT_FILTER, &filter), 0);
	ck_assert_uint_eq(config_of(&bench)->pmu_filter->nevents, 300);
	filter.header.nevents = 301;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_SET_PMU_EVENT_FILTER, &filter), -E2BIG);
	filter.header.action = 2;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_SET_PMU_EVENT_FILTER, &filter), -EINVAL);
	filter.header = (struct kvm_pmu_event_filter){.nevents = 1, .flags = 2};
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_SET_PMU_EVENT_FILTER, &filter), -EINVAL);
	ck_assert_uint_eq(config_of(&bench)->pmu_filter->nevents, 300);
	bench_close(&bench);
}
END_TEST

START_TEST(the_clock_goes_on_from_where_it_was_set)
{
	struct kvm_clock_data clock = {.clock = 1000000000000000ull}, back;
	struct bench bench;

	bench_open(&bench, "all", PLAIN);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_SET_CLOCK, &clock), 0);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_GET_CLOCK, &back), 0);
	/* An hour is room enough for any machine. */
	ck_assert_uint_ge(back.clock, clock.clock);
	ck_assert_uint_lt(back.clock, clock.clock + 3600000000000ull);
	clock.flags = 1;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_SET_CLOCK, &clock), -EINVAL);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_SET_CLOCK, &back), 0);
	bench_close(&bench);
}
END_TEST

/* --- Hyper-V and Xen */

START_TEST(hyperv_eventfds_are_by_connection)
{
	int fd = eventfd(0, 0);
	struct kvm_hyperv_eventfd args = {.conn_id = 5, .fd = fd};
	struct bench bench;

	bench_open(&bench, "all", PLAIN);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_HYPERV_EVENTFD, &args), 0);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_HYPERV_EVENTFD, &args), -EEXIST);
	args.fd = 9999;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_HYPERV_EVENTFD, &args), -EBADF);
	args.flags = KVM_HYPERV_EVENTFD_DEASSIGN;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_HYPERV_EVENTFD, &args), 0);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_HYPERV_EVENTFD, &args), -ENOENT);
	args.flags = 2;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_HYPERV_EVENTFD, &args), -EINVAL);
	args.flags = 0;
	args.conn_id = 1u << 24;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_HYPERV_EVENTFD, &args), -EINVAL);
	close(fd);
	bench_close(&bench);
}
END_TEST

START_TEST(xen_settings_are_kept)
{
	struct kvm_xen_hvm_config config = {.flags = 2, .msr = 0x40000000};
	struct kvm_xen_hvm_attr attr = {.type = KVM_XEN_ATTR_TYPE_UPCALL_VECTOR, .u.vector = 0xf};
	int fd = eventfd(0, 0);
	struct bench bench;

	bench_open(&bench, "all", PLAIN);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_XEN_HVM_CONFIG, &config), 0);
	config.blob_size_64 = 1;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_XEN_HVM_CONFIG, &config), -EINVAL);
	config = (struct kvm_xen_hvm_config){.msr = 0x10};
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_XEN_HVM_CONFIG, &config), -EINVAL);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_XEN_HVM_SET_ATTR, &attr), -EINVAL);
	attr.u.vector = 0x50;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_XEN_HVM_SET_ATTR, &attr), 0);
	attr.u.vector = 0;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_XEN_HVM_GET_ATTR, &attr), 0);
	ck_assert_uint_eq(attr.u.vector, 0x50);
	attr.type = 99;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_XEN_HVM_SET_ATTR, &attr), -ENOENT);
	attr = (struct kvm_xen_hvm_attr){.type = KVM_XEN_ATTR_TYPE_EVTCHN};
	attr.u.evtchn.send_port = 3;
	attr.u.evtchn.deliver.eventfd.fd = fd;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_XEN_HVM_SET_ATTR, &attr), 0);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_XEN_HVM_SET_ATTR, &attr), -EEXIST);
	attr.u.evtchn.flags = KVM_XEN_EVTCHN_DEASSIGN;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_XEN_HVM_SET_ATTR, &attr), 0);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_XEN_HVM_SET_ATTR, &attr), -ENOENT);
	close(fd);
	bench_close(&bench);
}
END_TEST

/* --- devices: 6.6 */

START_TEST(devices_are_checked)
{
	struct kvm_create_device args = {.type = 99};
	struct bench bench;

	bench_open(&bench, "all", PLAIN);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_CREATE_DEVICE, BAD), -EFAULT);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_CREATE_DEVICE, &args), -ENODEV);
	/* A test makes none; other flags are ignored. */
	args = (struct kvm_create_device){.type = KVM_DEV_TYPE_VFIO,
					  .flags = KVM_CREATE_DEVICE_TEST};
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_CREATE_DEVICE, &args), 0);
	args.flags = 0xf0;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_CREATE_DEVICE, &args), 0);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_CREATE_DEVICE, &args), -EBUSY);
	ck_assert_int_eq(bench_close_fd(&bench, (int)args.fd), 0);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_CREATE_DEVICE, &args), 0);
	ck_assert_int_eq(bench_close_fd(&bench, (int)args.fd), 0);
	bench_close(&bench);
}
END_TEST

static int vfio(struct bench *bench, int device, uint64_t attr, int32_t fd)
{
	const struct kvm_device_attr args = {.group = 1, .attr = attr, .addr = (uintptr_t)&fd};

	return bench_ioctl(bench, device, KVM_SET_DEVICE_ATTR, &args);
}

static int vfio_device(struct bench *bench)
{
	struct kvm_create_device args = {.type = KVM_DEV_TYPE_VFIO};

	ck_assert_int_eq(bench_ioctl(bench, bench->vm, KVM_CREATE_DEVICE, &args), 0);
	return (int)args.fd;
}

/* 7.4: the order trap: when the old device goes, it takes away what the new one has told the file.
 */
START_TEST(a_vfio_file_forgets_its_vm_with_the_old_device)
{
	struct sim_file *file;
	struct bench bench;
	int old, new, group;

	bench_open(&bench, "all", PLAIN);
	group = bench.platform->ops->open(bench.platform->context, "/dev/vfio/1");
	ck_assert_int_ge(group, 0);
	file = sim_file_get(bench.sim, group);
	old = vfio_device(&bench);
	ck_assert_int_eq(vfio(&bench, old, 1, 9999), -EBADF);
	ck_assert_int_eq(vfio(&bench, old, 1, bench.vm), -EINVAL);
	ck_assert_int_eq(vfio(&bench, old, 2, group), -ENOENT);
	ck_assert_int_eq(vfio(&bench, old, 3, group), -ENXIO);
	ck_assert_int_eq(vfio(&bench, old, 1, group), 0);
	ck_assert_int_eq(vfio(&bench, old, 1, group), -EEXIST);
	ck_assert_ptr_eq(sim_vfio_vm(file), bench.sim->vms);
	ck_assert_int_eq(bench_close_fd(&bench, bench.vm), 0);
	bench.vm = bench_vm(&bench, 0);
	new = vfio_device(&bench);
	ck_assert_int_eq(vfio(&bench, new, 1, group), 0);
	ck_assert_ptr_eq(sim_vfio_vm(file), bench.sim->vms);
	ck_assert_int_eq(bench_close_fd(&bench, old), 0);
	ck_assert_ptr_null(sim_vfio_vm(file));
	ck_assert_int_eq(bench_ioctl(&bench, new, KVM_GET_DEVICE_ATTR, BAD), -EPERM);
	ck_assert_int_eq(bench_close_fd(&bench, new), 0);
	sim_file_put(file);
	ck_assert_int_eq(bench_close_fd(&bench, group), 0);
	bench_close(&bench);
}
END_TEST

/* --- encryption ioctls on VMs that have none: section 12 */

START_TEST(a_plain_vm_knows_no_encryption)
{
	const struct kvm_enc_region region = {.addr = 0, .size = 4096};
	struct bench bench;
	int vcpu;

	bench_open(&bench, "plain", PLAIN);
	vcpu = bench_vcpu(&bench, 0);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_MEMORY_ENCRYPT_OP, NULL), -ENOTTY);
	ck_assert_int_eq(bench_ioctl(&bench, vcpu, KVM_MEMORY_ENCRYPT_OP, NULL), -ENOTTY);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_MEMORY_ENCRYPT_REG_REGION, BAD),
			 -EFAULT);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_MEMORY_ENCRYPT_REG_REGION, &region),
			 -ENOTTY);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_MEMORY_ENCRYPT_UNREG_REGION, &region),
			 -ENOTTY);
	ck_assert_int_eq(bench_close_fd(&bench, vcpu), 0);
	bench_close(&bench);
}
END_TEST

/* KVM_BUG_ON: every ioctl of the VM and its vCPUs is EIO. */
START_TEST(a_dead_vm_answers_nothing)
{
	struct coco_sim_vm_info info;
	struct coco_error error;
	struct bench bench;
	int vcpu;

	bench_open(&bench, "all", PLAIN);
	vcpu = bench_vcpu(&bench, 0);
	ck_assert_int_eq(sim_vm_bug(bench.sim->vms), -EIO);
	ck_assert_int_eq(bench_ioctl_value(&bench, bench.vm, KVM_CHECK_EXTENSION, 0), -EIO);
	ck_assert_int_eq(bench_ioctl_value(&bench, bench.vm, 0xaeff, 0), -EIO);
	ck_assert_int_eq(bench_ioctl_value(&bench, vcpu, KVM_GET_TSC_KHZ, 0), -EIO);
	COCO_INIT(&info);
	expect_ok(coco_sim_get_vm_info(bench.sim, bench.vm, &info, &error), &error);
	ck_assert_uint_eq(info.dead, 1);
	ck_assert_uint_eq(info.vm_fds, 1);
	ck_assert_uint_eq(info.vcpu_fds, 1);
	expect_error(coco_sim_get_vm_info(bench.sim, bench.kvm, &info, &error), &error, -EBADF,
		     "fd");
	ck_assert_int_eq(bench_close_fd(&bench, vcpu), 0);
	bench_close(&bench);
}
END_TEST

#define ROWS(array) (int)(sizeof(array) / sizeof((array)[0]))

int main(void)
{
	const TTest *const tests[] = {
		capabilities_refuse_flags,
		capabilities_repeat_as_the_table_says,
		only_offered_types_can_be_made,
		the_identity_map_looks_at_vcpus_before_its_argument,
		vcpus_are_made_in_the_kernels_order,
		msr_filters_are_checked_and_ask_for_msrs,
		pmu_filters_are_checked,
		the_clock_goes_on_from_where_it_was_set,
		hyperv_eventfds_are_by_connection,
		xen_settings_are_kept,
		devices_are_checked,
		a_vfio_file_forgets_its_vm_with_the_old_device,
		a_plain_vm_knows_no_encryption,
		a_dead_vm_answers_nothing,
		NULL,
	};
	Suite *suite = expect_suite("sim.config", tests);
	TCase *rows = tcase_create("rows");

	tcase_add_loop_test(rows, capabilities_are_enabled_in_order, 0, ROWS(cap_rows));
	tcase_add_loop_test(rows, extensions_are_answered_by_type, 0, ROWS(extension_rows));
	tcase_add_loop_test(rows, settings_are_made_in_order, 0, ROWS(setting_rows));
	suite_add_tcase(suite, rows);
	return expect_run(suite);
}
