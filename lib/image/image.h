/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The launch image as its users inside the library see it. */
#ifndef COCO_IMAGE_IMAGE_H
#define COCO_IMAGE_IMAGE_H

#include <cocoreset/id_block.h>
#include <cocoreset/image.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "image/blob.h"

struct coco_image_run {
	uint64_t gpa;
	uint64_t size;
	void *bytes;   /* NULL for kinds without bytes */
	bool borrowed; /* `bytes` lie in one of the image's blobs; else the run owns them */
	uint32_t kind;
	uint32_t flags;
	char label[COCO_LABEL_SIZE];
};

/* The registers that a vCPU starts with. */
struct coco_image_vcpu {
	uint32_t vcpu;
	uint32_t format;
	uint64_t gpa;
	uint32_t position;
	bool borrowed;
	void *page;
};

/* An ID block that SNP guests are launched with, as SNP_LAUNCH_FINISH takes it. */
struct coco_image_id {
	uint8_t block[COCO_ID_BLOCK_SIZE];
	uint8_t auth[COCO_ID_AUTH_SIZE];
	bool author;
};

struct coco_image {
	atomic_uint references;
	atomic_bool in_use;
	struct coco_image_run *runs; /* in launch order */
	uint32_t *by_gpa;            /* indices of `runs`, sorted by gpa */
	uint32_t count;
	uint32_t capacity;
	struct coco_image_vcpu *states; /* in the order they were added */
	uint32_t state_count;
	uint32_t state_capacity;
	uint32_t *state_of; /* by vCPU: index of `states` + 1, 0: none; NULL without states */
	uint32_t state_of_size;
	struct coco_blob **blobs; /* what borrowed bytes lie in */
	uint32_t blob_count;
	uint64_t ap_start;
	uint64_t hob;
	struct coco_image_id *id; /* NULL: none */
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

/*
 * coco_image_add_owned() for many runs at a time, which takes no more than sorting them. All are
 * added or, after an error, none.
 */
int coco_image_add_all(struct coco_image *image, const struct coco_image_run *runs, uint32_t count,
		       const char *field, struct coco_error *error);

/* Takes a reference, which the image keeps for as long as it exists. */
int coco_image_keep_blob(struct coco_image *image, struct coco_blob *blob,
			 struct coco_error *error);

/* coco_image_add_vcpu_state() for a page that the image may keep, as with runs. */
int coco_image_add_vcpu(struct coco_image *image, const struct coco_image_vcpu *state,
			struct coco_error *error);
/* Drops the states from `count` on. */
void coco_image_cut_vcpus(struct coco_image *image, uint32_t count);
void coco_image_free_vcpus(struct coco_image *image);
/* The state that vCPU `vcpu` starts with, NULL if the image says none. */
const struct coco_image_vcpu *coco_image_find_vcpu(const struct coco_image *image, uint32_t vcpu);

/* Copies `id`. */
int coco_image_set_id(struct coco_image *image, const struct coco_image_id *id,
		      struct coco_error *error);

/* Drops the runs from `count` on: loaders leave the image as it was when they fail. */
void coco_image_cut(struct coco_image *image, uint32_t count);

/* The rules for runs that coco_image_add() documents. */
int coco_run_check(const struct coco_page_run *run, struct coco_error *error);

/* The run as callers see it, with the image's own bytes and label. */
struct coco_page_run coco_run_show(const struct coco_image_run *run);

/* A page kind's name in lower case, "unknown" for other values. */
const char *coco_page_kind_name(uint32_t kind);

#endif
