/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE /* MADV_REMOVE */

#include "core/memory.h"

#include "base/error.h"
#include "base/options.h"
#include "base/range.h"
#include "core/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LARGE_PAGE 0x200000ull

static int check_flags(const struct coco_guest *guest, const struct coco_memory *memory,
		       struct coco_error *error)
{
	const struct coco_backend *backend = guest->recipe.backend;
	struct coco_tech_info info = {0};
	int r;

	if (memory->flags &
	    ~(uint32_t)(COCO_MEMORY_KEEP | COCO_MEMORY_GUEST_MEMFD | COCO_MEMORY_ANONYMOUS))
		return coco_fail_field(error, -EINVAL, "flags", "unknown flags 0x%" PRIx32,
				       memory->flags);
	if (memory->flags & COCO_MEMORY_ANONYMOUS && !memory->host)
		return coco_fail_field(error, -EINVAL, "flags",
				       "COCO_MEMORY_ANONYMOUS is said of the caller's own memory");
	if (!(memory->flags & COCO_MEMORY_GUEST_MEMFD))
		return 0;
	if (memory->flags & COCO_MEMORY_KEEP)
		return coco_fail_field(
			error, -EINVAL, "flags",
			"a guest_memfd is new in each incarnation and can't be kept");
	if (memory->host)
		return coco_fail_field(error, -EINVAL, "host",
				       "memory is either the caller's or a guest_memfd's");
	if (backend->private_memory)
		return coco_fail_field(error, -EINVAL, "flags",
				       "a %s guest has guest_memfds for its private memory anyway",
				       backend->name);
	r = backend->probe(guest->seam, &info, error);
	if (r)
		return r;
	if (!info.guest_memfd_shared)
		return coco_fail_field(error, -EOPNOTSUPP, "flags",
				       "this kernel's guest_memfd can't be mapped by the host: "
				       "Linux 6.18 or newer is needed");
	return 0;
}

static int check_memory(const struct coco_guest *guest, const struct coco_memory *memory,
			struct coco_error *error)
{
	const struct coco_recipe *recipe = &guest->recipe;

	if (memory->reserved0)
		return coco_fail_field(error, -EINVAL, "reserved0", "reserved0 is not 0");
	if (!coco_page_aligned(memory->gpa))
		return coco_fail_field(error, -EINVAL, "gpa",
				       "0x%" PRIx64 " is not aligned to a page", memory->gpa);
	if (!memory->size || !coco_page_aligned(memory->size))
		return coco_fail_field(error, -EINVAL, "size",
				       "0x%" PRIx64 " is not a whole number of pages, at least one",
				       memory->size);
	if (memory->gpa >= recipe->gpa_end || memory->size > recipe->gpa_end - memory->gpa)
		return coco_fail_field(error, -EINVAL, "size",
				       "0x%" PRIx64 " bytes at 0x%" PRIx64
				       " end beyond what the vCPUs can address, 0x%" PRIx64,
				       memory->size, memory->gpa, recipe->gpa_end);
	if (!coco_page_aligned((uintptr_t)memory->host))
		return coco_fail_field(error, -EINVAL, "host", "%p is not aligned to a page",
				       memory->host);
	for (uint32_t i = 0; i < recipe->region_count; i++) {
		const struct coco_region *other = &recipe->regions[i];

		if (coco_ranges_overlap(memory->gpa, memory->size, other->gpa, other->size))
			return coco_fail_field(error, -EEXIST, "gpa",
					       "0x%" PRIx64 " bytes at 0x%" PRIx64
					       " overlap the region of 0x%" PRIx64
					       " bytes at 0x%" PRIx64,
					       memory->size, memory->gpa, other->size, other->gpa);
	}
	if (recipe->region_count >= COCO_MEMORY_MAX_REGIONS)
		return coco_fail_field(error, -ENOSPC, "memory", "the guest has %u regions already",
				       COCO_MEMORY_MAX_REGIONS);
	return check_flags(guest, memory, error);
}

/*
 * Host memory that is congruent to the guest's addresses modulo the large page,
 * so that KVM can map it with large pages: somewhere in a mapping that is larger by one.
 */
static int map_host_memory(struct coco_guest *guest, struct coco_region *region,
			   struct coco_error *error)
{
	const bool backed = !(region->flags & COCO_MEMORY_GUEST_MEMFD);
	const size_t slack = region->size >= LARGE_PAGE ? LARGE_PAGE : 0;
	uint64_t offset;
	int r;

	region->mapping_size = region->size + slack;
	r = coco_seam_map_memory(guest->seam, region->mapping_size,
				 backed ? PROT_READ | PROT_WRITE : PROT_NONE, &region->mapping,
				 error);
	if (r)
		return r;
	offset = slack ? (region->gpa - (uintptr_t)region->mapping) & (LARGE_PAGE - 1) : 0;
	region->host = (unsigned char *)region->mapping + offset;
	return 0;
}

static int add_region(struct coco_guest *guest, const struct coco_memory *memory,
		      struct coco_error *error)
{
	struct coco_recipe *recipe = &guest->recipe;
	struct coco_region region = {
		.gpa = memory->gpa,
		.size = memory->size,
		.flags = memory->flags,
		.host = memory->host,
	};
	struct coco_region *regions;
	int r;

