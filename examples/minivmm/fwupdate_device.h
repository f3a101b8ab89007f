/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The device of ../common/fwupdate_port.h: the guest brings firmware, for its next life. All that
 * it has to know of that is in the library's request object; this moves bytes. Not thread safe.
 */
#ifndef MINIVMM_FWUPDATE_DEVICE_H
#define MINIVMM_FWUPDATE_DEVICE_H

#include <cocoreset/cocoreset.h>
#include <stdbool.h>
#include <stdint.h>

#include "report.h"

struct fwupdate_device {
	struct coco_fwupdate *update; /* NULL: there is no device */
	struct report *report;
	uint64_t offer_gpa, offer_size;
	uint32_t field;
	uint32_t position; /* of the next byte that is read */
	uint32_t put;      /* bytes in `buffer` */
	uint8_t buffer[COCO_FWUPDATE_OPAQUE_SIZE];
	uint32_t result;
};

/* Borrows guest and report; the guest is to be there until fwupdate_device_destroy(). */
bool fwupdate_device_init(struct fwupdate_device *device, struct coco_guest *guest,
			  uint64_t bios_size, struct report *report);
void fwupdate_device_destroy(struct fwupdate_device *device);

/* A new life begins. */
void fwupdate_device_reset(struct fwupdate_device *device);

/* Any port and any size (1, 2, 4) within FWUPDATE_PORT_BASE and FWUPDATE_PORT_SIZE. */
uint32_t fwupdate_device_read(struct fwupdate_device *device, uint32_t port, uint32_t size);
void fwupdate_device_write(struct fwupdate_device *device, uint32_t port, uint32_t size,
			   uint32_t value);

#endif
