/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Firmware in UKIs: `.efifw` sections, and `.hwids` tables, which say for which machines it is. */
#include "image/uki.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/options.h"
#include "base/range.h"

#include <errno.h>
#include <inttypes.h>

#define EFIFW_MAGIC 0xfeeddeadu

enum {
	EFIFW_HEADER_SIZE = 4,
	EFIFW_ID_SIZE = 8,
	EFIFW_PAYLOAD_SIZE = 12,
	EFIFW_HEADER = 16,

	HWID_SIZE = 28,
	HWID_CHID = 4,
	HWID_NAME = 20,
	HWID_ID = 24,
};

/* A descriptor: low 28 bits the entry's size, the others its type. */
#define HWID_SIZE_MASK  0x0fffffffu
#define HWID_TYPE_SHIFT 28

#define firmware_malformed(error, index, text)                                                     \
	coco_fail_field(error, -EBADMSG, ".efifw", "section %" PRIu32 ": %s", index, text)
#define hwids_malformed(error, index, text)                                                        \
	coco_fail_field(error, -EBADMSG, ".hwids", "section %" PRIu32 ": %s", index, text)

static int check_firmware(const struct coco_uki *uki, uint32_t index, struct coco_error *error)
{
	struct coco_pe_section section;
	uint32_t header, id, payload;
	const uint8_t *text;

	coco_pe_get(&uki->pe, index, &section);
	if (section.size < EFIFW_HEADER)
		return firmware_malformed(error, index, "it is too short for a header");
	if (coco_le32(section.bytes) != EFIFW_MAGIC)
		return firmware_malformed(error, index, "its magic is not 0xfeeddead");
	header = coco_le32(section.bytes + EFIFW_HEADER_SIZE);
	id = coco_le32(section.bytes + EFIFW_ID_SIZE);
	payload = coco_le32(section.bytes + EFIFW_PAYLOAD_SIZE);
	if (header < EFIFW_HEADER)
		return firmware_malformed(error, index, "its header says to be shorter than it is");
	if (!id || (uint64_t)header + id + payload > section.size)
		return firmware_malformed(error, index,
					  "header, firmware id and payload do not fit into it, or "
					  "there is no id");
	text = section.bytes + header;
	if (id < 2 || id > COCO_UKI_TEXT_SIZE || memchr(text, 0, id) != text + id - 1)
		return firmware_malformed(error, index,
					  "the firmware id is not text that ends with a NUL");
	return 0;
}

static void get_firmware(const struct coco_uki *uki, uint32_t index, struct coco_uki_firmware *out)
{
	struct coco_pe_section section;
	const uint8_t *text;

	coco_pe_get(&uki->pe, index, &section);
	text = section.bytes + coco_le32(section.bytes + EFIFW_HEADER_SIZE);
	*out = (struct coco_uki_firmware){
		.section = index,
		.id = (const char *)text,
		.bytes = text + coco_le32(section.bytes + EFIFW_ID_SIZE),
		.size = coco_le32(section.bytes + EFIFW_PAYLOAD_SIZE),
	};
	out->kind = coco_payload_kind(out->bytes, out->size);
}

/* Text at an offset within the section; 0: there is none. */
static bool get_text(const struct coco_pe_section *section, uint32_t offset, const char **out)
{
	*out = "";
	if (!offset)
		return true;
	if (offset >= section->size || !memchr(section->bytes + offset, 0, section->size - offset))
		return false;
	*out = (const char *)section->bytes + offset;
	return true;
}

static bool get_hwid(const struct coco_pe_section *section, uint32_t offset,
		     struct coco_uki_hwid *out)
{
	const uint8_t *entry = section->bytes + offset;

	out->type = coco_le32(entry) >> HWID_TYPE_SHIFT;
	memcpy(out->chid, entry + HWID_CHID, sizeof(out->chid));
	out->id = "";
	return get_text(section, coco_le32(entry + HWID_NAME), &out->name) &&
	       get_text(section, coco_le32(entry + HWID_ID), &out->id);
}

/* Whether another entry follows at `offset`. */
static bool more_hwids(const struct coco_pe_section *section, uint32_t offset)
{
	return section->size - offset >= 4 && coco_le32(section->bytes + offset);
}

static int check_hwids(struct coco_uki *uki, uint32_t index, struct coco_error *error)
{
	struct coco_pe_section section;
	struct coco_uki_hwid hwid;
	uint32_t offset;

	coco_pe_get(&uki->pe, index, &section);
	for (offset = 0; more_hwids(&section, offset); offset += HWID_SIZE) {
		if (section.size - offset < HWID_SIZE)
			return hwids_malformed(error, index, "it ends in the middle of an entry");
		if ((coco_le32(section.bytes + offset) & HWID_SIZE_MASK) != HWID_SIZE)
			return hwids_malformed(error, index,
					       "an entry says to be of another size than 28 bytes");
		if (!get_hwid(&section, offset, &hwid))
			return hwids_malformed(error, index,
					       "a text is not in it, or does not end in time");
		if (hwid.type != COCO_HWID_DEVICE_TREE && hwid.type != COCO_HWID_FIRMWARE)
			return hwids_malformed(error, index,
					       "an entry is of no type that is known");
		if (uki->info.hwids++ == COCO_UKI_MAX_HWIDS)
			return hwids_malformed(error, index, "there are too many entries");
	}
	if (section.size - offset < 4)
		return hwids_malformed(error, index, "no entry is the last one");
	return 0;
}

