/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void coco_log(const struct coco_log *log, int level, const char *format, ...)
{
	char text[256];
	va_list arguments;

	if (!log->write)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	log->write(log->payload, level, text);
}
