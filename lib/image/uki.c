/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "image/uki.h"

#include "base/error.h"
#include "base/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static bool section_is(const struct coco_uki *uki, uint32_t index, const char *name)
{
	struct coco_pe_section section;

	coco_pe_get(&uki->pe, index, &section);
	return strcmp(section.name, name) == 0;
}

/* UKI specification, "PE add-ons": none has a kernel, and each has one of these. */
static bool is_addon(const struct coco_uki *uki)
{
	static const char *const names[] = {".cmdline", ".dtb", ".dtbauto", ".ucode", ".initrd"};

	for (uint32_t i = 0; i < uki->pe.sections; i++)
		for (size_t j = 0; j < sizeof(names) / sizeof(*names); j++)
			if (section_is(uki, i, names[j]))
				return true;
	return false;
}

static void fill_info(struct coco_uki *uki)
{
	struct coco_uki_info *info = &uki->info;

	info->machine = uki->pe.machine;
	info->optional_magic = uki->pe.optional_magic;
	info->subsystem = uki->pe.subsystem;
	info->sections = uki->pe.sections;
	info->size = uki->blob->size;
	for (uint32_t i = 0; i < uki->pe.sections; i++) {
		info->is_uki |= section_is(uki, i, ".linux");
		info->profiles += section_is(uki, i, ".profile");
	}
	info->is_addon = !info->is_uki && is_addon(uki);
}

/* Takes the blob over, also on failure. */
static int parse_blob(struct coco_blob *blob, struct coco_uki **out, struct coco_error *error)
{
	struct coco_uki *uki = calloc(1, sizeof(*uki));
	int r;

	if (!uki) {
		coco_blob_unref(blob);
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	}
	uki->blob = blob;
	r = coco_pe_parse(blob->bytes, blob->size, COCO_UKI_MAX_SECTIONS, &uki->pe, error);
	if (!r) {
		fill_info(uki);
		r = coco_uki_read_firmware(uki, error);
	}
	if (r)
		coco_uki_free(uki);
	else
		*out = uki;
	return r;
}

int coco_uki_parse(const void *bytes, size_t size, struct coco_uki **out, struct coco_error *error)
{
	struct coco_blob *blob;
	int r;

	if (!bytes && size)
		return coco_fail_field(error, -EINVAL, "bytes", "bytes is NULL");
	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	if (size > COCO_UKI_MAX_SIZE)
		return coco_fail_field(error, -EFBIG, "size", "%zu bytes, the limit is %u", size,
				       COCO_UKI_MAX_SIZE);
	r = coco_blob_copy(bytes, size, &blob, error);
	return r ? r : parse_blob(blob, out, error);
}

int coco_uki_parse_blob(struct coco_blob *blob, struct coco_uki **out, struct coco_error *error)
{
	return parse_blob(coco_blob_ref(blob), out, error);
}

int coco_uki_parse_file(const char *path, struct coco_uki **out, struct coco_error *error)
{
	struct coco_blob *blob;
	int r;

	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	r = coco_blob_read(path, "UKI", COCO_UKI_MAX_SIZE, &blob, error);
	return r ? r : parse_blob(blob, out, error);
}

void coco_uki_free(struct coco_uki *uki)
{
	if (!uki)
		return;
	coco_blob_unref(uki->blob);
	free(uki);
}

int coco_uki_get_info(const struct coco_uki *uki, struct coco_uki_info *info,
		      struct coco_error *error)
{
	return coco_result_write(info, &uki->info, sizeof(uki->info),
				 COCO_END_OF(struct coco_uki_info, subsystem), "info", error);
}

uint32_t coco_uki_section_profile(const struct coco_uki *uki, uint32_t index)
{
	uint32_t profile = COCO_UKI_BASE;

	for (uint32_t i = 0; i <= index && i < uki->pe.sections; i++)
		if (section_is(uki, i, ".profile"))
			profile = profile == COCO_UKI_BASE ? 0 : profile + 1;
	return profile;
}

uint32_t coco_uki_find_own(const struct coco_uki *uki, uint32_t profile, const char *name,
			   uint32_t from)
{
	uint32_t current = COCO_UKI_BASE;

	for (uint32_t i = 0; i < uki->pe.sections; i++) {
		if (section_is(uki, i, ".profile"))
			current = current == COCO_UKI_BASE ? 0 : current + 1;
		if (i >= from && current == profile && section_is(uki, i, name))
			return i;
	}
	return uki->pe.sections;
}

uint32_t coco_uki_profile_of(const struct coco_uki *uki, uint32_t profile, const char *name)
{
	return coco_uki_find_own(uki, profile, name, 0) < uki->pe.sections ? profile
									   : COCO_UKI_BASE;
}

int coco_uki_check_profile(const struct coco_uki *uki, uint32_t profile, struct coco_error *error)
{
	const uint32_t count = uki->info.profiles ? uki->info.profiles : 1;

	if (profile >= count)
		return coco_fail_field(error, -EINVAL, "profile",
				       "there is no profile %" PRIu32 ", the UKI has %" PRIu32,
				       profile, count);
	return 0;
}

int coco_uki_get_section(const struct coco_uki *uki, uint32_t index,
			 struct coco_uki_section *section, struct coco_error *error)
{
	struct coco_uki_section result = {0};
	struct coco_pe_section found;

	if (index >= uki->pe.sections)
		return coco_fail_field(error, -EINVAL, "index",
				       "there is no section %" PRIu32 ", the file has %" PRIu32,
				       index, uki->pe.sections);
	coco_pe_get(&uki->pe, index, &found);
	snprintf(result.name, sizeof(result.name), "%s", found.name);
	result.profile = coco_uki_section_profile(uki, index);
	result.address = found.address;
	result.virtual_size = found.virtual_size;
	result.raw_size = found.raw_size;
	result.raw_offset = found.raw_offset;
	result.bytes = found.bytes;
	result.size = found.size;
	return coco_result_write(section, &result, sizeof(result),
				 COCO_END_OF(struct coco_uki_section, size), "section", error);
}

int coco_uki_find_section(const struct coco_uki *uki, uint32_t profile, const char *name,
			  struct coco_uki_section *section, struct coco_error *error)
{
	uint32_t index;
	int r = coco_uki_check_profile(uki, profile, error);

	if (r)
		return r;
	if (!name)
		return coco_fail_field(error, -EINVAL, "name", "name is NULL");
	index = coco_uki_find_own(uki, coco_uki_profile_of(uki, profile, name), name, 0);
	if (index == uki->pe.sections)
		return coco_fail_field(error, -ENOENT, "name", "the file has no section %s", name);
	return coco_uki_get_section(uki, index, section, error);
}
