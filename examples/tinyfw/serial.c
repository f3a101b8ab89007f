/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The first serial port, a 16550 or less, polled. */
#include <stdarg.h>

#include "cpu.h"
#include "tinyfw.h"

#define SERIAL_IER     (SERIAL_PORT + 1)
#define SERIAL_LCR     (SERIAL_PORT + 3)
#define SERIAL_LCR_8N1 0x03

void serial_init(void)
{
	out8(SERIAL_LCR, SERIAL_LCR_8N1);
	out8(SERIAL_IER, 0);
}

static void put(char c)
{
	while (!(in8(SERIAL_LSR) & SERIAL_LSR_THRE))
		;
	out8(SERIAL_PORT, (uint8_t)c);
}

static void put_number(uint64_t value, unsigned base)
{
	char digits[20];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (n)
		put(digits[--n]);
}

static void put_string(const char *s)
{
	while (*s)
		put(*s++);
}

void print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	for (; *format; format++) {
		bool wide = false;

		if (*format != '%') {
			put(*format);
			continue;
		}
		if (*++format == 'l') {
			wide = true;
			format++;
		}
		switch (*format) {
		case 's':
			put_string(va_arg(args, const char *));
			break;
		case 'u':
			put_number(wide ? va_arg(args, unsigned long) : va_arg(args, unsigned), 10);
			break;
		case 'x':
			put_number(wide ? va_arg(args, unsigned long) : va_arg(args, unsigned), 16);
			break;
		default:
			put(*format);
		}
	}
	va_end(args);
}
