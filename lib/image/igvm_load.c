/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A launch image of what an IGVM file holds for one technology, in the file's order. */
#include "image/igvm.h"
#include "image/igvm_pages.h"

#include "base/error.h"
#include "base/options.h"
#include "base/range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* How many entries are looked at to find out whether pages go on in the file. */
#define LOOK_AHEAD   64u
#define NOT_INSERTED UINT64_MAX

struct loader {
	const struct coco_igvm *igvm;
	const struct coco_igvm_platform *platform;
	struct coco_igvm_load_options options; /* complete */
	struct coco_image *image;
	struct coco_igvm_pages pages;
	struct coco_blob *areas; /* contents of all parameter areas that are inserted */
	/* By area: where in `areas`; NOT_INSERTED if it is not for this platform. */
	uint64_t *area_offsets;
	uint32_t unfilled;
};

/* There is no command of SEV's that encrypts and does not measure. */
static bool measures_all(const struct loader *loader)
{
	return loader->options.tech == COCO_TECH_SEV || loader->options.tech == COCO_TECH_SEVES;
}

static uint32_t unmeasured(const struct loader *loader)
{
	return measures_all(loader) ? COCO_RUN_SHARED : COCO_RUN_UNMEASURED;
}

static int special_page(const struct loader *loader, const struct coco_igvm_entry *entry,
			struct coco_igvm_page *page, struct coco_error *error)
{
	if (loader->options.tech != COCO_TECH_SNP)
		return coco_fail_field(error, -EOPNOTSUPP, "igvm",
				       "the IGVM file has a page of secrets or CPUID at 0x%" PRIx64
				       " for %s, only SNP has such",
				       entry->gpa, coco_igvm_platform_name(loader->platform->type));
	page->bytes = NULL;
	page->kind = entry->kind == COCO_IGVM_PAGE_SECRETS ? COCO_PAGE_SECRETS : COCO_PAGE_CPUID;
	page->label = entry->kind == COCO_IGVM_PAGE_SECRETS ? "secrets" : "CPUID";
	return 0;
}

static void normal_page(const struct loader *loader, const struct coco_igvm_entry *entry,
			struct coco_igvm_page *page)
{
	if (entry->flags & COCO_IGVM_PAGE_SHARED)
		page->flags = COCO_RUN_SHARED;
	else if (entry->flags & COCO_IGVM_PAGE_UNMEASURED)
		page->flags = unmeasured(loader);
	/* Only SNP tells pages of zeroes from zero pages. */
	page->kind = page->bytes || (loader->options.tech == COCO_TECH_SNP && !page->flags &&
				     loader->options.zero_pages == COCO_IGVM_ZERO_PAGES_SPEC)
			     ? COCO_PAGE_DATA
			     : COCO_PAGE_ZERO;
	page->label = page->bytes ? "page data" : "pages without data";
}

static int make_page(const struct loader *loader, const struct coco_igvm_entry *entry,
		     struct coco_igvm_page *page, struct coco_error *error)
{
	*page = (struct coco_igvm_page){
		.gpa = entry->gpa,
		.size = entry->size,
		.bytes = entry->file_offset ? loader->igvm->blob->bytes + entry->file_offset : NULL,
	};
	if (entry->kind != COCO_IGVM_PAGE_NORMAL)
		return special_page(loader, entry, page, error);
	normal_page(loader, entry, page);
	return 0;
}

/* How many bytes of the file go on in the guest as well, from the page of entry `index` on. */
static uint64_t look_ahead(const struct loader *loader, uint32_t index,
			   const struct coco_igvm_entry *first)
{
	const uint32_t left = loader->igvm->info.entries - index;
	uint64_t size = first->size;

	for (uint32_t i = 1; i < left && i < LOOK_AHEAD && size < COCO_IGVM_STRETCH; i++) {
		struct coco_igvm_entry entry;

		coco_igvm_get(loader->igvm, loader->igvm->entries[index + i], &entry);
		if (!(entry.mask & loader->platform->mask))
			continue;
		if (entry.type != first->type || entry.gpa != first->gpa + size ||
		    entry.file_offset != first->file_offset + size || entry.kind != first->kind ||
		    entry.flags != first->flags)
			break;
		size += entry.size;
	}
	return size;
}

