/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * SNP's launch digest: for each page, the SHA-384 of a record that holds the digest so far (SEV-SNP
 * firmware ABI, 8.17.2). A serial chain, in which a page's contents are one field.
 */
#include "measure/measure.h"

#include "base/bytes.h"

#include <errno.h>

enum {
	INFO_CONTENTS = 0x30,
	INFO_LENGTH = 0x60,
	INFO_PAGE_TYPE = 0x62,
	INFO_GPA = 0x68,
};

static int begin(struct coco_measure *measure, struct coco_error *error)
{
	if (measure->digest->has_start)
		memcpy(measure->snp_info, measure->digest->start, COCO_DIGEST_MAX_SIZE);
	coco_put_le16(measure->snp_info + INFO_LENGTH, COCO_SNP_PAGE_INFO_SIZE);
	return coco_hash_open(&measure->record, "SHA2-384", error);
}

/* `content`: NULL if the type does not measure contents. */
static int chain(struct coco_measure *measure, uint32_t type, uint64_t gpa,
		 const unsigned char *content, struct coco_error *error)
{
	unsigned char *info = measure->snp_info;

	if (content)
		memcpy(info + INFO_CONTENTS, content, COCO_DIGEST_MAX_SIZE);
	else
		memset(info + INFO_CONTENTS, 0, COCO_DIGEST_MAX_SIZE);
	info[INFO_PAGE_TYPE] = (unsigned char)type;
	coco_put_le64(info + INFO_GPA, gpa);
	return coco_hash_bytes(&measure->record, info, COCO_SNP_PAGE_INFO_SIZE, info, error);
}

/* 0: SNP has no such page. */
static uint32_t page_type(const struct coco_page_run *run)
{
	switch (run->kind) {
	case COCO_PAGE_DATA:
		return run->flags & COCO_RUN_UNMEASURED ? COCO_STEP_UNMEASURED : COCO_STEP_NORMAL;
	case COCO_PAGE_ZERO:
		return run->flags & COCO_RUN_UNMEASURED ? COCO_STEP_UNMEASURED : COCO_STEP_ZERO;
	case COCO_PAGE_SECRETS:
		return COCO_STEP_SECRETS;
	case COCO_PAGE_CPUID:
		return COCO_STEP_CPUID;
	default:
		return 0;
	}
}

static int add(struct coco_measure *measure, const struct coco_page_run *run,
	       struct coco_error *error)
{
	struct coco_step step = {
		.size = COCO_PAGE_SIZE,
		.type = (uint16_t)page_type(run),
		.vcpu = COCO_NO_VCPU,
	};
	const unsigned char *content = NULL;
	int r;

	if (!step.type)
		return coco_measure_refuse(run, "SNP", error);
	r = coco_measure_label(measure, run->label, &step.label, error);
	for (uint64_t offset = 0; !r && offset < run->size; offset += COCO_PAGE_SIZE) {
		if (step.type == COCO_STEP_NORMAL)
			r = coco_content_get(&measure->content,
					     (const unsigned char *)run->bytes + offset, &content,
					     error);
		step.gpa = run->gpa + offset;
		if (!r)
			r = chain(measure, step.type, step.gpa, content, error);
		if (!r)
			r = coco_measure_step(measure, step, content, NULL, error);
	}
	return r;
}

static int add_vmsa(struct coco_measure *measure, uint64_t gpa, const unsigned char *page,
		    struct coco_error *error)
{
	const struct coco_step step = {
		.gpa = gpa,
		.size = COCO_PAGE_SIZE,
		.type = COCO_STEP_VMSA,
		.vcpu = measure->vcpus,
		.label = COCO_NO_INDEX,
	};
	const unsigned char *content;
	int r = coco_content_get(&measure->content, page, &content, error);

	if (!r)
		r = chain(measure, COCO_STEP_VMSA, gpa, content, error);
	if (!r)
		r = coco_measure_step(measure, step, content, page, error);
	return r;
}

static int value(struct coco_measure *measure, unsigned char *out, struct coco_error *error)
{
	(void)error;
	memcpy(out, measure->snp_info, COCO_DIGEST_MAX_SIZE);
	return 0;
}

const struct coco_measure_tech coco_measure_snp = {
	.algorithm = "SHA2-384",
	.begin = begin,
	.add = add,
	.add_vmsa = add_vmsa,
	.value = value,
};
