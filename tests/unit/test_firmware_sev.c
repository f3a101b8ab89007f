/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Launch images for SEV, SEV-ES and SNP. */
#include "expect.h"
#include "firmware_maker.h"
#include "firmware_runs.h"

#include <errno.h>
#include <string.h>

#include <cocoreset/host.h>
#include <cocoreset/measure.h>

static struct coco_error error;
static struct maker maker;
static struct coco_kernel_hashes hashes;
static struct coco_image *image;
static struct coco_firmware *firmware;

static void begin(void)
{
	firmware = NULL;
	expect_ok(coco_image_new(&image, &error), &error);
	expect_ok(coco_firmware_parse(maker.bytes, MAKER_SIZE, &firmware, &error), &error);
	memset(&hashes, 0, sizeof(hashes));
	memset(hashes.kernel, 0x77, sizeof(hashes.kernel));
}

static void end(void)
{
	coco_image_unref(image);
	coco_firmware_free(firmware);
}

static int add(uint32_t tech, uint32_t vmm, const struct coco_kernel_hashes *measured)
{
	struct coco_sev_firmware_options options;

	COCO_INIT(&options);
	options.tech = tech;
	options.vmm = vmm;
	options.hashes = measured;
	return coco_image_add_sev_firmware(image, firmware, &options, &error);
}

/* The maker's file, in an image of its own. */
static void expect_runs(uint32_t tech, uint32_t vmm, const struct coco_kernel_hashes *measured,
			const char *expected)
{
	begin();
	expect_ok(add(tech, vmm, measured), &error);
	ck_assert_str_eq(runs_text(image), expected);
	end();
}

static void expect_refused(uint32_t tech, uint32_t vmm, const struct coco_kernel_hashes *measured,
			   int code, const char *blamed, const char *words)
{
	begin();
	expect_error(add(tech, vmm, measured), &error, code, blamed);
	expect_text(&error, words);
	ck_assert_uint_eq(coco_image_run_count(image), 0);
	ck_assert_uint_eq(coco_image_ap_start(image), 0);
	end();
}

START_TEST(sev_is_launched_with_the_firmware)
{
	maker_ovmf(&maker);
	begin();
	expect_ok(add(COCO_TECH_SEV, 0, NULL), &error);
	ck_assert_str_eq(runs_text(image), "ffff0000+10000 data firmware\n");
	ck_assert_mem_eq(run_at(image, 0).bytes, maker.bytes, MAKER_SIZE);
	ck_assert_uint_eq(coco_image_ap_start(image), 0);
	end();
}
END_TEST

START_TEST(seves_vcpus_start_where_the_reset_block_says)
{
	maker_ovmf(&maker);
	begin();
	expect_ok(add(COCO_TECH_SEVES, 0, NULL), &error);
	ck_assert_str_eq(runs_text(image), "ffff0000+10000 data firmware\n");
	ck_assert_uint_eq(coco_image_ap_start(image), 0x0080b004);
	end();

	maker_init(&maker);
	begin();
	expect_ok(add(COCO_TECH_SEVES, 0, NULL), &error);
	ck_assert_uint_eq(coco_image_ap_start(image), 0);
	end();
}
END_TEST

START_TEST(sev_measures_the_table_of_hashes_alone)
{
	uint8_t table[COCO_KERNEL_HASHES_TABLE_SIZE];

	maker_ovmf(&maker);
	expect_runs(COCO_TECH_SEV, 0, &hashes,
		    "ffff0000+10000 data firmware\n810c00+b0 part kernel hashes\n");
	begin();
	expect_ok(add(COCO_TECH_SEVES, 0, &hashes), &error);
	ck_assert_str_eq(runs_text(image),
			 "ffff0000+10000 data firmware\n810c00+b0 part kernel hashes\n");
	expect_ok(coco_kernel_hashes_table(&hashes, table, &error), &error);
	ck_assert_mem_eq(run_at(image, 1).bytes, table, sizeof(table));
	end();
}
END_TEST

