/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "image/igvm.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/options.h"
#include "base/range.h"
#include "image/vmsa_layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_MAX_PAGES      262144u
#define DEFAULT_MAX_AREAS      64u
#define DEFAULT_MAX_PARAMETERS 256u
#define DEFAULT_MAX_VCPUS      4096u
#define DEFAULT_MAX_SIZE       0x50000000ull

static uint32_t or_default(uint32_t value, uint32_t by_default)
{
	return value ? value : by_default;
}

static int read_options(struct coco_igvm_options *to, const struct coco_igvm_options *from,
			struct coco_error *error)
{
	struct coco_igvm_options none;
	int r;

	COCO_INIT(&none);
	r = coco_options_read(to, sizeof(*to), from ? from : &none,
			      COCO_END_OF(struct coco_igvm_options, flags), "options", error);
	if (r)
		return r;
	if (to->flags & ~(uint32_t)COCO_IGVM_STRICT)
		return coco_fail_field(error, -EINVAL, "flags", "unknown flags 0x%" PRIx32,
				       to->flags);
	if (to->reserved0)
		return coco_fail_field(error, -EINVAL, "reserved0", "reserved0 is not 0");
	if (to->max_areas > COCO_IGVM_MAX_AREAS)
		return coco_fail_field(error, -EINVAL, "max_areas", "%" PRIu32 " is more than %u",
				       to->max_areas, COCO_IGVM_MAX_AREAS);
	to->max_pages = or_default(to->max_pages, DEFAULT_MAX_PAGES);
	to->max_areas = or_default(to->max_areas, DEFAULT_MAX_AREAS);
	to->max_parameters = or_default(to->max_parameters, DEFAULT_MAX_PARAMETERS);
	to->max_vcpus = or_default(to->max_vcpus, DEFAULT_MAX_VCPUS);
	if (!to->max_size)
		to->max_size = DEFAULT_MAX_SIZE;
	return 0;
}

/* Takes the blob over, also on failure. `options` is complete. */
static int parse_blob(struct coco_blob *blob, const struct coco_igvm_options *options,
		      struct coco_igvm **out, struct coco_error *error)
{
	struct coco_igvm *igvm = calloc(1, sizeof(*igvm));
	int r;

	if (!igvm) {
		coco_blob_unref(blob);
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	}
	igvm->blob = blob;
	igvm->options = *options;
	r = coco_igvm_read(igvm, error);
	if (r)
		coco_igvm_free(igvm);
	else
		*out = igvm;
	return r;
}

int coco_igvm_parse(const void *bytes, size_t size, const struct coco_igvm_options *options,
		    struct coco_igvm **out, struct coco_error *error)
{
	struct coco_igvm_options given;
	struct coco_blob *blob;
	int r;

	if (!bytes && size)
		return coco_fail_field(error, -EINVAL, "bytes", "bytes is NULL");
	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	r = read_options(&given, options, error);
	if (!r && size > given.max_size)
		r = coco_fail_field(error, -EFBIG, "max_size",
				    "the IGVM file has %zu bytes, the limit is %" PRIu64, size,
				    given.max_size);
	if (!r)
		r = coco_blob_copy(bytes, size, &blob, error);
	return r ? r : parse_blob(blob, &given, out, error);
}

int coco_igvm_parse_blob(struct coco_blob *blob, const struct coco_igvm_options *options,
			 struct coco_igvm **out, struct coco_error *error)
{
	struct coco_igvm_options given;
	int r = read_options(&given, options, error);

	return r ? r : parse_blob(coco_blob_ref(blob), &given, out, error);
}

int coco_igvm_parse_file(const char *path, const struct coco_igvm_options *options,
			 struct coco_igvm **out, struct coco_error *error)
{
	struct coco_igvm_options given;
	struct coco_blob *blob;
	int r;

	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	r = read_options(&given, options, error);
	if (!r)
		r = coco_blob_read(path, "IGVM file", given.max_size, &blob, error);
	return r ? r : parse_blob(blob, &given, out, error);
}

