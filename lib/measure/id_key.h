/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keys of ID blocks, and how SNP writes keys and signatures (SEV-SNP firmware ABI, chapter 10). */
#ifndef COCO_MEASURE_ID_KEY_H
#define COCO_MEASURE_ID_KEY_H

#include <cocoreset/id_block.h>
#include <openssl/evp.h>
#include <stdbool.h>

#define COCO_SNP_PUBLIC_KEY_SIZE 0x404u
#define COCO_SNP_SIGNATURE_SIZE  0x200u
/* A coordinate, or R or S: little endian, longer than P-384 needs. */
#define COCO_SNP_NUMBER_SIZE 72u
#define COCO_P384_SIZE       48u

struct coco_id_key {
	EVP_PKEY *key;
	bool has_private;
	unsigned char public_key[COCO_SNP_PUBLIC_KEY_SIZE];
};

/* Takes `key` over, also on failure. */
int coco_id_key_wrap(EVP_PKEY *key, bool has_private, struct coco_id_key **out,
		     struct coco_error *error);

/* SHA-384 of a public key as SNP writes it. */
int coco_snp_key_digest(const unsigned char *public_key, void *out, struct coco_error *error);

/* `field` names the key, or the signature, in messages. */
int coco_snp_sign(const struct coco_id_key *key, const void *bytes, size_t size,
		  unsigned char *signature, const char *field, struct coco_error *error);
int coco_snp_verify(const unsigned char *public_key, const void *bytes, size_t size,
		    const unsigned char *signature, const char *field, struct coco_error *error);

#endif
