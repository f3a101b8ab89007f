/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Does an IGVM file become the launch image that it describes, and nothing at all if it can't? */
#include <cocoreset/cocoreset.h>
#include <errno.h>

#include "expect.h"
#include "firmware_runs.h"
#include "igvm_maker.h"

static struct coco_error error;
static struct igvm_maker maker;
static struct coco_image *image;
static struct coco_igvm_load_options options;

/* A file for one platform, whose bit is 1. */
static void begin(uint32_t type)
{
	igvm_begin(&maker);
	igvm_platform(&maker, type, 1);
	COCO_INIT(&options);
	options.tech = type == COCO_IGVM_SNP      ? COCO_TECH_SNP
		       : type == COCO_IGVM_SEVES  ? COCO_TECH_SEVES
		       : type == COCO_IGVM_NATIVE ? COCO_TECH_PLAIN
						  : COCO_TECH_TDX;
	expect_ok(coco_image_new(&image, &error), &error);
}

static struct coco_igvm *parse(void)
{
	struct coco_igvm *igvm;

	igvm_end(&maker);
	expect_ok(coco_igvm_parse(maker.bytes, maker.size, NULL, &igvm, &error), &error);
	return igvm;
}

/* Images don't need what they were made from. */
static uint32_t load(void)
{
	struct coco_igvm *igvm = parse();
	uint32_t unfilled = 0;

	expect_ok(coco_image_add_igvm(image, igvm, &options, &unfilled, &error), &error);
	coco_igvm_free(igvm);
	return unfilled;
}

static void refuse(int code, const char *field, const char *text)
{
	struct coco_igvm *igvm = parse();

	expect_error(coco_image_add_igvm(image, igvm, &options, NULL, &error), &error, code, field);
	expect_text(&error, text);
	ck_assert_uint_eq(coco_image_run_count(image), 0);
	ck_assert_uint_eq(coco_image_vcpu_state_count(image), 0);
	coco_igvm_free(igvm);
	coco_image_unref(image);
}

static void expect_runs(const char *expected)
{
	expect_lines("runs", runs_text(image), expected);
	coco_image_unref(image);
}

START_TEST(entries_become_runs_in_the_order_of_the_file)
{
	uint32_t at;

	begin(COCO_IGVM_SNP);
	igvm_platform(&maker, COCO_IGVM_NATIVE, 2);
	at = igvm_data(&maker, 0x11, 3);
	igvm_area(&maker, 7, 0x1000, 0);
	igvm_page(&maker, 0x100000, 3, at, 0, COCO_IGVM_PAGE_NORMAL);
	igvm_page(&maker, 0x101000, 3, at + 0x1000, 0, COCO_IGVM_PAGE_NORMAL);
	igvm_page(&maker, 0x5000, 2, at, 0, COCO_IGVM_PAGE_NORMAL); /* for another platform */
	igvm_page(&maker, 0x102000, 3, at + 0x2000, 0, COCO_IGVM_PAGE_NORMAL);
	igvm_insert(&maker, 0x3000, 1, 7);
	igvm_page(&maker, 0x4000, 1, 0, 0, COCO_IGVM_PAGE_SECRETS);
	igvm_page(&maker, 0x5000, 1, at, 0, COCO_IGVM_PAGE_CPUID);
	igvm_page(&maker, 0x6000, 1, at, COCO_IGVM_PAGE_UNMEASURED, COCO_IGVM_PAGE_NORMAL);
	igvm_page(&maker, 0x7000, 1, at, COCO_IGVM_PAGE_SHARED, COCO_IGVM_PAGE_NORMAL);
	igvm_page(&maker, 0x200000, 1, 0, COCO_IGVM_PAGE_2MB | COCO_IGVM_PAGE_UNMEASURED,
		  COCO_IGVM_PAGE_NORMAL);
	igvm_error_range(&maker, 0x8000, 1, 0x2000);
	load();
	expect_runs("100000+3000 data page data\n"
		    "3000+1000 data parameter area 7 unmeasured\n"
		    "4000+1000 secrets secrets\n"
		    "5000+1000 cpuid CPUID\n"
		    "6000+1000 data page data unmeasured\n"
		    "7000+1000 data page data shared\n"
		    "200000+200000 zero pages without data unmeasured\n"
		    "8000+2000 zero error range shared\n");
}
END_TEST

