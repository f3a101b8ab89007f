/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Slots, guest_memfds, attributes and pinned regions. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/kvm.h>

#include "diff.h"

#define UNKNOWN_FLAG (1u << 20)

struct layout {
	uint32_t id;
	uint64_t page; /* the guest's */
	uint64_t pages;
	uint64_t offset; /* in the VMM's memory and in the guest_memfd, in pages */
};

/* The first two are what a launch takes; the third is between them, the others are in the way. */
static const struct layout layouts[] = {
	{0, 0, 32, 0},      {1, 0xffff0, 16, 32}, {2, 32, 8, 32},     {3, 16, 32, 0},
	{0, 0x1000, 32, 0}, {2, 0x2000, 1, 0},    {0x10000, 0, 8, 0}, {0xffff, 0x3000, 1, 0},
};

static struct uapi_memory_region2 region_of(const struct diff_vm *vm, const uint8_t *a)
{
	const struct layout *layout = &PICK(layouts, a[0]);
	struct uapi_memory_region2 region = {
		.slot = layout->id,
		.guest_phys_addr = layout->page * DIFF_PAGE,
		.memory_size = layout->pages * DIFF_PAGE,
		.userspace_addr = (uintptr_t)vm->ram + layout->offset * DIFF_PAGE,
		.guest_memfd_offset = layout->offset * DIFF_PAGE,
	};

	switch (a[1]) {
	case 1:
		region.memory_size = 0;
		break;
	case 2:
		region.guest_phys_addr += 0x10;
		break;
	case 3:
		region.memory_size += 0x10;
		break;
	case 4:
		region.userspace_addr += 0x10;
		break;
	case 5:
		region.flags = UNKNOWN_FLAG;
		break;
	case 6:
		region.flags = KVM_MEM_READONLY;
		break;
	case 7:
		region.flags = KVM_MEM_LOG_DIRTY_PAGES;
		break;
	case 8:
		region.guest_memfd_offset += DIFF_PAGE;
		break;
	case 9:
		region.guest_memfd_offset += 0x10;
		break;
	case 10:
		region.guest_phys_addr = UINT64_MAX - DIFF_PAGE + 1;
		break;
	case 11:
		region.userspace_addr = 1ull << 56;
		break;
	default:
		break;
	}
	return region;
}

static void slot(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		 struct diff_result *result)
{
	struct uapi_memory_region2 region = region_of(vm, a);

	result->rc = diff_ioctl(side, vm->fd,
				a[2] ? UAPI_SET_USER_MEMORY_REGION2 : KVM_SET_USER_MEMORY_REGION,
				&region);
}

static void slot_gmem(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		      struct diff_result *result)
{
	struct uapi_memory_region2 region = region_of(vm, a);
	const int fds[] = {vm->gmems[0], vm->gmems[1], side->kvm, side->vms[1].gmems[0]};

	region.flags |= UAPI_MEM_GUEST_MEMFD;
	region.guest_memfd = (uint32_t)PICK(fds, a[2]);
	result->rc = diff_ioctl(side, vm->fd,
				a[3] ? KVM_SET_USER_MEMORY_REGION : UAPI_SET_USER_MEMORY_REGION2,
				&region);
}

static void gmem(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		 struct diff_result *result)
{
	static const uint64_t sizes[] = {(uint64_t)DIFF_RAM_PAGES * DIFF_PAGE, 0, 0x1010,
					 1ull << 63, 16 * (uint64_t)DIFF_PAGE};
	static const uint64_t flags[] = {0, 1, 3, 2, 4};
	struct uapi_create_guest_memfd create = {.size = PICK(sizes, a[0]),
						 .flags = PICK(flags, a[1])};
	int fd;

	create.reserved[0] = a[2];
	fd = diff_ioctl(side, vm->fd, UAPI_CREATE_GUEST_MEMFD, &create);
	result->rc = fd < 0 ? fd : 0;
	for (unsigned i = 0; fd >= 0 && i < DIFF_GMEMS; i++)
		if (vm->gmems[i] < 0) {
			vm->gmems[i] = fd;
			return;
		}
	diff_close(side, &fd);
}

