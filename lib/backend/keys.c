/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keys that the host has, by the misc cgroup (Linux, admin-guide/cgroup-v2.rst). */
#include "backend/backend.h"

#include <errno.h>
#include <stdlib.h>

#define CAPACITY "/sys/fs/cgroup/misc.capacity"
#define CURRENT  "/sys/fs/cgroup/misc.current"

/* Such a file has a line "NAME NUMBER" for each resource. */
static bool find(const char *text, const char *resource, uint32_t *out)
{
	const size_t length = strlen(resource);

	while (text) {
		char *end;
		unsigned long long value;

		if (!strncmp(text, resource, length) && text[length] == ' ') {
			errno = 0;
			value = strtoull(text + length + 1, &end, 10);
			if (errno || end == text + length + 1 || value > UINT32_MAX)
				return false;
			*out = (uint32_t)value;
			return true;
		}
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return false;
}

static bool read_value(struct coco_seam *seam, const char *path, const char *resource,
		       uint32_t *out)
{
	char text[1024];

	return !coco_seam_read_file(seam, path, text, sizeof(text)) && find(text, resource, out);
}

void coco_probe_keys(struct coco_seam *seam, const char *resource, struct coco_tech_info *info)
{
	uint32_t capacity, used;

	if (!read_value(seam, CAPACITY, resource, &capacity) ||
	    !read_value(seam, CURRENT, resource, &used))
		return;
	info->keys = capacity;
	info->keys_used = used;
}
