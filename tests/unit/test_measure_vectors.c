/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Does the library predict what independent implementations agree on? */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <stdlib.h>

#include "vectors.h"

static struct coco_error error;
static struct json_object *sev_file, *tdx_file, *launch_measure_file;

static uint32_t tech_of(const char *mode)
{
	if (strncmp(mode, "snp", 3) == 0)
		return COCO_TECH_SNP;
	return strcmp(mode, "sev") == 0 ? COCO_TECH_SEV : COCO_TECH_SEVES;
}

static uint32_t vmm_of(const char *name)
{
	if (!name || strcmp(name, "QEMU") == 0)
		return COCO_VMM_QEMU;
	if (strcmp(name, "ec2") == 0)
		return COCO_VMM_EC2;
	ck_assert_str_eq(name, "gce");
	return COCO_VMM_GCE;
}

static bool is_mode(struct json_object *vector, const char *mode)
{
	return strcmp(vectors_text(vector, "mode"), mode) == 0;
}

/* The vector's kernel, initrd and command line; false if there is no kernel. */
static bool hash_kernel(struct json_object *vector, struct coco_kernel_hashes *out)
{
	char *kernel = vectors_make_file(sev_file, vectors_text(vector, "kernel"));
	char *initrd = vectors_make_file(sev_file, vectors_text(vector, "initrd"));
	const bool has_kernel = kernel != NULL;

	if (has_kernel)
		expect_ok(coco_kernel_hashes_from_files(
				  kernel, initrd, vectors_text(vector, "append"), out, &error),
			  &error);
	vectors_remove_file(kernel);
	vectors_remove_file(initrd);
	return has_kernel;
}

static struct coco_firmware *parse(const uint8_t *bytes, size_t size)
{
	struct coco_firmware *firmware = NULL;

	expect_ok(coco_firmware_parse(bytes, size, &firmware, &error), &error);
	return firmware;
}

/* The launch image of a vector; NULL if there is an error, and an error is expected. */
static struct coco_image *sev_image(struct json_object *vector, const uint8_t *bytes, size_t size)
{
	struct coco_firmware *firmware = parse(bytes, size);
	struct coco_sev_firmware_options options;
	struct coco_kernel_hashes hashes;
	struct coco_image *image = NULL;
	int r;

	expect_ok(coco_image_new(&image, &error), &error);
	COCO_INIT(&options);
	options.tech = tech_of(vectors_text(vector, "mode"));
	options.vmm = vmm_of(vectors_text(vector, "vmm_type"));
	options.hashes = hash_kernel(vector, &hashes) ? &hashes : NULL;
	r = coco_image_add_sev_firmware(image, firmware, &options, &error);
	coco_firmware_free(firmware);
	if (vectors_text(vector, "expected")) {
		ck_assert_msg(r == 0, "%s", error.text);
		return image;
	}
	ck_assert_msg(r == -EOPNOTSUPP, "expected: %s", vectors_text(vector, "expected_error"));
	coco_image_unref(image);
	return NULL;
}

static void set_vcpus(struct json_object *vector, struct coco_measure_options *options)
{
	uint32_t signature;

	options->vcpus = (uint32_t)vectors_number(vector, "vcpus");
	options->vmm = vmm_of(vectors_text(vector, "vmm_type"));
	options->sev_features = vectors_number(vector, "guest_features");
	options->vcpu_signature = (uint32_t)vectors_number(vector, "vcpu_sig");
	if (!options->vcpus)
		return;
	expect_ok(coco_vcpu_signature_from_name(vectors_text(vector, "vcpu_type"), &signature,
						&error),
		  &error);
	ck_assert_uint_eq(signature, options->vcpu_signature);
}

static void expect_digest(const struct coco_image *image,
			  const struct coco_measure_options *options, const char *expected)
{
	struct coco_measure_options with_steps = *options;
	struct coco_digest *digest = NULL;
	struct coco_digest_step step;
	const uint8_t *bytes;
	size_t size;

	expect_ok(coco_measure_image(image, options, &digest, &error), &error);
	bytes = coco_digest_bytes(digest, &size);
	vectors_expect_hex("digest", bytes, size, expected);
	ck_assert_uint_eq(coco_digest_step_count(digest), 0);
	coco_digest_free(digest);

	with_steps.flags |= COCO_MEASURE_STEPS;
	expect_ok(coco_measure_image(image, &with_steps, &digest, &error), &error);
	vectors_expect_hex("digest, with steps", coco_digest_bytes(digest, NULL), size, expected);
	COCO_INIT(&step);
	expect_ok(coco_digest_get_step(digest, coco_digest_step_count(digest) - 1, &step, &error),
		  &error);
	vectors_expect_hex("the last step", step.running, size, expected);
	coco_digest_free(digest);
}

