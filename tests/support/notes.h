/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Text that grows line by line, in room of its own; what does not fit is cut. */
#ifndef NOTES_H
#define NOTES_H

#include <stddef.h>

void notes_add(char *text, size_t size, size_t *used, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
