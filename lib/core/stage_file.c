/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/stage_file.h"

#include "base/error.h"
#include "base/range.h"
#include "image/igvm.h"
#include "image/uki.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A file on its way to an image. */
struct reading {
	const struct coco_guest *guest;
	const struct coco_stage_options *options;
	struct coco_image *image;
	uint32_t kind;  /* enum coco_payload_kind of what is launched */
	const char *id; /* of the firmware in a UKI; NULL: there is no UKI */
	struct coco_kernel_hashes hashes;
	bool has_hashes;
};

static int check_kind(const struct coco_stage_options *options, uint32_t kind,
		      struct coco_error *error)
{
	if (!options->kinds || options->kinds & 1u << kind)
		return 0;
	return coco_fail_field(error, -EPERM, "kinds",
			       "it is of a kind that is not allowed here: %s",
			       coco_payload_kind_name(kind));
}

/* --- IGVM */

/* All of the guest's memory, sorted: one entry a region. NULL: no memory for it. */
static struct coco_igvm_memory *map_memory(const struct coco_guest *guest, uint64_t *pages)
{
	const struct coco_recipe *recipe = &guest->recipe;
	struct coco_igvm_memory *map = calloc(recipe->region_count + 1, sizeof(*map));

	*pages = 0;
	for (uint32_t i = 0; map && i < recipe->region_count; i++) {
		const struct coco_region *region = &recipe->regions[i];
		uint32_t at = i;

		for (; at && map[at - 1].gpa > region->gpa; at--)
			map[at] = map[at - 1];
		map[at] = (struct coco_igvm_memory){
			.gpa = region->gpa,
			.size = region->size,
			.type = COCO_IGVM_MEMORY,
		};
		*pages += region->size / COCO_PAGE_SIZE;
	}
	return map;
}

static int add_id_block(struct reading *reading, const struct coco_igvm *igvm,
			struct coco_error *error)
{
	struct coco_image_id id;
	uint32_t author;
	int r = coco_igvm_get_id_block(igvm, id.block, id.auth, &author, error);

	if (r)
		return r;
	id.author = author;
	return coco_image_set_id(reading->image, &id, error);
}

static int load_igvm(struct reading *reading, const struct coco_igvm *igvm,
		     const struct coco_igvm_memory *memory, uint32_t memory_count,
		     struct coco_error *error)
{
	const struct coco_recipe *recipe = &reading->guest->recipe;
	const struct coco_stage_options *options = reading->options;
	struct coco_igvm_load_options load;
	struct coco_igvm_guest says;
	int r;

	COCO_INIT(&says);
	r = coco_igvm_get_guest(igvm, recipe->backend->tech, &says, error);
	if (!r && says.contexts > options->max_vcpus)
		r = coco_fail_field(error, -EFBIG, "max_vcpus",
				    "the IGVM file has registers of %" PRIu32 " vCPUs, %" PRIu32
				    " are allowed",
				    says.contexts, options->max_vcpus);
	if (!r && recipe->backend->check_igvm)
		r = recipe->backend->check_igvm(recipe->config, &says, error);
	if (r)
		return r;
	COCO_INIT(&load);
	load.tech = recipe->backend->tech;
	load.flags = options->flags & COCO_STAGE_INEXACT ? 0 : COCO_IGVM_EXACT;
	load.zero_pages = options->zero_pages;
	load.vcpus = recipe->vcpus;
	load.memory = memory;
	load.memory_count = memory_count;
	load.cmdline = options->cmdline;
	load.parameter = options->parameter;
	load.parameter_payload = options->parameter_payload;
	r = coco_image_add_igvm(reading->image, igvm, &load, NULL, error);
	if (!r && says.has_id_block)
		r = add_id_block(reading, igvm, error);
	return r;
}

