/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Memory slots, attributes, and what the guest finds behind an address. */
#include "fake_internal.h"

#include "kvm/uapi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096ull

void slots_free(struct fake_vm *vm)
{
	while (vm->slots != NULL) {
		struct fake_slot *next = vm->slots->next;

		free(vm->slots);
		vm->slots = next;
	}
}

void slots_forget_gmem(struct fake_vm *vm, const struct fake_gmem *gmem)
{
	for (struct fake_slot *slot = vm->slots; slot != NULL; slot = slot->next)
		if (slot->gmem == gmem)
			slot->gmem = NULL;
}

/* ---- setting slots: checks in the kernel's order ---- */

static int check_flags(const struct fake_call *call, const struct uapi_memory_region2 *region)
{
	uint32_t allowed = KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY;

	if (fake_extension(call->fake, call->file->vm->type, UAPI_CAP_GUEST_MEMFD) != 0)
		allowed |= UAPI_MEM_GUEST_MEMFD;
	if ((region->flags & UAPI_MEM_GUEST_MEMFD) != 0)
		allowed = UAPI_MEM_GUEST_MEMFD;
	return (region->flags & ~allowed) != 0 ? -EINVAL : 0;
}

static int check_shape(const struct fake_vm *vm, const struct uapi_memory_region2 *region)
{
	uint64_t spaces = vm->type == UAPI_VM_TYPE_DEFAULT ? 2 : 1;

	if ((region->memory_size | region->guest_phys_addr | region->userspace_addr) % PAGE != 0)
		return -EINVAL;
	if ((region->flags & UAPI_MEM_GUEST_MEMFD) != 0 &&
	    (region->guest_memfd_offset % PAGE != 0 ||
	     region->guest_memfd_offset + region->memory_size < region->guest_memfd_offset))
		return -EINVAL;
	if (region->slot >> 16 >= spaces)
		return -EINVAL;
	if (region->guest_phys_addr + region->memory_size < region->guest_phys_addr)
		return -EINVAL;
	return region->memory_size / PAGE > INT32_MAX ? -EINVAL : 0;
}

static int check_overlap(const struct fake_vm *vm, const struct uapi_memory_region2 *region)
{
	for (const struct fake_slot *slot = vm->slots; slot != NULL; slot = slot->next)
		if (slot->id != region->slot && slot->id >> 16 == region->slot >> 16 &&
		    region->guest_phys_addr < slot->gpa + slot->size &&
		    slot->gpa < region->guest_phys_addr + region->memory_size)
			return -EEXIST;
	return 0;
}

static int check_gmem(const struct fake_call *call, const struct uapi_memory_region2 *region,
		      struct fake_gmem **out)
{
	const struct fake_vm *vm = call->file->vm;
	const struct fake_fd *entry;
	const struct fake_gmem *gmem;
	uint64_t end = region->guest_memfd_offset + region->memory_size;

	if ((region->flags & UAPI_MEM_GUEST_MEMFD) == 0)
		return 0;
	entry = fd_find(call->fake, (int)region->guest_memfd);
	if (entry == NULL)
		return -EBADF;
	if (entry->file->kind != FAKE_GMEM || entry->file->gmem->vm != vm)
		return -EINVAL;
	gmem = entry->file->gmem;
	if (end > gmem->size)
		return -EINVAL;
	for (const struct fake_slot *slot = vm->slots; slot != NULL; slot = slot->next)
		if (slot->gmem == gmem &&
		    region->guest_memfd_offset < slot->gmem_offset + slot->size &&
		    slot->gmem_offset < end)
			return -EEXIST;
	*out = entry->file->gmem;
	return 0;
}

static int delete_slot(struct fake_slot **at)
{
	struct fake_slot *slot = *at;

	if (slot == NULL)
		return -EINVAL;
	*at = slot->next;
	free(slot);
	return 0;
}

static int change_slot(struct fake_slot *slot, const struct fake_vm *vm,
		       const struct uapi_memory_region2 *region)
{
	if (slot->has_gmem || (region->flags & UAPI_MEM_GUEST_MEMFD) != 0)
		return -EINVAL;
	if (slot->hva != region->userspace_addr || slot->size != region->memory_size ||
	    ((slot->flags ^ region->flags) & KVM_MEM_READONLY) != 0)
		return -EINVAL;
	if (check_overlap(vm, region) != 0)
		return -EEXIST;
	slot->gpa = region->guest_phys_addr;
	slot->flags = region->flags;
	return 0;
}

