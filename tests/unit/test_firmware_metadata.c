/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SEV and TDX metadata: the sections, and each way in which they can be malformed. */
#include "expect.h"
#include "firmware_parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct coco_error error;
static struct maker maker;

START_TEST(sections_come_in_the_order_of_their_table)
{
	static const uint32_t types[] = {1, 3, 2, 4, 1, 16, 1};
	struct coco_firmware_section section;
	struct coco_firmware *firmware;

	maker_ovmf(&maker);
	firmware = parse_well(&maker);
	COCO_INIT(&section);
	for (uint32_t i = 0; i < 7; i++) {
		expect_ok(
			coco_firmware_get_section(firmware, COCO_FIRMWARE_SEV, i, &section, &error),
			&error);
		ck_assert_uint_eq(section.type, types[i]);
		ck_assert_uint_eq(section.file_size, 0);
		ck_assert_uint_eq(section.attributes, 0);
	}
	ck_assert_uint_eq(section.gpa, 0x811000);
	ck_assert_uint_eq(section.size, 0x3000);

	expect_ok(coco_firmware_get_section(firmware, COCO_FIRMWARE_TDX, 0, &section, &error),
		  &error);
	ck_assert_uint_eq(section.struct_size, sizeof(section));
	ck_assert_uint_eq(section.gpa, MAKER_BASE + 0x4000);
	ck_assert_uint_eq(section.size, 0xc000);
	ck_assert_uint_eq(section.file_offset, 0x4000);
	ck_assert_uint_eq(section.file_size, 0xc000);
	ck_assert_uint_eq(section.type, COCO_TDX_SECTION_BFV);
	ck_assert_uint_eq(section.attributes, COCO_TDX_MR_EXTEND);
	coco_firmware_free(firmware);
}
END_TEST

START_TEST(there_is_no_section_beyond_the_last)
{
	struct coco_firmware_section section;
	struct coco_firmware_info info;
	struct coco_firmware *firmware;

	maker_ovmf(&maker);
	firmware = parse_well(&maker);
	COCO_INIT(&section);
	expect_error(coco_firmware_get_section(firmware, COCO_FIRMWARE_SEV, 7, &section, &error),
		     &error, -EINVAL, "index");
	expect_error(coco_firmware_get_section(firmware, COCO_FIRMWARE_TDX, 4, &section, &error),
		     &error, -EINVAL, "index");
	expect_error(coco_firmware_get_section(firmware, 0, 0, &section, &error), &error, -EINVAL,
		     "table");
	expect_error(coco_firmware_get_section(firmware, 3, 0, &section, &error), &error, -EINVAL,
		     "table");
	expect_error(coco_firmware_get_section(NULL, 1, 0, &section, &error), &error, -EINVAL,
		     "firmware");
	section.struct_size = 0;
	expect_error(coco_firmware_get_section(firmware, COCO_FIRMWARE_SEV, 0, &section, &error),
		     &error, -EINVAL, "struct_size");
	expect_error(coco_firmware_get_info(NULL, &info, &error), &error, -EINVAL, "firmware");
	info.struct_size = 8;
	expect_error(coco_firmware_get_info(firmware, &info, &error), &error, -EINVAL,
		     "struct_size");
	coco_firmware_free(firmware);
}
END_TEST

static void expect_named(const char *name, const char *text)
{
	char words[96];

	snprintf(words, sizeof(words), "%s: %s", name, text);
	expect_malformed(&maker, words);
}

