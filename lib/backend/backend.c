/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "backend/backend.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
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

static unsigned char *shared_side_of(const struct coco_launch *launch, uint64_t gpa)
{
	for (uint32_t i = 0; i < launch->slot_count; i++) {
		const struct coco_launch_slot *slot = &launch->slots[i];

		if (gpa >= slot->gpa && gpa - slot->gpa < slot->size)
			return (unsigned char *)slot->host + (gpa - slot->gpa);
	}
	return NULL;
}

int coco_launch_copy_shared(const struct coco_launch *launch, struct coco_error *error)
{
	for (uint32_t i = 0; i < launch->image->count; i++) {
		const struct coco_image_run *run = &launch->image->runs[i];
		unsigned char *to = shared_side_of(launch, run->gpa);

		if (!to)
			return coco_fail(error, -EFAULT, COCO_STAGE_LOAD,
					 "defect: run %" PRIu32 " of the image lies in no slot", i);
		/* Memory is empty before it is loaded: zero pages are there already. */
		if (run->bytes)
			memcpy(to, run->bytes, run->size);
	}
	return 0;
}
