/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "backend/backend.h"

#include "base/error.h"
#include "base/range.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

static const struct coco_backend *const backends[] = {
	&coco_backend_plain, &coco_backend_swprotected, &coco_backend_sev,
	&coco_backend_seves, &coco_backend_snp,         &coco_backend_tdx,
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

int coco_launch_find(const struct coco_launch *launch, uint64_t gpa, uint64_t size,
		     struct coco_launch_piece *out, struct coco_error *error)
{
	for (uint32_t i = 0; i < launch->slot_count; i++) {
		const struct coco_launch_slot *slot = &launch->slots[i];
		const uint64_t offset = gpa - slot->gpa;

		if (gpa < slot->gpa || offset >= slot->size)
			continue;
		*out = (struct coco_launch_piece){
			.host = (unsigned char *)slot->host + offset,
			.size = coco_min(size, slot->size - offset),
		};
		return 0;
	}
	coco_fail(error, -EFAULT, COCO_STAGE_LOAD,
		  "defect: 0x%" PRIx64 " of the image lies in no slot", gpa);
	return -EFAULT;
}

/* A run may lie in several slots that touch. */
int coco_launch_copy_run(const struct coco_launch *launch, const struct coco_image_run *run,
			 struct coco_error *error)
{
	const unsigned char *bytes = run->bytes;

	/* Memory is empty before it is loaded: zero pages are there already. */
	for (uint64_t done = 0; bytes && done < run->size;) {
		struct coco_launch_piece piece;
		int r = coco_launch_find(launch, run->gpa + done, run->size - done, &piece, error);

		if (r)
			return r;
		memcpy(piece.host, bytes + done, piece.size);
		done += piece.size;
	}
	return 0;
}

int coco_launch_copy_shared(const struct coco_launch *launch, struct coco_error *error)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < launch->image->count; i++)
		r = coco_launch_copy_run(launch, &launch->image->runs[i], error);
	return r;
}
