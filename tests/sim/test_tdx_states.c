/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which command is allowed in which state of a TD: tables 9.3 and 4.2 of the TDX reference, cell by
 * cell, and the order in which checks come.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "td.h"

#define GET_SREGS2 0x8140aeccul
#define SET_SREGS2 0x4140aecdul

static const char *const stage_names[] = {"V0", "V1", "V1 C0", "V1 C1", "V2 C0", "V2 C1"};

static int capabilities(struct td *td)
{
	uint8_t room[sizeof(struct uapi_tdx_capabilities) + 64 * sizeof(struct kvm_cpuid_entry2)];
	struct uapi_tdx_capabilities *out = (void *)room;

	memset(room, 0, sizeof(room));
	out->nent = 64;
	return td_command(td, td->vm, UAPI_TDX_CAPABILITIES, 0, (uintptr_t)out);
}

static int init_vm(struct td *td)
{
	return td_init_vm(td);
}

static int finalize(struct td *td)
{
	return td_command(td, td->vm, UAPI_TDX_FINALIZE_VM, 0, 0);
}

static int init_vcpu_on_vm(struct td *td)
{
	return td_command(td, td->vm, UAPI_TDX_INIT_VCPU, 0, 0);
}

static int region_on_vm(struct td *td)
{
	return td_command(td, td->vm, UAPI_TDX_INIT_MEM_REGION, 0, 0);
}

static int unknown_on_vm(struct td *td)
{
	return td_command(td, td->vm, 99, 0, 0);
}

/* Descriptors count as 0. */
static int create_vcpu(struct td *td)
{
	int fd = td_create_vcpu(td, 3);

	return fd < 0 ? fd : 0;
}

static int init_vcpu(struct td *td)
{
	return td_command(td, td->vcpus[0], UAPI_TDX_INIT_VCPU, 0, 0x1000);
}

static int init_region(struct td *td)
{
	struct uapi_tdx_init_mem_region region = {(uintptr_t)td->source, TD_MEMORY_GPA, 1};

	ck_assert_int_eq(td_set_private(td, TD_MEMORY_GPA, 4096, true), 0);
	return td_init_region(td, td->vcpus[0], &region, 0);
}

static int get_cpuid(struct td *td)
{
	uint8_t room[sizeof(struct kvm_cpuid2) + 256 * sizeof(struct kvm_cpuid_entry2)];
	struct kvm_cpuid2 *out = (void *)room;

	out->nent = 256;
	return td_command(td, td->vcpus[0], TD_GET_CPUID, 0, (uintptr_t)out);
}

static int init_vm_on_vcpu(struct td *td)
{
	return td_command(td, td->vcpus[0], UAPI_TDX_INIT_VM, 0, 0);
}

static int finalize_on_vcpu(struct td *td)
{
	return td_command(td, td->vcpus[0], UAPI_TDX_FINALIZE_VM, 0, 0);
}

static int unknown_on_vcpu(struct td *td)
{
	return td_command(td, td->vcpus[0], 99, 0, 0);
}

static int set_cpuid(struct td *td)
{
	return td_set_cpuid(td, td->vcpus[0], true);
}

static int pre_fault(struct td *td)
{
	ck_assert_int_eq(td_set_private(td, TD_MEMORY_GPA + 0x10000, 4096, true), 0);
	return td_pre_fault(td, TD_MEMORY_GPA + 0x10000, 4096);
}

static int attributes(struct td *td)
{
	return td_set_private(td, TD_MEMORY_GPA, 8192, true);
}

static int guest_memfd(struct td *td)
{
	struct uapi_create_guest_memfd args = {.size = 8192};
	int fd = td_ioctl(td, td->vm, UAPI_CREATE_GUEST_MEMFD, (uintptr_t)&args);

	return fd < 0 ? fd : 0;
}

static int slot(struct td *td)
{
	struct uapi_memory_region2 region = {
		.slot = 5,
		.guest_phys_addr = 0x80000000,
		.memory_size = 4096,
		.userspace_addr = (uintptr_t)td->source,
	};

	return td_ioctl(td, td->vm, UAPI_SET_USER_MEMORY_REGION2, (uintptr_t)&region);
}

static int run(struct td *td)
{
	return td_ioctl(td, td->vcpus[0], KVM_RUN, 0);
}

#define ANY 1 /* not asked here: there is no such thing in that state, or another test asks */

/* Cells in the order of enum td_stage. */
struct row {
	const char *command;
	int (*call)(struct td *td);
	int result[TD_V2_C1 + 1];
};

