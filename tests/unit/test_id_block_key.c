/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where keys of ID blocks come from, and what each kind of bad key is told. */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "expect.h"

static struct coco_error error;
static char text[16384];

enum form {
	SEC1,
	PKCS8,
	ENCRYPTED,
	PUBLIC,
};

/* Writes a key to `text`, behind what is there. */
static void append(EVP_PKEY *key, enum form form)
{
	BIO *bio = BIO_new(BIO_s_mem());
	static unsigned char passphrase[] = "passphrase";
	char *bytes;
	long size;
	int done = 0;

	if (form == SEC1)
		done = PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
	else if (form == PKCS8)
		done = PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	else if (form == ENCRYPTED)
		done = PEM_write_bio_PrivateKey(bio, key, EVP_aes_256_cbc(), passphrase,
						sizeof(passphrase) - 1, NULL, NULL);
	else
		done = PEM_write_bio_PUBKEY(bio, key);
	ck_assert_int_eq(done, 1);
	size = BIO_get_mem_data(bio, &bytes);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.*s", (int)size, bytes);
	BIO_free(bio);
}

static EVP_PKEY *p384(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-384");

	ck_assert_ptr_nonnull(key);
	text[0] = 0;
	return key;
}

static struct coco_id_key *take(void)
{
	struct coco_id_key *key = NULL;

	expect_ok(coco_id_key_from_pem(text, strlen(text), &key, &error), &error);
	return key;
}

static void refuse(int code, const char *field, const char *words)
{
	struct coco_id_key *key = NULL;

	expect_error(coco_id_key_from_pem(text, strlen(text), &key, &error), &error, code, field);
	expect_text(&error, words);
	ck_assert_ptr_null(key);
}

static void expect_same_key(const struct coco_id_key *one, const struct coco_id_key *two)
{
	uint8_t first[COCO_ID_KEY_DIGEST_SIZE], second[COCO_ID_KEY_DIGEST_SIZE];

	expect_ok(coco_id_key_digest(one, first, &error), &error);
	expect_ok(coco_id_key_digest(two, second, &error), &error);
	ck_assert_mem_eq(first, second, sizeof(first));
}

static int sign(const struct coco_id_key *key)
{
	static uint8_t block[COCO_ID_BLOCK_SIZE], auth[COCO_ID_AUTH_SIZE];
	struct coco_id_block fields;

	COCO_INIT(&fields);
	expect_ok(coco_id_block_build(&fields, block, &error), &error);
	return coco_id_block_sign(block, key, NULL, auth, &error);
}

