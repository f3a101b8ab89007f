/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * MRTD: one SHA-384 of what TDH.MEM.PAGE.ADD and TDH.MR.EXTEND append (TDX module ABI, the
 * descriptions of these two functions). A page's records and bytes are laid out in a
 * buffer whose constant parts are written once, so that the hash takes a page in one call.
 */
#include "measure/measure.h"

#include "base/bytes.h"

#include <errno.h>

#define RECORD_GPA   16u
#define CHUNK_STRIDE (COCO_TDX_RECORD_SIZE + COCO_TDX_CHUNK_SIZE)

static const char add_name[] = "MEM.PAGE.ADD";
static const char extend_name[] = "MR.EXTEND";

static unsigned char *chunk_record(struct coco_measure *measure, uint32_t chunk)
{
	return measure->tdx_page + COCO_TDX_RECORD_SIZE + (size_t)chunk * CHUNK_STRIDE;
}

static int begin(struct coco_measure *measure, struct coco_error *error)
{
	int r = coco_hash_open(&measure->stream, "SHA2-384", error);

	memcpy(measure->tdx_page, add_name, sizeof(add_name) - 1);
	for (uint32_t i = 0; i < COCO_TDX_CHUNKS; i++)
		memcpy(chunk_record(measure, i), extend_name, sizeof(extend_name) - 1);
	return r ? r : coco_hash_begin(&measure->stream, error);
}

static void fill_extends(struct coco_measure *measure, uint64_t gpa, const unsigned char *page)
{
	for (uint32_t i = 0; i < COCO_TDX_CHUNKS; i++) {
		const uint32_t offset = i * COCO_TDX_CHUNK_SIZE;
		unsigned char *record = chunk_record(measure, i);

		coco_put_le64(record + RECORD_GPA, gpa + offset);
		memcpy(record + COCO_TDX_RECORD_SIZE, page + offset, COCO_TDX_CHUNK_SIZE);
	}
}

static int add_page(struct coco_measure *measure, struct coco_step step, struct coco_error *error)
{
	int r;

	coco_put_le64(measure->tdx_page + RECORD_GPA, step.gpa);
	step.type = COCO_STEP_PAGE_ADD;
	r = coco_hash_add(&measure->stream, measure->tdx_page, COCO_TDX_RECORD_SIZE, error);
	return r ? r : coco_measure_step(measure, step, NULL, NULL, error);
}

static int extend_page(struct coco_measure *measure, struct coco_step step,
		       const unsigned char *page, struct coco_error *error)
{
	const unsigned char *content = NULL;
	int r;

	fill_extends(measure, step.gpa, page);
	step.type = COCO_STEP_EXTEND;
	r = coco_hash_add(&measure->stream, measure->tdx_page + COCO_TDX_RECORD_SIZE,
			  COCO_TDX_PAGE_SIZE - COCO_TDX_RECORD_SIZE, error);
	if (!r && measure->digest->keep_steps)
		r = coco_content_get(&measure->content, page, &content, error);
	return r ? r : coco_measure_step(measure, step, content, NULL, error);
}

static int add_and_extend_page(struct coco_measure *measure, struct coco_step step,
			       const unsigned char *page, struct coco_error *error)
{
	int r;

	if (measure->digest->keep_steps) {
		r = add_page(measure, step, error);
		return r ? r : extend_page(measure, step, page, error);
	}
	coco_put_le64(measure->tdx_page + RECORD_GPA, step.gpa);
	fill_extends(measure, step.gpa, page);
	return coco_hash_add(&measure->stream, measure->tdx_page, COCO_TDX_PAGE_SIZE, error);
}

enum pass {
	ADD = 1,
	EXTEND = 2,
};

static int walk(struct coco_measure *measure, const struct coco_page_run *run, unsigned passes,
		struct coco_error *error)
{
	struct coco_step step = {.size = COCO_PAGE_SIZE, .vcpu = COCO_NO_VCPU};
	int r = coco_measure_label(measure, run->label, &step.label, error);

	for (uint64_t offset = 0; !r && offset < run->size; offset += COCO_PAGE_SIZE) {
		const unsigned char *page =
			run->bytes ? (const unsigned char *)run->bytes + offset : coco_zero_page;

		step.gpa = run->gpa + offset;
		if (passes == ADD)
			r = add_page(measure, step, error);
		else if (passes == EXTEND)
			r = extend_page(measure, step, page, error);
		else
			r = add_and_extend_page(measure, step, page, error);
	}
	return r;
}

static int check_kind(const struct coco_page_run *run, struct coco_error *error)
{
	if (run->kind != COCO_PAGE_DATA && run->kind != COCO_PAGE_ZERO)
		return coco_measure_refuse(run, "TDX", error);
	return 0;
}

int coco_measure_tdx_section(struct coco_measure *measure, const struct coco_page_run *runs,
			     uint32_t count, struct coco_error *error)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < count; i++)
		r = check_kind(&runs[i], error);
	for (uint32_t i = 0; !r && i < count; i++)
		r = walk(measure, &runs[i], ADD, error);
	for (uint32_t i = 0; !r && i < count; i++)
		if (!(runs[i].flags & COCO_RUN_UNMEASURED))
			r = walk(measure, &runs[i], EXTEND, error);
	return r;
}

static int add(struct coco_measure *measure, const struct coco_page_run *run,
	       struct coco_error *error)
{
	int r = check_kind(run, error);

	if (r)
		return r;
	if (measure->options.flags & COCO_MEASURE_TWO_PASS)
		return coco_measure_tdx_section(measure, run, 1, error);
	return walk(measure, run, run->flags & COCO_RUN_UNMEASURED ? ADD : ADD | EXTEND, error);
}

static int value(struct coco_measure *measure, unsigned char *out, struct coco_error *error)
{
	return coco_hash_peek(&measure->stream, out, error);
}

const struct coco_measure_tech coco_measure_tdx = {
	.algorithm = "SHA2-384",
	.begin = begin,
	.add = add,
	.value = value,
};
