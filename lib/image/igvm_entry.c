/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What each type of IGVM entry consists of, and the rules that need no other entry. */
#include "image/igvm.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/range.h"
#include "image/vmsa_layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	NATIVE_VERSION = 1,
	VBS_COUNT_SIZE = 4,
	VBS_REGISTER_SIZE = 32,
	CCA_CONTEXT_SIZE = 80,
	MEMORY_MAP_ENTRY_SIZE = 24,
	MMIO_RANGES_SIZE = 32,
	ACPI_HEADER_SIZE = 36,
	DEVICE_TREE_HEADER_SIZE = 40,
};

static const struct kind {
	const char *name;
	uint32_t body_size;
	/* For parameters: bytes that their values have at least. */
	uint32_t value_size;
} kinds[] = {
	[COCO_IGVM_SUPPORTED_PLATFORM] = {"SUPPORTED_PLATFORM", COCO_IGVM_PLATFORM_SIZE, 0},
	[COCO_IGVM_GUEST_POLICY] = {"GUEST_POLICY", 16, 0},
	[COCO_IGVM_RELOCATABLE_REGION] = {"RELOCATABLE_REGION", 48, 0},
	[COCO_IGVM_PAGE_TABLE_REGION] = {"PAGE_TABLE_RELOCATION_REGION", 32, 0},
	[COCO_IGVM_CORIM_DOCUMENT] = {"CORIM_DOCUMENT", 16, 0},
	[COCO_IGVM_CORIM_SIGNATURE] = {"CORIM_SIGNATURE", 16, 0},
	[COCO_IGVM_CCA_POLICY] = {"CCA_POLICY", 32, 0},
	[COCO_IGVM_PARAMETER_AREA] = {"PARAMETER_AREA", 16, 0},
	[COCO_IGVM_PAGE_DATA] = {"PAGE_DATA", 24, 0},
	[COCO_IGVM_PARAMETER_INSERT] = {"PARAMETER_INSERT", 16, 0},
	[COCO_IGVM_VP_CONTEXT] = {"VP_CONTEXT", 20, 0},
	[COCO_IGVM_REQUIRED_MEMORY] = {"REQUIRED_MEMORY", 24, 0},
	[COCO_IGVM_VP_COUNT] = {"VP_COUNT_PARAMETER", 8, 4},
	[COCO_IGVM_SRAT] = {"SRAT", 8, ACPI_HEADER_SIZE},
	[COCO_IGVM_MADT] = {"MADT", 8, ACPI_HEADER_SIZE},
	[COCO_IGVM_MMIO_RANGES] = {"MMIO_RANGES", 8, MMIO_RANGES_SIZE},
	[COCO_IGVM_SNP_ID_BLOCK] = {"SNP_ID_BLOCK", COCO_IGVM_ID_BLOCK_SIZE, 0},
	[COCO_IGVM_MEMORY_MAP] = {"MEMORY_MAP", 8, MEMORY_MAP_ENTRY_SIZE},
	[COCO_IGVM_ERROR_RANGE] = {"ERROR_RANGE", 16, 0},
	[COCO_IGVM_COMMAND_LINE] = {"COMMAND_LINE", 8, 1},
	[COCO_IGVM_SLIT] = {"SLIT", 8, ACPI_HEADER_SIZE},
	[COCO_IGVM_PPTT] = {"PPTT", 8, ACPI_HEADER_SIZE},
	[COCO_IGVM_VBS_MEASUREMENT] = {"VBS_MEASUREMENT", 864, 0},
	[COCO_IGVM_DEVICE_TREE] = {"DEVICE_TREE", 8, DEVICE_TREE_HEADER_SIZE},
	[COCO_IGVM_ENVIRONMENT_INFO] = {"ENVIRONMENT_INFO_PARAMETER", 8, 4},
};

static const struct kind *find_kind(uint32_t type)
{
	return type < sizeof(kinds) / sizeof(*kinds) && kinds[type].name ? &kinds[type] : NULL;
}

const char *coco_igvm_entry_name(uint32_t type)
{
	return find_kind(type) ? kinds[type].name : "unknown";
}

uint32_t coco_igvm_body_size(uint32_t type)
{
	return find_kind(type) ? kinds[type].body_size : 0;
}

bool coco_igvm_is_parameter(uint32_t type)
{
	return coco_igvm_parameter_size(type) != 0;
}

