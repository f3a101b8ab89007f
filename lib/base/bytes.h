/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Little-endian numbers in files and firmware structures, at any alignment. */
#ifndef COCO_BASE_BYTES_H
#define COCO_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline uint16_t coco_le16(const uint8_t *from)
{
	return (uint16_t)(from[0] | from[1] << 8);
}

static inline uint32_t coco_le32(const uint8_t *from)
{
	return coco_le16(from) | (uint32_t)coco_le16(from + 2) << 16;
}

static inline uint64_t coco_le64(const uint8_t *from)
{
	return coco_le32(from) | (uint64_t)coco_le32(from + 4) << 32;
}

static inline void coco_put_le16(uint8_t *to, uint16_t value)
{
	to[0] = (uint8_t)value;
	to[1] = (uint8_t)(value >> 8);
}

static inline void coco_put_le32(uint8_t *to, uint32_t value)
{
	coco_put_le16(to, (uint16_t)value);
	coco_put_le16(to + 2, (uint16_t)(value >> 16));
}

static inline void coco_put_le64(uint8_t *to, uint64_t value)
{
	coco_put_le32(to, (uint32_t)value);
	coco_put_le32(to + 4, (uint32_t)(value >> 32));
}

/* Of a field with `size` bytes, at most 8. */
static inline uint64_t coco_le(const uint8_t *from, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)from[i] << 8 * i;
	return value;
}

static inline void coco_put_le(uint8_t *to, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

#endif
