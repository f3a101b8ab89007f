/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Slots, attributes and guest_memfd: sections 9.6, 11.1 to 11.4 of KVM's generic ABI, row by row.
 */
#define _GNU_SOURCE /* FALLOC_FL_* */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "sim/knobs.h"
#include "sim/sim.h"

#define PLAIN 0
#define SWP   1
#define PAGE  0x1000ull
#define BAD   ((const void *)8) /* an address that nothing is at */

#define PRIVATE UAPI_MEMORY_ATTRIBUTE_PRIVATE

/* --- KVM_SET_USER_MEMORY_REGION2 on a VM that has slot 1, 16 pages at 1 MiB, and slot 2 with a
 * guest_memfd */

enum fd { NO_FD, GMEM, OTHER_VMS_GMEM, VM_FD, CLOSED };

static const struct slot_row {
	const char *row;
	uint64_t type;
	struct uapi_memory_region2 region;
	uint64_t hva; /* offset into the memory; or as it is if larger than that */
	enum fd fd;
	int expected;
} slot_rows[] = {
	{"9.6 slot id 32764", SWP, {.slot = 32764, .memory_size = PAGE}, 0, NO_FD, -EINVAL},
	{"9.6 slot id 32763", SWP, {.slot = 32763, .memory_size = PAGE}, 0, NO_FD, 0},
	{"9.6 unknown flag", SWP, {.slot = 9, .flags = 8, .memory_size = PAGE}, 0, NO_FD, -EINVAL},
	{"9.6 flag 4 excludes 1",
	 SWP,
	 {.slot = 9, .flags = 5, .memory_size = PAGE},
	 0,
	 GMEM,
	 -EINVAL},
	{"9.6 flag 4 excludes 2",
	 SWP,
	 {.slot = 9, .flags = 6, .memory_size = PAGE},
	 0,
	 GMEM,
	 -EINVAL},
	{"9.6 flag 2 on an ordinary VM",
	 PLAIN,
	 {.slot = 9, .flags = 2, .memory_size = PAGE},
	 0,
	 NO_FD,
	 0},
	{"9.6 size unaligned", SWP, {.slot = 9, .memory_size = 0x800}, 0, NO_FD, -EINVAL},
	{"9.6 gpa unaligned",
	 SWP,
	 {.slot = 9, .guest_phys_addr = 8, .memory_size = PAGE},
	 0,
	 NO_FD,
	 -EINVAL},
	{"9.6 hva unaligned", SWP, {.slot = 9, .memory_size = PAGE}, 8, NO_FD, -EINVAL},
	{"9.6 hva not a user address",
	 SWP,
	 {.slot = 9, .memory_size = PAGE},
	 1ull << 63,
	 NO_FD,
	 -EINVAL},
	{"9.6 hva beyond user space",
	 SWP,
	 {.slot = 9, .memory_size = PAGE},
	 0x7ffffffff000ull,
	 NO_FD,
	 -EINVAL},
	{"11.1 hva need not be mapped",
	 SWP,
	 {.slot = 9, .memory_size = PAGE},
	 0x700000000000ull,
	 NO_FD,
	 0},
	{"9.6 gmem offset unaligned",
	 SWP,
	 {.slot = 9, .flags = 4, .memory_size = PAGE, .guest_memfd_offset = 8},
	 0,
	 GMEM,
	 -EINVAL},
	{"9.6 gmem offset wraps",
	 SWP,
	 {.slot = 9, .flags = 4, .memory_size = PAGE, .guest_memfd_offset = ~0xfffull},
	 0,
	 GMEM,
	 -EINVAL},
	{"9.6 address space 1, private memory",
	 SWP,
	 {.slot = 0x10009, .memory_size = PAGE},
	 0,
	 NO_FD,
	 -EINVAL},
	{"12 address space 1, ordinary VM",
	 PLAIN,
	 {.slot = 0x10009, .memory_size = PAGE},
	 0,
	 NO_FD,
	 0},
	{"12 address space 2, ordinary VM",
	 PLAIN,
	 {.slot = 0x20009, .memory_size = PAGE},
	 0,
	 NO_FD,
	 -EINVAL},
	{"9.6 gpa wraps",
	 SWP,
	 {.slot = 9, .guest_phys_addr = ~0xfffull, .memory_size = 2 * PAGE},
	 0,
	 NO_FD,
	 -EINVAL},
	{"9.6 more than 2^31-1 pages",
	 SWP,
	 {.slot = 9, .memory_size = PAGE << 31},
	 0,
	 NO_FD,
	 -EINVAL},
	{"9.6 delete of an absent slot", SWP, {.slot = 9}, 0, NO_FD, -EINVAL},
	{"9.6 delete", SWP, {.slot = 1}, 0, NO_FD, 0},
	{"9.6 existing slot: gmem flag",
	 SWP,
	 {.slot = 2, .flags = 4, .guest_phys_addr = 0x200000, .memory_size = 16 * PAGE},
	 0,
	 GMEM,
	 -EINVAL},
	{"9.6 existing slot: other hva",
	 SWP,
	 {.slot = 1, .guest_phys_addr = 0x100000, .memory_size = 16 * PAGE},
	 PAGE,
	 NO_FD,
	 -EINVAL},
	{"9.6 existing slot: other size",
	 SWP,
	 {.slot = 1, .guest_phys_addr = 0x100000, .memory_size = 8 * PAGE},
	 0,
	 NO_FD,
	 -EINVAL},
	{"9.6 existing slot: RO changes",
	 SWP,
	 {.slot = 1, .flags = 2, .guest_phys_addr = 0x100000, .memory_size = 16 * PAGE},
	 0,
	 NO_FD,
	 -EINVAL},
	{"9.6 existing slot: gmem flag goes",
	 SWP,
	 {.slot = 2, .guest_phys_addr = 0x200000, .memory_size = 16 * PAGE},
	 0,
	 NO_FD,
	 -EINVAL},
	{"9.6 existing slot: the same",
	 SWP,
	 {.slot = 1, .guest_phys_addr = 0x100000, .memory_size = 16 * PAGE},
	 0,
	 NO_FD,
	 0},
	{"11.1 existing slot: LOG_DIRTY",
	 SWP,
	 {.slot = 1, .flags = 1, .guest_phys_addr = 0x100000, .memory_size = 16 * PAGE},
	 0,
	 NO_FD,
	 0},
	{"11.1 existing slot: moves",
	 SWP,
	 {.slot = 1, .guest_phys_addr = 0x300000, .memory_size = 16 * PAGE},
	 0,
	 NO_FD,
	 0},
	{"9.6 existing slot: moves onto another",
	 SWP,
	 {.slot = 1, .guest_phys_addr = 0x208000, .memory_size = 16 * PAGE},
	 0,
	 NO_FD,
	 -EEXIST},
	{"9.6 overlap",
	 SWP,
	 {.slot = 9, .guest_phys_addr = 0x10f000, .memory_size = PAGE},
	 0,
	 NO_FD,
	 -EEXIST},
	{"9.6 overlap before a bad gmem",
	 SWP,
	 {.slot = 9, .flags = 4, .guest_phys_addr = 0x10f000, .memory_size = PAGE},
	 0,
	 CLOSED,
	 -EEXIST},
	{"12 no overlap in the other address space",
	 PLAIN,
	 {.slot = 0x10009, .guest_phys_addr = 0x100000, .memory_size = PAGE},
	 0,
	 NO_FD,
	 0},
	{"9.6 gmem: closed", SWP, {.slot = 9, .flags = 4, .memory_size = PAGE}, 0, CLOSED, -EBADF},
	{"9.6 gmem: no gmem", SWP, {.slot = 9, .flags = 4, .memory_size = PAGE}, 0, VM_FD, -EINVAL},
	{"9.6 gmem: foreign VM",
	 SWP,
	 {.slot = 9, .flags = 4, .memory_size = PAGE},
	 0,
	 OTHER_VMS_GMEM,
	 -EINVAL},
	{"9.6 gmem: beyond its size",
	 SWP,
	 {.slot = 9, .flags = 4, .memory_size = PAGE, .guest_memfd_offset = 32 * PAGE},
	 0,
	 GMEM,
	 -EINVAL},
	{"9.6 gmem: range bound",
	 SWP,
	 {.slot = 9, .flags = 4, .memory_size = 2 * PAGE, .guest_memfd_offset = 15 * PAGE},
	 0,
	 GMEM,
	 -EEXIST},
	{"11.1 gmem: disjoint ranges",
	 SWP,
	 {.slot = 9, .flags = 4, .memory_size = 16 * PAGE, .guest_memfd_offset = 16 * PAGE},
	 0,
	 GMEM,
	 0},
	{"9.6 gfn above the MMU's limit",
	 SWP,
	 {.slot = 9, .guest_phys_addr = 1ull << 52, .memory_size = PAGE},
	 0,
	 NO_FD,
	 -EINVAL},
	{"9.6 gmem errors before the MMU's limit",
	 SWP,
	 {.slot = 9, .flags = 4, .guest_phys_addr = 1ull << 52, .memory_size = PAGE},
	 0,
	 CLOSED,
	 -EBADF},
};

