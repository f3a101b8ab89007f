/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What coco_digest_diff() says of two digests, said of two records. */
#include "compare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

const char *difference_name(uint32_t kind)
{
	static const char *const names[] = {
		[COCO_DIFFERENCE_NONE] = "none",
		[COCO_DIFFERENCE_TECH] = "tech",
		[COCO_DIFFERENCE_START] = "start",
		[COCO_DIFFERENCE_CONTENTS] = "contents",
		[COCO_DIFFERENCE_TYPE] = "type",
		[COCO_DIFFERENCE_ADDRESS] = "address",
		[COCO_DIFFERENCE_ORDER] = "order",
		[COCO_DIFFERENCE_MISSING] = "missing",
		[COCO_DIFFERENCE_EXTRA] = "extra",
		[COCO_DIFFERENCE_VCPU_COUNT] = "vcpu-count",
		[COCO_DIFFERENCE_SIGNATURE] = "signature",
		[COCO_DIFFERENCE_FEATURES] = "features",
		[COCO_DIFFERENCE_AP_START] = "ap-start",
		[COCO_DIFFERENCE_FPU] = "fpu",
		[COCO_DIFFERENCE_REGISTERS] = "registers",
	};

	return kind < sizeof(names) / sizeof(*names) ? names[kind] : "unknown";
}

void say(struct difference *out, uint32_t kind, const char *format, ...)
{
	va_list arguments;

	out->kind = kind;
	va_start(arguments, format);
	vsnprintf(out->text, sizeof(out->text), format, arguments);
	va_end(arguments);
}

static const struct coco_digest_step *step_at(const struct record *record, uint32_t index)
{
	return index < record->count ? &record->steps[index] : NULL;
}

static bool is_vmsa(const struct coco_digest_step *step)
{
	return step && step->vcpu != COCO_NO_VCPU;
}

/* SEV and SEV-ES measure bytes, wherever they go. */
static bool measures_addresses(const struct record *record)
{
	return record->tech == COCO_TECH_SNP || record->tech == COCO_TECH_TDX;
}

static bool same_page(const struct coco_digest_step *one, const struct coco_digest_step *two)
{
	return one->type == two->type && one->size == two->size && one->gpa == two->gpa;
}

static bool same_contents(const struct coco_digest_step *one, const struct coco_digest_step *two)
{
	return one->type == two->type && one->size == two->size &&
	       !memcmp(one->content, two->content, sizeof(one->content));
}

static bool same_step(const struct record *record, const struct coco_digest_step *one,
		      const struct coco_digest_step *two)
{
	return same_contents(one, two) && (!measures_addresses(record) || one->gpa == two->gpa);
}

/* Is what this step measures still to come in a record? */
static bool comes_later(const struct coco_digest_step *step, const struct record *record,
			uint32_t index)
{
	for (; index < record->count; index++) {
		const struct coco_digest_step *other = &record->steps[index];

		if (measures_addresses(record) ? same_page(step, other)
					       : same_contents(step, other))
			return true;
	}
	return false;
}

/* A step for a sentence: "ZERO at 0x80d000 (SEC memory)". */
struct phrase {
	char text[128];
};

static struct phrase phrase_of(const struct coco_digest_step *step)
{
	struct phrase phrase;

	snprintf(phrase.text, sizeof(phrase.text), "%s at 0x%" PRIx64 " (%s)",
		 coco_step_type_name(step->type), step->gpa,
		 step->label[0] ? step->label : "no label");
	return phrase;
}

static void say_step(struct difference *out, uint32_t kind, const struct coco_digest_step *step)
{
	const struct phrase phrase = phrase_of(step);

	if (kind == COCO_DIFFERENCE_MISSING)
		say(out, kind, "%s is in FILE.json, and not here now", phrase.text);
	else if (kind == COCO_DIFFERENCE_EXTRA)
		say(out, kind, "%s is not in FILE.json", phrase.text);
	else
		say(out, kind, "%s has other contents: another file, or other data", phrase.text);
}

