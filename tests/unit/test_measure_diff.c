/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Does a comparison of digests find the one thing that was changed, and say what it is? */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "expect.h"
#include "sample_image.h"

static struct coco_error error;
static struct sample first, second;

/* Two samples that are alike, with steps. */
static void begin(uint32_t tech)
{
	sample_init(&first, tech);
	sample_init(&second, tech);
	first.options.flags = COCO_MEASURE_STEPS;
	second.options.flags = COCO_MEASURE_STEPS;
}

static struct coco_difference diff_of(const struct coco_digest *one, const struct coco_digest *two)
{
	struct coco_difference difference;

	COCO_INIT(&difference);
	expect_ok(coco_digest_diff(one, two, &difference, &error), &error);
	return difference;
}

/* The same digest, told step by step. */
static struct coco_digest *retell(const struct coco_digest *digest, const uint8_t *start)
{
	const uint32_t count = coco_digest_step_count(digest);
	struct coco_digest_step *steps = calloc(count, sizeof(*steps));
	struct coco_digest_account account;
	struct coco_digest *told;
	size_t size;

	ck_assert_ptr_nonnull(steps);
	for (uint32_t i = 0; i < count; i++) {
		COCO_INIT(&steps[i]);
		expect_ok(coco_digest_get_step(digest, i, &steps[i], &error), &error);
	}
	COCO_INIT(&account);
	account.tech = coco_digest_tech(digest);
	account.digest = coco_digest_bytes(digest, &size);
	account.digest_size = (uint32_t)size;
	account.start_digest = start;
	account.steps = steps;
	account.step_count = count;
	expect_ok(coco_digest_from_steps(&account, &told, &error), &error);
	free(steps);
	return told;
}

/* What was told step by step differs in the same way. */
static void expect_same_retold(const struct coco_digest *a, const struct coco_digest *b,
			       const struct coco_difference *expected)
{
	struct coco_digest *one = retell(a, first.options.start_digest);
	struct coco_digest *two = retell(b, second.options.start_digest);
	const struct coco_difference difference = diff_of(one, two);

	ck_assert_str_eq(difference.text, expected->text);
	ck_assert_uint_eq(difference.kind, expected->kind);
	ck_assert_uint_eq(difference.first, expected->first);
	ck_assert_uint_eq(difference.second, expected->second);
	coco_digest_free(one);
	coco_digest_free(two);
}

/* The samples differ in this way, from these steps on, and the text has these words. */
static void expect_difference(uint32_t kind, uint32_t one, uint32_t two, const char *words)
{
	struct coco_digest *a = sample_measure(&first), *b = sample_measure(&second);
	const struct coco_difference difference = diff_of(a, b);

	ck_assert_msg(difference.kind == kind && difference.first == one &&
			      difference.second == two && strstr(difference.text, words) != NULL,
		      "kind %u at steps %u and %u: %s", difference.kind, difference.first,
		      difference.second, difference.text);
	expect_same_retold(a, b, &difference);
	coco_digest_free(a);
	coco_digest_free(b);
}

/* The samples with places changed. */
static void swap_samples(void)
{
	struct coco_measure_options options = first.options;
	struct coco_page_run runs[SAMPLE_MAX_RUNS];
	const uint32_t count = first.count;

	memcpy(runs, first.runs, sizeof(runs));
	memcpy(first.runs, second.runs, sizeof(runs));
	memcpy(second.runs, runs, sizeof(runs));
	first.count = second.count;
	second.count = count;
	first.options = second.options;
	second.options = options;
}

static void remove_run(struct sample *sample, uint32_t index)
{
	sample->count--;
	memmove(&sample->runs[index], &sample->runs[index + 1],
		(sample->count - index) * sizeof(sample->runs[0]));
}

static const uint32_t techs[] = {COCO_TECH_SEV, COCO_TECH_SEVES, COCO_TECH_SNP, COCO_TECH_TDX};

START_TEST(equal_digests_do_not_differ)
{
	for (size_t i = 0; i < sizeof(techs) / sizeof(*techs); i++) {
		begin(techs[i]);
		expect_difference(COCO_DIFFERENCE_NONE, 0, 0, "equal");
	}
	/* Not even if the steps were not kept. */
	first.options.flags = 0;
	expect_difference(COCO_DIFFERENCE_NONE, 0, 0, "equal");
}
END_TEST