static int set2(struct bench *bench, const struct uapi_memory_region2 *region)
{
	return bench_ioctl(bench, bench->vm, UAPI_SET_USER_MEMORY_REGION2, region);
}

/* Of 32 pages, the first 16 in slot 2 if the VM has private memory. */
static int add_slots(struct bench *bench, uint64_t type)
{
	struct uapi_memory_region2 region = {.slot = 1,
					     .guest_phys_addr = 0x100000,
					     .memory_size = 16 * PAGE,
					     .userspace_addr = (uintptr_t)bench->memory};
	int gmem = bench_gmem(bench, 32 * PAGE, 0);

	ck_assert_int_eq(set2(bench, &region), 0);
	if (type == SWP) {
		region.slot = 2;
		region.flags = UAPI_MEM_GUEST_MEMFD;
		region.guest_phys_addr = 0x200000;
		region.guest_memfd = (uint32_t)gmem;
		ck_assert_int_eq(set2(bench, &region), 0);
	}
	return gmem;
}

START_TEST(slots_are_checked_in_the_kernels_order)
{
	const struct slot_row *row = &slot_rows[_i];
	struct uapi_memory_region2 region = row->region;
	struct bench bench;
	int vm, own, other, r;

	bench_open(&bench, "all", row->type);
	own = add_slots(&bench, row->type);
	vm = bench.vm;
	bench.vm = bench_vm(&bench, row->type);
	other = bench_gmem(&bench, 32 * PAGE, 0);
	ck_assert_int_eq(bench_close_fd(&bench, bench.vm), 0);
	bench.vm = vm;
	region.userspace_addr =
		row->hva < MEMORY_SIZE ? (uintptr_t)bench.memory + row->hva : row->hva;
	region.guest_memfd = (uint32_t)(row->fd == GMEM             ? own
					: row->fd == OTHER_VMS_GMEM ? other
					: row->fd == VM_FD          ? vm
								    : 9999);
	r = set2(&bench, &region);
	ck_assert_msg(r == row->expected, "%s: %d, not %d", row->row, r, row->expected);
	ck_assert_int_eq(bench_close_fd(&bench, own), 0);
	ck_assert_int_eq(bench_close_fd(&bench, other), 0);
	bench_close(&bench);
}
END_TEST

