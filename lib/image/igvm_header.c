/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The fixed header of an IGVM file, its checksum, and the list of entries. */
#include "image/igvm.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/range.h"
#include "image/crc32.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
	FORMAT_VERSION = 4,
	HEADER_OFFSET = 8,
	HEADER_SIZE = 12,
	TOTAL_SIZE = 16,
	CHECKSUM = 20,
	ARCHITECTURE = 24,
	PAGE_SIZE = 28,
};

#define FIXED_HEADER                 "fixed header"
#define header_malformed(error, ...) coco_fail_field(error, -EBADMSG, FIXED_HEADER, __VA_ARGS__)

/* Entries that are neither pages nor limited by an option. */
#define MAX_OTHERS 4096u

enum section {
	SECTION_PLATFORM,
	SECTION_INITIALIZATION,
	SECTION_DIRECTIVE,
};

struct reader {
	struct coco_igvm *igvm;
	enum section section;
	bool inserted[COCO_IGVM_MAX_AREAS]; /* by the areas' places in `igvm` */
	uint32_t parameters;
	uint32_t contexts;
	uint32_t others;
	uint64_t pages;
	/* Platforms that have one already. */
	uint32_t page_tables;
};

static int check_version(struct coco_igvm *igvm, uint32_t *fixed_size, struct coco_error *error)
{
	const uint8_t *bytes = igvm->blob->bytes;
	const size_t size = igvm->blob->size;

	if (size < COCO_IGVM_HEADER_1)
		return header_malformed(error,
					"%zu bytes are too few for an IGVM file's header of %u",
					size, COCO_IGVM_HEADER_1);
	if (coco_le32(bytes) != COCO_IGVM_MAGIC)
		return header_malformed(error, "the file does not begin with \"IGVM\"");
	igvm->info.version = coco_le32(bytes + FORMAT_VERSION);
	if (igvm->info.version != 1 && igvm->info.version != 2)
		return header_malformed(error,
					"version %" PRIu32 " of the format: 1 and 2 are known",
					igvm->info.version);
	*fixed_size = igvm->info.version == 1 ? COCO_IGVM_HEADER_1 : COCO_IGVM_HEADER_2;
	if (size < *fixed_size)
		return header_malformed(
			error, "%zu bytes are too few for an IGVM file's header of %" PRIu32, size,
			*fixed_size);
	if (igvm->info.version == 1)
		return 0;
	igvm->info.arch = coco_le32(bytes + ARCHITECTURE);
	if (igvm->info.arch > 1)
		return header_malformed(error, "%" PRIu32 " is no architecture", igvm->info.arch);
	if (coco_le32(bytes + PAGE_SIZE) != COCO_PAGE_SIZE)
		return header_malformed(error, "a page size of %" PRIu32 ", not %u",
					coco_le32(bytes + PAGE_SIZE), COCO_PAGE_SIZE);
	return 0;
}

static int check_extent(struct coco_igvm *igvm, uint32_t fixed_size, struct coco_error *error)
{
	const uint8_t *bytes = igvm->blob->bytes;
	struct coco_igvm_info *info = &igvm->info;

	info->size = igvm->blob->size;
	info->header_offset = coco_le32(bytes + HEADER_OFFSET);
	info->header_size = coco_le32(bytes + HEADER_SIZE);
	if (coco_le32(bytes + TOTAL_SIZE) != info->size)
		return header_malformed(error,
					"a total size of %" PRIu32 " bytes, the file has %" PRIu64,
					coco_le32(bytes + TOTAL_SIZE), info->size);
	if (info->header_offset < fixed_size || info->header_offset % 8)
		return header_malformed(error,
					"entries at offset 0x%" PRIx32
					", not a multiple of 8 behind the fixed header",
					info->header_offset);
	if (info->header_offset > info->size ||
	    info->header_size > info->size - info->header_offset)
		return header_malformed(error,
					"0x%" PRIx32 " bytes of entries at offset 0x%" PRIx32
					" end behind the file",
					info->header_size, info->header_offset);
	return 0;
}