static const struct row rows[] = {
	{"CAPABILITIES", capabilities, {0, 0, 0, 0, 0, 0}},
	{"INIT_VM", init_vm, {0, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	{"FINALIZE_VM", finalize, {-EINVAL, 0, 0, 0, -EINVAL, -EINVAL}},
	{"INIT_VCPU on the VM",
	 init_vcpu_on_vm,
	 {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	{"INIT_MEM_REGION on the VM",
	 region_on_vm,
	 {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	{"other id on the VM",
	 unknown_on_vm,
	 {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	{"CREATE_VCPU", create_vcpu, {-EIO, 0, 0, 0, -EIO, -EIO}},
	{"INIT_VCPU", init_vcpu, {ANY, ANY, 0, -EINVAL, -EINVAL, -EINVAL}},
	{"INIT_MEM_REGION", init_region, {ANY, ANY, -EINVAL, 0, -EINVAL, -EINVAL}},
	{"GET_CPUID", get_cpuid, {ANY, ANY, 0, 0, -EINVAL, -EINVAL}},
	{"INIT_VM on the vCPU", init_vm_on_vcpu, {ANY, ANY, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	{"FINALIZE_VM on the vCPU",
	 finalize_on_vcpu,
	 {ANY, ANY, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	{"other id on the vCPU", unknown_on_vcpu, {ANY, ANY, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	{"SET_CPUID2", set_cpuid, {ANY, ANY, 0, 0, 0, 0}},
	{"RUN of the BSP", run, {ANY, ANY, -EINVAL, -EINVAL, -EINVAL, ANY}},
	{"PRE_FAULT", pre_fault, {ANY, ANY, -EOPNOTSUPP, -EOPNOTSUPP, 0, 0}},
	{"attributes", attributes, {0, 0, 0, 0, 0, 0}},
	{"guest_memfd", guest_memfd, {0, 0, 0, 0, 0, 0}},
	{"slots", slot, {0, 0, 0, 0, 0, 0}},
};

START_TEST(states)
{
	const struct row *row = &rows[_i];

	for (int stage = TD_V0; stage <= TD_V2_C1; stage++) {
		struct td td;
		int rc;

		if (row->result[stage] == ANY)
			continue;
		td_open(&td, 4);
		td_reach(&td, (enum td_stage)stage);
		rc = row->call(&td);
		ck_assert_msg(rc == row->result[stage], "9.3 %s in %s: %d instead of %d",
			      row->command, stage_names[stage], rc, row->result[stage]);
		td_close(&td);
	}
}
END_TEST

/* 9.3 CREATE_VCPU, no split irqchip; and the order: the state comes first. */
START_TEST(no_irqchip)
{
	static const enum td_stage stages[] = {TD_V0, TD_V1};
	static const int results[] = {-EIO, -EINVAL};

	for (int i = 0; i < 2; i++) {
		struct td td;

		td_open(&td, 4);
		td.no_irqchip = true;
		td_reach(&td, stages[i]);
		ck_assert_int_eq(create_vcpu(&td), results[i]);
		if (stages[i] == TD_V1) {
			ck_assert_int_eq(finalize(&td), 0);
			ck_assert_int_eq(create_vcpu(&td), -EIO);
		}
		td_close(&td);
	}
}
END_TEST

/* 9.3 INIT_VCPU without x2APIC (pitfall 1), and then with it. */
START_TEST(x2apic_first)
{
	struct td td;

	td_open(&td, 4);
	td_reach(&td, TD_V1);
	ck_assert_int_ge(td_create_vcpu(&td, 0), 0);
	ck_assert_int_eq(init_vcpu(&td), -EINVAL);
	ck_assert_int_eq(td_set_cpuid(&td, td.vcpus[0], false), 0);
	ck_assert_int_eq(init_vcpu(&td), -EINVAL);
	ck_assert_int_eq(td_set_cpuid(&td, td.vcpus[0], true), 0);
	ck_assert_int_eq(init_vcpu(&td), 0);
	td_close(&td);
}
END_TEST

/* 9.3: precedence of KVM_CREATE_VCPU's checks. */
struct create_row {
	const char *name;
	enum td_stage stage;
	uint64_t id;
	int before; /* vCPUs made before */
	int result;
};

static const struct create_row create_rows[] = {
	{"id beyond the host's EINVAL before the TD's EIO", TD_V0, 1u << 30, 0, -EINVAL},
	{"TD's EIO", TD_V0, 0, 0, -EIO},
	{"as many as the host has CPUs", TD_V1, 3, 3, 0},
	{"one more than the host has CPUs", TD_V1, 4, 4, -EINVAL},
	{"duplicate id", TD_V1, 0, 1, -EEXIST},
	{"the limit before the duplicate", TD_V1, 0, 4, -EINVAL},
};

START_TEST(create)
{
	const struct create_row *row = &create_rows[_i];
	struct td td;
	int rc;

	td_open(&td, 4);
	td_reach(&td, row->stage);
	for (int i = 0; i < row->before; i++)
		ck_assert_int_ge(td_create_vcpu(&td, (uint32_t)i), 0);
	rc = td_ioctl(&td, td.vm, KVM_CREATE_VCPU, row->id);
	ck_assert_msg(row->result ? rc == row->result : rc >= 0, "9.3 CREATE_VCPU %s: %d",
		      row->name, rc);
	td_close(&td);
}
END_TEST

/* The state after finalizing is EIO for a duplicate, too: no hot-add. */
START_TEST(duplicate_after_finalize)
{
	struct td td;

	td_open(&td, 4);
	td_reach(&td, TD_V2_C1);
	ck_assert_int_eq(td_ioctl(&td, td.vm, KVM_CREATE_VCPU, 0), -EIO);
	td_close(&td);
}
END_TEST

/* What comes before what: cmd copy, hw_error, locks, state. */
struct order_row {
	const char *name;
	enum td_stage stage;
	bool on_vcpu;
	uint32_t id;
	bool unreadable;
	uint64_t hw_error;
	const char *locked; /* its lock stage fails with -EBUSY */
	int result;
};

static const struct order_row order_rows[] = {
	{"INIT_VM cmd unreadable", TD_V0, false, UAPI_TDX_INIT_VM, true, 0, "TDX_INIT_VM", -EFAULT},
	{"INIT_VM hw_error before locks", TD_V0, false, UAPI_TDX_INIT_VM, false, 1, "TDX_INIT_VM",
	 -EINVAL},
	{"INIT_VM locks before state", TD_V1, false, UAPI_TDX_INIT_VM, false, 0, "TDX_INIT_VM",
	 -EBUSY},
	{"CAPABILITIES cmd unreadable", TD_V0, false, UAPI_TDX_CAPABILITIES, true, 0, NULL,
	 -EFAULT},
	{"CAPABILITIES hw_error", TD_V0, false, UAPI_TDX_CAPABILITIES, false, 1, NULL, -EINVAL},
	{"FINALIZE cmd unreadable", TD_V1, false, UAPI_TDX_FINALIZE_VM, true, 0, NULL, -EFAULT},
	{"FINALIZE hw_error", TD_V1, false, UAPI_TDX_FINALIZE_VM, false, 7, NULL, -EINVAL},
	{"FINALIZE locks before state", TD_V0, false, UAPI_TDX_FINALIZE_VM, false, 0,
	 "TDX_FINALIZE_VM", -EBUSY},
	{"INIT_VCPU cmd unreadable", TD_V1_C0, true, UAPI_TDX_INIT_VCPU, true, 0, NULL, -EFAULT},
	{"INIT_VCPU hw_error (pitfall 7)", TD_V1_C0, true, UAPI_TDX_INIT_VCPU, false, 1, NULL,
	 -EINVAL},
	{"INIT_VCPU locks before state", TD_V2_C0, true, UAPI_TDX_INIT_VCPU, false, 0,
	 "TDX_INIT_VCPU", -EBUSY},
	{"INIT_MEM_REGION cmd unreadable", TD_V1_C1, true, UAPI_TDX_INIT_MEM_REGION, true, 0, NULL,
	 -EFAULT},
	{"INIT_MEM_REGION locks before state", TD_V1_C0, true, UAPI_TDX_INIT_MEM_REGION, false, 0,
	 "TDX_INIT_MEM_REGION", -EBUSY},
	{"unknown id, cmd unreadable", TD_V0, false, 99, true, 0, NULL, -EFAULT},
};

START_TEST(order)
{
	const struct order_row *row = &order_rows[_i];
	struct uapi_tdx_command command = {.id = row->id, .hw_error = row->hw_error};
	struct td td;
	int fd, rc;

	td_open(&td, 4);
	td_reach(&td, row->stage);
	if (row->locked)
		ck_assert_int_eq(coco_sim_fail(td.sim, row->locked, 1, 1, -EBUSY, 0), 0);
	fd = row->on_vcpu ? td.vcpus[0] : td.vm;
	rc = td_ioctl(&td, fd, KVM_MEMORY_ENCRYPT_OP, row->unreadable ? 8 : (uintptr_t)&command);
	ck_assert_msg(rc == row->result, "9.3 %s: %d", row->name, rc);
	td_close(&td);
}
END_TEST

/* 4.2: on the vCPU of a TD, from its creation on. */
struct refusal_row {
	const char *name;
	unsigned long request;
	int result;
};

static const struct refusal_row refusal_rows[] = {
	{"GET_REGS", KVM_GET_REGS, -EINVAL},
	{"SET_REGS", KVM_SET_REGS, -EINVAL},
	{"GET_SREGS", KVM_GET_SREGS, -EINVAL},
	{"SET_SREGS", KVM_SET_SREGS, -EINVAL},
	{"GET_SREGS2", GET_SREGS2, -EINVAL},
	{"SET_SREGS2", SET_SREGS2, -EINVAL},
	{"GET_DEBUGREGS", KVM_GET_DEBUGREGS, -EINVAL},
	{"SET_DEBUGREGS", KVM_SET_DEBUGREGS, -EINVAL},
	{"GET_XCRS", KVM_GET_XCRS, -EINVAL},
	{"SET_XCRS", KVM_SET_XCRS, -EINVAL},
	{"SET_GUEST_DEBUG", KVM_SET_GUEST_DEBUG, -EINVAL},
	{"GET_FPU", KVM_GET_FPU, -EINVAL},
	{"SET_FPU", KVM_SET_FPU, -EINVAL},
	{"GET_XSAVE", KVM_GET_XSAVE, -EINVAL},
	{"SET_XSAVE", KVM_SET_XSAVE, -EINVAL},
	{"GET_XSAVE2", KVM_GET_XSAVE2, -EINVAL},
	{"GET_LAPIC", KVM_GET_LAPIC, -EINVAL},
	{"SET_LAPIC", KVM_SET_LAPIC, -EINVAL},
	{"SET_TSC_KHZ", KVM_SET_TSC_KHZ, -EINVAL},
	{"KVMCLOCK_CTRL", KVM_KVMCLOCK_CTRL, -EINVAL},
	{"SMI", KVM_SMI, -ENOTTY},
	{"NMI", KVM_NMI, 0},
	{"GET_MP_STATE", KVM_GET_MP_STATE, 0},
	{"GET_VCPU_EVENTS", KVM_GET_VCPU_EVENTS, 0},
};

START_TEST(refusals)
{
	const struct refusal_row *row = &refusal_rows[_i];
	static uint8_t room[8192];

	for (int stage = TD_V1_C0; stage <= TD_V2_C1; stage++) {
		struct td td;
		int rc;

		td_open(&td, 4);
		td_reach(&td, (enum td_stage)stage);
		memset(room, 0, sizeof(room));
		rc = td_ioctl(&td, td.vcpus[0], row->request, (uintptr_t)room);
		ck_assert_msg(rc == row->result, "4.2 %s in %s: %d", row->name, stage_names[stage],
			      rc);
		td_close(&td);
	}
}
END_TEST

/* 4.2, on the VM. */
static const struct refusal_row vm_refusal_rows[] = {
	{"CREATE_IRQCHIP", KVM_CREATE_IRQCHIP, -ENOTTY},
	{"CREATE_PIT2", KVM_CREATE_PIT2, -ENOENT},
	{"GET_IRQCHIP", KVM_GET_IRQCHIP, -ENXIO},
	{"SET_TSS_ADDR", KVM_SET_TSS_ADDR, 0},
	{"MEMORY_ENCRYPT_REG_REGION", KVM_MEMORY_ENCRYPT_REG_REGION, -ENOTTY},
	{"MEMORY_ENCRYPT_UNREG_REGION", KVM_MEMORY_ENCRYPT_UNREG_REGION, -ENOTTY},
};

START_TEST(vm_refusals)
{
	const struct refusal_row *row = &vm_refusal_rows[_i];
	static uint8_t room[1024];
	struct td td;
	int rc;

	td_open(&td, 4);
	td_reach(&td, TD_V1_C1);
	memset(room, 0, sizeof(room));
	rc = td_ioctl(&td, td.vm, row->request,
		      row->request == KVM_SET_TSS_ADDR ? 0xfeffd000u : (uintptr_t)room);
	ck_assert_msg(rc == row->result, "4.2 %s: %d", row->name, rc);
	td_close(&td);
}
END_TEST

struct cap_row {
	const char *name;
	uint32_t cap;
	uint64_t argument;
	int result;
};

static const struct cap_row cap_rows[] = {
	{"PMU_CAPABILITY 0", 212, 0, -EINVAL},
	{"PMU_CAPABILITY disable", 212, 1, 0},
	{"VM_COPY_ENC_CONTEXT_FROM", 197, 0, -EINVAL},
	{"VM_MOVE_ENC_CONTEXT_FROM", 206, 0, -EINVAL},
};

START_TEST(caps)
{
	const struct cap_row *row = &cap_rows[_i];
	struct kvm_enable_cap cap = {.cap = row->cap, .args = {row->argument}};
	struct td td;
	int rc;

	td_open(&td, 4);
	rc = td_ioctl(&td, td.vm, KVM_ENABLE_CAP, (uintptr_t)&cap);
	ck_assert_msg(rc == row->result, "4.2 cap %s: %d", row->name, rc);
	td_close(&td);
}
END_TEST

/* 4.2: READONLY, and the second address space. */
START_TEST(slots_refused)
{
	struct uapi_memory_region2 region = {
		.slot = 5,
		.flags = KVM_MEM_READONLY,
		.guest_phys_addr = 0x80000000,
		.memory_size = 4096,
	};
	struct td td;

	td_open(&td, 4);
	region.userspace_addr = (uintptr_t)td.source;
	ck_assert_int_eq(td_ioctl(&td, td.vm, UAPI_SET_USER_MEMORY_REGION2, (uintptr_t)&region),
			 -EINVAL);
	region.flags = 0;
	region.slot = 1 << 16 | 5;
	ck_assert_int_eq(td_ioctl(&td, td.vm, UAPI_SET_USER_MEMORY_REGION2, (uintptr_t)&region),
			 -EINVAL);
	td_close(&td);
}
END_TEST

/* Pitfall 14: before INIT_VM no address is an alias, afterwards the shared half is. */
START_TEST(shared_bit)
{
	static const uint32_t widths[] = {48, 52};

	for (int i = 0; i < 2; i++) {
		struct uapi_memory_region2 region = {
			.slot = 5,
			.guest_phys_addr = 1ull << (widths[i] - 1),
			.memory_size = 4096,
		};
		struct td td;

		td_open(&td, 4);
		td.address_bits = widths[i];
		region.userspace_addr = (uintptr_t)td.source;
		ck_assert_int_eq(
			td_ioctl(&td, td.vm, UAPI_SET_USER_MEMORY_REGION2, (uintptr_t)&region), 0);
		td_reach(&td, TD_V1);
		region.slot = 6;
		region.guest_phys_addr += 4096;
		ck_assert_int_eq(
			td_ioctl(&td, td.vm, UAPI_SET_USER_MEMORY_REGION2, (uintptr_t)&region),
			-EINVAL);
		td_close(&td);
	}
}
END_TEST

/* 2.2 and 12: what a VM of type 5 says of itself. */
static const struct cap_row extension_rows[] = {
	{"MEMORY_ATTRIBUTES", 233, 0, 8},
	{"MAX_VCPUS", KVM_CAP_MAX_VCPUS, 0, 4},
	{"SYNC_REGS", KVM_CAP_SYNC_REGS, 0, 0},
	{"READONLY_MEM", KVM_CAP_READONLY_MEM, 0, 0},
	{"MULTI_ADDRESS_SPACE", KVM_CAP_MULTI_ADDRESS_SPACE, 0, 1},
	{"GUEST_MEMFD_FLAGS", 244, 0, 1},
};

START_TEST(extensions)
{
	const struct cap_row *row = &extension_rows[_i];
	struct td td;
	int value;

	td_open(&td, 4);
	value = td_ioctl(&td, td.vm, KVM_CHECK_EXTENSION, row->cap);
	ck_assert_msg(value == row->result, "12 cap %s: %d", row->name, value);
	ck_assert_int_ne(td_ioctl(&td, td.kvm, KVM_CHECK_EXTENSION, 235) & 1 << 5, 0);
	td_close(&td);
}
END_TEST

#define ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("tdx_states");
	TCase *tests = tcase_create("tdx_states");

	tcase_add_loop_test(tests, states, 0, ROWS(rows));
	tcase_add_test(tests, no_irqchip);
	tcase_add_test(tests, x2apic_first);
	tcase_add_loop_test(tests, create, 0, ROWS(create_rows));
	tcase_add_test(tests, duplicate_after_finalize);
	tcase_add_loop_test(tests, order, 0, ROWS(order_rows));
	tcase_add_loop_test(tests, refusals, 0, ROWS(refusal_rows));
	tcase_add_loop_test(tests, vm_refusals, 0, ROWS(vm_refusal_rows));
	tcase_add_loop_test(tests, caps, 0, ROWS(cap_rows));
	tcase_add_test(tests, slots_refused);
	tcase_add_test(tests, shared_bit);
	tcase_add_loop_test(tests, extensions, 0, ROWS(extension_rows));
	suite_add_tcase(suite, tests);
	return expect_run(suite);
}