START_TEST(the_old_slot_call_has_its_own_checks)
{
	struct bench bench;

	bench_open(&bench, "all", SWP);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_SET_USER_MEMORY_REGION, BAD), -EFAULT);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, UAPI_SET_USER_MEMORY_REGION2, BAD), -EFAULT);
	/* v1 with flag 4, before the slot's number. */
	ck_assert_int_eq(bench_slot(&bench, 40000, UAPI_MEM_GUEST_MEMFD, 0, PAGE), -EINVAL);
	ck_assert_int_eq(bench_slot(&bench, 0, 0, 0, PAGE), 0);
	/* The two calls name the same slots. */
	ck_assert_int_eq(set2(&bench, &(struct uapi_memory_region2){0}), 0);
	ck_assert_int_eq(bench_slot(&bench, 0, 0, 0, 0), -EINVAL);
	bench_close(&bench);
}
END_TEST

/* 5.4: binding does not keep the file: when it is closed, the slot stays without memory behind it.
 */
START_TEST(a_slot_loses_its_guest_memfd_when_that_is_closed)
{
	struct uapi_memory_region2 region = {.slot = 1, .flags = 4, .memory_size = PAGE};
	struct bench bench;
	struct sim_vm *vm;

	bench_open(&bench, "all", SWP);
	region.userspace_addr = (uintptr_t)bench.memory;
	region.guest_memfd = (uint32_t)bench_gmem(&bench, PAGE, 0);
	ck_assert_int_eq(set2(&bench, &region), 0);
	vm = bench.sim->vms;
	ck_assert_ptr_nonnull(sim_slot_find(vm, 0)->gmem);
	ck_assert_int_eq(bench_close_fd(&bench, (int)region.guest_memfd), 0);
	ck_assert_ptr_null(sim_slot_find(vm, 0)->gmem);
	ck_assert_uint_eq(sim_slot_find(vm, 0)->flags, UAPI_MEM_GUEST_MEMFD);
	bench_close(&bench);
}
END_TEST

