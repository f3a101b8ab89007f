/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Why two digests differ: the first step that does, and what that means. */
#include "measure/digest.h"
#include "measure/vmsa.h"

#include "base/error.h"
#include "base/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* The two digests, and where in them. */
struct place {
	const struct coco_digest *digest;
	uint32_t index;
};

static bool ended(struct place place)
{
	return place.index >= place.digest->count;
}

/* There is one. */
static const struct coco_step *step_at(struct place place)
{
	return &place.digest->steps[place.index];
}

static bool at_vmsa(struct place place)
{
	return !ended(place) && step_at(place)->vcpu != COCO_NO_VCPU;
}

static const char *label_of(struct place place)
{
	const struct coco_step *step = step_at(place);

	return step->label == COCO_NO_INDEX ? "no label" : place.digest->labels[step->label];
}

__attribute__((format(printf, 3, 4))) static void say(struct coco_difference *out, uint32_t kind,
						      const char *format, ...)
{
	va_list arguments;

	out->kind = kind;
	va_start(arguments, format);
	vsnprintf(out->text, sizeof(out->text), format, arguments);
	va_end(arguments);
}

/* SEV measures bytes, not where they go. */
static bool measures_addresses(const struct coco_digest *digest)
{
	return digest->tech == COCO_TECH_SNP || digest->tech == COCO_TECH_TDX;
}

static bool same_page(const struct coco_step *first, const struct coco_step *second)
{
	return first->type == second->type && first->size == second->size &&
	       first->gpa == second->gpa;
}

static bool same_contents(const struct coco_step *first, const struct coco_step *second)
{
	return first->type == second->type && first->size == second->size &&
	       !memcmp(first->content, second->content, sizeof(first->content));
}

static bool same_step(const struct coco_digest *digest, const struct coco_step *first,
		      const struct coco_step *second)
{
	return same_contents(first, second) &&
	       (first->gpa == second->gpa || !measures_addresses(digest));
}

/* Is the page of this step among what the other digest has left? */
static bool comes_later(const struct coco_step *step, struct place other)
{
	for (uint32_t i = other.index; i < other.digest->count; i++)
		if (measures_addresses(other.digest) ? same_page(step, &other.digest->steps[i])
						     : same_contents(step, &other.digest->steps[i]))
			return true;
	return false;
}

static uint32_t count_vmsas(const struct coco_digest *digest)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < digest->count; i++)
		count += digest->steps[i].vcpu != COCO_NO_VCPU;
	return count;
}

static const char *reason_of(uint32_t kind)
{
	switch (kind) {
	case COCO_DIFFERENCE_SIGNATURE:
		return "another vCPU signature (CPU model), or a VMM that does not set it";
	case COCO_DIFFERENCE_FEATURES:
		return "other SEV features (as DebugSwap, 0x20)";
	case COCO_DIFFERENCE_AP_START:
		return "another AP start address: other firmware, or another VMM";
	case COCO_DIFFERENCE_FPU:
		return "created by KVM_SEV_INIT2 or by KVM_SEV_ES_INIT (legacy), or another VMM";
	default:
		return "another VMM's register state, or another host configuration";
	}
}

static void compare_vmsas(struct place first, struct place second, struct coco_difference *out)
{
	const struct coco_step *one = step_at(first), *two = step_at(second);
	const unsigned char *a = coco_digest_vmsa(first.digest, one);
	const unsigned char *b = coco_digest_vmsa(second.digest, two);
	const struct coco_vmsa_field *field = a && b ? coco_vmsa_compare(a, b) : NULL;

	if (one->gpa != two->gpa)
		say(out, COCO_DIFFERENCE_ADDRESS,
		    "the VMSA of vCPU %" PRIu32 " is measured at 0x%" PRIx64 " and at 0x%" PRIx64,
		    one->vcpu, one->gpa, two->gpa);
	else if (field)
		say(out, field->kind,
		    "vCPU %" PRIu32 " starts with other registers: %s is 0x%" PRIx64
		    " and 0x%" PRIx64 ". Likely: %s",
		    one->vcpu, field->name, coco_vmsa_get(a, field), coco_vmsa_get(b, field),
		    reason_of(field->kind));
	else if (!a || !b)
		say(out, COCO_DIFFERENCE_REGISTERS,
		    "vCPU %" PRIu32 " starts with other registers; which ones is not known of the "
		    "%s",
		    one->vcpu, a ? "second" : "first");
	else
		say(out, COCO_DIFFERENCE_REGISTERS,
		    "vCPU %" PRIu32 " starts with other registers, none of which usually differ",
		    one->vcpu);
}

static void say_one_more(struct place first, struct place second, bool second_has,
			 struct coco_difference *out)
{
	const struct place has = second_has ? second : first;
	const struct coco_step *step = step_at(has);

	say(out, second_has ? COCO_DIFFERENCE_EXTRA : COCO_DIFFERENCE_MISSING,
	    "only the %s has %s at 0x%" PRIx64 " (%s)", second_has ? "second" : "first",
	    coco_step_type_name(step->type), step->gpa, label_of(has));
}

static void say_contents(struct place place, struct coco_difference *out)
{
	const struct coco_step *step = step_at(place);

	say(out, COCO_DIFFERENCE_CONTENTS,
	    "%s at 0x%" PRIx64 " (%s) has other contents: another file, or other data",
	    coco_step_type_name(step->type), step->gpa, label_of(place));
}

