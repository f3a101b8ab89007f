/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Does an image refuse what image.h says it refuses, keep its runs, and stay as it was used? */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "expect.h"

#define PAGE  ((uint64_t)COCO_PAGE_SIZE)
#define LIMIT (1ull << 52)

static struct coco_error error;
static uint8_t pages[4 * COCO_PAGE_SIZE];

static struct coco_image *new_image(void)
{
	struct coco_image *image = NULL;

	expect_ok(coco_image_new(&image, &error), &error);
	ck_assert_ptr_nonnull(image);
	ck_assert_uint_eq(coco_image_run_count(image), 0);
	return image;
}

static struct coco_page_run zeroes(uint64_t gpa, uint64_t size)
{
	struct coco_page_run run;

	COCO_INIT(&run);
	run.gpa = gpa;
	run.size = size;
	run.kind = COCO_PAGE_ZERO;
	return run;
}

static struct coco_page_run data(uint64_t gpa, uint64_t size, const void *bytes)
{
	struct coco_page_run run = zeroes(gpa, size);

	run.kind = COCO_PAGE_DATA;
	run.bytes = bytes;
	return run;
}

struct bad_run {
	const char *blamed;
	struct coco_page_run run;
};

START_TEST(a_bad_run_is_refused_by_the_name_of_its_field)
{
	struct coco_image *image = new_image();
	const struct bad_run bad[] = {
		{"size", zeroes(0, 0)},
		{"size", zeroes(0, 1)},
		{"size", zeroes(0, PAGE - 1)},
		{"size", zeroes(0, PAGE + 1)},
		{"gpa", zeroes(1, PAGE)},
		{"gpa", zeroes(PAGE - 1, PAGE)},
		{"gpa", zeroes(LIMIT + 1, PAGE)},
		/* Ends beyond 2^52, or wraps. */
		{"size", zeroes(LIMIT - PAGE, 2 * PAGE)},
		{"size", zeroes(LIMIT, PAGE)},
		{"size", zeroes(0, LIMIT + PAGE)},
		{"size", zeroes(UINT64_MAX - PAGE + 1, PAGE)},
		{"size", zeroes(UINT64_MAX - PAGE + 1, 2 * PAGE)},
		{"size", zeroes(2 * PAGE, UINT64_MAX - PAGE + 1)},
		{"size", zeroes(PAGE, UINT64_MAX - PAGE + 1)},
		{"bytes", data(0, PAGE, NULL)},
	};
	struct coco_page_run run;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_error(coco_image_add(image, &bad[i].run, &error), &error, -EINVAL,
			     bad[i].blamed);
	run = zeroes(0, PAGE);
	run.bytes = pages;
	expect_error(coco_image_add(image, &run, &error), &error, -EINVAL, "bytes");
	ck_assert_uint_eq(coco_image_run_count(image), 0);
	coco_image_unref(image);
}
END_TEST

START_TEST(unknown_kinds_and_flags_are_refused)
{
	struct coco_image *image = new_image();
	const uint32_t kinds[] = {0, COCO_PAGE_PART + 1, 0x101, UINT32_MAX};
	struct coco_page_run run = zeroes(0, PAGE);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		run.kind = kinds[i];
		expect_error(coco_image_add(image, &run, &error), &error, -EINVAL, "kind");
	}
	run.kind = COCO_PAGE_ZERO;
	for (unsigned bit = 1; bit < 32; bit++) {
		run.flags = COCO_RUN_UNMEASURED | 1u << bit;
		expect_error(coco_image_add(image, &run, &error), &error, -EINVAL, "flags");
	}
	ck_assert_uint_eq(coco_image_run_count(image), 0);
	coco_image_unref(image);
}
END_TEST

START_TEST(the_last_page_below_2_to_the_52_is_taken)
{
	struct coco_image *image = new_image();
	struct coco_page_run run = zeroes(LIMIT - PAGE, PAGE);

	expect_ok(coco_image_add(image, &run, &error), &error);
	ck_assert_uint_eq(coco_image_run_count(image), 1);
	coco_image_unref(image);
}
END_TEST

