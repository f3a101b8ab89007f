/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "measure/digest.h"

#include "base/error.h"
#include "base/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void coco_digest_free(struct coco_digest *digest)
{
	if (!digest)
		return;
	free(digest->steps);
	free(digest->labels);
	free(digest->vmsas);
	free(digest);
}

int coco_digest_copy(const struct coco_digest *digest, struct coco_digest **out,
		     struct coco_error *error)
{
	struct coco_digest *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	copy->tech = digest->tech;
	copy->size = digest->size;
	memcpy(copy->bytes, digest->bytes, sizeof(copy->bytes));
	*out = copy;
	return 0;
}

int coco_digest_reserve(struct coco_digest *digest, uint64_t more, struct coco_error *error)
{
	uint64_t needed = digest->count + more, capacity = digest->capacity;
	struct coco_step *steps;

	if (needed <= capacity)
		return 0;
	capacity = capacity * 2 > needed ? capacity * 2 : needed;
	/* Indices have 32 bits, and the last is COCO_NO_INDEX. */
	if (capacity >= UINT32_MAX)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	steps = realloc(digest->steps, capacity * sizeof(*steps));
	if (!steps)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	digest->steps = steps;
	digest->capacity = (uint32_t)capacity;
	return 0;
}

int coco_digest_keep(struct coco_digest *digest, const struct coco_step *step,
		     struct coco_error *error)
{
	int r = coco_digest_reserve(digest, 1, error);

	if (!r)
		digest->steps[digest->count++] = *step;
	return r;
}

int coco_digest_keep_label(struct coco_digest *digest, const char *label, uint32_t *out,
			   struct coco_error *error)
{
	char(*labels)[COCO_LABEL_SIZE];

	*out = COCO_NO_INDEX;
	if (!label || !*label)
		return 0;
	for (uint32_t i = digest->label_count; i-- > 0;)
		if (!strcmp(digest->labels[i], label)) {
			*out = i;
			return 0;
		}
	labels = realloc(digest->labels, (digest->label_count + 1) * sizeof(*labels));
	if (!labels)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	digest->labels = labels;
	snprintf(labels[digest->label_count], sizeof(*labels), "%s", label);
	*out = digest->label_count++;
	return 0;
}

int coco_digest_keep_vmsa(struct coco_digest *digest, const void *page, uint32_t *out,
			  struct coco_error *error)
{
	unsigned char(*vmsas)[COCO_PAGE_SIZE] = digest->vmsas;
	uint32_t count = digest->vmsa_count;

	if (!count || memcmp(vmsas[count - 1], page, COCO_PAGE_SIZE) != 0) {
		vmsas = realloc(vmsas, (count + (size_t)1) * sizeof(*vmsas));
		if (!vmsas)
			return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
		digest->vmsas = vmsas;
		memcpy(vmsas[count], page, COCO_PAGE_SIZE);
		digest->vmsa_count = ++count;
	}
	*out = count - 1;
	return 0;
}

const unsigned char *coco_digest_vmsa(const struct coco_digest *digest,
				      const struct coco_step *step)
{
	if (step->type != COCO_STEP_VMSA || step->vmsa == COCO_NO_INDEX)
		return NULL;
	return digest->vmsas[step->vmsa];
}

const uint8_t *coco_digest_bytes(const struct coco_digest *digest, size_t *size)
{
	if (size)
		*size = digest->size;
	return digest->bytes;
}

uint32_t coco_digest_tech(const struct coco_digest *digest)
{
	return digest->tech;
}

uint32_t coco_digest_step_count(const struct coco_digest *digest)
{
	return digest->count;
}

int coco_digest_get_step(const struct coco_digest *digest, uint32_t index,
			 struct coco_digest_step *step, struct coco_error *error)
{
	struct coco_digest_step result = {0};
	const struct coco_step *kept;

	if (index >= digest->count)
		return coco_fail_field(error, -EINVAL, "index",
				       "the digest has no step %" PRIu32 ", it has %" PRIu32, index,
				       digest->count);
	kept = &digest->steps[index];
	result.gpa = kept->gpa;
	result.size = kept->size;
	result.type = kept->type;
	result.vcpu = kept->vcpu;
	result.digest_size = digest->size;
	result.has_content = kept->has_content;
	if (kept->vcpu != COCO_NO_VCPU)
		snprintf(result.label, sizeof(result.label), "VMSA %" PRIu32, kept->vcpu);
	else if (kept->label != COCO_NO_INDEX)
		snprintf(result.label, sizeof(result.label), "%s", digest->labels[kept->label]);
	memcpy(result.content, kept->content, sizeof(result.content));
	memcpy(result.running, kept->running, sizeof(result.running));
	result.vmsa = coco_digest_vmsa(digest, kept);
	return coco_result_write(step, &result, sizeof(result),
				 COCO_END_OF(struct coco_digest_step, size), "step", error);
}

const char *coco_step_type_name(uint32_t type)
{
	switch (type) {
	case COCO_STEP_NORMAL:
		return "NORMAL";
	case COCO_STEP_VMSA:
		return "VMSA";
	case COCO_STEP_ZERO:
		return "ZERO";
	case COCO_STEP_UNMEASURED:
		return "UNMEASURED";
	case COCO_STEP_SECRETS:
		return "SECRETS";
	case COCO_STEP_CPUID:
		return "CPUID";
	case COCO_STEP_DATA:
		return "LAUNCH_UPDATE_DATA";
	case COCO_STEP_PAGE_ADD:
		return "MEM.PAGE.ADD";
	case COCO_STEP_EXTEND:
		return "MR.EXTEND";
	default:
		return "unknown";
	}
}