/* --- attributes */

static const struct {
	const char *row;
	uint64_t type;
	struct uapi_memory_attributes args;
	int expected;
} attribute_rows[] = {
	{"9.6 flags", SWP, {0, PAGE, PRIVATE, 1}, -EINVAL},
	{"9.6 unsupported attribute", SWP, {0, PAGE, PRIVATE | 1, 0}, -EINVAL},
	{"9.6 no attribute without private memory", PLAIN, {0, PAGE, PRIVATE, 0}, -EINVAL},
	{"9.6 shared without private memory", PLAIN, {0, PAGE, 0, 0}, 0},
	{"9.6 size 0", SWP, {0, 0, PRIVATE, 0}, -EINVAL},
	{"9.6 wrap", SWP, {~0xfffull, 2 * PAGE, PRIVATE, 0}, -EINVAL},
	{"9.6 address unaligned", SWP, {8, PAGE, PRIVATE, 0}, -EINVAL},
	{"9.6 size unaligned", SWP, {0, 8, PRIVATE, 0}, -EINVAL},
	{"11.3 no slot is needed", SWP, {0x100000000ull, PAGE, PRIVATE, 0}, 0},
	{"3.6.3 SEV: any attribute", 2, {0, PAGE, PRIVATE, 0}, -EINVAL},
	{"3.6.3 SNP: before INIT2", 4, {0, PAGE, PRIVATE, 0}, 0},
};

START_TEST(attributes_are_checked)
{
	struct bench bench;
	int r;

	bench_open(&bench, "all", attribute_rows[_i].type);
	r = bench_ioctl(&bench, bench.vm, UAPI_SET_MEMORY_ATTRIBUTES, &attribute_rows[_i].args);
	ck_assert_msg(r == attribute_rows[_i].expected, "%s: %d", attribute_rows[_i].row, r);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, UAPI_SET_MEMORY_ATTRIBUTES, BAD), -EFAULT);
	bench_close(&bench);
}
END_TEST

/* Ranges against an array of pages: random ones, so that all ways to overlap come up. */
START_TEST(attributes_are_what_was_set_last)
{
	enum { PAGES = 64, STEPS = 4000 };
	bool model[PAGES] = {false};
	struct bench bench;
	uint32_t random = 12345, wrong = 0;

	bench_open(&bench, "all", SWP);
	for (unsigned step = 0; step < STEPS; step++) {
		uint32_t first, count;
		bool private;

		random = random * 1664525 + 1013904223;
		first = random >> 8 & (PAGES - 1);
		count = 1 + (random >> 16) % (PAGES - first);
		private = random >> 31;
		ck_assert_int_eq(
			bench_ioctl(&bench, bench.vm, UAPI_SET_MEMORY_ATTRIBUTES,
				    &(struct uapi_memory_attributes){first * PAGE, count * PAGE,
								     private ? PRIVATE : 0, 0}),
			0);
		for (uint32_t page = first; page < first + count; page++)
			model[page] = private;
		for (uint32_t page = 0; page < PAGES; page++)
			wrong += sim_attribute_private(bench.sim->vms, page * PAGE) != model[page];
	}
	ck_assert_uint_eq(wrong, 0);
	bench_close(&bench);
}
END_TEST

/* --- guest_memfd */

