/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Memory slots: kvm_set_memory_region() in virt/kvm/kvm_main.c, check by check. */
#include "sim/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/gmem.h"
#include "sim/knobs.h"

#define MAX_PAGES        0x7fffffffull     /* KVM_MEM_MAX_NR_PAGES */
#define INTERNAL_SLOTS   3u                /* KVM_INTERNAL_MEM_SLOTS */
#define TASK_SIZE_MAX    0x7ffffffff000ull /* with four levels of page tables */
#define MMU_GPA_LIMIT    (1ull << 52)      /* kvm_mmu_max_gfn() with two-dimensional paging */
#define SLOT_ID(slot)    ((slot)&0xffff)
#define SLOT_SPACE(slot) ((slot) >> 16)

static struct sim_slot **place_of(struct sim_vm *vm, uint32_t id)
{
	struct sim_slot **at = &vm->slots;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

struct sim_slot *sim_slot_find(const struct sim_vm *vm, uint64_t gpa)
{
	/* Other address spaces are SMM's, which no guest here enters. */
	for (struct sim_slot *slot = vm->slots; slot && slot->gpa <= gpa; slot = slot->next)
		if (gpa - slot->gpa < slot->size && SLOT_SPACE(slot->id) == 0)
			return slot;
	return NULL;
}

bool sim_slots_use(const struct sim_vm *vm, const void *address, size_t size)
{
	const uintptr_t start = (uintptr_t)address;

	for (const struct sim_slot *slot = vm->slots; slot; slot = slot->next)
		if ((uintptr_t)slot->host < start + size &&
		    start < (uintptr_t)slot->host + slot->size)
			return true;
	return false;
}

static int check_flags(const struct sim_vm *vm, const struct uapi_memory_region2 *region)
{
	uint32_t allowed = KVM_MEM_LOG_DIRTY_PAGES;

	if (!sim_quirk(vm->sim, COCO_SIM_GMEM_PRIVATE_ONLY) || vm->tech->private_memory)
		allowed |= UAPI_MEM_GUEST_MEMFD;
	if (region->flags & UAPI_MEM_GUEST_MEMFD)
		allowed &= ~(uint32_t)KVM_MEM_LOG_DIRTY_PAGES;
	else if (!vm->tech->protected_state)
		allowed |= KVM_MEM_READONLY;
	return region->flags & ~allowed ? -EINVAL : 0;
}

static int check_ranges(const struct sim_vm *vm, const struct uapi_memory_region2 *region)
{
	const uint32_t spaces = vm->tech->private_memory ? 1 : 2;
	uint64_t end;

	if (region->memory_size % SIM_PAGE_SIZE || region->guest_phys_addr % SIM_PAGE_SIZE ||
	    region->userspace_addr % SIM_PAGE_SIZE)
		return -EINVAL;
	if (__builtin_add_overflow(region->userspace_addr, region->memory_size, &end) ||
	    end > TASK_SIZE_MAX)
		return -EINVAL;
	if (region->flags & UAPI_MEM_GUEST_MEMFD &&
	    (region->guest_memfd_offset % SIM_PAGE_SIZE ||
	     __builtin_add_overflow(region->guest_memfd_offset, region->memory_size, &end)))
		return -EINVAL;
	if (SLOT_SPACE(region->slot) >= spaces ||
	    SLOT_ID(region->slot) >= SIM_USER_SLOTS + INTERNAL_SLOTS)
		return -EINVAL;
	if (__builtin_add_overflow(region->guest_phys_addr, region->memory_size, &end))
		return -EINVAL;
	return region->memory_size / SIM_PAGE_SIZE > MAX_PAGES ? -EINVAL : 0;
}

static bool overlaps(const struct sim_vm *vm, const struct uapi_memory_region2 *region)
{
	const uint64_t start = region->guest_phys_addr;

	for (const struct sim_slot *slot = vm->slots; slot; slot = slot->next)
		if (slot->id != region->slot && SLOT_SPACE(slot->id) == SLOT_SPACE(region->slot) &&
		    slot->gpa < start + region->memory_size && start < slot->gpa + slot->size)
			return true;
	return false;
}

/* kvm_gmem_bind() */
static int bind_gmem(struct sim_vm *vm, const struct uapi_memory_region2 *region,
		     struct sim_slot *slot)
{
	struct sim_file *file;
	struct sim_gmem *gmem;
	const uint64_t start = region->guest_memfd_offset;
	int r = 0;

