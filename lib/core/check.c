/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/check.h"

#include "base/error.h"
#include "core/measurement.h"
#include "core/memory.h"
#include "core/trace.h"

#include <errno.h>
#include <inttypes.h>

/* The image has no pages but those that the technology can load. */
static int check_kinds(const struct coco_guest *guest, struct coco_error *error)
{
	const struct coco_backend *backend = guest->recipe.backend;
	const struct coco_image *image = guest->recipe.image;

	for (uint32_t i = 0; i < image->count; i++) {
		const struct coco_image_run *run = &image->runs[i];

		if (!(backend->page_kinds & 1u << run->kind))
			return coco_fail_field(
				error, -EINVAL, "image",
				"run %" PRIu32 " of the image, \"%s\" at 0x%" PRIx64
				", is of kind %s, which %s guests can't load: make an "
				"image for this technology",
				i, run->label, run->gpa, coco_page_kind_name(run->kind),
				backend->name);
		if (backend->measures_all && run->flags & COCO_RUN_UNMEASURED)
			return coco_fail_field(error, -EINVAL, "image",
					       "run %" PRIu32 " of the image, \"%s\" at 0x%" PRIx64
					       ", is unmeasured, and %s guests load nothing "
					       "without measuring it",
					       i, run->label, run->gpa, backend->name);
	}
	return 0;
}

static int check_recipe(struct coco_guest *guest, struct coco_error *error)
{
	const struct coco_image *image = guest->recipe.image;
	int r = check_kinds(guest, error);

	if (r)
		return r;

	for (uint32_t i = 0; i < image->count; i++) {
		const struct coco_image_run *run = &image->runs[i];

		if (!coco_memory_covers(guest, run->gpa, run->size))
			return coco_fail_field(error, -EINVAL, "image",
					       "run %" PRIu32 " of the image, 0x%" PRIx64
					       " bytes at 0x%" PRIx64
					       " is not all in memory regions: add one with "
					       "coco_guest_add_memory()",
					       i, run->size, run->gpa);
	}
	return coco_measurement_predict(guest, error);
}

int coco_check(struct coco_guest *guest, struct coco_error *error)
{
	const uint64_t generation = atomic_load(&guest->generation);
	int r;

	coco_phase_begin(guest, COCO_PHASE_CHECK, generation);
	pthread_mutex_unlock(&guest->lock);
	r = check_recipe(guest, error);
	pthread_mutex_lock(&guest->lock);
	return coco_phase_end(guest, COCO_PHASE_CHECK, generation, r);
}