/* Of the fixed header with 0 for the checksum, and of all entries. */
static int check_checksum(struct coco_igvm *igvm, uint32_t fixed_size, struct coco_error *error)
{
	const uint8_t *bytes = igvm->blob->bytes;
	uint8_t fixed[COCO_IGVM_HEADER_2];
	uint32_t crc;

	memcpy(fixed, bytes, fixed_size);
	coco_put_le32(fixed + CHECKSUM, 0);
	crc = coco_crc32(0, fixed, fixed_size);
	crc = coco_crc32(crc, bytes + igvm->info.header_offset, igvm->info.header_size);
	igvm->info.checksum = coco_le32(bytes + CHECKSUM);
	if (crc != igvm->info.checksum)
		return coco_fail_field(error, -EBADMSG, "checksum",
				       "the headers' checksum is 0x%08" PRIx32
				       ", the file says 0x%08" PRIx32,
				       crc, igvm->info.checksum);
	return 0;
}

static int over_limit(const char *field, uint64_t limit, const char *what, struct coco_error *error)
{
	return coco_fail_field(error, -EFBIG, field,
			       "the IGVM file has more than %" PRIu64 " %s, which is the limit",
			       limit, what);
}

static int count_pages(struct reader *reader, uint64_t size, struct coco_error *error)
{
	const uint32_t limit = reader->igvm->options.max_pages;

	if (size / COCO_PAGE_SIZE > limit - reader->pages)
		return over_limit("max_pages", limit, "pages", error);
	reader->pages += size / COCO_PAGE_SIZE;
	return 0;
}

/* An area that is declared and not used up yet, by its place in `igvm`. */
static int find_open_area(const struct reader *reader, const struct coco_igvm_body *body,
			  uint32_t index, uint32_t *out, struct coco_error *error)
{
	const struct coco_igvm *igvm = reader->igvm;

	*out = coco_igvm_find_area(igvm, index);
	if (*out == igvm->area_count)
		return coco_igvm_malformed(body, error,
					   "parameter area %" PRIu32 " is not declared", index);
	if (reader->inserted[*out])
		return coco_igvm_malformed(body, error,
					   "parameter area %" PRIu32 " is inserted already", index);
	return 0;
}

static int take_area(struct reader *reader, const struct coco_igvm_body *body,
		     const struct coco_igvm_entry *entry, struct coco_error *error)
{
	struct coco_igvm *igvm = reader->igvm;
	const uint32_t limit = igvm->options.max_areas;

	if (coco_igvm_find_area(igvm, entry->index) < igvm->area_count)
		return coco_igvm_malformed(body, error, "there is an area %" PRIu32 " already",
					   entry->index);
	if (igvm->area_count == limit)
		return over_limit("max_areas", limit, "parameter areas", error);
	igvm->areas[igvm->area_count++] = (struct coco_igvm_area){
		.index = entry->index,
		.file_offset = (uint32_t)entry->file_offset,
		.size = entry->size,
	};
	return count_pages(reader, entry->size, error);
}

static int take_parameter(struct reader *reader, const struct coco_igvm_body *body,
			  const struct coco_igvm_entry *entry, struct coco_error *error)
{
	const uint32_t limit = reader->igvm->options.max_parameters;
	const uint32_t size = coco_igvm_parameter_size(body->type);
	const struct coco_igvm_area *area;
	uint32_t place;
	int r = find_open_area(reader, body, entry->index, &place, error);

	if (r)
		return r;
	area = &reader->igvm->areas[place];
	if (entry->position > area->size)
		return coco_igvm_malformed(body, error,
					   "offset 0x%" PRIx32
					   " is outside of the area's 0x%" PRIx64 " bytes",
					   entry->position, area->size);
	if (size > area->size - entry->position)
		return coco_igvm_malformed(body, error,
					   "a value of %" PRIu32 " bytes at offset 0x%" PRIx32
					   " does not fit into the area's 0x%" PRIx64 " bytes",
					   size, entry->position, area->size);
	if (reader->parameters == limit)
		return over_limit("max_parameters", limit, "parameters", error);
	reader->parameters++;
	return 0;
}

