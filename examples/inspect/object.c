/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "object.h"

#include <inttypes.h>
#include <stdio.h>

void put_text(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

void put_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

void put_address(struct json_object *object, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	put_text(object, key, text);
}

void put_hex(struct json_object *object, const char *key, const void *bytes, size_t size)
{
	char text[2 * 64 + 1] = "";

	for (size_t i = 0; i < size && i < 64; i++)
		snprintf(text + 2 * i, 3, "%02x", ((const uint8_t *)bytes)[i]);
	put_text(object, key, text);
}

void put_guid(struct json_object *object, const char *key, const uint8_t *guid)
{
	static const uint8_t order[] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	char text[40];
	size_t used = 0;

	for (size_t i = 0; i < sizeof(order); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%02x",
					 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
					 guid[order[i]]);
	put_text(object, key, text);
}
