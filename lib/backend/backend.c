/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "backend/backend.h"

#include <stddef.h>

static const struct coco_backend *const backends[] = {
	&coco_backend_plain,
	&coco_backend_swprotected,
};

#define BACKEND_COUNT (sizeof(backends) / sizeof(*backends))

const struct coco_backend *coco_backend_find(uint32_t tech)
{
	for (size_t i = 0; i < BACKEND_COUNT; i++)
		if (backends[i]->tech == tech)
			return backends[i];
	return NULL;
}

const char *coco_tech_name(uint32_t tech)
{
	const struct coco_backend *backend = coco_backend_find(tech);

	return backend ? backend->name : NULL;
}

uint32_t coco_tech_from_name(const char *name)
{
	for (size_t i = 0; name && i < BACKEND_COUNT; i++)
		if (!strcmp(backends[i]->name, name))
			return backends[i]->tech;
	return 0;
}

const struct coco_launch_slot *coco_launch_slot_of(const struct coco_launch *launch,
						   const struct coco_image_run *run)
{
	for (uint32_t i = 0; i < launch->slot_count; i++) {
		const struct coco_launch_slot *slot = &launch->slots[i];

		if (run->gpa >= slot->gpa && run->gpa - slot->gpa < slot->size)
			return slot;
	}
	return NULL;
}

void coco_launch_copy_shared(const struct coco_launch *launch, const struct coco_image_run *run)
{
	const struct coco_launch_slot *slot = coco_launch_slot_of(launch, run);
	unsigned char *to = (unsigned char *)slot->host + (run->gpa - slot->gpa);

	/* Memory that was never written reads as zeroes: zero pages need no copy. */
	if (run->bytes)
		memcpy(to, run->bytes, run->size);
}
