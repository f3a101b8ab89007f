/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Can firmware with damaged tables do more than fail? The input is a list of edits to a
 * well-formed file, so that each run gets past the first check. What is accepted is loaded for each
 * technology, and measured.
 */
#include "firmware_maker.h"

#include <assert.h>
#include <cocoreset/measure.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PAGES (64u << 20 >> 12)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Offset from the table or the metadata on, and the byte to put there. */
struct edit {
	uint16_t offset;
	uint8_t value;
	uint8_t place;
};

static void edit(struct maker *maker, const uint8_t *data, size_t size)
{
	const size_t places[] = {MAKER_SIZE - 512, 0x8000, 0xa000, 0};
	struct edit change;

	for (; size >= sizeof(change); data += sizeof(change), size -= sizeof(change)) {
		memcpy(&change, data, sizeof(change));
		change.offset %= 512;
		maker->bytes[places[change.place % 4] + change.offset] = change.value;
	}
}

static uint64_t pages_of(const struct coco_image *image)
{
	struct coco_page_run run;
	uint64_t pages = 0;

	for (uint32_t i = 0; i < coco_image_run_count(image); i++) {
		COCO_INIT(&run);
		assert(!coco_image_get_run(image, i, &run, NULL));
		assert(run.size && run.gpa + run.size > run.gpa);
		pages += run.size / COCO_PAGE_SIZE;
	}
	return pages;
}

static void load_and_measure(const struct coco_firmware *firmware, uint32_t tech)
{
	struct coco_measure_options options;
	struct coco_sev_firmware_options sev;
	struct coco_digest *digest = NULL;
	struct coco_image *image;
	int r;

	if (coco_image_new(&image, NULL))
		abort();
	COCO_INIT(&sev);
	sev.tech = tech;
	r = tech == COCO_TECH_TDX ? coco_image_add_tdx_firmware(image, firmware, NULL, NULL)
				  : coco_image_add_sev_firmware(image, firmware, &sev, NULL);
	COCO_INIT(&options);
	options.tech = tech;
	options.vcpus = 2;
	options.vcpu_signature = 0x800f12;
	if (!r && pages_of(image) <= MAX_PAGES &&
	    !coco_measure_image(image, &options, &digest, NULL))
		assert(coco_digest_bytes(digest, NULL));
	coco_digest_free(digest);
	coco_image_unref(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct maker maker;
	struct coco_firmware *firmware;

	maker_ovmf(&maker);
	edit(&maker, data, size);
	if (coco_firmware_parse(maker.bytes, MAKER_SIZE, &firmware, NULL))
		return 0;
	for (uint32_t tech = COCO_TECH_SEV; tech <= COCO_TECH_TDX; tech++)
		load_and_measure(firmware, tech);
	coco_firmware_free(firmware);
	return 0;
}
