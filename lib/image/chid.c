/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * CHIDs: GUIDs of version 5 over what SMBIOS says of a machine (Microsoft, "Specifying hardware ids
 * for a computer").
 */
#include "base/bytes.h"
#include "base/error.h"
#include "base/options.h"
#include "image/guid.h"

#include <cocoreset/uki.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#define NAMESPACE "70ffd812-4c7f-4c7d-0000-000000000000"

#define AT(field) offsetof(struct coco_smbios, field)
/* No text is there: an offset of none. */
#define END 0

#define MANUFACTURER AT(manufacturer)
#define FAMILY       AT(family)
#define PRODUCT      AT(product_name)
#define SKU          AT(product_sku)
#define BOARD        AT(baseboard_manufacturer), AT(baseboard_product)
#define BIOS         AT(bios_vendor), AT(bios_version), AT(bios_major), AT(bios_minor)

static const size_t recipes[COCO_CHID_COUNT][9] = {
	[0] = {MANUFACTURER, FAMILY, PRODUCT, SKU, BIOS, END},
	[1] = {MANUFACTURER, FAMILY, PRODUCT, BIOS, END},
	[2] = {MANUFACTURER, PRODUCT, BIOS, END},
	[3] = {MANUFACTURER, FAMILY, PRODUCT, SKU, BOARD, END},
	[4] = {MANUFACTURER, FAMILY, PRODUCT, SKU, END},
	[5] = {MANUFACTURER, FAMILY, PRODUCT, END},
	[6] = {MANUFACTURER, SKU, BOARD, END},
	[7] = {MANUFACTURER, SKU, END},
	[8] = {MANUFACTURER, PRODUCT, BOARD, END},
	[9] = {MANUFACTURER, PRODUCT, END},
	[10] = {MANUFACTURER, FAMILY, BOARD, END},
	[11] = {MANUFACTURER, FAMILY, END},
	[12] = {MANUFACTURER, AT(enclosure_kind), END},
	[13] = {MANUFACTURER, BOARD, END},
	[14] = {MANUFACTURER, END},
	[15] = {MANUFACTURER, FAMILY, PRODUCT, AT(edid_panel), END},
	[16] = {MANUFACTURER, FAMILY, AT(edid_panel), END},
	[17] = {MANUFACTURER, SKU, AT(edid_panel), END},
};

/* What is hashed: UTF-16, little endian. */
struct text {
	uint8_t *bytes;
	size_t size;
};

static bool is_release(size_t field)
{
	return field == AT(bios_major) || field == AT(bios_minor);
}

static const char *get(const struct coco_smbios *smbios, size_t field)
{
	const char *text;

	memcpy(&text, (const char *)smbios + field, sizeof(text));
	return text;
}

/* Takes one character of UTF-8; false: there is none. */
static bool take_character(const char **at, const char *end, uint32_t *out)
{
	const uint8_t first = (uint8_t) * *at;
	const unsigned more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

	if ((first >= 0x80 && first < 0xc0) || first >= 0xf8 || (size_t)(end - *at) <= more)
		return false;
	*out = more ? first & (0x3fu >> more) : first;
	for (unsigned i = 1; i <= more; i++) {
		const uint8_t next = (uint8_t)(*at)[i];

		if ((next & 0xc0) != 0x80)
			return false;
		*out = *out << 6 | (next & 0x3f);
	}
	*at += more + 1;
	return *out >= least[more] && *out < 0x110000 && (*out < 0xd800 || *out >= 0xe000);
}

static void put_unit(struct text *text, uint32_t unit)
{
	coco_put_le16(text->bytes + text->size, (uint16_t)unit);
	text->size += 2;
}

static int put_text(struct text *text, const char *from, const char *end, struct coco_error *error)
{
	while (from < end) {
		uint32_t character;

		if (!take_character(&from, end, &character))
			return coco_fail_field(error, -EINVAL, "smbios", "a text is no UTF-8");
		if (character >= 0x10000) {
			put_unit(text, 0xd800 + ((character - 0x10000) >> 10));
			put_unit(text, 0xdc00 + ((character - 0x10000) & 0x3ff));
		} else {
			put_unit(text, character);
		}
	}
	return 0;
}

static int put_field(struct text *text, const struct coco_smbios *smbios, size_t field,
		     struct coco_error *error)
{
	const char *from = get(smbios, field);
	const char *end = from + strlen(from);

	if (!is_release(field)) {
		while (*from == ' ')
			from++;
		while (*from == '0')
			from++;
		while (end > from && end[-1] == ' ')
			end--;
	}
	return put_text(text, from, end, error);
}

static int put_recipe(struct text *text, const struct coco_smbios *smbios, const size_t *recipe,
		      struct coco_error *error)
{
	int r = 0;

	for (; !r && *recipe; recipe++) {
		if (text->size)
			put_unit(text, '&');
		r = put_field(text, smbios, *recipe, error);
	}
	return r;
}

/* Adds what the text has at most: UTF-16 has one unit for each byte of UTF-8, or fewer. */
static int find_size(const struct coco_smbios *smbios, const size_t *recipe, size_t *out,
		     struct coco_error *error)
{
	for (; *recipe; recipe++) {
		const char *text = get(smbios, *recipe);

		if (!text)
			return coco_fail_field(error, -ENODATA, "smbios",
					       "a text that this CHID is made of is missing");
		*out += 2 * (strlen(text) + 1);
	}
	return 0;
}

int coco_chid_from_smbios(const struct coco_smbios *smbios, uint32_t number, void *out,
			  struct coco_error *error)
{
	struct coco_smbios given;
	struct text text = {0};
	size_t size = 1;
	int r = coco_options_read(&given, sizeof(given), smbios,
				  COCO_END_OF(struct coco_smbios, manufacturer), "smbios", error);

	if (r)
		return r;
	if (number >= COCO_CHID_COUNT)
		return coco_fail_field(error, -EINVAL, "number",
				       "%" PRIu32 ": CHIDs are numbered 0 to %u", number,
				       COCO_CHID_COUNT - 1);
	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	r = find_size(&given, recipes[number], &size, error);
	if (r)
		return r;
	text.bytes = malloc(size);
	if (!text.bytes)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	r = put_recipe(&text, &given, recipes[number], error);
	if (!r)
		coco_guid_from_name(out, NAMESPACE, text.bytes, text.size);
	free(text.bytes);
	return r;
}
