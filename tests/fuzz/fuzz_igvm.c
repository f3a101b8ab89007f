/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Can an IGVM file do more than be refused? The checksum is put right, or no input would get past
 * it. What is accepted is loaded for each technology, measured, and written and read again.
 */
#include "igvm_maker.h"

#include <assert.h>
#include <cocoreset/cocoreset.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sink {
	uint8_t *bytes;
	size_t size;
};

static int take(void *payload, const void *bytes, size_t size)
{
	struct sink *sink = payload;
	uint8_t *grown = realloc(sink->bytes, sink->size + size);

	if (!grown)
		return -12;
	memcpy(grown + sink->size, bytes, size);
	sink->bytes = grown;
	sink->size += size;
	return 0;
}

static struct coco_image *load(const struct coco_igvm *igvm, uint32_t tech)
{
	static const struct coco_igvm_memory memory = {0, 0x100000000, COCO_IGVM_MEMORY, 0};
	struct coco_igvm_load_options options;
	struct coco_image *image;

	COCO_INIT(&options);
	options.tech = tech;
	options.zero_pages = COCO_IGVM_ZERO_PAGES_KVM;
	options.memory = tech == COCO_TECH_TDX ? &memory : NULL;
	options.memory_count = tech == COCO_TECH_TDX;
	options.cmdline = "console=ttyS0";
	if (coco_image_new(&image, NULL))
		abort();
	if (!coco_image_add_igvm(image, igvm, &options, NULL, NULL))
		return image;
	assert(!coco_image_run_count(image) && !coco_image_vcpu_state_count(image));
	coco_image_unref(image);
	return NULL;
}

static void measure(const struct coco_image *image, uint32_t tech, uint8_t *out)
{
	struct coco_measure_options options;
	struct coco_digest *digest;
	const uint8_t *bytes;
	size_t size;

	COCO_INIT(&options);
	options.tech = tech;
	options.vcpu_signature = 0x800f12;
	options.ap_start = 0x80b004;
	if (!coco_image_vcpu_state_count(image))
		options.flags = COCO_MEASURE_NO_VCPUS;
	if (coco_measure_image(image, &options, &digest, NULL))
		return;
	bytes = coco_digest_bytes(digest, &size);
	memcpy(out, bytes, size);
	coco_digest_free(digest);
}

/* What was written is the same when it is read. */
static void write_and_read(const struct coco_image *image, uint32_t tech)
{
	uint8_t before[COCO_DIGEST_MAX_SIZE] = {0}, after[COCO_DIGEST_MAX_SIZE] = {0};
	struct coco_igvm_write_options options;
	struct coco_image *again;
	struct sink sink = {0};
	struct coco_igvm *igvm;

	COCO_INIT(&options);
	options.tech = tech;
	if (!coco_image_write_igvm(image, &options, take, &sink, NULL)) {
		assert(!coco_igvm_parse(sink.bytes, sink.size, NULL, &igvm, NULL));
		again = load(igvm, tech);
		assert(again);
		measure(image, tech, before);
		measure(again, tech, after);
		assert(!memcmp(before, after, sizeof(before)));
		coco_image_unref(again);
		coco_igvm_free(igvm);
	}
	free(sink.bytes);
}

static void use(const struct coco_igvm *igvm, uint32_t tech)
{
	struct coco_kvm_check_options options;
	struct coco_image *image = load(igvm, tech);
	struct coco_igvm_guest guest;
	struct coco_kvm_check check;

	COCO_INIT(&guest);
	(void)!coco_igvm_get_guest(igvm, tech, &guest, NULL);
	if (!image)
		return;
	COCO_INIT(&options);
	COCO_INIT(&check);
	options.tech = tech;
	assert(!coco_image_check_kvm(image, &options, &check, NULL));
	if (tech != COCO_TECH_PLAIN)
		write_and_read(image, tech);
	coco_image_unref(image);
}

static void put32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Total size and checksum, for headers that lie in the file. */
static void repair(struct igvm_maker *maker, size_t size)
{
	const uint64_t end = (uint64_t)get32(maker->bytes + 8) + get32(maker->bytes + 12);

	put32(maker->bytes + 16, (uint32_t)size);
	if (get32(maker->bytes + 8) != 24 || end > size)
		return;
	maker->entries_end = (uint32_t)end;
	igvm_fix_checksum(maker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct igvm_maker maker;
	struct coco_igvm_options options;
	uint8_t block[COCO_ID_BLOCK_SIZE], auth[COCO_ID_AUTH_SIZE];
	struct coco_igvm *igvm;
	uint32_t author;

	if (size > sizeof(maker.bytes))
		return 0;
	memcpy(maker.bytes, data, size);
	if (size >= 24)
		repair(&maker, size);
	COCO_INIT(&options);
	options.max_pages = 2048;
	options.max_vcpus = 64;
	if (coco_igvm_parse(maker.bytes, size, &options, &igvm, NULL))
		return 0;
	for (uint32_t tech = COCO_TECH_PLAIN; tech <= COCO_TECH_TDX; tech++)
		use(igvm, tech);
	(void)!coco_igvm_get_id_block(igvm, block, auth, &author, NULL);
	coco_igvm_free(igvm);
	return 0;
}
