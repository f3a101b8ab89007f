/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Raw firmware: bytes without any table, which end at 4 GiB. */
#include "image/file.h"
#include "image/image.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

#define FIRMWARE_END (1ull << 32)

/* Takes `bytes` over, also on failure. */
static int add_owned_firmware(struct coco_image *image, void *bytes, size_t size,
			      struct coco_error *error)
{
	const struct coco_image_run run = {
		.gpa = FIRMWARE_END - size,
		.size = size,
		.bytes = bytes,
		.kind = COCO_PAGE_DATA,
		.label = "firmware",
	};
	int r = coco_image_add_owned(image, &run, "gpa", error);

	if (r)
		free(bytes);
	return r;
}

int coco_image_add_firmware(struct coco_image *image, const void *bytes, size_t size,
			    struct coco_error *error)
{
	void *copy;
	int r;

	if (!bytes)
		return coco_fail_field(error, -EINVAL, "bytes", "bytes is NULL");
	r = coco_firmware_check_size(size, error);
	if (r)
		return r;
	copy = malloc(size);
	if (!copy)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	memcpy(copy, bytes, size);
	return add_owned_firmware(image, copy, size, error);
}

int coco_image_add_firmware_file(struct coco_image *image, const char *path,
				 struct coco_error *error)
{
	void *bytes;
	size_t size;
	int r = coco_firmware_read(path, &bytes, &size, error);

	return r ? r : add_owned_firmware(image, bytes, size, error);
}
