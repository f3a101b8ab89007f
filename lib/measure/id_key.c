/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where keys come from. */
#include "measure/id_key.h"

#include "base/error.h"
#include "image/file.h"

#include <errno.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdlib.h>
#include <unistd.h>

/* More than any PEM file with a key and its certificates has. */
#define FILE_MAX_SIZE 65536u

#define CURVE_P384 2u

static int check_curve(EVP_PKEY *key, struct coco_error *error)
{
	char curve[32] = "";

	if (!EVP_PKEY_is_a(key, "EC"))
		return coco_fail_field(error, -EKEYREJECTED, "key",
				       "it is a %s key, an elliptic curve key on P-384 is needed",
				       EVP_PKEY_get0_type_name(key) ? EVP_PKEY_get0_type_name(key)
								    : "foreign");
	if (!EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) ||
	    (strcmp(curve, "secp384r1") != 0 && strcmp(curve, "P-384") != 0))
		return coco_fail_field(error, -EKEYREJECTED, "key",
				       "the key is on the curve %s, SNP takes P-384 (secp384r1)",
				       *curve ? curve : "(unnamed)");
	return 0;
}

static bool put_coordinate(const EVP_PKEY *key, const char *name, unsigned char *out)
{
	BIGNUM *number = NULL;
	bool done = EVP_PKEY_get_bn_param(key, name, &number) &&
		    BN_bn2lebinpad(number, out, (int)COCO_SNP_NUMBER_SIZE) > 0;

	BN_free(number);
	return done;
}

static int put_public_key(struct coco_id_key *key, struct coco_error *error)
{
	unsigned char *out = key->public_key;

	out[0] = CURVE_P384;
	if (!put_coordinate(key->key, OSSL_PKEY_PARAM_EC_PUB_X, out + 4) ||
	    !put_coordinate(key->key, OSSL_PKEY_PARAM_EC_PUB_Y, out + 4 + COCO_SNP_NUMBER_SIZE))
		return coco_fail_field(error, -EKEYREJECTED, "key",
				       "the key does not tell its public part");
	return 0;
}

int coco_id_key_wrap(EVP_PKEY *key, bool has_private, struct coco_id_key **out,
		     struct coco_error *error)
{
	struct coco_id_key *wrapped = calloc(1, sizeof(*wrapped));
	int r;

	if (!wrapped) {
		EVP_PKEY_free(key);
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	}
	wrapped->key = key;
	wrapped->has_private = has_private;
	r = check_curve(key, error);
	if (!r)
		r = put_public_key(wrapped, error);
	if (r)
		coco_id_key_free(wrapped);
	else
		*out = wrapped;
	return r;
}

void coco_id_key_free(struct coco_id_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->key);
	free(key);
}

int coco_id_key_digest(const struct coco_id_key *key, void *out, struct coco_error *error)
{
	if (!key)
		return coco_fail_field(error, -EINVAL, "key", "key is NULL");
	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	return coco_snp_key_digest(key->public_key, out, error);
}

/* Is asked for a passphrase: has none, but remembers. */
static int no_passphrase(char *to, int size, int writing, void *asked)
{
	(void)writing;
	if (size > 0)
		*to = 0;
	*(bool *)asked = true;
	return -1;
}

static int fail_encrypted(struct coco_error *error, const char *field)
{
	return coco_fail_field(
		error, -EACCES, field,
		"the key is encrypted: decrypt it first (openssl pkey), or name it by "
		"a URI that carries the PIN");
}

/* Does the text have a line that begins a key? libcrypto would not say what is wrong with it. */
static bool has_key_block(const char *text, size_t size)
{
	static const char begin[] = "-----BEGIN ";
	static const char *const kinds[] = {"PRIVATE KEY-----", "EC PRIVATE KEY-----",
					    "ENCRYPTED PRIVATE KEY-----", "RSA PRIVATE KEY-----",
					    "PUBLIC KEY-----"};

	for (size_t i = 0; i + sizeof(begin) <= size; i++) {
		if (memcmp(text + i, begin, sizeof(begin) - 1) != 0)
			continue;
		for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
			const size_t at = i + sizeof(begin) - 1, length = strlen(kinds[k]);

			if (length <= size - at && !memcmp(text + at, kinds[k], length))
				return true;
		}
	}
	return false;
}

