/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Measuring: fed and whole are the same, steps lead to the digest, and what is refused. */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <openssl/evp.h>

#include "expect.h"
#include "sample_image.h"

static const uint32_t techs[] = {COCO_TECH_SEV, COCO_TECH_SEVES, COCO_TECH_SNP, COCO_TECH_TDX};

#define TECHS (sizeof(techs) / sizeof(*techs))

static struct coco_error error;
static struct sample sample;

static void expect_equal(struct coco_digest *first, struct coco_digest *second)
{
	size_t size, other;
	const uint8_t *bytes = coco_digest_bytes(first, &size);

	ck_assert_mem_eq(bytes, coco_digest_bytes(second, &other), size);
	ck_assert_uint_eq(size, other);
	ck_assert_uint_eq(coco_digest_tech(first), coco_digest_tech(second));
	coco_digest_free(second);
}

static struct coco_digest_step step_of(const struct coco_digest *digest, uint32_t index)
{
	struct coco_digest_step step;

	COCO_INIT(&step);
	expect_ok(coco_digest_get_step(digest, index, &step, &error), &error);
	return step;
}

START_TEST(fed_is_the_same_as_whole)
{
	for (size_t i = 0; i < TECHS; i++) {
		struct coco_digest *whole;

		sample_init(&sample, techs[i]);
		whole = sample_measure(&sample);
		expect_equal(whole, sample_feed(&sample, false));
		expect_equal(whole, sample_feed(&sample, true));
		sample.options.flags = COCO_MEASURE_STEPS;
		expect_equal(whole, sample_measure(&sample));
		expect_equal(whole, sample_feed(&sample, false));
		expect_equal(whole, sample_feed(&sample, true));
		coco_digest_free(whole);
	}
}
END_TEST

/* A second implementation of the steps' content: plain hashes. */
static void expect_content(const struct coco_digest_step *step, const void *bytes)
{
	const EVP_MD *md = step->digest_size == 32 ? EVP_sha256() : EVP_sha384();
	uint8_t digest[48];

	ck_assert_int_eq(EVP_Digest(bytes, step->size, digest, NULL, md, NULL), 1);
	ck_assert_uint_eq(step->has_content, 1);
	ck_assert_mem_eq(step->content, digest, step->digest_size);
}

START_TEST(steps_lead_to_the_digest)
{
	for (size_t i = 0; i < TECHS; i++) {
		struct coco_digest *digest;
		struct coco_digest_step step;
		size_t size;
		const uint8_t *bytes;

		sample_init(&sample, techs[i]);
		sample.options.flags = COCO_MEASURE_STEPS;
		digest = sample_measure(&sample);
		bytes = coco_digest_bytes(digest, &size);
		ck_assert_uint_eq(size, techs[i] < COCO_TECH_SNP ? 32 : 48);
		step = step_of(digest, coco_digest_step_count(digest) - 1);
		ck_assert_uint_eq(step.digest_size, size);
		ck_assert_mem_eq(step.running, bytes, size);
		coco_digest_free(digest);
	}
}
END_TEST