static const struct {
	const char *row;
	const char *knobs;
	uint64_t type;
	struct uapi_create_guest_memfd args;
	int expected; /* 0: a descriptor */
} gmem_rows[] = {
	{"9.6 unknown flag", "all", SWP, {.size = PAGE, .flags = 4}, -EINVAL},
	{"9.6 flags before size", "all", SWP, {.size = 0, .flags = 4}, -EINVAL},
	{"9.6 size 0", "all", SWP, {.size = 0}, -EINVAL},
	{"9.6 size negative", "all", SWP, {.size = 1ull << 63}, -EINVAL},
	{"9.6 size unaligned", "all", SWP, {.size = 0x1008}, -EINVAL},
	{"9.6 reserved is not looked at", "all", SWP, {.size = PAGE, .reserved = {1}}, 0},
	{"11.2 MMAP, private memory", "all", SWP, {.size = PAGE, .flags = 1}, 0},
	{"11.2 INIT_SHARED, private memory", "all", SWP, {.size = PAGE, .flags = 3}, -EINVAL},
	{"11.2 both flags, ordinary VM", "all", PLAIN, {.size = PAGE, .flags = 3}, 0},
	{"11.2 both flags, SEV", "all", 2, {.size = PAGE, .flags = 3}, 0},
	{"3.6.1 INIT_SHARED, SNP", "all", 4, {.size = PAGE, .flags = 3}, -EINVAL},
	{"quirk: no flags", "all:gmem_private_only=1", PLAIN, {.size = PAGE, .flags = 1}, -EINVAL},
};

START_TEST(guest_memfds_are_checked)
{
	struct bench bench;
	int r;

	bench_open(&bench, gmem_rows[_i].knobs, gmem_rows[_i].type);
	r = bench_ioctl(&bench, bench.vm, UAPI_CREATE_GUEST_MEMFD, &gmem_rows[_i].args);
	if (r >= 0) {
		ck_assert_int_eq(bench_close_fd(&bench, r), 0);
		r = 0;
	}
	ck_assert_msg(r == gmem_rows[_i].expected, "%s: %d", gmem_rows[_i].row, r);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, UAPI_CREATE_GUEST_MEMFD, BAD), -EFAULT);
	bench_close(&bench);
}
END_TEST

static const struct {
	const char *row;
	int mode;
	uint64_t offset, size;
	int expected;
} fallocate_rows[] = {
	{"11.2 KEEP_SIZE is mandatory", 0, 0, PAGE, -EOPNOTSUPP},
	{"11.2 PUNCH_HOLE needs it, too", FALLOC_FL_PUNCH_HOLE, 0, PAGE, -EOPNOTSUPP},
	{"11.2 no other mode", FALLOC_FL_KEEP_SIZE | FALLOC_FL_ZERO_RANGE, 0, PAGE, -EOPNOTSUPP},
	{"11.2 size 0", 3, 0, 0, -EINVAL},
	{"11.2 offset unaligned", 3, 8, PAGE, -EINVAL},
	{"11.2 size unaligned", 3, 0, 8, -EINVAL},
	{"11.2 mode 1 allocates", 1, 0, 16 * PAGE, 0},
	{"11.2 beyond the size", 1, 8 * PAGE, 16 * PAGE, -EINVAL},
	{"11.2 mode 3 punches", 3, 0, 16 * PAGE, 0},
	{"11.2 punching beyond the size", 3, 8 * PAGE, 16 * PAGE, 0},
};

START_TEST(fallocate_is_checked)
{
	struct bench bench;
	int gmem, r;

	bench_open(&bench, "all", SWP);
	gmem = bench_gmem(&bench, 16 * PAGE, 0);
	r = bench_fallocate(&bench, gmem, fallocate_rows[_i].mode, fallocate_rows[_i].offset,
			    fallocate_rows[_i].size);
	ck_assert_msg(r == fallocate_rows[_i].expected, "%s: %d", fallocate_rows[_i].row, r);
	ck_assert_int_eq(bench_close_fd(&bench, gmem), 0);
	bench_close(&bench);
}
END_TEST

/* The budget: pages count when they are there, and no longer when they are punched or their file is
 * closed. */
