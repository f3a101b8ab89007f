/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef MEASURE_HEX_H
#define MEASURE_HEX_H

#include <stdbool.h>
#include <stddef.h>

/* Characters that hex_write() writes for so many bytes, the NUL included. */
#define HEX_SIZE(bytes) (2 * (bytes) + 1)

void hex_write(const void *bytes, size_t size, char *out);

/* Reads exactly `size` bytes; false if the text is not that. */
bool hex_read(const char *text, void *out, size_t size);

#endif