/* Equal pages are in a file once: of few of them one run is made, of many that follow another. */
START_TEST(scattered_pages_become_one_run_and_long_stretches_stay)
{
	struct coco_page_run run;
	uint32_t at, stretch;

	begin(COCO_IGVM_SNP);
	at = igvm_data(&maker, 0xff, 1);
	stretch = igvm_data(&maker, 0, 32);
	for (uint32_t i = 0; i < 32; i++)
		maker.bytes[stretch + i * COCO_PAGE_SIZE] = (uint8_t)i;
	for (uint32_t i = 0; i < 4; i++)
		igvm_page(&maker, i * 0x1000, 1, at, 0, COCO_IGVM_PAGE_NORMAL);
	igvm_page(&maker, 0x4000, 1, stretch + 0x5000, 0, COCO_IGVM_PAGE_NORMAL);
	for (uint32_t i = 0; i < 32; i++)
		igvm_page(&maker, (5 + i) * 0x1000, 1, stretch + i * 0x1000, 0,
			  COCO_IGVM_PAGE_NORMAL);
	igvm_page(&maker, 37 * 0x1000, 1, at, 0, COCO_IGVM_PAGE_NORMAL);
	load();
	ck_assert_uint_eq(coco_image_run_count(image), 3);
	run = run_at(image, 0);
	ck_assert_uint_eq(run.size, 0x5000);
	for (uint32_t i = 0; i < 4; i++)
		ck_assert_uint_eq(((const uint8_t *)run.bytes)[i * 0x1000], 0xff);
	ck_assert_uint_eq(((const uint8_t *)run.bytes)[0x4000], 5);
	run = run_at(image, 1);
	ck_assert_uint_eq(run.size, 32 * 0x1000);
	for (uint32_t i = 0; i < 32; i++)
		ck_assert_uint_eq(((const uint8_t *)run.bytes)[i * COCO_PAGE_SIZE], i);
	expect_runs(
		"0+5000 data page data\n5000+20000 data page data\n25000+1000 data page data\n");
}
END_TEST

START_TEST(pages_without_data_are_what_the_options_say)
{
	for (uint32_t way = COCO_IGVM_ZERO_PAGES_SPEC; way <= COCO_IGVM_ZERO_PAGES_KVM; way++) {
		begin(COCO_IGVM_SNP);
		options.zero_pages = way;
		igvm_page(&maker, 0x1000, 1, 0, 0, COCO_IGVM_PAGE_NORMAL);
		igvm_page(&maker, 0x2000, 1, 0, 0, COCO_IGVM_PAGE_NORMAL);
		load();
		expect_runs(way == COCO_IGVM_ZERO_PAGES_SPEC
				    ? "1000+2000 data pages without data\n"
				    : "1000+2000 zero pages without data\n");
	}
	begin(COCO_IGVM_TDX);
	igvm_page(&maker, 0x1000, 1, 0, 0, COCO_IGVM_PAGE_NORMAL);
	load();
	expect_runs("1000+1000 zero pages without data\n");
}
END_TEST

START_TEST(sev_has_shared_memory_instead_of_unmeasured)
{
	begin(COCO_IGVM_SEVES);
	igvm_area(&maker, 0, 0x2000, 0);
	igvm_page(&maker, 0x1000, 1, 0, COCO_IGVM_PAGE_UNMEASURED, COCO_IGVM_PAGE_NORMAL);
	igvm_insert(&maker, 0x4000, 1, 0);
	load();
	expect_runs("1000+1000 zero pages without data shared\n"
		    "4000+2000 data parameter area 0 shared\n");
	begin(COCO_IGVM_SEVES);
	igvm_page(&maker, 0x1000, 1, 0, 0, COCO_IGVM_PAGE_SECRETS);
	refuse(-EOPNOTSUPP, "igvm", "only SNP has such");
}
END_TEST

