/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Are sections, hardware ids and the choice of firmware in UKIs what other readers find, and is
 * each malformed file refused for its own reason?
 */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vectors.h"

static struct coco_error error;
static struct json_object *file;

struct refusal {
	const char *name;
	const char *field;
	const char *text;
};

/* clang-format off */
static const struct refusal refusals[] = {
	{"short", "DOS header", "60 bytes are too few"},
	{"lfanew-low", "PE header", "inside of the DOS header"},
	{"bad-pe-signature", "PE header", "signature is missing"},
	{"zero-sections", "PE header", "0 sections"},
	{"bad-optional-magic", "PE header", "neither that of PE32"},
	{"tiny-optional-header", "PE header", "is too small"},
	{"raw-wrap", "section", "section 2 \".efifw\""},
	{"fw-bad-magic", ".efifw", "magic"},
	{"fw-header-len-8", ".efifw", "shorter than it is"},
	{"fw-fwid-len-0", ".efifw", "there is no id"},
	{"fw-fwid-no-nul", ".efifw", "ends with a NUL"},
	{"fw-payload-long", ".efifw", "do not fit"},
	{"fw-lengths-wrap", ".efifw", "do not fit"},
	{"hwids-no-end", ".hwids", "a text"},
	{"hwids-type-5", ".hwids", "no type that is known"},
	{"hwids-string-unterminated", ".hwids", "a text"},
};
/* clang-format on */

static struct json_object *element(struct json_object *array, size_t index)
{
	return json_object_array_get_idx(array, index);
}

/* From the written form to UEFI's. */
static void parse_chid(const char *text, uint8_t *out)
{
	static const uint8_t places[] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	unsigned digit = 0;

	for (; *text; text++) {
		const char one[] = {*text, 0};
		uint8_t *byte = &out[places[digit / 2]];

		if (*text == '-')
			continue;
		*byte = (uint8_t)(*byte << 4 | strtoul(one, NULL, 16));
		digit++;
	}
	ck_assert_uint_eq(digit, 32);
}

static void check_selection(const struct coco_uki *uki, struct json_object *wanted)
{
	const char *payload = vectors_text(wanted, "payload_sha256");
	struct json_object *names = vectors_get(wanted, "chids");
	struct coco_uki_firmware firmware;
	uint8_t chids[8][COCO_CHID_SIZE];
	const size_t count = json_object_array_length(names);
	int r;

	ck_assert_uint_le(count, 8);
	for (size_t i = 0; i < count; i++)
		parse_chid(json_object_get_string(element(names, i)), chids[i]);
	COCO_INIT(&firmware);
	expect_spoil(&error);
	r = coco_uki_select_firmware(uki, (uint32_t)vectors_number(wanted, "profile"), chids,
				     (uint32_t)count, &firmware, &error);
	if (!vectors_text(wanted, "section")) {
		ck_assert_int_eq(r, -ENOENT);
		return;
	}
	ck_assert_msg(r == 0, "%s", error.text);
	ck_assert_uint_eq(firmware.section, vectors_number(wanted, "section"));
	if (vectors_text(wanted, "fwid"))
		ck_assert_str_eq(firmware.id, vectors_text(wanted, "fwid"));
	if (payload)
		vectors_expect_sha256(firmware.bytes, firmware.size, payload);
}

static void check_selections(const struct coco_uki *uki, struct json_object *object)
{
	struct json_object *selections = vectors_get(object, "select");

	ck_assert_uint_gt(json_object_array_length(selections), 0);
	for (size_t i = 0; i < json_object_array_length(selections); i++)
		check_selection(uki, element(selections, i));
}

START_TEST(verdict)
{
	struct json_object *vector = element(vectors_get(file, "cases"), (size_t)_i);
	const bool accepted = strcmp(vectors_text(vector, "verdict"), "accept") == 0;
	const char *name = vectors_text(vector, "name");
	const struct refusal *refusal = NULL;
	struct coco_uki *uki;
	size_t size;
	uint8_t *bytes = vectors_packed(vector, &size);

	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		if (strcmp(refusals[i].name, name) == 0)
			refusal = &refusals[i];
	ck_assert_msg(accepted == !refusal, "%s: no reason is expected", name);
	if (refusal) {
		expect_error(coco_uki_parse(bytes, size, &uki, &error), &error, -EBADMSG,
			     refusal->field);
		expect_text(&error, refusal->text);
	} else {
		expect_ok(coco_uki_parse(bytes, size, &uki, &error), &error);
		check_selections(uki, vector);
		coco_uki_free(uki);
	}
	free(bytes);
}
END_TEST