int coco_uki_read_firmware(struct coco_uki *uki, struct coco_error *error)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < uki->pe.sections; i++) {
		struct coco_pe_section section;

		coco_pe_get(&uki->pe, i, &section);
		if (strcmp(section.name, ".hwids") == 0) {
			r = check_hwids(uki, i, error);
		} else if (strcmp(section.name, ".efifw") == 0) {
			r = check_firmware(uki, i, error);
			uki->info.firmwares++;
		}
	}
	return r;
}

int coco_uki_get_hwid(const struct coco_uki *uki, uint32_t index, struct coco_uki_hwid *hwid,
		      struct coco_error *error)
{
	uint32_t left = index;

	for (uint32_t i = 0; i < uki->pe.sections; i++) {
		struct coco_uki_hwid result = {.section = i};
		struct coco_pe_section section;

		coco_pe_get(&uki->pe, i, &section);
		if (strcmp(section.name, ".hwids") != 0)
			continue;
		for (uint32_t at = 0; more_hwids(&section, at); at += HWID_SIZE) {
			if (left--)
				continue;
			get_hwid(&section, at, &result);
			return coco_result_write(hwid, &result, sizeof(result),
						 COCO_END_OF(struct coco_uki_hwid, id), "hwid",
						 error);
		}
	}
	return coco_fail_field(error, -EINVAL, "index",
			       "there is no hardware id %" PRIu32 ", the file has %" PRIu32, index,
			       uki->info.hwids);
}

int coco_uki_get_firmware(const struct coco_uki *uki, uint32_t index,
			  struct coco_uki_firmware *firmware, struct coco_error *error)
{
	uint32_t left = index;

	for (uint32_t i = 0; i < uki->pe.sections; i++) {
		struct coco_uki_firmware result;
		struct coco_pe_section section;

		coco_pe_get(&uki->pe, i, &section);
		if (strcmp(section.name, ".efifw") != 0 || left--)
			continue;
		get_firmware(uki, i, &result);
		return coco_result_write(firmware, &result, sizeof(result),
					 COCO_END_OF(struct coco_uki_firmware, size), "firmware",
					 error);
	}
	return coco_fail_field(error, -EINVAL, "index",
			       "there is no firmware section %" PRIu32 ", the file has %" PRIu32,
			       index, uki->info.firmwares);
}

/* The firmware id of the first CHID that an entry for firmware has; "" if none has. */
static const char *find_id(const struct coco_pe_section *section, const uint8_t *chids,
			   uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t at = 0; more_hwids(section, at); at += HWID_SIZE) {
			struct coco_uki_hwid hwid;

			get_hwid(section, at, &hwid);
			if (hwid.type == COCO_HWID_FIRMWARE &&
			    memcmp(hwid.chid, chids + (size_t)i * COCO_CHID_SIZE, COCO_CHID_SIZE) ==
				    0)
				return hwid.id;
		}
	}
	return "";
}

static int find_firmware(const struct coco_uki *uki, uint32_t profile, const char *id,
			 struct coco_uki_firmware *out, struct coco_error *error)
{
	const uint32_t from = coco_uki_profile_of(uki, profile, ".efifw");

	for (uint32_t i = coco_uki_find_own(uki, from, ".efifw", 0); i < uki->pe.sections;
	     i = coco_uki_find_own(uki, from, ".efifw", i + 1)) {
		struct coco_uki_firmware found;

		get_firmware(uki, i, &found);
		if (strcmp(found.id, id) == 0)
			return coco_result_write(out, &found, sizeof(found),
						 COCO_END_OF(struct coco_uki_firmware, size),
						 "firmware", error);
	}
	return coco_fail_field(error, -ENOENT, ".efifw",
			       "the UKI's hardware ids name the firmware \"%.64s\" for this "
			       "machine, and it has none of that name",
			       id);
}

int coco_uki_select_firmware(const struct coco_uki *uki, uint32_t profile, const void *chids,
			     uint32_t count, struct coco_uki_firmware *firmware,
			     struct coco_error *error)
{
	struct coco_pe_section table;
	const char *id;
	uint32_t index;
	int r = coco_uki_check_profile(uki, profile, error);

	if (r)
		return r;
	if (!chids && count)
		return coco_fail_field(error, -EINVAL, "chids", "chids is NULL");
	index = coco_uki_find_own(uki, coco_uki_profile_of(uki, profile, ".hwids"), ".hwids", 0);
	if (index == uki->pe.sections)
		return coco_fail_field(error, -ENOENT, ".hwids",
				       "the UKI has no table of hardware ids");
	coco_pe_get(&uki->pe, index, &table);
	id = find_id(&table, chids, count);
	if (!*id)
		return coco_fail_field(error, -ENOENT, "chids",
				       "the UKI's hardware ids name no firmware for this machine");
	return find_firmware(uki, profile, id, firmware, error);
}
