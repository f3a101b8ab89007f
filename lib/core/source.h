/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What an incarnation is launched from: a launch image, and what is known of it. The recipe has
 * one, a tenant may stage another (core/stage.c), and each incarnation keeps that which it was
 * built from. None of them changes once its digest is known.
 */
#ifndef COCO_CORE_SOURCE_H
#define COCO_CORE_SOURCE_H

#include <cocoreset/stage.h>

#include "core/guest.h"

struct coco_source {
	atomic_uint references;
	struct coco_image *image;
	/*
	 * What the platform will measure; NULL: not predicted yet, or nothing is measured. Written
	 * once, with the guest's lock held.
	 */
	struct coco_digest *digest;
	uint32_t staged; /* enum coco_staged */
	bool is_uki;     /* a UKI had it */
	uint32_t kind;   /* enum coco_payload_kind of what was staged; 0: an image */
	uint64_t size;   /* the same, bytes */
	char name[COCO_STAGE_NAME_SIZE];
};

/* Takes a reference to the image, which is immutable from here on. */
int coco_source_new(struct coco_image *image, struct coco_source **out, struct coco_error *error);
struct coco_source *coco_source_ref(struct coco_source *source);
/* NULL is allowed. */
void coco_source_unref(struct coco_source *source);

/* The next incarnation's. With the lock held, as for the others. */
struct coco_source *coco_source_next(const struct coco_guest *guest);
/* Makes that the one which the launch or reset that begins is about (guest->source). */
void coco_source_choose(struct coco_guest *guest);
/* The incarnation from it runs: if it was staged, it becomes the recipe's, or has had its turn. */
void coco_source_commit(struct coco_guest *guest);
/* The launch or reset is over, in whatever way. */
void coco_source_let_go(struct coco_guest *guest);

#endif