uint32_t coco_igvm_parameter_size(uint32_t type)
{
	return find_kind(type) ? kinds[type].value_size : 0;
}

int coco_igvm_malformed(const struct coco_igvm_body *body, struct coco_error *error,
			const char *format, ...)
{
	char text[200];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return coco_fail_field(error, -EBADMSG, coco_igvm_entry_name(body->type),
			       "the %s entry at offset 0x%" PRIx32 " of the IGVM file: %s",
			       coco_igvm_entry_name(body->type), body->offset, text);
}

/* --- taking entries apart */

static void get_page(const uint8_t *body, struct coco_igvm_entry *out)
{
	out->gpa = coco_le64(body);
	out->mask = coco_le32(body + 8);
	out->file_offset = coco_le32(body + 12);
	out->flags = coco_le32(body + 16);
	out->kind = coco_le16(body + 20);
	out->size = out->flags & COCO_IGVM_PAGE_2MB ? COCO_IGVM_LARGE_PAGE : COCO_PAGE_SIZE;
	out->file_size = out->file_offset ? out->size : 0;
}

static void get_relocatable(const uint8_t *body, struct coco_igvm_entry *out)
{
	out->mask = coco_le32(body);
	out->index = coco_le16(body + 4);
	out->flags = body[7];
	out->gpa = coco_le64(body + 16);
	out->size = coco_le64(body + 24);
}

static void get_page_tables(const uint8_t *body, struct coco_igvm_entry *out)
{
	out->mask = coco_le32(body);
	out->index = coco_le16(body + 4);
	out->gpa = coco_le64(body + 8);
	out->size = coco_le64(body + 16);
}

static void get_area(const uint8_t *body, struct coco_igvm_entry *out)
{
	out->mask = UINT32_MAX;
	out->size = coco_le64(body);
	out->index = coco_le32(body + 8);
	out->file_offset = coco_le32(body + 12);
	out->file_size = out->file_offset ? out->size : 0;
}

/* VBS has a list of registers instead of a page, which begins with how many there are. */
static uint64_t vbs_size(const struct coco_igvm *igvm, uint64_t offset)
{
	if (offset > igvm->blob->size || igvm->blob->size - offset < VBS_COUNT_SIZE)
		return VBS_COUNT_SIZE;
	return VBS_COUNT_SIZE + (uint64_t)coco_le32(igvm->blob->bytes + offset) * VBS_REGISTER_SIZE;
}

static void get_context(const struct coco_igvm *igvm, const uint8_t *body,
			struct coco_igvm_entry *out)
{
	out->gpa = coco_le64(body);
	out->mask = coco_le32(body + 8);
	out->file_offset = coco_le32(body + 12);
	out->index = coco_le16(body + 16);
	out->file_size = COCO_PAGE_SIZE;
	for (uint32_t i = 0; i < igvm->info.platforms; i++)
		if (igvm->platforms[i].mask & out->mask && igvm->platforms[i].type == COCO_IGVM_VSM)
			out->file_size = vbs_size(igvm, out->file_offset);
}

static void get_range(const uint8_t *body, struct coco_igvm_entry *out)
{
	out->gpa = coco_le64(body);
	out->mask = coco_le32(body + 8);
	out->size = coco_le32(body + 12);
}

static void get_blob(const uint8_t *body, struct coco_igvm_entry *out)
{
	out->mask = coco_le32(body);
	out->file_offset = coco_le32(body + 4);
	out->file_size = coco_le32(body + 8);
}

static void get_parameter(const uint8_t *body, struct coco_igvm_entry *out)
{
	out->mask = UINT32_MAX;
	out->index = coco_le32(body);
	out->position = coco_le32(body + 4);
}