START_TEST(steps_of_snp_tell_pages_and_vcpus)
{
	static const uint32_t types[] = {
		COCO_STEP_NORMAL,     COCO_STEP_NORMAL,  COCO_STEP_NORMAL, COCO_STEP_NORMAL,
		COCO_STEP_NORMAL,     COCO_STEP_NORMAL,  COCO_STEP_ZERO,   COCO_STEP_ZERO,
		COCO_STEP_ZERO,       COCO_STEP_SECRETS, COCO_STEP_CPUID,  COCO_STEP_UNMEASURED,
		COCO_STEP_UNMEASURED, COCO_STEP_NORMAL,  COCO_STEP_VMSA,   COCO_STEP_VMSA,
		COCO_STEP_VMSA,       COCO_STEP_VMSA};
	const uint32_t count = sizeof(types) / sizeof(*types);
	struct coco_digest *digest;
	struct coco_digest_step step;

	sample_init(&sample, COCO_TECH_SNP);
	sample.options.flags = COCO_MEASURE_STEPS;
	digest = sample_measure(&sample);
	ck_assert_uint_eq(coco_digest_step_count(digest), count);
	for (uint32_t i = 0; i < count; i++) {
		step = step_of(digest, i);
		ck_assert_uint_eq(step.type, types[i]);
		ck_assert_uint_eq(step.size, COCO_PAGE_SIZE);
		ck_assert_uint_eq(step.vcpu, i < 14 ? COCO_NO_VCPU : i - 14);
		ck_assert_uint_eq(step.has_content, i < 6 || i >= 13);
		if (i < 6) {
			ck_assert_uint_eq(step.gpa, SAMPLE_FIRMWARE + i * COCO_PAGE_SIZE);
			ck_assert_str_eq(step.label, "firmware");
			expect_content(&step, sample.firmware + (size_t)i * COCO_PAGE_SIZE);
		}
	}
	ck_assert_str_eq(step.label, "VMSA 3");
	ck_assert_uint_eq(step.gpa, COCO_VMSA_GPA);
	step = step_of(digest, 13);
	ck_assert_str_eq(step.label, "kernel hashes");
	expect_content(&step, sample.table);
	expect_error(coco_digest_get_step(digest, count, &step, &error), &error, -EINVAL, "index");
	step.struct_size = 0;
	expect_error(coco_digest_get_step(digest, 0, &step, &error), &error, -EINVAL,
		     "struct_size");
	coco_digest_free(digest);
}
END_TEST

START_TEST(steps_of_sev_are_what_is_hashed)
{
	struct coco_digest *digest;
	struct coco_digest_step step;

	sample_init(&sample, COCO_TECH_SEVES);
	sample.options.flags = COCO_MEASURE_STEPS;
	digest = sample_measure(&sample);
	/* Firmware, table, two pages of zeroes, VMSAs. */
	ck_assert_uint_eq(coco_digest_step_count(digest), 6 + 1 + 2 + 4);
	step = step_of(digest, 6);
	ck_assert_uint_eq(step.type, COCO_STEP_DATA);
	ck_assert_uint_eq(step.size, 176);
	ck_assert_uint_eq(step.gpa, 0x810c00);
	expect_content(&step, sample.table);
	step = step_of(digest, 9);
	ck_assert_uint_eq(step.type, COCO_STEP_VMSA);
	ck_assert_str_eq(step.label, "VMSA 0");
	coco_digest_free(digest);
}
END_TEST

START_TEST(steps_of_tdx_are_in_either_order)
{
	struct coco_digest *one_pass, *two_passes;
	struct coco_digest_step step;

	sample_init(&sample, COCO_TECH_TDX);
	sample.options.flags = COCO_MEASURE_STEPS;
	one_pass = sample_measure(&sample);
	sample.options.flags |= COCO_MEASURE_TWO_PASS;
	two_passes = sample_measure(&sample);
	/* Measured: firmware and a zero page. Only added: two pages of memory and the HOB. */
	ck_assert_uint_eq(coco_digest_step_count(one_pass), 2 * 7 + 3);
	ck_assert_uint_eq(coco_digest_step_count(two_passes), 2 * 7 + 3);
	for (uint32_t i = 0; i < 12; i++) {
		step = step_of(one_pass, i);
		ck_assert_uint_eq(step.type, i % 2 ? COCO_STEP_EXTEND : COCO_STEP_PAGE_ADD);
		ck_assert_uint_eq(step.gpa, SAMPLE_FIRMWARE + i / 2 * COCO_PAGE_SIZE);
		if (i % 2)
			expect_content(&step, sample.firmware + (size_t)(i / 2) * COCO_PAGE_SIZE);
		step = step_of(two_passes, i);
		ck_assert_uint_eq(step.type, i < 6 ? COCO_STEP_PAGE_ADD : COCO_STEP_EXTEND);
		ck_assert_uint_eq(step.gpa, SAMPLE_FIRMWARE + i % 6 * COCO_PAGE_SIZE);
	}
	ck_assert_mem_ne(coco_digest_bytes(one_pass, NULL), coco_digest_bytes(two_passes, NULL),
			 48);
	coco_digest_free(one_pass);
	coco_digest_free(two_passes);
}
END_TEST