static void check_section(const struct coco_uki *uki, uint32_t index, struct json_object *wanted)
{
	struct coco_uki_section section;

	COCO_INIT(&section);
	expect_ok(coco_uki_get_section(uki, index, &section, &error), &error);
	ck_assert_str_eq(section.name, vectors_text(wanted, "name"));
	ck_assert_uint_eq(section.address, vectors_number(wanted, "va"));
	ck_assert_uint_eq(section.virtual_size, vectors_number(wanted, "virtual_size"));
	ck_assert_uint_eq(section.raw_offset, vectors_number(wanted, "raw_offset"));
	ck_assert_uint_eq(section.raw_size, vectors_number(wanted, "raw_size"));
	ck_assert_uint_eq(section.size, vectors_number(wanted, "size"));
	vectors_expect_sha256(section.bytes, section.size, vectors_text(wanted, "sha256"));
}

static void check_hwids(const struct coco_uki *uki, struct json_object *wanted)
{
	for (size_t i = 0; i < json_object_array_length(wanted); i++) {
		struct json_object *entry = element(wanted, i);
		uint8_t chid[COCO_CHID_SIZE];
		struct coco_uki_hwid hwid;

		COCO_INIT(&hwid);
		expect_ok(coco_uki_get_hwid(uki, (uint32_t)i, &hwid, &error), &error);
		parse_chid(vectors_text(entry, "chid"), chid);
		ck_assert_mem_eq(hwid.chid, chid, sizeof(chid));
		ck_assert_str_eq(hwid.id, vectors_text(entry, "id"));
		ck_assert_str_eq(hwid.name, vectors_text(entry, "name"));
		ck_assert_uint_eq(hwid.type, strcmp(vectors_text(entry, "type"), "uefi-fw") == 0
						     ? COCO_HWID_FIRMWARE
						     : COCO_HWID_DEVICE_TREE);
	}
}

static void check_firmwares(const struct coco_uki *uki, struct json_object *wanted)
{
	for (size_t i = 0; i < json_object_array_length(wanted); i++) {
		struct json_object *entry = element(wanted, i);
		struct coco_uki_firmware firmware;

		COCO_INIT(&firmware);
		expect_ok(coco_uki_get_firmware(uki, (uint32_t)i, &firmware, &error), &error);
		ck_assert_str_eq(firmware.id, vectors_text(entry, "fwid"));
		ck_assert_uint_eq(firmware.section, vectors_number(entry, "section"));
		ck_assert_int_eq(firmware.kind == COCO_PAYLOAD_IGVM,
				 json_object_get_boolean(vectors_get(entry, "payload_is_igvm")));
		vectors_expect_sha256(firmware.bytes, firmware.size,
				      vectors_text(entry, "payload_sha256"));
	}
}

/* A list of tables, of which the samples have one or none. */
static struct json_object *hwid_table(struct json_object *expect)
{
	struct json_object *tables = vectors_get(expect, "hwids");

	return json_object_array_length(tables) ? element(tables, 0) : tables;
}

