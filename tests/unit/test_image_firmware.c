/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Does raw firmware of any size, from memory or from a file, end at 4 GiB or fail by name? */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expect.h"

#define FOUR_GIB (1ull << 32)
#define MIB      (1ull << 20)

static struct coco_error error;

static struct coco_image *new_image(void)
{
	struct coco_image *image = NULL;

	expect_ok(coco_image_new(&image, &error), &error);
	return image;
}

/* A file of that size, sparse but for its first and last byte, which the caller unlinks. */
static void make_file(char path[32], off_t size)
{
	int fd;

	snprintf(path, 32, "/tmp/firmwareXXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, size), 0);
	if (size > 0) {
		ck_assert_int_eq(pwrite(fd, "\x5a", 1, 0), 1);
		ck_assert_int_eq(pwrite(fd, "\xa5", 1, size - 1), 1);
	}
	ck_assert_int_eq(close(fd), 0);
}

static void expect_ends_at_4_gib(const struct coco_image *image, uint64_t size)
{
	struct coco_page_run run;
	const uint8_t *bytes;

	COCO_INIT(&run);
	ck_assert_uint_eq(coco_image_run_count(image), 1);
	expect_ok(coco_image_get_run(image, 0, &run, &error), &error);
	ck_assert_uint_eq(run.gpa, FOUR_GIB - size);
	ck_assert_uint_eq(run.size, size);
	ck_assert_uint_eq(run.kind, COCO_PAGE_DATA);
	ck_assert_uint_eq(run.flags, 0);
	bytes = run.bytes;
	ck_assert_uint_eq(bytes[0], 0x5a);
	ck_assert_uint_eq(bytes[size - 1], 0xa5);
}

static const uint64_t good_sizes[] = {4096, 2 * 4096, MIB, 4 * MIB - 4096, 16 * MIB};

START_TEST(firmware_from_memory_ends_at_4_gib)
{
	uint8_t *bytes = calloc(1, 16 * MIB);

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < sizeof(good_sizes) / sizeof(good_sizes[0]); i++) {
		struct coco_image *image = new_image();
		uint64_t size = good_sizes[i];

		bytes[0] = 0x5a;
		bytes[size - 1] = 0xa5;
		expect_ok(coco_image_add_firmware(image, bytes, size, &error), &error);
		memset(bytes, 0, size);
		expect_ends_at_4_gib(image, size);
		coco_image_unref(image);
	}
	free(bytes);
}
END_TEST

START_TEST(firmware_from_a_file_ends_at_4_gib)
{
	for (size_t i = 0; i < sizeof(good_sizes) / sizeof(good_sizes[0]); i++) {
		struct coco_image *image = new_image();
		char path[32];

		make_file(path, (off_t)good_sizes[i]);
		expect_ok(coco_image_add_firmware_file(image, path, &error), &error);
		/* Read once: the file is not needed any more. */
		ck_assert_int_eq(truncate(path, 0), 0);
		ck_assert_int_eq(unlink(path), 0);
		expect_ends_at_4_gib(image, good_sizes[i]);
		coco_image_unref(image);
	}
}
END_TEST

static const struct {
	uint64_t size;
	int code;
} bad_sizes[] = {
	{0, -EINVAL},
	{1, -EINVAL},
	{4095, -EINVAL},
	{4097, -EINVAL},
	{16 * MIB + 4096, -EFBIG},
	{16 * MIB + 1, -EFBIG},
	{FOUR_GIB, -EFBIG},
	{5 * 1024 * MIB, -EFBIG},
};

START_TEST(firmware_of_a_bad_size_is_refused)
{
	struct coco_image *image = new_image();
	uint8_t byte = 0;

	/* The size decides before a byte is read: there is only one here. */
	for (size_t i = 0; i < sizeof(bad_sizes) / sizeof(bad_sizes[0]); i++)
		expect_error(coco_image_add_firmware(image, &byte, bad_sizes[i].size, &error),
			     &error, bad_sizes[i].code, "size");
	ck_assert_uint_eq(coco_image_run_count(image), 0);
	coco_image_unref(image);
}
END_TEST