void coco_igvm_get(const struct coco_igvm *igvm, uint32_t offset, struct coco_igvm_entry *out)
{
	const uint8_t *body = igvm->blob->bytes + offset + COCO_IGVM_ENTRY_HEADER;

	*out = (struct coco_igvm_entry){
		.struct_size = sizeof(*out),
		.type = coco_le32(igvm->blob->bytes + offset) & ~COCO_IGVM_OPTIONAL,
		.offset = offset,
	};
	switch (out->type) {
	case COCO_IGVM_GUEST_POLICY:
		out->policy = coco_le64(body);
		out->mask = coco_le32(body + 8);
		break;
	case COCO_IGVM_RELOCATABLE_REGION:
		get_relocatable(body, out);
		break;
	case COCO_IGVM_PAGE_TABLE_REGION:
		get_page_tables(body, out);
		break;
	case COCO_IGVM_CORIM_DOCUMENT:
	case COCO_IGVM_CORIM_SIGNATURE:
		get_blob(body, out);
		break;
	case COCO_IGVM_PARAMETER_AREA:
		get_area(body, out);
		break;
	case COCO_IGVM_PAGE_DATA:
		get_page(body, out);
		break;
	case COCO_IGVM_PARAMETER_INSERT:
		out->gpa = coco_le64(body);
		out->mask = coco_le32(body + 8);
		out->index = coco_le32(body + 12);
		break;
	case COCO_IGVM_VP_CONTEXT:
		get_context(igvm, body, out);
		break;
	case COCO_IGVM_REQUIRED_MEMORY:
		get_range(body, out);
		out->flags = coco_le32(body + 16);
		break;
	case COCO_IGVM_ERROR_RANGE:
		get_range(body, out);
		break;
	case COCO_IGVM_SNP_ID_BLOCK:
	case COCO_IGVM_VBS_MEASUREMENT:
	case COCO_IGVM_CCA_POLICY:
		out->mask = coco_le32(body);
		break;
	default:
		get_parameter(body, out);
	}
}

/* --- rules */

static int check_data(const struct coco_igvm *igvm, const struct coco_igvm_body *body,
		      uint64_t offset, uint64_t size, struct coco_error *error)
{
	const uint64_t start = (uint64_t)igvm->info.header_offset + igvm->info.header_size;

	if (offset < start || offset > igvm->info.size || size > igvm->info.size - offset)
		return coco_igvm_malformed(
			body, error,
			"its data, 0x%" PRIx64 " bytes at offset 0x%" PRIx64
			", is not between the headers' and the file's end (0x%" PRIx64
			" and 0x%" PRIx64 ")",
			size, offset, start, igvm->info.size);
	return 0;
}

static int check_reserved(const struct coco_igvm_body *body, uint32_t offset, uint32_t size,
			  struct coco_error *error)
{
	for (uint32_t i = offset; i < offset + size; i++)
		if (body->bytes[i])
			return coco_igvm_malformed(body, error, "a reserved field is not 0");
	return 0;
}

static int check_pages(const struct coco_igvm_body *body, const struct coco_igvm_entry *entry,
		       struct coco_error *error)
{
	if (!coco_page_aligned(entry->gpa))
		return coco_igvm_malformed(body, error, "0x%" PRIx64 " is not aligned to a page",
					   entry->gpa);
	if (!coco_page_aligned(entry->size))
		return coco_igvm_malformed(
			body, error, "0x%" PRIx64 " bytes at 0x%" PRIx64 " are not whole pages",
			entry->size, entry->gpa);
	return 0;
}

static int check_page(const struct coco_igvm *igvm, const struct coco_igvm_body *body,
		      const struct coco_igvm_entry *entry, struct coco_error *error)
{
	int r = check_reserved(body, 22, 2, error);

	if (r)
		return r;
	if (entry->kind > COCO_IGVM_PAGE_CPUID_XF)
		return coco_igvm_malformed(body, error, "%" PRIu32 " is no data type of pages",
					   entry->kind);
	if (entry->flags & ~(uint32_t)COCO_IGVM_PAGE_FLAGS &&
	    igvm->options.flags & COCO_IGVM_STRICT)
		return coco_igvm_malformed(body, error, "unknown flags 0x%" PRIx32, entry->flags);
	if (entry->gpa % entry->size)
		return coco_igvm_malformed(
			body, error, "0x%" PRIx64 " is not aligned to the page's size", entry->gpa);
	if (entry->kind != COCO_IGVM_PAGE_NORMAL && entry->flags & COCO_IGVM_PAGE_FLAGS)
		return coco_igvm_malformed(body, error,
					   "flags 0x%" PRIx32 ", which go with normal pages only",
					   entry->flags);
	return entry->file_offset
		       ? check_data(igvm, body, entry->file_offset, entry->file_size, error)
		       : 0;
}

static int check_area(const struct coco_igvm *igvm, const struct coco_igvm_body *body,
		      const struct coco_igvm_entry *entry, struct coco_error *error)
{
	if (!entry->size || !coco_page_aligned(entry->size))
		return coco_igvm_malformed(
			body, error, "a size of 0x%" PRIx64 " is not whole pages", entry->size);
	return entry->file_offset
		       ? check_data(igvm, body, entry->file_offset, entry->file_size, error)
		       : 0;
}