START_TEST(a_run_comes_back_as_it_was_given)
{
	struct coco_image *image = new_image();
	struct coco_page_run run = data(0x7000, 2 * PAGE, pages), out;

	for (size_t i = 0; i < sizeof(pages); i++)
		pages[i] = (uint8_t)(i * 7 + i / 256);
	run.flags = COCO_RUN_UNMEASURED;
	expect_ok(coco_image_add(image, &run, &error), &error);
	COCO_INIT(&out);
	expect_ok(coco_image_get_run(image, 0, &out, &error), &error);
	ck_assert_uint_eq(out.struct_size, sizeof(out));
	ck_assert_uint_eq(out.gpa, 0x7000);
	ck_assert_uint_eq(out.size, 2 * PAGE);
	ck_assert_uint_eq(out.kind, COCO_PAGE_DATA);
	ck_assert_uint_eq(out.flags, COCO_RUN_UNMEASURED);
	ck_assert_mem_eq(out.bytes, pages, 2 * PAGE);

	run = zeroes(0x1000, PAGE);
	expect_ok(coco_image_add(image, &run, &error), &error);
	expect_ok(coco_image_get_run(image, 1, &out, &error), &error);
	ck_assert_uint_eq(out.gpa, 0x1000);
	ck_assert_uint_eq(out.kind, COCO_PAGE_ZERO);
	ck_assert_uint_eq(out.flags, 0);
	ck_assert_ptr_null(out.bytes);
	coco_image_unref(image);
}
END_TEST

START_TEST(bytes_are_copied_when_the_run_is_added)
{
	struct coco_image *image = new_image();
	uint8_t *bytes = malloc(PAGE);
	const uint8_t *kept;
	struct coco_page_run run, out;

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 0x11, PAGE);
	run = data(0, PAGE, bytes);
	expect_ok(coco_image_add(image, &run, &error), &error);
	memset(bytes, 0x22, PAGE);
	free(bytes);
	COCO_INIT(&out);
	expect_ok(coco_image_get_run(image, 0, &out, &error), &error);
	kept = out.bytes;
	ck_assert_uint_eq(kept[0], 0x11);
	ck_assert_uint_eq(kept[PAGE - 1], 0x11);
	coco_image_unref(image);
}
END_TEST

START_TEST(runs_keep_the_order_they_were_added_in)
{
	struct coco_image *image = new_image();
	const uint64_t order[] = {9, 3, 7, 1, 0, 8, 2, 6, 4, 5, 4095, 10};
	const uint32_t count = sizeof(order) / sizeof(order[0]);

	for (uint32_t i = 0; i < count; i++) {
		struct coco_page_run run = zeroes(order[i] * PAGE, PAGE);

		expect_ok(coco_image_add(image, &run, &error), &error);
	}
	ck_assert_uint_eq(coco_image_run_count(image), count);
	for (uint32_t i = 0; i < count; i++) {
		struct coco_page_run out;

		COCO_INIT(&out);
		expect_ok(coco_image_get_run(image, i, &out, &error), &error);
		ck_assert_uint_eq(out.gpa, order[i] * PAGE);
	}
	coco_image_unref(image);
}
END_TEST

