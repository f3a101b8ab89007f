/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "devices.h"

#include <linux/kvm.h>
#include <string.h>

#include "../common/coco_port.h"
#include "../common/fwupdate_port.h"
#include "report.h"

#define PORT_KEYBOARD      0x64
#define KEYBOARD_RESET     0xfe
#define PORT_RESET_CONTROL 0xcf9
#define RESET_CONTROL_CPU  0x04

/* KVM hands over the data of string instructions in one page, behind struct kvm_run. */
#define PIO_DATA_MAX 4096

static const char spinning_line[] = "tinyfw: spinning";

static void take_line(void *payload, const char *line)
{
	struct devices *devices = payload;

	report_line(devices->report, line);
	if (strcmp(line, spinning_line) == 0) {
		devices->spinning_generation = devices->generation;
		devices->spinning_fn(devices->spinning_payload);
	}
}

bool devices_init(struct devices *devices, const struct options *options, struct report *report,
		  void (*spinning_fn)(void *payload), void *spinning_payload)
{
	devices->generation = 0;
	devices->spinning_generation = 0;
	devices->report = report;
	devices->spinning_fn = spinning_fn;
	devices->spinning_payload = spinning_payload;
	serial_init(&devices->serial, take_line, devices);
	pthread_mutex_init(&devices->lock, NULL);
	return coco_port_init(&devices->coco_port, options);
}

void devices_destroy(struct devices *devices)
{
	coco_port_destroy(&devices->coco_port);
	pthread_mutex_destroy(&devices->lock);
}

static bool is_serial(uint32_t port)
{
	return port >= SERIAL_BASE && port < SERIAL_BASE + SERIAL_SIZE;
}

/* An access may begin in the device's range and end behind it. */
static bool is_coco_port(uint32_t port)
{
	return port >= COCO_PORT_BASE && port < COCO_PORT_BASE + COCO_PORT_SIZE;
}

static bool is_fwupdate_port(uint32_t port)
{
	return port >= FWUPDATE_PORT_BASE && port < FWUPDATE_PORT_BASE + FWUPDATE_PORT_SIZE;
}

static uint32_t port_in(struct devices *devices, uint32_t port, uint32_t size)
{
	if (is_coco_port(port))
		return coco_port_read(&devices->coco_port, port, size);
	if (is_fwupdate_port(port))
		return fwupdate_device_read(&devices->fwupdate, port, size);

	/* The others are byte devices: a wide access is one to each port that it covers. */
	uint32_t value = 0;
	for (uint32_t i = 0; i < size; i++) {
		uint8_t byte = 0xff;
		if (is_serial(port + i))
			byte = serial_read(&devices->serial, port + i - SERIAL_BASE);
		else if (port + i == PORT_KEYBOARD)
			byte = 0;
		value |= (uint32_t)byte << (8 * i);
	}
	return value;
}

static enum device_request port_out(struct devices *devices, uint32_t port, uint32_t size,
				    uint32_t value)
{
	/*
	 * The reset ports count only if the access begins there: 0xcf9 lies inside 0xcf8, where
	 * 32-bit writes select a PCI register.
	 */
	if (port == PORT_RESET_CONTROL && (value & RESET_CONTROL_CPU))
		return DEVICE_RESET;
	if (port == PORT_KEYBOARD && (uint8_t)value == KEYBOARD_RESET)
		return DEVICE_RESET;
	if (is_coco_port(port)) {
		coco_port_write(&devices->coco_port, port, size, value);
		return devices->coco_port.halted ? DEVICE_HALT : DEVICE_NONE;
	}
	if (is_fwupdate_port(port)) {
		fwupdate_device_write(&devices->fwupdate, port, size, value);
		return DEVICE_NONE;
	}
	for (uint32_t i = 0; i < size; i++) {
		if (is_serial(port + i))
			serial_write(&devices->serial, port + i - SERIAL_BASE,
				     (uint8_t)(value >> (8 * i)));
	}
	return DEVICE_NONE;
}

static enum device_request access_once(struct devices *devices, const struct kvm_run *run,
				       uint8_t *data)
{
	uint32_t value = 0;

	if (run->io.direction == KVM_EXIT_IO_IN) {
		value = port_in(devices, run->io.port, run->io.size);
		memcpy(data, &value, run->io.size);
		return DEVICE_NONE;
	}
	memcpy(&value, data, run->io.size);
	return port_out(devices, run->io.port, run->io.size, value);
}

static void begin_generation(struct devices *devices, uint64_t generation)
{
	serial_reset(&devices->serial);
	coco_port_reset(&devices->coco_port, generation);
	/* The first life is no new one. */
	if (devices->generation)
		fwupdate_device_reset(&devices->fwupdate);
	devices->generation = generation;
}

enum device_request devices_io(struct devices *devices, struct kvm_run *run, uint64_t generation)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	uint32_t size = run->io.size;
	enum device_request request = DEVICE_NONE;

	if ((size != 1 && size != 2 && size != 4) || run->io.count > PIO_DATA_MAX / size)
		return DEVICE_BAD;

	pthread_mutex_lock(&devices->lock);
	if (generation != devices->generation)
		begin_generation(devices, generation);
	for (uint32_t i = 0; i < run->io.count && request == DEVICE_NONE; i++)
		request = access_once(devices, run, data + (size_t)i * size);
	pthread_mutex_unlock(&devices->lock);
	return request;
}

size_t devices_input_space(struct devices *devices)
{
	pthread_mutex_lock(&devices->lock);
	size_t space = serial_input_space(&devices->serial);
	pthread_mutex_unlock(&devices->lock);
	return space;
}

void devices_receive(struct devices *devices, const uint8_t *bytes, size_t count)
{
	pthread_mutex_lock(&devices->lock);
	serial_receive(&devices->serial, bytes, count);
	pthread_mutex_unlock(&devices->lock);
}

void devices_flush(struct devices *devices)
{
	pthread_mutex_lock(&devices->lock);
	serial_reset(&devices->serial);
	pthread_mutex_unlock(&devices->lock);
}

uint64_t devices_failures(struct devices *devices)
{
	pthread_mutex_lock(&devices->lock);
	uint64_t failures = coco_port_failures(&devices->coco_port);
	pthread_mutex_unlock(&devices->lock);
	return failures;
}

uint8_t devices_halt_status(struct devices *devices)
{
	pthread_mutex_lock(&devices->lock);
	uint8_t status = devices->coco_port.halt_status;
	pthread_mutex_unlock(&devices->lock);
	return status;
}