START_TEST(technologies_differ)
{
	begin(COCO_TECH_SNP);
	sample_init(&second, COCO_TECH_TDX);
	expect_difference(COCO_DIFFERENCE_TECH, 0, 0, "technologies");
}
END_TEST

START_TEST(other_contents_are_found_in_each_page)
{
	for (size_t i = 0; i < sizeof(techs) / sizeof(*techs); i++)
		for (uint32_t page = 0; page < SAMPLE_PAGES; page++) {
			/* tdx: a page is added, then extended. */
			const uint32_t step = techs[i] == COCO_TECH_TDX ? 2 * page + 1 : page;
			char words[64];

			begin(techs[i]);
			second.firmware[page * COCO_PAGE_SIZE + 4095] ^= 1;
			snprintf(words, sizeof(words), "0x%llx (firmware) has other contents",
				 SAMPLE_FIRMWARE + page * COCO_PAGE_SIZE);
			expect_difference(COCO_DIFFERENCE_CONTENTS, step, step, words);
		}
}
END_TEST

START_TEST(other_kernel_hashes_are_found)
{
	begin(COCO_TECH_SNP);
	second.table[7]++;
	expect_difference(COCO_DIFFERENCE_CONTENTS, 13, 13, "(kernel hashes)");
	begin(COCO_TECH_SEV);
	second.table[7]++;
	expect_difference(COCO_DIFFERENCE_CONTENTS, 6, 6, "(kernel hashes)");
}
END_TEST

START_TEST(another_type_is_found)
{
	begin(COCO_TECH_SNP);
	second.runs[1].flags = COCO_RUN_UNMEASURED;
	expect_difference(COCO_DIFFERENCE_TYPE, 6, 6,
			  "(memory) is ZERO, and in the second UNMEASURED");
	begin(COCO_TECH_SNP);
	second.runs[5].kind = COCO_PAGE_ZERO;
	second.runs[5].bytes = NULL;
	expect_difference(COCO_DIFFERENCE_TYPE, 13, 13, "is NORMAL, and in the second ZERO");
}
END_TEST

START_TEST(another_address_is_found)
{
	begin(COCO_TECH_SNP);
	second.runs[2].gpa += 0x100000;
	expect_difference(COCO_DIFFERENCE_ADDRESS, 9, 9, "0x80d000 (secrets)");
	begin(COCO_TECH_TDX);
	second.runs[3].gpa += 0x100000;
	expect_difference(COCO_DIFFERENCE_ADDRESS, 16, 16, "0x809000 (TD HOB)");
}
END_TEST

START_TEST(sev_does_not_care_about_addresses)
{
	begin(COCO_TECH_SEVES);
	second.runs[0].gpa -= 0x100000;
	second.runs[1].gpa += 0x10000;
	expect_difference(COCO_DIFFERENCE_NONE, 0, 0, "equal");
	/* So that it finds what differs behind that. */
	second.table[0]++;
	expect_difference(COCO_DIFFERENCE_CONTENTS, 6, 6, "(kernel hashes)");
}
END_TEST

START_TEST(another_order_is_found)
{
	struct coco_page_run run;

	begin(COCO_TECH_SNP);
	run = second.runs[2];
	second.runs[2] = second.runs[3];
	second.runs[3] = run;
	expect_difference(COCO_DIFFERENCE_ORDER, 9, 9, "in the second CPUID at 0x80e000");

	begin(COCO_TECH_SEV);
	run = second.runs[1];
	second.runs[1] = second.runs[2];
	second.runs[2] = run;
	expect_difference(COCO_DIFFERENCE_ORDER, 6, 6, "(kernel hashes)");
}
END_TEST

START_TEST(two_passes_are_another_order)
{
	begin(COCO_TECH_TDX);
	second.options.flags |= COCO_MEASURE_TWO_PASS;
	expect_difference(COCO_DIFFERENCE_ORDER, 1, 1, "two passes");
}
END_TEST