static int load_page(struct loader *loader, uint32_t index, const struct coco_igvm_entry *entry,
		     struct coco_error *error)
{
	struct coco_igvm_page page;
	int r = make_page(loader, entry, &page, error);

	if (r)
		return r;
	if (page.bytes)
		page.ahead = look_ahead(loader, index, entry);
	return coco_igvm_pages_add(&loader->pages, &page, error);
}

static int load_parameter(struct loader *loader, const struct coco_igvm_entry *entry,
			  struct coco_error *error)
{
	const uint32_t place = coco_igvm_find_area(loader->igvm, entry->index);
	bool filled;
	int r;

	if (loader->area_offsets[place] == NOT_INSERTED)
		return 0;
	r = coco_igvm_fill_parameter(
		&loader->options, entry,
		loader->areas->bytes + loader->area_offsets[place] + entry->position,
		loader->igvm->areas[place].size - entry->position, &filled, error);
	if (!r && !filled)
		loader->unfilled |= COCO_IGVM_PARAMETER_BIT(entry->type);
	return r;
}

static int load_insert(struct loader *loader, const struct coco_igvm_entry *entry,
		       struct coco_error *error)
{
	const uint32_t place = coco_igvm_find_area(loader->igvm, entry->index);
	struct coco_image_run run = {
		.gpa = entry->gpa,
		.size = loader->igvm->areas[place].size,
		.bytes = loader->areas->bytes + loader->area_offsets[place],
		.borrowed = true,
		.kind = COCO_PAGE_DATA,
		.flags = unmeasured(loader),
	};

	snprintf(run.label, sizeof(run.label), "parameter area %" PRIu32, entry->index);
	return coco_igvm_pages_add_run(&loader->pages, &run, error);
}

static int load_context(struct loader *loader, const struct coco_igvm_entry *entry,
			struct coco_error *error)
{
	const uint32_t type = loader->platform->type;
	const struct coco_image_vcpu state = {
		.vcpu = entry->index,
		.format = type == COCO_IGVM_SNP || type == COCO_IGVM_SEVES ? COCO_VCPU_STATE_VMSA
									   : COCO_VCPU_STATE_NATIVE,
		.gpa = entry->gpa,
		.position = loader->image->count + loader->pages.count,
		.borrowed = true,
		/* Nobody writes to borrowed bytes. */
		.page = (void *)(uintptr_t)(loader->igvm->blob->bytes + entry->file_offset),
	};

	if (entry->index >= loader->options.vcpus)
		return coco_fail_field(error, -EINVAL, "vcpus",
				       "the IGVM file has registers of vCPU %" PRIu32
				       ", the guest has %" PRIu32 " vCPUs",
				       entry->index, loader->options.vcpus);
	coco_igvm_pages_break(&loader->pages);
	return coco_image_add_vcpu(loader->image, &state, error);
}

static int load_error_range(struct loader *loader, const struct coco_igvm_entry *entry,
			    struct coco_error *error)
{
	const struct coco_image_run run = {
		.gpa = entry->gpa,
		.size = entry->size,
		.kind = COCO_PAGE_ZERO,
		.flags = COCO_RUN_SHARED,
		.label = "error range",
	};

	return entry->size ? coco_igvm_pages_add_run(&loader->pages, &run, error) : 0;
}

/* `memory` is sorted: ranges that touch are looked at one after the other. */
static int check_required(const struct loader *loader, const struct coco_igvm_entry *entry,
			  struct coco_error *error)
{
	const struct coco_igvm_load_options *options = &loader->options;
	uint64_t at = entry->gpa, left = entry->size;

	if (!options->memory)
		return 0;
	for (uint32_t i = 0; left && i < options->memory_count; i++) {
		const struct coco_igvm_memory *memory = &options->memory[i];
		uint64_t there;

		if (at < memory->gpa || at - memory->gpa >= memory->size)
			continue;
		there = coco_min(left, memory->size - (at - memory->gpa));
		at += there;
		left -= there;
	}
	if (left)
		return coco_fail_field(error, -EINVAL, "memory",
				       "the IGVM file requires 0x%" PRIx64 " bytes of memory at "
				       "0x%" PRIx64 ", and the guest has none at 0x%" PRIx64,
				       entry->size, entry->gpa, at);
	return 0;
}

