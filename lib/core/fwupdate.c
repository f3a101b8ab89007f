/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The request object of cocoreset/fwupdate.h: it uses the public calls alone. */
#include "base/bytes.h"
#include "base/error.h"
#include "base/options.h"

#include <cocoreset/fwupdate.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
	BLOB_SIZE = 16,
	STATUS_SIZE = 16,
};

struct coco_fwupdate {
	struct coco_guest *guest;
	struct coco_stage_options stage;
	uint64_t bios_size;
	/*
	 * Held while a file is staged, too: requests come one after the other.
	 * coco_fwupdate_reset() waits for that; staging never waits for a reset.
	 */
	pthread_mutex_t lock;
	uint32_t state;
	bool disabled;
	uint64_t size, gpa;
	struct coco_error refusal;
	uint64_t generation; /* that `state` is about */
	bool refused_before; /* and told in one life after it */
	uint8_t opaque[COCO_FWUPDATE_OPAQUE_SIZE];
};

static const struct coco_fwupdate_field_info fields[COCO_FWUPDATE_FIELDS] = {
	[COCO_FWUPDATE_CAP] = {.name = "etc/vmfwupdate/cap", .size = 8},
	[COCO_FWUPDATE_BIOS_SIZE] = {.name = "etc/vmfwupdate/bios-size", .size = 8},
	[COCO_FWUPDATE_BLOB] = {.name = "etc/vmfwupdate/fw-blob", .size = BLOB_SIZE, .writable = 1},
	[COCO_FWUPDATE_OPAQUE] = {.name = "etc/vmfwupdate/opaque-blob",
				  .size = COCO_FWUPDATE_OPAQUE_SIZE,
				  .writable = 1},
	[COCO_FWUPDATE_DISABLE] = {.name = "etc/vmfwupdate/disable", .size = 1, .writable = 1},
	[COCO_FWUPDATE_STATUS] = {.name = "etc/vmfwupdate/status", .size = STATUS_SIZE},
};

static int check_field(uint32_t field, struct coco_error *error)
{
	if (field < COCO_FWUPDATE_FIELDS)
		return 0;
	return coco_fail_field(error, -EINVAL, "field", "there is no field %" PRIu32, field);
}

int coco_fwupdate_get_field(uint32_t field, struct coco_fwupdate_field_info *info,
			    struct coco_error *error)
{
	int r = check_field(field, error);

	return r ? r
		 : coco_result_write(info, &fields[field], sizeof(fields[field]),
				     COCO_END_OF(struct coco_fwupdate_field_info, size), "info",
				     error);
}

static int read_options(struct coco_fwupdate *update, const struct coco_fwupdate_options *from,
			struct coco_error *error)
{
	struct coco_fwupdate_options given;
	int r;

	COCO_INIT(&update->stage);
	COCO_INIT(&given);
	r = coco_options_read(&given, sizeof(given), from ? from : &given,
			      COCO_END_OF(struct coco_fwupdate_options, stage), "options", error);
	if (r)
		return r;
	update->bios_size = given.bios_size;
	if (!given.stage)
		return 0;
	r = coco_options_read(&update->stage, sizeof(update->stage), given.stage,
			      COCO_END_OF(struct coco_stage_options, flags), "stage", error);
	update->stage.struct_size = sizeof(update->stage);
	return r;
}

int coco_fwupdate_new(struct coco_guest *guest, const struct coco_fwupdate_options *options,
		      struct coco_fwupdate **out, struct coco_error *error)
{
	struct coco_fwupdate *update;
	int r;

	if (!guest || !out)
		return coco_fail_field(error, -EINVAL, guest ? "out" : "guest", "%s is NULL",
				       guest ? "out" : "guest");
	update = calloc(1, sizeof(*update));
	if (!update)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	update->guest = guest;
	r = read_options(update, options, error);
	if (r) {
		free(update);
		return r;
	}
	pthread_mutex_init(&update->lock, NULL);
	*out = update;
	return 0;
}

void coco_fwupdate_free(struct coco_fwupdate *update)
{
	if (!update)
		return;
	pthread_mutex_destroy(&update->lock);
	free(update);
}

/* --- the guest reads */

static uint64_t capabilities(const struct coco_fwupdate *update)
{
	const uint32_t kinds = update->stage.kinds;

	return !kinds || kinds & 1u << COCO_PAYLOAD_IGVM ? COCO_FWUPDATE_CAP_IGVM : 0;
}

/* All of a field but the opaque one. */
static void get_value(const struct coco_fwupdate *update, uint32_t field, uint8_t value[BLOB_SIZE])
{
	memset(value, 0, BLOB_SIZE);
	switch (field) {
	case COCO_FWUPDATE_CAP:
		coco_put_le64(value, capabilities(update));
		break;
	case COCO_FWUPDATE_BIOS_SIZE:
		coco_put_le64(value, update->bios_size);
		break;
	case COCO_FWUPDATE_BLOB:
		coco_put_le64(value, update->size);
		coco_put_le64(value + 8, update->gpa);
		break;
	case COCO_FWUPDATE_DISABLE:
		value[0] = update->disabled;
		break;
	default:
		coco_put_le32(value, update->state);
		coco_put_le32(value + 4, (uint32_t)-update->refusal.code);
		coco_put_le64(value + 8, update->generation);
	}
}

