/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Can a request to stage a file do more than be refused? A guest on the scripted kernel asks, by
 * the request object, with any range and any file; the VMM's side stages the same bytes; and the
 * file is read for a guest of each technology.
 *
 * The input: options, range (8 + 8 bytes, used or not), then the file.
 */
#include "backend/sev.h"
#include "backend/tdx.h"
#include "core/stage_file.h"
#include "fake_kvm.h"
#include "igvm_maker.h"

#include <assert.h>
#include <cocoreset/cocoreset.h>
#include <stdlib.h>

#define RAM_SIZE  0x200000u
#define ROM_SIZE  0x20000u
#define FILE_GPA  0x100000u
#define FILE_ROOM 0x80000u

enum {
	OPTION_PROTECTED = 1u << 0,
	OPTION_ONCE = 1u << 1,
	OPTION_INEXACT = 1u << 2,
	OPTION_HASHES = 1u << 3,
	OPTION_REPAIR = 1u << 4, /* an IGVM file's checksum is put right */
	OPTION_RESET = 1u << 5,
	OPTION_RANGE = 1u << 6, /* that of the input, instead of where the file is */
	HEADER = 17,
};

struct target {
	struct fake_kvm *fake;
	struct coco_host *host;
	struct coco_guest *guest;
	struct coco_fwupdate *update;
	uint8_t *ram;
};

static struct target targets[2]; /* plain, software-protected */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void kick(void *payload, struct coco_vcpu *vcpu)
{
	(void)vcpu;
	fake_kvm_kick(payload);
}

static void must(int r)
{
	if (r)
		abort();
}

static void add_memory(struct target *target, uint64_t gpa, uint64_t size)
{
	struct coco_memory memory;

	COCO_INIT(&memory);
	memory.gpa = gpa;
	memory.size = size;
	must(coco_guest_add_memory(target->guest, &memory, NULL));
}

static void make_target(struct target *target, uint32_t tech)
{
	static const uint8_t firmware[COCO_PAGE_SIZE];
	struct coco_host_options host;
	struct coco_guest_options options;
	struct coco_image *image;
	void *address;

	target->fake = fake_kvm_new();
	fake_kvm_stop_transcript(target->fake);
	COCO_INIT(&host);
	host.platform = fake_kvm_platform(target->fake);
	must(coco_host_open(&host, &target->host, NULL));
	must(coco_image_new(&image, NULL));
	must(coco_image_add_firmware(image, firmware, sizeof(firmware), NULL));
	COCO_INIT(&options);
	options.tech = tech;
	options.vcpus = 1;
	options.image = image;
	options.kick = kick;
	options.kick_payload = target->fake;
	must(coco_guest_new(target->host, &options, &target->guest, NULL));
	coco_image_unref(image);
	add_memory(target, 0, RAM_SIZE);
	add_memory(target, 0x100000000 - ROM_SIZE, ROM_SIZE);
	must(coco_guest_launch(target->guest, NULL));
	must(coco_guest_host_address(target->guest, 0, RAM_SIZE, &address, NULL));
	target->ram = address;
	must(coco_fwupdate_new(target->guest, NULL, &target->update, NULL));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	make_target(&targets[0], COCO_TECH_PLAIN);
	make_target(&targets[1], COCO_TECH_SWPROTECTED);
	return 0;
}

static struct coco_guest_info info_of(const struct target *target)
{
	struct coco_guest_info info;

	COCO_INIT(&info);
	must(coco_guest_get_info(target->guest, &info, NULL));
	return info;
}

