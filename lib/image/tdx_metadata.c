/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * TDX metadata (Intel TDX Virtual Firmware Design Guide, section 11): a header and descriptors. The
 * GUID that may stand before the header is not asked for: other loaders do not either.
 */
#include "base/bytes.h"
#include "image/firmware.h"

#include "base/error.h"
#include "base/range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

#define DESCRIPTOR_SIZE 32u
/* Where in the file the metadata begin, in files without an entry for it: before the file's end. */
#define OFFSET_FIELD 32u

void coco_tdx_section_get(const struct coco_firmware *firmware, uint32_t index,
			  struct coco_firmware_section *out)
{
	const uint8_t *descriptor =
		firmware->bytes + firmware->tdx_sections_at + (size_t)index * DESCRIPTOR_SIZE;

	*out = (struct coco_firmware_section){
		.gpa = coco_le64(descriptor + 8),
		.size = coco_le64(descriptor + 16),
		.file_offset = coco_le32(descriptor),
		.file_size = coco_le32(descriptor + 4),
		.type = coco_le32(descriptor + 24),
		.attributes = coco_le32(descriptor + 28),
	};
}

static int check_contents(const struct coco_firmware_section *section, uint32_t index,
			  struct coco_error *error)
{
	switch (section->type) {
	case COCO_TDX_SECTION_BFV:
	case COCO_TDX_SECTION_CFV:
		if (!section->file_size)
			return coco_malformed(error,
					      "TDX metadata: section %" PRIu32
					      " is a firmware volume without contents",
					      index);
		break;
	case COCO_TDX_SECTION_HOB:
	case COCO_TDX_SECTION_TEMPORARY_MEMORY:
	case COCO_TDX_SECTION_PERMANENT_MEMORY:
		if (section->file_size)
			return coco_malformed(error,
					      "TDX metadata: section %" PRIu32
					      " is memory (type %" PRIu32
					      ") and has contents in the file",
					      index, section->type);
		break;
	default:
		break;
	}
	return 0;
}

static int check_section(const struct coco_firmware_section *section, uint32_t index,
			 struct coco_error *error)
{
	if (!coco_page_aligned(section->gpa) || !coco_page_aligned(section->size))
		return coco_malformed(error,
				      "TDX metadata: section %" PRIu32 ", 0x%" PRIx64
				      " bytes at 0x%" PRIx64 ", is not made of whole pages",
				      index, section->size, section->gpa);
	if (section->size && !coco_page_range_valid(section->gpa, section->size))
		return coco_malformed(error,
				      "TDX metadata: section %" PRIu32 ", 0x%" PRIx64
				      " bytes at 0x%" PRIx64 ", ends beyond 2^52",
				      index, section->size, section->gpa);
	if (section->file_size > section->size)
		return coco_malformed(error,
				      "TDX metadata: section %" PRIu32 " has 0x%" PRIx64
				      " bytes in the file, more than its 0x%" PRIx64
				      " bytes of memory",
				      index, section->file_size, section->size);
	return check_contents(section, index, error);
}

static bool has_signature(const struct coco_firmware *firmware, size_t offset)
{
	return memcmp(firmware->bytes + offset, "TDVF", 4) == 0;
}

/* `offset`: of a header that is within the file and has the signature. */
static int parse_at(struct coco_firmware *firmware, size_t offset, struct coco_error *error)
{
	const uint8_t *header = firmware->bytes + offset;
	int r = coco_metadata_header_check("TDX", header, DESCRIPTOR_SIZE, firmware->size - offset,
					   error);

	if (r)
		return r;
	firmware->info.has_tdx_metadata = 1;
	firmware->info.tdx_sections = coco_le32(header + 12);
	firmware->tdx_sections_at = offset + COCO_METADATA_HEADER_SIZE;
	for (uint32_t i = 0; !r && i < firmware->info.tdx_sections; i++) {
		struct coco_firmware_section section;

		coco_tdx_section_get(firmware, i, &section);
		r = check_section(&section, i, error);
		/* One half of a split build: of no use to TDX, but good for others. */
		if (section.file_offset + section.file_size > firmware->size)
			firmware->info.tdx_data_missing = 1;
	}
	return r;
}

int coco_tdx_metadata_parse(struct coco_firmware *firmware, uint32_t distance,
			    struct coco_error *error)
{
	if (distance > firmware->size || distance < COCO_METADATA_HEADER_SIZE)
		return coco_malformed(error,
				      "TDX metadata: the table says that they begin 0x%" PRIx32
				      " bytes before the end of a file of 0x%zx",
				      distance, firmware->size);
	if (!has_signature(firmware, firmware->size - distance))
		return coco_malformed(error,
				      "TDX metadata: there is no signature 0x%" PRIx32
				      " bytes before the file's end",
				      distance);
	return parse_at(firmware, firmware->size - distance, error);
}

int coco_tdx_metadata_find(struct coco_firmware *firmware, struct coco_error *error)
{
	const size_t offset = coco_le32(firmware->bytes + firmware->size - OFFSET_FIELD);

	/* In most files other things are there, so only the signature tells. */
	if (offset > firmware->size - COCO_METADATA_HEADER_SIZE || !has_signature(firmware, offset))
		return 0;
	return parse_at(firmware, offset, error);
}
