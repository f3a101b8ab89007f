/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "measure/hash.h"

#include "base/error.h"

#include <errno.h>

static int fail(struct coco_error *error, const char *call)
{
	return coco_fail(error, -EIO, COCO_STAGE_ARGUMENT,
			 "libcrypto can't hash: %s failed. Does OpenSSL's configuration leave out "
			 "the default provider?",
			 call);
}

int coco_hash_open(struct coco_hash *hash, const char *name, struct coco_error *error)
{
	memset(hash, 0, sizeof(*hash));
	hash->algorithm = EVP_MD_fetch(NULL, name, NULL);
	if (!hash->algorithm)
		return fail(error, "EVP_MD_fetch");
	hash->size = (size_t)EVP_MD_get_size(hash->algorithm);
	hash->context = EVP_MD_CTX_new();
	hash->copy = EVP_MD_CTX_new();
	if (!hash->context || !hash->copy)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	return 0;
}

void coco_hash_close(struct coco_hash *hash)
{
	EVP_MD_CTX_free(hash->copy);
	EVP_MD_CTX_free(hash->context);
	EVP_MD_free(hash->algorithm);
	memset(hash, 0, sizeof(*hash));
}

int coco_hash_begin(struct coco_hash *hash, struct coco_error *error)
{
	if (!EVP_DigestInit_ex2(hash->context, hash->algorithm, NULL))
		return fail(error, "EVP_DigestInit_ex2");
	return 0;
}

int coco_hash_add(struct coco_hash *hash, const void *bytes, size_t size, struct coco_error *error)
{
	if (!EVP_DigestUpdate(hash->context, bytes, size))
		return fail(error, "EVP_DigestUpdate");
	return 0;
}

int coco_hash_end(struct coco_hash *hash, void *out, struct coco_error *error)
{
	if (!EVP_DigestFinal_ex(hash->context, out, NULL))
		return fail(error, "EVP_DigestFinal_ex");
	return 0;
}

int coco_hash_peek(struct coco_hash *hash, void *out, struct coco_error *error)
{
	if (!EVP_MD_CTX_copy_ex(hash->copy, hash->context))
		return fail(error, "EVP_MD_CTX_copy_ex");
	if (!EVP_DigestFinal_ex(hash->copy, out, NULL))
		return fail(error, "EVP_DigestFinal_ex");
	return 0;
}

int coco_hash_bytes(struct coco_hash *hash, const void *bytes, size_t size, void *out,
		    struct coco_error *error)
{
	int r = coco_hash_begin(hash, error);

	if (!r)
		r = coco_hash_add(hash, bytes, size, error);
	if (!r)
		r = coco_hash_end(hash, out, error);
	return r;
}
