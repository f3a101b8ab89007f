/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * SEV's and SEV-ES' launch digest: one SHA-256 of all bytes that LAUNCH_UPDATE_DATA and
 * LAUNCH_UPDATE_VMSA encrypt. Where they go is not measured.
 */
#include "measure/measure.h"

#include <errno.h>

static int begin(struct coco_measure *measure, struct coco_error *error)
{
	int r = coco_hash_open(&measure->stream, "SHA2-256", error);

	return r ? r : coco_hash_begin(&measure->stream, error);
}

static int add_zeroes(struct coco_measure *measure, uint64_t size, struct coco_error *error)
{
	int r = 0;

	for (; !r && size; size -= COCO_PAGE_SIZE)
		r = coco_hash_add(&measure->stream, coco_zero_page, COCO_PAGE_SIZE, error);
	return r;
}

/* Page by page, for the sake of steps. */
static int add_in_steps(struct coco_measure *measure, const struct coco_page_run *run,
			struct coco_error *error)
{
	struct coco_step step = {.type = COCO_STEP_DATA, .vcpu = COCO_NO_VCPU};
	const unsigned char *content;
	int r = coco_measure_label(measure, run->label, &step.label, error);

	for (uint64_t offset = 0; !r && offset < run->size; offset += step.size) {
		const unsigned char *bytes =
			run->bytes ? (const unsigned char *)run->bytes + offset : coco_zero_page;
		const uint64_t left = run->size - offset;

		step.gpa = run->gpa + offset;
		step.size = left < COCO_PAGE_SIZE ? (uint32_t)left : COCO_PAGE_SIZE;
		if (step.size == COCO_PAGE_SIZE)
			r = coco_content_get(&measure->content, bytes, &content, error);
		else
			r = coco_content_get_part(&measure->content, bytes, step.size, &content,
						  error);
		if (!r)
			r = coco_hash_add(&measure->stream, bytes, step.size, error);
		if (!r)
			r = coco_measure_step(measure, step, content, NULL, error);
	}
	return r;
}

static int add(struct coco_measure *measure, const struct coco_page_run *run,
	       struct coco_error *error)
{
	if (run->kind != COCO_PAGE_DATA && run->kind != COCO_PAGE_ZERO &&
	    run->kind != COCO_PAGE_PART)
		return coco_measure_refuse(run, "SEV and SEV-ES", error);
	/* There is no command that encrypts and does not measure. */
	if (run->flags & COCO_RUN_UNMEASURED)
		return coco_measure_refuse(run, "SEV and SEV-ES", error);
	if (measure->digest->keep_steps)
		return add_in_steps(measure, run, error);
	if (run->kind == COCO_PAGE_ZERO)
		return add_zeroes(measure, run->size, error);
	return coco_hash_add(&measure->stream, run->bytes, run->size, error);
}

static int add_vmsa(struct coco_measure *measure, uint64_t gpa, const unsigned char *page,
		    struct coco_error *error)
{
	const struct coco_step step = {
		.size = COCO_PAGE_SIZE,
		.type = COCO_STEP_VMSA,
		.vcpu = measure->vcpus,
		.label = COCO_NO_INDEX,
	};
	const unsigned char *content = NULL;
	int r = coco_hash_add(&measure->stream, page, COCO_PAGE_SIZE, error);

	(void)gpa;
	if (!r && measure->digest->keep_steps)
		r = coco_content_get(&measure->content, page, &content, error);
	if (!r)
		r = coco_measure_step(measure, step, content, page, error);
	return r;
}

static int value(struct coco_measure *measure, unsigned char *out, struct coco_error *error)
{
	return coco_hash_peek(&measure->stream, out, error);
}

const struct coco_measure_tech coco_measure_sev = {
	.algorithm = "SHA2-256",
	.begin = begin,
	.add = add,
	.add_vmsa = add_vmsa,
	.value = value,
};