START_TEST(snp_is_launched_with_the_metadatas_sections)
{
	maker_ovmf(&maker);
	expect_runs(COCO_TECH_SNP, 0, NULL,
		    "ffff0000+10000 data firmware\n"
		    "800000+9000 zero SEC memory\n"
		    "80e000+1000 cpuid CPUID\n"
		    "80d000+1000 secrets secrets\n"
		    "80f000+1000 zero SVSM calling area\n"
		    "810000+1000 zero no kernel hashes\n"
		    "811000+3000 zero SEC memory\n");
	expect_runs(COCO_TECH_SNP, COCO_VMM_QEMU, &hashes,
		    "ffff0000+10000 data firmware\n"
		    "800000+9000 zero SEC memory\n"
		    "80e000+1000 cpuid CPUID\n"
		    "80d000+1000 secrets secrets\n"
		    "80f000+1000 zero SVSM calling area\n"
		    "810000+1000 data kernel hashes\n"
		    "811000+3000 zero SEC memory\n");
	begin();
	expect_ok(add(COCO_TECH_SNP, COCO_VMM_KVM, NULL), &error);
	ck_assert_uint_eq(coco_image_ap_start(image), 0x0080b004);
	ck_assert_uint_eq(coco_image_run_count(image), 7);
	end();
}
END_TEST

START_TEST(ec2_launches_the_cpuid_page_last)
{
	maker_ovmf(&maker);
	expect_runs(COCO_TECH_SNP, COCO_VMM_EC2, NULL,
		    "ffff0000+10000 data firmware\n"
		    "800000+9000 zero SEC memory\n"
		    "80d000+1000 secrets secrets\n"
		    "80f000+1000 zero SVSM calling area\n"
		    "810000+1000 zero no kernel hashes\n"
		    "811000+3000 zero SEC memory\n"
		    "80e000+1000 cpuid CPUID\n");
}
END_TEST

START_TEST(gce_leaves_memory_unmeasured)
{
	maker_ovmf(&maker);
	expect_runs(COCO_TECH_SNP, COCO_VMM_GCE, NULL,
		    "ffff0000+10000 data firmware\n"
		    "800000+9000 zero SEC memory unmeasured\n"
		    "80e000+1000 cpuid CPUID\n"
		    "80d000+1000 secrets secrets\n"
		    "80f000+1000 zero SVSM calling area\n"
		    "810000+1000 zero no kernel hashes\n"
		    "811000+3000 zero SEC memory unmeasured\n");
}
END_TEST

START_TEST(snps_page_of_hashes_has_the_table_where_the_firmware_looks)
{
	static const uint8_t zeroes[COCO_PAGE_SIZE];
	uint8_t table[COCO_KERNEL_HASHES_TABLE_SIZE];
	const uint8_t *page;

	maker_ovmf(&maker);
	begin();
	expect_ok(add(COCO_TECH_SNP, 0, &hashes), &error);
	expect_ok(coco_kernel_hashes_table(&hashes, table, &error), &error);
	page = run_at(image, 5).bytes;
	ck_assert_mem_eq(page, zeroes, 0xc00);
	ck_assert_mem_eq(page + 0xc00, table, sizeof(table));
	ck_assert_mem_eq(page + 0xc00 + sizeof(table), zeroes, 0x400 - sizeof(table));
	end();
}
END_TEST

START_TEST(sections_of_unknown_types_are_zeroes_to_qemu_alone)
{
	maker_init(&maker);
	maker_begin_sev(&maker);
	maker_sev_section(&maker, 0x1000, 0x2000, 4294967295u);
	expect_runs(COCO_TECH_SNP, 0, NULL,
		    "ffff0000+10000 data firmware\n1000+2000 zero section of type 4294967295\n");
	expect_refused(COCO_TECH_SNP, COCO_VMM_EC2, NULL, -EOPNOTSUPP, "firmware",
		       "section of type 4294967295");
	expect_refused(COCO_TECH_SNP, COCO_VMM_GCE, NULL, -EOPNOTSUPP, "firmware",
		       "section of type 4294967295");
}
END_TEST

START_TEST(snp_needs_metadata)
{
	maker_init(&maker);
	expect_refused(COCO_TECH_SNP, 0, NULL, -EOPNOTSUPP, "firmware", "no SEV metadata");
	expect_runs(COCO_TECH_SEV, 0, NULL, "ffff0000+10000 data firmware\n");
	/* No sections is another matter. */
	maker_begin_sev(&maker);
	expect_runs(COCO_TECH_SNP, 0, NULL, "ffff0000+10000 data firmware\n");
}
END_TEST

