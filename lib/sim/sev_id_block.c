/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/sev_id_block.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <string.h>

#include "sim/sev_status.h"

/* SNP firmware ABI, tables of chapters 8.18 and 10: an ECDSA P-384 key and signature. */
#define NUMBER_SIZE       72u /* little endian, zero extended */
#define P384_SIZE         48u
#define KEY_SIZE          0x404u
#define AUTH_ID_ALGORITHM 0x00u
#define AUTH_AU_ALGORITHM 0x04u
#define AUTH_SIGNATURE    0x40u
#define AUTH_ID_KEY       0x240u
#define AUTH_AU_SIGNATURE 0x680u
#define AUTH_AU_KEY       0x880u
#define BLOCK_VERSION     80u
#define BLOCK_POLICY      88u
#define ECDSA_P384_SHA384 1u
#define CURVE_P384        2u

static uint32_t u32_at(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static uint64_t u64_at(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* A number that is too large for the curve is no number of the curve. */
static bool fits(const uint8_t number[NUMBER_SIZE])
{
	for (uint32_t i = P384_SIZE; i < NUMBER_SIZE; i++)
		if (number[i])
			return false;
	return true;
}

static EVP_PKEY *make_key(const uint8_t *key)
{
	uint8_t point[1 + 2 * P384_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};
	char group[] = "P-384";
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};
	const uint8_t *x = key + 4, *y = key + 4 + NUMBER_SIZE;
	EVP_PKEY_CTX *context;
	EVP_PKEY *made = NULL;

	if (u32_at(key) != CURVE_P384 || !fits(x) || !fits(y))
		return NULL;
	for (uint32_t i = 0; i < P384_SIZE; i++) {
		point[1 + i] = x[P384_SIZE - 1 - i];
		point[1 + P384_SIZE + i] = y[P384_SIZE - 1 - i];
	}
	context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	if (context && EVP_PKEY_fromdata_init(context) == 1)
		EVP_PKEY_fromdata(context, &made, EVP_PKEY_PUBLIC_KEY, parameters);
	EVP_PKEY_CTX_free(context);
	return made;
}

/* DER, as OpenSSL wants it. Returns its size, 0: none. */
static int make_signature(const uint8_t *signature, uint8_t **der)
{
	const uint8_t *r = signature, *s = signature + NUMBER_SIZE;
	ECDSA_SIG *made;
	BIGNUM *r_number, *s_number;
	int size = 0;

	*der = NULL;
	if (!fits(r) || !fits(s))
		return 0;
	made = ECDSA_SIG_new();
	r_number = BN_lebin2bn(r, NUMBER_SIZE, NULL);
	s_number = BN_lebin2bn(s, NUMBER_SIZE, NULL);
	if (made && r_number && s_number && ECDSA_SIG_set0(made, r_number, s_number)) {
		size = i2d_ECDSA_SIG(made, der);
	} else {
		BN_free(r_number);
		BN_free(s_number);
	}
	ECDSA_SIG_free(made);
	return size > 0 ? size : 0;
}

static bool verify(const uint8_t *key, const uint8_t *signature, const void *data, size_t size)
{
	EVP_PKEY *public_key = make_key(key);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t *der = NULL;
	int der_size = make_signature(signature, &der);
	bool good = public_key && context && der_size &&
		    EVP_DigestVerifyInit(context, NULL, EVP_sha384(), NULL, public_key) == 1 &&
		    EVP_DigestVerify(context, der, (size_t)der_size, data, size) == 1;

	OPENSSL_free(der);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public_key);
	return good;
}

uint16_t sim_snp_check_id_block(const uint8_t block[SIM_SNP_ID_BLOCK_SIZE],
				const uint8_t auth[SIM_SNP_ID_AUTH_SIZE], bool author,
				const uint8_t ld[48], uint64_t policy)
{
	if (u32_at(auth + AUTH_ID_ALGORITHM) != ECDSA_P384_SHA384 ||
	    u32_at(block + BLOCK_VERSION) != 1 ||
	    !verify(auth + AUTH_ID_KEY, auth + AUTH_SIGNATURE, block, SIM_SNP_ID_BLOCK_SIZE))
		return SIM_SEV_BAD_SIGNATURE;
	if (author &&
	    (u32_at(auth + AUTH_AU_ALGORITHM) != ECDSA_P384_SHA384 ||
	     !verify(auth + AUTH_AU_KEY, auth + AUTH_AU_SIGNATURE, auth + AUTH_ID_KEY, KEY_SIZE)))
		return SIM_SEV_BAD_SIGNATURE;
	if (memcmp(block, ld, 48) != 0)
		return SIM_SEV_BAD_MEASUREMENT;
	if (u64_at(block + BLOCK_POLICY) != policy)
		return SIM_SEV_POLICY_FAILURE;
	return SIM_SEV_SUCCESS;
}
