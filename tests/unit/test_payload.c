/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Is each kind of payload told from the others, and what can't be launched refused by its name? */
#include <cocoreset/cocoreset.h>
#include <errno.h>

#include "expect.h"

static struct coco_error error;
static uint8_t bytes[2 * COCO_PAGE_SIZE];

static void expect_kind(size_t size, uint32_t kind, const char *refused_as)
{
	ck_assert_str_eq(coco_payload_kind_name(coco_payload_kind(bytes, size)),
			 coco_payload_kind_name(kind));
	if (!refused_as) {
		expect_ok(coco_payload_check(kind, &error), &error);
		return;
	}
	expect_error(coco_payload_check(kind, &error), &error, -EOPNOTSUPP, "payload");
	expect_text(&error, refused_as);
}

static void begin_with(const void *start, size_t size)
{
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, start, size);
}

START_TEST(payloads_are_told_apart)
{
	static const uint8_t fmp[] = {0xed, 0xd5, 0xcb, 0x6d, 0x2d, 0xe8, 0x44, 0x4c,
				      0xbd, 0xa1, 0x71, 0x94, 0x19, 0x9a, 0xd9, 0x2a};
	static const uint8_t footer[] = {0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45,
					 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d};

	ck_assert_uint_eq(coco_payload_kind(NULL, 0), COCO_PAYLOAD_EMPTY);
	begin_with("IGVM", 4);
	expect_kind(0, COCO_PAYLOAD_EMPTY, "empty");
	expect_kind(3, COCO_PAYLOAD_UNKNOWN, "neither");
	expect_kind(4, COCO_PAYLOAD_IGVM, NULL);
	begin_with("MZ", 2);
	expect_kind(sizeof(bytes), COCO_PAYLOAD_PE, "UKI");
	begin_with(fmp, sizeof(fmp));
	expect_kind(sizeof(bytes), COCO_PAYLOAD_CAPSULE, "UEFI capsule");
	expect_kind(27, COCO_PAYLOAD_UNKNOWN, "neither");
	/* A capsule of a vendor's own: header size 28, image size as it is. */
	begin_with("vendor's own GUID", 16);
	bytes[16] = 28;
	bytes[25] = sizeof(bytes) >> 8;
	expect_kind(sizeof(bytes), COCO_PAYLOAD_CAPSULE, "UEFI capsule");
	begin_with("", 0);
	expect_kind(sizeof(bytes), COCO_PAYLOAD_UNKNOWN, "neither");
	memcpy(bytes + sizeof(bytes) - 48, footer, sizeof(footer));
	expect_kind(sizeof(bytes), COCO_PAYLOAD_FIRMWARE, NULL);
	expect_kind(sizeof(bytes) - 1, COCO_PAYLOAD_UNKNOWN, "neither");
	begin_with("", 0);
	memcpy(bytes + 40, "_FVH", 4);
	expect_kind(sizeof(bytes), COCO_PAYLOAD_FIRMWARE, NULL);
	ck_assert_str_eq(coco_payload_kind_name(99), "unknown");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {payloads_are_told_apart, NULL};

	return expect_run(expect_suite("payload", tests));
}
