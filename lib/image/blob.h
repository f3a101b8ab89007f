/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The bytes of a file, shared by all that is made from it, so that they are read into memory once.
 */
#ifndef COCO_IMAGE_BLOB_H
#define COCO_IMAGE_BLOB_H

#include <cocoreset/error.h>
#include <stdatomic.h>

struct coco_blob {
	atomic_uint references;
	size_t size;
	unsigned char bytes[];
};

/* Room for `size` bytes, which are not set. */
int coco_blob_new(size_t size, struct coco_blob **out, struct coco_error *error);
/* A copy of `bytes`. */
int coco_blob_copy(const void *bytes, size_t size, struct coco_blob **out,
		   struct coco_error *error);
/* A regular file of at most `max_size` bytes. `what` it is ("IGVM file") is for messages. */
int coco_blob_read(const char *path, const char *what, uint64_t max_size, struct coco_blob **out,
		   struct coco_error *error);
struct coco_blob *coco_blob_ref(struct coco_blob *blob);
/* NULL is allowed. */
void coco_blob_unref(struct coco_blob *blob);

#endif