START_TEST(structure)
{
	struct json_object *vector = element(vectors_get(file, "files"), (size_t)_i);
	struct json_object *expect = vectors_get(vector, "expect");
	struct json_object *sections = vectors_get(expect, "sections");
	struct coco_kernel_hashes hashes;
	struct coco_uki_info info;
	struct coco_uki *uki;
	size_t size;
	uint8_t *bytes = vectors_packed(vector, &size);

	if (!bytes) {
		printf("skipped: %s, for want of COCO_VECTOR_FILES\n",
		       vectors_text(vector, "name"));
		return;
	}
	expect_ok(coco_uki_parse(bytes, size, &uki, &error), &error);
	free(bytes);
	COCO_INIT(&info);
	expect_ok(coco_uki_get_info(uki, &info, &error), &error);
	ck_assert_uint_eq(info.machine, vectors_number(expect, "machine"));
	ck_assert_uint_eq(info.optional_magic, vectors_number(expect, "optional_magic"));
	ck_assert_uint_eq(info.subsystem, vectors_number(expect, "subsystem"));
	ck_assert_uint_eq(info.profiles, vectors_number(expect, "profiles"));
	ck_assert_uint_eq(info.sections, json_object_array_length(sections));
	ck_assert_uint_eq(info.hwids, json_object_array_length(hwid_table(expect)));
	ck_assert_uint_eq(info.firmwares, json_object_array_length(vectors_get(expect, "efifw")));
	ck_assert_int_eq(info.is_uki != 0, json_object_get_boolean(vectors_get(expect, "is_uki")));
	ck_assert_int_eq(info.is_addon, !info.is_uki);
	for (uint32_t i = 0; i < info.sections; i++)
		check_section(uki, i, element(sections, i));
	check_hwids(uki, hwid_table(expect));
	check_firmwares(uki, vectors_get(expect, "efifw"));
	check_selections(uki, expect);
	if (info.is_uki)
		expect_ok(coco_kernel_hashes_from_uki(uki, 0, &hashes, &error), &error);
	else
		expect_error(coco_kernel_hashes_from_uki(uki, 0, &hashes, &error), &error, -ENOENT,
			     "name");
	coco_uki_free(uki);
}
END_TEST

/* The first firmware of the sample is the smallest IGVM file of the vectors, the second is cut off.
 */
START_TEST(firmware_of_a_uki_is_an_igvm_file)
{
	struct json_object *vector = element(vectors_get(file, "files"), 1);
	struct coco_uki_firmware firmware;
	struct coco_igvm *igvm;
	struct coco_uki *uki;
	size_t size;
	uint8_t *bytes = vectors_packed(vector, &size);

	if (!bytes)
		return;
	expect_ok(coco_uki_parse(bytes, size, &uki, &error), &error);
	COCO_INIT(&firmware);
	expect_ok(coco_uki_get_firmware(uki, 0, &firmware, &error), &error);
	expect_ok(coco_igvm_parse(firmware.bytes, firmware.size, NULL, &igvm, &error), &error);
	coco_igvm_free(igvm);
	expect_ok(coco_uki_get_firmware(uki, 1, &firmware, &error), &error);
	expect_error(coco_igvm_parse(firmware.bytes, firmware.size, NULL, &igvm, &error), &error,
		     -EBADMSG, "fixed header");
	coco_uki_free(uki);
	free(bytes);
}
END_TEST

START_TEST(kernel_hashes_are_those_of_the_sections)
{
	struct json_object *vector = element(vectors_get(file, "files"), 1);
	static const char *const names[] = {".linux", ".initrd"};
	const struct coco_kernel_hashes *all;
	struct coco_kernel_hashes hashes;
	struct coco_uki *uki;
	size_t size;
	uint8_t *bytes = vectors_packed(vector, &size);

	if (!bytes)
		return;
	expect_ok(coco_uki_parse(bytes, size, &uki, &error), &error);
	expect_ok(coco_kernel_hashes_from_uki(uki, 0, &hashes, &error), &error);
	all = &hashes;
	for (size_t i = 0; i < 2; i++) {
		struct json_object *sections =
			vectors_get(vectors_get(vector, "expect"), "sections");

		for (size_t j = 0; j < json_object_array_length(sections); j++)
			if (strcmp(vectors_text(element(sections, j), "name"), names[i]) == 0)
				vectors_expect_hex(names[i], i ? all->initrd : all->kernel, 32,
						   vectors_text(element(sections, j), "sha256"));
	}
	coco_uki_free(uki);
	free(bytes);
}
END_TEST

static const struct {
	const char *key;
	size_t offset;
} smbios_fields[] = {
	{"manufacturer", offsetof(struct coco_smbios, manufacturer)},
	{"family", offsetof(struct coco_smbios, family)},
	{"product_name", offsetof(struct coco_smbios, product_name)},
	{"product_sku", offsetof(struct coco_smbios, product_sku)},
	{"baseboard_manufacturer", offsetof(struct coco_smbios, baseboard_manufacturer)},
	{"baseboard_product", offsetof(struct coco_smbios, baseboard_product)},
	{"bios_vendor", offsetof(struct coco_smbios, bios_vendor)},
	{"bios_version", offsetof(struct coco_smbios, bios_version)},
	{"bios_major", offsetof(struct coco_smbios, bios_major)},
	{"bios_minor", offsetof(struct coco_smbios, bios_minor)},
	{"enclosure_kind", offsetof(struct coco_smbios, enclosure_kind)},
};