void coco_igvm_free(struct coco_igvm *igvm)
{
	if (!igvm)
		return;
	coco_blob_unref(igvm->blob);
	free(igvm->entries);
	free(igvm->areas);
	free(igvm);
}

int coco_igvm_get_info(const struct coco_igvm *igvm, struct coco_igvm_info *info,
		       struct coco_error *error)
{
	return coco_result_write(info, &igvm->info, sizeof(igvm->info),
				 COCO_END_OF(struct coco_igvm_info, version), "info", error);
}

int coco_igvm_get_platform(const struct coco_igvm *igvm, uint32_t index,
			   struct coco_igvm_platform *platform, struct coco_error *error)
{
	if (index >= igvm->info.platforms)
		return coco_fail_field(error, -EINVAL, "index",
				       "the file has no platform %" PRIu32 ", it has %" PRIu32,
				       index, igvm->info.platforms);
	return coco_result_write(platform, &igvm->platforms[index], sizeof(igvm->platforms[index]),
				 COCO_END_OF(struct coco_igvm_platform, mask), "platform", error);
}

int coco_igvm_get_entry(const struct coco_igvm *igvm, uint32_t index, struct coco_igvm_entry *entry,
			struct coco_error *error)
{
	struct coco_igvm_entry result;

	if (index >= igvm->info.entries)
		return coco_fail_field(error, -EINVAL, "index",
				       "the file has no entry %" PRIu32 ", it has %" PRIu32, index,
				       igvm->info.entries);
	coco_igvm_get(igvm, igvm->entries[index], &result);
	return coco_result_write(entry, &result, sizeof(result),
				 COCO_END_OF(struct coco_igvm_entry, mask), "entry", error);
}

static const char *const platform_names[] = {
	[COCO_IGVM_NATIVE] = "NATIVE", [COCO_IGVM_VSM] = "VSM_ISOLATION",
	[COCO_IGVM_SNP] = "SEV_SNP",   [COCO_IGVM_TDX] = "TDX",
	[COCO_IGVM_SEV] = "SEV",       [COCO_IGVM_SEVES] = "SEV_ES",
	[COCO_IGVM_CCA] = "CCA",
};

const char *coco_igvm_platform_name(uint32_t type)
{
	return type < sizeof(platform_names) / sizeof(*platform_names) ? platform_names[type]
								       : "unknown";
}

static const uint32_t platform_types[] = {
	[COCO_TECH_PLAIN] = COCO_IGVM_NATIVE, [COCO_TECH_SWPROTECTED] = COCO_IGVM_NATIVE,
	[COCO_TECH_SEV] = COCO_IGVM_SEV,      [COCO_TECH_SEVES] = COCO_IGVM_SEVES,
	[COCO_TECH_SNP] = COCO_IGVM_SNP,      [COCO_TECH_TDX] = COCO_IGVM_TDX,
};

int coco_igvm_platform_of(uint32_t tech, uint32_t *out, struct coco_error *error)
{
	if (tech < COCO_TECH_PLAIN || tech > COCO_TECH_TDX)
		return coco_fail_field(error, -EINVAL, "tech", "there is no technology %" PRIu32,
				       tech);
	*out = platform_types[tech];
	return 0;
}

int coco_igvm_find_platform(const struct coco_igvm *igvm, uint32_t tech,
			    const struct coco_igvm_platform **out, struct coco_error *error)
{
	char names[96] = "";
	size_t length = 0;
	uint32_t type = 0;
	int r = coco_igvm_platform_of(tech, &type, error);

	if (r)
		return r;
	for (uint32_t i = 0; i < igvm->info.platforms; i++) {
		if (igvm->platforms[i].type == type) {
			*out = &igvm->platforms[i];
			return 0;
		}
		length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s",
					   i ? ", " : "", platform_names[igvm->platforms[i].type]);
	}
	return coco_fail_field(error, -EOPNOTSUPP, "tech", "the IGVM file is for %s, not for %s",
			       names, platform_names[type]);
}

