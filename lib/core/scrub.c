/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/scrub.h"

#include "base/error.h"
#include "base/range.h"
#include "core/memory.h"
#include "core/source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const struct coco_range *left = a, *right = b;

	return (left->gpa > right->gpa) - (left->gpa < right->gpa);
}

static int check_keep(const struct coco_guest *guest, const struct coco_range *keep, uint32_t count,
		      struct coco_error *error)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!keep[i].size || !coco_page_range_valid(keep[i].gpa, keep[i].size) ||
		    !coco_memory_covers(guest, keep[i].gpa, keep[i].size))
			return coco_fail_field(error, -EINVAL, "keep",
					       "0x%" PRIx64 " bytes at 0x%" PRIx64
					       " to keep are not whole pages of guest memory",
					       keep[i].size, keep[i].gpa);
		if (i && keep[i].gpa - keep[i - 1].gpa < keep[i - 1].size)
			return coco_fail_field(error, -EINVAL, "keep",
					       "ranges to keep overlap at 0x%" PRIx64, keep[i].gpa);
	}
	return 0;
}

int coco_memory_policy_init(const struct coco_guest *guest,
			    const struct coco_reset_options *options,
			    struct coco_memory_policy *out, struct coco_error *error)
{
	int r;

	*out = (struct coco_memory_policy){.rule = options->memory};
	if (options->memory > COCO_RESET_MEMORY_SCRUB)
		return coco_fail_field(error, -EINVAL, "memory", "%" PRIu32 " is no memory policy",
				       options->memory);
	if (options->keep_count > COCO_RESET_KEEP_MAX)
		return coco_fail_field(error, -EINVAL, "keep_count",
				       "%" PRIu32 " ranges to keep: at most %u",
				       options->keep_count, COCO_RESET_KEEP_MAX);
	if (!options->keep_count)
		return 0;
	if (!options->keep)
		return coco_fail_field(error, -EINVAL, "keep", "keep is NULL");
	out->keep = malloc(options->keep_count * sizeof(*out->keep));
	if (!out->keep)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	memcpy(out->keep, options->keep, options->keep_count * sizeof(*out->keep));
	qsort(out->keep, options->keep_count, sizeof(*out->keep), compare);
	out->keep_count = options->keep_count;
	r = check_keep(guest, out->keep, out->keep_count, error);
	if (r)
		coco_memory_policy_release(out);
	return r;
}

void coco_memory_policy_release(struct coco_memory_policy *policy)
{
	free(policy->keep);
	*policy = (struct coco_memory_policy){0};
}

static int discard(struct coco_guest *guest, const struct coco_region *region, uint64_t start,
		   uint64_t end, struct coco_error *error)
{
	if (start >= end)
		return 0;
	return coco_memory_discard_shared(guest, region, start - region->gpa, end - start,
					  COCO_STAGE_LOAD, error);
}

/* In kept memory, the launch image's pages. */
static int scrub_image(struct coco_guest *guest, const struct coco_region *region,
		       uint64_t kept_start, uint64_t kept_end, struct coco_error *error)
{
	const struct coco_image *image = guest->source->image;
	int r = 0;

	for (uint32_t i = 0; !r && i < image->count; i++) {
		const struct coco_image_run *run = &image->runs[i];

		/* Parts of a page are overwritten as a whole, and what is around them stays. */
		if (run->kind != COCO_PAGE_PART)
			r = discard(guest, region, coco_max(run->gpa, kept_start),
				    coco_min(run->gpa + run->size, kept_end), error);
	}
	return r;
}

static bool kept(const struct coco_memory_policy *policy, const struct coco_region *region)
{
	switch (policy->rule) {
	case COCO_RESET_MEMORY_KEEP:
		return true;
	case COCO_RESET_MEMORY_SCRUB:
		return false;
	default:
		return region->flags & COCO_MEMORY_KEEP;
	}
}

/* All of a region but the ranges that are listed. */
static int scrub_around(struct coco_guest *guest, const struct coco_region *region,
			struct coco_error *error)
{
	const struct coco_memory_policy *policy = &guest->memory_policy;
	const uint64_t region_end = region->gpa + region->size;
	uint64_t next = region->gpa;
	int r = 0;

	for (uint32_t i = 0; !r && i < policy->keep_count; i++) {
		const struct coco_range *keep = &policy->keep[i];
		const uint64_t start = coco_max(keep->gpa, region->gpa);
		const uint64_t end = coco_min(keep->gpa + keep->size, region_end);

		if (start >= end)
			continue;
		r = discard(guest, region, next, start, error);
		if (!r)
			r = scrub_image(guest, region, start, end, error);
		next = end;
	}
	return r ? r : discard(guest, region, next, region_end, error);
}

int coco_scrub(struct coco_guest *guest, struct coco_error *error)
{
	const struct coco_recipe *recipe = &guest->recipe;
	int r = 0;

	for (uint32_t i = 0; !r && i < recipe->region_count; i++) {
		const struct coco_region *region = &recipe->regions[i];

		if (region->flags & COCO_MEMORY_GUEST_MEMFD)
			continue;
		if (kept(&guest->memory_policy, region))
			r = scrub_image(guest, region, region->gpa, region->gpa + region->size,
					error);
		else
			r = scrub_around(guest, region, error);
	}
	return r;
}
