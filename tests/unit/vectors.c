/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "vectors.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FIRMWARE 0x1000000u

struct json_object *vectors_load_of(const char *name, const char *array)
{
	char path[512];
	struct json_object *file;

	snprintf(path, sizeof(path), "%s/%s", COCO_VECTORS, name);
	file = json_object_from_file(path);
	/* Before the first check runs, Check takes no assertions. */
	if (!file || !vectors_get(file, array)) {
		fprintf(stderr, "%s: no vectors (%s)\n", path, json_util_get_last_err());
		exit(EXIT_FAILURE);
	}
	return file;
}

struct json_object *vectors_load(const char *name)
{
	return vectors_load_of(name, "vectors");
}

struct json_object *vectors_get(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(object, key, &value) ? value : NULL;
}

const char *vectors_text(struct json_object *object, const char *key)
{
	struct json_object *value = vectors_get(object, key);

	return value ? json_object_get_string(value) : NULL;
}

uint64_t vectors_number(struct json_object *object, const char *key)
{
	const char *text = vectors_text(object, key);

	return text ? strtoull(text, NULL, 0) : 0;
}

void vectors_hex(struct json_object *object, const char *key, void *out, size_t size)
{
	const char *text = vectors_text(object, key);

	ck_assert_msg(text && strlen(text) == 2 * size, "%s has not got %zu bytes", key, size);
	ck_assert_uint_eq(strspn(text, "0123456789abcdef"), 2 * size);
	for (size_t i = 0; i < size; i++) {
		const char digits[] = {text[2 * i], text[2 * i + 1], 0};

		((uint8_t *)out)[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
}

void vectors_expect_hex(const char *what, const void *bytes, size_t size, const char *expected)
{
	char text[2 * 4096 + 1];

	ck_assert_uint_lt(size, sizeof(text) / 2);
	for (size_t i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", ((const uint8_t *)bytes)[i]);
	ck_assert_msg(strcmp(text, expected) == 0, "%s\n       is %s\n expected %s", what, text,
		      expected);
}

static bool sha256_is(const void *bytes, size_t size, const char *expected, char text[65])
{
	uint8_t digest[32];

	if (!EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL))
		abort();
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return strcmp(text, expected) == 0;
}

void vectors_expect_sha256(const void *bytes, size_t size, const char *expected)
{
	char text[65];

	ck_assert_msg(sha256_is(bytes, size, expected, text), "SHA-256 is %s, expected %s", text,
		      expected);
}

static uint8_t *synthesize(struct json_object *firmware, size_t *size)
{
	const char *tail = vectors_text(firmware, "tail_base64");
	const size_t tail_size = vectors_number(firmware, "tail_length");
	/* libcrypto decodes whole groups of three. */
	uint8_t *bytes;

	*size = vectors_number(firmware, "size");
	bytes = malloc(*size + 3);
	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < *size - tail_size; i++)
		bytes[i] = (uint8_t)(i * 31 + (i >> 12) * 7);
	ck_assert_int_ge(EVP_DecodeBlock(bytes + *size - tail_size, (const uint8_t *)tail,
					 (int)strlen(tail)),
			 (int)tail_size);
	vectors_expect_sha256(bytes, *size, vectors_text(firmware, "sha256"));
	return bytes;
}

static bool has_ending(const char *name, const char *ending)
{
	const size_t length = strlen(name), ending_length = strlen(ending);

	return length > ending_length && strcmp(name + length - ending_length, ending) == 0;
}

static FILE *open_file(const char *folder, const char *name, bool packed)
{
	char text[1100];

	snprintf(text, sizeof(text), packed ? "exec xz -dc '%s/%s'" : "%s/%s", folder, name);
	if (!packed)
		return fopen(text, "rb");
	return popen(text, "r"); /* NOLINT(cert-env33-c): whoever runs the test names the folder */
}

static uint8_t *read_file(const char *folder, const char *name, size_t *size)
{
	const bool packed = has_ending(name, ".fd.xz");
	FILE *file = open_file(folder, name, packed);
	uint8_t *bytes = malloc(MAX_FIRMWARE);

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(bytes);
	*size = fread(bytes, 1, MAX_FIRMWARE, file);
	if (packed)
		pclose(file);
	else
		fclose(file);
	return bytes;
}

static uint8_t *find(const char *folder, const char *sha256, size_t *size)
{
	DIR *entries = opendir(folder);
	const struct dirent *entry;
	uint8_t *found = NULL;

	ck_assert_msg(entries != NULL, "COCO_VECTOR_FIRMWARE: no folder %s", folder);
	while (!found && (entry = readdir(entries)) != NULL) {
		char text[65];

		if (!has_ending(entry->d_name, ".fd") && !has_ending(entry->d_name, ".fd.xz"))
			continue;
		found = read_file(folder, entry->d_name, size);
		if (!sha256_is(found, *size, sha256, text)) {
			free(found);
			found = NULL;
		}
	}
	closedir(entries);
	return found;
}

uint8_t *vectors_firmware(struct json_object *file, const char *name, size_t *size)
{
	struct json_object *firmware = vectors_get(vectors_get(file, "firmware"), name);
	const char *folder = getenv("COCO_VECTOR_FIRMWARE");

	ck_assert_msg(firmware != NULL, "the vectors do not tell what firmware %s is", name);
	if (strcmp(vectors_text(firmware, "source"), "synthetic") == 0)
		return synthesize(firmware, size);
	return folder && *folder ? find(folder, vectors_text(firmware, "sha256"), size) : NULL;
}

static void write_recipe(FILE *file, const char *recipe)
{
	static const char sequence[] = "seq 1 ", zeroes[] = "head -c ";

	if (strncmp(recipe, sequence, strlen(sequence)) == 0) {
		const unsigned long last = strtoul(recipe + strlen(sequence), NULL, 10);

		for (unsigned long i = 1; i <= last; i++)
			fprintf(file, "%lu\n", i);
	} else if (strncmp(recipe, zeroes, strlen(zeroes)) == 0) {
		unsigned long count = strtoul(recipe + strlen(zeroes), NULL, 10);

		while (count--)
			fputc(0, file);
	} else {
		ck_abort_msg("no such recipe: %s", recipe);
	}
}

char *vectors_make_file(struct json_object *file, const char *name)
{
	struct json_object *entry;
	char path[] = "/tmp/coco-vector-XXXXXX";
	FILE *out;
	int fd;

	if (!name)
		return NULL;
	entry = vectors_get(vectors_get(file, "files"), name);
	ck_assert_msg(entry != NULL, "the vectors do not tell what %s is", name);
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	out = fdopen(fd, "wb");
	ck_assert_ptr_nonnull(out);
	write_recipe(out, vectors_text(entry, "recipe"));
	ck_assert_int_eq(ftell(out), (long)vectors_number(entry, "size"));
	ck_assert_int_eq(fclose(out), 0);
	return strdup(path);
}

void vectors_remove_file(char *path)
{
	if (path)
		unlink(path);
	free(path);
}

struct json_object *vectors_at(struct json_object *file, int index)
{
	return json_object_array_get_idx(vectors_get(file, "vectors"), (size_t)index);
}

Suite *vectors_suite(const char *name, struct json_object *file, TFun check)
{
	return vectors_suite_of(name, file, "vectors", "id", check);
}

Suite *vectors_suite_of(const char *name, struct json_object *file, const char *array,
			const char *id, TFun check)
{
	struct json_object *vectors = vectors_get(file, array);
	const size_t count = json_object_array_length(vectors);
	/* Check keeps pointers to these until the program ends; a leak checker must see them. */
	static TTest *kept[8];
	static unsigned suites;
	TTest *tests = calloc(count, sizeof(*tests));
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);

	if (!tests || !count || suites == sizeof(kept) / sizeof(*kept))
		abort();
	kept[suites++] = tests;
	for (size_t i = 0; i < count; i++) {
		tests[i].name = vectors_text(json_object_array_get_idx(vectors, i), id);
		tests[i].fn = check;
		tests[i].file = __FILE__;
		tests[i].line = __LINE__;
		tcase_add_loop_test(tcase, &tests[i], (int)i, (int)i + 1);
	}
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return suite;
}

void vectors_skip(struct json_object *file, int index)
{
	struct json_object *vector = vectors_at(file, index);
	struct json_object *firmware =
		vectors_get(vectors_get(file, "firmware"), vectors_text(vector, "firmware"));

	printf("skipped: %s, for want of %s %s (sha256 %s)\n", vectors_text(vector, "id"),
	       vectors_text(firmware, "package"), vectors_text(firmware, "version"),
	       vectors_text(firmware, "sha256"));
}
