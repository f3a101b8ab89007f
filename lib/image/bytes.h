/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Little-endian numbers in files, at any alignment. */
#ifndef COCO_IMAGE_BYTES_H
#define COCO_IMAGE_BYTES_H

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

#endif