static int check_range(uint32_t field, uint64_t offset, size_t size, struct coco_error *error)
{
	int r = check_field(field, error);

	if (r)
		return r;
	if (offset > fields[field].size || size > fields[field].size - offset)
		return coco_fail_field(error, -EINVAL, "size",
				       "0x%zx bytes from 0x%" PRIx64 " on: %s has 0x%" PRIx32, size,
				       offset, fields[field].name, fields[field].size);
	return 0;
}

int coco_fwupdate_read(struct coco_fwupdate *update, uint32_t field, uint64_t offset, void *to,
		       size_t size, struct coco_error *error)
{
	uint8_t value[BLOB_SIZE];
	int r = check_range(field, offset, size, error);

	if (r || !size)
		return r;
	pthread_mutex_lock(&update->lock);
	if (field == COCO_FWUPDATE_OPAQUE) {
		memcpy(to, update->opaque + offset, size);
	} else {
		get_value(update, field, value);
		memcpy(to, value + offset, size);
	}
	pthread_mutex_unlock(&update->lock);
	return 0;
}

/* --- the guest writes. With the lock held. */

/* No request holds any more. */
static int take_back(struct coco_fwupdate *update, struct coco_error *error)
{
	int r = 0;

	if (update->size)
		r = coco_guest_unstage(update->guest, 0, error);
	if (r)
		return r;
	if (update->state == COCO_FWUPDATE_STAGED)
		update->state = COCO_FWUPDATE_IDLE;
	update->size = 0;
	update->gpa = 0;
	return 0;
}

static int request(struct coco_fwupdate *update, uint64_t size, uint64_t gpa,
		   struct coco_error *error)
{
	struct coco_error refusal = {0};
	int r;

	if (!size)
		return take_back(update, error);
	r = coco_guest_stage_from_guest(update->guest, gpa, size, &update->stage, NULL, &refusal);
	update->generation = coco_guest_generation(update->guest);
	update->refusal = refusal;
	update->refused_before = false;
	if (r) {
		/* An earlier request holds. */
		update->state = update->size ? COCO_FWUPDATE_STAGED : COCO_FWUPDATE_REFUSED;
		if (error)
			*error = refusal;
		return r;
	}
	update->state = COCO_FWUPDATE_STAGED;
	update->size = size;
	update->gpa = gpa;
	return 0;
}

static int disable(struct coco_fwupdate *update, uint8_t value, struct coco_error *error)
{
	int r;

	if (!value)
		return 0;
	r = take_back(update, error);
	if (!r)
		update->disabled = true;
	return r;
}

static int write_field(struct coco_fwupdate *update, uint32_t field, uint64_t offset,
		       const uint8_t *bytes, size_t size, struct coco_error *error)
{
	if (field == COCO_FWUPDATE_OPAQUE) {
		memcpy(update->opaque + offset, bytes, size);
		return 0;
	}
	if (size != fields[field].size)
		return coco_fail_field(error, -EINVAL, "size",
				       "%s is written as a whole, 0x%" PRIx32
				       " bytes, not 0x%zx of it",
				       fields[field].name, fields[field].size, size);
	if (update->disabled)
		return coco_fail_field(error, -EPERM, "field",
				       "the guest has disabled updates until it is reset");
	return field == COCO_FWUPDATE_DISABLE
		       ? disable(update, bytes[0], error)
		       : request(update, coco_le64(bytes), coco_le64(bytes + 8), error);
}

int coco_fwupdate_write(struct coco_fwupdate *update, uint32_t field, uint64_t offset,
			const void *bytes, size_t size, struct coco_error *error)
{
	int r = check_range(field, offset, size, error);

	if (r)
		return r;
	if (!fields[field].writable)
		return coco_fail_field(error, -EPERM, "field", "%s is read only",
				       fields[field].name);
	if (!bytes)
		return coco_fail_field(error, -EINVAL, "bytes", "bytes is NULL");
	pthread_mutex_lock(&update->lock);
	r = write_field(update, field, offset, bytes, size, error);
	pthread_mutex_unlock(&update->lock);
	return r;
}

/* --- the VMM */

/* What the new life is told of the one before. */
static void turn(struct coco_fwupdate *update)
{
	if (update->state == COCO_FWUPDATE_REFUSED && !update->refused_before) {
		update->refused_before = true;
		return;
	}
	update->state =
		update->state == COCO_FWUPDATE_STAGED ? COCO_FWUPDATE_LAUNCHED : COCO_FWUPDATE_IDLE;
	update->refusal = (struct coco_error){0};
	update->generation = coco_guest_generation(update->guest);
}

int coco_fwupdate_reset(struct coco_fwupdate *update, struct coco_error *error)
{
	if (!update)
		return coco_fail_field(error, -EINVAL, "update", "update is NULL");
	pthread_mutex_lock(&update->lock);
	turn(update);
	update->disabled = false;
	update->size = 0;
	update->gpa = 0;
	pthread_mutex_unlock(&update->lock);
	return 0;
}

int coco_fwupdate_get_info(struct coco_fwupdate *update, struct coco_fwupdate_info *info,
			   struct coco_error *error)
{
	struct coco_fwupdate_info result = {0};

	pthread_mutex_lock(&update->lock);
	result.state = update->state;
	result.disabled = update->disabled;
	result.size = update->size;
	result.gpa = update->gpa;
	result.refusal = update->refusal;
	pthread_mutex_unlock(&update->lock);
	return coco_result_write(info, &result, sizeof(result),
				 COCO_END_OF(struct coco_fwupdate_info, state), "info", error);
}
