/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void complain(const char *format, ...)
{
	va_list arguments;

	fputs("cocoreset-measure: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

int library_failed_with(const char *what, const struct coco_error *error)
{
	const char *where = error->field[0] ? error->field : error->call;

	complain("%s%s: %s%s%s", what, coco_stage_name(error->stage), where, where[0] ? ": " : "",
		 error->text);
	return STATUS_FAILED;
}

int library_failed(const struct coco_error *error)
{
	return library_failed_with("", error);
}

int file_failed(const char *path)
{
	complain("%s: %s", path, strerror(errno));
	return STATUS_FAILED;
}

int memory_failed(void)
{
	complain("out of memory");
	return STATUS_FAILED;
}
