/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * SNP's ID block: the launch digest that an owner signed. The host passes it
 * to SNP_LAUNCH_FINISH, the firmware refuses the launch if digest or policy are others, and the
 * attestation report names the digests of the keys.
 *
 * The block has 96 bytes. Beside it goes the ID authentication page: its signature by the ID
 * key, that key, and optionally a signature of that key by an author key.
 */
#ifndef COCORESET_ID_BLOCK_H
#define COCORESET_ID_BLOCK_H

#include <cocoreset/error.h>

struct coco_id_key;

#define COCO_ID_BLOCK_SIZE      96u
#define COCO_ID_AUTH_SIZE       4096u
#define COCO_ID_KEY_DIGEST_SIZE 48u
/** SNP's usual policy: no debugging, SMT allowed, any ABI version; bit 17 is always set. */
#define COCO_ID_BLOCK_DEFAULT_POLICY 0x30000ull

/** Bytes that coco_base64_encode() writes for `size` bytes, its NUL included. */
#define COCO_BASE64_SIZE(size) (((size) + 2) / 3 * 4 + 1)

/** What an ID block says. */
struct coco_id_block {
	size_t struct_size; /**< COCO_INIT */
	uint8_t launch_digest[48];
	uint8_t family_id[16]; /**< the owner's choice, appears in reports */
	uint8_t image_id[16];  /**< the owner's choice, appears in reports */
	uint32_t version;      /**< 0: 1, which is the only one there is */
	uint32_t guest_svn;    /**< security version, the owner's choice, appears in reports */
	uint64_t policy;       /**< must be the launch's; 0: COCO_ID_BLOCK_DEFAULT_POLICY */
};

/** The keys that coco_id_block_verify() found: their digests as coco_id_key_digest() makes them. */
struct coco_id_keys {
	size_t struct_size; /**< COCO_INIT */
	uint8_t id_key_digest[COCO_ID_KEY_DIGEST_SIZE];
	uint8_t author_key_digest[COCO_ID_KEY_DIGEST_SIZE]; /**< zeroes if there is none */
};

COCO_BEGIN_DECLS

/**
 * Takes a P-384 key from PEM: private (SEC 1 or PKCS #8) or public.
 *
 * @param pem the text; need not end with a NUL.
 *
 * Errors: -ENOKEY there is no PEM block of a key in it; -EBADMSG there is one, but it is damaged;
 * -EACCES the key is encrypted, and no passphrase can be asked for; -EKEYREJECTED it is no elliptic
 * curve key or on another curve; -EINVAL, -ENOMEM.
 *
 * Ownership: the caller frees *out with coco_id_key_free().
 * Thread safety: any thread; a key may be used by any number of threads at a time.
 */
COCO_API COCO_MUST_CHECK int coco_id_key_from_pem(const void *pem, size_t size,
						  struct coco_id_key **out,
						  struct coco_error *error);

/**
 * coco_id_key_from_pem() with the contents of a regular file of at most 64 KiB.
 *
 * Errors: those of open(2) and read(2); -EFBIG; those of coco_id_key_from_pem().
 * Ownership and thread safety: as for coco_id_key_from_pem().
 */
COCO_API COCO_MUST_CHECK int coco_id_key_from_file(const char *path, struct coco_id_key **out,
						   struct coco_error *error);

/**
 * Takes a P-384 key from wherever OpenSSL's stores find it: "pkcs11:...", "file:...". What
 * schemes there are depends on the providers in OpenSSL's configuration. A private key that can't
 * leave its token signs there. Never asks for a passphrase: a URI has to carry its PIN.
 *
 * Errors: -ENOKEY the URI can't be opened or leads to no key; -EKEYREJECTED, -EACCES as
 * above; -EINVAL, -ENOMEM.
 * Ownership and thread safety: as for coco_id_key_from_pem().
 */
COCO_API COCO_MUST_CHECK int coco_id_key_from_uri(const char *uri, struct coco_id_key **out,
						  struct coco_error *error);

/** Frees a key. NULL is allowed. Thread safety: any thread, once. */
COCO_API void coco_id_key_free(struct coco_id_key *key);

/**
 * The key's digest as attestation reports name it, ID key and author key alike: SHA-384 of the
 * public key as it stands in the authentication page.
 *
 * @param out COCO_ID_KEY_DIGEST_SIZE bytes.
 *
 * Errors: -EINVAL, -EIO libcrypto failed.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_id_key_digest(const struct coco_id_key *key, void *out,
						struct coco_error *error);

/**
 * Builds an ID block.
 *
 * @param out COCO_ID_BLOCK_SIZE bytes.
 *
 * Errors: -EINVAL a version other than 0 and 1, -E2BIG.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_id_block_build(const struct coco_id_block *block, void *out,
						 struct coco_error *error);

/**
 * Reads an ID block. Says nothing of who signed it.
 *
 * @param bytes COCO_ID_BLOCK_SIZE bytes.
 * @param block struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL a struct_size too small; -EBADMSG another version than 1.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_id_block_parse(const void *bytes, struct coco_id_block *block,
						 struct coco_error *error);

/**
 * Signs an ID block: makes its authentication page. Signatures are random, so that two pages
 * for the same block differ.
 *
 * @param block      COCO_ID_BLOCK_SIZE bytes.
 * @param id_key     signs the block; private.
 * @param author_key signs the ID key; private. NULL: none, and the launch must not enable it.
 * @param auth       COCO_ID_AUTH_SIZE bytes.
 *
 * Errors: -EINVAL; -ENOKEY a key has no private part (named in error->field); -EIO signing failed.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_id_block_sign(const void *block, const struct coco_id_key *id_key,
						const struct coco_id_key *author_key, void *auth,
						struct coco_error *error);

/**
 * Verifies an ID block by its authentication page, as the firmware does before a launch: format,
 * the ID key's signature of the block, and the author key's signature of the ID key. Whether these
 * keys can be trusted is the caller's question: compare their digests.
 *
 * @param block      COCO_ID_BLOCK_SIZE bytes.
 * @param auth       COCO_ID_AUTH_SIZE bytes.
 * @param author     1: the launch enables the author key. 0: that part has to be empty.
 * @param out        NULL, or struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EBADMSG a malformed block, page, key or signature (the text says which field);
 * -EKEYREJECTED a signature that does not match, error->field "id_signature" or
 * "author_signature"; -EINVAL, -ENOMEM, -EIO libcrypto failed.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_id_block_verify(const void *block, const void *auth,
						  uint32_t author, struct coco_id_keys *out,
						  struct coco_error *error);

/**
 * Writes bytes as base64, in one line with a NUL: what VMMs take ID blocks as.
 *
 * @param out      COCO_BASE64_SIZE(size) bytes.
 * @param out_size how many there are.
 *
 * Errors: -EINVAL, -ENOSPC `out` is too small.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_base64_encode(const void *bytes, size_t size, char *out,
						size_t out_size, struct coco_error *error);

/**
 * Reads base64 that stands for exactly `size` bytes. White space at the end is allowed.
 *
 * Errors: -EINVAL; -EBADMSG no base64, or for another number of bytes.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_base64_decode(const char *text, void *out, size_t size,
						struct coco_error *error);

COCO_END_DECLS

#endif
