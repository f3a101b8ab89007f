/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The CRC-32 of zlib, gzip and Ethernet. */
#ifndef COCO_IMAGE_CRC32_H
#define COCO_IMAGE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc`, what earlier bytes gave; 0 to begin with. */
uint32_t coco_crc32(uint32_t crc, const void *bytes, size_t size);

#endif
