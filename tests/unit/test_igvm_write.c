/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Is an image the same after it was written as an IGVM file and read back? */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <stdlib.h>

#include "expect.h"
#include "firmware_maker.h"

static struct coco_error error;

struct sink {
	uint8_t bytes[8u << 20];
	size_t size;
	int code;
};

static struct sink sink;

static int take(void *payload, const void *bytes, size_t size)
{
	struct sink *to = payload;

	if (to->code)
		return to->code;
	ck_assert_uint_le(size, sizeof(to->bytes) - to->size);
	memcpy(to->bytes + to->size, bytes, size);
	to->size += size;
	return 0;
}

static struct coco_image *new_image(void)
{
	struct coco_image *image;

	expect_ok(coco_image_new(&image, &error), &error);
	return image;
}

static void add(struct coco_image *image, uint64_t gpa, uint64_t size, uint32_t kind,
		uint32_t flags)
{
	static uint8_t bytes[8 * COCO_PAGE_SIZE];
	struct coco_page_run run;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i / COCO_PAGE_SIZE / 2 + gpa / COCO_PAGE_SIZE);
	COCO_INIT(&run);
	run.gpa = gpa;
	run.size = size;
	run.kind = kind;
	run.flags = flags;
	run.bytes = kind == COCO_PAGE_DATA || kind == COCO_PAGE_PART ? bytes : NULL;
	expect_ok(coco_image_add(image, &run, &error), &error);
}

static void measure(const struct coco_image *image, uint32_t tech, uint32_t vcpus, uint32_t flags,
		    uint8_t *out)
{
	struct coco_measure_options options;
	struct coco_digest *digest;
	const uint8_t *bytes;
	size_t size;

	COCO_INIT(&options);
	options.tech = tech;
	options.vcpus = vcpus;
	options.flags = flags;
	options.vcpu_signature = 0x800f12;
	expect_ok(coco_measure_image(image, &options, &digest, &error), &error);
	memset(out, 0, COCO_DIGEST_MAX_SIZE);
	bytes = coco_digest_bytes(digest, &size);
	memcpy(out, bytes, size);
	coco_digest_free(digest);
}

static struct coco_image *read_back(uint32_t tech)
{
	struct coco_igvm_load_options options;
	struct coco_igvm_options strict;
	struct coco_image *image = new_image();
	struct coco_igvm *igvm;

	COCO_INIT(&strict);
	strict.flags = COCO_IGVM_STRICT;
	expect_ok(coco_igvm_parse(sink.bytes, sink.size, &strict, &igvm, &error), &error);
	COCO_INIT(&options);
	options.tech = tech;
	options.zero_pages = COCO_IGVM_ZERO_PAGES_KVM;
	options.flags = COCO_IGVM_EXACT;
	expect_ok(coco_image_add_igvm(image, igvm, &options, NULL, &error), &error);
	coco_igvm_free(igvm);
	return image;
}

static struct coco_igvm_write_options options_for(uint32_t tech)
{
	struct coco_igvm_write_options options;

	COCO_INIT(&options);
	options.tech = tech;
	sink.size = 0;
	sink.code = 0;
	return options;
}

/* Firmware with OVMF's tables, as it is launched with each technology. */
START_TEST(firmware_survives_with_its_measurement)
{
	static const uint32_t techs[] = {COCO_TECH_SEV, COCO_TECH_SEVES, COCO_TECH_SNP};
	const uint32_t tech = techs[_i], vcpus = tech == COCO_TECH_SEV ? 0 : 3;
	struct coco_igvm_write_options options = options_for(tech);
	struct coco_sev_firmware_options how;
	struct coco_firmware *firmware;
	struct coco_image *image = new_image(), *copy;
	uint8_t expected[COCO_DIGEST_MAX_SIZE], digest[COCO_DIGEST_MAX_SIZE];
	static struct maker maker;

	maker_ovmf(&maker);
	expect_ok(coco_firmware_parse(maker.bytes, MAKER_SIZE, &firmware, &error), &error);
	COCO_INIT(&how);
	how.tech = tech;
	expect_ok(coco_image_add_sev_firmware(image, firmware, &how, &error), &error);
	coco_firmware_free(firmware);
	measure(image, tech, vcpus, 0, expected);

	options.vcpus = vcpus;
	options.vcpu_signature = 0x800f12;
	expect_ok(coco_image_write_igvm(image, &options, take, &sink, &error), &error);
	copy = read_back(tech);
	ck_assert_uint_eq(coco_image_vcpu_state_count(copy), vcpus);
	measure(copy, tech, 0, 0, digest);
	ck_assert_mem_eq(digest, expected, sizeof(digest));
	coco_image_unref(image);
	coco_image_unref(copy);
}
END_TEST

