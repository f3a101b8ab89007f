/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hashes of a direct kernel boot, and their table. */
#include "expect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cocoreset/firmware.h>

static struct coco_error error;
static char folder[64];

/* SHA-256 of nothing, of one NUL, and of "abc" (FIPS 180-2, B.1). */
#define SHA_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA_NUL     "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
#define SHA_ABC     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
/* Of 3000001 zero bytes: the vectors' file i-zero3000001. */
#define SHA_ZEROES "4f3c36cc4ec3bc4ac4c40dfc33a9c5505a31fd01c106a5277fdcc63239a8f34d"

static void expect_hash(const uint8_t *hash, const char *expected)
{
	char text[65];

	for (size_t i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	ck_assert_str_eq(text, expected);
}

static const char *file_of(const char *name, const void *bytes, size_t size)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];
	FILE *file;

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	file = fopen(path, "wb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
	ck_assert_int_eq(fclose(file), 0);
	return path;
}

START_TEST(what_is_not_given_is_hashed_as_nothing)
{
	struct coco_kernel_hashes hashes;
	const char *kernel = file_of("kernel", "abc", 3);

	expect_ok(coco_kernel_hashes_from_files(kernel, NULL, NULL, &hashes, &error), &error);
	expect_hash(hashes.kernel, SHA_ABC);
	expect_hash(hashes.initrd, SHA_NOTHING);
	expect_hash(hashes.cmdline, SHA_NUL);
	expect_ok(coco_kernel_hashes_from_files(kernel, NULL, "", &hashes, &error), &error);
	expect_hash(hashes.cmdline, SHA_NUL);
}
END_TEST

START_TEST(the_command_line_is_taken_byte_for_byte)
{
	struct coco_kernel_hashes hashes, spaced;
	const char *kernel = file_of("kernel", "abc", 3);
	const char *text = file_of("text", " ro", 4);

	/* A file with the same bytes has the same hash. */
	expect_ok(coco_kernel_hashes_from_files(text, kernel, " ro", &spaced, &error), &error);
	ck_assert_mem_eq(spaced.cmdline, spaced.kernel, 32);
	expect_hash(spaced.initrd, SHA_ABC);
	expect_ok(coco_kernel_hashes_from_files(kernel, NULL, "ro", &hashes, &error), &error);
	ck_assert_mem_ne(hashes.cmdline, spaced.cmdline, 32);
}
END_TEST

START_TEST(files_of_all_sizes_are_hashed_whole)
{
	const size_t size = 3000001;
	uint8_t *zeroes = calloc(1, size);
	struct coco_kernel_hashes hashes;
	const char *kernel;

	ck_assert_ptr_nonnull(zeroes);
	kernel = file_of("kernel", zeroes, size);
	expect_ok(coco_kernel_hashes_from_files(kernel, kernel, NULL, &hashes, &error), &error);
	expect_hash(hashes.kernel, SHA_ZEROES);
	expect_hash(hashes.initrd, SHA_ZEROES);
	/* A whole number of the reader's buffers. */
	kernel = file_of("kernel", zeroes, 65536);
	expect_ok(coco_kernel_hashes_from_files(kernel, NULL, NULL, &hashes, &error), &error);
	expect_hash(hashes.kernel,
		    "de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31");
	kernel = file_of("kernel", zeroes, 0);
	expect_ok(coco_kernel_hashes_from_files(kernel, NULL, NULL, &hashes, &error), &error);
	expect_hash(hashes.kernel, SHA_NOTHING);
	free(zeroes);
}
END_TEST

