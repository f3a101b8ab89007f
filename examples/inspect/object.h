/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* JSON objects with what is found in a file; the table is printed from the same. */
#ifndef INSPECT_OBJECT_H
#define INSPECT_OBJECT_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

void put_text(struct json_object *object, const char *key, const char *value);
void put_number(struct json_object *object, const char *key, uint64_t value);
/* "0x1234" */
void put_address(struct json_object *object, const char *key, uint64_t value);
void put_hex(struct json_object *object, const char *key, const void *bytes, size_t size);
/* A GUID as UEFI stores it. */
void put_guid(struct json_object *object, const char *key, const uint8_t *guid);

#endif
