/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* OVMF's SEV metadata (OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm): a header and descriptors. */
#include "base/bytes.h"
#include "image/firmware.h"

#include "base/error.h"
#include "base/range.h"

#include <errno.h>
#include <inttypes.h>

#define DESCRIPTOR_SIZE 12u /* gpa, length, type */

void coco_sev_section_get(const struct coco_firmware *firmware, uint32_t index,
			  struct coco_firmware_section *out)
{
	const uint8_t *descriptor =
		firmware->bytes + firmware->sev_sections_at + (size_t)index * DESCRIPTOR_SIZE;

	*out = (struct coco_firmware_section){
		.gpa = coco_le32(descriptor),
		.size = coco_le32(descriptor + 4),
		.type = coco_le32(descriptor + 8),
	};
}

static int check_section(const struct coco_firmware_section *section, uint32_t index,
			 struct coco_error *error)
{
	if (!coco_page_aligned(section->gpa) || !coco_page_aligned(section->size))
		return coco_malformed(error,
				      "SEV metadata: section %" PRIu32 ", 0x%" PRIx64
				      " bytes at 0x%" PRIx64 ", is not made of whole pages",
				      index, section->size, section->gpa);
	if (section->size > COCO_FIRMWARE_END - section->gpa)
		return coco_malformed(error,
				      "SEV metadata: section %" PRIu32 ", 0x%" PRIx64
				      " bytes at 0x%" PRIx64 ", ends above 4 GiB",
				      index, section->size, section->gpa);
	return 0;
}

static int check_header(const uint8_t *header, uint32_t distance, struct coco_error *error)
{
	if (memcmp(header, "ASEV", 4) != 0)
		return coco_malformed(error,
				      "SEV metadata: there is no signature 0x%" PRIx32
				      " bytes before the file's end",
				      distance);
	return coco_metadata_header_check("SEV", header, DESCRIPTOR_SIZE, distance, error);
}

int coco_sev_metadata_parse(struct coco_firmware *firmware, uint32_t distance,
			    struct coco_error *error)
{
	const uint8_t *header;
	int r;

	if (distance > firmware->size || distance < COCO_METADATA_HEADER_SIZE)
		return coco_malformed(error,
				      "SEV metadata: the table says that they begin 0x%" PRIx32
				      " bytes before the end of a file of 0x%zx",
				      distance, firmware->size);
	header = firmware->bytes + firmware->size - distance;
	r = check_header(header, distance, error);
	if (r)
		return r;

	firmware->info.has_sev_metadata = 1;
	firmware->info.sev_sections = coco_le32(header + 12);
	firmware->sev_sections_at = firmware->size - distance + COCO_METADATA_HEADER_SIZE;
	for (uint32_t i = 0; !r && i < firmware->info.sev_sections; i++) {
		struct coco_firmware_section section;

		coco_sev_section_get(firmware, i, &section);
		r = check_section(&section, i, error);
	}
	return r;
}