static int set_region(const struct fake_call *call, const struct uapi_memory_region2 *region)
{
	struct fake_vm *vm = call->file->vm;
	struct fake_slot **at = &vm->slots, *slot;
	struct fake_gmem *gmem = NULL;
	int rc;

	if ((region->slot & 0xffff) >= FAKE_SLOTS || check_flags(call, region) != 0 ||
	    check_shape(vm, region) != 0)
		return -EINVAL;
	while (*at != NULL && (*at)->id != region->slot)
		at = &(*at)->next;
	if (region->memory_size == 0)
		return delete_slot(at);
	if (*at != NULL)
		return change_slot(*at, vm, region);
	rc = check_overlap(vm, region);
	if (rc == 0)
		rc = check_gmem(call, region, &gmem);
	if (rc == 0 && region->guest_phys_addr + region->memory_size > FAKE_GPA_END)
		rc = -EINVAL;
	if (rc != 0)
		return rc;
	slot = calloc(1, sizeof(*slot));
	if (slot == NULL)
		abort();
	*slot = (struct fake_slot){region->slot,
				   region->flags,
				   region->guest_phys_addr,
				   region->memory_size,
				   region->userspace_addr,
				   region->guest_memfd_offset,
				   gmem,
				   gmem != NULL,
				   NULL};
	*at = slot;
	return 0;
}

static void describe_region(struct fake_call *call, const struct uapi_memory_region2 *region)
{
	text_add(&call->line, " slot=%u flags=%u gpa=0x%llx size=0x%llx hva=", region->slot,
		 region->flags, (unsigned long long)region->guest_phys_addr,
		 (unsigned long long)region->memory_size);
	text_address(call->fake, &call->line, (uintptr_t)region->userspace_addr);
	if ((region->flags & UAPI_MEM_GUEST_MEMFD) == 0)
		return;
	text_add(&call->line, " gmem=");
	text_fd(call->fake, &call->line, (int)region->guest_memfd);
	if (region->guest_memfd_offset != 0)
		text_add(&call->line, "+0x%llx", (unsigned long long)region->guest_memfd_offset);
}

static int set_user_memory_region(struct fake_call *call)
{
	const struct kvm_userspace_memory_region *old =
		(const struct kvm_userspace_memory_region *)call->argument;
	struct uapi_memory_region2 region = {0};

	if (old == NULL)
		return -EFAULT;
	region.slot = old->slot;
	region.flags = old->flags;
	region.guest_phys_addr = old->guest_phys_addr;
	region.memory_size = old->memory_size;
	region.userspace_addr = old->userspace_addr;
	if ((region.flags & UAPI_MEM_GUEST_MEMFD) != 0) {
		text_add(&call->line, " slot=%u flags=%u", region.slot, region.flags);
		return -EINVAL;
	}
	describe_region(call, &region);
	return set_region(call, &region);
}

static int set_user_memory_region2(struct fake_call *call)
{
	const struct uapi_memory_region2 *region =
		(const struct uapi_memory_region2 *)call->argument;

	if (region == NULL)
		return -EFAULT;
	if (fake_extension(call->fake, call->file->vm->type, UAPI_CAP_USER_MEMORY2) == 0)
		return -ENOTTY;
	describe_region(call, region);
	return set_region(call, region);
}

static int set_memory_attributes(struct fake_call *call)
{
	const struct uapi_memory_attributes *args =
		(const struct uapi_memory_attributes *)call->argument;
	struct fake_vm *vm = call->file->vm;
	uint64_t allowed =
		(uint64_t)fake_extension(call->fake, vm->type, UAPI_CAP_MEMORY_ATTRIBUTES);

	if (args == NULL)
		return -EFAULT;
	text_add(&call->line, " gpa=0x%llx size=0x%llx attributes=%llu",
		 (unsigned long long)args->address, (unsigned long long)args->size,
		 (unsigned long long)args->attributes);
	if (args->flags != 0 || (args->attributes & ~allowed) != 0 || args->size == 0 ||
	    args->address + args->size < args->address || (args->address | args->size) % PAGE != 0)
		return -EINVAL;
	if (args->attributes != 0)
		range_set_add(&vm->private_pages, args->address, args->address + args->size);
	else
		range_set_remove(&vm->private_pages, args->address, args->address + args->size);
	return 0;
}