static void say_order(struct place first, struct place second, struct coco_difference *out)
{
	const struct coco_step *one = step_at(first), *two = step_at(second);
	/* A TD's pages are extended either one by one or all at the end. */
	const bool passes = one->type != two->type && one->type >= COCO_STEP_PAGE_ADD;

	say(out, COCO_DIFFERENCE_ORDER,
	    "the same in another order: %s at 0x%" PRIx64 " (%s) comes here, and in the second %s "
	    "at 0x%" PRIx64 " (%s)%s",
	    coco_step_type_name(one->type), one->gpa, label_of(first),
	    coco_step_type_name(two->type), two->gpa, label_of(second),
	    passes ? ". Likely: a single pass and two passes" : "");
}

/* Is it the same page with other bytes? `one_later`, `two_later`: what comes_later() says. */
static bool other_contents(struct place first, struct place second, bool one_later, bool two_later)
{
	const struct coco_step *one = step_at(first), *two = step_at(second);
	const bool addresses = measures_addresses(first.digest);

	if (same_page(one, two))
		return addresses || !one_later || !two_later;
	return !addresses && one->type == two->type && one->size == two->size && !one_later &&
	       !two_later;
}

/* Neither has ended, and neither is a VMSA. */
static void compare_pages(struct place first, struct place second, struct coco_difference *out)
{
	const struct coco_step *one = step_at(first), *two = step_at(second);
	const bool one_later = comes_later(one, second), two_later = comes_later(two, first);

	if (other_contents(first, second, one_later, two_later))
		say_contents(first, out);
	else if (one_later && two_later)
		say_order(first, second, out);
	else if (one->gpa == two->gpa && one->type != two->type)
		say(out, COCO_DIFFERENCE_TYPE,
		    "the page at 0x%" PRIx64 " (%s) is %s, and in the second %s", one->gpa,
		    label_of(first), coco_step_type_name(one->type),
		    coco_step_type_name(two->type));
	else if (one_later || two_later || one->type != two->type || one->size != two->size)
		say_one_more(first, second, one_later, out);
	else
		say(out, COCO_DIFFERENCE_ADDRESS,
		    "%s at 0x%" PRIx64 " (%s), and in the second at 0x%" PRIx64
		    " (%s): firmware of another size, or other tables in it",
		    coco_step_type_name(one->type), one->gpa, label_of(first), two->gpa,
		    label_of(second));
}

static void compare_steps(struct place first, struct place second, struct coco_difference *out)
{
	const bool one_vmsa = at_vmsa(first), two_vmsa = at_vmsa(second);

	out->first = first.index;
	out->second = second.index;
	if (ended(first) && ended(second))
		say(out, COCO_DIFFERENCE_UNKNOWN,
		    "all steps are alike: those of one do not lead to its digest");
	else if (one_vmsa && two_vmsa)
		compare_vmsas(first, second, out);
	else if ((ended(first) && two_vmsa) || (ended(second) && one_vmsa))
		say(out, COCO_DIFFERENCE_VCPU_COUNT,
		    "%" PRIu32 " vCPUs, and in the second %" PRIu32, count_vmsas(first.digest),
		    count_vmsas(second.digest));
	else if (ended(first) || one_vmsa)
		say_one_more(first, second, true, out);
	else if (ended(second) || two_vmsa)
		say_one_more(first, second, false, out);
	else
		compare_pages(first, second, out);
}

/* Goes to where this digest is what the other one starts from. */
static bool find_start(struct place *place, const unsigned char *start)
{
	for (uint32_t i = 0; i < place->digest->count; i++)
		if (!memcmp(place->digest->steps[i].running, start, COCO_DIGEST_MAX_SIZE)) {
			place->index = i + 1;
			return true;
		}
	return false;
}

/* Both digests as if they began alike; false if they can't have. */
static bool align(struct place *first, struct place *second)
{
	const struct coco_digest *a = first->digest, *b = second->digest;

	if (a->has_start && b->has_start)
		return !memcmp(a->start, b->start, sizeof(a->start));
	if (a->has_start)
		return find_start(second, a->start);
	if (b->has_start)
		return find_start(first, b->start);
	return true;
}

static void compare(const struct coco_digest *first, const struct coco_digest *second,
		    struct coco_difference *out)
{
	struct place a = {.digest = first}, b = {.digest = second};

	if (!align(&a, &b)) {
		say(out, COCO_DIFFERENCE_START,
		    "the start digest is none that the other one starts from or leads to: it is "
		    "of other firmware");
		return;
	}
	while (!ended(a) && !ended(b) && same_step(first, step_at(a), step_at(b))) {
		a.index++;
		b.index++;
	}
	compare_steps(a, b, out);
}

int coco_digest_diff(const struct coco_digest *first, const struct coco_digest *second,
		     struct coco_difference *difference, struct coco_error *error)
{
	struct coco_difference result = {0};

	if (!first || !second)
		return coco_fail_field(error, -EINVAL, first ? "second" : "first",
				       "a digest is NULL");
	if (first->tech != second->tech)
		say(&result, COCO_DIFFERENCE_TECH, "measurements of different technologies");
	else if (!memcmp(first->bytes, second->bytes, sizeof(first->bytes)))
		say(&result, COCO_DIFFERENCE_NONE, "the digests are equal");
	else if (!first->keep_steps || !second->keep_steps)
		return coco_fail_field(error, -EINVAL, first->keep_steps ? "second" : "first",
				       "the digests differ, and the steps were not kept: measure "
				       "with COCO_MEASURE_STEPS");
	else
		compare(first, second, &result);
	return coco_result_write(difference, &result, sizeof(result),
				 COCO_END_OF(struct coco_difference, kind), "difference", error);
}
