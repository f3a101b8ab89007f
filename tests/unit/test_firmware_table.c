/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The table of GUIDed entries: what is read from it, and each way in which it can be malformed. */
#include "expect.h"
#include "firmware_parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct coco_error error;
static struct maker maker;

START_TEST(all_entries_are_read)
{
	struct coco_firmware_info info;

	maker_ovmf(&maker);
	maker_entry(&maker, &maker_unknown, "any length", 11);
	maker_entry(&maker, &maker_unknown, NULL, 0);
	maker_entry32(&maker, &maker_svsm_info, 0x1234);
	info = info_of_maker(&maker);
	ck_assert_uint_eq(info.size, MAKER_SIZE);
	ck_assert_uint_eq(info.has_guid_table, 1);
	ck_assert_uint_eq(info.has_reset_block, 1);
	ck_assert_uint_eq(info.ap_reset_address, 0x0080b004);
	ck_assert_uint_eq(info.secret_area_gpa, 0x810000);
	ck_assert_uint_eq(info.secret_area_size, 0xc00);
	ck_assert_uint_eq(info.hash_table_gpa, 0x810c00);
	ck_assert_uint_eq(info.hash_table_size, 0x400);
	ck_assert_uint_eq(info.has_sev_metadata, 1);
	ck_assert_uint_eq(info.sev_sections, 7);
	ck_assert_uint_eq(info.has_tdx_metadata, 1);
	ck_assert_uint_eq(info.tdx_sections, 4);
	ck_assert_uint_eq(info.tdx_data_missing, 0);
	ck_assert_uint_eq(info.has_svsm_info, 1);
	ck_assert_uint_eq(info.svsm_info_offset, 0x1234);
}
END_TEST

START_TEST(a_file_without_tables_is_firmware_too)
{
	struct coco_firmware_info info;

	maker_init(&maker);
	memset(maker.bytes + MAKER_FOOTER_GUID, 0x90, 16);
	info = info_of_maker(&maker);
	ck_assert_uint_eq(info.size, MAKER_SIZE);
	ck_assert_uint_eq(info.has_guid_table, 0);
	ck_assert_uint_eq(info.has_reset_block, 0);
	ck_assert_uint_eq(info.has_sev_metadata, 0);
	ck_assert_uint_eq(info.has_tdx_metadata, 0);
}
END_TEST

START_TEST(an_empty_table_says_nothing)
{
	struct coco_firmware_info info;

	maker_init(&maker);
	info = info_of_maker(&maker);
	ck_assert_uint_eq(info.has_guid_table, 1);
	ck_assert_uint_eq(info.has_reset_block, 0);
}
END_TEST

START_TEST(an_area_at_0_is_none)
{
	struct coco_firmware_info info;

	maker_init(&maker);
	maker_area(&maker, &maker_secret_area, 0, 0xc00);
	maker_area(&maker, &maker_hash_table, 0, UINT32_MAX);
	info = info_of_maker(&maker);
	ck_assert_uint_eq(info.secret_area_gpa, 0);
	ck_assert_uint_eq(info.secret_area_size, 0);
	ck_assert_uint_eq(info.hash_table_gpa, 0);
	ck_assert_uint_eq(info.hash_table_size, 0);
}
END_TEST

START_TEST(an_area_may_end_at_4_gib_but_not_above)
{
	maker_init(&maker);
	maker_area(&maker, &maker_secret_area, 0xfffff000, 0x1000);
	ck_assert_uint_eq(info_of_maker(&maker).secret_area_size, 0x1000);
	maker_init(&maker);
	maker_area(&maker, &maker_secret_area, 0xfffff000, 0x1001);
	expect_malformed(&maker, "launch secret area, 0x1001 bytes at 0xfffff000");
	maker_init(&maker);
	maker_area(&maker, &maker_hash_table, 0x10, UINT32_MAX);
	expect_malformed(&maker, "kernel hash table area");
}
END_TEST

START_TEST(the_table_has_a_believable_length)
{
	maker_ovmf(&maker);
	maker_put16(&maker, MAKER_FOOTER_LENGTH, 17);
	expect_malformed(&maker, "a length of 17, its footer alone has 18");
	maker_put16(&maker, MAKER_FOOTER_LENGTH, MAKER_SIZE - 31);
	expect_malformed(&maker, "begins before the file of 65536 bytes");
	/* To the first byte: what is found there is no entry, but it is looked at. */
	maker_put16(&maker, MAKER_FOOTER_LENGTH, MAKER_SIZE - 32);
	expect_malformed(&maker, "entry that ends at");
}
END_TEST

