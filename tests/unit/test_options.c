/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Does every struct that begins with struct_size follow the rules of base.h? Asked of the
 * option structs and the result structs of the calls that need no guest.
 */
#include <cocoreset/cocoreset.h>
#include <errno.h>

#include "expect.h"

static struct coco_error error;

/* An option struct of a header that is newer by 64 bytes. */
struct newer_host_options {
	struct coco_host_options known;
	uint8_t unknown[64];
};

struct newer_run {
	struct coco_page_run known;
	uint8_t unknown[64];
};

struct newer_tech_info {
	struct coco_tech_info known;
	uint8_t unknown[64];
};

static struct coco_host_options options_for(struct fake_kvm *fake)
{
	struct coco_host_options options;

	COCO_INIT(&options);
	options.platform = fake_kvm_platform(fake);
	return options;
}

START_TEST(init_zeroes_and_writes_the_size)
{
	struct coco_page_run run;

	memset(&run, 0xff, sizeof(run));
	COCO_INIT(&run);
	ck_assert_uint_eq(run.struct_size, sizeof(run));
	ck_assert_uint_eq(run.gpa, 0);
	ck_assert_ptr_null(run.bytes);
	ck_assert_uint_eq(run.flags, 0);
}
END_TEST

START_TEST(options_without_a_size_are_refused)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_host_options options = options_for(fake);
	struct coco_host *host = NULL;

	for (size_t size = 0; size < sizeof(size_t); size++) {
		options.struct_size = size;
		expect_error(coco_host_open(&options, &host, &error), &error, -EINVAL,
			     "struct_size");
		ck_assert_ptr_null(host);
	}
	expect_transcript(fake, "");
	expect_clean(fake);
}
END_TEST

START_TEST(a_newer_struct_is_taken_if_what_is_new_is_zero)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct newer_host_options options = {.known = options_for(fake)};
	struct coco_host *host = NULL;

	options.known.struct_size = sizeof(options);
	expect_ok(coco_host_open(&options.known, &host, &error), &error);
	coco_host_close(host);
	expect_clean(fake);
}
END_TEST

START_TEST(a_newer_struct_is_refused_for_any_byte_that_is_not_known)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct newer_host_options options = {.known = options_for(fake)};
	struct coco_host *host = NULL;

	options.known.struct_size = sizeof(options);
	for (size_t i = 0; i < sizeof(options.unknown); i++) {
		memset(options.unknown, 0, sizeof(options.unknown));
		options.unknown[i] = 1;
		expect_spoil(&error);
		ck_assert_int_eq(coco_host_open(&options.known, &host, &error), -E2BIG);
		ck_assert_int_eq(error.code, -E2BIG);
		ck_assert_ptr_null(host);
	}
	expect_transcript(fake, "");
	expect_clean(fake);
}
END_TEST

START_TEST(what_lies_behind_the_size_is_not_looked_at)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct newer_host_options options = {.known = options_for(fake)};
	struct coco_host *host = NULL;

	memset(options.unknown, 0xff, sizeof(options.unknown));
	expect_ok(coco_host_open(&options.known, &host, &error), &error);
	coco_host_close(host);
	expect_clean(fake);
}
END_TEST

START_TEST(fields_behind_an_older_callers_size_count_as_zero)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_host_options options = options_for(fake);
	struct coco_host *host = NULL;

	/* An older header that ended before `log`: what stands there is not the caller's. */
	options.struct_size = offsetof(struct coco_host_options, log);
	memset(&options.log, 0xff, sizeof(options.log));
	memset(&options.log_payload, 0xff, sizeof(options.log_payload));
	expect_ok(coco_host_open(&options, &host, &error), &error);
	coco_host_close(host);
	expect_clean(fake);
}
END_TEST

START_TEST(a_size_that_covers_a_field_by_half_is_refused)
{
	struct coco_image *image = NULL;
	struct coco_page_run run, out;

	COCO_INIT(&run);
	run.size = COCO_PAGE_SIZE;
	run.kind = COCO_PAGE_ZERO;
	expect_ok(coco_image_new(&image, &error), &error);
	for (size_t size = sizeof(run) - 7; size < sizeof(run); size++) {
		run.struct_size = size;
		expect_error(coco_image_add(image, &run, &error), &error, -EINVAL, "struct_size");
	}
	run.struct_size = sizeof(run);
	expect_ok(coco_image_add(image, &run, &error), &error);
	for (size_t size = sizeof(out) - 7; size < sizeof(out); size++) {
		COCO_INIT(&out);
		out.struct_size = size;
		expect_error(coco_image_get_run(image, 0, &out, &error), &error, -EINVAL,
			     "struct_size");
	}
	coco_image_unref(image);
}
END_TEST

START_TEST(the_size_of_each_struct_is_a_multiple_of_8)
{
	ck_assert_uint_eq(sizeof(struct coco_host_options) % 8, 0);
	ck_assert_uint_eq(sizeof(struct coco_tech_info) % 8, 0);
	ck_assert_uint_eq(sizeof(struct coco_page_run) % 8, 0);
	ck_assert_uint_eq(sizeof(struct coco_guest_options) % 8, 0);
	ck_assert_uint_eq(sizeof(struct coco_memory) % 8, 0);
	ck_assert_uint_eq(sizeof(struct coco_guest_info) % 8, 0);
	ck_assert_uint_eq(sizeof(struct coco_exit) % 8, 0);
}
END_TEST

