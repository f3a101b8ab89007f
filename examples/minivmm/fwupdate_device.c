/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fwupdate_device.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../common/fwupdate_port.h"

_Static_assert(FWUPDATE_FIELD_BLOB == COCO_FWUPDATE_BLOB &&
		       FWUPDATE_FIELD_OPAQUE == COCO_FWUPDATE_OPAQUE &&
		       FWUPDATE_FIELD_DISABLE == COCO_FWUPDATE_DISABLE &&
		       FWUPDATE_FIELD_STATUS == COCO_FWUPDATE_STATUS,
	       "tinyfw's numbers are the library's");

/* What the guest brings is shown, and taken: minivmm's user has asked for it by --offer. */
static int show(void *payload, const struct coco_stage_offer *offer)
{
	const struct fwupdate_device *device = payload;
	char text[96 + 2 * COCO_DIGEST_MAX_SIZE];
	size_t size = 0;
	int used;

	used = snprintf(text, sizeof(text), "the guest brings %s, %" PRIu64 " bytes", offer->name,
			offer->size);
	if (offer->digest) {
		const uint8_t *bytes = coco_digest_bytes(offer->digest, &size);
		used += snprintf(text + used, sizeof(text) - (size_t)used, ", launch digest ");
		report_hex(bytes, size, text + used);
	}
	report_note(device->report, text);
	return 0;
}

bool fwupdate_device_init(struct fwupdate_device *device, struct coco_guest *guest,
			  uint64_t bios_size, struct report *report)
{
	struct coco_fwupdate_options options;
	struct coco_stage_options stage;
	struct coco_error error;

	device->report = report;
	COCO_INIT(&stage);
	stage.accept = show;
	stage.accept_payload = device;
	COCO_INIT(&options);
	options.stage = &stage;
	options.bios_size = bios_size;
	if (coco_fwupdate_new(guest, &options, &device->update, &error)) {
		report_problem(report, "make the firmware update device", &error);
		return false;
	}
	return true;
}

void fwupdate_device_destroy(struct fwupdate_device *device)
{
	coco_fwupdate_free(device->update);
	device->update = NULL;
}

static void select_field(struct fwupdate_device *device, uint32_t field)
{
	device->field = field;
	device->position = 0;
	device->put = 0;
}

void fwupdate_device_reset(struct fwupdate_device *device)
{
	if (!device->update)
		return;
	/* It can't fail: there is an object. */
	(void)!coco_fwupdate_reset(device->update, NULL);
	select_field(device, 0);
	device->result = 0;
}

static uint32_t next_byte(struct fwupdate_device *device)
{
	uint8_t byte;

	if (coco_fwupdate_read(device->update, device->field, device->position, &byte, 1, NULL))
		return UINT8_MAX;
	device->position++;
	return byte;
}

static void commit(struct fwupdate_device *device)
{
	struct coco_error error;
	int r = coco_fwupdate_write(device->update, device->field, 0, device->buffer, device->put,
				    &error);

	device->put = 0;
	device->result = (uint32_t)-r;
	if (r) {
		char text[sizeof(error.text) + 32];
		snprintf(text, sizeof(text), "the guest is refused: %s", error.text);
		report_note(device->report, text);
	}
}

uint32_t fwupdate_device_read(struct fwupdate_device *device, uint32_t port, uint32_t size)
{
	if (device->update && port == FWUPDATE_PORT_DATA && size == 1)
		return next_byte(device);
	if (!device->update || size != 4)
		return UINT32_MAX;
	switch (port) {
	case FWUPDATE_PORT_MAGIC:
		return FWUPDATE_PORT_MAGIC_VALUE;
	case FWUPDATE_PORT_RESULT:
		return device->result;
	case FWUPDATE_PORT_OFFER_GPA:
		return (uint32_t)device->offer_gpa;
	case FWUPDATE_PORT_OFFER_SIZE:
		return (uint32_t)device->offer_size;
	default:
		return UINT32_MAX;
	}
}

void fwupdate_device_write(struct fwupdate_device *device, uint32_t port, uint32_t size,
			   uint32_t value)
{
	if (!device->update)
		return;
	if (port == FWUPDATE_PORT_DATA && size == 1 && device->put < sizeof(device->buffer))
		device->buffer[device->put++] = (uint8_t)value;
	else if (port == FWUPDATE_PORT_SELECT && size == 4)
		select_field(device, value);
	else if (port == FWUPDATE_PORT_COMMIT && size == 4)
		commit(device);
}
