/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Is each malformed IGVM file refused for its own reason, and each odd but right one taken? */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <stdlib.h>

#include "vectors.h"

static struct coco_error error;
static struct json_object *file;

struct refusal {
	const char *name;
	int code;
	const char *field;
	const char *text;
};

/* clang-format off */
static const struct refusal parsing[] = {
	{"empty", -EBADMSG, "fixed header", "too few"},
	{"bad-magic", -EBADMSG, "fixed header", "does not begin with"},
	{"version-0", -EBADMSG, "fixed header", "version 0 of the format: 1 and 2 are known"},
	{"bad-checksum", -EBADMSG, "checksum", "the file says 0x173623d6"},
	{"bad-checksum-body", -EBADMSG, "checksum", "0x241ce261"},
	{"trailing-byte", -EBADMSG, "fixed header", "a total size of 8392 bytes, the file has 8393"},
	{"truncated-by-1", -EBADMSG, "fixed header", "a total size of 8392 bytes, the file has 8391"},
	{"vh-offset-inside-fixed", -EBADMSG, "fixed header", "at offset 0x10"},
	{"vh-offset-past-end", -EBADMSG, "fixed header", "0xb0 bytes of entries at offset 0x7ffffff8"},
	{"vh-size-wrap", -EBADMSG, "fixed header", "0xfffffff0 bytes of entries"},
	{"v2-page-64k", -EBADMSG, "fixed header", "a page size of 65536, not 4096"},
	{"v2-page-0", -EBADMSG, "fixed header", "a page size of 0, not 4096"},
	{"platform-mask-0", -EBADMSG, "SUPPORTED_PLATFORM", "mask 0x0"},
	{"platform-mask-3", -EBADMSG, "SUPPORTED_PLATFORM", "mask 0x3"},
	{"platform-dup-mask", -EBADMSG, "SUPPORTED_PLATFORM", "another platform has mask 0x1"},
	{"platform-vtl-1", -EBADMSG, "SUPPORTED_PLATFORM", "VTL of 1"},
	{"platform-type-9", -EBADMSG, "SUPPORTED_PLATFORM", "9 is no type"},
	{"native-shared-boundary", -EBADMSG, "SUPPORTED_PLATFORM", "without isolation"},
	{"platform-after-init", -EBADMSG, "SUPPORTED_PLATFORM", "the order is"},
	{"init-after-directive", -EBADMSG, "GUEST_POLICY", "the order is"},
	{"reserved-306", -EOPNOTSUPP, "type", "type 0x306"},
	{"type-0", -EOPNOTSUPP, "type", "type 0x0"},
	{"vpctx-len-24", -EBADMSG, "VP_CONTEXT", "24 bytes, it has 20"},
	{"length-wrap", -EBADMSG, "GUEST_POLICY", "a length of 0xfffffff0"},
	{"policy-reserved", -EBADMSG, "GUEST_POLICY", "a reserved field is not 0"},
	{"page-type-4", -EBADMSG, "PAGE_DATA", "4 is no data type of pages"},
	{"page-reserved", -EBADMSG, "PAGE_DATA", "a reserved field is not 0"},
	{"page-offset-past-end", -EBADMSG, "PAGE_DATA", "0x1000 bytes at offset 0x7ffff000"},
	{"page-offset-u32-wrap", -EBADMSG, "PAGE_DATA", "0x1000 bytes at offset 0xfffff001"},
	{"page-2mb-data-short", -EBADMSG, "PAGE_DATA", "0x200000 bytes at offset 0xc8"},
	{"area-unaligned", -EBADMSG, "PARAMETER_AREA", "a size of 0x1001 is not whole pages"},
	{"area-data-past-end", -EBADMSG, "PARAMETER_AREA", "0x1000 bytes at offset 0x7ffffff"},
	{"area-huge", -EFBIG, "max_pages", "262144 pages"},
	{"param-before-area", -EBADMSG, "VP_COUNT_PARAMETER", "parameter area 0 is not declared"},
	{"param-after-insert", -EBADMSG, "VP_COUNT_PARAMETER", "parameter area 0 is inserted already"},
	{"param-offset-straddle", -EBADMSG, "VP_COUNT_PARAMETER", "does not fit"},
	{"param-offset-huge", -EBADMSG, "VP_COUNT_PARAMETER", "0xfffffffc is outside"},
	{"insert-unaligned", -EBADMSG, "PARAMETER_INSERT", "is not aligned to a page"},
	{"insert-no-area", -EBADMSG, "PARAMETER_INSERT", "parameter area 9 is not declared"},
	{"vpctx-unknown-mask", -EBADMSG, "VP_CONTEXT", "mask 0x2"},
	{"vpctx-two-masks", -EBADMSG, "VP_CONTEXT", "mask 0x3"},
	{"vpctx-offset-0", -EBADMSG, "VP_CONTEXT", "0x1000 bytes at offset 0x0"},
	{"vpctx-gpa-unaligned", -EBADMSG, "VP_CONTEXT", "a VMSA at 0xfffffffff008"},
	{"native-vpctx-trailing", -EBADMSG, "VP_CONTEXT", "what follows them"},
	{"vbs-registers-overflow", -EBADMSG, "VP_CONTEXT", "0x1fffffffe4 bytes"},
	{"reloc-align-0", -EBADMSG, "RELOCATABLE_REGION", "an alignment of 0x0 is not whole pages"},
	{"reloc-gpa-unaligned", -EBADMSG, "RELOCATABLE_REGION", "not aligned to 0x200000"},
	{"reqmem-unaligned", -EBADMSG, "REQUIRED_MEMORY", "0x1001 bytes at 0x1000 are not whole pages"},
};

