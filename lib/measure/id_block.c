/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ID block and ID authentication page (SEV-SNP firmware ABI, 8.18). */
#include "measure/id_key.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/options.h"

#include <errno.h>
#include <inttypes.h>

#define ID_BLOCK_VERSION 1u
/* ECDSA on P-384 with SHA-384. */
#define ALGORITHM 1u

enum {
	BLOCK_DIGEST = 0,
	BLOCK_FAMILY_ID = 48,
	BLOCK_IMAGE_ID = 64,
	BLOCK_VERSION = 80,
	BLOCK_SVN = 84,
	BLOCK_POLICY = 88,

	AUTH_ID_ALGORITHM = 0,
	AUTH_AUTHOR_ALGORITHM = 4,
	AUTH_ID_SIGNATURE = 0x40,
	AUTH_ID_KEY = 0x240,
	AUTH_AUTHOR_SIGNATURE = 0x680,
	AUTH_AUTHOR_KEY = 0x880,
};

int coco_id_block_build(const struct coco_id_block *block, void *out, struct coco_error *error)
{
	unsigned char *bytes = out;
	struct coco_id_block given;
	int r;

	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	r = coco_options_read(&given, sizeof(given), block,
			      COCO_END_OF(struct coco_id_block, launch_digest), "block", error);
	if (r)
		return r;
	if (given.version > ID_BLOCK_VERSION)
		return coco_fail_field(error, -EINVAL, "version",
				       "there is no version %" PRIu32 " of ID blocks",
				       given.version);
	memcpy(bytes + BLOCK_DIGEST, given.launch_digest, sizeof(given.launch_digest));
	memcpy(bytes + BLOCK_FAMILY_ID, given.family_id, sizeof(given.family_id));
	memcpy(bytes + BLOCK_IMAGE_ID, given.image_id, sizeof(given.image_id));
	coco_put_le32(bytes + BLOCK_VERSION, ID_BLOCK_VERSION);
	coco_put_le32(bytes + BLOCK_SVN, given.guest_svn);
	coco_put_le64(bytes + BLOCK_POLICY,
		      given.policy ? given.policy : COCO_ID_BLOCK_DEFAULT_POLICY);
	return 0;
}

int coco_id_block_parse(const void *bytes, struct coco_id_block *block, struct coco_error *error)
{
	const unsigned char *from = bytes;
	struct coco_id_block result = {0};

	if (!bytes)
		return coco_fail_field(error, -EINVAL, "bytes", "bytes is NULL");
	result.version = coco_le32(from + BLOCK_VERSION);
	if (result.version != ID_BLOCK_VERSION)
		return coco_fail_field(error, -EBADMSG, "bytes",
				       "it is no ID block of version 1: it says %" PRIu32,
				       result.version);
	memcpy(result.launch_digest, from + BLOCK_DIGEST, sizeof(result.launch_digest));
	memcpy(result.family_id, from + BLOCK_FAMILY_ID, sizeof(result.family_id));
	memcpy(result.image_id, from + BLOCK_IMAGE_ID, sizeof(result.image_id));
	result.guest_svn = coco_le32(from + BLOCK_SVN);
	result.policy = coco_le64(from + BLOCK_POLICY);
	return coco_result_write(block, &result, sizeof(result),
				 COCO_END_OF(struct coco_id_block, launch_digest), "block", error);
}

int coco_id_block_sign(const void *block, const struct coco_id_key *id_key,
		       const struct coco_id_key *author_key, void *auth, struct coco_error *error)
{
	unsigned char page[COCO_ID_AUTH_SIZE] = {0};
	int r;

	if (!block || !id_key || !auth)
		return coco_fail_field(error, -EINVAL,
				       !block    ? "block"
				       : !id_key ? "id_key"
						 : "auth",
				       "a required argument is NULL");
	coco_put_le32(page + AUTH_ID_ALGORITHM, ALGORITHM);
	coco_put_le32(page + AUTH_AUTHOR_ALGORITHM, ALGORITHM);
	memcpy(page + AUTH_ID_KEY, id_key->public_key, COCO_SNP_PUBLIC_KEY_SIZE);
	r = coco_snp_sign(id_key, block, COCO_ID_BLOCK_SIZE, page + AUTH_ID_SIGNATURE, "id_key",
			  error);
	if (!r && author_key) {
		memcpy(page + AUTH_AUTHOR_KEY, author_key->public_key, COCO_SNP_PUBLIC_KEY_SIZE);
		r = coco_snp_sign(author_key, page + AUTH_ID_KEY, COCO_SNP_PUBLIC_KEY_SIZE,
				  page + AUTH_AUTHOR_SIGNATURE, "author_key", error);
	}
	if (!r)
		memcpy(auth, page, sizeof(page));
	return r;
}

