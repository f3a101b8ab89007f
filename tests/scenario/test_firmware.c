/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The vectors' firmware on the simulator, by the library: what the platform measures of a launch,
 * and of each reset, is what independent tools predict.
 */
#include <cocoreset/cocoreset.h>
#include <cocoreset/sim.h>

#include <stdlib.h>

#include "vectors.h"

#define LIVES     3
#define RAM_SIZE  (32ull << 20)
#define FLASH_END 0x100000000ull

static struct json_object *file;
static uint32_t launched[COCO_TECH_TDX + 1];

struct scene {
	struct json_object *vector;
	struct coco_sim *sim;
	struct coco_host *host;
	struct coco_guest *guest;
	struct coco_error error;
};

static bool is_mode(const struct scene *scene, const char *mode)
{
	return strcmp(vectors_text(scene->vector, "mode"), mode) == 0;
}

static uint32_t tech_of(const struct scene *scene)
{
	if (is_mode(scene, "snp"))
		return COCO_TECH_SNP;
	return is_mode(scene, "sev") ? COCO_TECH_SEV : COCO_TECH_SEVES;
}

/* Guests that KVM launches: whole ones, not the measure of a firmware alone, by QEMU's rules. */
static bool is_launched(const struct scene *scene)
{
	const char *vmm = vectors_text(scene->vector, "vmm_type");

	return vectors_text(scene->vector, "expected") && !is_mode(scene, "snp:ovmf-hash") &&
	       !vectors_text(scene->vector, "start_digest") && (!vmm || strcmp(vmm, "QEMU") == 0);
}

static bool hash_kernel(struct scene *scene, struct coco_kernel_hashes *out)
{
	char *kernel = vectors_make_file(file, vectors_text(scene->vector, "kernel"));
	char *initrd = vectors_make_file(file, vectors_text(scene->vector, "initrd"));
	const bool has_kernel = kernel != NULL;

	if (has_kernel)
		expect_ok(coco_kernel_hashes_from_files(kernel, initrd,
							vectors_text(scene->vector, "append"), out,
							&scene->error),
			  &scene->error);
	vectors_remove_file(kernel);
	vectors_remove_file(initrd);
	return has_kernel;
}

static struct coco_image *image_of(struct scene *scene, const uint8_t *bytes, size_t size)
{
	struct coco_sev_firmware_options options;
	struct coco_kernel_hashes hashes;
	struct coco_firmware *firmware;
	struct coco_image *image;

	expect_ok(coco_firmware_parse(bytes, size, &firmware, &scene->error), &scene->error);
	expect_ok(coco_image_new(&image, &scene->error), &scene->error);
	COCO_INIT(&options);
	options.tech = tech_of(scene);
	options.hashes = hash_kernel(scene, &hashes) ? &hashes : NULL;
	expect_ok(coco_image_add_sev_firmware(image, firmware, &options, &scene->error),
		  &scene->error);
	coco_firmware_free(firmware);
	return image;
}

static void add_memory(struct scene *scene, uint64_t gpa, uint64_t size)
{
	struct coco_memory memory;

	COCO_INIT(&memory);
	memory.gpa = gpa;
	memory.size = size;
	expect_ok(coco_guest_add_memory(scene->guest, &memory, &scene->error), &scene->error);
}

static void kick(void *payload, struct coco_vcpu *vcpu)
{
	(void)payload;
	(void)vcpu;
}

/* Leaf 1 says what the vCPU is: KVM has it in RDX when it starts, and that is measured. */
static struct kvm_cpuid2 *cpuid_of(const struct scene *scene)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + 2 * sizeof(cpuid->entries[0]));

	ck_assert_ptr_nonnull(cpuid);
	cpuid->nent = 2;
	cpuid->entries[0].eax = 1;
	cpuid->entries[1].function = 1;
	cpuid->entries[1].eax = (uint32_t)vectors_number(scene->vector, "vcpu_sig");
	return cpuid;
}

