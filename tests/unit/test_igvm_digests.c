/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Do images of published IGVM files have the measurements that other tools compute, and is it
 * known before a launch whether KVM can reach them?
 */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vectors.h"

static struct coco_error error;
static struct json_object *file;

static struct coco_image *load(const struct coco_igvm *igvm, uint32_t tech, uint32_t zero_pages)
{
	struct coco_igvm_load_options options;
	struct coco_image *image;

	COCO_INIT(&options);
	options.tech = tech;
	options.zero_pages = zero_pages;
	expect_ok(coco_image_new(&image, &error), &error);
	expect_ok(coco_image_add_igvm(image, igvm, &options, NULL, &error), &error);
	return image;
}

static void check_digest(const struct coco_igvm *igvm, uint32_t tech, uint32_t zero_pages,
			 uint32_t flags, const char *name, const char *expected)
{
	struct coco_image *image = load(igvm, tech, zero_pages);
	struct coco_measure_options options;
	struct coco_digest *digest;
	const uint8_t *bytes;
	size_t size;

	COCO_INIT(&options);
	options.tech = tech;
	options.flags = flags;
	if (tech == COCO_TECH_SNP && !coco_image_vcpu_state_count(image))
		options.flags |= COCO_MEASURE_NO_VCPUS;
	expect_ok(coco_measure_image(image, &options, &digest, &error), &error);
	bytes = coco_digest_bytes(digest, &size);
	vectors_expect_hex(name, bytes, size, expected);
	coco_digest_free(digest);
	coco_image_unref(image);
}

static void check_snp(const struct coco_igvm *igvm, struct json_object *launch)
{
	const struct {
		const char *name;
		uint32_t zero_pages, flags;
	} ways[] = {
		{"spec", COCO_IGVM_ZERO_PAGES_SPEC, COCO_MEASURE_VMSAS_IN_PLACE},
		{"spec_native_zero", COCO_IGVM_ZERO_PAGES_KVM, COCO_MEASURE_VMSAS_IN_PLACE},
		{"kvm", COCO_IGVM_ZERO_PAGES_SPEC, 0},
		{"kvm_native_zero", COCO_IGVM_ZERO_PAGES_KVM, 0},
	};
	const bool matches = json_object_get_boolean(vectors_get(launch, "kvm_matches_spec"));
	struct coco_image *image = load(igvm, COCO_TECH_SNP, COCO_IGVM_ZERO_PAGES_SPEC);
	struct coco_kvm_check_options options;
	struct coco_kvm_check check;

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		check_digest(igvm, COCO_TECH_SNP, ways[i].zero_pages, ways[i].flags, ways[i].name,
			     vectors_text(launch, ways[i].name));
	COCO_INIT(&options);
	COCO_INIT(&check);
	options.tech = COCO_TECH_SNP;
	expect_ok(coco_image_check_kvm(image, &options, &check, &error), &error);
	ck_assert_msg(matches == !check.obstacles, "obstacles 0x%x: %s", check.obstacles,
		      check.reason);
	coco_image_unref(image);
}

START_TEST(digests)
{
	struct json_object *vector =
		json_object_array_get_idx(vectors_get(file, "files"), (size_t)_i);
	struct json_object *launch = vectors_get(vectors_get(vector, "expect"), "launch");
	struct coco_igvm *igvm;
	size_t size;
	uint8_t *bytes = vectors_packed(vector, &size);

	if (!bytes) {
		printf("skipped: %s, for want of COCO_VECTOR_FILES\n",
		       vectors_text(vector, "name"));
		return;
	}
	expect_ok(coco_igvm_parse(bytes, size, NULL, &igvm, &error), &error);
	json_object_object_foreach(launch, platform, values)
	{
		if (strcmp(platform, "SEV_SNP") == 0)
			check_snp(igvm, values);
		else if (strcmp(platform, "TDX") == 0)
			check_digest(igvm, COCO_TECH_TDX, 0, 0, "mrtd",
				     vectors_text(values, "mrtd"));
		else if (strcmp(platform, "NATIVE") == 0)
			coco_image_unref(load(igvm, COCO_TECH_PLAIN, 0));
		else
			ck_assert(strcmp(platform, "VSM_ISOLATION") == 0 ||
				  strcmp(platform, "CCA") == 0);
	}
	coco_igvm_free(igvm);
	free(bytes);
}
END_TEST

