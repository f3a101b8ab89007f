/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Memory attributes: which pages are private. Ranges in ascending order that neither touch nor
 * overlap. */
#include <errno.h>
#include <stdlib.h>

#include "sim/slots.h"

struct range {
	uint64_t start;
	uint64_t end;
};

struct sim_attribute_map {
	struct range *ranges;
	size_t count;
	size_t room;
};

/* The first range that ends after `gpa`. */
static size_t find(const struct sim_attribute_map *map, uint64_t gpa)
{
	size_t low = 0, high = map->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->ranges[middle].end > gpa)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

bool sim_attribute_private(const struct sim_vm *vm, uint64_t gpa)
{
	const struct sim_attribute_map *map = vm->attributes;
	size_t at;

	if (!map)
		return false;
	at = find(map, gpa);
	return at < map->count && map->ranges[at].start <= gpa;
}

/* Room for two more ranges: the most that one call adds. */
static int make_room(struct sim_vm *vm)
{
	struct sim_attribute_map *map = vm->attributes;
	struct range *ranges;
	size_t room;

	if (!map) {
		map = calloc(1, sizeof(*map));
		if (!map)
			return -ENOMEM;
		vm->attributes = map;
	}
	if (map->count + 2 <= map->room)
		return 0;
	room = map->room ? map->room * 2 : 16;
	ranges = realloc(map->ranges, room * sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	map->ranges = ranges;
	map->room = room;
	return 0;
}

/* Puts `count` ranges in the place of those from `first` up to `last`. */
static void replace(struct sim_attribute_map *map, size_t first, size_t last,
		    const struct range *by, size_t count)
{
	size_t tail = map->count - last;

	/* Away from what is overwritten, so from the far end if it moves up. */
	if (count > last - first)
		for (size_t i = tail; i-- > 0;)
			map->ranges[first + count + i] = map->ranges[last + i];
	else
		for (size_t i = 0; i < tail; i++)
			map->ranges[first + count + i] = map->ranges[last + i];
	for (size_t i = 0; i < count; i++)
		map->ranges[first + i] = by[i];
	map->count = first + count + tail;
}

static void set_private(struct sim_attribute_map *map, uint64_t start, uint64_t end)
{
	/* Those that touch the new one melt into it. */
	size_t first = start ? find(map, start - 1) : 0, last = first;
	struct range merged = {start, end};

	while (last < map->count && map->ranges[last].start <= end) {
		if (map->ranges[last].start < merged.start)
			merged.start = map->ranges[last].start;
		if (map->ranges[last].end > merged.end)
			merged.end = map->ranges[last].end;
		last++;
	}
	replace(map, first, last, &merged, 1);
}

static void set_shared(struct sim_attribute_map *map, uint64_t start, uint64_t end)
{
	size_t first = find(map, start), last = first, count = 0;
	struct range rest[2];

	while (last < map->count && map->ranges[last].start < end) {
		if (map->ranges[last].start < start)
			rest[count++] = (struct range){map->ranges[last].start, start};
		if (map->ranges[last].end > end)
			rest[count++] = (struct range){end, map->ranges[last].end};
		last++;
	}
	replace(map, first, last, rest, count);
}

int sim_set_attributes(struct sim_file *file, uintptr_t argument)
{
	struct sim_vm *vm = file->vm;
	struct uapi_memory_attributes args;
	int r;

	if (sim_copy_in(&args, argument, sizeof(args)))
		return -EFAULT;
	if (args.flags)
		return -EINVAL;
	if (args.attributes & ~(vm->tech->private_memory ? UAPI_MEMORY_ATTRIBUTE_PRIVATE : 0))
		return -EINVAL;
	if (args.size == 0 || args.address + args.size < args.address)
		return -EINVAL;
	if (args.address % SIM_PAGE_SIZE || args.size % SIM_PAGE_SIZE)
		return -EINVAL;
	r = make_room(vm);
	if (r)
		return r;
	if (args.attributes)
		set_private(vm->attributes, args.address, args.address + args.size);
	else
		set_shared(vm->attributes, args.address, args.address + args.size);
	vm->memory_epoch++;
	if (vm->tech->attributes_changed)
		vm->tech->attributes_changed(vm, args.address, args.size, args.attributes);
	return 0;
}

void sim_attributes_free(struct sim_vm *vm)
{
	if (!vm->attributes)
		return;
	free(vm->attributes->ranges);
	free(vm->attributes);
	vm->attributes = NULL;
}

#define LONGEST_RUN (256 * (uint64_t)SIM_PAGE_SIZE)

uint64_t sim_attribute_run(const struct sim_vcpu *vcpu, const struct sim_slot *slot, uint64_t gpa)
{
	const struct sim_attribute_map *map = vcpu->vm->attributes;
	uint64_t end = slot->gpa + slot->size;
	size_t at;

	if (!vcpu->wants_run)
		return SIM_PAGE_SIZE;
	if (end - gpa > LONGEST_RUN)
		end = gpa + LONGEST_RUN;
	at = map ? find(map, gpa) : 0;
	if (map && at < map->count) {
		const struct range *range = &map->ranges[at];
		const uint64_t change = range->start <= gpa ? range->end : range->start;

		if (change < end)
			end = change;
	}
	return end - gpa;
}
