/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Can any sequence of runs get an image to accept one that is malformed or overlaps another? */
#include <assert.h>
#include <cocoreset/image.h>
#include <stdlib.h>

#define MAX_RUNS 64
#define MAX_DATA (64 * COCO_PAGE_SIZE)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct request {
	uint64_t gpa;
	uint64_t size;
	uint32_t kind;
	uint32_t flags;
};

static void check_new_run(const struct coco_image *image, const struct coco_page_run *added)
{
	const uint32_t last = coco_image_run_count(image) - 1;
	struct coco_page_run run;

	for (uint32_t i = 0; i <= last; i++) {
		COCO_INIT(&run);
		assert(!coco_image_get_run(image, i, &run, NULL));
		if (i == last)
			assert(run.gpa == added->gpa && run.size == added->size);
		else
			assert(run.gpa + run.size <= added->gpa ||
			       added->gpa + added->size <= run.gpa);
	}
	assert(added->size && added->size % COCO_PAGE_SIZE == 0);
	assert(added->gpa % COCO_PAGE_SIZE == 0 && added->gpa + added->size > added->gpa);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t bytes[MAX_DATA];
	struct coco_image *image;

	if (coco_image_new(&image, NULL))
		abort();
	for (uint32_t i = 0; i < MAX_RUNS && size >= sizeof(struct request); i++) {
		struct coco_page_run run;
		struct request request;

		memcpy(&request, data, sizeof(request));
		data += sizeof(request);
		size -= sizeof(request);
		/* Half of the requests near each other, so that they meet. */
		if (request.gpa & 1) {
			request.gpa = (request.gpa >> 1) % (1 << 20);
			request.size %= 1 << 18;
			request.gpa &= ~0xfffull;
			request.size &= ~0xfffull;
		}
		COCO_INIT(&run);
		run.gpa = request.gpa;
		run.size = request.size;
		run.kind = request.kind % 4;
		run.flags = request.flags % 4;
		run.bytes = run.kind == COCO_PAGE_DATA && run.size <= sizeof(bytes) ? bytes : NULL;
		if (!coco_image_add(image, &run, NULL))
			check_new_run(image, &run);
	}
	coco_image_unref(image);
	return 0;
}
