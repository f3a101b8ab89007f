/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Launch images for TDX. */
#include "expect.h"
#include "firmware_maker.h"
#include "firmware_runs.h"

#include <errno.h>
#include <string.h>

static struct coco_error error;
static struct maker maker;
static struct coco_image *image;
static struct coco_firmware *firmware;

static const struct coco_firmware_section code = {.gpa = MAKER_BASE,
						  .size = MAKER_SIZE,
						  .file_size = MAKER_SIZE,
						  .type = COCO_TDX_SECTION_BFV,
						  .attributes = COCO_TDX_MR_EXTEND};

static void begin(void)
{
	firmware = NULL;
	expect_ok(coco_image_new(&image, &error), &error);
	expect_ok(coco_firmware_parse(maker.bytes, MAKER_SIZE, &firmware, &error), &error);
}

static void end(void)
{
	coco_image_unref(image);
	coco_firmware_free(firmware);
}

/* A file with code, and a section of the test's. */
static void make_with(const struct coco_firmware_section *section)
{
	maker_init(&maker);
	maker_begin_tdx(&maker);
	maker_tdx_section(&maker, &code);
	maker_tdx_section(&maker, section);
}

static int add(const void *hob, uint64_t hob_size)
{
	struct coco_tdx_firmware_options options;

	COCO_INIT(&options);
	options.hob = hob;
	options.hob_size = hob_size;
	return coco_image_add_tdx_firmware(image, firmware, &options, &error);
}

static void expect_runs(const char *expected)
{
	begin();
	expect_ok(coco_image_add_tdx_firmware(image, firmware, NULL, &error), &error);
	ck_assert_str_eq(runs_text(image), expected);
	end();
}

static void expect_refused(int code_, const char *blamed, const char *words)
{
	begin();
	expect_error(coco_image_add_tdx_firmware(image, firmware, NULL, &error), &error, code_,
		     blamed);
	expect_text(&error, words);
	ck_assert_uint_eq(coco_image_run_count(image), 0);
	ck_assert_uint_eq(coco_image_hob(image), 0);
	end();
}

START_TEST(sections_are_launched_in_the_order_of_the_metadata)
{
	maker_ovmf(&maker);
	begin();
	expect_ok(coco_image_add_tdx_firmware(image, firmware, NULL, &error), &error);
	ck_assert_str_eq(runs_text(image), "ffff4000+c000 data boot firmware volume\n"
					   "ffff0000+4000 data configuration volume unmeasured\n"
					   "810000+2000 zero temporary memory unmeasured\n"
					   "809000+2000 zero TD HOB unmeasured\n");
	ck_assert_mem_eq(run_at(image, 0).bytes, maker.bytes + 0x4000, 0xc000);
	ck_assert_mem_eq(run_at(image, 1).bytes, maker.bytes, 0x4000);
	ck_assert_uint_eq(coco_image_hob(image), 0x809000);
	ck_assert_uint_eq(coco_image_ap_start(image), 0);
	end();
}
END_TEST

START_TEST(contents_are_filled_up_with_zeroes)
{
	static const uint8_t zeroes[COCO_PAGE_SIZE];
	const struct coco_firmware_section section = {.gpa = 0x100000,
						      .size = 0x5000,
						      .file_offset = 0x123,
						      .file_size = 0x1801,
						      .type = COCO_TDX_SECTION_CFV,
						      .attributes = COCO_TDX_MR_EXTEND};
	const uint8_t *bytes;

	make_with(&section);
	begin();
	expect_ok(coco_image_add_tdx_firmware(image, firmware, NULL, &error), &error);
	ck_assert_str_eq(runs_text(image), "ffff0000+10000 data boot firmware volume\n"
					   "100000+2000 data configuration volume\n"
					   "102000+3000 zero configuration volume\n");
	bytes = run_at(image, 1).bytes;
	ck_assert_mem_eq(bytes, maker.bytes + 0x123, 0x1801);
	ck_assert_mem_eq(bytes + 0x1801, zeroes, 0x2000 - 0x1801);
	end();
}
END_TEST