static void make_guest(struct scene *scene, const uint8_t *bytes, size_t size)
{
	const uint64_t count = vectors_number(scene->vector, "vcpus");
	struct kvm_cpuid2 *cpuid = cpuid_of(scene);
	struct coco_guest_options options;
	struct coco_sev_options sev;

	COCO_INIT(&sev);
	/* Bit 0 is SNP itself. */
	sev.vmsa_features = vectors_number(scene->vector, "guest_features") & ~1ull;
	if (is_mode(scene, "seves-legacy"))
		sev.init = COCO_SEV_INIT_LEGACY;
	COCO_INIT(&options);
	options.tech = tech_of(scene);
	options.vcpus = count ? (uint32_t)count : 1;
	options.image = image_of(scene, bytes, size);
	options.irqchip = COCO_IRQCHIP_SPLIT;
	options.ioapic_pins = 24;
	options.kick = kick;
	options.cpuid = cpuid;
	options.tech_options = &sev;
	expect_ok(coco_guest_new(scene->host, &options, &scene->guest, &scene->error),
		  &scene->error);
	add_memory(scene, 0, RAM_SIZE);
	add_memory(scene, FLASH_END - size, size);
	coco_image_unref(options.image);
	free(cpuid);
}

static void expect_measured(struct scene *scene, uint8_t key[32])
{
	struct coco_sim_vm_info info;
	uint8_t digest[64];
	size_t size = sizeof(digest);

	COCO_INIT(&info);
	expect_ok(coco_sim_get_vm_info(scene->sim, coco_guest_vm_fd(scene->guest), &info,
				       &scene->error),
		  &scene->error);
	vectors_expect_hex("what the platform measured", info.digest, info.digest_size,
			   vectors_text(scene->vector, "expected"));
	expect_ok(coco_guest_get_digest(scene->guest, digest, &size, &scene->error), &scene->error);
	vectors_expect_hex("the prediction", digest, size, vectors_text(scene->vector, "expected"));
	ck_assert_mem_ne(info.key, key, sizeof(info.key));
	memcpy(key, info.key, sizeof(info.key));
}

START_TEST(vector)
{
	struct scene scene = {.vector = vectors_at(file, _i)};
	struct coco_host_options options;
	uint8_t key[32] = {0};
	uint8_t *firmware;
	size_t size;

	if (!is_launched(&scene))
		return;
	firmware = vectors_firmware(file, vectors_text(scene.vector, "firmware"), &size);
	if (!firmware) {
		vectors_skip(file, _i);
		return;
	}
	expect_ok(coco_sim_new(NULL, &scene.sim, &scene.error), &scene.error);
	COCO_INIT(&options);
	options.platform = coco_sim_get_platform(scene.sim);
	expect_ok(coco_host_open(&options, &scene.host, &scene.error), &scene.error);
	make_guest(&scene, firmware, size);
	expect_ok(coco_guest_launch(scene.guest, &scene.error), &scene.error);
	expect_measured(&scene, key);
	for (int life = 1; life < LIVES; life++) {
		expect_ok(coco_guest_reset(scene.guest, &scene.error), &scene.error);
		expect_measured(&scene, key);
	}
	launched[tech_of(&scene)]++;
	coco_guest_free(scene.guest);
	coco_host_close(scene.host);
	coco_sim_free(scene.sim);
	free(firmware);
}
END_TEST

/* Some of the firmware is made here, so there is always something to launch. */
START_TEST(each_technology_was_launched)
{
	ck_assert_uint_gt(launched[COCO_TECH_SNP], 0);
	ck_assert_uint_gt(launched[COCO_TECH_SEVES], 0);
	ck_assert_uint_gt(launched[COCO_TECH_SEV], 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("each technology");
	TCase *tcase = tcase_create("each technology");
	int failed;

	file = vectors_load("snp-sev-digests.json");
	failed = expect_run(vectors_suite("firmware", file, vector->fn));
	tcase_add_test(tcase, each_technology_was_launched);
	suite_add_tcase(suite, tcase);
	failed |= expect_run(suite);
	json_object_put(file);
	return failed;
}