/* IGVM specification, guest policy of TDX; positions in ATTRIBUTES: TDX module ABI, 3.4.1. */
static uint64_t tdx_attributes(uint64_t policy)
{
	static const struct {
		uint8_t policy, attribute;
	} bits[] = {{0, 0}, {1, 28}, {2, 29}};
	uint64_t attributes = 0;

	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		attributes |= (policy >> bits[i].policy & 1) << bits[i].attribute;
	return attributes;
}

static int twice(const struct coco_igvm_entry *entry, struct coco_error *error)
{
	return coco_fail_field(error, -EBADMSG, coco_igvm_entry_name(entry->type),
			       "the IGVM file has a second %s entry for this platform, at offset "
			       "0x%" PRIx64,
			       coco_igvm_entry_name(entry->type), entry->offset);
}

struct survey {
	struct coco_igvm_guest guest;
	uint32_t first_vcpu;
};

static void note_end(struct survey *survey, const struct coco_igvm_entry *entry)
{
	const uint64_t size = coco_min(entry->size, UINT64_MAX - entry->gpa);

	survey->guest.memory_end = coco_max(survey->guest.memory_end, entry->gpa + size);
}

static int survey_entry(const struct coco_igvm *igvm, struct survey *survey,
			const struct coco_igvm_platform *platform,
			const struct coco_igvm_entry *entry, struct coco_error *error)
{
	struct coco_igvm_guest *guest = &survey->guest;

	switch (entry->type) {
	case COCO_IGVM_GUEST_POLICY:
		if (guest->has_policy++)
			return twice(entry, error);
		guest->policy = entry->policy;
		if (platform->type == COCO_IGVM_TDX)
			guest->tdx_attributes = tdx_attributes(entry->policy);
		return 0;
	case COCO_IGVM_SNP_ID_BLOCK:
		return guest->has_id_block++ ? twice(entry, error) : 0;
	case COCO_IGVM_RELOCATABLE_REGION:
	case COCO_IGVM_PAGE_TABLE_REGION:
		guest->relocation = 1;
		return 0;
	case COCO_IGVM_VP_CONTEXT:
		guest->contexts++;
		if (entry->index >= survey->first_vcpu ||
		    (platform->type != COCO_IGVM_SNP && platform->type != COCO_IGVM_SEVES))
			return 0;
		survey->first_vcpu = entry->index;
		guest->sev_features =
			coco_le64(igvm->blob->bytes + entry->file_offset + COCO_VMSA_SEV_FEATURES);
		return 0;
	case COCO_IGVM_PAGE_DATA:
	case COCO_IGVM_REQUIRED_MEMORY:
	case COCO_IGVM_ERROR_RANGE:
		note_end(survey, entry);
		return 0;
	default:
		return 0;
	}
}

uint32_t coco_igvm_find_area(const struct coco_igvm *igvm, uint32_t index)
{
	uint32_t place = 0;

	while (place < igvm->area_count && igvm->areas[place].index != index)
		place++;
	return place;
}

int coco_igvm_get_guest(const struct coco_igvm *igvm, uint32_t tech, struct coco_igvm_guest *guest,
			struct coco_error *error)
{
	const struct coco_igvm_platform *platform = NULL;
	struct survey survey = {.first_vcpu = UINT32_MAX};
	int r = coco_igvm_find_platform(igvm, tech, &platform, error);

	if (!platform)
		return r;
	survey.guest.shared_gpa_boundary = platform->shared_gpa_boundary;
	for (uint32_t i = 0; !r && i < igvm->info.entries; i++) {
		struct coco_igvm_entry entry;

		coco_igvm_get(igvm, igvm->entries[i], &entry);
		if (!(entry.mask & platform->mask))
			continue;
		if (entry.type == COCO_IGVM_PARAMETER_INSERT) {
			entry.size = igvm->areas[coco_igvm_find_area(igvm, entry.index)].size;
			note_end(&survey, &entry);
		}
		r = survey_entry(igvm, &survey, platform, &entry, error);
	}
	if (r)
		return r;
	return coco_result_write(guest, &survey.guest, sizeof(survey.guest),
				 COCO_END_OF(struct coco_igvm_guest, contexts), "guest", error);
}