START_TEST(attributes_decide)
{
	struct coco_firmware_section section = {
		.gpa = 0x100000, .size = 0x1000, .type = COCO_TDX_SECTION_PERMANENT_MEMORY};

	make_with(&section);
	expect_runs("ffff0000+10000 data boot firmware volume\n"
		    "100000+1000 zero permanent memory unmeasured\n");
	section.attributes = COCO_TDX_MR_EXTEND;
	make_with(&section);
	expect_runs("ffff0000+10000 data boot firmware volume\n"
		    "100000+1000 zero permanent memory\n");
	section.attributes = COCO_TDX_PAGE_AUG;
	section.gpa = 1ull << 40;
	make_with(&section);
	expect_runs("ffff0000+10000 data boot firmware volume\n");
	section.attributes = COCO_TDX_PAGE_AUG | COCO_TDX_MR_EXTEND;
	make_with(&section);
	expect_runs("ffff0000+10000 data boot firmware volume\n");
	section.attributes = 4;
	make_with(&section);
	expect_refused(-EINVAL, "firmware", "attributes 0x4");
}
END_TEST

START_TEST(sections_without_memory_are_left_out)
{
	const struct coco_firmware_section section = {.type = COCO_TDX_SECTION_HOB};

	make_with(&section);
	expect_runs("ffff0000+10000 data boot firmware volume\n");
}
END_TEST

START_TEST(the_hob_goes_into_its_section)
{
	static const uint8_t zeroes[COCO_PAGE_SIZE];
	uint8_t hob[0x2000];
	const uint8_t *bytes;

	memset(hob, 0x40, sizeof(hob));
	maker_ovmf(&maker);
	begin();
	expect_ok(add(hob, 100), &error);
	ck_assert_str_eq(runs_text(image), "ffff4000+c000 data boot firmware volume\n"
					   "ffff0000+4000 data configuration volume unmeasured\n"
					   "810000+2000 zero temporary memory unmeasured\n"
					   "809000+1000 data TD HOB unmeasured\n"
					   "80a000+1000 zero TD HOB unmeasured\n");
	bytes = run_at(image, 3).bytes;
	ck_assert_mem_eq(bytes, hob, 100);
	ck_assert_mem_eq(bytes + 100, zeroes, COCO_PAGE_SIZE - 100);
	end();

	begin();
	expect_ok(add(hob, sizeof(hob)), &error);
	ck_assert_uint_eq(coco_image_run_count(image), 4);
	ck_assert_uint_eq(run_at(image, 3).size, sizeof(hob));
	end();
	begin();
	expect_error(add(hob, sizeof(hob) + 1), &error, -EINVAL, "hob_size");
	expect_text(&error, "0x2001 bytes does not fit into its section of 0x2000");
	expect_error(add(hob, 0), &error, -EINVAL, "hob");
	expect_error(add(NULL, 1), &error, -EINVAL, "hob");
	ck_assert_uint_eq(coco_image_run_count(image), 0);
	end();
}
END_TEST

START_TEST(a_hob_needs_a_section_and_only_one)
{
	const struct coco_firmware_section memory = {.gpa = 0x1000, .size = 0x1000, .type = 3};
	const struct coco_firmware_section hob = {.gpa = 0x2000, .size = 0x1000, .type = 2};
	const struct coco_firmware_section other = {.gpa = 0x3000, .size = 0x1000, .type = 2};

	make_with(&memory);
	begin();
	expect_error(add("hob", 3), &error, -EOPNOTSUPP, "hob");
	expect_text(&error, "no section for a TD HOB");
	ck_assert_uint_eq(coco_image_run_count(image), 0);
	end();
	make_with(&hob);
	maker_tdx_section(&maker, &other);
	expect_refused(-EINVAL, "firmware", "more than one TD HOB");
}
END_TEST

START_TEST(there_must_be_metadata)
{
	maker_init(&maker);
	expect_refused(-EOPNOTSUPP, "firmware", "no TDX metadata");
}
END_TEST