	r = sim_file_of_argument(vm->sim, (int)region->guest_memfd, &file);
	if (r)
		return r;
	gmem = file && file->kind == SIM_FILE_GMEM ? file->object : NULL;
	if (!gmem || gmem->vm != vm || start + region->memory_size > gmem->size)
		r = -EINVAL;
	for (const struct sim_slot *s = vm->slots; s && !r; s = s->next)
		if (s->gmem == gmem && s->gmem_offset < start + region->memory_size &&
		    start < s->gmem_offset + s->size)
			r = -EEXIST;
	/* The file keeps the VM, not the slot the file. */
	sim_file_put(file);
	if (!r) {
		slot->gmem = gmem;
		slot->gmem_offset = start;
	}
	return r;
}

static void insert(struct sim_vm *vm, struct sim_slot *slot)
{
	struct sim_slot **at = &vm->slots;

	while (*at && (*at)->gpa < slot->gpa)
		at = &(*at)->next;
	slot->next = *at;
	*at = slot;
}

static int create_slot(struct sim_vm *vm, const struct uapi_memory_region2 *region)
{
	struct sim_slot *slot = calloc(1, sizeof(*slot));
	int r = 0;

	if (!slot)
		return -ENOMEM;
	slot->id = region->slot;
	slot->flags = region->flags;
	slot->gpa = region->guest_phys_addr;
	slot->size = region->memory_size;
	slot->host = (uint8_t *)region->userspace_addr;
	if (region->flags & UAPI_MEM_GUEST_MEMFD)
		r = bind_gmem(vm, region, slot);
	if (!r && slot->gpa + slot->size > sim_gpa_limit(vm))
		r = -EINVAL;
	if (!r && vm->tech->slot_created)
		r = vm->tech->slot_created(vm, slot);
	if (!r)
		r = sim_dirty_prepare(vm, slot);
	if (r) {
		free(slot);
		return r;
	}
	insert(vm, slot);
	return 0;
}

static void delete_slot(struct sim_vm *vm, struct sim_slot **at)
{
	struct sim_slot *slot = *at;

	if (vm->tech->slot_deleted)
		vm->tech->slot_deleted(vm, slot);
	*at = slot->next;
	free(slot->dirty);
	free(slot);
}

static int modify_slot(struct sim_vm *vm, struct sim_slot **at,
		       const struct uapi_memory_region2 *region)
{
	struct sim_slot *slot = *at;

	if (region->flags & UAPI_MEM_GUEST_MEMFD)
		return -EINVAL;
	if (region->userspace_addr != (uintptr_t)slot->host || region->memory_size != slot->size ||
	    (region->flags ^ slot->flags) & (KVM_MEM_READONLY | UAPI_MEM_GUEST_MEMFD))
		return -EINVAL;
	if (region->guest_phys_addr != slot->gpa) {
		if (overlaps(vm, region))
			return -EEXIST;
		if (region->guest_phys_addr + slot->size > sim_gpa_limit(vm))
			return -EINVAL;
		if (vm->tech->slot_deleted)
			vm->tech->slot_deleted(vm, slot);
		*at = slot->next;
		slot->gpa = region->guest_phys_addr;
		insert(vm, slot);
	}
	slot->flags = region->flags;
	return sim_dirty_prepare(vm, slot);
}

static int set_region(struct sim_vm *vm, const struct uapi_memory_region2 *region)
{
	struct sim_slot **at;
	int r;

	if (SLOT_ID(region->slot) >= SIM_USER_SLOTS)
		return -EINVAL;
	r = check_flags(vm, region);
	if (!r)
		r = check_ranges(vm, region);
	if (r)
		return r;
	at = place_of(vm, region->slot);
	if (region->memory_size == 0) {
		if (!*at)
			return -EINVAL;
		delete_slot(vm, at);
	} else if (*at) {
		r = modify_slot(vm, at, region);
	} else {
		r = overlaps(vm, region) ? -EEXIST : create_slot(vm, region);
	}
	vm->memory_epoch++;
	return r;
}

int sim_set_memory_region(struct sim_file *file, uintptr_t argument)
{
	struct uapi_memory_region2 region = {0};

	if (sim_copy_in(&region, argument, sizeof(struct kvm_userspace_memory_region)))
		return -EFAULT;
	if (region.flags & ~(uint32_t)(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY))
		return -EINVAL;
	return set_region(file->vm, &region);
}

int sim_set_memory_region2(struct sim_file *file, uintptr_t argument)
{
	struct uapi_memory_region2 region;

	if (sim_copy_in(&region, argument, sizeof(region)))
		return -EFAULT;
	return set_region(file->vm, &region);
}

void sim_slots_free(struct sim_vm *vm)
{
	while (vm->slots)
		delete_slot(vm, &vm->slots);
}

uint64_t sim_gpa_limit(const struct sim_vm *vm)
{
	const uint64_t alias = vm->tech->gpa_alias ? vm->tech->gpa_alias(vm) : 0;

	return alias ? alias : MMU_GPA_LIMIT;
}