START_TEST(runs_may_touch_but_not_overlap)
{
	struct coco_image *image = new_image();
	const struct coco_page_run first = zeroes(4 * PAGE, 4 * PAGE);
	const struct coco_page_run overlapping[] = {
		zeroes(4 * PAGE, 4 * PAGE), zeroes(4 * PAGE, PAGE),     zeroes(7 * PAGE, PAGE),
		zeroes(5 * PAGE, PAGE),     zeroes(3 * PAGE, 2 * PAGE), zeroes(7 * PAGE, 2 * PAGE),
		zeroes(0, 64 * PAGE),       zeroes(0, LIMIT),
	};
	const struct coco_page_run touching[] = {zeroes(3 * PAGE, PAGE), zeroes(8 * PAGE, PAGE)};

	expect_ok(coco_image_add(image, &first, &error), &error);
	for (size_t i = 0; i < sizeof(overlapping) / sizeof(overlapping[0]); i++)
		expect_error(coco_image_add(image, &overlapping[i], &error), &error, -EEXIST,
			     "gpa");
	ck_assert_uint_eq(coco_image_run_count(image), 1);
	for (size_t i = 0; i < sizeof(touching) / sizeof(touching[0]); i++)
		expect_ok(coco_image_add(image, &touching[i], &error), &error);
	ck_assert_uint_eq(coco_image_run_count(image), 3);
	coco_image_unref(image);
}
END_TEST

START_TEST(there_is_room_for_65536_runs_and_no_more)
{
	struct coco_image *image = new_image();
	struct coco_page_run run, out;

	for (uint64_t i = 0; i < COCO_IMAGE_MAX_RUNS; i++) {
		run = zeroes(2 * i * PAGE, PAGE);
		ck_assert_int_eq(coco_image_add(image, &run, NULL), 0);
	}
	run = zeroes(1ull << 40, PAGE);
	expect_error(coco_image_add(image, &run, &error), &error, -ENOSPC, "image");
	expect_error(coco_image_add_firmware(image, pages, PAGE, &error), &error, -ENOSPC, "image");
	ck_assert_uint_eq(coco_image_run_count(image), COCO_IMAGE_MAX_RUNS);
	COCO_INIT(&out);
	expect_ok(coco_image_get_run(image, COCO_IMAGE_MAX_RUNS - 1, &out, &error), &error);
	ck_assert_uint_eq(out.gpa, 2 * PAGE * (COCO_IMAGE_MAX_RUNS - 1));
	coco_image_unref(image);
}
END_TEST

START_TEST(there_is_no_run_beyond_the_last)
{
	struct coco_image *image = new_image();
	struct coco_page_run run = zeroes(0, PAGE), out;

	COCO_INIT(&out);
	expect_error(coco_image_get_run(image, 0, &out, &error), &error, -EINVAL, "index");
	expect_ok(coco_image_add(image, &run, &error), &error);
	expect_error(coco_image_get_run(image, 1, &out, &error), &error, -EINVAL, "index");
	expect_error(coco_image_get_run(image, UINT32_MAX, &out, &error), &error, -EINVAL, "index");
	ck_assert_uint_eq(out.size, 0);
	out.struct_size = 0;
	expect_error(coco_image_get_run(image, 0, &out, &error), &error, -EINVAL, "struct_size");
	coco_image_unref(image);
}
END_TEST

START_TEST(an_image_lives_as_long_as_its_last_reference)
{
	struct coco_image *image = new_image();
	struct coco_page_run run = data(0, PAGE, pages), out;

	expect_ok(coco_image_add(image, &run, &error), &error);
	ck_assert_ptr_eq(coco_image_ref(image), image);
	coco_image_unref(image);
	/* A sanitizer would tell if this were gone. */
	COCO_INIT(&out);
	expect_ok(coco_image_get_run(image, 0, &out, &error), &error);
	ck_assert_mem_eq(out.bytes, pages, PAGE);
	coco_image_unref(image);
	coco_image_unref(NULL);
}
END_TEST

START_TEST(errors_may_go_to_nobody)
{
	struct coco_image *image = new_image();
	struct coco_page_run run = zeroes(1, PAGE);

	ck_assert_int_eq(coco_image_add(image, &run, NULL), -EINVAL);
	ck_assert_int_eq(coco_image_add_firmware(image, pages, 0, NULL), -EINVAL);
	ck_assert_int_eq(coco_image_add_firmware_file(image, "/nowhere", NULL), -ENOENT);
	ck_assert_int_eq(coco_image_get_run(image, 0, &run, NULL), -EINVAL);
	coco_image_unref(image);
}
END_TEST