START_TEST(hardware_ids_are_made_of_smbios_texts)
{
	struct json_object *machines = vectors_get(file, "chids");

	for (size_t i = 0; i < json_object_array_length(machines); i++) {
		struct json_object *texts = vectors_get(element(machines, i), "smbios");
		struct json_object *chids = vectors_get(element(machines, i), "chids");
		struct coco_smbios smbios;

		COCO_INIT(&smbios);
		for (size_t j = 0; j < sizeof(smbios_fields) / sizeof(*smbios_fields); j++)
			*(const char **)(void *)((char *)&smbios + smbios_fields[j].offset) =
				vectors_text(texts, smbios_fields[j].key);
		for (uint32_t number = 0; number < COCO_CHID_COUNT; number++) {
			uint8_t chid[COCO_CHID_SIZE], wanted[COCO_CHID_SIZE];
			char key[8];

			snprintf(key, sizeof(key), "%u", number);
			if (!vectors_text(chids, key)) {
				expect_error(coco_chid_from_smbios(&smbios, number, chid, &error),
					     &error, -ENODATA, "smbios");
				continue;
			}
			expect_ok(coco_chid_from_smbios(&smbios, number, chid, &error), &error);
			parse_chid(vectors_text(chids, key), wanted);
			ck_assert_mem_eq(chid, wanted, sizeof(chid));
		}
	}
}
END_TEST

static void check_chid14(const char *manufacturer, const char *wanted)
{
	uint8_t chid[COCO_CHID_SIZE], parsed[COCO_CHID_SIZE];
	struct coco_smbios smbios;

	COCO_INIT(&smbios);
	smbios.manufacturer = manufacturer;
	expect_ok(coco_chid_from_smbios(&smbios, 14, chid, &error), &error);
	parse_chid(wanted, parsed);
	ck_assert_mem_eq(chid, parsed, sizeof(chid));
}

START_TEST(spaces_and_leading_zeroes_do_not_count)
{
	struct coco_smbios smbios;
	uint8_t chid[COCO_CHID_SIZE];

	check_chid14("  00LENOVO  ", "6de5d951-d755-576b-bd09-c5cf66b27234");
	COCO_INIT(&smbios);
	smbios.manufacturer = "\xc3";
	expect_error(coco_chid_from_smbios(&smbios, 14, chid, &error), &error, -EINVAL, "smbios");
	smbios.manufacturer = "\xed\xa0\x80"; /* half of a surrogate pair */
	expect_error(coco_chid_from_smbios(&smbios, 14, chid, &error), &error, -EINVAL, "smbios");
	smbios.manufacturer = "\xc0\x80"; /* a NUL in two bytes */
	expect_error(coco_chid_from_smbios(&smbios, 14, chid, &error), &error, -EINVAL, "smbios");
	smbios.manufacturer = "\xc3\xa9\xf0\x9f\x98\x80";
	expect_ok(coco_chid_from_smbios(&smbios, 14, chid, &error), &error);
	expect_error(coco_chid_from_smbios(&smbios, 18, chid, &error), &error, -EINVAL, "number");
}
END_TEST

int main(void)
{
	const TTest *const others[] = {
		firmware_of_a_uki_is_an_igvm_file,
		kernel_hashes_are_those_of_the_sections,
		hardware_ids_are_made_of_smbios_texts,
		spaces_and_leading_zeroes_do_not_count,
		NULL,
	};
	int failed;

	file = vectors_load_of("uki.json", "cases");
	failed = expect_run(vectors_suite_of("uki files", file, "files", "name", structure->fn));
	failed |= expect_run(vectors_suite_of("uki cases", file, "cases", "name", verdict->fn));
	failed |= expect_run(expect_suite("uki", others));
	json_object_put(file);
	return failed;
}
