/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Do keys, ID blocks and base64 text from anywhere do more than be refused? The first byte of the
 * input says which of them the rest is.
 */
#include <assert.h>
#include <cocoreset/id_block.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_key(const uint8_t *data, size_t size)
{
	uint8_t digest[COCO_ID_KEY_DIGEST_SIZE];
	struct coco_id_key *key;

	if (coco_id_key_from_pem(data, size, &key, NULL))
		return;
	assert(!coco_id_key_digest(key, digest, NULL));
	coco_id_key_free(key);
}

/* An accepted block is built again from what was read of it. */
static void try_block(const uint8_t *data, size_t size)
{
	uint8_t bytes[COCO_ID_BLOCK_SIZE] = {0}, again[COCO_ID_BLOCK_SIZE];
	uint8_t auth[COCO_ID_AUTH_SIZE] = {0};
	struct coco_id_block block;
	struct coco_id_keys keys;

	memcpy(bytes, data, size < sizeof(bytes) ? size : sizeof(bytes));
	if (size > sizeof(bytes))
		memcpy(auth, data + sizeof(bytes),
		       size - sizeof(bytes) < sizeof(auth) ? size - sizeof(bytes) : sizeof(auth));
	COCO_INIT(&block);
	/* 0 is how the default policy is asked for when a block is built. */
	if (!coco_id_block_parse(bytes, &block, NULL) && block.policy) {
		assert(!coco_id_block_build(&block, again, NULL));
		assert(!memcmp(bytes, again, sizeof(bytes)));
	}
	COCO_INIT(&keys);
	/* Nobody guesses a signature. */
	assert(coco_id_block_verify(bytes, auth, 0, &keys, NULL));
	assert(coco_id_block_verify(bytes, auth, 1, &keys, NULL));
}

/* What decodes is, encoded, the same text but for the white space. */
static void try_base64(const uint8_t *data, size_t size)
{
	char text[64], again[64];
	uint8_t bytes[24];

	size = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t n = 1; n <= sizeof(bytes); n++) {
		if (coco_base64_decode(text, bytes, n, NULL))
			continue;
		assert(!coco_base64_encode(bytes, n, again, sizeof(again), NULL));
		assert(!strncmp(text, again, strlen(again)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (data[0] % 3) {
	case 0:
		try_key(data + 1, size - 1);
		break;
	case 1:
		try_block(data + 1, size - 1);
		break;
	default:
		try_base64(data + 1, size - 1);
		break;
	}
	return 0;
}