START_TEST(hashes_need_room)
{
	maker_init(&maker);
	maker_begin_sev(&maker);
	expect_refused(COCO_TECH_SEV, 0, &hashes, -EOPNOTSUPP, "hashes", "no room for a table");
	expect_refused(COCO_TECH_SNP, 0, &hashes, -EOPNOTSUPP, "hashes",
		       "no section for kernel hashes");
	maker_sev_section(&maker, 0x810000, 0x1000, COCO_SEV_SECTION_KERNEL_HASHES);
	expect_refused(COCO_TECH_SNP, 0, &hashes, -EOPNOTSUPP, "hashes", "no room for a table");
	maker_area(&maker, &maker_hash_table, 0, 0x400);
	expect_refused(COCO_TECH_SEVES, 0, &hashes, -EOPNOTSUPP, "hashes", "no room for a table");
}
END_TEST

START_TEST(the_room_for_hashes_must_do)
{
	static const struct {
		uint32_t gpa, size;
		const char *words;
	} areas[] = {
		{0x810c00, 175, "area has 175 bytes, the table has 176"},
		{0x810c08, 0x400, "not aligned to 16 bytes"},
		{0x810f60, 0x400, "would cross a page's end"},
	};

	for (size_t i = 0; i < sizeof(areas) / sizeof(*areas); i++) {
		maker_init(&maker);
		maker_area(&maker, &maker_hash_table, areas[i].gpa, areas[i].size);
		maker_begin_sev(&maker);
		maker_sev_section(&maker, 0x810000, 0x1000, COCO_SEV_SECTION_KERNEL_HASHES);
		expect_refused(COCO_TECH_SEV, 0, &hashes, -EINVAL, "firmware", areas[i].words);
		expect_refused(COCO_TECH_SNP, 0, &hashes, -EINVAL, "firmware", areas[i].words);
	}
	maker_init(&maker);
	maker_area(&maker, &maker_hash_table, 0x810f50, 176);
	expect_runs(COCO_TECH_SEV, 0, &hashes,
		    "ffff0000+10000 data firmware\n810f50+b0 part kernel hashes\n");
}
END_TEST

START_TEST(the_page_for_hashes_must_be_the_one_that_is_looked_at)
{
	maker_init(&maker);
	maker_area(&maker, &maker_hash_table, 0x820c00, 0x400);
	maker_begin_sev(&maker);
	maker_sev_section(&maker, 0x810000, 0x1000, COCO_SEV_SECTION_KERNEL_HASHES);
	expect_refused(COCO_TECH_SNP, 0, &hashes, -EINVAL, "firmware",
		       "looks for kernel hashes at 0x820c00, but its SEV metadata have the page "
		       "for them at 0x810000");
	maker_init(&maker);
	maker_area(&maker, &maker_hash_table, 0x810c00, 0x400);
	maker_begin_sev(&maker);
	maker_sev_section(&maker, 0x810000, 0x2000, COCO_SEV_SECTION_KERNEL_HASHES);
	expect_refused(COCO_TECH_SNP, 0, &hashes, -EINVAL, "firmware",
		       "section for kernel hashes has 0x2000 bytes");
	/* Without hashes it is just memory. */
	expect_runs(COCO_TECH_SNP, 0, NULL,
		    "ffff0000+10000 data firmware\n810000+2000 zero no kernel hashes\n");
}
END_TEST