static EVP_PKEY *read_pem(const void *pem, size_t size, bool private_key, bool *asked)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)size);
	EVP_PKEY *key = NULL;

	if (bio && private_key)
		key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, asked);
	else if (bio)
		key = PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, asked);
	BIO_free(bio);
	return key;
}

static int from_pem(const void *pem, size_t size, struct coco_id_key **out,
		    struct coco_error *error)
{
	bool asked = false, has_private = true;
	EVP_PKEY *key;

	if (!has_key_block(pem, size))
		return coco_fail_field(error, -ENOKEY, "pem",
				       "there is no key in PEM form in it (\"-----BEGIN ... "
				       "KEY-----\")");
	key = read_pem(pem, size, true, &asked);
	if (!key && !asked) {
		has_private = false;
		key = read_pem(pem, size, false, &asked);
	}
	if (key)
		return coco_id_key_wrap(key, has_private, out, error);
	if (asked)
		return fail_encrypted(error, "pem");
	return coco_fail_field(error, -EBADMSG, "pem",
			       "the key in it is damaged: libcrypto can't read it");
}

int coco_id_key_from_pem(const void *pem, size_t size, struct coco_id_key **out,
			 struct coco_error *error)
{
	int r;

	if (!pem || size > INT_MAX)
		return coco_fail_field(error, -EINVAL, pem ? "size" : "pem",
				       "there is no text, or too much");
	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	ERR_set_mark();
	r = from_pem(pem, size, out, error);
	ERR_pop_to_mark();
	return r;
}

static int read_file(const char *path, char *text, size_t *size, struct coco_error *error)
{
	uint64_t expected;
	int fd = coco_file_open(path, "key", "path", &expected, error);
	int r;

	if (fd < 0)
		return fd;
	r = coco_file_read(fd, text, FILE_MAX_SIZE + 1, path, size, error);
	close(fd);
	if (!r && *size > FILE_MAX_SIZE)
		r = coco_fail_field(error, -EFBIG, "path", "%s has more than %u bytes", path,
				    FILE_MAX_SIZE);
	return r;
}

int coco_id_key_from_file(const char *path, struct coco_id_key **out, struct coco_error *error)
{
	size_t size = 0;
	char *text;
	int r;

	if (!path)
		return coco_fail_field(error, -EINVAL, "path", "path is NULL");
	text = malloc(FILE_MAX_SIZE + 1);
	if (!text)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	r = read_file(path, text, &size, error);
	if (!r)
		r = coco_id_key_from_pem(text, size, out, error);
	OPENSSL_cleanse(text, size);
	free(text);
	return r;
}

/* The first key that the store offers, private ones before public ones. */
static EVP_PKEY *load_from_store(OSSL_STORE_CTX *store, bool *has_private)
{
	EVP_PKEY *public_key = NULL, *key = NULL;

	while (!key && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (!info && OSSL_STORE_error(store))
			break;
		if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			key = OSSL_STORE_INFO_get1_PKEY(info);
		if (info && !public_key && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PUBKEY)
			public_key = OSSL_STORE_INFO_get1_PUBKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	*has_private = key != NULL;
	if (!key)
		return public_key;
	EVP_PKEY_free(public_key);
	return key;
}

static int from_uri(const char *uri, struct coco_id_key **out, struct coco_error *error)
{
	bool asked = false, has_private = false;
	UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(no_passphrase, 0);
	OSSL_STORE_CTX *store = ui ? OSSL_STORE_open(uri, ui, &asked, NULL, NULL) : NULL;
	EVP_PKEY *key = store ? load_from_store(store, &has_private) : NULL;
	char reason[160] = "";

	ERR_error_string_n(ERR_peek_last_error(), reason, sizeof(reason));
	OSSL_STORE_close(store);
	UI_destroy_method(ui);
	if (key)
		return coco_id_key_wrap(key, has_private, out, error);
	if (asked)
		return fail_encrypted(error, "uri");
	return coco_fail_field(error, -ENOKEY, "uri", "%.96s leads to no key (%s)", uri, reason);
}

int coco_id_key_from_uri(const char *uri, struct coco_id_key **out, struct coco_error *error)
{
	int r;

	if (!uri)
		return coco_fail_field(error, -EINVAL, "uri", "uri is NULL");
	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	ERR_set_mark();
	r = from_uri(uri, out, error);
	ERR_pop_to_mark();
	return r;
}
