/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ID blocks: layout and key digests by the vectors, signing, verifying, and what is refused. */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <stdlib.h>

#include "vectors.h"

/* Where the authentication page has what (SEV-SNP firmware ABI, 8.18). */
#define ID_SIGNATURE     0x40u
#define ID_KEY           0x240u
#define AUTHOR_SIGNATURE 0x680u
#define KEY_SIZE         0x404u
#define NUMBER_SIZE      72u

static struct coco_error error;
static struct json_object *file;
static uint8_t block[COCO_ID_BLOCK_SIZE], auth[COCO_ID_AUTH_SIZE];

static struct coco_id_key *key_of(struct json_object *vector, const char *field)
{
	const char *pem = vectors_text(vector, field);
	struct coco_id_key *key = NULL;

	if (pem)
		expect_ok(coco_id_key_from_pem(pem, strlen(pem), &key, &error), &error);
	return key;
}

static void build_block(struct json_object *vector)
{
	struct coco_id_block fields;

	COCO_INIT(&fields);
	vectors_hex(vector, "launch_digest", fields.launch_digest, sizeof(fields.launch_digest));
	vectors_hex(vector, "family_id", fields.family_id, sizeof(fields.family_id));
	vectors_hex(vector, "image_id", fields.image_id, sizeof(fields.image_id));
	fields.version = (uint32_t)vectors_number(vector, "version");
	fields.guest_svn = (uint32_t)vectors_number(vector, "guest_svn");
	fields.policy = vectors_number(vector, "policy");
	expect_ok(coco_id_block_build(&fields, block, &error), &error);
}

static void expect_base64(const void *bytes, size_t size, const char *expected)
{
	char text[COCO_BASE64_SIZE(COCO_ID_AUTH_SIZE)];
	uint8_t again[COCO_ID_AUTH_SIZE];

	expect_ok(coco_base64_encode(bytes, size, text, COCO_BASE64_SIZE(size), &error), &error);
	if (expected)
		ck_assert_str_eq(text, expected);
	expect_ok(coco_base64_decode(text, again, size, &error), &error);
	ck_assert_mem_eq(again, bytes, size);
}

static void expect_key_digest(const struct coco_id_key *key, const char *expected)
{
	uint8_t digest[COCO_ID_KEY_DIGEST_SIZE];

	expect_ok(coco_id_key_digest(key, digest, &error), &error);
	vectors_expect_hex("key digest", digest, sizeof(digest), expected);
}

/* Puts the vector's own signature in: number by number, little endian. */
static void put_signature(struct json_object *vector, const char *r, const char *s, size_t at)
{
	const char *const names[] = {r, s};

	for (size_t i = 0; i < 2; i++) {
		uint8_t number[48];

		vectors_hex(vector, names[i], number, sizeof(number));
		for (size_t k = 0; k < sizeof(number); k++)
			auth[at + i * NUMBER_SIZE + k] = number[sizeof(number) - 1 - k];
	}
}

static void expect_verified(struct json_object *vector, bool author)
{
	struct coco_id_keys keys;

	COCO_INIT(&keys);
	expect_ok(coco_id_block_verify(block, auth, author, &keys, &error), &error);
	vectors_expect_hex("ID key", keys.id_key_digest, sizeof(keys.id_key_digest),
			   vectors_text(vector, "id_key_sha384"));
	if (author)
		vectors_expect_hex("author key", keys.author_key_digest,
				   sizeof(keys.author_key_digest),
				   vectors_text(vector, "author_key_sha384"));
}

START_TEST(id_block_vector)
{
	struct json_object *vector = vectors_at(file, _i);
	struct coco_id_key *id_key = key_of(vector, "id_key_pem_sec1");
	struct coco_id_key *same_key = key_of(vector, "id_key_pem_pkcs8");
	struct coco_id_key *author_key = key_of(vector, "author_key_pem_sec1");

	build_block(vector);
	vectors_expect_hex("block", block, sizeof(block), vectors_text(vector, "id_block"));
	expect_base64(block, sizeof(block), vectors_text(vector, "id_block_base64"));
	expect_key_digest(id_key, vectors_text(vector, "id_key_sha384"));
	expect_key_digest(same_key, vectors_text(vector, "id_key_sha384"));
	if (author_key)
		expect_key_digest(author_key, vectors_text(vector, "author_key_sha384"));

	expect_ok(coco_id_block_sign(block, id_key, author_key, auth, &error), &error);
	expect_base64(auth, sizeof(auth), NULL);
	vectors_expect_sha256(auth + ID_KEY, KEY_SIZE, vectors_text(vector, "id_pubkey_sha256"));
	expect_verified(vector, author_key != NULL);

	/* Our signatures are random. With the vector's the pages must be the same. */
	put_signature(vector, "id_block_sig_r", "id_block_sig_s", ID_SIGNATURE);
	if (author_key)
		put_signature(vector, "id_key_sig_r", "id_key_sig_s", AUTHOR_SIGNATURE);
	vectors_expect_sha256(auth, sizeof(auth), vectors_text(vector, "id_auth_sha256"));
	expect_verified(vector, author_key != NULL);

	coco_id_key_free(id_key);
	coco_id_key_free(same_key);
	coco_id_key_free(author_key);
}
END_TEST

