/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <cocoreset/id_block.h>

#include "base/error.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

int coco_base64_encode(const void *bytes, size_t size, char *out, size_t out_size,
		       struct coco_error *error)
{
	if (!bytes || !size || size > INT_MAX / 2)
		return coco_fail_field(error, -EINVAL, bytes ? "size" : "bytes",
				       "there are no bytes, or too many");
	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	if (out_size < COCO_BASE64_SIZE(size))
		return coco_fail_field(error, -ENOSPC, "out_size",
				       "%zu bytes of base64 are needed, %zu are there",
				       COCO_BASE64_SIZE(size), out_size);
	EVP_EncodeBlock((unsigned char *)out, bytes, (int)size);
	return 0;
}

/* The length without white space at the end. */
static size_t trimmed_length(const char *text)
{
	size_t length = strlen(text);

	while (length && strchr(" \t\r\n", text[length - 1]))
		length--;
	return length;
}

static bool well_formed(const char *text, size_t length, size_t padding)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	/* libcrypto also takes white space and "=" where there should be none. */
	return strspn(text, alphabet) == length - padding &&
	       strspn(text + length - padding, "=") == padding;
}

int coco_base64_decode(const char *text, void *out, size_t size, struct coco_error *error)
{
	const size_t padding = (3 - size % 3) % 3;
	unsigned char *bytes;
	char *again;
	size_t length;
	int r = 0;

	if (!text || !out || !size || size > INT_MAX / 2)
		return coco_fail_field(error, -EINVAL,
				       !text  ? "text"
				       : !out ? "out"
					      : "size",
				       "nothing to read, or nowhere to put it");
	length = trimmed_length(text);
	if (length + 1 != COCO_BASE64_SIZE(size) || !well_formed(text, length, padding))
		return coco_fail_field(error, -EBADMSG, "text", "this is not base64 of %zu bytes",
				       size);
	bytes = malloc(size + padding);
	again = malloc(length + 1);
	if (!bytes || !again)
		r = coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	else if (EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length) !=
		 (int)(size + padding))
		r = coco_fail_field(error, -EBADMSG, "text", "this is not base64");
	else if (EVP_EncodeBlock((unsigned char *)again, bytes, (int)size) != (int)length ||
		 memcmp(again, text, length) != 0)
		r = coco_fail_field(error, -EBADMSG, "text",
				    "the base64 has bits set behind its last byte");
	else
		memcpy(out, bytes, size);
	free(again);
	free(bytes);
	return r;
}