START_TEST(all_forms_of_a_key_are_the_same_key)
{
	EVP_PKEY *key = p384();
	struct coco_id_key *first, *other;

	append(key, SEC1);
	first = take();
	ck_assert_int_eq(sign(first), 0);
	for (enum form form = PKCS8; form <= PUBLIC; form++) {
		if (form == ENCRYPTED)
			continue;
		text[0] = 0;
		append(key, form);
		other = take();
		expect_same_key(first, other);
		if (form != PUBLIC)
			ck_assert_int_eq(sign(other), 0);
		coco_id_key_free(other);
	}
	coco_id_key_free(first);
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(a_public_key_does_not_sign)
{
	EVP_PKEY *key = p384();
	struct coco_id_key *private_key, *public_key;
	static uint8_t block[COCO_ID_BLOCK_SIZE] = {[80] = 1}, auth[COCO_ID_AUTH_SIZE];

	append(key, SEC1);
	private_key = take();
	text[0] = 0;
	append(key, PUBLIC);
	public_key = take();
	expect_error(coco_id_block_sign(block, public_key, NULL, auth, &error), &error, -ENOKEY,
		     "id_key");
	expect_error(coco_id_block_sign(block, private_key, public_key, auth, &error), &error,
		     -ENOKEY, "author_key");
	coco_id_key_free(private_key);
	coco_id_key_free(public_key);
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(what_stands_before_a_key_does_not_matter)
{
	EVP_PKEY *key = p384();

	/* As `openssl ecparam -genkey` writes it: the curve by itself, then the key. */
	strcpy(text, "some words\n-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n"
		     "-----END EC PARAMETERS-----\n");
	append(key, SEC1);
	coco_id_key_free(take());
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(text_without_a_key_has_no_key)
{
	strcpy(text, "");
	refuse(-ENOKEY, "pem", "PEM");
	strcpy(text, "no key at all");
	refuse(-ENOKEY, "pem", "PEM");
	strcpy(text, "-----BEGIN ");
	refuse(-ENOKEY, "pem", "PEM");
	strcpy(text, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	refuse(-ENOKEY, "pem", "PEM");
}
END_TEST

START_TEST(a_damaged_key_is_damaged)
{
	EVP_PKEY *key = p384();
	char *at;

	append(key, PKCS8);
	text[strlen(text) / 2] = 0;
	refuse(-EBADMSG, "pem", "damaged");
	text[0] = 0;
	append(key, PKCS8);
	at = strchr(text, '\n');
	memset(at + 1, 'A', 8);
	refuse(-EBADMSG, "pem", "damaged");
	strcpy(text, "-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----\n");
	refuse(-EBADMSG, "pem", "damaged");
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(an_encrypted_key_is_encrypted)
{
	EVP_PKEY *key = p384();

	append(key, ENCRYPTED);
	refuse(-EACCES, "pem", "encrypted");
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(other_curves_and_algorithms_are_refused)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	text[0] = 0;
	append(key, SEC1);
	refuse(-EKEYREJECTED, "key", "P-384");
	EVP_PKEY_free(key);

	key = EVP_RSA_gen(1024);
	text[0] = 0;
	append(key, PKCS8);
	refuse(-EKEYREJECTED, "key", "RSA");
	text[0] = 0;
	append(key, PUBLIC);
	refuse(-EKEYREJECTED, "key", "RSA");
	EVP_PKEY_free(key);

	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	text[0] = 0;
	append(key, PKCS8);
	refuse(-EKEYREJECTED, "key", "ED25519");
	EVP_PKEY_free(key);
}
END_TEST

/* The two parts of this key (P-384, SEC 1) are of different keys. */
static void append_mismatched(EVP_PKEY *one, EVP_PKEY *two)
{
	unsigned char *der = NULL, *other = NULL;
	const int size = i2d_PrivateKey(one, &der), other_size = i2d_PrivateKey(two, &other);
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes;
	long length;

	ck_assert_int_eq(size, other_size);
	/* The public point is what a private key ends with. */
	memcpy(der + size - 96, other + size - 96, 96);
	ck_assert_int_gt(PEM_write_bio(bio, "EC PRIVATE KEY", "", der, size), 0);
	length = BIO_get_mem_data(bio, &bytes);
	snprintf(text, sizeof(text), "%.*s", (int)length, bytes);
	BIO_free(bio);
	OPENSSL_free(der);
	OPENSSL_free(other);
}

START_TEST(halves_of_different_keys_do_not_sign)
{
	EVP_PKEY *one = p384(), *two = p384();
	struct coco_id_key *key;

	append_mismatched(one, two);
	key = take();
	ck_assert_int_eq(sign(key), -EKEYREJECTED);
	coco_id_key_free(key);
	EVP_PKEY_free(one);
	EVP_PKEY_free(two);
}
END_TEST

static void write_file(const char *path, const char *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(keys_come_from_files_and_uris)
{
	char folder[] = "/tmp/coco-key-XXXXXX", path[64], uri[80];
	EVP_PKEY *key = p384();
	struct coco_id_key *from_text, *other = NULL;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key.pem", folder);
	snprintf(uri, sizeof(uri), "file:%s", path);
	append(key, SEC1);
	write_file(path, text, strlen(text));
	from_text = take();

	expect_ok(coco_id_key_from_file(path, &other, &error), &error);
	expect_same_key(from_text, other);
	coco_id_key_free(other);
	expect_ok(coco_id_key_from_uri(uri, &other, &error), &error);
	expect_same_key(from_text, other);
	ck_assert_int_eq(sign(other), 0);
	coco_id_key_free(other);

	/* The private key counts, wherever it stands. */
	text[0] = 0;
	append(key, PUBLIC);
	append(key, PKCS8);
	write_file(path, text, strlen(text));
	expect_ok(coco_id_key_from_uri(uri, &other, &error), &error);
	ck_assert_int_eq(sign(other), 0);
	coco_id_key_free(other);
	expect_ok(coco_id_key_from_file(path, &other, &error), &error);
	ck_assert_int_eq(sign(other), 0);
	coco_id_key_free(other);

	text[0] = 0;
	append(key, PUBLIC);
	write_file(path, text, strlen(text));
	expect_ok(coco_id_key_from_uri(uri, &other, &error), &error);
	expect_same_key(from_text, other);
	coco_id_key_free(other);

	coco_id_key_free(from_text);
	EVP_PKEY_free(key);
	unlink(path);
	rmdir(folder);
}
END_TEST

START_TEST(bad_files_and_uris_are_told_apart)
{
	char folder[] = "/tmp/coco-key-XXXXXX", path[64], uri[80];
	EVP_PKEY *key = p384();
	struct coco_id_key *out = NULL;
	char *large = calloc(1, 65537);

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_ptr_nonnull(large);
	snprintf(path, sizeof(path), "%s/key.pem", folder);
	snprintf(uri, sizeof(uri), "file:%s", path);
	ck_assert_int_eq(coco_id_key_from_file(path, &out, &error), -ENOENT);
	ck_assert_str_eq(error.call, "open");
	expect_error(coco_id_key_from_uri(uri, &out, &error), &error, -ENOKEY, "uri");
	expect_error(coco_id_key_from_uri("nosuchscheme:key", &out, &error), &error, -ENOKEY,
		     "uri");
	expect_error(coco_id_key_from_file(folder, &out, &error), &error, -EINVAL, "path");
	write_file(path, large, 65537);
	expect_error(coco_id_key_from_file(path, &out, &error), &error, -EFBIG, "path");
	write_file(path, large, 65536);
	expect_error(coco_id_key_from_file(path, &out, &error), &error, -ENOKEY, "pem");
	append(key, ENCRYPTED);
	write_file(path, text, strlen(text));
	expect_error(coco_id_key_from_file(path, &out, &error), &error, -EACCES, "pem");
	expect_error(coco_id_key_from_uri(uri, &out, &error), &error, -EACCES, "uri");
	ck_assert_ptr_null(out);

	unlink(path);
	rmdir(folder);
	free(large);
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(missing_arguments_are_named)
{
	struct coco_id_key *key = NULL;
	uint8_t digest[COCO_ID_KEY_DIGEST_SIZE];

	expect_error(coco_id_key_from_pem(NULL, 1, &key, &error), &error, -EINVAL, "pem");
	expect_error(coco_id_key_from_pem("x", 1, NULL, &error), &error, -EINVAL, "out");
	expect_error(coco_id_key_from_pem("x", SIZE_MAX, &key, &error), &error, -EINVAL, "size");
	expect_error(coco_id_key_from_file(NULL, &key, &error), &error, -EINVAL, "path");
	expect_error(coco_id_key_from_uri(NULL, &key, &error), &error, -EINVAL, "uri");
	expect_error(coco_id_key_from_uri("file:x", NULL, &error), &error, -EINVAL, "out");
	expect_error(coco_id_key_digest(NULL, digest, &error), &error, -EINVAL, "key");
	coco_id_key_free(NULL);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		all_forms_of_a_key_are_the_same_key,
		a_public_key_does_not_sign,
		what_stands_before_a_key_does_not_matter,
		text_without_a_key_has_no_key,
		a_damaged_key_is_damaged,
		an_encrypted_key_is_encrypted,
		other_curves_and_algorithms_are_refused,
		halves_of_different_keys_do_not_sign,
		keys_come_from_files_and_uris,
		bad_files_and_uris_are_told_apart,
		missing_arguments_are_named,
		NULL,
	};

	return expect_run(expect_suite("id_block_key", tests));
}