static const struct coco_igvm_memory memory[] = {
	{0x0, 0x80000000, COCO_IGVM_MEMORY, 0},
	{0x80000000, 0x1000, COCO_IGVM_MEMORY_RESERVED, 0},
	{0x100000000, 0x80000000, COCO_IGVM_MEMORY, 0},
};

static void give_memory(void)
{
	options.memory = memory;
	options.memory_count = sizeof(memory) / sizeof(*memory);
}

static uint64_t number(const void *bytes, size_t at, size_t size)
{
	const uint8_t *from = (const uint8_t *)bytes + at;
	uint64_t value = 0;

	while (size--)
		value = value << 8 | from[size];
	return value;
}

START_TEST(parameters_have_the_values_that_the_options_give)
{
	struct coco_page_run run;
	uint32_t unfilled, sum = 0;

	begin(COCO_IGVM_SNP);
	give_memory();
	options.vcpus = 300;
	options.cmdline = "quiet";
	igvm_area(&maker, 3, 0x3000, igvm_data(&maker, 0xee, 3));
	igvm_area(&maker, 4, 0x1000, 0); /* never inserted */
	igvm_parameter(&maker, COCO_IGVM_VP_COUNT, 3, 0);
	igvm_parameter(&maker, COCO_IGVM_ENVIRONMENT_INFO, 3, 4);
	igvm_parameter(&maker, COCO_IGVM_MEMORY_MAP, 3, 8);
	igvm_parameter(&maker, COCO_IGVM_COMMAND_LINE, 3, 0x100);
	igvm_parameter(&maker, COCO_IGVM_MADT, 3, 0x1000);
	igvm_parameter(&maker, COCO_IGVM_DEVICE_TREE, 3, 0x2fc0);
	igvm_parameter(&maker, COCO_IGVM_SRAT, 4, 0);
	igvm_insert(&maker, 0x10000, 1, 3);
	unfilled = load();
	ck_assert_uint_eq(unfilled, COCO_IGVM_PARAMETER_BIT(COCO_IGVM_DEVICE_TREE));
	run = run_at(image, 0);
	ck_assert_uint_eq(number(run.bytes, 0, 4), 300);
	ck_assert_uint_eq(number(run.bytes, 4, 4), 1);
	ck_assert_uint_eq(number(run.bytes, 8, 8), 0);
	ck_assert_uint_eq(number(run.bytes, 16, 8), 0x80000);
	ck_assert_uint_eq(number(run.bytes, 32, 8), 0x80000);
	ck_assert_uint_eq(number(run.bytes, 40, 8), 1);
	ck_assert_uint_eq(number(run.bytes, 48, 2), COCO_IGVM_MEMORY_RESERVED);
	ck_assert_uint_eq(number(run.bytes, 56, 8), 0x100000);
	ck_assert_uint_eq(number(run.bytes, 88, 8), 0); /* pages of the last entry: the end */
	ck_assert_str_eq((const char *)run.bytes + 0x100, "quiet");
	/* What the file had there stays. */
	ck_assert_uint_eq(((const uint8_t *)run.bytes)[0x2fc0], 0xee);
	/* MADT: 255 local APICs of 8 bytes, and 45 x2APICs of 16. */
	ck_assert_mem_eq((const uint8_t *)run.bytes + 0x1000, "APIC", 4);
	ck_assert_uint_eq(number(run.bytes, 0x1004, 4), 44 + 255 * 8 + 45 * 16);
	for (uint32_t i = 0; i < 44 + 255 * 8 + 45 * 16; i++)
		sum += ((const uint8_t *)run.bytes)[0x1000 + i];
	ck_assert_uint_eq(sum % 256, 0);
	coco_image_unref(image);
}
END_TEST

struct answers {
	int code;
	uint64_t size;
	uint32_t asked;
};