static int check_trailing(const struct coco_igvm *igvm, const struct coco_igvm_body *body,
			  const struct coco_igvm_entry *entry, uint32_t used,
			  struct coco_error *error)
{
	const uint8_t *page = igvm->blob->bytes + entry->file_offset;

	for (uint32_t i = used; i < COCO_PAGE_SIZE; i++)
		if (page[i])
			return coco_igvm_malformed(body, error,
						   "a context has %" PRIu32
						   " bytes, and what follows them is not 0",
						   used);
	return 0;
}

static int check_context(const struct coco_igvm *igvm, const struct coco_igvm_body *body,
			 const struct coco_igvm_entry *entry, struct coco_error *error)
{
	const uint32_t mask = entry->mask & igvm->declared;
	uint32_t index = 0;
	int r;

	if (!mask || mask & (mask - 1))
		return coco_igvm_malformed(body, error,
					   "mask 0x%" PRIx32
					   " names no or several platforms, a context is for one",
					   entry->mask);
	r = check_data(igvm, body, entry->file_offset, entry->file_size, error);
	if (!r)
		r = check_reserved(body, 18, 2, error);
	while (igvm->platforms[index].mask != mask)
		index++;
	if (r)
		return r;
	switch (igvm->platforms[index].type) {
	case COCO_IGVM_SNP:
	case COCO_IGVM_SEVES:
		if (!coco_page_aligned(entry->gpa))
			return coco_igvm_malformed(
				body, error, "a VMSA at 0x%" PRIx64 " is not aligned to a page",
				entry->gpa);
		return 0;
	case COCO_IGVM_TDX:
		return coco_igvm_malformed(body, error,
					   "vCPUs of TDX guests have no initial registers");
	case COCO_IGVM_VSM:
		if (entry->file_size == VBS_COUNT_SIZE)
			return coco_igvm_malformed(body, error, "a list of no registers");
		return 0;
	case COCO_IGVM_CCA:
		return check_trailing(igvm, body, entry, CCA_CONTEXT_SIZE, error);
	default:
		if (entry->gpa)
			return coco_igvm_malformed(body, error,
						   "0x%" PRIx64 ": such a context is nowhere in "
						   "the guest's memory",
						   entry->gpa);
		return check_trailing(igvm, body, entry, COCO_NATIVE_SIZE, error);
	}
}

static int check_relocatable(const struct coco_igvm_body *body, const struct coco_igvm_entry *entry,
			     struct coco_error *error)
{
	const uint64_t alignment = coco_le64(body->bytes + 8);
	const uint64_t least = coco_le64(body->bytes + 32), most = coco_le64(body->bytes + 40);

	if (!alignment || !coco_page_aligned(alignment))
		return coco_igvm_malformed(
			body, error, "an alignment of 0x%" PRIx64 " is not whole pages", alignment);
	if (entry->gpa % alignment || least % alignment || most % alignment)
		return coco_igvm_malformed(body, error, "an address is not aligned to 0x%" PRIx64,
					   alignment);
	if (!entry->size || !coco_page_aligned(entry->size))
		return coco_igvm_malformed(body, error, "a size of 0x%" PRIx64, entry->size);
	if (entry->size > UINT64_MAX - entry->gpa)
		return coco_igvm_malformed(body, error, "the region's end wraps");
	return 0;
}

static int check_page_tables(const struct coco_igvm_body *body, const struct coco_igvm_entry *entry,
			     struct coco_error *error)
{
	const uint64_t used = coco_le64(body->bytes + 24);
	int r = check_pages(body, entry, error);

	if (r)
		return r;
	if (!entry->size || entry->size > UINT64_MAX - entry->gpa)
		return coco_igvm_malformed(body, error, "the region is empty, or its end wraps");
	if (!coco_page_aligned(used) || used > entry->size)
		return coco_igvm_malformed(body, error, "0x%" PRIx64 " of 0x%" PRIx64 " bytes used",
					   used, entry->size);
	return check_reserved(body, 7, 1, error);
}

static int check_required(const struct coco_igvm_body *body, const struct coco_igvm_entry *entry,
			  struct coco_error *error)
{
	int r = check_pages(body, entry, error);

	return r ? r : check_reserved(body, 20, 4, error);
}

