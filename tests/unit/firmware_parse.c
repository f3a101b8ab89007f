/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "firmware_parse.h"

#include "expect.h"

#include <errno.h>
#include <string.h>

struct coco_firmware *parse_well(const struct maker *maker)
{
	struct coco_firmware *firmware = NULL;
	struct coco_error error;

	expect_ok(coco_firmware_parse(maker->bytes, MAKER_SIZE, &firmware, &error), &error);
	ck_assert_ptr_nonnull(firmware);
	return firmware;
}

struct coco_firmware_info info_of_maker(const struct maker *maker)
{
	struct coco_firmware *firmware = parse_well(maker);
	struct coco_firmware_info info;
	struct coco_error error;

	COCO_INIT(&info);
	expect_ok(coco_firmware_get_info(firmware, &info, &error), &error);
	coco_firmware_free(firmware);
	return info;
}

void expect_malformed(const struct maker *maker, const char *words)
{
	struct coco_firmware *firmware = NULL;
	struct coco_error error;

	expect_error(coco_firmware_parse(maker->bytes, MAKER_SIZE, &firmware, &error), &error,
		     -EBADMSG, "firmware");
	expect_text(&error, words);
	ck_assert_ptr_null(firmware);
}