static int answer(void *payload, const struct coco_igvm_parameter *parameter, void *to,
		  uint64_t room, uint64_t *size)
{
	struct answers *answers = payload;

	answers->asked++;
	ck_assert_uint_eq(room, parameter->area_size - parameter->position);
	if (parameter->type == COCO_IGVM_VP_COUNT)
		return -ENODATA;
	memset(to, 0x77, 16);
	*size = answers->size;
	return answers->code;
}

START_TEST(a_callback_comes_before_the_defaults)
{
	struct answers answers = {.size = 16};
	struct coco_page_run run;

	for (int bad = 0; bad < 3; bad++) {
		begin(COCO_IGVM_SNP);
		options.parameter = answer;
		options.parameter_payload = &answers;
		answers.code = bad == 1 ? -EPERM : 0;
		answers.size = bad == 2 ? 0x1000 : 16;
		igvm_area(&maker, 0, 0x1000, 0);
		igvm_parameter(&maker, COCO_IGVM_VP_COUNT, 0, 0);
		igvm_parameter(&maker, COCO_IGVM_SLIT, 0, 0x20);
		igvm_insert(&maker, 0, 1, 0);
		if (bad == 1) {
			refuse(-EPERM, "parameter", "SLIT");
		} else if (bad == 2) {
			refuse(-ENOSPC, "SLIT", "4096 bytes");
		} else {
			ck_assert_uint_eq(load(), 0);
			run = run_at(image, 0);
			ck_assert_uint_eq(number(run.bytes, 0, 4), 1);
			ck_assert_uint_eq(number(run.bytes, 0x20, 2), 0x7777);
			coco_image_unref(image);
		}
	}
	ck_assert_uint_eq(answers.asked, 6);
}
END_TEST

START_TEST(a_value_that_does_not_fit_is_refused)
{
	static char line[0x1001];
	const uint32_t types[] = {COCO_IGVM_MEMORY_MAP, COCO_IGVM_COMMAND_LINE, COCO_IGVM_MADT};

	memset(line, 'x', sizeof(line) - 1);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		begin(COCO_IGVM_SNP);
		give_memory();
		options.vcpus = 1000;
		options.cmdline = line;
		igvm_area(&maker, 0, 0x1000, 0);
		igvm_parameter(&maker, types[i], 0, 0x1000 - 64);
		igvm_insert(&maker, 0, 1, 0);
		refuse(-ENOSPC, coco_igvm_entry_name(types[i]), "has 64");
	}
}
END_TEST

START_TEST(what_the_guest_has_not_got_is_refused)
{
	begin(COCO_IGVM_SNP);
	give_memory();
	igvm_required(&maker, 0x7ffff000, 1, 0x2000); /* in two ranges that touch */
	load();
	expect_runs("");
	begin(COCO_IGVM_SNP);
	give_memory();
	igvm_required(&maker, 0x80000000, 1, 0x2000);
	refuse(-EINVAL, "memory", "none at 0x80001000");
	begin(COCO_IGVM_SNP);
	options.vcpus = 2;
	igvm_context(&maker, COCO_VMSA_GPA, 1, igvm_data(&maker, 0, 1), 2);
	refuse(-EINVAL, "vcpus", "registers of vCPU 2");
	begin(COCO_IGVM_SNP);
	options.vcpus = 2;
	igvm_context(&maker, COCO_VMSA_GPA, 1, igvm_data(&maker, 0, 1), 1);
	igvm_context(&maker, COCO_VMSA_GPA, 1, igvm_data(&maker, 0, 1), 1);
	refuse(-EEXIST, "vcpu", "vCPU 1 already");
	begin(COCO_IGVM_SNP);
	options.tech = COCO_TECH_TDX;
	refuse(-EOPNOTSUPP, "tech", "is for SEV_SNP, not for TDX");
	begin(COCO_IGVM_SNP);
	igvm_policy(&maker, 0x30000, 1);
	igvm_policy(&maker, 0x30000, 1);
	refuse(-EBADMSG, "GUEST_POLICY", "second");
}
END_TEST