START_TEST(every_kind_and_flag_survives)
{
	struct coco_igvm_write_options options = options_for(COCO_TECH_SNP);
	struct coco_image *image = new_image(), *copy;
	struct coco_igvm_guest guest;
	struct coco_igvm *igvm;
	uint8_t expected[COCO_DIGEST_MAX_SIZE], digest[COCO_DIGEST_MAX_SIZE];

	add(image, 0x10000, 0x8000, COCO_PAGE_DATA, 0);
	add(image, 0x20000, 0x3000, COCO_PAGE_ZERO, 0);
	add(image, 0x30000, 0x1000, COCO_PAGE_SECRETS, 0);
	add(image, 0x31000, 0x1000, COCO_PAGE_CPUID, 0);
	add(image, 0x9000, 0x2000, COCO_PAGE_DATA, COCO_RUN_UNMEASURED);
	add(image, 0x40000, 0x2000, COCO_PAGE_ZERO, COCO_RUN_UNMEASURED);
	add(image, 0x50000, 0x2000, COCO_PAGE_DATA, COCO_RUN_SHARED);
	add(image, 0x60000, 0x1000, COCO_PAGE_ZERO, COCO_RUN_SHARED);
	options.has_policy = 1;
	options.policy = 0xb0000;
	expect_ok(coco_image_write_igvm(image, &options, take, &sink, &error), &error);
	copy = read_back(COCO_TECH_SNP);
	ck_assert_uint_eq(coco_image_run_count(copy), coco_image_run_count(image));
	for (uint32_t i = 0; i < coco_image_run_count(image); i++) {
		struct coco_page_run before, after;

		COCO_INIT(&before);
		COCO_INIT(&after);
		expect_ok(coco_image_get_run(image, i, &before, &error), &error);
		expect_ok(coco_image_get_run(copy, i, &after, &error), &error);
		ck_assert_uint_eq(before.gpa, after.gpa);
		ck_assert_uint_eq(before.size, after.size);
		ck_assert_uint_eq(before.kind, after.kind);
		ck_assert_uint_eq(before.flags, after.flags);
		if (before.bytes)
			ck_assert_mem_eq(before.bytes, after.bytes, before.size);
	}
	measure(image, COCO_TECH_SNP, 0, COCO_MEASURE_NO_VCPUS, expected);
	measure(copy, COCO_TECH_SNP, 0, COCO_MEASURE_NO_VCPUS, digest);
	ck_assert_mem_eq(digest, expected, sizeof(digest));
	expect_ok(coco_igvm_parse(sink.bytes, sink.size, NULL, &igvm, &error), &error);
	COCO_INIT(&guest);
	expect_ok(coco_igvm_get_guest(igvm, COCO_TECH_SNP, &guest, &error), &error);
	ck_assert_uint_eq(guest.has_policy, 1);
	ck_assert_uint_eq(guest.policy, 0xb0000);
	coco_igvm_free(igvm);
	coco_image_unref(image);
	coco_image_unref(copy);
}
END_TEST

static void refuse(const struct coco_image *image, const struct coco_igvm_write_options *options,
		   int code, const char *field)
{
	sink.size = 0;
	expect_error(coco_image_write_igvm(image, options, take, &sink, &error), &error, code,
		     field);
	ck_assert_uint_eq(sink.size, 0);
}

START_TEST(what_the_format_has_no_words_for_is_refused)
{
	struct coco_igvm_write_options options = options_for(COCO_TECH_SEV);
	struct coco_image *image = new_image();

	add(image, 0x10000, 32, COCO_PAGE_PART, 0);
	refuse(image, &options, -EOPNOTSUPP, "image");
	coco_image_unref(image);
	image = new_image();
	add(image, 0x10000, 0x1000, COCO_PAGE_DATA, COCO_RUN_UNMEASURED);
	refuse(image, &options, -EINVAL, "image");
	options.tech = COCO_TECH_TDX;
	expect_ok(coco_image_set_hob(image, 0x1000, &error), &error);
	refuse(image, &options, -EOPNOTSUPP, "image");
	expect_ok(coco_image_set_hob(image, 0, &error), &error);
	options.vcpus = 1;
	refuse(image, &options, -EINVAL, "vcpus");
	options.vcpus = 0;
	options.tech = 0;
	refuse(image, &options, -EINVAL, "tech");
	options.tech = COCO_TECH_SNP;
	expect_ok(coco_image_set_ap_start(image, 0x80b004, &error), &error);
	refuse(image, &options, -EINVAL, "vcpus");
	options.vcpus = 2;
	refuse(image, &options, -EINVAL, "vcpu_signature");
	options.vcpu_signature = 0x800f12;
	sink.code = -ENOSPC;
	refuse(image, &options, -ENOSPC, "write");
	coco_image_unref(image);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("igvm write");
	TCase *tcase = tcase_create("all");

	tcase_add_loop_test(tcase, firmware_survives_with_its_measurement, 0, 3);
	tcase_add_test(tcase, every_kind_and_flag_survives);
	tcase_add_test(tcase, what_the_format_has_no_words_for_is_refused);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
