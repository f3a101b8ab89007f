/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "measure/measure.h"

#include "measure/options.h"
#include "measure/vmsa.h"

#include "base/error.h"
#include "base/options.h"
#include "image/image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

const unsigned char coco_zero_page[COCO_PAGE_SIZE];

static const struct coco_measure_tech *const techs[] = {
	[COCO_TECH_SEV] = &coco_measure_sev,
	[COCO_TECH_SEVES] = &coco_measure_sev,
	[COCO_TECH_SNP] = &coco_measure_snp,
	[COCO_TECH_TDX] = &coco_measure_tdx,
};

int coco_measure_refuse(const struct coco_page_run *run, const char *technology,
			struct coco_error *error)
{
	return coco_fail_field(
		error, -EINVAL, "run",
		"%s guests can't be launched with %s %s pages, as \"%s\" at "
		"0x%" PRIx64 ": was the image made for another technology?",
		technology, run->flags & COCO_RUN_UNMEASURED ? "unmeasured" : "measured",
		coco_page_kind_name(run->kind), run->label ? run->label : "", run->gpa);
}

int coco_measure_label(struct coco_measure *measure, const char *label, uint32_t *out,
		       struct coco_error *error)
{
	*out = COCO_NO_INDEX;
	return measure->digest->keep_steps
		       ? coco_digest_keep_label(measure->digest, label, out, error)
		       : 0;
}

int coco_measure_step(struct coco_measure *measure, struct coco_step step,
		      const unsigned char *content, const unsigned char *page,
		      struct coco_error *error)
{
	struct coco_digest *digest = measure->digest;
	int r = 0;

	if (!digest->keep_steps)
		return 0;
	step.has_content = content != NULL;
	if (content)
		memcpy(step.content, content, digest->size);
	if (page)
		r = coco_digest_keep_vmsa(digest, page, &step.vmsa, error);
	if (!r)
		r = measure->tech->value(measure, step.running, error);
	return r ? r : coco_digest_keep(digest, &step, error);
}

static int new_digest(struct coco_measure *measure, struct coco_error *error)
{
	struct coco_measure_options *options = &measure->options;
	struct coco_digest *digest = calloc(1, sizeof(*digest));

	if (!digest)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	measure->digest = digest;
	digest->tech = options->tech;
	digest->keep_steps = options->flags & COCO_MEASURE_STEPS;
	digest->has_start = options->start_digest != NULL;
	if (digest->has_start)
		memcpy(digest->start, options->start_digest, sizeof(digest->start));
	options->start_digest = digest->has_start ? digest->start : NULL;
	return 0;
}

static int check_vcpus(const struct coco_measure_options *options, struct coco_error *error)
{
	const bool none = options->flags & COCO_MEASURE_NO_VCPUS;

	if (!coco_measure_has_vmsas(options->tech) || (none && !options->vcpus))
		return 0;
	if (none)
		return coco_fail_field(error, -EINVAL, "vcpus",
				       "%" PRIu32 " vCPUs and COCO_MEASURE_NO_VCPUS",
				       options->vcpus);
	if (!options->vcpus || options->vcpus > COCO_MEASURE_MAX_VCPUS)
		return coco_fail_field(error, -EINVAL, "vcpus",
				       "vCPUs are measured, and there can be 1 to %u, not %" PRIu32,
				       COCO_MEASURE_MAX_VCPUS, options->vcpus);
	return coco_measure_check_vcpus(options, options->vcpus - 1, error);
}

int coco_measure_open(const struct coco_measure_options *options, struct coco_measure **out,
		      struct coco_error *error)
{
	struct coco_measure *measure;
	int r = check_vcpus(options, error);

	if (r)
		return r;
	measure = calloc(1, sizeof(*measure));
	if (!measure)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	measure->options = *options;
	measure->tech = techs[options->tech];
	r = new_digest(measure, error);
	if (!r)
		r = coco_content_open(&measure->content, measure->tech->algorithm, error);
	if (!r)
		r = measure->tech->begin(measure, error);
	if (r) {
		coco_measure_free(measure);
		return r;
	}
	measure->digest->size = (uint32_t)measure->content.hash.size;
	*out = measure;
	return 0;
}

int coco_measure_begin(const struct coco_measure_options *options, struct coco_measure **out,
		       struct coco_error *error)
{
	struct coco_measure_options given;
	int r;

	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	r = coco_measure_read_options(&given, options, error);
	if (!r && given.flags & COCO_MEASURE_VMSAS_IN_PLACE)
		r = coco_fail_field(error, -EINVAL, "flags",
				    "the caller says when VMSAs are measured, no image does");
	return r ? r : coco_measure_open(&given, out, error);
}