START_TEST(memory_is_used_once)
{
	begin(COCO_IGVM_SNP);
	igvm_page(&maker, 0x2000, 1, 0, 0, COCO_IGVM_PAGE_NORMAL);
	igvm_error_range(&maker, 0x1000, 1, 0x2000);
	refuse(-EEXIST, "igvm", "overlaps");
	/* Two pages at one address, for two platforms. */
	begin(COCO_IGVM_SNP);
	igvm_platform(&maker, COCO_IGVM_NATIVE, 2);
	igvm_page(&maker, 0x2000, 1, 0, 0, COCO_IGVM_PAGE_NORMAL);
	igvm_page(&maker, 0x2000, 2, 0, 0, COCO_IGVM_PAGE_NORMAL);
	load();
	expect_runs("2000+1000 data pages without data\n");
}
END_TEST

struct bad_option {
	const char *field;
	uint32_t flags, zero_pages, vcpus, memory_count;
};

START_TEST(bad_options_are_named)
{
	const struct bad_option bad[] = {
		{"flags", 4, 0, 0, 0},
		{"zero_pages", 0, 2, 0, 0},
		{"vcpus", 0, 0, COCO_IMAGE_MAX_VCPUS + 1, 0},
		{"memory", 0, 0, 0, 1},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		begin(COCO_IGVM_SNP);
		options.flags = bad[i].flags;
		options.zero_pages = bad[i].zero_pages;
		options.vcpus = bad[i].vcpus;
		options.memory_count = bad[i].memory_count;
		refuse(-EINVAL, bad[i].field, "");
	}
	begin(COCO_IGVM_SNP);
	options.memory =
		(const struct coco_igvm_memory[]){{0x1000, 0x1000, 0, 0}, {0x1000, 0x1000, 0, 0}};
	options.memory_count = 2;
	refuse(-EINVAL, "memory", "range 1");
}
END_TEST

struct limit {
	const char *field;
	struct coco_igvm_options options;
};

START_TEST(limits_are_the_callers)
{
	const struct limit limits[] = {
		{"max_pages", {.max_pages = 2}},           {"max_areas", {.max_areas = 1}},
		{"max_parameters", {.max_parameters = 1}}, {"max_vcpus", {.max_vcpus = 1}},
		{"max_size", {.max_size = 0x1000}},
	};
	struct coco_igvm *igvm;

	begin(COCO_IGVM_SNP);
	igvm_area(&maker, 0, 0x1000, 0);
	igvm_area(&maker, 1, 0x1000, 0);
	igvm_parameter(&maker, COCO_IGVM_VP_COUNT, 0, 0);
	igvm_parameter(&maker, COCO_IGVM_VP_COUNT, 1, 0);
	igvm_context(&maker, COCO_VMSA_GPA, 1, igvm_data(&maker, 0, 1), 0);
	igvm_context(&maker, COCO_VMSA_GPA, 1, igvm_data(&maker, 0, 1), 1);
	igvm_page(&maker, 0x2000, 1, 0, 0, COCO_IGVM_PAGE_NORMAL);
	igvm_end(&maker);
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		struct coco_igvm_options given = limits[i].options;

		given.struct_size = sizeof(given);
		expect_error(coco_igvm_parse(maker.bytes, maker.size, &given, &igvm, &error),
			     &error, -EFBIG, limits[i].field);
	}
	expect_ok(coco_igvm_parse(maker.bytes, maker.size, NULL, &igvm, &error), &error);
	coco_igvm_free(igvm);
	coco_image_unref(image);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		entries_become_runs_in_the_order_of_the_file,
		scattered_pages_become_one_run_and_long_stretches_stay,
		pages_without_data_are_what_the_options_say,
		sev_has_shared_memory_instead_of_unmeasured,
		parameters_have_the_values_that_the_options_give,
		a_callback_comes_before_the_defaults,
		a_value_that_does_not_fit_is_refused,
		what_the_guest_has_not_got_is_refused,
		memory_is_used_once,
		bad_options_are_named,
		limits_are_the_callers,
		NULL,
	};

	return expect_run(expect_suite("igvm load", tests));
}