static int take_insert(struct reader *reader, const struct coco_igvm_body *body,
		       const struct coco_igvm_entry *entry, struct coco_error *error)
{
	uint32_t place;
	int r = find_open_area(reader, body, entry->index, &place, error);

	if (!r)
		reader->inserted[place] = true;
	return r;
}

static int take_context(struct reader *reader, struct coco_error *error)
{
	const uint32_t limit = reader->igvm->options.max_vcpus;

	if (reader->contexts == limit)
		return over_limit("max_vcpus", limit, "vCPU contexts", error);
	reader->contexts++;
	return 0;
}

static int take_other(struct reader *reader, const struct coco_igvm_body *body,
		      const struct coco_igvm_entry *entry, struct coco_error *error)
{
	if (reader->others++ == MAX_OTHERS)
		return over_limit("entries", MAX_OTHERS, "entries of other types", error);
	if (body->type != COCO_IGVM_PAGE_TABLE_REGION)
		return 0;
	if (reader->page_tables & entry->mask & reader->igvm->declared)
		return coco_igvm_malformed(body, error, "the platform has such a region already");
	reader->page_tables |= entry->mask;
	return 0;
}

static int take_entry(struct reader *reader, const struct coco_igvm_body *body,
		      const struct coco_igvm_entry *entry, struct coco_error *error)
{
	switch (body->type) {
	case COCO_IGVM_PAGE_DATA:
		return count_pages(reader, entry->size, error);
	case COCO_IGVM_PARAMETER_AREA:
		return take_area(reader, body, entry, error);
	case COCO_IGVM_PARAMETER_INSERT:
		return take_insert(reader, body, entry, error);
	case COCO_IGVM_VP_CONTEXT:
		return take_context(reader, error);
	default:
		return coco_igvm_is_parameter(body->type)
			       ? take_parameter(reader, body, entry, error)
			       : take_other(reader, body, entry, error);
	}
}

static int keep_entry(struct coco_igvm *igvm, uint32_t offset, struct coco_error *error)
{
	if (igvm->info.entries == igvm->capacity) {
		const uint32_t capacity = igvm->capacity ? igvm->capacity * 2 : 64;
		uint32_t *entries = realloc(igvm->entries, capacity * sizeof(*entries));

		if (!entries)
			return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
		igvm->entries = entries;
		igvm->capacity = capacity;
	}
	igvm->entries[igvm->info.entries++] = offset;
	return 0;
}

/* Three sections follow each other; the entries' types tell which they belong to. */
static int check_section(struct reader *reader, const struct coco_igvm_body *body,
			 struct coco_error *error)
{
	enum section section = SECTION_DIRECTIVE;

	if (body->type < COCO_IGVM_GUEST_POLICY)
		section = SECTION_PLATFORM;
	else if (body->type < COCO_IGVM_PARAMETER_AREA)
		section = SECTION_INITIALIZATION;
	if (section < reader->section)
		return coco_igvm_malformed(
			body, error,
			"the order is platforms, then initialization, then directives");
	reader->section = section;
	return 0;
}

/* What a lenient reader tells of instead of refusing it. */
static int note_mask(struct coco_igvm *igvm, const struct coco_igvm_body *body,
		     const struct coco_igvm_entry *entry, struct coco_error *error)
{
	if (entry->mask == UINT32_MAX || !(entry->mask & ~igvm->declared))
		return 0;
	igvm->info.undeclared_masks++;
	if (igvm->options.flags & COCO_IGVM_STRICT)
		return coco_igvm_malformed(body, error,
					   "mask 0x%" PRIx32
					   " has bits of platforms that are not declared",
					   entry->mask);
	return 0;
}

static int read_known(struct reader *reader, const struct coco_igvm_body *body,
		      struct coco_error *error)
{
	struct coco_igvm *igvm = reader->igvm;
	struct coco_igvm_entry entry;
	int r = check_section(reader, body, error);