static int check_corim(const struct coco_igvm *igvm, const struct coco_igvm_body *body,
		       const struct coco_igvm_entry *entry, struct coco_error *error)
{
	int r = check_data(igvm, body, entry->file_offset, entry->file_size, error);

	return r ? r : check_reserved(body, 12, 4, error);
}

int coco_igvm_check_entry(const struct coco_igvm *igvm, const struct coco_igvm_body *body,
			  const struct coco_igvm_entry *entry, struct coco_error *error)
{
	switch (body->type) {
	case COCO_IGVM_GUEST_POLICY:
		return check_reserved(body, 12, 4, error);
	case COCO_IGVM_RELOCATABLE_REGION:
		return check_relocatable(body, entry, error);
	case COCO_IGVM_PAGE_TABLE_REGION:
		return check_page_tables(body, entry, error);
	case COCO_IGVM_CORIM_DOCUMENT:
	case COCO_IGVM_CORIM_SIGNATURE:
		return check_corim(igvm, body, entry, error);
	case COCO_IGVM_PARAMETER_AREA:
		return check_area(igvm, body, entry, error);
	case COCO_IGVM_PAGE_DATA:
		return check_page(igvm, body, entry, error);
	case COCO_IGVM_PARAMETER_INSERT:
	case COCO_IGVM_ERROR_RANGE:
		return check_pages(body, entry, error);
	case COCO_IGVM_VP_CONTEXT:
		return check_context(igvm, body, entry, error);
	case COCO_IGVM_REQUIRED_MEMORY:
		return check_required(body, entry, error);
	case COCO_IGVM_SNP_ID_BLOCK:
		return check_reserved(body, 5, 3, error);
	default:
		return 0;
	}
}

/* --- platforms */

static int check_platform(const struct coco_igvm *igvm, const struct coco_igvm_body *body,
			  const struct coco_igvm_platform *platform, struct coco_error *error)
{
	const bool arm = igvm->info.arch;

	if (!platform->mask || platform->mask & (platform->mask - 1))
		return coco_igvm_malformed(body, error, "mask 0x%" PRIx32 " is not one bit",
					   platform->mask);
	if (platform->type > COCO_IGVM_CCA)
		return coco_igvm_malformed(body, error, "%" PRIu32 " is no type of platform",
					   platform->type);
	if (platform->type != COCO_IGVM_VSM && arm != (platform->type == COCO_IGVM_CCA))
		return coco_igvm_malformed(body, error, "%s is not for %s",
					   coco_igvm_platform_name(platform->type),
					   arm ? "aarch64" : "x64");
	if (platform->highest_vtl != 0 && platform->highest_vtl != 2)
		return coco_igvm_malformed(body, error, "a highest VTL of %" PRIu32 ", not 0 or 2",
					   platform->highest_vtl);
	if (platform->version != NATIVE_VERSION)
		return coco_igvm_malformed(body, error, "version %" PRIu32 " of the platform",
					   platform->version);
	if (platform->shared_gpa_boundary &&
	    (platform->type == COCO_IGVM_NATIVE || platform->type == COCO_IGVM_VSM))
		return coco_igvm_malformed(body, error,
					   "a boundary of shared memory, without isolation");
	for (uint32_t i = 0; i < igvm->info.platforms; i++) {
		if (igvm->platforms[i].mask == platform->mask)
			return coco_igvm_malformed(
				body, error, "another platform has mask 0x%" PRIx32 " already",
				platform->mask);
		if (igvm->platforms[i].type == platform->type)
			return coco_igvm_malformed(body, error, "there is a platform %s already",
						   coco_igvm_platform_name(platform->type));
	}
	return 0;
}

int coco_igvm_check_platform(struct coco_igvm *igvm, const struct coco_igvm_body *body,
			     struct coco_error *error)
{
	const struct coco_igvm_platform platform = {
		.struct_size = sizeof(platform),
		.mask = coco_le32(body->bytes),
		.highest_vtl = body->bytes[4],
		.type = body->bytes[5],
		.version = coco_le16(body->bytes + 6),
		.shared_gpa_boundary = coco_le64(body->bytes + 8),
	};
	int r = check_platform(igvm, body, &platform, error);

	if (r)
		return r;
	/* No two have the same bit, so there is room. */
	igvm->platforms[igvm->info.platforms++] = platform;
	igvm->declared |= platform.mask;
	return 0;
}