	r = check_memory(guest, memory, error);
	if (r)
		return r;
	regions = realloc(recipe->regions, (recipe->region_count + 1) * sizeof(*regions));
	if (!regions)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	recipe->regions = regions;
	if (!region.host) {
		r = map_host_memory(guest, &region, error);
		if (r)
			return r;
	}
	regions[recipe->region_count++] = region;
	return 0;
}

int coco_guest_add_memory(struct coco_guest *guest, const struct coco_memory *memory,
			  struct coco_error *error)
{
	struct coco_memory given;
	int r;

	r = coco_options_read(&given, sizeof(given), memory, COCO_END_OF(struct coco_memory, size),
			      "memory", error);
	if (r)
		return r;
	pthread_mutex_lock(&guest->lock);
	r = coco_operation_begin(guest, &coco_operation_add_memory, error);
	if (!r) {
		r = add_region(guest, &given, error);
		coco_operation_end(guest);
	}
	pthread_mutex_unlock(&guest->lock);
	return r;
}

void coco_memory_release(struct coco_guest *guest)
{
	struct coco_recipe *recipe = &guest->recipe;

	for (uint32_t i = 0; i < recipe->region_count; i++)
		if (recipe->regions[i].mapping)
			coco_seam_unmap(guest->seam, recipe->regions[i].mapping,
					recipe->regions[i].mapping_size);
	free(recipe->regions);
	recipe->regions = NULL;
	recipe->region_count = 0;
}

uint32_t coco_memory_find(const struct coco_guest *guest, uint64_t gpa)
{
	const struct coco_recipe *recipe = &guest->recipe;
	uint32_t i;

	for (i = 0; i < recipe->region_count; i++)
		if (gpa >= recipe->regions[i].gpa &&
		    gpa - recipe->regions[i].gpa < recipe->regions[i].size)
			break;
	return i;
}

bool coco_memory_covers(const struct coco_guest *guest, uint64_t gpa, uint64_t size)
{
	const uint64_t end = gpa + size;

	while (gpa < end) {
		uint32_t i = coco_memory_find(guest, gpa);

		if (i == guest->recipe.region_count)
			return false;
		gpa = guest->recipe.regions[i].gpa + guest->recipe.regions[i].size;
	}
	return true;
}

void *coco_memory_find_shared(struct coco_guest *guest, uint64_t gpa, uint64_t size)
{
	const struct coco_recipe *recipe = &guest->recipe;
	const uint32_t index = coco_memory_find(guest, gpa);
	const struct coco_region *region;
	uint64_t offset, first, end, found;

	if (index == recipe->region_count)
		return NULL;
	region = &recipe->regions[index];
	offset = gpa - region->gpa;
	if (!size || size > region->size - offset)
		return NULL;
	if (recipe->backend->private_memory) {
		first = offset / COCO_PAGE_SIZE;
		end = (offset + size - 1) / COCO_PAGE_SIZE + 1;
		pthread_mutex_lock(&guest->memory_lock);
		found = coco_page_map_find(&guest->incarnation->memory[index].pages, first, end,
					   true);
		pthread_mutex_unlock(&guest->memory_lock);
		if (found != end)
			return NULL;
	}
	return (unsigned char *)region->host + offset;
}

int coco_memory_discard_shared(struct coco_guest *guest, const struct coco_region *region,
			       uint64_t offset, uint64_t size, uint32_t stage,
			       struct coco_error *error)
{
	unsigned char *start = (unsigned char *)region->host + offset;
	const bool anonymous = region->mapping || region->flags & COCO_MEMORY_ANONYMOUS;
	int r;

	/*
	 * REMOVE empties shared mappings and fails on private ones, DONTNEED empties anonymous ones
	 * and brings a file's contents back in others. EINVAL is what locked memory gets from it.
	 */
	r = coco_seam_madvise(guest->seam, start, (size_t)size,
			      anonymous ? MADV_DONTNEED : MADV_REMOVE);
	if (r && !region->mapping && (!anonymous || r == -EINVAL)) {
		memset(start, 0, (size_t)size);
		return 0;
	}
	if (r)
		return coco_fail_call(error, r, stage, "madvise",
				      "emptying shared memory at 0x%" PRIx64, region->gpa + offset);
	return 0;
}

int coco_guest_host_address(struct coco_guest *guest, uint64_t gpa, uint64_t size, void **out,
			    struct coco_error *error)
{
	const struct coco_recipe *recipe = &guest->recipe;
	uint32_t index;
	int r = -EFAULT;

	if (!size)
		return coco_fail_field(error, -EINVAL, "size", "size is 0");
	pthread_mutex_lock(&guest->lock);
	index = coco_memory_find(guest, gpa);
	if (index < recipe->region_count) {
		const struct coco_region *region = &recipe->regions[index];
		const uint64_t offset = gpa - region->gpa;

		if (size <= region->size - offset) {
			*out = (unsigned char *)region->host + offset;
			r = 0;
		}
	}
	pthread_mutex_unlock(&guest->lock);
	if (r)
		return coco_fail_field(error, r, "gpa",
				       "0x%" PRIx64 " bytes at 0x%" PRIx64 " are not in one region",
				       size, gpa);
	return 0;
}