START_TEST(what_is_too_short_for_an_entry_is_left_alone)
{
	maker_init(&maker);
	maker_entry32(&maker, &maker_reset_block, 0x1000);
	maker_put16(&maker, MAKER_FOOTER_LENGTH, 18 + 22 + 17);
	ck_assert_uint_eq(info_of_maker(&maker).ap_reset_address, 0x1000);
}
END_TEST

START_TEST(an_entry_has_a_believable_length)
{
	maker_init(&maker);
	maker_entry32(&maker, &maker_reset_block, 0x1000);
	maker_put16(&maker, MAKER_FOOTER_LENGTH - 18, 17);
	expect_malformed(&maker, "offset 0xffce has a length of 17, at least 18 is needed");
	maker_put16(&maker, MAKER_FOOTER_LENGTH - 18, 0);
	expect_malformed(&maker, "a length of 0");
	maker_put16(&maker, MAKER_FOOTER_LENGTH - 18, 23);
	expect_malformed(&maker, "a length of 23, but the table begins 22 bytes before");
}
END_TEST

START_TEST(no_known_entry_comes_twice)
{
	maker_init(&maker);
	maker_entry32(&maker, &maker_reset_block, 0x1000);
	maker_entry32(&maker, &maker_reset_block, 0x1000);
	expect_malformed(&maker, "two entries for the SEV-ES reset block");
	maker_init(&maker);
	maker_area(&maker, &maker_hash_table, 0, 0);
	maker_area(&maker, &maker_hash_table, 0x1000, 0x1000);
	expect_malformed(&maker, "two entries for the kernel hash table area");
}
END_TEST

START_TEST(a_known_entry_has_the_data_that_it_needs)
{
	static const struct {
		const struct maker_guid *guid;
		const char *words;
		size_t size;
	} entries[] = {
		{&maker_reset_block, "SEV-ES reset block has 3 bytes of data, not 4", 3},
		{&maker_secret_area, "launch secret area has 7 bytes of data, not 8", 7},
		{&maker_hash_table, "kernel hash table area has 4 bytes of data, not 8", 4},
		{&maker_sev_metadata, "SEV metadata has 0 bytes of data, not 4", 0},
		{&maker_tdx_metadata, "TDX metadata has 3 bytes of data, not 4", 3},
		{&maker_svsm_info, "SVSM info has 3 bytes of data, not 4", 3},
	};

	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
		maker_init(&maker);
		maker_entry(&maker, entries[i].guid, "\0\0\0\0\0\0\0", entries[i].size);
		expect_malformed(&maker, entries[i].words);
	}
}
END_TEST

/* As files from before the table have it: at the footer's place, the address first. */
static void make_lone_reset_block(uint16_t length)
{
	maker_init(&maker);
	maker_put_guid(&maker, MAKER_FOOTER_GUID, &maker_reset_block);
	maker_put16(&maker, MAKER_FOOTER_LENGTH, length);
	if (length >= 22 && length <= MAKER_SIZE - 32)
		maker_put32(&maker, MAKER_SIZE - 32 - length, 0x00808004);
}

START_TEST(a_reset_block_may_stand_alone)
{
	static const uint16_t lengths[] = {22, 64, MAKER_SIZE - 32};
	struct coco_firmware_info info;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		make_lone_reset_block(lengths[i]);
		info = info_of_maker(&maker);
		ck_assert_uint_eq(info.has_guid_table, 0);
		ck_assert_uint_eq(info.has_reset_block, 1);
		ck_assert_uint_eq(info.ap_reset_address, 0x00808004);
	}
	make_lone_reset_block(21);
	expect_malformed(&maker, "reset block has a length of 21");
	make_lone_reset_block(MAKER_SIZE - 31);
	expect_malformed(&maker, "reset block has a length of 65505");
}
END_TEST

START_TEST(the_size_is_checked)
{
	struct coco_firmware *firmware = NULL;

	maker_ovmf(&maker);
	expect_error(coco_firmware_parse(maker.bytes, 0, &firmware, &error), &error, -EINVAL,
		     "size");
	expect_error(coco_firmware_parse(maker.bytes, 4095, &firmware, &error), &error, -EINVAL,
		     "size");
	expect_error(coco_firmware_parse(maker.bytes, 0x1001000, &firmware, &error), &error, -EFBIG,
		     "size");
	expect_error(coco_firmware_parse(NULL, 4096, &firmware, &error), &error, -EINVAL, "bytes");
	expect_error(coco_firmware_parse(maker.bytes, 4096, NULL, &error), &error, -EINVAL, "out");
	/* Too short for what the table refers to, long enough for the table. */
	expect_error(coco_firmware_parse(maker.bytes + MAKER_SIZE - 4096, 4096, &firmware, &error),
		     &error, -EBADMSG, "firmware");
	ck_assert_ptr_null(firmware);
	coco_firmware_free(NULL);
}
END_TEST

