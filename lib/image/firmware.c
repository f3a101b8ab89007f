/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "image/firmware.h"

#include "base/error.h"
#include "base/options.h"
#include "image/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static int parse(struct coco_firmware *firmware, struct coco_error *error)
{
	int r;

	firmware->info.size = firmware->size;
	r = coco_guid_table_parse(firmware, error);
	if (!r && !firmware->info.has_tdx_metadata)
		r = coco_tdx_metadata_find(firmware, error);
	return r;
}

/* Takes `bytes` over, also on failure. */
static int parse_owned(void *bytes, size_t size, struct coco_firmware **out,
		       struct coco_error *error)
{
	struct coco_firmware *firmware = calloc(1, sizeof(*firmware));
	int r;

	if (!firmware) {
		free(bytes);
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	}
	firmware->bytes = bytes;
	firmware->size = size;
	r = parse(firmware, error);
	if (r) {
		coco_firmware_free(firmware);
		return r;
	}
	*out = firmware;
	return 0;
}

int coco_firmware_parse(const void *bytes, size_t size, struct coco_firmware **out,
			struct coco_error *error)
{
	void *copy;
	int r;

	if (!bytes)
		return coco_fail_field(error, -EINVAL, "bytes", "bytes is NULL");
	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	r = coco_firmware_check_size(size, error);
	if (r)
		return r;
	copy = malloc(size);
	if (!copy)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	memcpy(copy, bytes, size);
	return parse_owned(copy, size, out, error);
}

int coco_firmware_parse_file(const char *path, struct coco_firmware **out, struct coco_error *error)
{
	void *bytes;
	size_t size;
	int r;

	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	r = coco_firmware_read(path, &bytes, &size, error);
	return r ? r : parse_owned(bytes, size, out, error);
}

void coco_firmware_free(struct coco_firmware *firmware)
{
	if (!firmware)
		return;
	free(firmware->bytes);
	free(firmware);
}

int coco_firmware_get_info(const struct coco_firmware *firmware, struct coco_firmware_info *info,
			   struct coco_error *error)
{
	if (!firmware)
		return coco_fail_field(error, -EINVAL, "firmware", "firmware is NULL");
	return coco_result_write(info, &firmware->info, sizeof(firmware->info),
				 COCO_END_OF(struct coco_firmware_info, size), "info", error);
}

int coco_firmware_get_section(const struct coco_firmware *firmware, uint32_t table, uint32_t index,
			      struct coco_firmware_section *section, struct coco_error *error)
{
	struct coco_firmware_section result = {0};
	uint32_t count;

	if (!firmware)
		return coco_fail_field(error, -EINVAL, "firmware", "firmware is NULL");
	if (table != COCO_FIRMWARE_SEV && table != COCO_FIRMWARE_TDX)
		return coco_fail_field(error, -EINVAL, "table", "there is no table %" PRIu32,
				       table);
	count = table == COCO_FIRMWARE_SEV ? firmware->info.sev_sections
					   : firmware->info.tdx_sections;
	if (index >= count)
		return coco_fail_field(error, -EINVAL, "index",
				       "the table has no section %" PRIu32 ", it has %" PRIu32,
				       index, count);
	if (table == COCO_FIRMWARE_SEV)
		coco_sev_section_get(firmware, index, &result);
	else
		coco_tdx_section_get(firmware, index, &result);
	return coco_result_write(section, &result, sizeof(result),
				 COCO_END_OF(struct coco_firmware_section, size), "section", error);
}

int coco_firmware_add_run(struct coco_image *image, const struct coco_image_run *run,
			  const void *bytes, size_t given, struct coco_error *error)
{
	struct coco_image_run added = *run;
	int r;

	if (bytes) {
		added.bytes = malloc(run->size);
		if (!added.bytes)
			return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
		memcpy(added.bytes, bytes, given);
		memset((uint8_t *)added.bytes + given, 0, run->size - given);
	}
	r = coco_image_add_owned(image, &added, "firmware", error);
	if (r)
		free(added.bytes);
	return r;
}
