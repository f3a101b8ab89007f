/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Firmware that is out in the world: do its tables say what is known of them? */
#include <cocoreset/firmware.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "firmware_runs.h"
#include "vectors.h"

static struct coco_error error;
static struct json_object *tdx_file, *sev_file;

/* The file's firmware of that name; NULL if it is not to be had. */
static struct coco_firmware *load(struct json_object *file, const char *name)
{
	struct coco_firmware *firmware = NULL;
	size_t size;
	uint8_t *bytes = vectors_firmware(file, name, &size);

	if (bytes)
		expect_ok(coco_firmware_parse(bytes, size, &firmware, &error), &error);
	free(bytes);
	return firmware;
}

static struct coco_firmware_info info_of(const struct coco_firmware *firmware)
{
	struct coco_firmware_info info;

	COCO_INIT(&info);
	expect_ok(coco_firmware_get_info(firmware, &info, &error), &error);
	return info;
}

static void check_sections(const struct coco_firmware *firmware, struct json_object *sections)
{
	const size_t count = json_object_array_length(sections);

	ck_assert_uint_eq(info_of(firmware).tdx_sections, count);
	for (size_t i = 0; i < count; i++) {
		struct json_object *expected = json_object_array_get_idx(sections, i);
		struct coco_firmware_section section;

		COCO_INIT(&section);
		expect_ok(coco_firmware_get_section(firmware, COCO_FIRMWARE_TDX, (uint32_t)i,
						    &section, &error),
			  &error);
		ck_assert_uint_eq(section.gpa, vectors_number(expected, "memory_address"));
		ck_assert_uint_eq(section.size, vectors_number(expected, "memory_data_size"));
		ck_assert_uint_eq(section.file_offset, vectors_number(expected, "data_offset"));
		ck_assert_uint_eq(section.file_size, vectors_number(expected, "raw_data_size"));
		ck_assert_uint_eq(section.type, vectors_number(expected, "type"));
		ck_assert_uint_eq(section.attributes, vectors_number(expected, "attributes"));
	}
}

/* One run for each section: in these files none is filled up. */
static void check_image(const struct coco_firmware *firmware, struct json_object *sections)
{
	const size_t count = json_object_array_length(sections);
	struct coco_image *image;

	expect_ok(coco_image_new(&image, &error), &error);
	expect_ok(coco_image_add_tdx_firmware(image, firmware, NULL, &error), &error);
	ck_assert_uint_eq(coco_image_run_count(image), count);
	for (size_t i = 0; i < count; i++) {
		struct json_object *expected = json_object_array_get_idx(sections, i);
		const struct coco_page_run run = run_at(image, (uint32_t)i);

		ck_assert_uint_eq(run.gpa, vectors_number(expected, "memory_address"));
		ck_assert_uint_eq(run.size, vectors_number(expected, "memory_data_size"));
		ck_assert_int_eq(run.flags & COCO_RUN_UNMEASURED,
				 !(vectors_number(expected, "attributes") & 1));
		if (vectors_number(expected, "type") == COCO_TDX_SECTION_HOB)
			ck_assert_uint_eq(coco_image_hob(image), run.gpa);
	}
	coco_image_unref(image);
}

static void check_refused(const struct coco_firmware *firmware, const char *reason)
{
	const struct coco_firmware_info info = info_of(firmware);
	struct coco_image *image;

	ck_assert_ptr_nonnull(reason);
	expect_ok(coco_image_new(&image, &error), &error);
	expect_error(coco_image_add_tdx_firmware(image, firmware, NULL, &error), &error,
		     -EOPNOTSUPP, "firmware");
	if (strstr(reason, "CODE half")) {
		ck_assert_uint_eq(info.tdx_data_missing, 1);
		expect_text(&error, "one half of a split build");
	} else {
		ck_assert_str_eq(reason, "no TDX metadata");
		expect_text(&error, reason);
	}
	coco_image_unref(image);
}

START_TEST(tdx_sections_are_as_peers_read_them)
{
	struct json_object *vector = vectors_at(tdx_file, _i);
	struct json_object *sections = vectors_get(vector, "sections");
	struct coco_firmware *firmware = load(tdx_file, vectors_text(vector, "firmware"));

	if (!firmware) {
		vectors_skip(tdx_file, _i);
		return;
	}
	if (sections) {
		check_sections(firmware, sections);
		check_image(firmware, sections);
	} else {
		check_refused(firmware, vectors_text(vector, "expected_error"));
	}
	coco_firmware_free(firmware);
}
END_TEST

/* What these files are known to say, beyond TDX sections. */
static const struct {
	const char *name;
	uint32_t ap_reset_address, hash_table_gpa, secret_area_gpa;
	uint32_t sev_sections, tdx_sections, tdx_data_missing;
} known[] = {
	{"amdsev", 0x0080b004, 0x810c00, 0x810000, 7, 7, 0},
	{"bw", 0x0080b004, 0, 0, 5, 6, 0},
	{"bwcode", 0x0080b004, 0, 0, 5, 6, 1},
	{"bwcode4m", 0x00808004, 0, 0, 0, 0, 0},
	{"inteltdx", 0x0080b004, 0, 0, 6, 6, 0},
	{"synth-a", 0x0080b004, 0x810c00, 0x810000, 6, 4, 0},
	{"synth-b", 0xfffff123, 0, 0, 0, 0, 0},
	{"tx", 0x0080b004, 0, 0, 6, 6, 0},
};

static struct json_object *file_with(const char *name)
{
	return vectors_get(vectors_get(sev_file, "firmware"), name) ? sev_file : tdx_file;
}

START_TEST(the_tables_say_what_is_known)
{
	struct coco_firmware *firmware = load(file_with(known[_i].name), known[_i].name);
	struct coco_firmware_info info;

	if (!firmware) {
		printf("skipped: tables of %s, which is not there\n", known[_i].name);
		return;
	}
	info = info_of(firmware);
	ck_assert_uint_eq(info.has_guid_table, 1);
	ck_assert_uint_eq(info.has_reset_block, 1);
	ck_assert_uint_eq(info.ap_reset_address, known[_i].ap_reset_address);
	ck_assert_uint_eq(info.hash_table_gpa, known[_i].hash_table_gpa);
	ck_assert_uint_eq(info.secret_area_gpa, known[_i].secret_area_gpa);
	ck_assert_uint_eq(info.has_sev_metadata, known[_i].sev_sections > 0);
	ck_assert_uint_eq(info.sev_sections, known[_i].sev_sections);
	ck_assert_uint_eq(info.has_tdx_metadata, known[_i].tdx_sections > 0);
	ck_assert_uint_eq(info.tdx_sections, known[_i].tdx_sections);
	ck_assert_uint_eq(info.tdx_data_missing, known[_i].tdx_data_missing);
	coco_firmware_free(firmware);
}
END_TEST

int main(void)
{
	TCase *tables = tcase_create("tables");
	Suite *suite;
	int result;

	tdx_file = vectors_load("tdx-mrtd.json");
	sev_file = vectors_load("snp-sev-digests.json");
	suite = vectors_suite("firmware vectors", tdx_file,
			      tdx_sections_are_as_peers_read_them->fn);
	tcase_add_loop_test(tables, the_tables_say_what_is_known, 0,
			    sizeof(known) / sizeof(*known));
	tcase_set_timeout(tables, 60);
	suite_add_tcase(suite, tables);
	result = expect_run(suite);
	json_object_put(tdx_file);
	json_object_put(sev_file);
	return result;
}
