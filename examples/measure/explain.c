/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Steps as a table for people: thousands of pages in a few lines. */
#include <inttypes.h>
#include <stdio.h>

#include "hex.h"
#include "record.h"

/* Bytes of a digest that are shown: the rest is in the JSON document. */
#define SHOWN 8

static bool is_vmsa(const struct coco_digest_step *step)
{
	return step->vcpu != COCO_NO_VCPU;
}

/* TDX: a page that is added and then extended is one line, not two. */
static uint32_t steps_of_page(const struct record *record, uint32_t index)
{
	const struct coco_digest_step *step = &record->steps[index];

	if (index + 1 < record->count && step[0].type == COCO_STEP_PAGE_ADD &&
	    step[1].type == COCO_STEP_EXTEND && step[0].gpa == step[1].gpa)
		return 2;
	return 1;
}

static bool continues(const struct coco_digest_step *last, const struct coco_digest_step *next)
{
	if (last->type != next->type)
		return false;
	if (is_vmsa(last))
		return !memcmp(last->content, next->content, sizeof(last->content));
	return next->gpa == last->gpa + last->size && strcmp(last->label, next->label) == 0;
}

/* The index after the steps that are one line. */
static uint32_t end_of_line(const struct record *record, uint32_t index)
{
	const uint32_t stride = steps_of_page(record, index);
	uint32_t next = index + stride;

	while (next < record->count && steps_of_page(record, next) == stride &&
	       continues(&record->steps[next - stride], &record->steps[next]))
		next += stride;
	return next;
}

static void print_where(const struct coco_digest_step *first, const struct coco_digest_step *last)
{
	char text[64] = "-";

	/* SEV-ES measures VMSAs wherever they are. */
	if (is_vmsa(first) && first->gpa)
		snprintf(text, sizeof(text), "0x%08" PRIx64, first->gpa);
	else if (!is_vmsa(first))
		snprintf(text, sizeof(text), "0x%08" PRIx64 "-0x%08" PRIx64, first->gpa,
			 last->gpa + last->size - 1);
	printf("  %-21s", text);
}

static void print_what(const struct coco_digest_step *first, const struct coco_digest_step *last)
{
	char text[96];

	if (is_vmsa(first) && first != last)
		snprintf(text, sizeof(text), "%s-%" PRIu32, first->label, last->vcpu);
	else
		snprintf(text, sizeof(text), "%s", first->label);
	printf("  %-24s", text);
}

static void print_line(const struct record *record, uint32_t index, uint32_t end)
{
	const uint32_t stride = steps_of_page(record, index);
	const struct coco_digest_step *first = &record->steps[index];
	const struct coco_digest_step *last = &record->steps[end - stride];
	char steps[32], running[HEX_SIZE(SHOWN)];

	if (end - index > 1)
		snprintf(steps, sizeof(steps), "%" PRIu32 "-%" PRIu32, index, end - 1);
	else
		snprintf(steps, sizeof(steps), "%" PRIu32, index);
	hex_write(record->steps[end - 1].running, SHOWN, running);
	printf("%-11s  %-22s", steps,
	       stride == 2 ? "MEM.PAGE.ADD+MR.EXTEND" : coco_step_type_name(first->type));
	print_where(first, last);
	print_what(first, last);
	printf("  %s..\n", running);
}

void record_explain(const struct record *record)
{
	printf("%-11s  %-22s  %-21s  %-24s  %s\n", "step", "type", "address", "what",
	       "digest so far");
	if (record->has_start) {
		char start[HEX_SIZE(SHOWN)];

		hex_write(record->start, SHOWN, start);
		printf("%-11s  %-22s  %-21s  %-24s  %s..\n", "-", "start digest", "-", "-", start);
	}
	for (uint32_t i = 0, end; i < record->count; i = end) {
		end = end_of_line(record, i);
		print_line(record, i, end);
	}
}