static void kick_nobody(void *payload, struct coco_vcpu *vcpu)
{
	(void)payload;
	(void)vcpu;
}

static struct coco_guest *guest_of(struct fake_kvm *fake, struct coco_image *image)
{
	struct coco_host_options host_options;
	struct coco_guest_options options;
	struct coco_host *host = NULL;
	struct coco_guest *guest = NULL;

	COCO_INIT(&host_options);
	host_options.platform = fake_kvm_platform(fake);
	expect_ok(coco_host_open(&host_options, &host, &error), &error);
	COCO_INIT(&options);
	options.tech = COCO_TECH_PLAIN;
	options.vcpus = 1;
	options.image = image;
	options.kick = kick_nobody;
	expect_ok(coco_guest_new(host, &options, &guest, &error), &error);
	coco_host_close(host);
	return guest;
}

static int add_firmware_file(struct coco_image *image)
{
	char path[] = "/tmp/firmwareXXXXXX";
	int fd = mkstemp(path), rc;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, pages, sizeof(pages)), sizeof(pages));
	rc = coco_image_add_firmware_file(image, path, &error);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(unlink(path), 0);
	return rc;
}

START_TEST(an_image_that_a_guest_uses_is_immutable)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_image *image = new_image();
	struct coco_page_run run = zeroes(0, PAGE), more = zeroes(PAGE, PAGE);
	struct coco_guest *guest;

	expect_ok(coco_image_add(image, &run, &error), &error);
	guest = guest_of(fake, image);
	expect_error(coco_image_add(image, &more, &error), &error, -EBUSY, "image");
	expect_error(coco_image_add_firmware(image, pages, PAGE, &error), &error, -EBUSY, "image");
	expect_error(add_firmware_file(image), &error, -EBUSY, "image");
	ck_assert_uint_eq(coco_image_run_count(image), 1);
	coco_guest_free(guest);
	/* Another guest may have taken it meanwhile: it never opens again. */
	expect_error(coco_image_add(image, &more, &error), &error, -EBUSY, "image");
	coco_image_unref(image);
	expect_clean(fake);
}
END_TEST

START_TEST(a_guest_keeps_its_image_alive)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_image *image = new_image();
	struct coco_page_run run = data(0, PAGE, pages);
	struct coco_guest *guest, *second;
	struct coco_memory memory;
	void *address = NULL;

	memset(pages, 0x5a, PAGE);
	expect_ok(coco_image_add(image, &run, &error), &error);
	guest = guest_of(fake, image);
	second = guest_of(fake, image);
	coco_image_unref(image);
	coco_guest_free(guest);
	COCO_INIT(&memory);
	memory.size = PAGE;
	expect_ok(coco_guest_add_memory(second, &memory, &error), &error);
	expect_ok(coco_guest_launch(second, &error), &error);
	expect_ok(coco_guest_host_address(second, 0, PAGE, &address, &error), &error);
	ck_assert_mem_eq(address, pages, PAGE);
	coco_guest_free(second);
	expect_clean(fake);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_bad_run_is_refused_by_the_name_of_its_field,
		unknown_kinds_and_flags_are_refused,
		the_last_page_below_2_to_the_52_is_taken,
		a_run_comes_back_as_it_was_given,
		bytes_are_copied_when_the_run_is_added,
		runs_keep_the_order_they_were_added_in,
		runs_may_touch_but_not_overlap,
		there_is_room_for_65536_runs_and_no_more,
		there_is_no_run_beyond_the_last,
		an_image_lives_as_long_as_its_last_reference,
		errors_may_go_to_nobody,
		an_image_that_a_guest_uses_is_immutable,
		a_guest_keeps_its_image_alive,
		NULL,
	};

	return expect_run(expect_suite("image", tests));
}
