/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "image/image.h"

#include "base/error.h"
#include "base/options.h"
#include "base/range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

int coco_image_new(struct coco_image **out, struct coco_error *error)
{
	struct coco_image *image;

	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	image = calloc(1, sizeof(*image));
	if (!image)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	atomic_init(&image->references, 1);
	atomic_init(&image->in_use, false);
	*out = image;
	return 0;
}

struct coco_image *coco_image_ref(struct coco_image *image)
{
	atomic_fetch_add_explicit(&image->references, 1, memory_order_relaxed);
	return image;
}

void coco_image_unref(struct coco_image *image)
{
	if (!image || atomic_fetch_sub_explicit(&image->references, 1, memory_order_acq_rel) != 1)
		return;
	coco_image_cut(image, 0);
	coco_image_free_vcpus(image);
	for (uint32_t i = 0; i < image->blob_count; i++)
		coco_blob_unref(image->blobs[i]);
	free(image->blobs);
	free(image->runs);
	free(image->by_gpa);
	free(image->id);
	free(image);
}

void coco_image_use(struct coco_image *image)
{
	atomic_store(&image->in_use, true);
}

/* Where a run that starts at `gpa` belongs in by_gpa. */
static uint32_t position_of(const struct coco_image *image, uint64_t gpa)
{
	uint32_t low = 0, high = image->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (image->runs[image->by_gpa[middle]].gpa < gpa)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int fail_overlap(const struct coco_image_run *run, const struct coco_image_run *other,
			uint32_t index, const char *field, struct coco_error *error)
{
	return coco_fail_field(
		error, -EEXIST, field,
		"the run \"%s\" of 0x%" PRIx64 " bytes at 0x%" PRIx64 " overlaps run %" PRIu32
		" \"%s\" of 0x%" PRIx64 " bytes at 0x%" PRIx64,
		run->label, run->size, run->gpa, index, other->label, other->size, other->gpa);
}

static int check_overlap(const struct coco_image *image, const struct coco_image_run *run,
			 uint32_t position, const char *field, struct coco_error *error)
{
	uint32_t first = position ? position - 1 : 0;

	for (uint32_t i = first; i < image->count && i <= position; i++) {
		const struct coco_image_run *other = &image->runs[image->by_gpa[i]];

		if (coco_ranges_overlap(run->gpa, run->size, other->gpa, other->size))
			return fail_overlap(run, other, image->by_gpa[i], field, error);
	}
	return 0;
}

static int grow(struct coco_image *image, struct coco_error *error)
{
	uint32_t capacity = image->capacity ? image->capacity * 2 : 16;
	struct coco_image_run *runs;
	uint32_t *by_gpa;

	if (image->count >= COCO_IMAGE_MAX_RUNS)
		return coco_fail_field(error, -ENOSPC, "image", "the image has %u runs already",
				       COCO_IMAGE_MAX_RUNS);
	if (image->count < image->capacity)
		return 0;
	runs = realloc(image->runs, capacity * sizeof(*runs));
	if (!runs)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	image->runs = runs;
	by_gpa = realloc(image->by_gpa, capacity * sizeof(*by_gpa));
	if (!by_gpa)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	image->by_gpa = by_gpa;
	image->capacity = capacity;
	return 0;
}

int coco_image_check_open(const struct coco_image *image, struct coco_error *error)
{
	if (!image)
		return coco_fail_field(error, -EINVAL, "image", "image is NULL");
	if (atomic_load(&image->in_use))
		return coco_fail_field(
			error, -EBUSY, "image",
			"the image is used by a guest and can't be changed any more");
	return 0;
}

int coco_image_add_owned(struct coco_image *image, const struct coco_image_run *run,
			 const char *field, struct coco_error *error)
{
	uint32_t position;
	int r;

	r = coco_image_check_open(image, error);
	if (r)
		return r;
	position = position_of(image, run->gpa);
	r = check_overlap(image, run, position, field, error);
	if (!r)
		r = grow(image, error);
	if (r)
		return r;

	memmove(&image->by_gpa[position + 1], &image->by_gpa[position],
		(image->count - position) * sizeof(*image->by_gpa));
	image->by_gpa[position] = image->count;
	image->runs[image->count++] = *run;
	return 0;
}

void coco_image_cut(struct coco_image *image, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < image->count; i++)
		if (image->by_gpa[i] < count)
			image->by_gpa[kept++] = image->by_gpa[i];
	while (image->count > count) {
		const struct coco_image_run *run = &image->runs[--image->count];

		if (!run->borrowed)
			free(run->bytes);
	}
}

struct place {
	uint64_t gpa;
	uint32_t index;
};

static int compare_places(const void *first, const void *second)
{
	const struct place *a = first, *b = second;

	return (a->gpa > b->gpa) - (a->gpa < b->gpa);
}

/* Makes by_gpa anew from all runs. */
static int sort_runs(struct coco_image *image, struct coco_error *error)
{
	struct place *places = calloc(image->count + 1, sizeof(*places));

	if (!places)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	for (uint32_t i = 0; i < image->count; i++)
		places[i] = (struct place){image->runs[i].gpa, i};
	qsort(places, image->count, sizeof(*places), compare_places);
	for (uint32_t i = 0; i < image->count; i++)
		image->by_gpa[i] = places[i].index;
	free(places);
	return 0;
}