START_TEST(there_is_one_page_of_each_special_kind)
{
	static const struct {
		uint32_t type;
		const char *size_words, *words;
	} kinds[] = {
		{COCO_SEV_SECTION_SECRETS, "secrets section has 0x2000 bytes",
		 "more than one secrets"},
		{COCO_SEV_SECTION_CPUID, "cpuid section has 0x2000 bytes", "more than one cpuid"},
		{COCO_SEV_SECTION_KERNEL_HASHES, NULL, "more than one kernel hashes"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		maker_init(&maker);
		maker_begin_sev(&maker);
		maker_sev_section(&maker, 0x800000, 0x2000, kinds[i].type);
		if (kinds[i].size_words)
			expect_refused(COCO_TECH_SNP, 0, NULL, -EINVAL, "firmware",
				       kinds[i].size_words);
		maker_init(&maker);
		maker_begin_sev(&maker);
		maker_sev_section(&maker, 0x800000, 0x1000, kinds[i].type);
		maker_sev_section(&maker, 0x801000, 0x1000, kinds[i].type);
		expect_refused(COCO_TECH_SNP, 0, NULL, -EINVAL, "firmware", kinds[i].words);
		expect_refused(COCO_TECH_SNP, COCO_VMM_EC2, NULL, -EINVAL, "firmware",
			       kinds[i].words);
		/* SEV does not look at them. */
		expect_runs(COCO_TECH_SEV, 0, NULL, "ffff0000+10000 data firmware\n");
	}
}
END_TEST

START_TEST(sections_must_not_overlap)
{
	maker_init(&maker);
	maker_begin_sev(&maker);
	maker_sev_section(&maker, 0x800000, 0x3000, COCO_SEV_SECTION_MEMORY);
	maker_sev_section(&maker, 0x802000, 0x1000, COCO_SEV_SECTION_SECRETS);
	expect_refused(
		COCO_TECH_SNP, 0, NULL, -EEXIST, "firmware",
		"the run \"secrets\" of 0x1000 bytes at 0x802000 overlaps run 1 \"SEC memory\"");
	maker_init(&maker);
	maker_begin_sev(&maker);
	maker_sev_section(&maker, 0xfffff000, 0x1000, COCO_SEV_SECTION_MEMORY);
	expect_refused(COCO_TECH_SNP, 0, NULL, -EEXIST, "firmware", "run 0 \"firmware\"");
}
END_TEST

START_TEST(a_failure_leaves_the_image_as_it_was)
{
	struct coco_page_run run;

	maker_init(&maker);
	maker_begin_sev(&maker);
	maker_sev_section(&maker, 0x800000, 0x1000, COCO_SEV_SECTION_MEMORY);
	maker_sev_section(&maker, 0x810000, 0x1000, COCO_SEV_SECTION_MEMORY);
	begin();
	COCO_INIT(&run);
	run.gpa = 0x810000;
	run.size = COCO_PAGE_SIZE;
	run.kind = COCO_PAGE_ZERO;
	run.label = "the VMM's own";
	expect_ok(coco_image_add(image, &run, &error), &error);
	expect_ok(coco_image_set_ap_start(image, 0x1234, &error), &error);
	expect_error(add(COCO_TECH_SNP, 0, NULL), &error, -EEXIST, "firmware");
	ck_assert_str_eq(runs_text(image), "810000+1000 zero the VMM's own\n");
	ck_assert_uint_eq(coco_image_ap_start(image), 0x1234);
	/* What was taken back is free again. */
	run.gpa = 0x800000;
	expect_ok(coco_image_add(image, &run, &error), &error);
	run.gpa = 0xffff0000;
	expect_ok(coco_image_add(image, &run, &error), &error);
	run.gpa = 0x810000;
	expect_error(coco_image_add(image, &run, &error), &error, -EEXIST, "gpa");
	end();
}
END_TEST

START_TEST(a_full_image_takes_nothing)
{
	struct coco_page_run run;

	maker_ovmf(&maker);
	begin();
	COCO_INIT(&run);
	run.size = COCO_PAGE_SIZE;
	run.kind = COCO_PAGE_ZERO;
	for (uint32_t i = 0; i < COCO_IMAGE_MAX_RUNS - 3; i++) {
		run.gpa = (1ull << 33) + (uint64_t)i * COCO_PAGE_SIZE;
		ck_assert_int_eq(coco_image_add(image, &run, NULL), 0);
	}
	expect_error(add(COCO_TECH_SNP, 0, NULL), &error, -ENOSPC, "image");
	ck_assert_uint_eq(coco_image_run_count(image), COCO_IMAGE_MAX_RUNS - 3);
	expect_ok(add(COCO_TECH_SEV, 0, &hashes), &error);
	end();
}
END_TEST

START_TEST(options_are_checked)
{
	static const uint32_t techs[] = {0, COCO_TECH_PLAIN, COCO_TECH_SWPROTECTED, COCO_TECH_TDX,
					 99};
	struct coco_sev_firmware_options options;

	maker_ovmf(&maker);
	for (size_t i = 0; i < sizeof(techs) / sizeof(*techs); i++)
		expect_refused(techs[i], 0, NULL, -EINVAL, "tech", "none of SEV, SEV-ES and SNP");
	expect_refused(COCO_TECH_SNP, 5, NULL, -EINVAL, "vmm", "no VMM 5");
	begin();
	COCO_INIT(&options);
	options.tech = COCO_TECH_SEV;
	expect_error(coco_image_add_sev_firmware(image, firmware, NULL, &error), &error, -EINVAL,
		     "options");
	expect_error(coco_image_add_sev_firmware(image, NULL, &options, &error), &error, -EINVAL,
		     "firmware");
	expect_error(coco_image_add_sev_firmware(NULL, firmware, &options, &error), &error, -EINVAL,
		     "image");
	options.struct_size = 8;
	expect_error(coco_image_add_sev_firmware(image, firmware, &options, &error), &error,
		     -EINVAL, "struct_size");
	options.struct_size = 16;
	expect_ok(coco_image_add_sev_firmware(image, firmware, &options, &error), &error);
	end();
}
END_TEST

/* An SVSM that starts there. */
static void make_svsm(uint32_t start)
{
	maker_init(&maker);
	maker_entry32(&maker, &maker_svsm_info, start);
	maker_begin_sev(&maker);
	maker_sev_section(&maker, 0x2000, 0x2000, COCO_SEV_SECTION_MEMORY);
	maker_sev_section(&maker, 0x4000, 0x1000, COCO_SEV_SECTION_SECRETS);
	maker_sev_section(&maker, 0x5000, 0x1000, COCO_SEV_SECTION_CPUID);
}

START_TEST(an_svsm_lies_below_its_end)
{
	uint64_t entry = 0;

	make_svsm(0x40);
	begin();
	expect_ok(coco_image_add_svsm(image, firmware, 0xff000000, &entry, &error), &error);
	ck_assert_uint_eq(entry, 0xff000000 - MAKER_SIZE + 0x40);
	ck_assert_str_eq(runs_text(image), "feff0000+10000 data SVSM\n"
					   "2000+2000 zero SEC memory\n"
					   "4000+1000 secrets secrets\n"
					   "5000+1000 cpuid CPUID\n");
	end();
}
END_TEST

static void expect_svsm_refused(uint64_t end_gpa, int code, const char *blamed, const char *words)
{
	uint64_t entry = 7;

	begin();
	expect_error(coco_image_add_svsm(image, firmware, end_gpa, &entry, &error), &error, code,
		     blamed);
	expect_text(&error, words);
	ck_assert_uint_eq(coco_image_run_count(image), 0);
	ck_assert_uint_eq(entry, 7);
	end();
}

START_TEST(an_svsm_that_cannot_be_launched_is_refused)
{
	uint64_t entry;

	make_svsm(0x40);
	expect_svsm_refused(0xff000800, -EINVAL, "end", "0xff000800");
	expect_svsm_refused(MAKER_SIZE - 0x1000, -EINVAL, "end", "too low");
	expect_svsm_refused(0x100001000, -EINVAL, "end", "above 4 GiB");
	expect_svsm_refused(UINT64_MAX - 0xfff, -EINVAL, "end", "above 4 GiB");
	/* On top of its own memory. */
	expect_svsm_refused(MAKER_SIZE, -EEXIST, "firmware", "SVSM");
	make_svsm(MAKER_SIZE);
	expect_svsm_refused(0xff000000, -EINVAL, "svsm", "starts at 0x10000");
	make_svsm(0x40);
	maker_sev_section(&maker, 0x6000, 0x2000, COCO_SEV_SECTION_SECRETS);
	expect_svsm_refused(0xff000000, -EINVAL, "firmware", "more than one");
	maker_init(&maker);
	maker_entry32(&maker, &maker_svsm_info, 0x40);
	expect_svsm_refused(0xff000000, -EOPNOTSUPP, "svsm", "SEV metadata");
	maker_ovmf(&maker);
	expect_svsm_refused(0xff000000, -EOPNOTSUPP, "svsm", "no SVSM");
	begin();
	expect_error(coco_image_add_svsm(image, NULL, 0, &entry, &error), &error, -EINVAL, "svsm");
	expect_error(coco_image_add_svsm(image, firmware, 0, NULL, &error), &error, -EINVAL,
		     "entry");
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		sev_is_launched_with_the_firmware,
		seves_vcpus_start_where_the_reset_block_says,
		sev_measures_the_table_of_hashes_alone,
		snp_is_launched_with_the_metadatas_sections,
		ec2_launches_the_cpuid_page_last,
		gce_leaves_memory_unmeasured,
		snps_page_of_hashes_has_the_table_where_the_firmware_looks,
		sections_of_unknown_types_are_zeroes_to_qemu_alone,
		snp_needs_metadata,
		hashes_need_room,
		the_room_for_hashes_must_do,
		the_page_for_hashes_must_be_the_one_that_is_looked_at,
		there_is_one_page_of_each_special_kind,
		sections_must_not_overlap,
		a_failure_leaves_the_image_as_it_was,
		a_full_image_takes_nothing,
		options_are_checked,
		an_svsm_lies_below_its_end,
		an_svsm_that_cannot_be_launched_is_refused,
		NULL,
	};

	return expect_run(expect_suite("firmware sev", tests));
}
