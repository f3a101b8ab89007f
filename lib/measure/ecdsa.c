/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ECDSA on P-384 with SHA-384, in the form that SNP's firmware has. */
#include "measure/hash.h"
#include "measure/id_key.h"

#include "base/error.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

/* DER of two numbers of at most 49 bytes each, with headers. */
#define DER_MAX_SIZE 128u

#define CURVE_P384 2u

int coco_snp_key_digest(const unsigned char *public_key, void *out, struct coco_error *error)
{
	struct coco_hash hash;
	int r = coco_hash_open(&hash, "SHA2-384", error);

	if (!r)
		r = coco_hash_bytes(&hash, public_key, COCO_SNP_PUBLIC_KEY_SIZE, out, error);
	coco_hash_close(&hash);
	return r;
}

static int fail_library(struct coco_error *error, const char *what)
{
	return coco_fail(error, -EIO, COCO_STAGE_ARGUMENT, "libcrypto can't %s", what);
}

static bool all_zero(const unsigned char *bytes, size_t size)
{
	while (size && !*bytes) {
		bytes++;
		size--;
	}
	return !size;
}

static bool write_signature(const unsigned char *der, size_t size, unsigned char *signature)
{
	ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &der, (long)size);
	bool done;

	memset(signature, 0, COCO_SNP_SIGNATURE_SIZE);
	done = parsed &&
	       BN_bn2lebinpad(ECDSA_SIG_get0_r(parsed), signature, COCO_SNP_NUMBER_SIZE) > 0 &&
	       BN_bn2lebinpad(ECDSA_SIG_get0_s(parsed), signature + COCO_SNP_NUMBER_SIZE,
			      COCO_SNP_NUMBER_SIZE) > 0;
	ECDSA_SIG_free(parsed);
	return done;
}

static int sign(const struct coco_id_key *key, const void *bytes, size_t size,
		unsigned char *signature, struct coco_error *error)
{
	unsigned char der[DER_MAX_SIZE];
	size_t der_size = sizeof(der);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool done =
		context &&
		EVP_DigestSignInit_ex(context, NULL, "SHA2-384", NULL, NULL, key->key, NULL) > 0 &&
		EVP_DigestSign(context, der, &der_size, bytes, size) > 0 &&
		write_signature(der, der_size, signature);

	EVP_MD_CTX_free(context);
	return done ? 0 : fail_library(error, "sign with this key");
}

int coco_snp_sign(const struct coco_id_key *key, const void *bytes, size_t size,
		  unsigned char *signature, const char *field, struct coco_error *error)
{
	int r;

	if (!key->has_private)
		return coco_fail_field(error, -ENOKEY, field,
				       "it is a public key: signing needs the private one");
	ERR_set_mark();
	r = sign(key, bytes, size, signature, error);
	ERR_pop_to_mark();
	/* What the firmware would only find at launch: halves of a key that do not belong together.
	 */
	if (!r && coco_snp_verify(key->public_key, bytes, size, signature, field, NULL))
		r = coco_fail_field(error, -EKEYREJECTED, field,
				    "its public part does not verify what its private part signs");
	return r;
}

/* A key's coordinates or a signature's numbers, `size` bytes with what is reserved behind them. */
static int check_numbers(const unsigned char *bytes, size_t size, const char *const names[2],
			 const char *field, struct coco_error *error)
{
	for (size_t i = 0; i < 2; i++)
		if (!all_zero(bytes + i * COCO_SNP_NUMBER_SIZE + COCO_P384_SIZE,
			      COCO_SNP_NUMBER_SIZE - COCO_P384_SIZE))
			return coco_fail_field(error, -EBADMSG, field,
					       "%s has more bits than P-384's numbers", names[i]);
	if (!all_zero(bytes + (size_t)2 * COCO_SNP_NUMBER_SIZE,
		      size - (size_t)2 * COCO_SNP_NUMBER_SIZE))
		return coco_fail_field(error, -EBADMSG, field, "what is behind %s has to be 0",
				       names[1]);
	return 0;
}

static int check_format(const unsigned char *public_key, const unsigned char *signature,
			const char *field, struct coco_error *error)
{
	static const char *const coordinates[] = {"its key's X", "its key's Y"};
	static const char *const numbers[] = {"the signature's R", "the signature's S"};
	int r;

	if (public_key[0] != CURVE_P384 || !all_zero(public_key + 1, 3))
		return coco_fail_field(error, -EBADMSG, field, "its key is not on P-384 (2)");
	r = check_numbers(public_key + 4, COCO_SNP_PUBLIC_KEY_SIZE - 4, coordinates, field, error);
	if (!r)
		r = check_numbers(signature, COCO_SNP_SIGNATURE_SIZE, numbers, field, error);
	return r;
}

/* Little endian to big endian. */
static void reverse(unsigned char *to, const unsigned char *from)
{
	for (size_t i = 0; i < COCO_P384_SIZE; i++)
		to[i] = from[COCO_P384_SIZE - 1 - i];
}

/* NULL if the point is not on the curve. */
static EVP_PKEY *make_key(const unsigned char *public_key)
{
	unsigned char point[1 + 2 * COCO_P384_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};
	char curve[] = "P-384";
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	reverse(point + 1, public_key + 4);
	reverse(point + 1 + COCO_P384_SIZE, public_key + 4 + COCO_SNP_NUMBER_SIZE);
	if (context && EVP_PKEY_fromdata_init(context) > 0)
		(void)EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
	EVP_PKEY_CTX_free(context);
	return key;
}

/* The signature in DER; its size, or less than 1. */
static int read_signature(const unsigned char *signature, unsigned char *der)
{
	ECDSA_SIG *made = ECDSA_SIG_new();
	BIGNUM *r = BN_lebin2bn(signature, COCO_SNP_NUMBER_SIZE, NULL);
	BIGNUM *s = BN_lebin2bn(signature + COCO_SNP_NUMBER_SIZE, COCO_SNP_NUMBER_SIZE, NULL);
	int size = -1;

	if (made && r && s && ECDSA_SIG_set0(made, r, s)) {
		size = i2d_ECDSA_SIG(made, &der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(made);
	return size;
}

/* Format is checked. */
static int verify(const unsigned char *public_key, const void *bytes, size_t size,
		  const unsigned char *signature, const char *field, struct coco_error *error)
{
	unsigned char der[DER_MAX_SIZE];
	int der_size = read_signature(signature, der);
	EVP_PKEY *key = make_key(public_key);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int r = 0;

	if (!context || der_size < 1)
		r = fail_library(error, "take the signature");
	else if (!key)
		r = coco_fail_field(error, -EBADMSG, field, "its key is no point on P-384");
	else if (EVP_DigestVerifyInit_ex(context, NULL, "SHA2-384", NULL, NULL, key, NULL) < 1)
		r = fail_library(error, "verify with P-384 and SHA-384");
	else if (EVP_DigestVerify(context, der, (size_t)der_size, bytes, size) != 1)
		r = coco_fail_field(error, -EKEYREJECTED, field,
				    "the signature is not that of the key beside it");
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return r;
}

int coco_snp_verify(const unsigned char *public_key, const void *bytes, size_t size,
		    const unsigned char *signature, const char *field, struct coco_error *error)
{
	int r = check_format(public_key, signature, field, error);

	if (r)
		return r;
	ERR_set_mark();
	r = verify(public_key, bytes, size, signature, field, error);
	ERR_pop_to_mark();
	return r;
}