void coco_measure_free(struct coco_measure *measure)
{
	if (!measure)
		return;
	coco_hash_close(&measure->record);
	coco_hash_close(&measure->stream);
	coco_content_close(&measure->content);
	coco_digest_free(measure->digest);
	free(measure);
}

static int check_state(const struct coco_measure *measure, enum coco_measure_state last,
		       struct coco_error *error)
{
	if (!measure)
		return coco_fail_field(error, -EINVAL, "measure", "measure is NULL");
	if (measure->state == COCO_MEASURE_BROKEN)
		return coco_fail_field(error, -EIO, "measure",
				       "an earlier call failed: the measurement can only be freed");
	if (measure->state == COCO_MEASURE_FINISHED)
		return coco_fail_field(error, -EBUSY, "measure", "it is finished already");
	if (measure->state > last)
		return coco_fail_field(error, -EBUSY, "measure",
				       "pages come before VMSAs, and there were VMSAs already");
	return 0;
}

/* A refused run has measured nothing; other failures come in the middle of it. */
static int done(struct coco_measure *measure, int r)
{
	if (r && r != -EINVAL)
		measure->state = COCO_MEASURE_BROKEN;
	coco_content_forget(&measure->content);
	return r;
}

int coco_measure_run(struct coco_measure *measure, const struct coco_page_run *run,
		     struct coco_error *error)
{
	if (run->flags & COCO_RUN_SHARED)
		return 0;
	return done(measure, measure->tech->add(measure, run, error));
}

int coco_measure_add(struct coco_measure *measure, const struct coco_page_run *run,
		     struct coco_error *error)
{
	struct coco_page_run given = {0};
	int r = check_state(measure, COCO_MEASURE_RUNS, error);

	if (!r)
		r = coco_options_read(&given, sizeof(given), run,
				      COCO_END_OF(struct coco_page_run, kind), "run", error);
	if (!r)
		r = coco_run_check(&given, error);
	return r ? r : coco_measure_run(measure, &given, error);
}

static int add_vmsa(struct coco_measure *measure, uint64_t gpa, const unsigned char *page,
		    struct coco_error *error)
{
	int r = measure->tech->add_vmsa(measure, gpa, page, error);

	measure->vcpus++;
	return r;
}

int coco_measure_add_vmsa(struct coco_measure *measure, uint64_t gpa, const void *page,
			  struct coco_error *error)
{
	int r = check_state(measure, COCO_MEASURE_VMSAS, error);

	if (r)
		return r;
	if (!measure->tech->add_vmsa || measure->options.tech == COCO_TECH_SEV)
		return coco_fail_field(error, -EINVAL, "measure",
				       "only SEV-ES and SNP guests have VMSAs");
	if (!page)
		return coco_fail_field(error, -EINVAL, "page", "page is NULL");
	if (gpa % COCO_PAGE_SIZE)
		return coco_fail_field(error, -EINVAL, "gpa",
				       "0x%" PRIx64 " is not aligned to a page", gpa);
	measure->state = COCO_MEASURE_VMSAS;
	return done(measure, add_vmsa(measure, gpa, page, error));
}

static int add_all_vmsas(struct coco_measure *measure, struct coco_error *error)
{
	unsigned char pages[2][COCO_PAGE_SIZE];
	int r = 0;

	if (!coco_measure_has_vmsas(measure->options.tech) || !measure->options.vcpus)
		return 0;
	coco_vmsa_write(&measure->options, 0, pages[0]);
	coco_vmsa_write(&measure->options, 1, pages[1]);
	for (uint32_t i = 0; !r && i < measure->options.vcpus; i++)
		r = add_vmsa(measure, COCO_VMSA_GPA, pages[i > 0], error);
	return r;
}

int coco_measure_finish(struct coco_measure *measure, struct coco_digest **out,
			struct coco_error *error)
{
	int r = check_state(measure, COCO_MEASURE_VMSAS, error);

	if (r)
		return r;
	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	r = add_all_vmsas(measure, error);
	if (!r)
		r = measure->tech->value(measure, measure->digest->bytes, error);
	r = done(measure, r);
	if (r)
		return r;
	measure->state = COCO_MEASURE_FINISHED;
	*out = measure->digest;
	measure->digest = NULL;
	return 0;
}
