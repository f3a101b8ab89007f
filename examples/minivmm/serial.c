/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "serial.h"

enum { REG_DATA, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR };

#define IER_RECEIVED      0x01
#define IER_SENT          0x02
#define IIR_NONE          0x01
#define IIR_SENT          0x02
#define IIR_RECEIVED      0x04
#define IIR_FIFO          0xc0
#define FCR_ENABLE        0x01
#define FCR_CLEAR_RECEIVE 0x02
#define LCR_DLAB          0x80
#define MCR_LOOP          0x10
#define LSR_RECEIVED      0x01
#define LSR_SENT          0x60 /* the holding register and the transmitter are empty */
#define MSR_CONNECTED     0xb0 /* CTS, DSR, DCD */

void serial_init(struct serial *serial, serial_line_fn line_fn, void *payload)
{
	*serial = (struct serial){.line_fn = line_fn, .line_payload = payload};
}

static void finish_line(struct serial *serial)
{
	serial->line[serial->line_length] = '\0';
	serial->line_length = 0;
	serial->line_fn(serial->line_payload, serial->line);
}

void serial_reset(struct serial *serial)
{
	if (serial->line_length)
		finish_line(serial);
	serial_init(serial, serial->line_fn, serial->line_payload);
}

/* The line ends up on somebody's terminal or in a JSON document, so only plain text passes. */
static void send_byte(struct serial *serial, uint8_t byte)
{
	if (byte == '\n') {
		finish_line(serial);
		return;
	}
	if (byte == '\r')
		return;
	if (serial->line_length == SERIAL_LINE_MAX)
		finish_line(serial);
	if ((byte < ' ' || byte >= 0x7f) && byte != '\t')
		byte = '?';
	serial->line[serial->line_length++] = (char)byte;
}

size_t serial_input_space(const struct serial *serial)
{
	return SERIAL_INPUT_MAX - serial->input_count;
}

void serial_receive(struct serial *serial, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count && serial_input_space(serial) > 0; i++) {
		size_t tail = (serial->input_head + serial->input_count) % SERIAL_INPUT_MAX;
		serial->input[tail] = bytes[i];
		serial->input_count++;
	}
}

static uint8_t take_input(struct serial *serial)
{
	if (serial->input_count == 0)
		return 0;
	uint8_t byte = serial->input[serial->input_head];
	serial->input_head = (serial->input_head + 1) % SERIAL_INPUT_MAX;
	serial->input_count--;
	return byte;
}

static uint8_t interrupt_identity(const struct serial *serial)
{
	uint8_t fifo = serial->fifo_enabled ? IIR_FIFO : 0;

	if ((serial->interrupt_enable & IER_RECEIVED) && serial->input_count)
		return fifo | IIR_RECEIVED;
	if (serial->interrupt_enable & IER_SENT)
		return fifo | IIR_SENT;
	return fifo | IIR_NONE;
}

/* Drivers find out whether a UART is there by looking at its own outputs in loopback. */
static uint8_t modem_status(const struct serial *serial)
{
	uint8_t out = serial->modem_control;

	if (!(out & MCR_LOOP))
		return MSR_CONNECTED;
	return (uint8_t)((out & 0x01) << 5 | (out & 0x02) << 3 | (out & 0x0c) << 4);
}

uint8_t serial_read(struct serial *serial, uint32_t offset)
{
	int divisor_access = serial->line_control & LCR_DLAB;

	switch (offset) {
	case REG_DATA:
		return divisor_access ? serial->divisor[0] : take_input(serial);
	case REG_IER:
		return divisor_access ? serial->divisor[1] : serial->interrupt_enable;
	case REG_IIR_FCR:
		return interrupt_identity(serial);
	case REG_LCR:
		return serial->line_control;
	case REG_MCR:
		return serial->modem_control;
	case REG_LSR:
		return LSR_SENT | (serial->input_count ? LSR_RECEIVED : 0);
	case REG_MSR:
		return modem_status(serial);
	case REG_SCR:
		return serial->scratch;
	default:
		return 0xff;
	}
}

static void write_data(struct serial *serial, uint8_t value)
{
	if (serial->line_control & LCR_DLAB)
		serial->divisor[0] = value;
	else if (serial->modem_control & MCR_LOOP)
		serial_receive(serial, &value, 1);
	else
		send_byte(serial, value);
}

void serial_write(struct serial *serial, uint32_t offset, uint8_t value)
{
	switch (offset) {
	case REG_DATA:
		write_data(serial, value);
		break;
	case REG_IER:
		if (serial->line_control & LCR_DLAB)
			serial->divisor[1] = value;
		else
			serial->interrupt_enable = value & 0x0f;
		break;
	case REG_IIR_FCR:
		serial->fifo_enabled = value & FCR_ENABLE;
		if (value & FCR_CLEAR_RECEIVE)
			serial->input_count = 0;
		break;
	case REG_LCR:
		serial->line_control = value;
		break;
	case REG_MCR:
		serial->modem_control = value & 0x1f;
		break;
	case REG_SCR:
		serial->scratch = value;
		break;
	default: /* the status registers are read-only */
		break;
	}
}
