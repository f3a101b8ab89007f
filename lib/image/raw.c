/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Raw firmware: bytes without any table, which end at 4 GiB. */
#define _POSIX_C_SOURCE 200809L

#include "image/image.h"

#include "base/error.h"
#include "base/range.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRMWARE_END (1ull << 32)

static int check_size(uint64_t size, struct coco_error *error)
{
	if (!size)
		return coco_fail_field(error, -EINVAL, "size", "the firmware is empty");
	if (size > COCO_FIRMWARE_MAX_SIZE)
		return coco_fail_field(error, -EFBIG, "size",
				       "the firmware has %" PRIu64
				       " bytes, at most %u fit below 4 GiB",
				       size, COCO_FIRMWARE_MAX_SIZE);
	if (!coco_page_aligned(size))
		return coco_fail_field(
			error, -EINVAL, "size",
			"the firmware has %" PRIu64
			" bytes, which is not a multiple of %u: is it a flash image?",
			size, COCO_PAGE_SIZE);
	return 0;
}

/* Takes `bytes` over, also on failure. */
static int add_owned_firmware(struct coco_image *image, void *bytes, size_t size,
			      struct coco_error *error)
{
	const struct coco_image_run run = {
		.gpa = FIRMWARE_END - size,
		.size = size,
		.bytes = bytes,
		.kind = COCO_PAGE_DATA,
	};
	int r = coco_image_add_owned(image, &run, error);

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
	r = check_size(size, error);
	if (r)
		return r;
	copy = malloc(size);
	if (!copy)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	memcpy(copy, bytes, size);
	return add_owned_firmware(image, copy, size, error);
}

static int read_all(int fd, unsigned char *bytes, size_t size, const char *path,
		    struct coco_error *error)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, bytes + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return coco_fail_call(error, -errno, COCO_STAGE_ARGUMENT, "read",
					      "reading %s", path);
		if (!n)
			return coco_fail_field(error, -EIO, "path",
					       "%s became shorter while it was read", path);
		done += (size_t)n;
	}
	return 0;
}

static int add_open_file(struct coco_image *image, int fd, const char *path,
			 struct coco_error *error)
{
	unsigned char *bytes;
	struct stat status;
	int r;

	if (fstat(fd, &status))
		return coco_fail_call(error, -errno, COCO_STAGE_ARGUMENT, "fstat", "reading %s",
				      path);
	if (!S_ISREG(status.st_mode))
		return coco_fail_field(error, -EINVAL, "path", "%s is not a regular file", path);
	r = check_size((uint64_t)status.st_size, error);
	if (r)
		return r;
	bytes = malloc((size_t)status.st_size);
	if (!bytes)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	r = read_all(fd, bytes, (size_t)status.st_size, path, error);
	if (r) {
		free(bytes);
		return r;
	}
	return add_owned_firmware(image, bytes, (size_t)status.st_size, error);
}

int coco_image_add_firmware_file(struct coco_image *image, const char *path,
				 struct coco_error *error)
{
	int fd, r;

	if (!path)
		return coco_fail_field(error, -EINVAL, "path", "path is NULL");
	/* Non-blocking: a FIFO must not hang the caller before its type is known. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return coco_fail_call(error, -errno, COCO_STAGE_ARGUMENT, "open",
				      "opening the firmware %s", path);
	r = add_open_file(image, fd, path, error);
	close(fd);
	return r;
}
