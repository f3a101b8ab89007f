/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "image/guid.h"

#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

static void reverse(uint8_t *bytes, unsigned size)
{
	for (unsigned i = 0; i < size / 2; i++) {
		const uint8_t byte = bytes[i];

		bytes[i] = bytes[size - 1 - i];
		bytes[size - 1 - i] = byte;
	}
}

/* From libuuid's order of bytes to UEFI's, and back. */
static void swap_order(uint8_t *bytes)
{
	reverse(bytes, 4);
	reverse(bytes + 4, 2);
	reverse(bytes + 6, 2);
}

bool coco_guid_is(const uint8_t *stored, const char *text)
{
	uint8_t here[COCO_GUID_SIZE];
	uuid_t wanted;

	memcpy(here, stored, sizeof(here));
	swap_order(here);
	return !uuid_parse(text, wanted) && !uuid_compare(here, wanted);
}

void coco_guid_store(uint8_t *to, const char *text)
{
	uuid_t guid;

	/* A constant of the library's that is no GUID: there is nothing to go on with. */
	if (uuid_parse(text, guid))
		abort();
	swap_order(guid);
	memcpy(to, guid, sizeof(guid));
}

void coco_guid_from_name(uint8_t *to, const char *space, const void *name, size_t size)
{
	uuid_t guid, within;

	if (uuid_parse(space, within))
		abort();
	uuid_generate_sha1(guid, within, name, size);
	swap_order(guid);
	memcpy(to, guid, sizeof(guid));
}