/* What both kinds of metadata check alike. */
static void expect_headers_checked(const char *name, const struct maker_guid *guid, size_t header,
				   void (*make)(void))
{
	make();
	maker.bytes[header] = 'X';
	expect_named(name, "there is no signature");
	make();
	maker_put32(&maker, header + 8, 2);
	expect_named(name, "version 2, only 1 is known");
	make();
	maker_put32(&maker, header + 12, 257);
	expect_named(name, "257 sections, more than 256");
	maker_put32(&maker, header + 12, UINT32_MAX);
	expect_named(name, "4294967295 sections");
	make();
	maker_put32(&maker, header + 4, 15);
	expect_named(name, "a length of 15 does not go with");
	make();
	maker_put32(&maker, header + 12, 1);
	expect_named(name, "a length of ");
	/* The distance, which the entry's data tell. */
	maker_init(&maker);
	maker_entry32(&maker, guid, 0);
	expect_named(name, "the table says that they begin 0x0 bytes before");
	maker_put32(&maker, maker.entries, 15);
	expect_named(name, "the table says that they begin 0xf bytes before");
	maker_put32(&maker, maker.entries, MAKER_SIZE + 1);
	expect_named(name, "the table says that they begin 0x10001 bytes before");
	maker_put32(&maker, maker.entries, UINT32_MAX);
	expect_named(name, "the table says that they begin 0xffffffff bytes before");
	/* A header in the last 16 bytes, whose sections would come after them. */
	maker_put32(&maker, maker.entries, 16);
	memcpy(maker.bytes + MAKER_SIZE - 16, name[0] == 'S' ? "ASEV" : "TDVF", 4);
	maker_put32(&maker, MAKER_SIZE - 12, name[0] == 'S' ? 28 : 48);
	maker_put32(&maker, MAKER_SIZE - 8, 1);
	maker_put32(&maker, MAKER_SIZE - 4, 1);
	expect_named(name, "1 sections run past the file's end");
}

static void make_ovmf(void)
{
	maker_ovmf(&maker);
}

START_TEST(sev_headers_are_checked)
{
	maker_ovmf(&maker);
	expect_headers_checked("SEV metadata", &maker_sev_metadata, maker.sev, make_ovmf);
}
END_TEST

START_TEST(tdx_headers_are_checked)
{
	maker_ovmf(&maker);
	expect_headers_checked("TDX metadata", &maker_tdx_metadata, maker.tdx, make_ovmf);
}
END_TEST

START_TEST(metadata_may_fill_the_file_and_have_no_sections)
{
	struct coco_firmware_info info;

	maker_init(&maker);
	maker_begin_sev(&maker);
	maker_begin_tdx(&maker);
	info = info_of_maker(&maker);
	ck_assert_uint_eq(info.has_sev_metadata, 1);
	ck_assert_uint_eq(info.sev_sections, 0);
	ck_assert_uint_eq(info.has_tdx_metadata, 1);
	ck_assert_uint_eq(info.tdx_sections, 0);

	/* From the file's first byte on. */
	maker_init(&maker);
	maker_entry32(&maker, &maker_sev_metadata, MAKER_SIZE);
	maker.sev = 0;
	for (uint32_t i = 0; i < COCO_FIRMWARE_MAX_SECTIONS; i++)
		maker_sev_section(&maker, i * 0x1000, 0x1000, COCO_SEV_SECTION_MEMORY);
	ck_assert_uint_eq(info_of_maker(&maker).sev_sections, COCO_FIRMWARE_MAX_SECTIONS);
}
END_TEST

START_TEST(sev_sections_are_whole_pages_below_4_gib)
{
	static const struct {
		uint32_t gpa, size;
		const char *words;
	} sections[] = {
		{0x800010, 0x1000, "section 0, 0x1000 bytes at 0x800010, is not made of whole"},
		{0x800000, 0x1010, "section 0, 0x1010 bytes at 0x800000, is not made of whole"},
		{0xfffff000, 0x2000, "section 0, 0x2000 bytes at 0xfffff000, ends above 4 GiB"},
		{0x1000, 0xfffff000, NULL},
		{0x2000, 0xfffff000, "ends above 4 GiB"},
	};

	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		maker_init(&maker);
		maker_begin_sev(&maker);
		maker_sev_section(&maker, sections[i].gpa, sections[i].size, 1);
		if (sections[i].words)
			expect_malformed(&maker, sections[i].words);
		else
			ck_assert_uint_eq(info_of_maker(&maker).sev_sections, 1);
	}
}
END_TEST

