/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What coco_digest_diff() says of two records, and which options it is about. */
#include <stdio.h>

#include "message.h"
#include "record.h"

static const struct {
	const char *name;
	const char *options; /* that likely differ */
} kinds[] = {
	[COCO_DIFFERENCE_NONE] = {"none", ""},
	[COCO_DIFFERENCE_TECH] = {"tech", "--mode"},
	[COCO_DIFFERENCE_START] = {"start", "--snp-ovmf-hash"},
	[COCO_DIFFERENCE_CONTENTS] = {"contents", ""},
	[COCO_DIFFERENCE_TYPE] = {"type", "--vmm-type, --kernel"},
	[COCO_DIFFERENCE_ADDRESS] = {"address", "--ovmf"},
	[COCO_DIFFERENCE_ORDER] = {"order", "--vmm-type, --page-order"},
	[COCO_DIFFERENCE_MISSING] = {"missing", ""},
	[COCO_DIFFERENCE_EXTRA] = {"extra", ""},
	[COCO_DIFFERENCE_VCPU_COUNT] = {"vcpu-count", "--vcpus"},
	[COCO_DIFFERENCE_SIGNATURE] = {"signature", "--vcpu-type, --vcpu-sig, --vmm-type"},
	[COCO_DIFFERENCE_FEATURES] = {"features", "--guest-features, --sev-features"},
	[COCO_DIFFERENCE_AP_START] = {"ap-start", "--ovmf, --vmm-type"},
	[COCO_DIFFERENCE_FPU] = {"fpu", "--mode seves or seves-legacy, --vmm-type"},
	[COCO_DIFFERENCE_REGISTERS] = {"registers", "--vmm-type"},
	[COCO_DIFFERENCE_UNKNOWN] = {"unknown", ""},
};

const char *difference_name(uint32_t kind)
{
	return kind < sizeof(kinds) / sizeof(*kinds) ? kinds[kind].name : "unknown";
}

static int digest_of(const struct record *record, struct coco_digest **out,
		     struct coco_error *error)
{
	struct coco_digest_account account;

	COCO_INIT(&account);
	account.tech = record->tech;
	account.digest = record->digest;
	account.digest_size = record->size;
	account.start_digest = record->has_start ? record->start : NULL;
	account.steps = record->steps;
	account.step_count = record->count;
	return coco_digest_from_steps(&account, out, error);
}

int record_compare(const struct record *first, const struct record *second, struct difference *out)
{
	struct coco_digest *one = NULL, *two = NULL;
	struct coco_difference found;
	struct coco_error error;
	const char *options;
	int r;

	COCO_INIT(&found);
	r = digest_of(first, &one, &error);
	if (!r)
		r = digest_of(second, &two, &error);
	if (!r)
		r = coco_digest_diff(one, two, &found, &error);
	coco_digest_free(one);
	coco_digest_free(two);
	if (r)
		return library_failed(&error);
	options = found.kind < sizeof(kinds) / sizeof(*kinds) ? kinds[found.kind].options : "";
	*out = (struct difference){found.kind, found.first, found.second, ""};
	snprintf(out->text, sizeof(out->text), "%s%s%s%s", found.text, *options ? " (" : "",
		 options, *options ? ")" : "");
	return 0;
}