static void attributes(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		       struct diff_result *result)
{
	static const struct {
		uint64_t address;
		uint64_t size;
	} ranges[] = {
		{0, 32 * (uint64_t)DIFF_PAGE},
		{0xffff0ull * DIFF_PAGE, 16 * (uint64_t)DIFF_PAGE},
		{4 * (uint64_t)DIFF_PAGE, 2 * (uint64_t)DIFF_PAGE},
		{0, 0},
		{0x10, DIFF_PAGE},
		{0, 0x10},
		{UINT64_MAX - DIFF_PAGE + 1, 2 * (uint64_t)DIFF_PAGE},
		{24 * (uint64_t)DIFF_PAGE, 64 * (uint64_t)DIFF_PAGE},
		{1ull << 51, DIFF_PAGE},
	};
	static const uint64_t values[] = {UAPI_MEMORY_ATTRIBUTE_PRIVATE, 0, 1, 1ull << 40};
	struct uapi_memory_attributes set = {.address = PICK(ranges, a[0]).address,
					     .size = PICK(ranges, a[0]).size,
					     .attributes = PICK(values, a[1]),
					     .flags = a[2]};

	result->rc = diff_ioctl(side, vm->fd, UAPI_SET_MEMORY_ATTRIBUTES, &set);
	diff_put(result, &set, sizeof(set));
}

static void punch(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		  struct diff_result *result)
{
	static const int modes[] = {FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, FALLOC_FL_KEEP_SIZE,
				    FALLOC_FL_PUNCH_HOLE, 0};
	static const struct {
		uint64_t offset;
		uint64_t size;
	} ranges[] = {
		{0, 2 * (uint64_t)DIFF_PAGE},
		{4 * (uint64_t)DIFF_PAGE, DIFF_PAGE},
		{0x10, DIFF_PAGE},
		{(uint64_t)DIFF_RAM_PAGES * DIFF_PAGE, DIFF_PAGE},
		{0, 0},
	};

	result->rc = side->platform->ops->fallocate(side->platform->context, vm->gmems[a[2]],
						    PICK(modes, a[1]), PICK(ranges, a[0]).offset,
						    PICK(ranges, a[0]).size);
}

static void region(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		   struct diff_result *result)
{
	const uint64_t ram = (uintptr_t)vm->ram, end = ram + (uint64_t)DIFF_RAM_PAGES * DIFF_PAGE;
	const struct kvm_enc_region regions[] = {
		{ram, 32 * (uint64_t)DIFF_PAGE},
		{ram, (uint64_t)DIFF_RAM_PAGES * DIFF_PAGE},
		{ram + 0x10, 0x20},
		{ram, 0},
		{end, DIFF_PAGE},                           /* can only be read */
		{end - DIFF_PAGE, 3 * (uint64_t)DIFF_PAGE}, /* into what is not there */
		{UINT64_MAX - 0xf, 0x20},
		{ram, 1ull << 62},
	};

	result->rc =
		diff_ioctl(side, vm->fd,
			   a[1] ? KVM_MEMORY_ENCRYPT_UNREG_REGION : KVM_MEMORY_ENCRYPT_REG_REGION,
			   &PICK(regions, a[0]));
}

static void pre_fault(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		      struct diff_result *result)
{
	static const struct {
		uint64_t gpa;
		uint64_t size;
	} ranges[] = {
		{8 * (uint64_t)DIFF_PAGE, DIFF_PAGE},
		{0x10, DIFF_PAGE},
		{0, 0},
		{0x800000, DIFF_PAGE}, /* no slot */
		{UINT64_MAX - DIFF_PAGE + 1, 2 * (uint64_t)DIFF_PAGE},
	};
	struct uapi_pre_fault_memory fault = {
		.gpa = PICK(ranges, a[0]).gpa, .size = PICK(ranges, a[0]).size, .flags = a[1]};

	result->rc = diff_ioctl(side, diff_vcpu(vm, 0), UAPI_PRE_FAULT_MEMORY, &fault);
	diff_put(result, &fault, 2 * sizeof(uint64_t));
}

static void dirty_log(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		      struct diff_result *result)
{
	uint64_t bits[2] = {0};
	struct kvm_dirty_log log = {.slot = a[0], .dirty_bitmap = bits};

	result->rc = diff_ioctl(side, vm->fd, KVM_GET_DIRTY_LOG, &log);
}

const struct diff_op diff_memory_ops[] = {
	{"slot", slot, {8, 12, 2}, 6},
	{"slot_gmem", slot_gmem, {8, 12, 4, 2}, 6},
	{"gmem", gmem, {5, 5, 2}, 4},
	{"attributes", attributes, {9, 4, 2}, 6},
	{"punch", punch, {5, 4, DIFF_GMEMS}, 3},
	{"region", region, {8, 2}, 4},
	{"pre_fault", pre_fault, {5, 2}, 2},
	{"dirty_log", dirty_log, {4}, 1},
	{0},
};