START_TEST(known_answers)
{
	struct json_object *answers = vectors_get(file, "known_answers");

	for (size_t i = 0; i < json_object_array_length(answers); i++) {
		struct json_object *answer = json_object_array_get_idx(answers, i);
		struct coco_id_block fields;

		COCO_INIT(&fields);
		vectors_hex(answer, "launch_digest", fields.launch_digest,
			    sizeof(fields.launch_digest));
		expect_ok(coco_id_block_build(&fields, block, &error), &error);
		expect_base64(block, sizeof(block), vectors_text(answer, "id_block_base64"));
	}
}
END_TEST

START_TEST(a_block_is_read_as_it_was_built)
{
	struct coco_id_block in, out;

	COCO_INIT(&in);
	memset(in.launch_digest, 0x11, sizeof(in.launch_digest));
	memset(in.family_id, 0x22, sizeof(in.family_id));
	memset(in.image_id, 0x33, sizeof(in.image_id));
	in.guest_svn = 0xfedcba98;
	in.policy = 0x8000000000030000;
	expect_ok(coco_id_block_build(&in, block, &error), &error);
	COCO_INIT(&out);
	expect_ok(coco_id_block_parse(block, &out, &error), &error);
	in.version = 1;
	ck_assert_mem_eq(&in, &out, sizeof(in));

	in.version = 2;
	expect_error(coco_id_block_build(&in, block, &error), &error, -EINVAL, "version");
	block[80] = 2;
	expect_error(coco_id_block_parse(block, &out, &error), &error, -EBADMSG, "bytes");
	expect_error(coco_id_block_parse(NULL, &out, &error), &error, -EINVAL, "bytes");
	expect_error(coco_id_block_build(NULL, block, &error), &error, -EINVAL, "block");
	expect_error(coco_id_block_build(&in, NULL, &error), &error, -EINVAL, "out");
}
END_TEST

static void sign_first(bool author)
{
	struct json_object *vector = vectors_at(file, 0);
	struct coco_id_key *id_key = key_of(vector, "id_key_pem_sec1");
	struct coco_id_key *author_key = author ? key_of(vector, "author_key_pem_sec1") : NULL;

	build_block(vector);
	expect_ok(coco_id_block_sign(block, id_key, author_key, auth, &error), &error);
	coco_id_key_free(id_key);
	coco_id_key_free(author_key);
}

static void expect_refused(uint32_t author, const char *what, size_t bit)
{
	const int r = coco_id_block_verify(block, auth, author, NULL, &error);

	ck_assert_msg(r == -EBADMSG || r == -EKEYREJECTED, "%s, bit %zu: %d", what, bit, r);
}

