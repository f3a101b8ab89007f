/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/options.h"

#include "base/error.h"

#include <errno.h>

static int check_size(size_t given, size_t required, const char *name, struct coco_error *error)
{
	/* All fields lie in words of 8 bytes, so no field can be covered by half. */
	required = (required + 7) / 8 * 8;
	if (given < required || given % 8)
		return coco_fail_field(
			error, -EINVAL, "struct_size",
			"%s.struct_size is %zu, a multiple of 8 and at least %zu is needed: "
			"initialise it with COCO_INIT",
			name, given, required);
	return 0;
}

int coco_options_read(void *to, size_t size, const void *from, size_t required, const char *name,
		      struct coco_error *error)
{
	const unsigned char *bytes = from;
	size_t given;
	int r;

	if (!from)
		return coco_fail_field(error, -EINVAL, name, "%s is NULL", name);
	memcpy(&given, from, sizeof(given));
	r = check_size(given, required, name, error);
	if (r)
		return r;

	for (size_t i = size; i < given; i++)
		if (bytes[i])
			return coco_fail_field(error, -E2BIG, name,
					       "%s sets a field at offset %zu that this version of "
					       "the library does not know",
					       name, i);

	memset(to, 0, size);
	memcpy(to, from, given < size ? given : size);
	return 0;
}

int coco_result_write(void *to, const void *from, size_t size, size_t required, const char *name,
		      struct coco_error *error)
{
	const size_t first = sizeof(size_t);
	size_t given;
	int r;

	if (!to)
		return coco_fail_field(error, -EINVAL, name, "%s is NULL", name);
	memcpy(&given, to, sizeof(given));
	r = check_size(given, required, name, error);
	if (r)
		return r;

	if (given > size)
		memset((unsigned char *)to + size, 0, given - size);
	else
		size = given;
	memcpy((unsigned char *)to + first, (const unsigned char *)from + first, size - first);
	return 0;
}
