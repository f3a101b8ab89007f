/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "record.h"

#include <stdlib.h>

#include "message.h"

static int read_steps(struct record *record, const struct coco_digest *digest)
{
	const uint32_t count = coco_digest_step_count(digest);
	struct coco_error error;

	if (!count)
		return 0;
	record->steps = calloc(count, sizeof(*record->steps));
	if (!record->steps)
		return memory_failed();
	record->count = count;
	for (uint32_t i = 0; i < count; i++) {
		COCO_INIT(&record->steps[i]);
		if (coco_digest_get_step(digest, i, &record->steps[i], &error))
			return library_failed(&error);
	}
	return 0;
}

int record_from_launch(struct record *record, const struct launch *launch,
		       const struct options *options)
{
	const uint8_t *start = launch->options.start_digest;
	size_t size;
	const uint8_t *bytes = coco_digest_bytes(launch->digest, &size);

	*record = (struct record){
		.mode = options->mode,
		.tech = coco_digest_tech(launch->digest),
		.size = (uint32_t)size,
		.has_start = start != NULL,
	};
	memcpy(record->digest, bytes, size);
	if (start)
		memcpy(record->start, start, size);
	record->vcpus = launch->vcpus;
	return read_steps(record, launch->digest);
}

void record_free(struct record *record)
{
	free(record->steps);
	record->steps = NULL;
	record->count = 0;
}