START_TEST(guest_memfd_pages_are_charged)
{
	struct bench bench;
	int gmem;

	bench_open(&bench, "all:memory=64K", SWP);
	gmem = bench_gmem(&bench, 32 * PAGE, 0);
	ck_assert_uint_eq(bench_account(&bench).memory_used, 0);
	ck_assert_int_eq(bench_fallocate(&bench, gmem, 1, 0, 8 * PAGE), 0);
	ck_assert_int_eq(bench_fallocate(&bench, gmem, 1, 0, 8 * PAGE), 0);
	ck_assert_uint_eq(bench_account(&bench).memory_used, 8 * PAGE);
	ck_assert_int_eq(bench_fallocate(&bench, gmem, 1, 8 * PAGE, 9 * PAGE), -ENOMEM);
	ck_assert_uint_eq(bench_account(&bench).memory_used, 16 * PAGE);
	ck_assert_int_eq(bench_fallocate(&bench, gmem, 3, 0, 12 * PAGE), 0);
	ck_assert_uint_eq(bench_account(&bench).memory_used, 4 * PAGE);
	ck_assert_int_eq(bench_close_fd(&bench, gmem), 0);
	ck_assert_uint_eq(bench_account(&bench).memory_used, 0);
	bench_close(&bench);
}
END_TEST

/* What a host mapping shows is what the guest has, with INIT_SHARED; a punched page is zero for
 * both. */
START_TEST(a_shared_guest_memfd_shows_its_pages)
{
	struct uapi_memory_region2 region = {.slot = 1, .flags = 4, .memory_size = PAGE};
	struct sim_gmem_page *page;
	struct bench bench;
	uint8_t *bytes, *mapped;
	int r;

	bench_open(&bench, "all", PLAIN);
	region.userspace_addr = (uintptr_t)bench.memory;
	region.guest_memfd = (uint32_t)bench_gmem(&bench, PAGE, 3);
	ck_assert_int_eq(set2(&bench, &region), 0);
	mapped = bench_map(&bench, (int)region.guest_memfd, PAGE, &r);
	ck_assert_ptr_nonnull(mapped);
	ck_assert_int_eq(sim_gmem_touch(sim_slot_find(bench.sim->vms, 0), 0, &bytes, &page), 0);
	mapped[5] = 42;
	ck_assert_uint_eq(bytes[5], 42);
	ck_assert_int_eq(bench_fallocate(&bench, (int)region.guest_memfd, 3, 0, PAGE), 0);
	ck_assert_uint_eq(mapped[5], 0);
	/* The mapping is a reference: the file stays. */
	ck_assert_int_eq(bench_close_fd(&bench, (int)region.guest_memfd), 0);
	ck_assert_ptr_nonnull(sim_slot_find(bench.sim->vms, 0)->gmem);
	bench_unmap(&bench, mapped, PAGE);
	ck_assert_ptr_null(sim_slot_find(bench.sim->vms, 0)->gmem);
	bench_close(&bench);
}
END_TEST

/* --- KVM_PRE_FAULT_MEMORY */

static const struct {
	const char *row;
	struct uapi_pre_fault_memory args;
	int expected;
	uint64_t left;
} pre_fault_rows[] = {
	{"9.6 flags", {.size = PAGE, .flags = 1}, -EINVAL, PAGE},
	{"9.6 gpa unaligned", {.gpa = 8, .size = PAGE}, -EINVAL, PAGE},
	{"9.6 size unaligned", {.size = 8}, -EINVAL, 8},
	{"9.6 size 0", {.gpa = 0x100000}, -EINVAL, 0},
	{"9.6 wrap", {.gpa = ~0xfffull, .size = 2 * PAGE}, -EINVAL, 2 * PAGE},
	{"9.6 no slot", {.gpa = 0x900000, .size = PAGE}, -ENOENT, PAGE},
	{"9.6 all of a slot", {.gpa = 0x100000, .size = 16 * PAGE}, 0, 0},
	{"9.6 0 if any page was done", {.gpa = 0x10f000, .size = 4 * PAGE}, 0, 3 * PAGE},
	{"9.6 private without a slot", {.gpa = 0x800000, .size = PAGE}, -EFAULT, PAGE},
	{"9.6 private", {.gpa = 0x200000, .size = PAGE}, 0, 0},
};