START_TEST(sev_vector)
{
	struct json_object *vector = vectors_at(sev_file, _i);
	struct coco_measure_options options;
	struct coco_image *image = NULL;
	uint8_t start[48];
	size_t size;
	uint8_t *firmware = vectors_firmware(sev_file, vectors_text(vector, "firmware"), &size);

	if (!firmware) {
		vectors_skip(sev_file, _i);
		return;
	}
	COCO_INIT(&options);
	options.tech = tech_of(vectors_text(vector, "mode"));
	set_vcpus(vector, &options);
	if (is_mode(vector, "seves-legacy"))
		options.vmsa_flags = COCO_VMSA_LEGACY;
	if (vectors_text(vector, "start_digest")) {
		vectors_hex(vector, "start_digest", start, sizeof(start));
		options.start_digest = start;
	}
	if (is_mode(vector, "snp:ovmf-hash")) {
		options.flags = COCO_MEASURE_NO_VCPUS;
		expect_ok(coco_image_new(&image, &error), &error);
		expect_ok(coco_image_add_firmware(image, firmware, size, &error), &error);
	} else {
		image = sev_image(vector, firmware, size);
	}
	if (image)
		expect_digest(image, &options, vectors_text(vector, "expected"));
	coco_image_unref(image);
	free(firmware);
}
END_TEST

START_TEST(tdx_vector)
{
	struct json_object *vector = vectors_at(tdx_file, _i);
	struct coco_measure_options options;
	struct coco_firmware *firmware;
	struct coco_image *image = NULL;
	size_t size;
	uint8_t *bytes = vectors_firmware(tdx_file, vectors_text(vector, "firmware"), &size);

	if (!bytes) {
		vectors_skip(tdx_file, _i);
		return;
	}
	firmware = parse(bytes, size);
	expect_ok(coco_image_new(&image, &error), &error);
	COCO_INIT(&options);
	options.tech = COCO_TECH_TDX;
	if (strcmp(vectors_text(vector, "page_order"), "two-pass") == 0)
		options.flags = COCO_MEASURE_TWO_PASS;
	if (vectors_text(vector, "expected")) {
		expect_ok(coco_image_add_tdx_firmware(image, firmware, NULL, &error), &error);
		expect_digest(image, &options, vectors_text(vector, "expected"));
	} else {
		ck_assert_int_eq(coco_image_add_tdx_firmware(image, firmware, NULL, &error),
				 -EOPNOTSUPP);
	}
	coco_image_unref(image);
	coco_firmware_free(firmware);
	free(bytes);
}
END_TEST

START_TEST(launch_measure_vector)
{
	struct json_object *vector = vectors_at(launch_measure_file, _i);
	struct coco_launch_measure input;
	uint8_t out[COCO_LAUNCH_MEASURE_SIZE];
	char base64[COCO_BASE64_SIZE(sizeof(out))];

	COCO_INIT(&input);
	input.policy = (uint32_t)vectors_number(vector, "policy");
	input.api_major = (uint8_t)vectors_number(vector, "api_major");
	input.api_minor = (uint8_t)vectors_number(vector, "api_minor");
	input.build = (uint8_t)vectors_number(vector, "build");
	vectors_hex(vector, "launch_digest", input.launch_digest, sizeof(input.launch_digest));
	vectors_hex(vector, "mnonce", input.mnonce, sizeof(input.mnonce));
	vectors_hex(vector, "tik", input.tik, sizeof(input.tik));
	expect_ok(coco_measure_launch_measure(&input, out, &error), &error);
	vectors_expect_hex("measure", out, 32, vectors_text(vector, "measure"));
	ck_assert_mem_eq(out + 32, input.mnonce, 16);
	if (!vectors_text(vector, "launch_measure_base64"))
		return;
	expect_ok(coco_base64_encode(out, sizeof(out), base64, sizeof(base64), &error), &error);
	ck_assert_str_eq(base64, vectors_text(vector, "launch_measure_base64"));
}
END_TEST

int main(void)
{
	int failed;

	sev_file = vectors_load("snp-sev-digests.json");
	tdx_file = vectors_load("tdx-mrtd.json");
	launch_measure_file = vectors_load("sev-launch-measure.json");
	failed = expect_run(vectors_suite("snp-sev-digests", sev_file, sev_vector->fn));
	failed |= expect_run(vectors_suite("tdx-mrtd", tdx_file, tdx_vector->fn));
	failed |= expect_run(vectors_suite("sev-launch-measure", launch_measure_file,
					   launch_measure_vector->fn));
	json_object_put(sev_file);
	json_object_put(tdx_file);
	json_object_put(launch_measure_file);
	return failed;
}
