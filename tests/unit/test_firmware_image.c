/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What launch images of confidential guests have beyond data and zero pages. */
#include "expect.h"
#include "firmware_runs.h"

#include <errno.h>
#include <string.h>

#include <cocoreset/host.h>

#define PAGE COCO_PAGE_SIZE

static struct coco_error error;
static struct coco_image *image;
static uint8_t bytes[2 * PAGE];

static struct coco_page_run run_of(uint64_t gpa, uint64_t size, const void *contents, uint32_t kind)
{
	struct coco_page_run run;

	COCO_INIT(&run);
	run.gpa = gpa;
	run.size = size;
	run.bytes = contents;
	run.kind = kind;
	return run;
}

static void begin(void)
{
	expect_ok(coco_image_new(&image, &error), &error);
}

static void end(void)
{
	coco_image_unref(image);
}

static void expect_refused(const struct coco_page_run *run, const char *blamed)
{
	const uint32_t count = coco_image_run_count(image);

	expect_error(coco_image_add(image, run, &error), &error, -EINVAL, blamed);
	ck_assert_uint_eq(coco_image_run_count(image), count);
}

START_TEST(special_pages_are_single_and_have_no_bytes)
{
	static const uint32_t kinds[] = {COCO_PAGE_SECRETS, COCO_PAGE_CPUID};

	begin();
	for (size_t i = 0; i < 2; i++) {
		struct coco_page_run run = run_of(i * PAGE, PAGE, NULL, kinds[i]);

		expect_ok(coco_image_add(image, &run, &error), &error);
		run = run_of(0x10000, 2 * PAGE, NULL, kinds[i]);
		expect_refused(&run, "size");
		run = run_of(0x10000, PAGE, bytes, kinds[i]);
		expect_refused(&run, "bytes");
		run = run_of(0x10010, PAGE, NULL, kinds[i]);
		expect_refused(&run, "gpa");
		run = run_of(0x10000, PAGE, NULL, kinds[i]);
		run.flags = COCO_RUN_UNMEASURED;
		expect_refused(&run, "flags");
	}
	ck_assert_str_eq(runs_text(image), "0+1000 secrets \n1000+1000 cpuid \n");
	end();
}
END_TEST

START_TEST(a_part_lies_within_a_page)
{
	static const struct {
		uint64_t gpa, size;
		const char *blamed; /* NULL: it is fine */
	} parts[] = {
		{0x1c00, 176, NULL},     {0x2000, PAGE, NULL},
		{0x3ff0, 16, NULL},      {(1ull << 52) - 16, 16, NULL},
		{0x4008, 16, "gpa"},     {0x4000, 8, "size"},
		{0x4000, 0, "size"},     {0x4000, 2 * PAGE, "size"},
		{0x4010, PAGE, "size"},  {0x4000, UINT64_MAX - 15, "size"},
		{1ull << 52, 16, "gpa"},
	};

	begin();
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		struct coco_page_run run =
			run_of(parts[i].gpa, parts[i].size, bytes, COCO_PAGE_PART);

		if (parts[i].blamed)
			expect_refused(&run, parts[i].blamed);
		else
			expect_ok(coco_image_add(image, &run, &error), &error);
	}
	end();
}
END_TEST

START_TEST(a_part_has_bytes_and_is_measured)
{
	struct coco_page_run run = run_of(0x1c00, 32, NULL, COCO_PAGE_PART);

	begin();
	expect_refused(&run, "bytes");
	run.bytes = bytes;
	run.flags = COCO_RUN_UNMEASURED;
	expect_refused(&run, "flags");
	run.flags = 0;
	memset(bytes, 0x5a, 32);
	expect_ok(coco_image_add(image, &run, &error), &error);
	memset(bytes, 0, 32);
	ck_assert_uint_eq(run_at(image, 0).size, 32);
	ck_assert_uint_eq(((const uint8_t *)run_at(image, 0).bytes)[31], 0x5a);
	end();
}
END_TEST

START_TEST(parts_may_share_a_page_but_not_bytes)
{
	struct coco_page_run run = run_of(0x1100, 32, bytes, COCO_PAGE_PART);

	begin();
	expect_ok(coco_image_add(image, &run, &error), &error);
	run.gpa = 0x1110;
	expect_error(coco_image_add(image, &run, &error), &error, -EEXIST, "gpa");
	run.gpa = 0x1120;
	expect_ok(coco_image_add(image, &run, &error), &error);
	run.gpa = 0x10e0;
	expect_ok(coco_image_add(image, &run, &error), &error);
	run = run_of(0x1000, PAGE, NULL, COCO_PAGE_ZERO);
	expect_error(coco_image_add(image, &run, &error), &error, -EEXIST, "gpa");
	end();
}
END_TEST