static struct coco_igvm *parse(const char *name)
{
	struct json_object *files = vectors_get(file, "files");

	for (size_t i = 0; i < json_object_array_length(files); i++) {
		struct json_object *vector = json_object_array_get_idx(files, i);
		struct coco_igvm *igvm;
		uint8_t *bytes;
		size_t size;

		if (strcmp(vectors_text(vector, "name"), name) != 0)
			continue;
		bytes = vectors_packed(vector, &size);
		expect_ok(coco_igvm_parse(bytes, size, NULL, &igvm, &error), &error);
		free(bytes);
		return igvm;
	}
	ck_abort_msg("no vector %s", name);
}

/* Its signer computed the digest and signed it together with the policy. */
START_TEST(a_signed_id_block_verifies_and_has_the_digest_of_its_file)
{
	struct coco_igvm *igvm = parse("msigvm-bzimage-x64");
	uint8_t block[COCO_ID_BLOCK_SIZE], auth[COCO_ID_AUTH_SIZE];
	struct coco_id_block fields;
	uint32_t author = 2;
	char text[97];

	expect_ok(coco_igvm_get_id_block(igvm, block, auth, &author, &error), &error);
	ck_assert_uint_eq(author, 0);
	expect_ok(coco_id_block_verify(block, auth, author, NULL, &error), &error);
	COCO_INIT(&fields);
	expect_ok(coco_id_block_parse(block, &fields, &error), &error);
	ck_assert_uint_eq(fields.policy, 0x3001f);
	ck_assert_uint_eq(fields.guest_svn, 2);
	for (size_t i = 0; i < sizeof(fields.launch_digest); i++)
		snprintf(text + 2 * i, 3, "%02x", fields.launch_digest[i]);
	check_digest(igvm, COCO_TECH_SNP, 0, COCO_MEASURE_VMSAS_IN_PLACE, "signed digest", text);
	coco_igvm_free(igvm);
}
END_TEST

START_TEST(what_belongs_into_the_options_is_told)
{
	struct coco_igvm *igvm = parse("edge-tdx");
	struct coco_igvm_guest guest;
	uint8_t block[COCO_ID_BLOCK_SIZE], auth[COCO_ID_AUTH_SIZE];
	uint32_t author;

	COCO_INIT(&guest);
	expect_ok(coco_igvm_get_guest(igvm, COCO_TECH_TDX, &guest, &error), &error);
	ck_assert_uint_eq(guest.has_policy, 1);
	/* SEPT_VE_DISABLE is bit 1 of IGVM's policy and bit 28 of the attributes. */
	ck_assert_uint_eq(guest.policy, 2);
	ck_assert_uint_eq(guest.tdx_attributes, 1u << 28);
	ck_assert_uint_eq(guest.shared_gpa_boundary, 0x800000000000);
	ck_assert_uint_eq(guest.memory_end, 0x100000000);
	ck_assert_uint_eq(guest.contexts, 0);
	expect_error(coco_igvm_get_guest(igvm, COCO_TECH_SNP, &guest, &error), &error, -EOPNOTSUPP,
		     "tech");
	expect_text(&error, "is for TDX");
	coco_igvm_free(igvm);

	igvm = parse("svsm-qemu-v2");
	expect_ok(coco_igvm_get_guest(igvm, COCO_TECH_SNP, &guest, &error), &error);
	ck_assert_uint_eq(guest.policy, 0x30000);
	ck_assert_uint_eq(guest.sev_features, 0x29);
	ck_assert_uint_eq(guest.contexts, 1);
	ck_assert_uint_eq(guest.has_id_block, 0);
	expect_error(coco_igvm_get_id_block(igvm, block, auth, &author, &error), &error, -ENODATA,
		     "igvm");
	coco_igvm_free(igvm);
}
END_TEST

int main(void)
{
	const TTest *const others[] = {
		a_signed_id_block_verifies_and_has_the_digest_of_its_file,
		what_belongs_into_the_options_is_told,
		NULL,
	};
	int failed;

	file = vectors_load_of("igvm.json", "files");
	failed = expect_run(vectors_suite_of("igvm digests", file, "files", "name", digests->fn));
	failed |= expect_run(expect_suite("igvm guests", others));
	json_object_put(file);
	return failed;
}