START_TEST(two_passes_go_over_whole_sections)
{
	static uint8_t bytes[2 * COCO_PAGE_SIZE];
	struct coco_digest *joined;

	sample_init(&sample, COCO_TECH_TDX);
	sample.options.flags = COCO_MEASURE_TWO_PASS;
	sample.count = 0;
	memset(bytes, 0x5a, COCO_PAGE_SIZE);
	sample_add(&sample, 0x1000, 2 * COCO_PAGE_SIZE, COCO_PAGE_DATA, "section")->bytes = bytes;
	joined = sample_measure(&sample);
	/* The same section as loaders cut it: what the file has, and zeroes. */
	sample.count = 0;
	sample_add(&sample, 0x1000, COCO_PAGE_SIZE, COCO_PAGE_DATA, "section")->bytes = bytes;
	sample_add(&sample, 0x2000, COCO_PAGE_SIZE, COCO_PAGE_ZERO, "section");
	expect_equal(joined, sample_measure(&sample));
	coco_digest_free(joined);
}
END_TEST

START_TEST(a_start_digest_stands_for_the_firmware)
{
	struct coco_digest *whole, *firmware;

	sample_init(&sample, COCO_TECH_SNP);
	whole = sample_measure(&sample);
	sample.count = 1;
	sample.options.flags = COCO_MEASURE_NO_VCPUS;
	sample.options.vcpus = 0;
	firmware = sample_measure(&sample);

	sample_init(&sample, COCO_TECH_SNP);
	sample.options.start_digest = coco_digest_bytes(firmware, NULL);
	expect_equal(whole, sample_measure(&sample));
	/* The firmware's contents do not matter then, but that there is one. */
	sample.firmware[0]++;
	expect_equal(whole, sample_measure(&sample));
	coco_digest_free(whole);
	coco_digest_free(firmware);
}
END_TEST

START_TEST(a_start_digest_needs_a_firmware_to_stand_for)
{
	static const uint8_t start[48];
	struct coco_image *image;
	struct coco_digest *digest = NULL;

	sample_init(&sample, COCO_TECH_SNP);
	sample.options.start_digest = start;
	sample.runs[0] = sample.runs[1];
	sample.count = 1;
	image = sample_image(&sample);
	expect_error(coco_measure_image(image, &sample.options, &digest, &error), &error, -EINVAL,
		     "start_digest");
	coco_image_unref(image);
}
END_TEST

START_TEST(vmsas_can_be_the_callers)
{
	uint8_t first[COCO_PAGE_SIZE], other[COCO_PAGE_SIZE];
	const uint32_t with_vmsas[] = {COCO_TECH_SEVES, COCO_TECH_SNP};

	for (size_t i = 0; i < 2; i++) {
		struct coco_measure *measure = NULL;
		struct coco_digest *whole, *digest = NULL;

		sample_init(&sample, with_vmsas[i]);
		whole = sample_measure(&sample);
		expect_ok(coco_vmsa_build(&sample.options, 0, first, &error), &error);
		expect_ok(coco_vmsa_build(&sample.options, 3, other, &error), &error);
		sample.options.flags = COCO_MEASURE_NO_VCPUS;
		sample.options.vcpus = 0;
		expect_ok(coco_measure_begin(&sample.options, &measure, &error), &error);
		for (uint32_t run = 0; run < sample.count; run++)
			expect_ok(coco_measure_add(measure, &sample.runs[run], &error), &error);
		for (uint32_t vcpu = 0; vcpu < 4; vcpu++)
			expect_ok(coco_measure_add_vmsa(measure, COCO_VMSA_GPA,
							vcpu ? other : first, &error),
				  &error);
		expect_error(coco_measure_add(measure, &sample.runs[0], &error), &error, -EBUSY,
			     "measure");
		expect_error(coco_measure_add_vmsa(measure, 1, first, &error), &error, -EINVAL,
			     "gpa");
		expect_error(coco_measure_add_vmsa(measure, 0, NULL, &error), &error, -EINVAL,
			     "page");
		expect_ok(coco_measure_finish(measure, &digest, &error), &error);
		expect_error(coco_measure_finish(measure, &digest, &error), &error, -EBUSY,
			     "measure");
		coco_measure_free(measure);
		expect_equal(whole, digest);
		coco_digest_free(whole);
	}
}
END_TEST