START_TEST(labels_are_copied_and_shorter_than_32)
{
	char label[COCO_LABEL_SIZE + 1];
	struct coco_page_run run = run_of(0, PAGE, NULL, COCO_PAGE_ZERO);

	begin();
	memset(label, 'x', sizeof(label));
	label[COCO_LABEL_SIZE] = 0;
	run.label = label;
	expect_refused(&run, "label");
	label[COCO_LABEL_SIZE - 1] = 0;
	expect_ok(coco_image_add(image, &run, &error), &error);
	memset(label, 'y', sizeof(label));
	ck_assert_uint_eq(strlen(run_at(image, 0).label), COCO_LABEL_SIZE - 1);
	ck_assert_int_eq(run_at(image, 0).label[0], 'x');
	run.gpa = PAGE;
	run.label = NULL;
	expect_ok(coco_image_add(image, &run, &error), &error);
	ck_assert_str_eq(run_at(image, 1).label, "");
	end();
}
END_TEST

/* Callers who were compiled before there were labels. */
START_TEST(a_run_may_end_before_the_label)
{
	struct coco_page_run run = run_of(0, PAGE, NULL, COCO_PAGE_ZERO);

	begin();
	run.struct_size = offsetof(struct coco_page_run, label);
	run.label = (const char *)1;
	expect_ok(coco_image_add(image, &run, &error), &error);
	expect_ok(coco_image_get_run(image, 0, &run, &error), &error);
	ck_assert_ptr_eq(run.label, (const char *)1);
	ck_assert_uint_eq(sizeof(run) % 8, 0);
	end();
}
END_TEST

START_TEST(raw_firmware_is_labelled)
{
	begin();
	expect_ok(coco_image_add_firmware(image, bytes, sizeof(bytes), &error), &error);
	ck_assert_str_eq(runs_text(image), "ffffe000+2000 data firmware\n");
	end();
}
END_TEST

START_TEST(where_vcpus_start_is_part_of_the_image)
{
	begin();
	ck_assert_uint_eq(coco_image_ap_start(image), 0);
	expect_ok(coco_image_set_ap_start(image, UINT32_MAX, &error), &error);
	ck_assert_uint_eq(coco_image_ap_start(image), UINT32_MAX);
	expect_error(coco_image_set_ap_start(image, 1ull << 32, &error), &error, -EINVAL, "gpa");
	ck_assert_uint_eq(coco_image_ap_start(image), UINT32_MAX);
	expect_ok(coco_image_set_ap_start(image, 0, &error), &error);
	ck_assert_uint_eq(coco_image_ap_start(image), 0);
	expect_error(coco_image_set_ap_start(NULL, 0, &error), &error, -EINVAL, "image");
	end();
}
END_TEST

START_TEST(where_the_hob_is_is_part_of_the_image)
{
	begin();
	ck_assert_uint_eq(coco_image_hob(image), 0);
	expect_ok(coco_image_set_hob(image, (1ull << 52) - 8, &error), &error);
	ck_assert_uint_eq(coco_image_hob(image), (1ull << 52) - 8);
	expect_error(coco_image_set_hob(image, 1ull << 52, &error), &error, -EINVAL, "gpa");
	expect_error(coco_image_set_hob(image, 0x809004, &error), &error, -EINVAL, "gpa");
	ck_assert_uint_eq(coco_image_hob(image), (1ull << 52) - 8);
	expect_error(coco_image_set_hob(NULL, 0, &error), &error, -EINVAL, "image");
	end();
}
END_TEST

START_TEST(technologies_that_are_only_measured_have_names)
{
	static const char *const names[] = {"sev", "seves", "snp", "tdx"};

	for (uint32_t i = 0; i < 4; i++) {
		ck_assert_str_eq(coco_tech_name(COCO_TECH_SEV + i), names[i]);
		ck_assert_uint_eq(coco_tech_from_name(names[i]), COCO_TECH_SEV + i);
	}
	ck_assert_ptr_null(coco_tech_name(COCO_TECH_TDX + 1));
	ck_assert_uint_eq(coco_tech_from_name("sev-es"), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		special_pages_are_single_and_have_no_bytes,
		a_part_lies_within_a_page,
		a_part_has_bytes_and_is_measured,
		parts_may_share_a_page_but_not_bytes,
		labels_are_copied_and_shorter_than_32,
		a_run_may_end_before_the_label,
		raw_firmware_is_labelled,
		where_vcpus_start_is_part_of_the_image,
		where_the_hob_is_is_part_of_the_image,
		technologies_that_are_only_measured_have_names,
		NULL,
	};

	return expect_run(expect_suite("firmware image", tests));
}
