/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "vectors.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static uint8_t *inflate_text(const char *text, size_t size)
{
	const size_t length = strlen(text);
	/* libcrypto decodes whole groups of three. */
	uint8_t *packed = malloc(length + 3), *bytes = malloc(size + 1);
	uLongf done = size;
	int packed_size;

	ck_assert(packed && bytes);
	packed_size = EVP_DecodeBlock(packed, (const uint8_t *)text, (int)length);
	ck_assert_int_ge(packed_size, 0);
	/* Zero bytes behind the end, from base64's padding, are not looked at. */
	ck_assert_int_eq(uncompress(bytes, &done, packed, (uLong)packed_size), Z_OK);
	ck_assert_uint_eq(done, size);
	free(packed);
	return bytes;
}

static uint8_t *read_packed(const char *name, size_t size)
{
	const char *folder = getenv("COCO_VECTOR_FILES");
	uint8_t *bytes;
	char path[1024];
	gzFile file;

	if (!folder || !*folder)
		return NULL;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = gzopen(path, "rb");
	if (!file)
		return NULL;
	bytes = malloc(size + 1);
	ck_assert_ptr_nonnull(bytes);
	ck_assert_int_eq(gzread(file, bytes, (unsigned)size + 1), (int)size);
	gzclose(file);
	return bytes;
}

uint8_t *vectors_packed(struct json_object *object, size_t *size)
{
	const char *text = vectors_text(object, "zb64");
	uint8_t *bytes;

	*size = vectors_number(object, "size");
	bytes = text ? inflate_text(text, *size) : read_packed(vectors_text(object, "file"), *size);
	if (bytes && vectors_text(object, "sha256"))
		vectors_expect_sha256(bytes, *size, vectors_text(object, "sha256"));
	return bytes;
}