struct bad_options {
	const char *field;
	uint32_t tech, vcpus, signature, vmm, flags, vmsa_flags;
	uint64_t features, ap_start;
};

START_TEST(bad_options_are_named)
{
	const uint32_t es = COCO_TECH_SEVES, snp = COCO_TECH_SNP;
	const uint32_t sig = SAMPLE_MILAN, most = COCO_MEASURE_MAX_VCPUS;
	const struct bad_options bad[] = {
		{"tech", 0, 1, sig, 0, 0, 0, 0, 1},
		{"tech", COCO_TECH_SWPROTECTED, 1, sig, 0, 0, 0, 0, 1},
		{"tech", COCO_TECH_TDX + 1, 1, sig, 0, 0, 0, 0, 1},
		{"vcpus", snp, 0, sig, 0, 0, 0, 0, 1},
		{"vcpus", es, 0, sig, 0, 0, 0, 0, 1},
		{"vcpus", snp, most + 1, sig, 0, 0, 0, 0, 1},
		{"vcpus", snp, 1, sig, 0, COCO_MEASURE_NO_VCPUS, 0, 0, 1},
		{"vcpu_signature", snp, 1, 0, 0, 0, 0, 0, 1},
		{"vmm", snp, 1, sig, COCO_VMM_KVM + 1, 0, 0, 0, 1},
		{"flags", snp, 1, sig, 0, COCO_MEASURE_TWO_PASS << 1, 0, 0, 1},
		{"vmsa_flags", snp, 1, sig, 0, 0, COCO_VMSA_CD_NW << 1, 0, 1},
		{"vmsa_flags", snp, 1, sig, 0, 0, COCO_VMSA_LEGACY, 0, 1},
		{"sev_features", es, 1, sig, 0, 0, 0, 0x21, 1},
		{"ap_start", snp, 2, sig, 0, 0, 0, 0, 0},
		{"ap_start", es, 2, sig, 0, 0, 0, 0, 0},
		{"ap_start", snp, 1, sig, 0, 0, 0, 0, 1ull << 32},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct coco_measure *measure = NULL;
		struct coco_measure_options options;

		COCO_INIT(&options);
		options.tech = bad[i].tech;
		options.vcpus = bad[i].vcpus;
		options.vcpu_signature = bad[i].signature;
		options.vmm = bad[i].vmm;
		options.flags = bad[i].flags;
		options.vmsa_flags = bad[i].vmsa_flags;
		options.sev_features = bad[i].features;
		options.ap_start = bad[i].ap_start;
		expect_error(coco_measure_begin(&options, &measure, &error), &error, -EINVAL,
			     bad[i].field);
		ck_assert_ptr_null(measure);
	}
}
END_TEST

START_TEST(a_start_digest_is_for_snp_only)
{
	static const uint8_t start[48];
	struct coco_digest *digest = NULL;

	for (size_t i = 0; i < TECHS; i++) {
		struct coco_image *image;

		sample_init(&sample, techs[i]);
		image = sample_image(&sample);
		sample.options.start_digest = start;
		if (techs[i] != COCO_TECH_SNP)
			expect_error(coco_measure_image(image, &sample.options, &digest, &error),
				     &error, -EINVAL, "start_digest");
		coco_image_unref(image);
	}
}
END_TEST

