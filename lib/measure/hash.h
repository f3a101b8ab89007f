/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* libcrypto's hashes, fetched once and used often. The context is in use by one thread at a time.
 */
#ifndef COCO_MEASURE_HASH_H
#define COCO_MEASURE_HASH_H

#include <cocoreset/error.h>
#include <openssl/evp.h>

struct coco_hash {
	EVP_MD *algorithm;
	EVP_MD_CTX *context;
	EVP_MD_CTX *copy; /* for coco_hash_peek() */
	size_t size;      /* of a digest */
};

/* `name` is libcrypto's: "SHA2-256", "SHA2-384". Closed with coco_hash_close() also after failure.
 */
int coco_hash_open(struct coco_hash *hash, const char *name, struct coco_error *error);
void coco_hash_close(struct coco_hash *hash);

/* The digest of some bytes. `out` may be among them. */
int coco_hash_bytes(struct coco_hash *hash, const void *bytes, size_t size, void *out,
		    struct coco_error *error);

/* A digest of bytes that come one after the other. */
int coco_hash_begin(struct coco_hash *hash, struct coco_error *error);
int coco_hash_add(struct coco_hash *hash, const void *bytes, size_t size, struct coco_error *error);
int coco_hash_end(struct coco_hash *hash, void *out, struct coco_error *error);
/* What coco_hash_end() would say now. */
int coco_hash_peek(struct coco_hash *hash, void *out, struct coco_error *error);

#endif
