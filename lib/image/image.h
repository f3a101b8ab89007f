/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The launch image as its users inside the library see it. */
#ifndef COCO_IMAGE_IMAGE_H
#define COCO_IMAGE_IMAGE_H

#include <cocoreset/image.h>
#include <stdatomic.h>
#include <stdbool.h>

struct coco_image_run {
	uint64_t gpa;
	uint64_t size;
	void *bytes; /* owned; NULL for kinds without bytes */
	uint32_t kind;
	uint32_t flags;
	char label[COCO_LABEL_SIZE];
};

struct coco_image {
	atomic_uint references;
	atomic_bool in_use;
	struct coco_image_run *runs; /* in launch order */
	uint32_t *by_gpa;            /* indices of `runs`, sorted by gpa */
	uint32_t count;
	uint32_t capacity;
	uint64_t ap_start;
	uint64_t hob;
};

/* Makes the image immutable: called when a guest takes it. */
void coco_image_use(struct coco_image *image);

/* Fails if the image can't be changed. */
int coco_image_check_open(const struct coco_image *image, struct coco_error *error);

/*
 * coco_image_add() for bytes that the image may keep: on success it owns them
 * (free), on failure the caller does. An overlap is blamed on the argument `field`.
 */
int coco_image_add_owned(struct coco_image *image, const struct coco_image_run *run,
			 const char *field, struct coco_error *error);

/* Drops the runs from `count` on: loaders leave the image as it was when they fail. */
void coco_image_cut(struct coco_image *image, uint32_t count);

/* The rules for runs that coco_image_add() documents. */
int coco_run_check(const struct coco_page_run *run, struct coco_error *error);

/* A page kind's name in lower case, "unknown" for other values. */
const char *coco_page_kind_name(uint32_t kind);

#endif