START_TEST(the_image_says_where_further_vcpus_start)
{
	struct coco_image *image;
	struct coco_digest *expected, *digest = NULL;

	sample_init(&sample, COCO_TECH_SNP);
	expected = sample_measure(&sample);
	image = sample_image(&sample);
	sample.options.ap_start = 0;
	expect_error(coco_measure_image(image, &sample.options, &digest, &error), &error, -EINVAL,
		     "ap_start");
	expect_ok(coco_image_set_ap_start(image, SAMPLE_AP_START, &error), &error);
	expect_ok(coco_measure_image(image, &sample.options, &digest, &error), &error);
	expect_equal(expected, digest);
	/* An option counts more. */
	expect_ok(coco_image_set_ap_start(image, 0x1234, &error), &error);
	sample.options.ap_start = SAMPLE_AP_START;
	expect_ok(coco_measure_image(image, &sample.options, &digest, &error), &error);
	expect_equal(expected, digest);
	coco_digest_free(expected);
	coco_image_unref(image);
}
END_TEST

START_TEST(runs_that_can_not_be_launched_are_refused)
{
	static const uint8_t page[COCO_PAGE_SIZE];

	for (size_t i = 0; i < TECHS; i++)
		for (uint32_t kind = COCO_PAGE_DATA; kind <= COCO_PAGE_PART; kind++) {
			const bool snp = techs[i] == COCO_TECH_SNP, tdx = techs[i] == COCO_TECH_TDX;
			const bool taken = kind <= COCO_PAGE_ZERO ||
					   (snp && kind < COCO_PAGE_PART) ||
					   (!snp && !tdx && kind == COCO_PAGE_PART);
			const bool has_bytes = kind == COCO_PAGE_DATA || kind == COCO_PAGE_PART;
			struct coco_measure *measure = NULL;
			struct coco_page_run *run;

			sample_init(&sample, techs[i]);
			sample.count = 0;
			run = sample_add(&sample, 0, COCO_PAGE_SIZE, kind, NULL);
			run->bytes = has_bytes ? page : NULL;
			expect_ok(coco_measure_begin(&sample.options, &measure, &error), &error);
			if (taken)
				expect_ok(coco_measure_add(measure, run, &error), &error);
			else
				expect_error(coco_measure_add(measure, run, &error), &error,
					     -EINVAL, "run");
			run->flags = COCO_RUN_UNMEASURED;
			if (kind <= COCO_PAGE_ZERO && !snp && !tdx)
				expect_error(coco_measure_add(measure, run, &error), &error,
					     -EINVAL, "run");
			coco_measure_free(measure);
		}
}
END_TEST

START_TEST(a_refused_run_changes_nothing)
{
	struct coco_measure *measure = NULL;
	struct coco_digest *expected, *digest = NULL;
	struct coco_page_run bad;

	sample_init(&sample, COCO_TECH_SNP);
	expected = sample_measure(&sample);
	expect_ok(coco_measure_begin(&sample.options, &measure, &error), &error);
	for (uint32_t i = 0; i < sample.count; i++) {
		bad = sample.runs[i];
		bad.kind = COCO_PAGE_PART + 1;
		expect_error(coco_measure_add(measure, &bad, &error), &error, -EINVAL, "kind");
		bad = sample.runs[i];
		bad.gpa++;
		expect_error(coco_measure_add(measure, &bad, &error), &error, -EINVAL, "gpa");
		expect_ok(coco_measure_add(measure, &sample.runs[i], &error), &error);
	}
	expect_ok(coco_measure_finish(measure, &digest, &error), &error);
	coco_measure_free(measure);
	expect_equal(expected, digest);
	coco_digest_free(expected);
}
END_TEST

START_TEST(technologies_without_vmsas_ignore_vcpus)
{
	const uint32_t without[] = {COCO_TECH_SEV, COCO_TECH_TDX};

	for (size_t i = 0; i < 2; i++) {
		struct coco_measure *measure = NULL;
		struct coco_digest *digest;

		sample_init(&sample, without[i]);
		digest = sample_measure(&sample);
		sample.options.vcpus = 0;
		sample.options.vmm = 77;
		sample.options.sev_features = 1;
		expect_equal(digest, sample_measure(&sample));
		expect_ok(coco_measure_begin(&sample.options, &measure, &error), &error);
		expect_error(coco_measure_add_vmsa(measure, COCO_VMSA_GPA, sample.table, &error),
			     &error, -EINVAL, "measure");
		coco_measure_free(measure);
		coco_digest_free(digest);
	}
}
END_TEST