static int check_algorithm(const unsigned char *page, size_t at, const char *field,
			   struct coco_error *error)
{
	const uint64_t algorithm = coco_le32(page + at);

	if (algorithm == ALGORITHM)
		return 0;
	return coco_fail_field(error, -EBADMSG, field,
			       "key algorithm %" PRIu64 " is not 1, ECDSA on P-384 with SHA-384",
			       algorithm);
}

static int check_zero(const unsigned char *page, size_t from, size_t to, struct coco_error *error)
{
	for (size_t i = from; i < to; i++)
		if (page[i])
			return coco_fail_field(error, -EBADMSG, "auth",
					       "byte 0x%zx of the authentication page has to be 0",
					       i);
	return 0;
}

static int check_page(const unsigned char *page, bool author, struct coco_error *error)
{
	int r = check_algorithm(page, AUTH_ID_ALGORITHM, "id_signature", error);

	if (!r)
		r = check_algorithm(page, AUTH_AUTHOR_ALGORITHM, "author_signature", error);
	if (!r)
		r = check_zero(page, AUTH_AUTHOR_ALGORITHM + 4, AUTH_ID_SIGNATURE, error);
	if (!r)
		r = check_zero(page, AUTH_ID_KEY + COCO_SNP_PUBLIC_KEY_SIZE, AUTH_AUTHOR_SIGNATURE,
			       error);
	if (!r)
		r = check_zero(page,
			       author ? AUTH_AUTHOR_KEY + COCO_SNP_PUBLIC_KEY_SIZE
				      : AUTH_AUTHOR_SIGNATURE,
			       COCO_ID_AUTH_SIZE, error);
	return r;
}

static int find_keys(const unsigned char *page, bool author, struct coco_id_keys *out,
		     struct coco_error *error)
{
	struct coco_id_keys result = {0};
	int r = coco_snp_key_digest(page + AUTH_ID_KEY, result.id_key_digest, error);

	if (!r && author)
		r = coco_snp_key_digest(page + AUTH_AUTHOR_KEY, result.author_key_digest, error);
	return r ? r
		 : coco_result_write(out, &result, sizeof(result),
				     COCO_END_OF(struct coco_id_keys, id_key_digest), "out", error);
}

int coco_id_block_verify(const void *block, const void *auth, uint32_t author,
			 struct coco_id_keys *out, struct coco_error *error)
{
	struct coco_id_block parsed;
	const unsigned char *page = auth;
	int r;

	if (!block || !auth)
		return coco_fail_field(error, -EINVAL, block ? "auth" : "block",
				       "a required argument is NULL");
	if (author > 1)
		return coco_fail_field(error, -EINVAL, "author", "it is 0 or 1");
	COCO_INIT(&parsed);
	r = coco_id_block_parse(block, &parsed, error);
	if (!r)
		r = check_page(page, author, error);
	if (!r)
		r = coco_snp_verify(page + AUTH_ID_KEY, block, COCO_ID_BLOCK_SIZE,
				    page + AUTH_ID_SIGNATURE, "id_signature", error);
	if (!r && author)
		r = coco_snp_verify(page + AUTH_AUTHOR_KEY, page + AUTH_ID_KEY,
				    COCO_SNP_PUBLIC_KEY_SIZE, page + AUTH_AUTHOR_SIGNATURE,
				    "author_signature", error);
	return r || !out ? r : find_keys(page, author, out, error);
}
