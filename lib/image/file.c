/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "image/file.h"

#include "base/error.h"
#include "base/range.h"

#include <cocoreset/image.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int coco_file_open(const char *path, const char *what, const char *field, uint64_t *size,
		   struct coco_error *error)
{
	struct stat status;
	int fd, r = 0;

	/* Non-blocking: a FIFO must not hang the caller before its type is known. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return coco_fail_call(error, -errno, COCO_STAGE_ARGUMENT, "open",
				      "opening the %s %s", what, path);
	if (fstat(fd, &status))
		r = coco_fail_call(error, -errno, COCO_STAGE_ARGUMENT, "fstat", "reading %s", path);
	else if (!S_ISREG(status.st_mode))
		r = coco_fail_field(error, -EINVAL, field, "%s is not a regular file", path);
	if (r) {
		close(fd);
		return r;
	}
	if (size)
		*size = (uint64_t)status.st_size;
	return fd;
}

int coco_file_read(int fd, void *bytes, size_t size, const char *path, size_t *done,
		   struct coco_error *error)
{
	*done = 0;
	while (*done < size) {
		ssize_t n = read(fd, (unsigned char *)bytes + *done, size - *done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return coco_fail_call(error, -errno, COCO_STAGE_ARGUMENT, "read",
					      "reading %s", path);
		if (!n)
			break;
		*done += (size_t)n;
	}
	return 0;
}

int coco_file_read_whole(int fd, void *bytes, size_t size, const char *path,
			 struct coco_error *error)
{
	size_t done;
	int r = coco_file_read(fd, bytes, size, path, &done, error);

	if (!r && done < size)
		r = coco_fail_field(error, -EIO, "path", "%s became shorter while it was read",
				    path);
	return r;
}

int coco_firmware_check_size(uint64_t size, struct coco_error *error)
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

static int read_firmware(int fd, const char *path, uint64_t size, void **out,
			 struct coco_error *error)
{
	void *bytes;
	int r = coco_firmware_check_size(size, error);

	if (r)
		return r;
	bytes = malloc((size_t)size);
	if (!bytes)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	r = coco_file_read_whole(fd, bytes, (size_t)size, path, error);
	if (r) {
		free(bytes);
		return r;
	}
	*out = bytes;
	return 0;
}

int coco_firmware_read(const char *path, void **out, size_t *size, struct coco_error *error)
{
	uint64_t file_size;
	int fd, r;

	if (!path)
		return coco_fail_field(error, -EINVAL, "path", "path is NULL");
	fd = coco_file_open(path, "firmware", "path", &file_size, error);
	if (fd < 0)
		return fd;
	r = read_firmware(fd, path, file_size, out, error);
	close(fd);
	if (!r)
		*size = (size_t)file_size;
	return r;
}