/* These are right as files, but can't be launched. */
static const struct refusal loading[] = {
	{"page-overlap", -EEXIST, "igvm", "overlaps run"},
	{"page-gpa-beyond-52", -EINVAL, "size", "beyond 2^52"},
	{"vmsa-gpa-not-kvm", -EOPNOTSUPP, "igvm", "KVM measures all of them at 0xfffffffff000"},
};

/* What a lenient reader only counts. */
static const struct refusal strictness[] = {
	{"padding-nonzero", -EBADMSG, "VP_CONTEXT", "padding"},
	{"page-flag-unknown", -EBADMSG, "PAGE_DATA", "unknown flags"},
	{"mask-only-undeclared", -EBADMSG, "PAGE_DATA", "not declared"},
};
/* clang-format on */

static const struct refusal *find(const struct refusal *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

#define FIND(list, name) find(list, sizeof(list) / sizeof(*(list)), name)

static int load(const struct coco_igvm *igvm)
{
	const uint32_t techs[] = {
		[COCO_IGVM_NATIVE] = COCO_TECH_PLAIN, [COCO_IGVM_SNP] = COCO_TECH_SNP,
		[COCO_IGVM_TDX] = COCO_TECH_TDX,      [COCO_IGVM_SEV] = COCO_TECH_SEV,
		[COCO_IGVM_SEVES] = COCO_TECH_SEVES,
	};
	struct coco_igvm_load_options options;
	struct coco_igvm_platform platform;
	struct coco_image *image;
	int r;

	COCO_INIT(&platform);
	expect_ok(coco_igvm_get_platform(igvm, 0, &platform, &error), &error);
	COCO_INIT(&options);
	options.tech = techs[platform.type];
	options.flags = COCO_IGVM_EXACT;
	expect_ok(coco_image_new(&image, &error), &error);
	expect_spoil(&error);
	r = coco_image_add_igvm(image, igvm, &options, NULL, &error);
	ck_assert_int_eq(r != 0, coco_image_run_count(image) == 0 &&
					 coco_image_vcpu_state_count(image) == 0);
	coco_image_unref(image);
	return r;
}

static void check_refused(int r, const struct refusal *expected)
{
	expect_failed(r, &error, expected->code, expected->field, expected->name);
	expect_text(&error, expected->text);
}

START_TEST(verdict)
{
	struct json_object *vector =
		json_object_array_get_idx(vectors_get(file, "cases"), (size_t)_i);
	const char *name = vectors_text(vector, "name");
	const bool accepted = strcmp(vectors_text(vector, "verdict"), "accept") == 0;
	const struct refusal *at_parsing = FIND(parsing, name), *at_loading = FIND(loading, name);
	const struct refusal *if_strict = FIND(strictness, name);
	struct coco_igvm_options strict;
	struct coco_igvm *igvm;
	size_t size;
	uint8_t *bytes = vectors_packed(vector, &size);
	int r;

	ck_assert_msg(accepted == (!at_parsing && !at_loading), "%s: no reason is expected", name);
	expect_spoil(&error);
	r = coco_igvm_parse(bytes, size, NULL, &igvm, &error);
	if (at_parsing) {
		check_refused(r, at_parsing);
	} else {
		ck_assert_msg(r == 0, "%s: %s", name, error.text);
		r = load(igvm);
		if (at_loading)
			check_refused(r, at_loading);
		else
			ck_assert_msg(r == 0, "%s: %s", name, error.text);
		coco_igvm_free(igvm);
	}
	COCO_INIT(&strict);
	strict.flags = COCO_IGVM_STRICT;
	expect_spoil(&error);
	r = coco_igvm_parse(bytes, size, &strict, &igvm, &error);
	if (if_strict)
		check_refused(r, if_strict);
	else
		ck_assert_int_eq(r != 0, at_parsing != NULL);
	if (!r)
		coco_igvm_free(igvm);
	free(bytes);
}
END_TEST

int main(void)
{
	int failed;

	file = vectors_load_of("igvm.json", "cases");
	failed = expect_run(vectors_suite_of("igvm cases", file, "cases", "name", verdict->fn));
	json_object_put(file);
	return failed;
}
