/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * SNP's ID block, from IGVM's form to the firmware's (SEV-SNP firmware ABI, 8.18). Numbers of keys
 * and signatures are the same 72 bytes in both; what stands around them is not.
 */
#include "image/igvm.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/options.h"

#include <cocoreset/id_block.h>
#include <errno.h>

enum {
	ECDSA_P384_SHA384 = 1,
	NUMBER_SIZE = 72,
	SIGNATURE_SIZE = 2 * NUMBER_SIZE,

	/* IGVM_VHS_SNP_ID_BLOCK; a public key there has a reserved word behind the curve. */
	IN_AUTHOR_ENABLED = 4,
	IN_LAUNCH_DIGEST = 8,
	IN_FAMILY_ID = 56,
	IN_IMAGE_ID = 72,
	IN_VERSION = 88,
	IN_GUEST_SVN = 92,
	IN_ID_ALGORITHM = 96,
	IN_AUTHOR_ALGORITHM = 100,
	IN_ID_SIGNATURE = 104,
	IN_ID_KEY = 248,
	IN_AUTHOR_SIGNATURE = 400,
	IN_AUTHOR_KEY = 544,
	IN_KEY_NUMBERS = 8,

	/* The authentication page. */
	AUTH_ID_ALGORITHM = 0,
	AUTH_AUTHOR_ALGORITHM = 4,
	AUTH_ID_SIGNATURE = 0x40,
	AUTH_ID_KEY = 0x240,
	AUTH_AUTHOR_SIGNATURE = 0x680,
	AUTH_AUTHOR_KEY = 0x880,
	AUTH_KEY_NUMBERS = 4,
};

static void put_key(uint8_t *to, const uint8_t *from)
{
	memcpy(to, from, 4);
	memcpy(to + AUTH_KEY_NUMBERS, from + IN_KEY_NUMBERS, 2 * (size_t)NUMBER_SIZE);
}

static void put_auth(uint8_t *auth, const uint8_t *from, bool author)
{
	memset(auth, 0, COCO_ID_AUTH_SIZE);
	memcpy(auth + AUTH_ID_ALGORITHM, from + IN_ID_ALGORITHM, 4);
	memcpy(auth + AUTH_ID_SIGNATURE, from + IN_ID_SIGNATURE, SIGNATURE_SIZE);
	put_key(auth + AUTH_ID_KEY, from + IN_ID_KEY);
	/* Without an author key its algorithm is there all the same, and the rest is empty. */
	if (!author) {
		coco_put_le32(auth + AUTH_AUTHOR_ALGORITHM, ECDSA_P384_SHA384);
		return;
	}
	memcpy(auth + AUTH_AUTHOR_ALGORITHM, from + IN_AUTHOR_ALGORITHM, 4);
	memcpy(auth + AUTH_AUTHOR_SIGNATURE, from + IN_AUTHOR_SIGNATURE, SIGNATURE_SIZE);
	put_key(auth + AUTH_AUTHOR_KEY, from + IN_AUTHOR_KEY);
}

static int put_block(void *block, const uint8_t *from, uint64_t policy, struct coco_error *error)
{
	struct coco_id_block fields;

	COCO_INIT(&fields);
	memcpy(fields.launch_digest, from + IN_LAUNCH_DIGEST, sizeof(fields.launch_digest));
	memcpy(fields.family_id, from + IN_FAMILY_ID, sizeof(fields.family_id));
	memcpy(fields.image_id, from + IN_IMAGE_ID, sizeof(fields.image_id));
	fields.version = coco_le32(from + IN_VERSION);
	fields.guest_svn = coco_le32(from + IN_GUEST_SVN);
	fields.policy = policy;
	return coco_id_block_build(&fields, block, error);
}

/* NULL: there is none for SNP. */
static const uint8_t *find_block(const struct coco_igvm *igvm, uint32_t mask)
{
	for (uint32_t i = 0; i < igvm->info.entries; i++) {
		struct coco_igvm_entry entry;

		coco_igvm_get(igvm, igvm->entries[i], &entry);
		if (entry.type == COCO_IGVM_SNP_ID_BLOCK && entry.mask & mask)
			return igvm->blob->bytes + entry.offset + COCO_IGVM_ENTRY_HEADER;
	}
	return NULL;
}

int coco_igvm_get_id_block(const struct coco_igvm *igvm, void *block, void *auth, uint32_t *author,
			   struct coco_error *error)
{
	const struct coco_igvm_platform *platform = NULL;
	struct coco_igvm_guest guest;
	const uint8_t *found;
	int r;

	if (!block || !auth || !author)
		return coco_fail_field(error, -EINVAL,
				       !block  ? "block"
				       : !auth ? "auth"
					       : "author",
				       "there is nowhere to put it");
	COCO_INIT(&guest);
	r = coco_igvm_find_platform(igvm, COCO_TECH_SNP, &platform, error);
	if (!r)
		r = coco_igvm_get_guest(igvm, COCO_TECH_SNP, &guest, error);
	if (r || !platform)
		return r;
	found = find_block(igvm, platform->mask);
	if (!found)
		return coco_fail_field(error, -ENODATA, "igvm",
				       "the IGVM file has no ID block for SNP guests");
	r = put_block(block, found, guest.policy, error);
	if (r)
		return r;
	*author = found[IN_AUTHOR_ENABLED] != 0;
	put_auth(auth, found, *author);
	return 0;
}
