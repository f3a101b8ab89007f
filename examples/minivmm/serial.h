/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A 16550 UART without interrupts: enough for firmware and for a Linux console that polls.
 * What the guest sends comes out as whole lines. Not thread safe.
 */
#ifndef MINIVMM_SERIAL_H
#define MINIVMM_SERIAL_H

#include <stddef.h>
#include <stdint.h>

#define SERIAL_BASE 0x3f8
#define SERIAL_SIZE 8

/* A longer line is passed on in pieces: the guest must not make us buffer without end. */
#define SERIAL_LINE_MAX  4096
#define SERIAL_INPUT_MAX 256

/* Takes one line, without its newline. */
typedef void (*serial_line_fn)(void *payload, const char *line);

struct serial {
	serial_line_fn line_fn;
	void *line_payload;

	uint8_t interrupt_enable;
	uint8_t line_control;
	uint8_t modem_control;
	uint8_t scratch;
	uint8_t divisor[2];
	uint8_t fifo_enabled;

	char line[SERIAL_LINE_MAX + 1];
	size_t line_length;
	uint8_t input[SERIAL_INPUT_MAX];
	size_t input_head;
	size_t input_count;
};

void serial_init(struct serial *serial, serial_line_fn line_fn, void *payload);

/* Power-on state. A line that the guest did not finish is passed on first. */
void serial_reset(struct serial *serial);

/* `offset` is below SERIAL_SIZE. */
uint8_t serial_read(struct serial *serial, uint32_t offset);
void serial_write(struct serial *serial, uint32_t offset, uint8_t value);

/* How many bytes serial_receive() can take now. */
size_t serial_input_space(const struct serial *serial);

/* Bytes for the guest to read; what does not fit is lost. */
void serial_receive(struct serial *serial, const uint8_t *bytes, size_t count);

#endif