const struct fake_request fake_slot_requests[] = {
	{KVM_SET_USER_MEMORY_REGION, "KVM_SET_USER_MEMORY_REGION", FAKE_VM, false,
	 set_user_memory_region},
	{UAPI_SET_USER_MEMORY_REGION2, "KVM_SET_USER_MEMORY_REGION2", FAKE_VM, false,
	 set_user_memory_region2},
	{UAPI_SET_MEMORY_ATTRIBUTES, "KVM_SET_MEMORY_ATTRIBUTES", FAKE_VM, false,
	 set_memory_attributes},
	{0, NULL, FAKE_VM, false, NULL},
};

/* ---- the guest's view ---- */

static struct fake_slot *slot_at(struct fake_vm *vm, uint64_t gpa)
{
	for (struct fake_slot *slot = vm->slots; slot != NULL; slot = slot->next)
		if (slot->id >> 16 == 0 && gpa >= slot->gpa && gpa - slot->gpa < slot->size)
			return slot;
	return NULL;
}

int slots_find(struct fake_vm *vm, uint64_t gpa, size_t size, uint8_t **out, size_t *length,
	       bool *private_access)
{
	struct fake_slot *slot = slot_at(vm, gpa);
	bool private_page = range_set_has(&vm->private_pages, gpa);
	size_t in_page = (size_t)(PAGE - gpa % PAGE);

	*private_access = private_page;
	if (slot == NULL)
		return private_page ? -EFAULT : -ENOENT;
	*length = size < in_page ? size : in_page;
	/* A guest_memfd that the host may map holds both sides. */
	if (private_page || (slot->gmem != NULL && (slot->gmem->flags & 1) != 0)) {
		if (slot->gmem == NULL)
			return -EFAULT;
		*out = slot->gmem->bytes + slot->gmem_offset + (gpa - slot->gpa);
		return 0;
	}
	*out = (uint8_t *)(uintptr_t)(slot->hva + (gpa - slot->gpa));
	return 0;
}

static bool copy_guest(struct fake_kvm *fake, int vm_fd, uint64_t gpa, uint8_t *bytes, size_t size,
		       bool write)
{
	struct fake_vm *vm;
	bool whole = true;

	pthread_mutex_lock(&fake->lock);
	vm = vm_of_fd(fake, vm_fd);
	while (whole && size > 0) {
		uint8_t *at;
		size_t length;
		bool private_access;

		whole = vm != NULL && slots_find(vm, gpa, size, &at, &length, &private_access) == 0;
		if (!whole)
			break;
		memcpy(write ? at : bytes, write ? bytes : at, length);
		gpa += length;
		bytes += length;
		size -= length;
	}
	pthread_mutex_unlock(&fake->lock);
	return whole;
}

bool fake_kvm_read_guest(struct fake_kvm *fake, int vm_fd, uint64_t gpa, void *bytes, size_t size)
{
	return copy_guest(fake, vm_fd, gpa, bytes, size, false);
}

bool fake_kvm_write_guest(struct fake_kvm *fake, int vm_fd, uint64_t gpa, const void *bytes,
			  size_t size)
{
	return copy_guest(fake, vm_fd, gpa, (uint8_t *)(uintptr_t)bytes, size, true);
}

bool fake_kvm_is_private(struct fake_kvm *fake, int vm_fd, uint64_t gpa)
{
	const struct fake_vm *vm;
	bool is_private;

	pthread_mutex_lock(&fake->lock);
	vm = vm_of_fd(fake, vm_fd);
	is_private = vm != NULL && range_set_has(&vm->private_pages, gpa);
	pthread_mutex_unlock(&fake->lock);
	return is_private;
}

uint64_t fake_kvm_private_bytes(struct fake_kvm *fake, int vm_fd)
{
	const struct fake_vm *vm;
	uint64_t total = 0;

	pthread_mutex_lock(&fake->lock);
	vm = vm_of_fd(fake, vm_fd);
	if (vm != NULL)
		total = range_set_total(&vm->private_pages);
	pthread_mutex_unlock(&fake->lock);
	return total;
}