START_TEST(half_of_a_split_build_is_refused)
{
	struct coco_firmware_section section = {.gpa = 0x100000,
						.size = 0x2000,
						.file_offset = MAKER_SIZE - 0x1000,
						.file_size = 0x1001,
						.type = COCO_TDX_SECTION_CFV};

	make_with(&section);
	expect_refused(-EOPNOTSUPP, "firmware", "one half of a split build");
	section.file_size = 0x1000;
	make_with(&section);
	begin();
	expect_ok(coco_image_add_tdx_firmware(image, firmware, NULL, &error), &error);
	end();
}
END_TEST

START_TEST(types_that_need_a_payload_are_refused)
{
	static const uint32_t types[] = {5, 6, 7, 8, 9, UINT32_MAX};
	struct coco_firmware_section section = {.gpa = 0x100000, .size = 0x1000};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		section.type = types[i];
		make_with(&section);
		expect_refused(-EOPNOTSUPP, "firmware", "does not load");
	}
}
END_TEST

START_TEST(vcpus_need_code_to_start_at)
{
	struct coco_firmware_section section = code;

	maker_init(&maker);
	maker_begin_tdx(&maker);
	expect_refused(-EINVAL, "firmware", "no code where vCPUs start");
	/* It ends a page too early. */
	section.size -= COCO_PAGE_SIZE;
	section.file_size -= COCO_PAGE_SIZE;
	maker_tdx_section(&maker, &section);
	expect_refused(-EINVAL, "firmware", "no code where vCPUs start");
	/* Its last byte does not come from the file. */
	maker_init(&maker);
	maker_begin_tdx(&maker);
	section = code;
	section.file_size--;
	maker_tdx_section(&maker, &section);
	expect_refused(-EINVAL, "firmware", "no code where vCPUs start");
}
END_TEST

START_TEST(memory_at_launch_is_below_4_gib)
{
	struct coco_firmware_section section = {
		.gpa = 0x80000000, .size = 0x80001000, .type = COCO_TDX_SECTION_TEMPORARY_MEMORY};

	make_with(&section);
	expect_refused(-EINVAL, "firmware", "is not below 4 GiB");
	section.gpa = 0x200000000;
	section.size = 0x1000;
	make_with(&section);
	expect_refused(-EINVAL, "firmware", "is not below 4 GiB");
}
END_TEST

START_TEST(sections_must_not_overlap)
{
	const struct coco_firmware_section section = {
		.gpa = 0xfffff000, .size = 0x1000, .type = COCO_TDX_SECTION_TEMPORARY_MEMORY};

	make_with(&section);
	expect_refused(-EEXIST, "firmware",
		       "\"temporary memory\" of 0x1000 bytes at 0xfffff000 overlaps run 0 "
		       "\"boot firmware volume\"");
}
END_TEST

START_TEST(arguments_are_checked)
{
	struct coco_tdx_firmware_options options = {.struct_size = 4};

	maker_ovmf(&maker);
	begin();
	expect_error(coco_image_add_tdx_firmware(NULL, firmware, NULL, &error), &error, -EINVAL,
		     "image");
	expect_error(coco_image_add_tdx_firmware(image, NULL, NULL, &error), &error, -EINVAL,
		     "firmware");
	expect_error(coco_image_add_tdx_firmware(image, firmware, &options, &error), &error,
		     -EINVAL, "struct_size");
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		sections_are_launched_in_the_order_of_the_metadata,
		contents_are_filled_up_with_zeroes,
		attributes_decide,
		sections_without_memory_are_left_out,
		the_hob_goes_into_its_section,
		a_hob_needs_a_section_and_only_one,
		there_must_be_metadata,
		half_of_a_split_build_is_refused,
		types_that_need_a_payload_are_refused,
		vcpus_need_code_to_start_at,
		memory_at_launch_is_below_4_gib,
		sections_must_not_overlap,
		arguments_are_checked,
		NULL,
	};

	return expect_run(expect_suite("firmware tdx", tests));
}
