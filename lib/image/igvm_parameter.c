/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Values of IGVM parameters: the caller's, or what follows from the options. */
#include "image/igvm.h"

#include "base/bytes.h"
#include "base/error.h"

#include <errno.h>
#include <inttypes.h>

enum {
	/* IGVM_VHS_MEMORY_MAP_ENTRY */
	MAP_ENTRY_SIZE = 24,
	MAP_ENTRY_PAGES = 8,
	MAP_ENTRY_TYPE = 16,

	ENVIRONMENT_SHARED = 1,

	/* ACPI 6.5, 5.2.12: MADT with a processor local APIC or x2APIC structure for each vCPU. */
	MADT_LENGTH = 4,
	MADT_REVISION = 8,
	MADT_CHECKSUM = 9,
	MADT_APIC_ADDRESS = 36,
	MADT_HEADER_SIZE = 44,
	LAPIC_SIZE = 8,
	X2APIC_SIZE = 16,
	X2APIC_TYPE = 9,
	/* 255 is the local APICs' broadcast address. */
	FIRST_X2APIC = 255,
};

#define LOCAL_APIC_ADDRESS 0xfee00000u

/* Where a value goes, and how large it became. */
struct place {
	uint8_t *to;
	uint64_t room;
	uint64_t size;
};

static int no_room(const struct coco_igvm_entry *entry, uint64_t size, uint64_t room,
		   struct coco_error *error)
{
	return coco_fail_field(error, -ENOSPC, coco_igvm_entry_name(entry->type),
			       "the value of %s has %" PRIu64 " bytes, its place in parameter area "
			       "%" PRIu32 " has %" PRIu64,
			       coco_igvm_entry_name(entry->type), size, entry->index, room);
}

static int put_memory_map(const struct coco_igvm_load_options *options, struct place *place)
{
	place->size = ((uint64_t)options->memory_count + 1) * MAP_ENTRY_SIZE;
	if (place->size > place->room)
		return -ENOSPC;
	/* The last one, without pages, is the end. */
	memset(place->to, 0, place->size);
	for (uint32_t i = 0; i < options->memory_count; i++) {
		uint8_t *to = place->to + (size_t)i * MAP_ENTRY_SIZE;

		coco_put_le64(to, options->memory[i].gpa / COCO_PAGE_SIZE);
		coco_put_le64(to + MAP_ENTRY_PAGES, options->memory[i].size / COCO_PAGE_SIZE);
		coco_put_le16(to + MAP_ENTRY_TYPE, (uint16_t)options->memory[i].type);
	}
	return 0;
}

static int put_text(const char *text, struct place *place)
{
	place->size = strlen(text) + 1;
	if (place->size > place->room)
		return -ENOSPC;
	memcpy(place->to, text, place->size);
	return 0;
}

static int put_number(uint32_t value, struct place *place)
{
	place->size = 4;
	if (place->size > place->room)
		return -ENOSPC;
	coco_put_le32(place->to, value);
	return 0;
}

static void put_local_apics(uint8_t *to, uint32_t vcpus)
{
	for (uint32_t i = 0; i < vcpus; i++) {
		const bool wide = i >= FIRST_X2APIC;

		to[0] = wide ? X2APIC_TYPE : 0;
		to[1] = wide ? X2APIC_SIZE : LAPIC_SIZE;
		if (wide) {
			coco_put_le32(to + 4, i);
			coco_put_le32(to + 8, 1); /* enabled */
			coco_put_le32(to + 12, i);
		} else {
			to[2] = (uint8_t)i;
			to[3] = (uint8_t)i;
			coco_put_le32(to + 4, 1);
		}
		to += to[1];
	}
}

static int put_madt(uint32_t vcpus, struct place *place)
{
	const uint32_t wide = vcpus > FIRST_X2APIC ? vcpus - FIRST_X2APIC : 0;
	uint8_t sum = 0;

	place->size = MADT_HEADER_SIZE + (uint64_t)(vcpus - wide) * LAPIC_SIZE +
		      (uint64_t)wide * X2APIC_SIZE;
	if (place->size > place->room)
		return -ENOSPC;
	memset(place->to, 0, place->size);
	memcpy(place->to, "APIC", 4);
	coco_put_le32(place->to + MADT_LENGTH, (uint32_t)place->size);
	place->to[MADT_REVISION] = 5;
	memcpy(place->to + 10, "COCORSCOCORSET", 14); /* OEM id and OEM table id */
	coco_put_le32(place->to + MADT_APIC_ADDRESS, LOCAL_APIC_ADDRESS);
	put_local_apics(place->to + MADT_HEADER_SIZE, vcpus);
	for (uint64_t i = 0; i < place->size; i++)
		sum = (uint8_t)(sum + place->to[i]);
	place->to[MADT_CHECKSUM] = (uint8_t)-sum;
	return 0;
}

/* -ENODATA: there is no default. */
static int put_default(const struct coco_igvm_load_options *options, uint32_t type,
		       struct place *place)
{
	switch (type) {
	case COCO_IGVM_VP_COUNT:
		return put_number(options->vcpus, place);
	case COCO_IGVM_ENVIRONMENT_INFO:
		return put_number(
			options->flags & COCO_IGVM_PRIVATE_BY_DEFAULT ? 0 : ENVIRONMENT_SHARED,
			place);
	case COCO_IGVM_MEMORY_MAP:
		return put_memory_map(options, place);
	case COCO_IGVM_COMMAND_LINE:
		return put_text(options->cmdline ? options->cmdline : "", place);
	case COCO_IGVM_MADT:
		return put_madt(options->vcpus, place);
	default:
		return -ENODATA;
	}
}

/* Nothing that `parameter` does with `size` takes it beyond its place. */
static int ask(const struct coco_igvm_load_options *options, const struct coco_igvm_entry *entry,
	       struct place *place, struct coco_error *error)
{
	const struct coco_igvm_parameter parameter = {
		.type = entry->type,
		.index = entry->index,
		.position = entry->position,
		.area_size = entry->position + place->room,
	};
	int r;

	if (!options->parameter)
		return -ENODATA;
	r = options->parameter(options->parameter_payload, &parameter, place->to, place->room,
			       &place->size);
	if (r > 0)
		r = -EINVAL;
	if (r && r != -ENODATA)
		return coco_fail_field(error, r, "parameter", "the callback gives no value for %s",
				       coco_igvm_entry_name(entry->type));
	if (!r && place->size > place->room)
		return no_room(entry, place->size, place->room, error);
	return r;
}

int coco_igvm_fill_parameter(const struct coco_igvm_load_options *options,
			     const struct coco_igvm_entry *entry, uint8_t *to, uint64_t room,
			     bool *filled, struct coco_error *error)
{
	struct place place = {
		.to = to,
		.room = room,
	};
	int r = ask(options, entry, &place, error);

	if (r == -ENODATA) {
		r = put_default(options, entry->type, &place);
		if (r == -ENOSPC)
			return no_room(entry, place.size, place.room, error);
	}
	*filled = r == 0;
	return r == -ENODATA ? 0 : r;
}