START_TEST(a_file_of_a_bad_size_is_refused)
{
	struct coco_image *image = new_image();

	for (size_t i = 0; i < sizeof(bad_sizes) / sizeof(bad_sizes[0]); i++) {
		char path[32];

		make_file(path, (off_t)bad_sizes[i].size);
		expect_error(coco_image_add_firmware_file(image, path, &error), &error,
			     bad_sizes[i].code, "size");
		ck_assert_int_eq(unlink(path), 0);
	}
	ck_assert_uint_eq(coco_image_run_count(image), 0);
	coco_image_unref(image);
}
END_TEST

START_TEST(only_a_regular_file_is_firmware)
{
	struct coco_image *image = new_image();
	char fifo[32];

	expect_error(coco_image_add_firmware_file(image, "/tmp", &error), &error, -EINVAL, "path");
	expect_error(coco_image_add_firmware_file(image, "/dev/zero", &error), &error, -EINVAL,
		     "path");
	make_file(fifo, 0);
	ck_assert_int_eq(unlink(fifo), 0);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	/* Nobody ever writes to it: the call has to come back all the same. */
	expect_error(coco_image_add_firmware_file(image, fifo, &error), &error, -EINVAL, "path");
	ck_assert_int_eq(unlink(fifo), 0);
	ck_assert_uint_eq(coco_image_run_count(image), 0);
	coco_image_unref(image);
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_is_named)
{
	struct coco_image *image = new_image();

	expect_call_error(coco_image_add_firmware_file(image, "/tmp/no/such.fd", &error), &error,
			  -ENOENT, "open");
	expect_text(&error, "/tmp/no/such.fd");
	expect_call_error(coco_image_add_firmware_file(image, "/dev/null/x", &error), &error,
			  -ENOTDIR, "open");
	expect_error(coco_image_add_firmware_file(image, NULL, &error), &error, -EINVAL, "path");
	coco_image_unref(image);
}
END_TEST

START_TEST(no_descriptor_is_left_open)
{
	struct coco_image *image = new_image();
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC), after;
	char path[32];

	ck_assert_int_ge(before, 0);
	ck_assert_int_eq(close(before), 0);
	make_file(path, 4096);
	expect_ok(coco_image_add_firmware_file(image, path, &error), &error);
	/* The same again overlaps, a folder and a bad size fail earlier. */
	expect_error(coco_image_add_firmware_file(image, path, &error), &error, -EEXIST, "gpa");
	expect_error(coco_image_add_firmware_file(image, "/tmp", &error), &error, -EINVAL, "path");
	ck_assert_int_eq(truncate(path, 1), 0);
	expect_error(coco_image_add_firmware_file(image, path, &error), &error, -EINVAL, "size");
	ck_assert_int_eq(unlink(path), 0);
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(after, before);
	ck_assert_int_eq(close(after), 0);
	coco_image_unref(image);
}
END_TEST

START_TEST(firmware_overlaps_other_runs_like_any_run)
{
	struct coco_image *image = new_image();
	uint8_t bytes[8192] = {0};
	struct coco_page_run run;

	COCO_INIT(&run);
	run.gpa = FOUR_GIB - 8192;
	run.size = 4096;
	run.kind = COCO_PAGE_ZERO;
	expect_ok(coco_image_add(image, &run, &error), &error);
	expect_error(coco_image_add_firmware(image, bytes, 8192, &error), &error, -EEXIST, "gpa");
	expect_ok(coco_image_add_firmware(image, bytes, 4096, &error), &error);
	expect_error(coco_image_add_firmware(image, bytes, 4096, &error), &error, -EEXIST, "gpa");
	ck_assert_uint_eq(coco_image_run_count(image), 2);
	coco_image_unref(image);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		firmware_from_memory_ends_at_4_gib,
		firmware_from_a_file_ends_at_4_gib,
		firmware_of_a_bad_size_is_refused,
		a_file_of_a_bad_size_is_refused,
		only_a_regular_file_is_firmware,
		a_file_that_cannot_be_opened_is_named,
		no_descriptor_is_left_open,
		firmware_overlaps_other_runs_like_any_run,
		NULL,
	};

	return expect_run(expect_suite("image firmware", tests));
}
