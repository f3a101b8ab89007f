/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A parsed firmware file as the loaders see it.
 *
 *     firmware.c      the object, the public questions to it
 *     guid_table.c    the table of GUIDed entries at the file's end
 *     sev_metadata.c  the list of sections for SNP
 *     tdx_metadata.c  the list of sections for TDX
 *     sev_firmware.c  launch images for SEV, SEV-ES and SNP
 *     tdx_firmware.c  launch images for TDX
 */
#ifndef COCO_IMAGE_FIRMWARE_H
#define COCO_IMAGE_FIRMWARE_H

#include <cocoreset/firmware.h>

#include "image/image.h"

/* Where firmware ends in the guest. */
#define COCO_FIRMWARE_END (1ull << 32)

struct coco_firmware {
	uint8_t *bytes; /* owned */
	size_t size;
	struct coco_firmware_info info;
	/* Where in the file the first section's descriptor is. */
	size_t sev_sections_at;
	size_t tdx_sections_at;
};

/* A table of the file is malformed, in the way that the text says. Evaluates to -EBADMSG. */
#define coco_malformed(error, ...) coco_fail_field(error, -EBADMSG, "firmware", __VA_ARGS__)

/* Reads the table at the file's end, or the SEV-ES reset block that may stand in its place. */
int coco_guid_table_parse(struct coco_firmware *firmware, struct coco_error *error);

/* SEV and TDX metadata begin alike: signature, length, version and number of descriptors. */
#define COCO_METADATA_HEADER_SIZE 16u

/* Checks all of such a header but its signature. `room`: from the header to the file's end. */
int coco_metadata_header_check(const char *name, const uint8_t *header, uint32_t descriptor_size,
			       size_t room, struct coco_error *error);

/* Reads metadata that begin `distance` bytes before the file's end. */
int coco_sev_metadata_parse(struct coco_firmware *firmware, uint32_t distance,
			    struct coco_error *error);
int coco_tdx_metadata_parse(struct coco_firmware *firmware, uint32_t distance,
			    struct coco_error *error);
/* The same for files that have no entry for it in the table, if they have such metadata at all. */
int coco_tdx_metadata_find(struct coco_firmware *firmware, struct coco_error *error);

/* Sections by an index that is below the count. */
void coco_sev_section_get(const struct coco_firmware *firmware, uint32_t index,
			  struct coco_firmware_section *out);
void coco_tdx_section_get(const struct coco_firmware *firmware, uint32_t index,
			  struct coco_firmware_section *out);

/*
 * Appends `run`, whose bytes are NULL. If its kind has bytes, it gets `given` of them from `bytes`,
 * and zeroes up to its size.
 */
int coco_firmware_add_run(struct coco_image *image, const struct coco_image_run *run,
			  const void *bytes, size_t given, struct coco_error *error);

#endif
