/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Verifies an ID block like the firmware and prints the keys' digests.
 * usage: tools_verify BLOCK-IN-BASE64 AUTHENTICATION-PAGE-IN-BASE64 0|1
 * The last is whether the launch enables the author key.
 */
#include <cocoreset/cocoreset.h>
#include <stdio.h>
#include <string.h>

static void print_hex(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		printf("%02x", bytes[i]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	uint8_t block[COCO_ID_BLOCK_SIZE], auth[COCO_ID_AUTH_SIZE];
	struct coco_id_keys keys;
	struct coco_error error;
	int r;

	if (argc != 4)
		return 2;
	COCO_INIT(&keys);
	r = coco_base64_decode(argv[1], block, sizeof(block), &error);
	if (!r)
		r = coco_base64_decode(argv[2], auth, sizeof(auth), &error);
	if (!r)
		r = coco_id_block_verify(block, auth, argv[3][0] == '1', &keys, &error);
	if (r) {
		fprintf(stderr, "%s: %s\n", error.field, error.text);
		return 1;
	}
	print_hex(keys.id_key_digest, sizeof(keys.id_key_digest));
	print_hex(keys.author_key_digest, sizeof(keys.author_key_digest));
	return 0;
}