START_TEST(missing_arguments_are_named)
{
	static const struct coco_launch_measure no_size;
	uint8_t out[COCO_LAUNCH_MEASURE_SIZE];
	struct coco_measure *measure = NULL;
	struct coco_digest *digest = NULL;
	struct coco_image *image;

	sample_init(&sample, COCO_TECH_SNP);
	image = sample_image(&sample);
	expect_error(coco_measure_image(NULL, &sample.options, &digest, &error), &error, -EINVAL,
		     "image");
	expect_error(coco_measure_image(image, NULL, &digest, &error), &error, -EINVAL, "options");
	expect_error(coco_measure_image(image, &sample.options, NULL, &error), &error, -EINVAL,
		     "out");
	expect_error(coco_measure_begin(NULL, &measure, &error), &error, -EINVAL, "options");
	expect_error(coco_measure_begin(&sample.options, NULL, &error), &error, -EINVAL, "out");
	expect_error(coco_measure_add(NULL, &sample.runs[0], &error), &error, -EINVAL, "measure");
	expect_ok(coco_measure_begin(&sample.options, &measure, &error), &error);
	expect_error(coco_measure_add(measure, NULL, &error), &error, -EINVAL, "run");
	expect_error(coco_measure_finish(measure, NULL, &error), &error, -EINVAL, "out");
	expect_error(coco_measure_launch_measure(NULL, out, &error), &error, -EINVAL, "input");
	expect_error(coco_measure_launch_measure(&no_size, out, &error), &error, -EINVAL,
		     "struct_size");
	expect_error(coco_measure_launch_measure(&no_size, NULL, &error), &error, -EINVAL, "out");
	coco_measure_free(measure);
	coco_measure_free(NULL);
	coco_digest_free(NULL);
	coco_image_unref(image);
}
END_TEST

START_TEST(step_types_have_names)
{
	ck_assert_str_eq(coco_step_type_name(COCO_STEP_NORMAL), "NORMAL");
	ck_assert_str_eq(coco_step_type_name(COCO_STEP_VMSA), "VMSA");
	ck_assert_str_eq(coco_step_type_name(COCO_STEP_ZERO), "ZERO");
	ck_assert_str_eq(coco_step_type_name(COCO_STEP_UNMEASURED), "UNMEASURED");
	ck_assert_str_eq(coco_step_type_name(COCO_STEP_SECRETS), "SECRETS");
	ck_assert_str_eq(coco_step_type_name(COCO_STEP_CPUID), "CPUID");
	ck_assert_str_eq(coco_step_type_name(COCO_STEP_DATA), "LAUNCH_UPDATE_DATA");
	ck_assert_str_eq(coco_step_type_name(COCO_STEP_PAGE_ADD), "MEM.PAGE.ADD");
	ck_assert_str_eq(coco_step_type_name(COCO_STEP_EXTEND), "MR.EXTEND");
	ck_assert_str_eq(coco_step_type_name(0), "unknown");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		fed_is_the_same_as_whole,
		steps_lead_to_the_digest,
		steps_of_snp_tell_pages_and_vcpus,
		steps_of_sev_are_what_is_hashed,
		steps_of_tdx_are_in_either_order,
		two_passes_go_over_whole_sections,
		a_start_digest_stands_for_the_firmware,
		a_start_digest_needs_a_firmware_to_stand_for,
		vmsas_can_be_the_callers,
		bad_options_are_named,
		a_start_digest_is_for_snp_only,
		the_image_says_where_further_vcpus_start,
		runs_that_can_not_be_launched_are_refused,
		a_refused_run_changes_nothing,
		technologies_without_vmsas_ignore_vcpus,
		missing_arguments_are_named,
		step_types_have_names,
		NULL,
	};

	return expect_run(expect_suite("measure", tests));
}