static int check_neighbours(const struct coco_image *image, const char *field,
			    struct coco_error *error)
{
	for (uint32_t i = 1; i < image->count; i++) {
		const uint32_t first = image->by_gpa[i - 1], second = image->by_gpa[i];
		const struct coco_image_run *later = &image->runs[first > second ? first : second];
		const struct coco_image_run *other = &image->runs[first > second ? second : first];

		if (coco_ranges_overlap(later->gpa, later->size, other->gpa, other->size))
			return fail_overlap(later, other, first > second ? second : first, field,
					    error);
	}
	return 0;
}

/* Takes them out again; they stay their caller's. */
static void forget_runs(struct coco_image *image, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < image->count; i++)
		if (image->by_gpa[i] < count)
			image->by_gpa[kept++] = image->by_gpa[i];
	image->count = count;
}

int coco_image_add_all(struct coco_image *image, const struct coco_image_run *runs, uint32_t count,
		       const char *field, struct coco_error *error)
{
	const uint32_t before = image->count;
	int r = coco_image_check_open(image, error);

	for (uint32_t i = 0; !r && i < count; i++) {
		r = grow(image, error);
		if (r)
			break;
		image->by_gpa[image->count] = image->count;
		image->runs[image->count++] = runs[i];
	}
	if (!r)
		r = sort_runs(image, error);
	if (!r)
		r = check_neighbours(image, field, error);
	if (r)
		forget_runs(image, before);
	return r;
}

int coco_image_set_id(struct coco_image *image, const struct coco_image_id *id,
		      struct coco_error *error)
{
	if (!image->id)
		image->id = malloc(sizeof(*image->id));
	if (!image->id)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	*image->id = *id;
	return 0;
}

int coco_image_keep_blob(struct coco_image *image, struct coco_blob *blob, struct coco_error *error)
{
	struct coco_blob **blobs;

	for (uint32_t i = 0; i < image->blob_count; i++)
		if (image->blobs[i] == blob)
			return 0;
	blobs = realloc(image->blobs, (image->blob_count + 1) * sizeof(*blobs));
	if (!blobs)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	image->blobs = blobs;
	blobs[image->blob_count++] = coco_blob_ref(blob);
	return 0;
}

int coco_image_add(struct coco_image *image, const struct coco_page_run *run,
		   struct coco_error *error)
{
	struct coco_image_run added = {0};
	struct coco_page_run given;
	int r;

	r = coco_options_read(&given, sizeof(given), run, COCO_END_OF(struct coco_page_run, kind),
			      "run", error);
	if (!r)
		r = coco_run_check(&given, error);
	if (!r)
		r = coco_image_check_open(image, error);
	if (r)
		return r;

	added.gpa = given.gpa;
	added.size = given.size;
	added.kind = given.kind;
	added.flags = given.flags;
	if (given.label)
		memcpy(added.label, given.label, strlen(given.label) + 1);
	if (given.bytes) {
		added.bytes = malloc(given.size);
		if (!added.bytes)
			return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
		memcpy(added.bytes, given.bytes, given.size);
	}
	r = coco_image_add_owned(image, &added, "gpa", error);
	if (r)
		free(added.bytes);
	return r;
}

uint32_t coco_image_run_count(const struct coco_image *image)
{
	return image->count;
}

int coco_image_get_run(const struct coco_image *image, uint32_t index, struct coco_page_run *run,
		       struct coco_error *error)
{
	struct coco_page_run result;

	if (index >= image->count)
		return coco_fail_field(error, -EINVAL, "index",
				       "the image has no run %" PRIu32 ", it has %" PRIu32, index,
				       image->count);
	result = coco_run_show(&image->runs[index]);
	return coco_result_write(run, &result, sizeof(result),
				 COCO_END_OF(struct coco_page_run, size), "run", error);
}

int coco_image_set_ap_start(struct coco_image *image, uint64_t gpa, struct coco_error *error)
{
	int r = coco_image_check_open(image, error);

	if (r)
		return r;
	if (gpa > UINT32_MAX)
		return coco_fail_field(error, -EINVAL, "gpa",
				       "vCPUs start below 4 GiB, not at 0x%" PRIx64, gpa);
	image->ap_start = gpa;
	return 0;
}

uint64_t coco_image_ap_start(const struct coco_image *image)
{
	return image->ap_start;
}

int coco_image_set_hob(struct coco_image *image, uint64_t gpa, struct coco_error *error)
{
	int r = coco_image_check_open(image, error);

	if (r)
		return r;
	/* UEFI PI 1.8, volume 3, 4.5: HOBs are aligned to 8 bytes. */
	if (gpa % 8 || gpa >= COCO_GPA_END)
		return coco_fail_field(error, -EINVAL, "gpa",
				       "0x%" PRIx64 " is not a multiple of 8 below 2^52", gpa);
	image->hob = gpa;
	return 0;
}

uint64_t coco_image_hob(const struct coco_image *image)
{
	return image->hob;
}
