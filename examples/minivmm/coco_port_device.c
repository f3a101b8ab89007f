/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "coco_port_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/coco_port.h"
#include "memory_map.h"

/* Room for the command that minivmm adds to the user's. */
#define LAST_COMMAND_MAX 32

bool coco_port_init(struct coco_port_device *device, const struct options *options)
{
	size_t size = (options->script ? strlen(options->script) : 0) + LAST_COMMAND_MAX;

	*device = (struct coco_port_device){
		.options = options,
		.script = calloc(1, size),
		.script_size = size,
	};
	return device->script != NULL;
}

void coco_port_destroy(struct coco_port_device *device)
{
	free(device->script);
	device->script = NULL;
}

/* What ends a life: a reset while there are any left to do, then a halt. */
static void write_last_command(char *text, size_t size, const struct options *options,
			       uint64_t generation)
{
	static const char *const ways[] = {"cf9", "kbd", "triple"};
	uint32_t way = options->reset_by;

	if (way == RESET_BY_MIX)
		way = (uint32_t)((generation - 1) % 3);

	if (generation > options_planned_resets(options))
		snprintf(text, size, "halt 0");
	else if (options->reset_from == RESET_FROM_HOST)
		snprintf(text, size, "spin");
	else if (options->reset_on)
		snprintf(text, size, "on %u reset %s", options->reset_on, ways[way]);
	else
		snprintf(text, size, "reset %s", ways[way]);
}

void coco_port_reset(struct coco_port_device *device, uint64_t generation)
{
	const char *script = device->options->script;
	char last[LAST_COMMAND_MAX - 1]; /* and a separator */

	device->earlier_failures += device->failures;
	device->failures = 0;
	device->generation = generation;
	device->script_next = 0;
	write_last_command(last, sizeof(last), device->options, generation);
	snprintf(device->script, device->script_size, "%s%s%s", script ? script : "",
		 script ? ";" : "", last);
}

static uint8_t next_command_byte(struct coco_port_device *device)
{
	char byte = device->script[device->script_next];
	if (byte)
		device->script_next++;
	return (uint8_t)byte;
}

static uint32_t scan_mib(const struct options *options)
{
	uint32_t low_mib = (uint32_t)(low_memory_size(options) >> 20);
	return options->scan_mib < low_mib ? options->scan_mib : low_mib;
}

static uint32_t register_value(const struct coco_port_device *device, uint32_t port)
{
	switch (port) {
	case COCO_PORT_MAGIC:
		return COCO_PORT_MAGIC_VALUE;
	case COCO_PORT_GENERATION:
		return (uint32_t)device->generation;
	case COCO_PORT_FEATURES:
		return device->features;
	case COCO_PORT_MEMORY:
		return (uint32_t)(low_memory_size(device->options) >> 10);
	case COCO_PORT_VCPUS:
		return device->options->vcpus;
	case COCO_PORT_SCAN:
		return scan_mib(device->options);
	default:
		return UINT32_MAX;
	}
}

uint32_t coco_port_read(struct coco_port_device *device, uint32_t port, uint32_t size)
{
	if (port == COCO_PORT_COMMAND && size == 1)
		return next_command_byte(device);
	/* Registers are aligned: a part of one is read by shifting it. */
	uint32_t value = register_value(device, port & ~3u) >> (8 * (port & 3u));
	return size == 4 ? value : value & ((1u << (8 * size)) - 1);
}

void coco_port_write(struct coco_port_device *device, uint32_t port, uint32_t size, uint32_t value)
{
	if (port == COCO_PORT_FAILURES && size == 4) {
		device->failures = value;
	} else if (port == COCO_PORT_HALT) {
		device->halted = true;
		device->halt_status = (uint8_t)value;
	}
}

uint64_t coco_port_failures(const struct coco_port_device *device)
{
	return device->earlier_failures + device->failures;
}
