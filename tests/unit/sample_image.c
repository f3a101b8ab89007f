/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sample_image.h"

#include "expect.h"

static struct coco_error error;

struct coco_page_run *sample_add(struct sample *sample, uint64_t gpa, uint64_t size, uint32_t kind,
				 const char *label)
{
	struct coco_page_run *run = &sample->runs[sample->count++];

	ck_assert_uint_le(sample->count, SAMPLE_MAX_RUNS);
	COCO_INIT(run);
	run->gpa = gpa;
	run->size = size;
	run->kind = kind;
	run->label = label;
	return run;
}

static void fill(struct sample *sample)
{
	for (size_t i = 0; i < sizeof(sample->firmware); i++)
		sample->firmware[i] = (uint8_t)(i * 31 + (i >> 12) * 7);
	memset(sample->firmware + COCO_PAGE_SIZE, 0xff, COCO_PAGE_SIZE);
	memset(sample->firmware + 3 * COCO_PAGE_SIZE, 0xff, COCO_PAGE_SIZE);
	memcpy(sample->firmware + 5 * COCO_PAGE_SIZE, sample->firmware + 4 * COCO_PAGE_SIZE,
	       COCO_PAGE_SIZE);
	for (size_t i = 0; i < sizeof(sample->table); i++)
		sample->table[i] = (uint8_t)(i ^ i >> 4);
}

static void add_snp(struct sample *sample)
{
	sample_add(sample, 0x800000, 3 * COCO_PAGE_SIZE, COCO_PAGE_ZERO, "memory");
	sample_add(sample, 0x80d000, COCO_PAGE_SIZE, COCO_PAGE_SECRETS, "secrets");
	sample_add(sample, 0x80e000, COCO_PAGE_SIZE, COCO_PAGE_CPUID, "CPUID");
	sample_add(sample, 0x80f000, 2 * COCO_PAGE_SIZE, COCO_PAGE_ZERO, "parameters")->flags =
		COCO_RUN_UNMEASURED;
	sample_add(sample, 0x811000, COCO_PAGE_SIZE, COCO_PAGE_DATA, "kernel hashes")->bytes =
		sample->table;
}

static void add_tdx(struct sample *sample)
{
	struct coco_page_run *run;

	sample_add(sample, 0x811000, COCO_PAGE_SIZE, COCO_PAGE_ZERO, "zeroes");
	sample_add(sample, 0x800000, 2 * COCO_PAGE_SIZE, COCO_PAGE_ZERO, "memory")->flags =
		COCO_RUN_UNMEASURED;
	run = sample_add(sample, 0x809000, COCO_PAGE_SIZE, COCO_PAGE_DATA, "TD HOB");
	run->bytes = sample->table;
	run->flags = COCO_RUN_UNMEASURED;
}

static void add_sev(struct sample *sample)
{
	sample_add(sample, 0x810c00, 176, COCO_PAGE_PART, "kernel hashes")->bytes = sample->table;
	sample_add(sample, 0x800000, 2 * COCO_PAGE_SIZE, COCO_PAGE_ZERO, "memory");
}

void sample_init(struct sample *sample, uint32_t tech)
{
	memset(sample, 0, sizeof(*sample));
	fill(sample);
	sample_add(sample, SAMPLE_FIRMWARE, sizeof(sample->firmware), COCO_PAGE_DATA, "firmware")
		->bytes = sample->firmware;
	if (tech == COCO_TECH_SNP)
		add_snp(sample);
	else if (tech == COCO_TECH_TDX)
		add_tdx(sample);
	else
		add_sev(sample);
	COCO_INIT(&sample->options);
	sample->options.tech = tech;
	sample->options.vcpus = 4;
	sample->options.vcpu_signature = SAMPLE_MILAN;
	sample->options.ap_start = SAMPLE_AP_START;
}

struct coco_image *sample_image(const struct sample *sample)
{
	struct coco_image *image = NULL;

	expect_ok(coco_image_new(&image, &error), &error);
	for (uint32_t i = 0; i < sample->count; i++)
		expect_ok(coco_image_add(image, &sample->runs[i], &error), &error);
	return image;
}

struct coco_digest *sample_measure(const struct sample *sample)
{
	struct coco_image *image = sample_image(sample);
	struct coco_digest *digest = NULL;

	expect_ok(coco_measure_image(image, &sample->options, &digest, &error), &error);
	coco_image_unref(image);
	return digest;
}

static void feed_by_page(struct coco_measure *measure, const struct coco_page_run *run)
{
	struct coco_page_run page = *run;
	uint8_t copy[COCO_PAGE_SIZE];

	page.size = run->size < COCO_PAGE_SIZE ? run->size : COCO_PAGE_SIZE;
	for (uint64_t offset = 0; offset < run->size; offset += page.size) {
		page.gpa = run->gpa + offset;
		/* Always at the same address: bytes of earlier calls must not be remembered. */
		if (run->bytes)
			page.bytes = memcpy(copy, (const uint8_t *)run->bytes + offset, page.size);
		expect_ok(coco_measure_add(measure, &page, &error), &error);
	}
}

struct coco_digest *sample_feed(const struct sample *sample, bool by_page)
{
	struct coco_measure *measure = NULL;
	struct coco_digest *digest = NULL;

	expect_ok(coco_measure_begin(&sample->options, &measure, &error), &error);
	for (uint32_t i = 0; i < sample->count; i++)
		if (by_page)
			feed_by_page(measure, &sample->runs[i]);
		else
			expect_ok(coco_measure_add(measure, &sample->runs[i], &error), &error);
	expect_ok(coco_measure_finish(measure, &digest, &error), &error);
	coco_measure_free(measure);
	return digest;
}
