/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Small images for tests of measurements, made run by run. */
#ifndef SAMPLE_IMAGE_H
#define SAMPLE_IMAGE_H

#include <cocoreset/cocoreset.h>
#include <stdbool.h>

#define SAMPLE_MAX_RUNS 8u
#define SAMPLE_PAGES    6u
/* The firmware: SAMPLE_PAGES pages that end at 4 GiB, two of them 0xff, two alike. */
#define SAMPLE_FIRMWARE (0x100000000ull - SAMPLE_PAGES * COCO_PAGE_SIZE)
#define SAMPLE_AP_START 0x80b004u
#define SAMPLE_MILAN    0xa00f11u

/* What an image is made from; a test changes it before it makes the image. */
struct sample {
	uint8_t firmware[SAMPLE_PAGES * COCO_PAGE_SIZE];
	uint8_t table[COCO_PAGE_SIZE];
	struct coco_page_run runs[SAMPLE_MAX_RUNS];
	uint32_t count;
	struct coco_measure_options options;
};

/* An image with all the kinds of runs that the technology takes, and options to measure it. */
void sample_init(struct sample *sample, uint32_t tech);
struct coco_page_run *sample_add(struct sample *sample, uint64_t gpa, uint64_t size, uint32_t kind,
				 const char *label);
struct coco_image *sample_image(const struct sample *sample);

/* Measured as one image; run by run; page by page. Ends the test if that fails. */
struct coco_digest *sample_measure(const struct sample *sample);
struct coco_digest *sample_feed(const struct sample *sample, bool by_page);

#endif