START_TEST(tdx_sections_are_checked)
{
	static const struct {
		struct coco_firmware_section section;
		const char *words;
	} cases[] = {
		{{.gpa = 0x800010, .size = 0x1000, .type = 3}, "is not made of whole pages"},
		{{.gpa = 0x800000, .size = 0x1001, .type = 3}, "is not made of whole pages"},
		{{.gpa = 1ull << 52, .size = 0x1000, .type = 3}, "ends beyond 2^52"},
		{{.gpa = 0x1000, .size = 0xfffffffffffff000, .type = 3}, "ends beyond 2^52"},
		{{.gpa = 0xfffffffffffff000, .size = 0x2000, .type = 3}, "ends beyond 2^52"},
		{{.size = 0x1000, .file_size = 0x1001, .type = 0}, "more than its 0x1000 bytes"},
		{{.size = 0x1000, .type = 0}, "firmware volume without contents"},
		{{.size = 0x1000, .type = 1}, "firmware volume without contents"},
		{{.size = 0x1000, .file_size = 1, .type = 2}, "is memory (type 2) and has"},
		{{.size = 0x1000, .file_size = 1, .type = 3}, "is memory (type 3) and has"},
		{{.size = 0x1000, .file_size = 1, .type = 4}, "is memory (type 4) and has"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		maker_init(&maker);
		maker_begin_tdx(&maker);
		maker_tdx_section(&maker, &cases[i].section);
		expect_malformed(&maker, "TDX metadata: section 0");
		expect_malformed(&maker, cases[i].words);
	}
}
END_TEST

START_TEST(contents_past_the_file_are_told_and_no_error)
{
	const struct coco_firmware_section section = {
		.size = 0x2000, .file_offset = MAKER_SIZE - 0x1000, .file_size = 0x1001};

	maker_init(&maker);
	maker_begin_tdx(&maker);
	maker_tdx_section(&maker, &section);
	ck_assert_uint_eq(info_of_maker(&maker).tdx_data_missing, 1);
}
END_TEST

START_TEST(older_files_tell_the_tdx_metadatas_offset)
{
	const struct coco_firmware_section section = {.gpa = 0x800000, .size = 0x1000, .type = 3};

	maker_init(&maker);
	maker_begin_tdx_old(&maker);
	maker_tdx_section(&maker, &section);
	ck_assert_uint_eq(info_of_maker(&maker).tdx_sections, 1);
	/* Once it has the signature it is held to the rest. */
	maker_put32(&maker, maker.tdx + 8, 7);
	expect_malformed(&maker, "version 7");
	/* Without it, it was something else. */
	maker.bytes[maker.tdx] = 't';
	ck_assert_uint_eq(info_of_maker(&maker).has_tdx_metadata, 0);
	maker_put32(&maker, MAKER_SIZE - 32, MAKER_SIZE - 15);
	ck_assert_uint_eq(info_of_maker(&maker).has_tdx_metadata, 0);
	maker_put32(&maker, MAKER_SIZE - 32, UINT32_MAX);
	ck_assert_uint_eq(info_of_maker(&maker).has_tdx_metadata, 0);
	/* A header at the very end, with the sections cut off. */
	maker_put32(&maker, MAKER_SIZE - 32, MAKER_SIZE - 16);
	memcpy(maker.bytes + MAKER_SIZE - 16, "TDVF", 4);
	maker_put32(&maker, MAKER_SIZE - 12, 48);
	maker_put32(&maker, MAKER_SIZE - 8, 1);
	maker_put32(&maker, MAKER_SIZE - 4, 1);
	expect_malformed(&maker, "run past the file's end");
}
END_TEST

START_TEST(the_tables_entry_goes_before_the_older_way)
{
	const struct coco_firmware_section section = {.gpa = 0x800000, .size = 0x1000, .type = 3};

	maker_init(&maker);
	maker_begin_tdx(&maker);
	maker_tdx_section(&maker, &section);
	maker_tdx_section(&maker, &section);
	memcpy(maker.bytes + 0x2000, maker.bytes + maker.tdx, 16 + 64);
	maker_put32(&maker, 0x2000 + 12, 99);
	maker_put32(&maker, MAKER_SIZE - 32, 0x2000);
	ck_assert_uint_eq(info_of_maker(&maker).tdx_sections, 2);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		sections_come_in_the_order_of_their_table,
		there_is_no_section_beyond_the_last,
		sev_headers_are_checked,
		tdx_headers_are_checked,
		metadata_may_fill_the_file_and_have_no_sections,
		sev_sections_are_whole_pages_below_4_gib,
		tdx_sections_are_checked,
		contents_past_the_file_are_told_and_no_error,
		older_files_tell_the_tdx_metadatas_offset,
		the_tables_entry_goes_before_the_older_way,
		NULL,
	};

	return expect_run(expect_suite("firmware metadata", tests));
}