START_TEST(files_must_be_there_and_regular)
{
	struct coco_kernel_hashes hashes = {{1}, {2}, {3}}, before = hashes;
	const char *kernel = file_of("kernel", "abc", 3);
	char fifo[128];

	expect_error(coco_kernel_hashes_from_files("/nowhere", NULL, NULL, &hashes, &error), &error,
		     -ENOENT, "");
	expect_text(&error, "the kernel /nowhere");
	expect_error(coco_kernel_hashes_from_files(kernel, "/nowhere", NULL, &hashes, &error),
		     &error, -ENOENT, "");
	expect_text(&error, "the initrd /nowhere");
	expect_error(coco_kernel_hashes_from_files(folder, NULL, NULL, &hashes, &error), &error,
		     -EINVAL, "kernel");
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	expect_error(coco_kernel_hashes_from_files(kernel, fifo, NULL, &hashes, &error), &error,
		     -EINVAL, "initrd");
	unlink(fifo);
	expect_error(coco_kernel_hashes_from_files(NULL, NULL, NULL, &hashes, &error), &error,
		     -EINVAL, "kernel");
	expect_error(coco_kernel_hashes_from_files(kernel, NULL, NULL, NULL, &error), &error,
		     -EINVAL, "out");
	ck_assert_mem_eq(&hashes, &before, sizeof(hashes));
}
END_TEST

START_TEST(the_table_has_the_layout_that_firmware_expects)
{
	/* GUIDs as they are stored, and where. */
	static const struct {
		size_t offset;
		uint8_t bytes[18];
	} fields[] = {
		{0,
		 {0x06, 0xd6, 0x38, 0x94, 0x22, 0x4f, 0xc9, 0x4c, 0xb4, 0x79, 0xa7, 0x93, 0xd4,
		  0x11, 0xfd, 0x21, 168, 0}},
		{18,
		 {0xd8, 0x2d, 0xd0, 0x97, 0x20, 0xbd, 0x94, 0x4c, 0xaa, 0x78, 0xe7, 0x71, 0x4d,
		  0x36, 0xab, 0x2a, 50, 0}},
		{68,
		 {0x31, 0xf7, 0xba, 0x44, 0x2f, 0x3a, 0xd7, 0x4b, 0x9a, 0xf1, 0x41, 0xe2, 0x91,
		  0x69, 0x78, 0x1d, 50, 0}},
		{118,
		 {0x37, 0x94, 0xe7, 0x4d, 0xd2, 0xab, 0x7f, 0x42, 0xb8, 0x35, 0xd5, 0xb1, 0x72,
		  0xd2, 0x04, 0x5b, 50, 0}},
	};
	struct coco_kernel_hashes hashes;
	uint8_t table[COCO_KERNEL_HASHES_TABLE_SIZE + 1];

	memset(hashes.cmdline, 1, 32);
	memset(hashes.initrd, 2, 32);
	memset(hashes.kernel, 3, 32);
	memset(table, 0xee, sizeof(table));
	expect_ok(coco_kernel_hashes_table(&hashes, table, &error), &error);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		ck_assert_mem_eq(table + fields[i].offset, fields[i].bytes, 18);
	ck_assert_mem_eq(table + 36, hashes.cmdline, 32);
	ck_assert_mem_eq(table + 86, hashes.initrd, 32);
	ck_assert_mem_eq(table + 136, hashes.kernel, 32);
	ck_assert_mem_eq(table + 168, "\0\0\0\0\0\0\0", 8);
	ck_assert_uint_eq(table[176], 0xee);
	expect_error(coco_kernel_hashes_table(NULL, table, &error), &error, -EINVAL, "hashes");
	expect_error(coco_kernel_hashes_table(&hashes, NULL, &error), &error, -EINVAL, "table");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_is_not_given_is_hashed_as_nothing,
		the_command_line_is_taken_byte_for_byte,
		files_of_all_sizes_are_hashed_whole,
		files_must_be_there_and_regular,
		the_table_has_the_layout_that_firmware_expects,
		NULL,
	};
	int result;

	snprintf(folder, sizeof(folder), "/tmp/hashesXXXXXX");
	if (!mkdtemp(folder))
		return 1;
	result = expect_run(expect_suite("firmware hashes", tests));
	if (result == 0) {
		char path[128];

		snprintf(path, sizeof(path), "%s/kernel", folder);
		unlink(path);
		snprintf(path, sizeof(path), "%s/text", folder);
		unlink(path);
		rmdir(folder);
	}
	return result;
}
