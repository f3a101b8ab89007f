/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ioctls on a VM that make things in it. */
#define _GNU_SOURCE
#include "fake_internal.h"

#include "kvm/uapi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int enable_cap(struct fake_call *call)
{
	const struct kvm_enable_cap *cap = (const struct kvm_enable_cap *)call->argument;
	struct fake_vm *vm = call->file->vm;

	if (cap == NULL)
		return -EFAULT;
	text_add(&call->line, " %u args=0x%llx", cap->cap, (unsigned long long)cap->args[0]);
	if (cap->flags != 0 || fake_extension(call->fake, vm->type, cap->cap) == 0)
		return -EINVAL;
	switch (cap->cap) {
	case KVM_CAP_SPLIT_IRQCHIP:
		if (cap->args[0] > 4096)
			return -EINVAL;
		if (vm->irqchip || vm->vcpus > 0)
			return -EEXIST;
		vm->irqchip = true;
		vm->split = true;
		return 0;
	case KVM_CAP_EXIT_HYPERCALL:
		if ((cap->args[0] & ~(1ull << UAPI_HC_MAP_GPA_RANGE)) != 0)
			return -EINVAL;
		vm->exit_hypercall = cap->args[0] != 0;
		return 0;
	default:
		fake_blame(call->fake, "capability %u, which the fake does not know", cap->cap);
		return -EINVAL;
	}
}

static int create_irqchip(struct fake_call *call)
{
	struct fake_vm *vm = call->file->vm;

	if (vm->irqchip)
		return -EEXIST;
	if (vm->vcpus > 0)
		return -EINVAL;
	vm->irqchip = true;
	return 0;
}

static int create_vcpu(struct fake_call *call)
{
	struct fake_vm *vm = call->file->vm;
	unsigned limit = (unsigned)fake_extension(call->fake, vm->type, KVM_CAP_MAX_VCPUS);
	struct fake_file *file;
	char name[32];

	text_add(&call->line, " id=%llu", (unsigned long long)call->argument);
	if (call->argument >= FAKE_VM_IDS || vm->vcpus >= limit)
		return -EINVAL;
	if (vm->vcpu_ids[call->argument] != 0)
		return -EEXIST;
	vm->vcpu_ids[call->argument] = 1;
	vm->vcpus++;
	snprintf(name, sizeof(name), "vcpu%u.%u", vm->number, (unsigned)call->argument);
	snprintf(call->result, sizeof(call->result), "%s", name);
	file = file_new(call->fake, FAKE_VCPU, vm, name);
	file->vcpu = vcpu_new(call->fake, vm, (unsigned)call->argument);
	return fd_new(call->fake, file, true);
}

static struct fake_gmem *gmem_new(struct fake_vm *vm, uint64_t size, uint64_t flags)
{
	struct fake_gmem *gmem = calloc(1, sizeof(*gmem));
	void *bytes;

	if (gmem == NULL)
		abort();
	gmem->vm = vm;
	gmem->size = size;
	gmem->flags = flags;
	gmem->memory = memfd_create("fake gmem", MFD_CLOEXEC);
	if (gmem->memory < 0 || ftruncate(gmem->memory, (off_t)size) != 0)
		abort();
	bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, gmem->memory,
		     0);
	if (bytes == MAP_FAILED)
		abort();
	gmem->bytes = bytes;
	return gmem;
}

static int create_guest_memfd(struct fake_call *call)
{
	struct uapi_create_guest_memfd *args = (struct uapi_create_guest_memfd *)call->argument;
	struct fake_vm *vm = call->file->vm;
	uint64_t allowed =
		(uint64_t)fake_extension(call->fake, vm->type, UAPI_CAP_GUEST_MEMFD_FLAGS);
	struct fake_file *file;
	char name[32];

	if (fake_extension(call->fake, vm->type, UAPI_CAP_GUEST_MEMFD) == 0)
		return -ENOTTY;
	if (args == NULL)
		return -EFAULT;
	text_add(&call->line, " size=0x%llx flags=%llu", (unsigned long long)args->size,
		 (unsigned long long)args->flags);
	if ((args->flags & ~allowed) != 0)
		return -EINVAL;
	if (args->size == 0 || args->size > INT64_MAX || args->size % 4096 != 0)
		return -EINVAL;
	snprintf(name, sizeof(name), "gmem%u.%u", vm->number, vm->gmems++);
	snprintf(call->result, sizeof(call->result), "%s", name);
	file = file_new(call->fake, FAKE_GMEM, vm, name);
	file->gmem = gmem_new(vm, args->size, args->flags);
	return fd_new(call->fake, file, false);
}

const struct fake_request fake_vm_requests[] = {
	{KVM_ENABLE_CAP, "KVM_ENABLE_CAP", FAKE_VM, false, enable_cap},
	{KVM_CREATE_IRQCHIP, "KVM_CREATE_IRQCHIP", FAKE_VM, false, create_irqchip},
	{KVM_CREATE_VCPU, "KVM_CREATE_VCPU", FAKE_VM, false, create_vcpu},
	{UAPI_CREATE_GUEST_MEMFD, "KVM_CREATE_GUEST_MEMFD", FAKE_VM, false, create_guest_memfd},
	{0, NULL, FAKE_VM, false, NULL},
};
