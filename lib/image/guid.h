/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * GUIDs as UEFI stores them (UEFI 2.10, appendix A): of the five groups of the written form, the
 * first three are little-endian numbers. libuuid has all bytes in the order they are written in.
 */
#ifndef COCO_IMAGE_GUID_H
#define COCO_IMAGE_GUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COCO_GUID_SIZE 16u

/* The 16 bytes at `stored` are the GUID that is written as `text`. */
bool coco_guid_is(const uint8_t *stored, const char *text);

/* Stores the GUID that is written as `text`, a constant. */
void coco_guid_store(uint8_t *to, const char *text);

/* Stores the GUID of version 5 that `name` has in a namespace, a constant GUID. */
void coco_guid_from_name(uint8_t *to, const char *space, const void *name, size_t size);

#endif