START_TEST(pre_faults_are_checked)
{
	struct uapi_pre_fault_memory args = pre_fault_rows[_i].args;
	struct bench bench;
	int gmem, vcpu, r;

	bench_open(&bench, "all", SWP);
	gmem = add_slots(&bench, SWP);
	vcpu = bench_vcpu(&bench, 0);
	for (uint64_t gpa = 0x200000; gpa <= 0x800000; gpa += 0x600000)
		ck_assert_int_eq(
			bench_ioctl(&bench, bench.vm, UAPI_SET_MEMORY_ATTRIBUTES,
				    &(struct uapi_memory_attributes){gpa, PAGE, PRIVATE, 0}),
			0);
	r = bench_ioctl(&bench, vcpu, UAPI_PRE_FAULT_MEMORY, &args);
	ck_assert_msg(r == pre_fault_rows[_i].expected, "%s: %d", pre_fault_rows[_i].row, r);
	ck_assert_msg(args.size == pre_fault_rows[_i].left, "%s: %lu bytes left",
		      pre_fault_rows[_i].row, (unsigned long)args.size);
	ck_assert_int_eq(bench_ioctl(&bench, vcpu, UAPI_PRE_FAULT_MEMORY, BAD), -EFAULT);
	ck_assert_int_eq(bench_close_fd(&bench, gmem), 0);
	ck_assert_int_eq(bench_close_fd(&bench, vcpu), 0);
	bench_close(&bench);
}
END_TEST

/* --- dirty log */

START_TEST(dirty_logs_are_read_and_cleared)
{
	uint64_t bits = ~0ull;
	struct kvm_dirty_log log = {.slot = 1, .dirty_bitmap = &bits};
	struct bench bench;
	struct sim_slot *slot;

	bench_open(&bench, "all", PLAIN);
	ck_assert_int_eq(bench_slot(&bench, 1, 0, 0, 16 * PAGE), 0);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_GET_DIRTY_LOG, &log), -ENOENT);
	ck_assert_int_eq(bench_slot(&bench, 1, KVM_MEM_LOG_DIRTY_PAGES, 0, 16 * PAGE), 0);
	slot = sim_slot_find(bench.sim->vms, 0);
	sim_dirty_mark(slot, 3 * PAGE + 8);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_GET_DIRTY_LOG, &log), 0);
	ck_assert_uint_eq(bits, 8);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_GET_DIRTY_LOG, &log), 0);
	ck_assert_uint_eq(bits, 0);
	/* With MANUAL_DIRTY_LOG_PROTECT2 only KVM_CLEAR_DIRTY_LOG clears. */
	ck_assert_int_eq(bench_cap(&bench, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 1), 0);
	sim_dirty_mark(slot, 0);
	sim_dirty_mark(slot, PAGE);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_GET_DIRTY_LOG, &log), 0);
	ck_assert_uint_eq(bits, 3);
	bits = 1;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_CLEAR_DIRTY_LOG,
				     &(struct kvm_clear_dirty_log){
					     .slot = 1, .num_pages = 16, .dirty_bitmap = &bits}),
			 0);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_GET_DIRTY_LOG, &log), 0);
	ck_assert_uint_eq(bits, 2);
	log.slot = 40000;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_GET_DIRTY_LOG, &log), -EINVAL);
	bench_close(&bench);
}
END_TEST

#define ROWS(array) (int)(sizeof(array) / sizeof((array)[0]))

int main(void)
{
	const TTest *const tests[] = {
		the_old_slot_call_has_its_own_checks,
		a_slot_loses_its_guest_memfd_when_that_is_closed,
		attributes_are_what_was_set_last,
		guest_memfd_pages_are_charged,
		a_shared_guest_memfd_shows_its_pages,
		dirty_logs_are_read_and_cleared,
		NULL,
	};
	Suite *suite = expect_suite("sim.memory", tests);
	TCase *rows = tcase_create("rows");

	tcase_add_loop_test(rows, slots_are_checked_in_the_kernels_order, 0, ROWS(slot_rows));
	tcase_add_loop_test(rows, attributes_are_checked, 0, ROWS(attribute_rows));
	tcase_add_loop_test(rows, guest_memfds_are_checked, 0, ROWS(gmem_rows));
	tcase_add_loop_test(rows, fallocate_is_checked, 0, ROWS(fallocate_rows));
	tcase_add_loop_test(rows, pre_faults_are_checked, 0, ROWS(pre_fault_rows));
	suite_add_tcase(suite, rows);
	return expect_run(suite);
}
