/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "image/blob.h"

#include "base/error.h"
#include "image/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

int coco_blob_new(size_t size, struct coco_blob **out, struct coco_error *error)
{
	struct coco_blob *blob = NULL;

	if (size <= SIZE_MAX - sizeof(*blob))
		blob = malloc(sizeof(*blob) + size);
	if (!blob)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	atomic_init(&blob->references, 1);
	blob->size = size;
	*out = blob;
	return 0;
}

int coco_blob_copy(const void *bytes, size_t size, struct coco_blob **out, struct coco_error *error)
{
	int r = coco_blob_new(size, out, error);

	if (!r && size)
		memcpy((*out)->bytes, bytes, size);
	return r;
}

static int read_blob(int fd, const char *path, uint64_t size, struct coco_blob **out,
		     struct coco_error *error)
{
	struct coco_blob *blob = NULL;
	int r = coco_blob_new(size, &blob, error);

	if (r)
		return r;
	r = coco_file_read_whole(fd, blob->bytes, size, path, error);
	if (r) {
		coco_blob_unref(blob);
		return r;
	}
	*out = blob;
	return 0;
}

int coco_blob_read(const char *path, const char *what, uint64_t max_size, struct coco_blob **out,
		   struct coco_error *error)
{
	uint64_t size;
	int fd, r;

	if (!path)
		return coco_fail_field(error, -EINVAL, "path", "path is NULL");
	fd = coco_file_open(path, what, "path", &size, error);
	if (fd < 0)
		return fd;
	if (size > max_size)
		r = coco_fail_field(error, -EFBIG, "size",
				    "%s has %" PRIu64 " bytes, more than the %" PRIu64
				    " that are allowed",
				    path, size, max_size);
	else
		r = read_blob(fd, path, size, out, error);
	close(fd);
	return r;
}

struct coco_blob *coco_blob_ref(struct coco_blob *blob)
{
	atomic_fetch_add_explicit(&blob->references, 1, memory_order_relaxed);
	return blob;
}

void coco_blob_unref(struct coco_blob *blob)
{
	if (blob && atomic_fetch_sub_explicit(&blob->references, 1, memory_order_acq_rel) == 1)
		free(blob);
}