START_TEST(a_run_from_the_future_follows_the_same_rules)
{
	struct coco_image *image = NULL;
	struct newer_run run = {0};

	COCO_INIT(&run.known);
	run.known.size = COCO_PAGE_SIZE;
	run.known.kind = COCO_PAGE_ZERO;
	run.known.struct_size = sizeof(run);
	expect_ok(coco_image_new(&image, &error), &error);
	expect_ok(coco_image_add(image, &run.known, &error), &error);
	run.known.gpa = COCO_PAGE_SIZE;
	run.unknown[63] = 1;
	expect_spoil(&error);
	ck_assert_int_eq(coco_image_add(image, &run.known, &error), -E2BIG);
	ck_assert_uint_eq(coco_image_run_count(image), 1);
	coco_image_unref(image);
}
END_TEST

START_TEST(a_run_without_a_size_is_refused)
{
	struct coco_image *image = NULL;
	struct coco_page_run run = {.size = COCO_PAGE_SIZE, .kind = COCO_PAGE_ZERO};

	expect_ok(coco_image_new(&image, &error), &error);
	expect_error(coco_image_add(image, &run, &error), &error, -EINVAL, "struct_size");
	run.struct_size = offsetof(struct coco_page_run, size);
	expect_error(coco_image_add(image, &run, &error), &error, -EINVAL, "struct_size");
	ck_assert_uint_eq(coco_image_run_count(image), 0);
	coco_image_unref(image);
}
END_TEST

START_TEST(results_are_filled_as_far_as_the_size_reaches)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_host_options options = options_for(fake);
	struct coco_host *host = NULL;
	struct coco_tech_info info;

	expect_ok(coco_host_open(&options, &host, &error), &error);
	memset(&info, 0xee, sizeof(info));
	info.struct_size = offsetof(struct coco_tech_info, guest_memfd_shared);
	expect_ok(coco_host_probe(host, COCO_TECH_PLAIN, &info, &error), &error);
	ck_assert_uint_eq(info.launchable, 1);
	ck_assert_uint_eq(info.max_vcpus, 1024);
	ck_assert_uint_eq(info.guest_memfd_shared, 0xeeeeeeee);
	ck_assert_uint_eq(info.private_memory, 0xeeeeeeee);
	ck_assert_uint_eq((uint8_t)info.reason[0], 0xee);
	ck_assert_uint_eq(info.struct_size, offsetof(struct coco_tech_info, guest_memfd_shared));
	coco_host_close(host);
	expect_clean(fake);
}
END_TEST

START_TEST(results_for_a_newer_struct_end_in_zeroes)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_host_options options = options_for(fake);
	struct coco_host *host = NULL;
	struct newer_tech_info info;

	expect_ok(coco_host_open(&options, &host, &error), &error);
	memset(&info, 0xee, sizeof(info));
	info.known.struct_size = sizeof(info);
	expect_ok(coco_host_probe(host, COCO_TECH_PLAIN, &info.known, &error), &error);
	ck_assert_uint_eq(info.known.launchable, 1);
	ck_assert_uint_eq(info.known.struct_size, sizeof(info));
	for (size_t i = 0; i < sizeof(info.unknown); i++)
		ck_assert_uint_eq(info.unknown[i], 0);
	coco_host_close(host);
	expect_clean(fake);
}
END_TEST

START_TEST(results_without_a_size_are_refused)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_host_options options = options_for(fake);
	struct coco_host *host = NULL;
	struct coco_tech_info info = {0};

	expect_ok(coco_host_open(&options, &host, &error), &error);
	expect_error(coco_host_probe(host, COCO_TECH_PLAIN, &info, &error), &error, -EINVAL,
		     "struct_size");
	info.struct_size = sizeof(size_t) - 1;
	expect_error(coco_host_probe(host, COCO_TECH_PLAIN, &info, &error), &error, -EINVAL,
		     "struct_size");
	coco_host_close(host);
	expect_clean(fake);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		init_zeroes_and_writes_the_size,
		options_without_a_size_are_refused,
		a_newer_struct_is_taken_if_what_is_new_is_zero,
		a_newer_struct_is_refused_for_any_byte_that_is_not_known,
		what_lies_behind_the_size_is_not_looked_at,
		fields_behind_an_older_callers_size_count_as_zero,
		a_size_that_covers_a_field_by_half_is_refused,
		the_size_of_each_struct_is_a_multiple_of_8,
		a_run_from_the_future_follows_the_same_rules,
		a_run_without_a_size_is_refused,
		results_are_filled_as_far_as_the_size_reaches,
		results_for_a_newer_struct_end_in_zeroes,
		results_without_a_size_are_refused,
		NULL,
	};

	return expect_run(expect_suite("options", tests));
}
