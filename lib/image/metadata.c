/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What SEV and TDX metadata have in common: their header. */
#include "image/firmware.h"

#include "base/bytes.h"
#include "base/error.h"

#include <errno.h>
#include <inttypes.h>

#define VERSION 1u

int coco_metadata_header_check(const char *name, const uint8_t *header, uint32_t descriptor_size,
			       size_t room, struct coco_error *error)
{
	const uint32_t length = coco_le32(header + 4);
	const uint32_t version = coco_le32(header + 8);
	const uint32_t count = coco_le32(header + 12);

	if (version != VERSION)
		return coco_malformed(error, "%s metadata: version %" PRIu32 ", only %u is known",
				      name, version, VERSION);
	if (count > COCO_FIRMWARE_MAX_SECTIONS)
		return coco_malformed(
			error, "%s metadata: %" PRIu32 " sections, more than %u are not believable",
			name, count, COCO_FIRMWARE_MAX_SECTIONS);
	if (length != COCO_METADATA_HEADER_SIZE + count * descriptor_size)
		return coco_malformed(error,
				      "%s metadata: a length of %" PRIu32
				      " does not go with %" PRIu32 " sections",
				      name, length, count);
	if (length > room)
		return coco_malformed(error,
				      "%s metadata: %" PRIu32 " sections run past the file's end",
				      name, count);
	return 0;
}