/* The file asks for no more memory than the guest has. */
static int read_igvm(struct reading *reading, struct coco_blob *file, struct coco_error *error)
{
	const struct coco_stage_options *options = reading->options;
	struct coco_igvm_options limits;
	uint64_t pages;
	struct coco_igvm_memory *memory = map_memory(reading->guest, &pages);
	struct coco_igvm *igvm;
	int r;

	if (!memory)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	COCO_INIT(&limits);
	limits.max_size = options->max_size;
	/* It may be for several platforms. */
	limits.max_vcpus = (uint32_t)coco_min(
		(uint64_t)options->max_vcpus * COCO_IGVM_MAX_PLATFORMS, UINT32_MAX);
	limits.max_pages = (uint32_t)coco_min(pages, UINT32_MAX);
	r = coco_igvm_parse_blob(file, &limits, &igvm, error);
	if (!r) {
		r = load_igvm(reading, igvm, options->memory ? options->memory : memory,
			      options->memory ? options->memory_count
					      : reading->guest->recipe.region_count,
			      error);
		coco_igvm_free(igvm);
	}
	free(memory);
	return r;
}

/* --- raw firmware */

static int add_firmware(struct reading *reading, const void *bytes, size_t size,
			struct coco_error *error)
{
	const struct coco_backend *backend = reading->guest->recipe.backend;
	const struct coco_firmware_extras extras = {
		.hashes = reading->has_hashes ? &reading->hashes : NULL,
		.hob = reading->options->hob,
		.hob_size = reading->options->hob_size,
		.vmm = reading->options->vmm,
	};
	struct coco_firmware *firmware;
	int r;

	if (!backend->add_firmware && extras.hashes)
		return coco_fail_field(error, -EOPNOTSUPP, "flags",
				       "kernel hashes are not part of a %s guest's launch",
				       backend->name);
	if (!backend->add_firmware)
		return coco_image_add_firmware(reading->image, bytes, size, error);
	r = coco_firmware_parse(bytes, size, &firmware, error);
	if (r)
		return r;
	r = backend->add_firmware(reading->image, firmware, &extras, error);
	coco_firmware_free(firmware);
	return r;
}

/* --- UKI */

static int find_by_id(const struct coco_uki *uki, const struct coco_stage_options *options,
		      struct coco_uki_firmware *out, struct coco_error *error)
{
	const uint32_t profile = coco_uki_profile_of(uki, options->profile, ".efifw");
	uint32_t found = 0;

	for (uint32_t i = 0; i < uki->info.firmwares; i++) {
		struct coco_uki_firmware firmware;
		int r;

		COCO_INIT(&firmware);
		r = coco_uki_get_firmware(uki, i, &firmware, error);
		if (r)
			return r;
		if (coco_uki_section_profile(uki, firmware.section) != profile ||
		    (options->firmware_id && strcmp(firmware.id, options->firmware_id) != 0))
			continue;
		/* As with hardware ids, the first with an id is it. */
		if (!found++)
			*out = firmware;
	}
	if (found == 1 || (found && options->firmware_id))
		return 0;
	if (options->firmware_id)
		return coco_fail_field(error, -ENOENT, "firmware_id",
				       "the UKI has no firmware \"%s\" in profile %" PRIu32,
				       options->firmware_id, options->profile);
	return found ? coco_fail_field(error, -EINVAL, "chids",
				       "the UKI has %" PRIu32
				       " firmwares: say for which machine, or which",
				       found)
		     : coco_fail_field(error, -ENOENT, "firmware",
				       "the UKI has no firmware (.efifw) in profile %" PRIu32,
				       options->profile);
}

static int read_payload(struct reading *reading, const struct coco_uki_firmware *firmware,
			struct coco_error *error)
{
	struct coco_blob *copy;
	int r = coco_payload_check(firmware->kind, error);