static int load_entry(struct loader *loader, uint32_t index, const struct coco_igvm_entry *entry,
		      struct coco_error *error)
{
	switch (entry->type) {
	case COCO_IGVM_PAGE_DATA:
		return load_page(loader, index, entry, error);
	case COCO_IGVM_PARAMETER_INSERT:
		return load_insert(loader, entry, error);
	case COCO_IGVM_VP_CONTEXT:
		return load_context(loader, entry, error);
	case COCO_IGVM_ERROR_RANGE:
		return load_error_range(loader, entry, error);
	case COCO_IGVM_REQUIRED_MEMORY:
		return check_required(loader, entry, error);
	default:
		return coco_igvm_is_parameter(entry->type) ? load_parameter(loader, entry, error)
							   : 0;
	}
}

/* Gives each area that is inserted its place. Returns the size of all of them. */
static uint64_t place_areas(struct loader *loader)
{
	const struct coco_igvm *igvm = loader->igvm;
	uint64_t size = 0;

	for (uint32_t i = 0; i < igvm->area_count; i++)
		loader->area_offsets[i] = NOT_INSERTED;
	for (uint32_t i = 0; i < igvm->info.entries; i++) {
		struct coco_igvm_entry entry;
		uint32_t place;

		coco_igvm_get(igvm, igvm->entries[i], &entry);
		if (entry.type != COCO_IGVM_PARAMETER_INSERT ||
		    !(entry.mask & loader->platform->mask))
			continue;
		/* No area is inserted twice. */
		place = coco_igvm_find_area(igvm, entry.index);
		loader->area_offsets[place] = size;
		size += igvm->areas[place].size;
	}
	return size;
}

/* The contents of areas begin as the file has them, or as zeroes. */
static int make_areas(struct loader *loader, struct coco_error *error)
{
	const struct coco_igvm *igvm = loader->igvm;
	int r;

	/* One more than there are: none is no failure. */
	loader->area_offsets = calloc(igvm->area_count + 1, sizeof(*loader->area_offsets));
	if (!loader->area_offsets)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	r = coco_blob_new(place_areas(loader), &loader->areas, error);
	if (r)
		return r;
	memset(loader->areas->bytes, 0, loader->areas->size);
	for (uint32_t i = 0; i < igvm->area_count; i++)
		if (loader->area_offsets[i] != NOT_INSERTED && igvm->areas[i].file_offset)
			memcpy(loader->areas->bytes + loader->area_offsets[i],
			       igvm->blob->bytes + igvm->areas[i].file_offset, igvm->areas[i].size);
	return coco_image_keep_blob(loader->image, loader->areas, error);
}

static int load_entries(struct loader *loader, struct coco_error *error)
{
	int r = make_areas(loader, error);

	for (uint32_t i = 0; !r && i < loader->igvm->info.entries; i++) {
		struct coco_igvm_entry entry;

		coco_igvm_get(loader->igvm, loader->igvm->entries[i], &entry);
		if (entry.mask & loader->platform->mask)
			r = load_entry(loader, i, &entry, error);
	}
	return r;
}

static int check_exact(const struct loader *loader, struct coco_error *error)
{
	struct coco_kvm_check_options options;
	struct coco_kvm_check check;
	int r;

	if (!(loader->options.flags & COCO_IGVM_EXACT))
		return 0;
	COCO_INIT(&options);
	COCO_INIT(&check);
	options.tech = loader->options.tech;
	options.vcpus = loader->options.vcpus;
	r = coco_image_check_kvm(loader->image, &options, &check, error);
	if (!r && check.obstacles)
		r = coco_fail_field(error, -EOPNOTSUPP, "igvm",
				    "KVM can't launch this with the measurement that the file "
				    "stands for: %s",
				    check.reason);
	return r;
}

static void free_loader(struct loader *loader, bool runs_given_away)
{
	coco_blob_unref(loader->areas);
	free(loader->area_offsets);
	coco_igvm_pages_free(&loader->pages, runs_given_away);
}