START_TEST(a_page_more_or_less_is_found)
{
	begin(COCO_TECH_SNP);
	remove_run(&second, 2);
	expect_difference(COCO_DIFFERENCE_MISSING, 9, 9, "only the first has SECRETS");
	swap_samples();
	expect_difference(COCO_DIFFERENCE_EXTRA, 9, 9, "only the second has SECRETS");

	/* At the end: what follows are vCPUs, or nothing. */
	begin(COCO_TECH_SNP);
	remove_run(&second, 5);
	expect_difference(COCO_DIFFERENCE_MISSING, 13, 13, "(kernel hashes)");
	swap_samples();
	expect_difference(COCO_DIFFERENCE_EXTRA, 13, 13, "(kernel hashes)");
	begin(COCO_TECH_TDX);
	remove_run(&second, 3);
	expect_difference(COCO_DIFFERENCE_MISSING, 16, 16, "(TD HOB)");
	swap_samples();
	expect_difference(COCO_DIFFERENCE_EXTRA, 16, 16, "(TD HOB)");

	begin(COCO_TECH_SEVES);
	remove_run(&second, 1);
	expect_difference(COCO_DIFFERENCE_MISSING, 6, 6, "(kernel hashes)");
	/* Measured or only added. */
	begin(COCO_TECH_TDX);
	second.runs[1].flags = COCO_RUN_UNMEASURED;
	expect_difference(COCO_DIFFERENCE_MISSING, 13, 13, "only the first has MR.EXTEND");
}
END_TEST

START_TEST(the_number_of_vcpus_is_found)
{
	begin(COCO_TECH_SNP);
	second.options.vcpus = 2;
	expect_difference(COCO_DIFFERENCE_VCPU_COUNT, 16, 16, "4 vCPUs, and in the second 2");
	swap_samples();
	expect_difference(COCO_DIFFERENCE_VCPU_COUNT, 16, 16, "2 vCPUs, and in the second 4");
	begin(COCO_TECH_SEVES);
	second.options.vcpus = 5;
	expect_difference(COCO_DIFFERENCE_VCPU_COUNT, 13, 13, "4 vCPUs, and in the second 5");
	begin(COCO_TECH_SNP);
	second.options.vcpus = 0;
	second.options.flags |= COCO_MEASURE_NO_VCPUS;
	expect_difference(COCO_DIFFERENCE_VCPU_COUNT, 14, 14, "4 vCPUs, and in the second 0");
}
END_TEST

START_TEST(what_is_different_of_vcpus_is_found)
{
	begin(COCO_TECH_SNP);
	second.options.vcpu_signature = 0x830f10;
	expect_difference(COCO_DIFFERENCE_SIGNATURE, 14, 14, "RDX is 0xa00f11 and 0x830f10");
	begin(COCO_TECH_SNP);
	second.options.sev_features = 0x21;
	expect_difference(COCO_DIFFERENCE_FEATURES, 14, 14, "SEV_FEATURES is 0x1 and 0x21");
	begin(COCO_TECH_SNP);
	second.options.ap_start = 0xfffff004;
	expect_difference(COCO_DIFFERENCE_AP_START, 15, 15, "vCPU 1");
	begin(COCO_TECH_SNP);
	second.options.ap_start = SAMPLE_AP_START + 4;
	expect_difference(COCO_DIFFERENCE_AP_START, 15, 15, "RIP is 0xb004 and 0xb008");
	begin(COCO_TECH_SEVES);
	second.options.vmsa_flags = COCO_VMSA_LEGACY;
	expect_difference(COCO_DIFFERENCE_FPU, 9, 9, "MXCSR is 0x1f80 and 0x0");
	begin(COCO_TECH_SNP);
	second.options.vmsa_flags = COCO_VMSA_NO_MCE;
	expect_difference(COCO_DIFFERENCE_REGISTERS, 14, 14, "CR4 is 0x40 and 0x0");
	begin(COCO_TECH_SNP);
	second.options.vmsa_flags = COCO_VMSA_CD_NW;
	expect_difference(COCO_DIFFERENCE_REGISTERS, 14, 14, "CR0 is 0x10 and 0x60000010");
	begin(COCO_TECH_SNP);
	second.options.vmm = COCO_VMM_GCE;
	expect_difference(COCO_DIFFERENCE_FPU, 14, 14, "VMM");
}
END_TEST

/* Measures one VMSA of the test's own. */
static struct coco_digest *one_vmsa(const uint8_t *page, uint64_t gpa)
{
	struct coco_measure *measure = NULL;
	struct coco_digest *digest = NULL;