	if (r)
		return r;
	if (body->size != coco_igvm_body_size(body->type))
		return coco_igvm_malformed(body, error, "%" PRIu32 " bytes, it has %" PRIu32,
					   body->size, coco_igvm_body_size(body->type));
	if (body->type == COCO_IGVM_SUPPORTED_PLATFORM)
		return coco_igvm_check_platform(igvm, body, error);
	coco_igvm_get(igvm, body->offset, &entry);
	r = coco_igvm_check_entry(igvm, body, &entry, error);
	if (!r)
		r = take_entry(reader, body, &entry, error);
	if (!r)
		r = note_mask(igvm, body, &entry, error);
	if (r)
		return r;
	if (body->type == COCO_IGVM_PAGE_DATA && entry.flags & ~(uint32_t)COCO_IGVM_PAGE_FLAGS)
		igvm->info.unknown_flags++;
	return keep_entry(igvm, body->offset, error);
}

static int read_entry(struct reader *reader, uint32_t type, struct coco_igvm_body *body,
		      struct coco_error *error)
{
	if (coco_igvm_body_size(body->type))
		return read_known(reader, body, error);
	if (type & COCO_IGVM_OPTIONAL) {
		reader->igvm->info.skipped++;
		return 0;
	}
	return coco_fail_field(error, -EOPNOTSUPP, "type",
			       "the entry at offset 0x%" PRIx32
			       " of the IGVM file has the type 0x%" PRIx32
			       ", which is not known and must not be skipped",
			       body->offset, type);
}

static int check_padding(struct coco_igvm *igvm, const struct coco_igvm_body *body, uint64_t end,
			 struct coco_error *error)
{
	for (const uint8_t *at = body->bytes + body->size; at < igvm->blob->bytes + end; at++) {
		if (!*at)
			continue;
		igvm->info.nonzero_padding++;
		if (igvm->options.flags & COCO_IGVM_STRICT)
			return coco_igvm_malformed(body, error, "padding that is not 0");
		break;
	}
	return 0;
}

static int read_entries(struct reader *reader, struct coco_error *error)
{
	struct coco_igvm *igvm = reader->igvm;
	const uint8_t *bytes = igvm->blob->bytes;
	const uint64_t end = (uint64_t)igvm->info.header_offset + igvm->info.header_size;
	uint64_t next, at = igvm->info.header_offset;
	int r = 0;

	for (; !r && at < end; at = next) {
		struct coco_igvm_body body = {.offset = (uint32_t)at};
		uint32_t type;

		if (end - at < COCO_IGVM_ENTRY_HEADER)
			return header_malformed(error,
						"the entries end in the middle of one, at offset "
						"0x%" PRIx64,
						at);
		type = coco_le32(bytes + at);
		body.type = type & ~COCO_IGVM_OPTIONAL;
		body.size = coco_le32(bytes + at + 4);
		body.bytes = bytes + at + COCO_IGVM_ENTRY_HEADER;
		if (body.size > end - at - COCO_IGVM_ENTRY_HEADER)
			return coco_igvm_malformed(&body, error,
						   "a length of 0x%" PRIx32
						   " reaches behind the entries' end",
						   body.size);
		next = coco_min(coco_align_up(at + COCO_IGVM_ENTRY_HEADER + body.size, 8), end);
		r = read_entry(reader, type, &body, error);
		if (!r)
			r = check_padding(igvm, &body, next, error);
	}
	return r;
}

int coco_igvm_read(struct coco_igvm *igvm, struct coco_error *error)
{
	struct reader reader = {.igvm = igvm};
	uint32_t fixed_size = 0;
	int r = check_version(igvm, &fixed_size, error);

	if (!r)
		r = check_extent(igvm, fixed_size, error);
	if (!r)
		r = check_checksum(igvm, fixed_size, error);
	if (r)
		return r;
	igvm->areas = calloc(igvm->options.max_areas, sizeof(*igvm->areas));
	if (!igvm->areas)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	r = read_entries(&reader, error);
	if (r)
		return r;
	if (!igvm->info.platforms)
		return coco_fail_field(error, -EBADMSG, "SUPPORTED_PLATFORM",
				       "the IGVM file is for no platform");
	igvm->info.pages = (uint32_t)reader.pages;
	return 0;
}
