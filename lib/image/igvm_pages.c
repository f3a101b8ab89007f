/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "image/igvm_pages.h"

#include "base/error.h"
#include "base/range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int check_run(const struct coco_image_run *run, struct coco_error *error)
{
	const struct coco_page_run given = coco_run_show(run);

	return coco_run_check(&given, error);
}

int coco_igvm_pages_add_run(struct coco_igvm_pages *pages, const struct coco_image_run *run,
			    struct coco_error *error)
{
	int r = check_run(run, error);

	if (r)
		return r;
	if (pages->count == pages->limit)
		return coco_fail_field(error, -ENOSPC, "image",
				       "the IGVM file makes more than %" PRIu32
				       " runs: its pages are too scattered",
				       pages->limit);
	if (!pages->runs || pages->count == pages->capacity) {
		const uint32_t capacity = pages->capacity ? pages->capacity * 2 : 32;
		struct coco_image_run *runs = realloc(pages->runs, capacity * sizeof(*runs));

		if (!runs)
			return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
		pages->runs = runs;
		pages->capacity = capacity;
	}
	pages->runs[pages->count++] = *run;
	pages->open = false;
	return 0;
}

/* Measured pages of zeroes have bytes, which are made when the page comes. */
static bool wants_zeroes(const struct coco_igvm_page *page)
{
	return page->kind == COCO_PAGE_DATA && !page->bytes;
}

static int start(struct coco_igvm_pages *pages, const struct coco_igvm_page *page,
		 struct coco_error *error)
{
	struct coco_image_run run = {
		.gpa = page->gpa,
		.size = page->size,
		/* Nobody writes to borrowed bytes. */
		.bytes = (void *)(uintptr_t)page->bytes,
		.borrowed = page->bytes != NULL,
		.kind = page->kind,
		.flags = page->flags,
	};
	int r;

	snprintf(run.label, sizeof(run.label), "%s", page->label);
	if (wants_zeroes(page)) {
		run.bytes = calloc(1, page->size);
		if (!run.bytes)
			return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	}
	r = coco_igvm_pages_add_run(pages, &run, error);
	if (r && !run.borrowed)
		free(run.bytes);
	pages->open = r == 0;
	pages->own = r || run.borrowed ? NULL : run.bytes;
	pages->room = page->size;
	return r;
}

/* The last run gets room for so many bytes more, and they are its own. */
static int make_room(struct coco_igvm_pages *pages, uint64_t more, struct coco_error *error)
{
	struct coco_image_run *run = &pages->runs[pages->count - 1];
	const uint64_t room = coco_max(run->size + more, 2 * run->size);
	void *bytes;

	if (pages->own && run->size + more <= pages->room)
		return 0;
	bytes = realloc(pages->own, room);
	if (!bytes)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	if (run->borrowed)
		memcpy(bytes, run->bytes, run->size);
	pages->own = bytes;
	pages->room = room;
	run->bytes = bytes;
	run->borrowed = false;
	return 0;
}

static int append_copy(struct coco_igvm_pages *pages, const struct coco_igvm_page *page,
		       struct coco_error *error)
{
	struct coco_image_run *run = &pages->runs[pages->count - 1];
	struct coco_image_run grown = *run;
	int r;

	grown.size += page->size;
	r = check_run(&grown, error);
	if (!r)
		r = make_room(pages, page->size, error);
	if (r)
		return r;
	if (page->bytes)
		memcpy((uint8_t *)run->bytes + run->size, page->bytes, page->size);
	else
		memset((uint8_t *)run->bytes + run->size, 0, page->size);
	run->size += page->size;
	return 0;
}

static int extend(struct coco_image_run *run, uint64_t size, struct coco_error *error)
{
	struct coco_image_run grown = *run;
	int r;

	grown.size += size;
	r = check_run(&grown, error);
	if (!r)
		*run = grown;
	return r;
}

int coco_igvm_pages_add(struct coco_igvm_pages *pages, const struct coco_igvm_page *page,
			struct coco_error *error)
{
	struct coco_image_run *run = pages->open ? &pages->runs[pages->count - 1] : NULL;

	if (!run || run->gpa + run->size != page->gpa || run->kind != page->kind ||
	    run->flags != page->flags || strcmp(run->label, page->label) != 0)
		return start(pages, page, error);
	if (run->kind == COCO_PAGE_ZERO)
		return extend(run, page->size, error);
	if (run->kind != COCO_PAGE_DATA)
		return start(pages, page, error);
	if (page->bytes && run->borrowed && (uint8_t *)run->bytes + run->size == page->bytes)
		return extend(run, page->size, error);
	/* Neither what was nor what comes is worth being a run of its own. */
	if (wants_zeroes(page) ||
	    ((!run->borrowed || run->size < COCO_IGVM_STRETCH) && page->ahead < COCO_IGVM_STRETCH))
		return append_copy(pages, page, error);
	return start(pages, page, error);
}

void coco_igvm_pages_free(struct coco_igvm_pages *pages, bool given_away)
{
	for (uint32_t i = 0; !given_away && i < pages->count; i++)
		if (!pages->runs[i].borrowed)
			free(pages->runs[i].bytes);
	free(pages->runs);
}