	first.options.vcpus = 0;
	first.options.flags = COCO_MEASURE_STEPS | COCO_MEASURE_NO_VCPUS;
	expect_ok(coco_measure_begin(&first.options, &measure, &error), &error);
	expect_ok(coco_measure_add_vmsa(measure, gpa, page, &error), &error);
	expect_ok(coco_measure_finish(measure, &digest, &error), &error);
	coco_measure_free(measure);
	return digest;
}

START_TEST(the_callers_vmsas_are_compared_too)
{
	static uint8_t page[COCO_PAGE_SIZE];
	struct coco_digest *one, *two;
	struct coco_difference difference;

	begin(COCO_TECH_SNP);
	one = one_vmsa(page, COCO_VMSA_GPA);
	two = one_vmsa(page, 0x1000);
	difference = diff_of(one, two);
	ck_assert_uint_eq(difference.kind, COCO_DIFFERENCE_ADDRESS);
	coco_digest_free(two);
	page[0xf00] = 1;
	two = one_vmsa(page, COCO_VMSA_GPA);
	difference = diff_of(one, two);
	ck_assert_uint_eq(difference.kind, COCO_DIFFERENCE_REGISTERS);
	coco_digest_free(one);
	coco_digest_free(two);
}
END_TEST

START_TEST(a_start_digest_meets_what_leads_to_it)
{
	struct coco_digest *firmware, *other;
	uint8_t start[48], other_start[48];

	begin(COCO_TECH_SNP);
	first.count = 1;
	first.options.vcpus = 0;
	first.options.flags = COCO_MEASURE_NO_VCPUS;
	firmware = sample_measure(&first);
	memcpy(start, coco_digest_bytes(firmware, NULL), sizeof(start));
	first.firmware[0]++;
	other = sample_measure(&first);
	memcpy(other_start, coco_digest_bytes(other, NULL), sizeof(other_start));
	coco_digest_free(firmware);
	coco_digest_free(other);

	/* From the same firmware: the difference behind it is found. */
	begin(COCO_TECH_SNP);
	first.options.start_digest = start;
	second.table[0]++;
	expect_difference(COCO_DIFFERENCE_CONTENTS, 7, 13, "(kernel hashes)");
	begin(COCO_TECH_SNP);
	second.options.start_digest = start;
	second.table[0]++;
	expect_difference(COCO_DIFFERENCE_CONTENTS, 13, 7, "(kernel hashes)");

	begin(COCO_TECH_SNP);
	first.options.start_digest = other_start;
	expect_difference(COCO_DIFFERENCE_START, 0, 0, "firmware");
	second.options.start_digest = start;
	expect_difference(COCO_DIFFERENCE_START, 0, 0, "firmware");
}
END_TEST

START_TEST(steps_are_needed)
{
	struct coco_digest *one, *two;
	struct coco_difference difference;

	begin(COCO_TECH_SNP);
	second.table[0]++;
	second.options.flags = 0;
	one = sample_measure(&first);
	two = sample_measure(&second);
	COCO_INIT(&difference);
	expect_error(coco_digest_diff(one, two, &difference, &error), &error, -EINVAL, "second");
	expect_error(coco_digest_diff(two, one, &difference, &error), &error, -EINVAL, "first");
	expect_error(coco_digest_diff(NULL, one, &difference, &error), &error, -EINVAL, "first");
	expect_error(coco_digest_diff(one, NULL, &difference, &error), &error, -EINVAL, "second");
	expect_error(coco_digest_diff(one, one, NULL, &error), &error, -EINVAL, "difference");
	difference.struct_size = 8;
	expect_error(coco_digest_diff(one, one, &difference, &error), &error, -EINVAL,
		     "struct_size");
	coco_digest_free(one);
	coco_digest_free(two);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		equal_digests_do_not_differ,
		technologies_differ,
		other_contents_are_found_in_each_page,
		other_kernel_hashes_are_found,
		another_type_is_found,
		another_address_is_found,
		sev_does_not_care_about_addresses,
		another_order_is_found,
		two_passes_are_another_order,
		a_page_more_or_less_is_found,
		the_number_of_vcpus_is_found,
		what_is_different_of_vcpus_is_found,
		the_callers_vmsas_are_compared_too,
		a_start_digest_meets_what_leads_to_it,
		steps_are_needed,
		NULL,
	};

	return expect_run(expect_suite("measure_diff", tests));
}