/* As a guest of each technology would: the recipe is all that counts. */
static void read_for_all(struct coco_blob *file, const struct coco_stage_options *options)
{
	static struct coco_sev_config sev = {.options = {.policy = 0x30000}};
	static struct coco_tdx_config tdx;
	static struct coco_region regions[] = {
		{.gpa = 0x100000000 - ROM_SIZE, .size = ROM_SIZE},
		{.gpa = 0, .size = RAM_SIZE},
	};

	for (uint32_t tech = COCO_TECH_SEV; tech <= COCO_TECH_TDX; tech++) {
		const bool is_tdx = tech == COCO_TECH_TDX;
		struct coco_guest guest = {
			.recipe = {.backend = coco_backend_find(tech),
				   .vcpus = 1,
				   .config = is_tdx ? (void *)&tdx : (void *)&sev,
				   .regions = regions,
				   .region_count = 2},
		};
		struct coco_source *source;

		if (!coco_stage_read(&guest, file, options, &source, NULL)) {
			assert(coco_image_run_count(source->image) < COCO_IMAGE_MAX_RUNS);
			assert(*source->name);
			coco_source_unref(source);
		}
	}
}

static void put64(uint8_t *to, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *from, int size)
{
	uint64_t value = 0;

	while (size--)
		value = value << 8 | from[size];
	return value;
}

/* A request by the object; whatever it does, the guest is as it was, or something is staged. */
static void ask(struct target *target, uint64_t gpa, uint64_t size)
{
	const uint32_t before = info_of(target).staged;
	uint8_t blob[16], status[16];
	int r;

	put64(blob, size);
	put64(blob + 8, gpa);
	r = coco_fwupdate_write(target->update, COCO_FWUPDATE_BLOB, 0, blob, sizeof(blob), NULL);
	if (r)
		assert(info_of(target).staged == before);
	else
		assert(info_of(target).staged == (size ? COCO_STAGED_STAY : COCO_STAGED_NOTHING) ||
		       (!size && before));
	must(coco_fwupdate_read(target->update, COCO_FWUPDATE_STATUS, 0, status, sizeof(status),
				NULL));
	if (r)
		assert(get(status + 4, 4) == (uint64_t)-r);
}

static void reset(struct target *target)
{
	const struct coco_guest_info before = info_of(target);

	must(coco_guest_reset(target->guest, NULL));
	must(coco_fwupdate_reset(target->update, NULL));
	assert(info_of(target).staged == COCO_STAGED_NOTHING);
	if (before.staged)
		assert(info_of(target).running == before.staged);
	assert(!*fake_kvm_faults(target->fake));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct igvm_maker maker;
	struct coco_stage_options options;
	struct coco_blob *file;
	struct target *target;

	if (size < HEADER || size - HEADER > FILE_ROOM || size - HEADER > sizeof(maker.bytes))
		return 0;
	target = &targets[data[0] & OPTION_PROTECTED];
	maker.size = (uint32_t)(size - HEADER);
	memcpy(maker.bytes, data + HEADER, maker.size);
	if (data[0] & OPTION_REPAIR && maker.size >= 24) {
		const uint64_t end = get(maker.bytes + 8, 4) + get(maker.bytes + 12, 4);

		for (int i = 0; i < 4; i++)
			maker.bytes[16 + i] = (uint8_t)(maker.size >> 8 * i);
		if (get(maker.bytes + 8, 4) == 24 && end <= maker.size) {
			maker.entries_end = (uint32_t)end;
			igvm_fix_checksum(&maker);
		}
	}
	COCO_INIT(&options);
	options.flags = (data[0] & OPTION_ONCE ? COCO_STAGE_ONCE : 0) |
			(data[0] & OPTION_INEXACT ? COCO_STAGE_INEXACT : 0) |
			(data[0] & OPTION_HASHES ? COCO_STAGE_KERNEL_HASHES : 0);
	options.max_size = FILE_ROOM;
	options.max_vcpus = 1;

	memcpy(target->ram + FILE_GPA, maker.bytes, maker.size);
	if (data[0] & OPTION_RANGE)
		ask(target, get(data + 1, 8), get(data + 9, 8));
	else
		ask(target, FILE_GPA, maker.size);
	must(coco_blob_copy(maker.bytes, maker.size, &file, NULL));
	read_for_all(file, &options);
	coco_blob_unref(file);
	(void)!coco_guest_stage_bytes(target->guest, maker.bytes, maker.size, &options, NULL, NULL);
	if (data[0] & OPTION_RESET)
		reset(target);
	must(coco_guest_unstage(target->guest, COCO_UNSTAGE_OWN, NULL));
	return 0;
}
