/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Published IGVM files as a tenant would bring them: is each launched on the simulator by every
 * technology that it is for, by a reset, and is what the platform measured there what was
 * predicted when it was staged?
 */
#include <cocoreset/cocoreset.h>
#include <cocoreset/sim.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vectors.h"

#define RAM_SIZE  0x200000000ull
#define HOLE      0xe0000000ull
#define HIGH      0x100000000ull
#define MAX_VCPUS 64u

static struct json_object *file;
static struct coco_error error;
static struct coco_sim *sim;
static struct coco_host *host;
static struct coco_guest *guest;
/* Why the file that comes next is to be refused: the field that is blamed; NULL: it is not. */
static const char *obstacle;

static void kick(void *payload, struct coco_vcpu *vcpu)
{
	(void)payload;
	(void)vcpu;
}

static void add_memory(uint64_t gpa, uint64_t size)
{
	struct coco_memory memory;

	COCO_INIT(&memory);
	memory.gpa = gpa;
	memory.size = size;
	expect_ok(coco_guest_add_memory(guest, &memory, &error), &error);
}

/* A page at the reset vector: something to be launched from before. */
static struct coco_image *own_image(void)
{
	static const uint8_t page[COCO_PAGE_SIZE];
	struct coco_image *image;

	expect_ok(coco_image_new(&image, &error), &error);
	expect_ok(coco_image_add_firmware(image, page, sizeof(page), &error), &error);
	return image;
}

/* What a file says of its guest goes into the guest's options, as a VMM's user would have it. */
static void launch_own(uint32_t tech, const struct coco_igvm_guest *says)
{
	struct coco_guest_options options;
	struct coco_sev_options sev;
	struct coco_tdx_options tdx;
	struct coco_host_options on;

	obstacle = NULL;
	expect_ok(coco_sim_new(NULL, &sim, &error), &error);
	COCO_INIT(&on);
	on.platform = coco_sim_get_platform(sim);
	expect_ok(coco_host_open(&on, &host, &error), &error);
	COCO_INIT(&options);
	COCO_INIT(&sev);
	COCO_INIT(&tdx);
	options.tech = tech;
	options.vcpus = says->contexts ? says->contexts : 1;
	ck_assert_uint_le(options.vcpus, MAX_VCPUS);
	options.image = own_image();
	options.irqchip = COCO_IRQCHIP_SPLIT;
	options.kick = kick;
	if (tech == COCO_TECH_SEV || tech == COCO_TECH_SEVES || tech == COCO_TECH_SNP) {
		sev.policy = says->has_policy ? says->policy : 0;
		sev.vmsa_features = says->sev_features & ~1ull;
		options.tech_options = &sev;
	} else if (tech == COCO_TECH_TDX) {
		tdx.attributes = says->tdx_attributes;
		tdx.pending_ve = says->has_policy &&
				 !(says->tdx_attributes & COCO_TDX_ATTRIBUTE_SEPT_VE_DISABLE);
		options.tech_options = &tdx;
	}
	/* Not what this kernel has; then the file is refused. */
	if (coco_guest_new(host, &options, &guest, &error) == -EINVAL) {
		ck_assert_str_eq(error.field, "tech_options.vmsa_features");
		sev.vmsa_features = 0;
		expect_ok(coco_guest_new(host, &options, &guest, &error), &error);
		obstacle = "vmsa_features";
	}
	coco_image_unref(options.image);
	add_memory(0, HOLE);
	add_memory(HOLE, HIGH - HOLE);
	add_memory(HIGH, RAM_SIZE);
	if (says->memory_end > HIGH + RAM_SIZE)
		obstacle = "memory";
	expect_ok(coco_guest_launch(guest, &error), &error);
}

static void end(void)
{
	coco_guest_free(guest);
	coco_host_close(host);
	coco_sim_free(sim);
}

/* Staged, reset, measured by the platform. */
static void expect_launched(const char *name, const uint8_t *bytes, size_t size,
			    const struct coco_stage_options *options)
{
	struct coco_digest *digest;
	struct coco_sim_vm_info info;
	const uint8_t *predicted;
	size_t predicted_size;

	if (obstacle) {
		expect_error(coco_guest_stage_bytes(guest, bytes, size, options, &digest, &error),
			     &error, -EINVAL, obstacle);
		return;
	}
	expect_ok(coco_guest_stage_bytes(guest, bytes, size, options, &digest, &error), &error);
	expect_ok(coco_guest_reset(guest, &error), &error);
	COCO_INIT(&info);
	ck_assert_int_eq(coco_sim_get_vm_info(sim, coco_guest_vm_fd(guest), &info, &error), 0);
	if (!digest) {
		ck_assert_uint_eq(info.digest_size, 0);
		return;
	}
	predicted = coco_digest_bytes(digest, &predicted_size);
	ck_assert_msg(info.digest_size == predicted_size, "%s: %u bytes", name, info.digest_size);
	ck_assert_mem_eq(info.digest, predicted, predicted_size);
	coco_digest_free(digest);
}

/* On every technology that the file is for. How many these were. */
static unsigned launch_igvm(const char *name, const uint8_t *bytes, size_t size)
{
	struct coco_stage_options options;
	struct coco_igvm_guest says;
	struct coco_igvm *igvm;
	unsigned count = 0;

	COCO_INIT(&options);
	options.flags = COCO_STAGE_INEXACT;
	options.max_size = 0x10000000;
	expect_ok(coco_igvm_parse(bytes, size, NULL, &igvm, &error), &error);
	for (uint32_t tech = COCO_TECH_PLAIN; tech <= COCO_TECH_TDX; tech++) {
		COCO_INIT(&says);
		if (coco_igvm_get_guest(igvm, tech, &says, NULL))
			continue;
		launch_own(tech, &says);
		expect_launched(name, bytes, size, &options);
		end();
		count++;
	}
	coco_igvm_free(igvm);
	return count;
}

START_TEST(igvm_files)
{
	struct json_object *vector =
		json_object_array_get_idx(vectors_get(file, "files"), (size_t)_i);
	const char *name = vectors_text(vector, "name");
	size_t size;
	uint8_t *bytes = vectors_packed(vector, &size);

	if (!bytes) {
		printf("skipped: %s, for want of COCO_VECTOR_FILES\n", name);
		return;
	}
	printf("%s: %u technologies\n", name, launch_igvm(name, bytes, size));
	free(bytes);
}
END_TEST

int main(void)
{
	int failed;

	file = vectors_load_of("igvm.json", "files");
	failed = expect_run(
		vectors_suite_of("tenant vectors", file, "files", "name", igvm_files->fn));
	json_object_put(file);
	return failed;
}