START_TEST(no_bit_of_the_block_may_flip)
{
	sign_first(true);
	for (size_t bit = 0; bit < 8 * sizeof(block); bit++) {
		block[bit / 8] ^= (uint8_t)(1u << bit % 8);
		expect_refused(1, "block", bit);
		block[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	expect_ok(coco_id_block_verify(block, auth, 1, NULL, &error), &error);
}
END_TEST

/* A flip in a number costs a verification: there every third bit has to do. */
static size_t step_at(size_t byte)
{
	const bool padding = byte < ID_SIGNATURE || byte >= AUTHOR_SIGNATURE + 0x200 + KEY_SIZE;

	return padding ? 1 : 3;
}

static void flip_all(uint32_t author)
{
	sign_first(author);
	for (size_t bit = 0; bit < 8 * sizeof(auth); bit += step_at(bit / 8)) {
		auth[bit / 8] ^= (uint8_t)(1u << bit % 8);
		expect_refused(author, "page", bit);
		auth[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	expect_ok(coco_id_block_verify(block, auth, author, NULL, &error), &error);
}

START_TEST(no_bit_of_the_page_may_flip)
{
	flip_all(1);
}
END_TEST

START_TEST(no_bit_of_a_page_without_author_may_flip)
{
	flip_all(0);
}
END_TEST

START_TEST(a_refusal_says_whose_signature_it_is)
{
	sign_first(true);
	auth[ID_SIGNATURE] ^= 1;
	expect_error(coco_id_block_verify(block, auth, 1, NULL, &error), &error, -EKEYREJECTED,
		     "id_signature");
	auth[ID_SIGNATURE] ^= 1;
	auth[AUTHOR_SIGNATURE] ^= 1;
	expect_error(coco_id_block_verify(block, auth, 1, NULL, &error), &error, -EKEYREJECTED,
		     "author_signature");
	auth[AUTHOR_SIGNATURE] ^= 1;
	/* With an author's part, but launched without enabling it; and the other way round. */
	expect_error(coco_id_block_verify(block, auth, 0, NULL, &error), &error, -EBADMSG, "auth");
	sign_first(false);
	expect_error(coco_id_block_verify(block, auth, 1, NULL, &error), &error, -EBADMSG,
		     "author_signature");
}
END_TEST

START_TEST(missing_arguments_are_named)
{
	struct coco_id_key *key = key_of(vectors_at(file, 0), "id_key_pem_sec1");
	struct coco_id_keys keys = {0};

	sign_first(true);
	expect_error(coco_id_block_sign(NULL, key, NULL, auth, &error), &error, -EINVAL, "block");
	expect_error(coco_id_block_sign(block, NULL, NULL, auth, &error), &error, -EINVAL,
		     "id_key");
	expect_error(coco_id_block_sign(block, key, NULL, NULL, &error), &error, -EINVAL, "auth");
	expect_error(coco_id_block_verify(NULL, auth, 1, NULL, &error), &error, -EINVAL, "block");
	expect_error(coco_id_block_verify(block, NULL, 1, NULL, &error), &error, -EINVAL, "auth");
	expect_error(coco_id_block_verify(block, auth, 2, NULL, &error), &error, -EINVAL, "author");
	expect_error(coco_id_block_verify(block, auth, 1, &keys, &error), &error, -EINVAL,
		     "struct_size");
	coco_id_key_free(key);
}
END_TEST

START_TEST(base64_is_strict)
{
	static const char *const bad[] = {
		"",      "AAA",   "AAAA=", "AA=A", "A===",  "AAA!", "AA==",
		" AAA=", "AA A=", "AAB=",  "AAAA", "AAA=A", "====", "AAA==",
	};
	uint8_t two[2] = {1, 1};
	char text[8];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		expect_error(coco_base64_decode(bad[i], two, 2, &error), &error, -EBADMSG, "text");
	ck_assert_uint_eq(two[0], 1);
	expect_ok(coco_base64_decode("AAA=\r\n ", two, 2, &error), &error);
	ck_assert_uint_eq(two[0] | two[1], 0);
	expect_error(coco_base64_encode(two, 2, text, 4, &error), &error, -ENOSPC, "out_size");
	expect_ok(coco_base64_encode(two, 2, text, 5, &error), &error);
	ck_assert_str_eq(text, "AAA=");
	expect_error(coco_base64_encode(NULL, 2, text, 5, &error), &error, -EINVAL, "bytes");
	expect_error(coco_base64_encode(two, 0, text, 5, &error), &error, -EINVAL, "size");
	expect_error(coco_base64_encode(two, 2, NULL, 5, &error), &error, -EINVAL, "out");
	expect_error(coco_base64_decode(NULL, two, 2, &error), &error, -EINVAL, "text");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		known_answers,
		a_block_is_read_as_it_was_built,
		no_bit_of_the_block_may_flip,
		no_bit_of_the_page_may_flip,
		no_bit_of_a_page_without_author_may_flip,
		a_refusal_says_whose_signature_it_is,
		missing_arguments_are_named,
		base64_is_strict,
		NULL,
	};
	int failed;

	file = vectors_load("snp-id-block.json");
	failed = expect_run(vectors_suite("snp-id-block", file, id_block_vector->fn));
	failed |= expect_run(expect_suite("id_block", tests));
	json_object_put(file);
	return failed;
}
