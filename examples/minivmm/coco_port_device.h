/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The device of ../common/coco_port.h: it tells the guest about itself, hands it the commands
 * of each life, and takes what it found out. Not thread safe.
 */
#ifndef MINIVMM_COCO_PORT_DEVICE_H
#define MINIVMM_COCO_PORT_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"

struct coco_port_device {
	const struct options *options;
	uint32_t features; /* COCO_FEATURE_*, written by the owner before the guest runs */

	uint64_t generation;
	char *script; /* this life's commands */
	size_t script_size;
	size_t script_next;
	uint32_t failures;
	uint64_t earlier_failures; /* of all lives before this one */
	bool halted;
	uint8_t halt_status;
};

/* Borrows the options. False: no memory. coco_port_destroy() is due in either case. */
bool coco_port_init(struct coco_port_device *device, const struct options *options);
void coco_port_destroy(struct coco_port_device *device);

/* A new life begins. */
void coco_port_reset(struct coco_port_device *device, uint64_t generation);

/* Any port and any size (1, 2, 4) within COCO_PORT_BASE and COCO_PORT_SIZE. */
uint32_t coco_port_read(struct coco_port_device *device, uint32_t port, uint32_t size);
void coco_port_write(struct coco_port_device *device, uint32_t port, uint32_t size, uint32_t value);

/* Checks that failed, in all lives. */
uint64_t coco_port_failures(const struct coco_port_device *device);

#endif
