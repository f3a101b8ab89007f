/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a run of an image may be. */
#include "image/image.h"

#include "base/error.h"
#include "base/range.h"

#include <errno.h>
#include <inttypes.h>

#define ALL_FLAGS (COCO_RUN_UNMEASURED | COCO_RUN_SHARED)

static const struct {
	const char *name;
	bool has_bytes;
	bool one_page;
	bool may_be_unmeasured; /* and shared */
} kinds[] = {
	[COCO_PAGE_DATA] = {"data", true, false, true},
	[COCO_PAGE_ZERO] = {"zero", false, false, true},
	[COCO_PAGE_SECRETS] = {"secrets", false, true, false},
	[COCO_PAGE_CPUID] = {"cpuid", false, true, false},
	[COCO_PAGE_PART] = {"part", true, false, false},
};

static bool known(uint32_t kind)
{
	return kind < sizeof(kinds) / sizeof(*kinds) && kinds[kind].name;
}

const char *coco_page_kind_name(uint32_t kind)
{
	return known(kind) ? kinds[kind].name : "unknown";
}

struct coco_page_run coco_run_show(const struct coco_image_run *run)
{
	return (struct coco_page_run){
		.struct_size = sizeof(struct coco_page_run),
		.gpa = run->gpa,
		.size = run->size,
		.bytes = run->bytes,
		.kind = run->kind,
		.flags = run->flags,
		.label = run->label,
	};
}

static int check_part(const struct coco_page_run *run, struct coco_error *error)
{
	const uint64_t left = COCO_PAGE_SIZE - run->gpa % COCO_PAGE_SIZE;

	if (run->gpa % COCO_PART_UNIT)
		return coco_fail_field(error, -EINVAL, "gpa",
				       "0x%" PRIx64 " is not aligned to %u bytes", run->gpa,
				       COCO_PART_UNIT);
	if (!run->size || run->size % COCO_PART_UNIT || run->size > left)
		return coco_fail_field(error, -EINVAL, "size",
				       "0x%" PRIx64 " bytes at 0x%" PRIx64
				       " are not a multiple of %u that ends within the page",
				       run->size, run->gpa, COCO_PART_UNIT);
	if (run->gpa >= COCO_GPA_END)
		return coco_fail_field(error, -EINVAL, "gpa", "0x%" PRIx64 " is beyond 2^52",
				       run->gpa);
	return 0;
}

static int check_pages(const struct coco_page_run *run, struct coco_error *error)
{
	if (!coco_page_aligned(run->gpa))
		return coco_fail_field(error, -EINVAL, "gpa",
				       "0x%" PRIx64 " is not aligned to a page", run->gpa);
	if (!run->size || !coco_page_aligned(run->size))
		return coco_fail_field(error, -EINVAL, "size",
				       "0x%" PRIx64 " is not a whole number of pages, at least one",
				       run->size);
	if (!coco_page_range_valid(run->gpa, run->size))
		return coco_fail_field(error, -EINVAL, "size",
				       "0x%" PRIx64 " bytes at 0x%" PRIx64 " end beyond 2^52",
				       run->size, run->gpa);
	if (kinds[run->kind].one_page && run->size != COCO_PAGE_SIZE)
		return coco_fail_field(error, -EINVAL, "size",
				       "a %s run is one page, not 0x%" PRIx64 " bytes",
				       kinds[run->kind].name, run->size);
	return 0;
}

int coco_run_check(const struct coco_page_run *run, struct coco_error *error)
{
	int r;

	if (!known(run->kind))
		return coco_fail_field(error, -EINVAL, "kind", "%" PRIu32 " is no page kind",
				       run->kind);
	if (run->flags & ~(uint32_t)ALL_FLAGS)
		return coco_fail_field(error, -EINVAL, "flags", "unknown flags 0x%" PRIx32,
				       run->flags);
	if (run->flags & COCO_RUN_UNMEASURED && !kinds[run->kind].may_be_unmeasured)
		return coco_fail_field(error, -EINVAL, "flags",
				       "whether %s runs are measured is not up to the image",
				       kinds[run->kind].name);
	if (run->flags & COCO_RUN_SHARED && !kinds[run->kind].may_be_unmeasured)
		return coco_fail_field(error, -EINVAL, "flags", "%s runs can't be shared memory",
				       kinds[run->kind].name);
	if (run->flags == ALL_FLAGS)
		return coco_fail_field(error, -EINVAL, "flags",
				       "shared memory is never measured: COCO_RUN_SHARED does not "
				       "go with COCO_RUN_UNMEASURED");
	r = run->kind == COCO_PAGE_PART ? check_part(run, error) : check_pages(run, error);
	if (r)
		return r;
	if (kinds[run->kind].has_bytes && !run->bytes)
		return coco_fail_field(error, -EINVAL, "bytes", "a %s run without bytes",
				       kinds[run->kind].name);
	if (!kinds[run->kind].has_bytes && run->bytes)
		return coco_fail_field(error, -EINVAL, "bytes", "a %s run has no bytes",
				       kinds[run->kind].name);
	if (run->label && strnlen(run->label, COCO_LABEL_SIZE) == COCO_LABEL_SIZE)
		return coco_fail_field(error, -EINVAL, "label",
				       "the label has more than %u characters",
				       COCO_LABEL_SIZE - 1);
	return 0;
}
