/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench.h"

#include <sys/mman.h>

void bench_open(struct bench *bench, const char *knobs, uint64_t type)
{
	struct coco_error error;
	void *memory =
		mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(memory, MAP_FAILED);
	*bench = (struct bench){.memory = memory};
	expect_ok(coco_sim_new_from_text(knobs, &bench->sim, &error), &error);
	bench->platform = coco_sim_get_platform(bench->sim);
	bench->kvm = bench->platform->ops->open(bench->platform->context, "/dev/kvm");
	ck_assert_int_ge(bench->kvm, 0);
	bench->vm = bench_vm(bench, type);
}

struct coco_sim_account bench_account(struct bench *bench)
{
	struct coco_sim_account account;
	struct coco_error error;

	COCO_INIT(&account);
	expect_ok(coco_sim_get_account(bench->sim, &account, &error), &error);
	return account;
}

void bench_close(struct bench *bench)
{
	if (bench->vm >= 0)
		ck_assert_int_eq(bench_close_fd(bench, bench->vm), 0);
	ck_assert_int_eq(bench_close_fd(bench, bench->kvm), 0);
	coco_sim_free(bench->sim);
	munmap(bench->memory, MEMORY_SIZE);
}

int bench_ioctl_value(struct bench *bench, int fd, unsigned long request, uintptr_t argument)
{
	return bench->platform->ops->ioctl(bench->platform->context, fd, request, argument);
}

int bench_ioctl(struct bench *bench, int fd, unsigned long request, const void *argument)
{
	return bench_ioctl_value(bench, fd, request, (uintptr_t)argument);
}

int bench_close_fd(struct bench *bench, int fd)
{
	return bench->platform->ops->close(bench->platform->context, fd);
}

int bench_dup3(struct bench *bench, int fd, int number)
{
	return bench->platform->ops->dup3(bench->platform->context, fd, number);
}

void *bench_map(struct bench *bench, int fd, size_t size, int *r)
{
	void *mapped = NULL;

	*r = bench->platform->ops->mmap(bench->platform->context, NULL, size,
					PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0, &mapped);
	return *r ? NULL : mapped;
}

void bench_unmap(struct bench *bench, void *address, size_t size)
{
	ck_assert_int_eq(bench->platform->ops->munmap(bench->platform->context, address, size), 0);
}

int bench_fallocate(struct bench *bench, int fd, int mode, uint64_t offset, uint64_t size)
{
	return bench->platform->ops->fallocate(bench->platform->context, fd, mode, offset, size);
}

static int made(int fd)
{
	ck_assert_int_ge(fd, 0);
	return fd;
}

int bench_vm(struct bench *bench, uint64_t type)
{
	return made(bench_ioctl_value(bench, bench->kvm, KVM_CREATE_VM, type));
}

int bench_vcpu(struct bench *bench, uint64_t id)
{
	return made(bench_ioctl_value(bench, bench->vm, KVM_CREATE_VCPU, id));
}

int bench_gmem(struct bench *bench, uint64_t size, uint64_t flags)
{
	const struct uapi_create_guest_memfd args = {.size = size, .flags = flags};

	return made(bench_ioctl(bench, bench->vm, UAPI_CREATE_GUEST_MEMFD, &args));
}

void bench_irqchip(struct bench *bench)
{
	ck_assert_int_eq(bench_ioctl_value(bench, bench->vm, KVM_CREATE_IRQCHIP, 0), 0);
}

void bench_split(struct bench *bench)
{
	ck_assert_int_eq(bench_cap(bench, KVM_CAP_SPLIT_IRQCHIP, 24), 0);
}

int bench_cap(struct bench *bench, uint32_t cap, uint64_t value)
{
	const struct kvm_enable_cap args = {.cap = cap, .args = {value}};

	return bench_ioctl(bench, bench->vm, KVM_ENABLE_CAP, &args);
}

int bench_slot(struct bench *bench, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size)
{
	const struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)bench->memory,
	};

	return bench_ioctl(bench, bench->vm, KVM_SET_USER_MEMORY_REGION, &region);
}
