/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whole images: a user of the measurement that is fed run by run. */
#include "image/image.h"

#include "measure/measure.h"
#include "measure/options.h"
#include "measure/vmsa.h"

#include "base/error.h"

#include <errno.h>

/* The run that a start digest stands for; the run count if there is none. */
static uint32_t find_firmware(const struct coco_image *image)
{
	uint32_t i = 0;

	while (i < image->count && image->runs[i].gpa + image->runs[i].size != 1ull << 32)
		i++;
	return i;
}

static int reserve(struct coco_measure *measure, const struct coco_image *image,
		   struct coco_error *error)
{
	uint64_t steps = (uint64_t)measure->options.vcpus + image->state_count;

	for (uint32_t i = 0; i < image->count; i++)
		steps += (image->runs[i].size + COCO_PAGE_SIZE - 1) / COCO_PAGE_SIZE;
	return coco_digest_reserve(measure->digest, steps, error);
}

/* Loaders make two runs of a section whose contents are shorter than its memory. */
static bool continues_section(const struct coco_image_run *run, const struct coco_image_run *next)
{
	return run->kind == COCO_PAGE_DATA && next->kind == COCO_PAGE_ZERO &&
	       run->flags == next->flags && run->gpa + run->size == next->gpa &&
	       !strcmp(run->label, next->label);
}

/* tdx in two passes, which go over one section of the firmware at a time. */
static int add_in_two_passes(struct coco_measure *measure, const struct coco_image *image,
			     struct coco_error *error)
{
	uint32_t count;
	int r = 0;

	for (uint32_t i = 0; !r && i < image->count; i += count) {
		struct coco_page_run runs[2];

		runs[0] = coco_run_show(&image->runs[i]);
		count = 1;
		if (i + 1 < image->count && continues_section(&image->runs[i], &image->runs[i + 1]))
			runs[1] = coco_run_show(&image->runs[i + count++]);
		r = coco_measure_tdx_section(measure, runs, count, error);
	}
	return r;
}

/* The VMSAs that come before run `position`, if they are measured where they stand. */
static int add_vmsas_in_place(struct coco_measure *measure, const struct coco_image *image,
			      uint32_t position, uint32_t *next, struct coco_error *error)
{
	int r = 0;

	if (!(measure->options.flags & COCO_MEASURE_VMSAS_IN_PLACE))
		return 0;
	for (; !r && *next < image->state_count && image->states[*next].position <= position;
	     ++*next)
		r = coco_measure_add_vmsa(measure, image->states[*next].gpa,
					  image->states[*next].page, error);
	return r;
}

static int add_runs(struct coco_measure *measure, const struct coco_image *image, uint32_t skipped,
		    struct coco_error *error)
{
	uint32_t next = 0;
	int r = 0;

	for (uint32_t i = 0; !r && i < image->count; i++) {
		struct coco_page_run run;

		r = add_vmsas_in_place(measure, image, i, &next, error);
		if (r || i == skipped)
			continue;
		run = coco_run_show(&image->runs[i]);
		r = coco_measure_run(measure, &run, error);
	}
	return r ? r : add_vmsas_in_place(measure, image, image->count, &next, error);
}

static int add_image(struct coco_measure *measure, const struct coco_image *image,
		     struct coco_error *error)
{
	const struct coco_measure_options *options = &measure->options;
	uint32_t skipped = image->count;
	int r = 0;

	if (options->start_digest) {
		skipped = find_firmware(image);
		if (skipped == image->count)
			return coco_fail_field(error, -EINVAL, "start_digest",
					       "the image has no firmware that ends at 4 GiB, "
					       "which the digest could stand for");
	}
	if (measure->digest->keep_steps)
		r = reserve(measure, image, error);
	if (r)
		return r;
	if (options->tech == COCO_TECH_TDX && options->flags & COCO_MEASURE_TWO_PASS)
		return add_in_two_passes(measure, image, error);
	return add_runs(measure, image, skipped, error);
}

/* As KVM has it: after all pages, one VMSA for each vCPU in turn, from the image if it has one. */
static int add_vmsas(struct coco_measure *measure, const struct coco_image *image,
		     const struct coco_measure_options *options, struct coco_error *error)
{
	unsigned char page[COCO_PAGE_SIZE];
	int r = 0;

	for (uint32_t i = 0; !r && i < options->vcpus; i++) {
		const struct coco_image_vcpu *state = coco_image_find_vcpu(image, i);

		if (!state) {
			r = coco_measure_check_vcpus(options, i, error);
			if (r)
				return r;
			coco_vmsa_write(options, i, page);
		}
		r = coco_measure_add_vmsa(measure, COCO_VMSA_GPA, state ? state->page : page,
					  error);
	}
	return r;
}

static bool has_vmsas(const struct coco_image *image, const struct coco_measure_options *options)
{
	return coco_measure_has_vmsas(options->tech) && image->state_count &&
	       image->states[0].format == COCO_VCPU_STATE_VMSA &&
	       !(options->flags & COCO_MEASURE_NO_VCPUS);
}

/* For an image that says what vCPUs begin with. */
static int measure_with_vmsas(const struct coco_image *image,
			      const struct coco_measure_options *options, struct coco_digest **out,
			      struct coco_error *error)
{
	struct coco_measure_options pages = *options, vcpus = *options;
	struct coco_measure *measure;
	int r;

	pages.vcpus = 0;
	pages.flags |= COCO_MEASURE_NO_VCPUS;
	for (uint32_t i = 0; !options->vcpus && i < image->state_count; i++)
		if (image->states[i].vcpu >= vcpus.vcpus)
			vcpus.vcpus = image->states[i].vcpu + 1;
	r = coco_measure_open(&pages, &measure, error);
	if (r)
		return r;
	r = add_image(measure, image, error);
	if (!r && !(options->flags & COCO_MEASURE_VMSAS_IN_PLACE))
		r = add_vmsas(measure, image, &vcpus, error);
	if (!r)
		r = coco_measure_finish(measure, out, error);
	coco_measure_free(measure);
	return r;
}

int coco_measure_image(const struct coco_image *image, const struct coco_measure_options *options,
		       struct coco_digest **out, struct coco_error *error)
{
	struct coco_measure_options given;
	struct coco_measure *measure;
	int r;

	if (!image)
		return coco_fail_field(error, -EINVAL, "image", "image is NULL");
	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	r = coco_measure_read_options(&given, options, error);
	if (r)
		return r;
	if (!given.ap_start)
		given.ap_start = image->ap_start;
	if (has_vmsas(image, &given))
		return measure_with_vmsas(image, &given, out, error);
	r = coco_measure_open(&given, &measure, error);
	if (r)
		return r;
	r = add_image(measure, image, error);
	if (!r)
		r = coco_measure_finish(measure, out, error);
	coco_measure_free(measure);
	return r;
}
