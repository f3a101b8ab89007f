/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Dirty logging of slots: a bit for each page that was written since the log was read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/slots.h"
#include "sim/vm_config.h"

static size_t log_bytes(const struct sim_slot *slot)
{
	return (slot->size / SIM_PAGE_SIZE + 63) / 64 * 8;
}

int sim_dirty_prepare(struct sim_vm *vm, struct sim_slot *slot)
{
	const bool all_set = vm->config->caps.manual_dirty_log & 2; /* INITIALLY_SET */

	if (!(slot->flags & KVM_MEM_LOG_DIRTY_PAGES)) {
		free(slot->dirty);
		slot->dirty = NULL;
		return 0;
	}
	/* With a ring there is no bitmap. */
	if (slot->dirty || vm->config->caps.dirty_ring_bytes)
		return 0;
	slot->dirty = calloc(1, log_bytes(slot));
	if (!slot->dirty)
		return -ENOMEM;
	if (all_set)
		for (uint64_t page = 0; page < slot->size / SIM_PAGE_SIZE; page++)
			slot->dirty[page / 8] |= (uint8_t)(1u << page % 8);
	return 0;
}

void sim_dirty_mark(struct sim_slot *slot, uint64_t gpa)
{
	const uint64_t page = (gpa - slot->gpa) / SIM_PAGE_SIZE;

	if (slot->dirty)
		slot->dirty[page / 8] |= (uint8_t)(1u << page % 8);
}

static int find(struct sim_vm *vm, uint32_t id, struct sim_slot **out)
{
	const uint32_t spaces = vm->tech->private_memory ? 1 : 2;

	if (vm->config->caps.dirty_ring_bytes)
		return -ENXIO;
	if (id >> 16 >= spaces || (id & 0xffff) >= SIM_USER_SLOTS)
		return -EINVAL;
	for (*out = vm->slots; *out && (*out)->id != id;)
		*out = (*out)->next;
	return *out && (*out)->dirty ? 0 : -ENOENT;
}

int sim_get_dirty_log(struct sim_file *file, uintptr_t argument)
{
	struct sim_vm *vm = file->vm;
	struct kvm_dirty_log args;
	struct sim_slot *slot;
	int r;

	if (sim_copy_in(&args, argument, sizeof(args)))
		return -EFAULT;
	r = find(vm, args.slot, &slot);
	if (r)
		return r;
	r = sim_copy_out((uintptr_t)args.dirty_bitmap, slot->dirty, log_bytes(slot));
	/* Without KVM_CLEAR_DIRTY_LOG reading clears, whether the copy goes well or not. */
	if (!vm->config->caps.manual_dirty_log)
		memset(slot->dirty, 0, log_bytes(slot));
	return r;
}

int sim_clear_dirty_log(struct sim_file *file, uintptr_t argument)
{
	struct kvm_clear_dirty_log args;
	struct sim_slot *slot;
	uint64_t pages, left;
	uint8_t *clear;
	size_t size;
	int r;

	if (sim_copy_in(&args, argument, sizeof(args)))
		return -EFAULT;
	if (args.first_page & 63)
		return find(file->vm, args.slot, &slot) == -ENXIO ? -ENXIO : -EINVAL;
	r = find(file->vm, args.slot, &slot);
	if (r)
		return r;
	pages = slot->size / SIM_PAGE_SIZE;
	if (args.first_page > pages)
		return -EINVAL;
	left = pages - args.first_page;
	if (args.num_pages > left || (args.num_pages < left && args.num_pages & 63))
		return -EINVAL;
	size = ((size_t)args.num_pages + 63) / 64 * 8;
	clear = malloc(size + 1);
	if (!clear)
		return -ENOMEM;
	r = sim_copy_in(clear, (uintptr_t)args.dirty_bitmap, size);
	for (size_t i = 0; !r && i < size; i++)
		slot->dirty[args.first_page / 8 + i] &= (uint8_t)~clear[i];
	free(clear);
	return r;
}
