/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is it that somebody hands over to launch a guest from? */
#include "base/bytes.h"
#include "base/error.h"
#include "image/guid.h"
#include "image/igvm.h"
#include "image/pe.h"

#include <cocoreset/uki.h>
#include <errno.h>

enum {
	/* EFI_CAPSULE_HEADER (UEFI 2.10, 8.5.3). */
	CAPSULE_HEADER_SIZE = 16,
	CAPSULE_IMAGE_SIZE = 24,
	CAPSULE_HEADER = 28,

	/* EFI_FIRMWARE_VOLUME_HEADER (PI 1.8, volume 3, 3.2.1). */
	VOLUME_SIGNATURE = 40,
	VOLUME_HEADER = 56,

	/* The GUID at the end of OVMF's table, from the file's end. */
	TABLE_FOOTER = 48,
};

#define TABLE_FOOTER_GUID "96b582de-1fb2-45f7-baea-a366c55a082d"

static const char *const capsules[] = {
	"6dcbd5ed-e82d-4c44-bda1-7194199ad92a", /* firmware management protocol */
	"3b6686bd-0d76-4030-b70e-b5519e2fc5a0", /* capsule of EDK */
	"4a3ca68b-7723-48fb-803d-578cc1fec44d", /* Intel */
	"67d6f4cd-d6b8-4573-bf4a-de5e252d61ae", /* Windows UX capsule */
};

static bool is_capsule(const uint8_t *bytes, size_t size)
{
	if (size < CAPSULE_HEADER)
		return false;
	for (size_t i = 0; i < sizeof(capsules) / sizeof(*capsules); i++)
		if (coco_guid_is(bytes, capsules[i]))
			return true;
	/* A vendor's own GUID: the sizes give it away. */
	return coco_le32(bytes + CAPSULE_IMAGE_SIZE) == size &&
	       coco_le32(bytes + CAPSULE_HEADER_SIZE) >= CAPSULE_HEADER &&
	       coco_le32(bytes + CAPSULE_HEADER_SIZE) <= size;
}

static bool is_firmware(const uint8_t *bytes, size_t size)
{
	if (size % COCO_PAGE_SIZE || size > COCO_FIRMWARE_MAX_SIZE || size < COCO_PAGE_SIZE)
		return false;
	return coco_guid_is(bytes + size - TABLE_FOOTER, TABLE_FOOTER_GUID) ||
	       memcmp(bytes + VOLUME_SIGNATURE, "_FVH", 4) == 0;
}

uint32_t coco_payload_kind(const void *bytes, size_t size)
{
	if (!bytes || !size)
		return COCO_PAYLOAD_EMPTY;
	if (size >= 4 && coco_le32(bytes) == COCO_IGVM_MAGIC)
		return COCO_PAYLOAD_IGVM;
	if (coco_pe_is(bytes, size))
		return COCO_PAYLOAD_PE;
	if (is_firmware(bytes, size))
		return COCO_PAYLOAD_FIRMWARE;
	if (is_capsule(bytes, size))
		return COCO_PAYLOAD_CAPSULE;
	return COCO_PAYLOAD_UNKNOWN;
}

static const char *const names[] = {
	[COCO_PAYLOAD_UNKNOWN] = "unknown",
	[COCO_PAYLOAD_EMPTY] = "empty",
	[COCO_PAYLOAD_IGVM] = "IGVM",
	[COCO_PAYLOAD_FIRMWARE] = "raw firmware",
	[COCO_PAYLOAD_CAPSULE] = "UEFI capsule",
	[COCO_PAYLOAD_PE] = "EFI program",
};

const char *coco_payload_kind_name(uint32_t kind)
{
	return kind < sizeof(names) / sizeof(*names) ? names[kind] : "unknown";
}

int coco_payload_check(uint32_t kind, struct coco_error *error)
{
	switch (kind) {
	case COCO_PAYLOAD_IGVM:
	case COCO_PAYLOAD_FIRMWARE:
		return 0;
	case COCO_PAYLOAD_EMPTY:
		return coco_fail_field(error, -EOPNOTSUPP, "payload", "the payload is empty");
	case COCO_PAYLOAD_CAPSULE:
		return coco_fail_field(error, -EOPNOTSUPP, "payload",
				       "the payload is a UEFI capsule, which firmware installs; a "
				       "guest can be launched from an IGVM file or raw firmware");
	case COCO_PAYLOAD_PE:
		return coco_fail_field(error, -EOPNOTSUPP, "payload",
				       "the payload is an EFI program: is it a UKI, whose .efifw "
				       "section is to be used?");
	default:
		return coco_fail_field(error, -EOPNOTSUPP, "payload",
				       "the payload is neither an IGVM file nor raw firmware");
	}
}
