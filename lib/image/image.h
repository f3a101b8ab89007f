/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The launch image as its users inside the library see it. */
#ifndef COCO_IMAGE_IMAGE_H
#define COCO_IMAGE_IMAGE_H

#include <cocoreset/image.h>
#include <stdatomic.h>

struct coco_image_run {
	uint64_t gpa;
	uint64_t size;
	void *bytes; /* owned; NULL for COCO_PAGE_ZERO */
	uint32_t kind;
	uint32_t flags;
};

struct coco_image {
	atomic_uint references;
	atomic_bool in_use;
	struct coco_image_run *runs; /* in launch order */
	uint32_t *by_gpa;            /* indices of `runs`, sorted by gpa */
	uint32_t count;
	uint32_t capacity;
};

/* Makes the image immutable: called when a guest takes it. */
void coco_image_use(struct coco_image *image);

/*
 * coco_image_add() for bytes that the image may keep: on success it owns them
 * (free), on failure the caller does.
 */
int coco_image_add_owned(struct coco_image *image, const struct coco_image_run *run,
			 struct coco_error *error);

#endif