/* Either all of it, or the image is as it was. */
static int load(struct loader *loader, struct coco_error *error)
{
	struct coco_image *image = loader->image;
	const uint32_t runs = image->count, states = image->state_count, blobs = image->blob_count;
	bool added = false;
	int r = coco_image_keep_blob(image, loader->igvm->blob, error);

	if (!r)
		r = load_entries(loader, error);
	if (!r) {
		r = coco_image_add_all(image, loader->pages.runs, loader->pages.count, "igvm",
				       error);
		added = r == 0;
	}
	if (!r)
		r = check_exact(loader, error);
	if (r) {
		coco_image_cut(image, runs);
		coco_image_cut_vcpus(image, states);
		while (image->blob_count > blobs)
			coco_blob_unref(image->blobs[--image->blob_count]);
	}
	free_loader(loader, added);
	return r;
}

static int check_memory(const struct coco_igvm_load_options *options, struct coco_error *error)
{
	uint64_t end = 0;

	if (options->memory_count && !options->memory)
		return coco_fail_field(error, -EINVAL, "memory", "memory is NULL");
	for (uint32_t i = 0; i < options->memory_count; i++) {
		const struct coco_igvm_memory *memory = &options->memory[i];

		if (!coco_page_range_valid(memory->gpa, memory->size) || memory->gpa < end ||
		    memory->type > COCO_IGVM_MEMORY_HIDDEN || memory->reserved0)
			return coco_fail_field(
				error, -EINVAL, "memory",
				"range %" PRIu32 " of the guest's memory, 0x%" PRIx64
				" bytes at 0x%" PRIx64
				", is not whole pages, not in order, or of no known type",
				i, memory->size, memory->gpa);
		end = memory->gpa + memory->size;
	}
	return 0;
}

static int check_options(const struct coco_igvm_load_options *options, struct coco_error *error)
{
	const uint32_t flags = COCO_IGVM_PRIVATE_BY_DEFAULT | COCO_IGVM_EXACT;

	if (options->flags & ~flags)
		return coco_fail_field(error, -EINVAL, "flags", "unknown flags 0x%" PRIx32,
				       options->flags);
	if (options->zero_pages > COCO_IGVM_ZERO_PAGES_KVM)
		return coco_fail_field(error, -EINVAL, "zero_pages",
				       "%" PRIu32 " is no way to load pages without data",
				       options->zero_pages);
	if (options->vcpus > COCO_IMAGE_MAX_VCPUS)
		return coco_fail_field(error, -EINVAL, "vcpus", "%" PRIu32 " vCPUs are too many",
				       options->vcpus);
	if (options->reserved0)
		return coco_fail_field(error, -EINVAL, "reserved0", "reserved0 is not 0");
	return check_memory(options, error);
}

int coco_image_add_igvm(struct coco_image *image, const struct coco_igvm *igvm,
			const struct coco_igvm_load_options *options, uint32_t *unfilled,
			struct coco_error *error)
{
	struct loader loader = {.igvm = igvm, .image = image};
	struct coco_igvm_guest guest;
	int r;

	if (!igvm)
		return coco_fail_field(error, -EINVAL, "igvm", "igvm is NULL");
	r = coco_options_read(&loader.options, sizeof(loader.options), options,
			      COCO_END_OF(struct coco_igvm_load_options, tech), "options", error);
	if (!r)
		r = check_options(&loader.options, error);
	if (!r)
		r = coco_image_check_open(image, error);
	if (!r)
		r = coco_igvm_find_platform(igvm, loader.options.tech, &loader.platform, error);
	COCO_INIT(&guest);
	if (!r)
		r = coco_igvm_get_guest(igvm, loader.options.tech, &guest, error);
	if (r)
		return r;
	if (!loader.options.vcpus)
		loader.options.vcpus = guest.contexts ? guest.contexts : 1;
	loader.pages.limit = COCO_IMAGE_MAX_RUNS - image->count;
	r = load(&loader, error);
	if (!r && unfilled)
		*unfilled = loader.unfilled;
	return r;
}