static void say_both(struct difference *out, uint32_t kind, const struct coco_digest_step *one,
		     const struct coco_digest_step *two)
{
	const struct phrase was = phrase_of(one), is = phrase_of(two);
	const char *likely = "";

	if (kind == COCO_DIFFERENCE_ADDRESS)
		likely = ". Likely: firmware of another size, or with other tables";
	else if (kind == COCO_DIFFERENCE_ORDER && one->type != two->type &&
		 one->type >= COCO_STEP_PAGE_ADD)
		likely = ". Likely: another --page-order";
	say(out, kind, "%s%s, now %s%s",
	    kind == COCO_DIFFERENCE_ORDER ? "the same in another order: " : "", was.text, is.text,
	    likely);
}

/* Both are pages. */
static void compare_pages(const struct record *first, const struct record *second,
			  struct difference *out)
{
	const struct coco_digest_step *one = step_at(first, out->first);
	const struct coco_digest_step *two = step_at(second, out->second);
	const bool addresses = measures_addresses(first);
	const bool one_later = comes_later(one, second, out->second);
	const bool two_later = comes_later(two, first, out->first);
	const bool alike = one->type == two->type && one->size == two->size;

	if (alike && (addresses ? one->gpa == two->gpa : !one_later && !two_later))
		say_step(out, COCO_DIFFERENCE_CONTENTS, one);
	else if (one_later && two_later)
		say_both(out, COCO_DIFFERENCE_ORDER, one, two);
	else if (addresses && one->gpa == two->gpa && one->type != two->type)
		say_both(out, COCO_DIFFERENCE_TYPE, one, two);
	else if (one_later)
		say_step(out, COCO_DIFFERENCE_EXTRA, two);
	else if (two_later || !alike)
		say_step(out, COCO_DIFFERENCE_MISSING, one);
	else
		say_both(out, COCO_DIFFERENCE_ADDRESS, one, two);
}

static void compare_here(const struct record *first, const struct record *second,
			 struct difference *out)
{
	const struct coco_digest_step *one = step_at(first, out->first);
	const struct coco_digest_step *two = step_at(second, out->second);

	if (!one && !two)
		say(out, COCO_DIFFERENCE_CONTENTS,
		    "all steps are the same and the digests are not: FILE.json was changed");
	else if (is_vmsa(one) && is_vmsa(two))
		compare_vmsas(first, one, second, two, out);
	else if ((!one && is_vmsa(two)) || (!two && is_vmsa(one)))
		say(out, COCO_DIFFERENCE_VCPU_COUNT,
		    "%" PRIu32 " vCPUs in FILE.json, now %" PRIu32 " (--vcpus)", first->vcpus,
		    second->vcpus);
	else if (!one || is_vmsa(one))
		say_step(out, COCO_DIFFERENCE_EXTRA, two);
	else if (!two || is_vmsa(two))
		say_step(out, COCO_DIFFERENCE_MISSING, one);
	else
		compare_pages(first, second, out);
}

/* The step after which a record is where the other one starts; false if there is none. */
static bool find_start(const struct record *record, const uint8_t *start, uint32_t *out)
{
	for (uint32_t i = 0; i < record->count; i++) {
		if (memcmp(record->steps[i].running, start, record->size) == 0) {
			*out = i + 1;
			return true;
		}
	}
	return false;
}

/* Puts both to where they can be compared; false if they begin in ways that do not fit. */
static bool align(const struct record *first, const struct record *second, struct difference *out)
{
	if (first->has_start && second->has_start)
		return memcmp(first->start, second->start, first->size) == 0;
	if (first->has_start)
		return find_start(second, first->start, &out->second);
	if (second->has_start)
		return find_start(first, second->start, &out->first);
	return true;
}

void record_compare(const struct record *first, const struct record *second, struct difference *out)
{
	const struct coco_digest_step *one, *two;

	*out = (struct difference){0};
	if (first->tech != second->tech) {
		say(out, COCO_DIFFERENCE_TECH, "FILE.json is of --mode %s",
		    options_mode_name(first->mode));
		return;
	}
	if (memcmp(first->digest, second->digest, first->size) == 0) {
		say(out, COCO_DIFFERENCE_NONE, "the digests are equal");
		return;
	}
	if (!align(first, second, out)) {
		say(out, COCO_DIFFERENCE_START,
		    "the start digest (--snp-ovmf-hash) is of other firmware");
		return;
	}
	while ((one = step_at(first, out->first)) && (two = step_at(second, out->second)) &&
	       same_step(first, one, two)) {
		out->first++;
		out->second++;
	}
	compare_here(first, second, out);
}
