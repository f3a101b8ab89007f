/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "image/pe.h"

#include "base/bytes.h"
#include "base/error.h"

#include <errno.h>
#include <inttypes.h>

enum {
	DOS_HEADER_SIZE = 64,
	DOS_PE_OFFSET = 60,

	/* From the PE signature on. */
	PE_MACHINE = 4,
	PE_SECTIONS = 6,
	PE_OPTIONAL_SIZE = 20,
	PE_OPTIONAL = 24,
	PE_SUBSYSTEM = PE_OPTIONAL + 68,
	PE_OPTIONAL_LEAST = 70,

	SECTION_SIZE = 40,
	SECTION_VIRTUAL_SIZE = 8,
	SECTION_ADDRESS = 12,
	SECTION_RAW_SIZE = 16,
	SECTION_RAW_OFFSET = 20,
};

#define MAGIC_PE32      0x10b
#define MAGIC_PE32_PLUS 0x20b

#define header_malformed(error, ...) coco_fail_field(error, -EBADMSG, "PE header", __VA_ARGS__)

bool coco_pe_is(const uint8_t *bytes, size_t size)
{
	return size >= 2 && bytes[0] == 'M' && bytes[1] == 'Z';
}

static int find_header(const uint8_t *bytes, size_t size, size_t *out, struct coco_error *error)
{
	uint32_t at;

	if (size < DOS_HEADER_SIZE)
		return coco_fail_field(error, -EBADMSG, "DOS header",
				       "%zu bytes are too few for a PE file", size);
	if (!coco_pe_is(bytes, size))
		return coco_fail_field(error, -EBADMSG, "DOS header",
				       "the file does not begin with \"MZ\"");
	at = coco_le32(bytes + DOS_PE_OFFSET);
	if (at < DOS_HEADER_SIZE || at > size || size - at < PE_OPTIONAL)
		return header_malformed(error,
					"it would be at offset 0x%" PRIx32
					", inside of the DOS header or behind the file's end",
					at);
	if (memcmp(bytes + at, "PE\0", 4) != 0)
		return header_malformed(error, "the PE signature is missing at offset 0x%" PRIx32,
					at);
	*out = at;
	return 0;
}

static int read_optional(struct coco_pe *pe, size_t at, struct coco_error *error)
{
	const uint32_t size = coco_le16(pe->bytes + at + PE_OPTIONAL_SIZE);

	if (size < PE_OPTIONAL_LEAST || size > pe->size - at - PE_OPTIONAL)
		return header_malformed(error,
					"an optional header of %" PRIu32
					" bytes is too small, or ends behind the file",
					size);
	pe->optional_magic = coco_le16(pe->bytes + at + PE_OPTIONAL);
	if (pe->optional_magic != MAGIC_PE32 && pe->optional_magic != MAGIC_PE32_PLUS)
		return header_malformed(error,
					"the optional header's magic 0x%" PRIx32
					" is neither that of PE32 nor of PE32+",
					pe->optional_magic);
	pe->subsystem = coco_le16(pe->bytes + at + PE_SUBSYSTEM);
	pe->table = at + PE_OPTIONAL + size;
	return 0;
}

static bool is_name(const char *name)
{
	/* '/' begins a reference to object files' table of long names. */
	if (name[0] == '/')
		return false;
	for (; *name; name++)
		if (*name < ' ' || *name > '~')
			return false;
	return true;
}

static int check_section(const struct coco_pe *pe, uint32_t index, struct coco_error *error)
{
	const size_t headers = pe->table + (size_t)pe->sections * SECTION_SIZE;
	struct coco_pe_section section;

	coco_pe_get(pe, index, &section);
	if (!is_name(section.name))
		return coco_fail_field(error, -EBADMSG, "section",
				       "section %" PRIu32 "'s name is no text of its own", index);
	if (section.raw_size && section.raw_offset < headers)
		return coco_fail_field(error, -EBADMSG, "section",
				       "section %" PRIu32 " \"%s\" at offset 0x%" PRIx32
				       " overlaps the headers, which end at 0x%zx",
				       index, section.name, section.raw_offset, headers);
	if (section.raw_size &&
	    (section.raw_offset > pe->size || section.raw_size > pe->size - section.raw_offset))
		return coco_fail_field(error, -EBADMSG, "section",
				       "section %" PRIu32 " \"%s\", 0x%" PRIx32
				       " bytes at offset 0x%" PRIx32 ", ends behind the file",
				       index, section.name, section.raw_size, section.raw_offset);
	return 0;
}

int coco_pe_parse(const uint8_t *bytes, size_t size, uint32_t max_sections, struct coco_pe *out,
		  struct coco_error *error)
{
	struct coco_pe pe = {.bytes = bytes, .size = size};
	size_t at = 0;
	int r = find_header(bytes, size, &at, error);

	if (r)
		return r;
	pe.machine = coco_le16(bytes + at + PE_MACHINE);
	pe.sections = coco_le16(bytes + at + PE_SECTIONS);
	r = read_optional(&pe, at, error);
	if (r)
		return r;
	if (!pe.sections || pe.sections > max_sections ||
	    pe.sections > (size - pe.table) / SECTION_SIZE)
		return header_malformed(error,
					"%" PRIu32 " sections: there are 1 to %" PRIu32
					", and their headers lie within the file",
					pe.sections, max_sections);
	for (uint32_t i = 0; !r && i < pe.sections; i++)
		r = check_section(&pe, i, error);
	if (!r)
		*out = pe;
	return r;
}

void coco_pe_get(const struct coco_pe *pe, uint32_t index, struct coco_pe_section *out)
{
	const uint8_t *header = pe->bytes + pe->table + (size_t)index * SECTION_SIZE;

	memcpy(out->name, header, 8);
	out->name[8] = 0;
	out->virtual_size = coco_le32(header + SECTION_VIRTUAL_SIZE);
	out->address = coco_le32(header + SECTION_ADDRESS);
	out->raw_size = coco_le32(header + SECTION_RAW_SIZE);
	out->raw_offset = coco_le32(header + SECTION_RAW_OFFSET);
	/* The raw size is rounded up, the virtual one may go on with zeroes. */
	out->size = out->virtual_size < out->raw_size ? out->virtual_size : out->raw_size;
	out->bytes = out->raw_size ? pe->bytes + out->raw_offset : pe->bytes;
}
