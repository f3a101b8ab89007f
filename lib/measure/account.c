/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Digests of measurements that were made elsewhere. */
#include "measure/digest.h"

#include "base/error.h"
#include "base/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static uint32_t size_of(uint32_t tech)
{
	switch (tech) {
	case COCO_TECH_SEV:
	case COCO_TECH_SEVES:
		return 32;
	case COCO_TECH_SNP:
	case COCO_TECH_TDX:
		return 48;
	default:
		return 0;
	}
}

static int check(const struct coco_digest_account *account, struct coco_error *error)
{
	const uint32_t size = size_of(account->tech);

	if (!size)
		return coco_fail_field(error, -EINVAL, "tech",
				       "there is no launch measurement of technology %" PRIu32,
				       account->tech);
	if (account->digest_size != size)
		return coco_fail_field(error, -EINVAL, "digest_size",
				       "the digest has %" PRIu32
				       " bytes, those of %s have %" PRIu32,
				       account->digest_size, coco_tech_name(account->tech), size);
	if (!account->digest)
		return coco_fail_field(error, -EINVAL, "digest", "digest is NULL");
	if (account->start_digest && account->tech != COCO_TECH_SNP)
		return coco_fail_field(error, -EINVAL, "start_digest",
				       "only SNP's launch digest can go on from another");
	if (account->step_count && !account->steps)
		return coco_fail_field(error, -EINVAL, "steps", "steps is NULL");
	if (account->reserved0)
		return coco_fail_field(error, -EINVAL, "reserved0", "reserved0 is not 0");
	return 0;
}

static int check_step(const struct coco_digest *digest, const struct coco_digest_step *step,
		      uint32_t index, struct coco_error *error)
{
	const bool vmsa = step->type == COCO_STEP_VMSA;

	if (!strcmp(coco_step_type_name(step->type), "unknown"))
		return coco_fail_field(error, -EINVAL, "steps",
				       "step %" PRIu32 " is of type %" PRIu32
				       ", which there is not",
				       index, step->type);
	if (step->digest_size != digest->size)
		return coco_fail_field(error, -EINVAL, "steps",
				       "step %" PRIu32 " has digests of %" PRIu32
				       " bytes, not %" PRIu32,
				       index, step->digest_size, digest->size);
	if (vmsa != (step->vcpu != COCO_NO_VCPU) || (step->vmsa && !vmsa))
		return coco_fail_field(error, -EINVAL, "steps", "step %" PRIu32 ", %s, %s a vCPU",
				       index, coco_step_type_name(step->type),
				       vmsa ? "needs" : "can't be of");
	return 0;
}

static int take_step(struct coco_digest *digest, const struct coco_digest_step *step,
		     uint32_t index, struct coco_error *error)
{
	char label[sizeof(step->label)];
	struct coco_step kept = {
		.gpa = step->gpa,
		.size = step->size,
		.type = (uint16_t)step->type,
		.has_content = step->has_content != 0,
		.label = COCO_NO_INDEX,
		.vcpu = step->vcpu,
		.vmsa = COCO_NO_INDEX,
	};
	int r = check_step(digest, step, index, error);

	if (r)
		return r;
	memcpy(kept.running, step->running, digest->size);
	if (kept.has_content)
		memcpy(kept.content, step->content, digest->size);
	memcpy(label, step->label, sizeof(label));
	label[sizeof(label) - 1] = '\0';
	if (step->type != COCO_STEP_VMSA)
		r = coco_digest_keep_label(digest, label, &kept.label, error);
	else if (step->vmsa)
		r = coco_digest_keep_vmsa(digest, step->vmsa, &kept.vmsa, error);
	return r ? r : coco_digest_keep(digest, &kept, error);
}

/* Steps are an array of what the caller's headers say that a step is. */
static int take_steps(struct coco_digest *digest, const struct coco_digest_account *account,
		      struct coco_error *error)
{
	const unsigned char *steps = (const unsigned char *)account->steps;
	size_t stride, size;
	int r;

	if (!account->step_count)
		return 0;
	memcpy(&stride, steps, sizeof(stride));
	r = coco_digest_reserve(digest, account->step_count, error);
	for (uint32_t i = 0; !r && i < account->step_count; i++, steps += stride) {
		struct coco_digest_step step;

		memcpy(&size, steps, sizeof(size));
		if (size != stride)
			return coco_fail_field(error, -EINVAL, "steps",
					       "step %" PRIu32 " has another struct_size than the "
					       "first",
					       i);
		r = coco_options_read(&step, sizeof(step), steps,
				      COCO_END_OF(struct coco_digest_step, running), "steps",
				      error);
		if (!r)
			r = take_step(digest, &step, i, error);
	}
	return r;
}

int coco_digest_from_steps(const struct coco_digest_account *account, struct coco_digest **out,
			   struct coco_error *error)
{
	struct coco_digest_account given;
	struct coco_digest *digest;
	int r;

	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	r = coco_options_read(&given, sizeof(given), account,
			      COCO_END_OF(struct coco_digest_account, digest), "account", error);
	if (!r)
		r = check(&given, error);
	if (r)
		return r;
	digest = calloc(1, sizeof(*digest));
	if (!digest)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	digest->tech = given.tech;
	digest->size = given.digest_size;
	digest->keep_steps = given.step_count != 0;
	digest->has_start = given.start_digest != NULL;
	memcpy(digest->bytes, given.digest, digest->size);
	if (digest->has_start)
		memcpy(digest->start, given.start_digest, digest->size);
	r = take_steps(digest, &given, error);
	if (r)
		coco_digest_free(digest);
	else
		*out = digest;
	return r;
}
