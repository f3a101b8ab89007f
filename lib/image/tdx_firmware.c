/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What TDX guests with TDX metadata are launched with. */
#include "image/firmware.h"

#include "base/error.h"
#include "base/options.h"
#include "base/range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

/* Where vCPUs start: the code's last 16 bytes. */
#define RESET_VECTOR (COCO_FIRMWARE_END - 16)

struct tdx_build {
	struct coco_image *image;
	const struct coco_firmware *firmware;
	struct coco_tdx_firmware_options options;
	uint64_t hob_gpa;
	bool has_hob;
	bool has_reset_vector;
};

static const char *const labels[] = {
	[COCO_TDX_SECTION_BFV] = "boot firmware volume",
	[COCO_TDX_SECTION_CFV] = "configuration volume",
	[COCO_TDX_SECTION_HOB] = "TD HOB",
	[COCO_TDX_SECTION_TEMPORARY_MEMORY] = "temporary memory",
	[COCO_TDX_SECTION_PERMANENT_MEMORY] = "permanent memory",
};

static int check_section(const struct coco_firmware_section *section, uint32_t index,
			 size_t file_size, struct coco_error *error)
{
	if (section->type >= sizeof(labels) / sizeof(*labels))
		return coco_fail_field(error, -EOPNOTSUPP, "firmware",
				       "section %" PRIu32 " of the TDX metadata has type %" PRIu32
				       ", which this version of the library does not load",
				       index, section->type);
	if (section->attributes & ~(uint32_t)(COCO_TDX_MR_EXTEND | COCO_TDX_PAGE_AUG))
		return coco_fail_field(error, -EINVAL, "firmware",
				       "section %" PRIu32
				       " of the TDX metadata has attributes 0x%" PRIx32
				       ": what the unknown ones mean for the measurement is not "
				       "known",
				       index, section->attributes);
	if (section->file_offset + section->file_size > file_size)
		return coco_fail_field(
			error, -EOPNOTSUPP, "firmware",
			"section %" PRIu32 " of the TDX metadata has 0x%" PRIx64
			" bytes at offset 0x%" PRIx64
			" of a file of 0x%zx: this is one half of a split build, and "
			"TDX needs both in one file",
			index, section->file_size, section->file_offset, file_size);
	/* It bounds what a hostile file can make a launch load and measure. */
	if (!(section->attributes & COCO_TDX_PAGE_AUG) &&
	    (section->gpa > COCO_FIRMWARE_END || section->size > COCO_FIRMWARE_END - section->gpa))
		return coco_fail_field(error, -EINVAL, "firmware",
				       "section %" PRIu32 " of the TDX metadata, 0x%" PRIx64
				       " bytes at 0x%" PRIx64
				       ", is to be there at launch and is not below 4 GiB",
				       index, section->size, section->gpa);
	return 0;
}

/* `given` bytes of contents in data pages, then zero pages. */
static int add_pages(struct tdx_build *build, const struct coco_firmware_section *section,
		     const void *bytes, uint64_t given, struct coco_error *error)
{
	struct coco_image_run run = {
		.gpa = section->gpa,
		.size = coco_align_up(given, COCO_PAGE_SIZE),
		.kind = COCO_PAGE_DATA,
		.flags = section->attributes & COCO_TDX_MR_EXTEND ? 0 : COCO_RUN_UNMEASURED,
	};
	int r = 0;

	snprintf(run.label, sizeof(run.label), "%s", labels[section->type]);
	if (run.size)
		r = coco_firmware_add_run(build->image, &run, bytes, given, error);
	run.gpa += run.size;
	run.size = section->size - run.size;
	run.kind = COCO_PAGE_ZERO;
	if (!r && run.size)
		r = coco_firmware_add_run(build->image, &run, NULL, 0, error);
	return r;
}

static int add_hob(struct tdx_build *build, const struct coco_firmware_section *section,
		   struct coco_error *error)
{
	if (build->has_hob)
		return coco_fail_field(error, -EINVAL, "firmware",
				       "the TDX metadata have more than one TD HOB section");
	if (build->options.hob_size > section->size)
		return coco_fail_field(error, -EINVAL, "hob_size",
				       "a TD HOB of 0x%" PRIx64
				       " bytes does not fit into its section of 0x%" PRIx64,
				       build->options.hob_size, section->size);
	build->has_hob = true;
	build->hob_gpa = section->gpa;
	return add_pages(build, section, build->options.hob, build->options.hob_size, error);
}

static int add_section(struct tdx_build *build, uint32_t index, struct coco_error *error)
{
	const struct coco_firmware *firmware = build->firmware;
	struct coco_firmware_section section;
	int r;

	coco_tdx_section_get(firmware, index, &section);
	r = check_section(&section, index, firmware->size, error);
	if (r || section.attributes & COCO_TDX_PAGE_AUG || !section.size)
		return r;
	if (section.type == COCO_TDX_SECTION_HOB)
		return add_hob(build, &section, error);
	if (section.file_size && section.gpa <= RESET_VECTOR &&
	    section.file_size == COCO_FIRMWARE_END - section.gpa)
		build->has_reset_vector = true;
	return add_pages(build, &section, firmware->bytes + section.file_offset, section.file_size,
			 error);
}

static int add_sections(struct tdx_build *build, struct coco_error *error)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < build->firmware->info.tdx_sections; i++)
		r = add_section(build, i, error);
	if (r)
		return r;
	if (!build->has_reset_vector)
		return coco_fail_field(error, -EINVAL, "firmware",
				       "no section of the TDX metadata ends at 4 GiB with contents "
				       "from the file: there is no code where vCPUs start");
	if (build->options.hob && !build->has_hob)
		return coco_fail_field(error, -EOPNOTSUPP, "hob",
				       "the TDX metadata have no section for a TD HOB");
	return 0;
}

static int check_options(const struct tdx_build *build, struct coco_error *error)
{
	if (!build->firmware)
		return coco_fail_field(error, -EINVAL, "firmware", "firmware is NULL");
	if (!build->options.hob != !build->options.hob_size)
		return coco_fail_field(error, -EINVAL, "hob",
				       "hob and hob_size must be given together");
	if (!build->firmware->info.has_tdx_metadata)
		return coco_fail_field(
			error, -EOPNOTSUPP, "firmware",
			"the firmware has no TDX metadata: it can't be launched with "
			"TDX");
	return 0;
}

int coco_image_add_tdx_firmware(struct coco_image *image, const struct coco_firmware *firmware,
				const struct coco_tdx_firmware_options *options,
				struct coco_error *error)
{
	struct tdx_build build = {.image = image, .firmware = firmware};
	uint32_t count;
	int r = 0;

	if (options)
		r = coco_options_read(&build.options, sizeof(build.options), options,
				      sizeof(size_t), "options", error);
	if (!r)
		r = check_options(&build, error);
	if (!r)
		r = coco_image_check_open(image, error);
	if (r)
		return r;

	count = image->count;
	r = add_sections(&build, error);
	if (r) {
		coco_image_cut(image, count);
		return r;
	}
	image->hob = build.hob_gpa;
	return 0;
}