	if (!r)
		r = check_kind(reading->options, firmware->kind, error);
	if (r)
		return r;
	reading->kind = firmware->kind;
	if (firmware->kind == COCO_PAYLOAD_FIRMWARE)
		return add_firmware(reading, firmware->bytes, firmware->size, error);
	if (reading->has_hashes)
		return coco_fail_field(error, -EOPNOTSUPP, "flags",
				       "kernel hashes go with raw firmware: an IGVM file has all "
				       "that is measured in it");
	r = coco_blob_copy(firmware->bytes, firmware->size, &copy, error);
	if (r)
		return r;
	r = read_igvm(reading, copy, error);
	coco_blob_unref(copy);
	return r;
}

/* A UKI's ids are its author's: they shall not talk to terminals. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void name_source(const struct reading *reading, struct coco_source *source)
{
	const char *kind = coco_payload_kind_name(reading->kind);

	if (reading->options->name)
		snprintf(source->name, sizeof(source->name), "%s", reading->options->name);
	else if (reading->id)
		snprintf(source->name, sizeof(source->name), "UKI, %s, %.32s", kind, reading->id);
	else
		snprintf(source->name, sizeof(source->name), "%s", kind);
	if (!reading->options->name)
		make_printable(source->name);
}

/* What the UKI says is gone with it. */
static int finish(const struct reading *reading, struct coco_source **out, struct coco_error *error)
{
	int r = coco_source_new(reading->image, out, error);

	if (r)
		return r;
	(*out)->kind = reading->kind;
	(*out)->is_uki = reading->id != NULL;
	name_source(reading, *out);
	return 0;
}

static int read_uki(struct reading *reading, struct coco_blob *file, struct coco_source **out,
		    struct coco_error *error)
{
	const struct coco_stage_options *options = reading->options;
	struct coco_uki_firmware firmware;
	struct coco_uki *uki;
	int r = coco_uki_parse_blob(file, &uki, error);

	if (r)
		return r;
	COCO_INIT(&firmware);
	r = coco_uki_check_profile(uki, options->profile, error);
	if (!r)
		r = options->chid_count
			    ? coco_uki_select_firmware(uki, options->profile, options->chids,
						       options->chid_count, &firmware, error)
			    : find_by_id(uki, options, &firmware, error);
	if (!r && options->flags & COCO_STAGE_KERNEL_HASHES) {
		r = coco_kernel_hashes_from_uki(uki, options->profile, &reading->hashes, error);
		reading->has_hashes = !r;
	}
	reading->id = firmware.id;
	if (!r)
		r = read_payload(reading, &firmware, error);
	if (!r)
		r = finish(reading, out, error);
	coco_uki_free(uki);
	return r;
}

/* --- all of them */

static int read_file(struct reading *reading, struct coco_blob *file, struct coco_source **out,
		     struct coco_error *error)
{
	int r = check_kind(reading->options, reading->kind, error);

	if (r)
		return r;
	if (reading->kind == COCO_PAYLOAD_PE)
		return read_uki(reading, file, out, error);
	if (reading->options->flags & COCO_STAGE_KERNEL_HASHES)
		return coco_fail_field(error, -EINVAL, "flags",
				       "kernel hashes are those of a UKI, and this is none");
	r = coco_payload_check(reading->kind, error);
	if (!r)
		r = reading->kind == COCO_PAYLOAD_IGVM
			    ? read_igvm(reading, file, error)
			    : add_firmware(reading, file->bytes, file->size, error);
	return r ? r : finish(reading, out, error);
}

int coco_stage_read(const struct coco_guest *guest, struct coco_blob *file,
		    const struct coco_stage_options *options, struct coco_source **out,
		    struct coco_error *error)
{
	struct reading reading = {
		.guest = guest,
		.options = options,
		.kind = coco_payload_kind(file->bytes, file->size),
	};
	int r = coco_image_new(&reading.image, error);

	if (r)
		return r;
	r = read_file(&reading, file, out, error);
	if (!r)
		(*out)->size = file->size;
	coco_image_unref(reading.image);
	return r;
}
