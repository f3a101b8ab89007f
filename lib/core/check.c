/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/check.h"

#include "base/error.h"
#include "core/measurement.h"
#include "core/memory.h"
#include "core/source.h"
#include "core/trace.h"

#include <errno.h>
#include <inttypes.h>

/* The image has no pages but those that the technology can load. */
static int check_kinds(const struct coco_guest *guest, const struct coco_image *image,
		       struct coco_error *error)
{
	const struct coco_backend *backend = guest->recipe.backend;

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

/* The registers that the image gives vCPUs are for this technology and for vCPUs that there are. */
static int check_states(const struct coco_guest *guest, const struct coco_image *image,
			struct coco_error *error)
{
	const struct coco_backend *backend = guest->recipe.backend;

	for (uint32_t i = 0; i < image->state_count; i++) {
		if (!(backend->state_formats & 1u << image->states[i].format))
			return coco_fail_field(error, -EINVAL, "image",
					       "the image's initial registers are in a form that "
					       "%s guests don't have: make an image for this "
					       "technology",
					       backend->name);
		if (image->states[i].vcpu >= guest->recipe.vcpus)
			return coco_fail_field(error, -EINVAL, "image",
					       "the image has initial registers of vCPU %" PRIu32
					       ", the guest has %" PRIu32 " vCPUs",
					       image->states[i].vcpu, guest->recipe.vcpus);
	}
	return 0;
}

/* Memory that is shared in the image can't be marked private at launch. */
static int check_eager(const struct coco_guest *guest, const struct coco_image *image,
		       struct coco_error *error)
{

	if (!guest->recipe.backend->private_memory ||
	    !(guest->recipe.flags & COCO_GUEST_EAGER_PRIVATE))
		return 0;
	for (uint32_t i = 0; i < image->count; i++)
		if (image->runs[i].flags & COCO_RUN_SHARED)
			return coco_fail_field(error, -EINVAL, "flags",
					       "run %" PRIu32 " of the image, at 0x%" PRIx64
					       ", is shared memory: it does not go with "
					       "COCO_GUEST_EAGER_PRIVATE",
					       i, image->runs[i].gpa);
	return 0;
}

int coco_check_source(struct coco_guest *guest, struct coco_source *source,
		      struct coco_error *error)
{
	const struct coco_image *image = source->image;
	int r = check_kinds(guest, image, error);

	if (!r)
		r = check_states(guest, image, error);
	if (!r)
		r = check_eager(guest, image, error);
	if (!r && guest->recipe.backend->check_image)
		r = guest->recipe.backend->check_image(guest->recipe.config, image, error);
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
	return coco_measurement_predict(guest, source, error);
}

int coco_check(struct coco_guest *guest, struct coco_error *error)
{
	const uint64_t generation = atomic_load(&guest->generation);
	int r;

	coco_phase_begin(guest, COCO_PHASE_CHECK, generation);
	pthread_mutex_unlock(&guest->lock);
	r = coco_check_source(guest, guest->source, error);
	pthread_mutex_lock(&guest->lock);
	return coco_phase_end(guest, COCO_PHASE_CHECK, generation, r);
}