START_TEST(a_file_is_parsed_like_bytes)
{
	char path[] = "/tmp/firmwareXXXXXX";
	struct coco_firmware *firmware = NULL;
	struct coco_firmware_info info;
	int fd = mkstemp(path);

	maker_ovmf(&maker);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, maker.bytes, MAKER_SIZE), MAKER_SIZE);
	expect_ok(coco_firmware_parse_file(path, &firmware, &error), &error);
	COCO_INIT(&info);
	expect_ok(coco_firmware_get_info(firmware, &info, &error), &error);
	ck_assert_uint_eq(info.ap_reset_address, 0x0080b004);
	coco_firmware_free(firmware);

	ck_assert_int_eq(ftruncate(fd, 100), 0);
	expect_error(coco_firmware_parse_file(path, &firmware, &error), &error, -EINVAL, "size");
	close(fd);
	unlink(path);
	expect_error(coco_firmware_parse_file(path, &firmware, &error), &error, -ENOENT, "");
	expect_error(coco_firmware_parse_file("/tmp", &firmware, &error), &error, -EINVAL, "path");
	expect_error(coco_firmware_parse_file(NULL, &firmware, &error), &error, -EINVAL, "path");
	expect_error(coco_firmware_parse_file("/tmp", NULL, &error), &error, -EINVAL, "out");
}
END_TEST

START_TEST(the_bytes_are_copied)
{
	struct coco_firmware_section section;
	struct coco_firmware *firmware;

	maker_ovmf(&maker);
	firmware = parse_well(&maker);
	memset(maker.bytes, 0, sizeof(maker.bytes));
	COCO_INIT(&section);
	expect_ok(coco_firmware_get_section(firmware, COCO_FIRMWARE_SEV, 0, &section, &error),
		  &error);
	ck_assert_uint_eq(section.gpa, 0x800000);
	coco_firmware_free(firmware);
}
END_TEST

/* Whatever bytes are wrong, the parser and the loaders only fail: a sanitizer tells. */
START_TEST(damaged_files_do_no_harm)
{
	uint64_t random = 1;

	for (unsigned round = 0; round < 20000; round++) {
		struct coco_sev_firmware_options options;
		struct coco_firmware *firmware = NULL;
		struct coco_image *image;

		if (round % 16 == 0)
			maker_ovmf(&maker);
		random = random * 6364136223846793005u + 1442695040888963407u;
		/* The table, the SEV metadata, or the TDX metadata. */
		maker.bytes[(uint32_t[]){MAKER_SIZE - 256, maker.sev,
					 maker.tdx}[(random >> 40) % 3] +
			    (random >> 48) % 224] = (uint8_t)(random >> 32);
		if (coco_firmware_parse(maker.bytes, MAKER_SIZE, &firmware, NULL))
			continue;
		ck_assert_int_eq(coco_image_new(&image, NULL), 0);
		COCO_INIT(&options);
		options.tech = COCO_TECH_SNP;
		if (coco_image_add_sev_firmware(image, firmware, &options, NULL))
			ck_assert_uint_eq(coco_image_run_count(image), 0);
		coco_image_unref(image);
		ck_assert_int_eq(coco_image_new(&image, NULL), 0);
		if (coco_image_add_tdx_firmware(image, firmware, NULL, NULL))
			ck_assert_uint_eq(coco_image_run_count(image), 0);
		coco_image_unref(image);
		coco_firmware_free(firmware);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		all_entries_are_read,
		a_file_without_tables_is_firmware_too,
		an_empty_table_says_nothing,
		an_area_at_0_is_none,
		an_area_may_end_at_4_gib_but_not_above,
		the_table_has_a_believable_length,
		what_is_too_short_for_an_entry_is_left_alone,
		an_entry_has_a_believable_length,
		no_known_entry_comes_twice,
		a_known_entry_has_the_data_that_it_needs,
		a_reset_block_may_stand_alone,
		the_size_is_checked,
		a_file_is_parsed_like_bytes,
		the_bytes_are_copied,
		damaged_files_do_no_harm,
		NULL,
	};

	return expect_run(expect_suite("firmware table", tests));
}
