/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * From pages, one at a time, to runs. Pages that follow each other in guest and file are one run
 * whose bytes stay where they are. Files have equal pages once only, so that others follow each
 * other in the guest but not in the file: few of these are copied together, so that there are not
 * as many runs as pages.
 */
#ifndef COCO_IMAGE_IGVM_PAGES_H
#define COCO_IMAGE_IGVM_PAGES_H

#include "image/image.h"

/* From so many bytes on, a stretch of the file is a run of its own. */
#define COCO_IGVM_STRETCH (16ull * COCO_PAGE_SIZE)

struct coco_igvm_page {
	uint64_t gpa;
	uint64_t size;
	const uint8_t *bytes; /* in the file; NULL: zeroes */
	uint32_t kind;        /* enum coco_page_kind */
	uint32_t flags;       /* enum coco_run_flags */
	uint64_t ahead;       /* bytes of file and guest that go on from here, itself included */
	const char *label;
};

struct coco_igvm_pages {
	struct coco_image_run *runs;
	uint32_t count;
	uint32_t capacity;
	uint32_t limit; /* the most runs there may be */
	bool open;      /* the last run may grow */
	void *own;      /* the last run's bytes, if it may grow and they are its own */
	uint64_t room;  /* bytes that there is room for in `own` */
};

int coco_igvm_pages_add(struct coco_igvm_pages *pages, const struct coco_igvm_page *page,
			struct coco_error *error);
/* A run of its own. On success `run`'s bytes are taken over. */
int coco_igvm_pages_add_run(struct coco_igvm_pages *pages, const struct coco_image_run *run,
			    struct coco_error *error);
/* What comes next is no continuation of what came before. */
static inline void coco_igvm_pages_break(struct coco_igvm_pages *pages)
{
	pages->open = false;
}
/* With all bytes that the runs own, unless `given_away`. */
void coco_igvm_pages_free(struct coco_igvm_pages *pages, bool given_away);

#endif
