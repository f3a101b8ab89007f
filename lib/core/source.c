/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/source.h"

#include "base/error.h"

#include <stdlib.h>

int coco_source_new(struct coco_image *image, struct coco_source **out, struct coco_error *error)
{
	struct coco_source *source = calloc(1, sizeof(*source));

	if (!source)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	atomic_init(&source->references, 1);
	source->image = coco_image_ref(image);
	coco_image_use(image);
	*out = source;
	return 0;
}

struct coco_source *coco_source_ref(struct coco_source *source)
{
	atomic_fetch_add_explicit(&source->references, 1, memory_order_relaxed);
	return source;
}

void coco_source_unref(struct coco_source *source)
{
	if (!source || atomic_fetch_sub_explicit(&source->references, 1, memory_order_acq_rel) != 1)
		return;
	coco_digest_free(source->digest);
	coco_image_unref(source->image);
	free(source);
}

struct coco_source *coco_source_next(const struct coco_guest *guest)
{
	return guest->staged ? guest->staged : guest->recipe.source;
}

void coco_source_choose(struct coco_guest *guest)
{
	guest->source = coco_source_ref(coco_source_next(guest));
}

void coco_source_commit(struct coco_guest *guest)
{
	struct coco_source *source = guest->source;

	if (source->staged != COCO_STAGED_ONCE && source != guest->recipe.source) {
		coco_source_unref(guest->recipe.source);
		guest->recipe.source = coco_source_ref(source);
	}
	/* Another may have been staged meanwhile. */
	if (guest->staged == source) {
		coco_source_unref(source);
		guest->staged = NULL;
	}
}

void coco_source_let_go(struct coco_guest *guest)
{
	coco_source_unref(guest->source);
	guest->source = NULL;
}
