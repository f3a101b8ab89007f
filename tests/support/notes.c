/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "notes.h"

#include <stdarg.h>
#include <stdio.h>

void notes_add(char *text, size_t size, size_t *used, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	*used += (size_t)vsnprintf(text + *used, size - *used, format, arguments);
	va_end(arguments);
	if (*used >= size)
		*used = size - 1;
}
