/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hashes of a direct kernel boot, and the table that OVMF compares them with (BlobVerifierLib). */
#define _POSIX_C_SOURCE 200809L

#include "base/bytes.h"
#include "image/file.h"
#include "image/guid.h"

#include "base/error.h"

#include <cocoreset/firmware.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#define HASH_SIZE   32u
#define HEADER_SIZE (COCO_GUID_SIZE + 2)
#define ENTRY_SIZE  (COCO_GUID_SIZE + 2 + HASH_SIZE)
/* What the table says of itself; it is padded to what SEV can measure. */
#define TABLE_LENGTH (HEADER_SIZE + 3 * ENTRY_SIZE)

#define TABLE_GUID   "9438d606-4f22-4cc9-b479-a793d411fd21"
#define CMDLINE_GUID "97d02dd8-bd20-4c94-aa78-e7714d36ab2a"
#define INITRD_GUID  "44baf731-3a2f-4bd7-9af1-41e29169781d"
#define KERNEL_GUID  "4de79437-abd2-427f-b835-d5b172d2045b"

/* Files go through it piece by piece: touching new memory costs more than hashing it. */
#define BUFFER_SIZE (64u << 10)

struct hasher {
	EVP_MD_CTX *context;
	unsigned char *buffer;
};

static int crypto_failed(struct coco_error *error)
{
	return coco_fail(error, -EIO, COCO_STAGE_ARGUMENT, "libcrypto failed to compute SHA-256");
}

static int hash_bytes(struct hasher *hasher, const void *bytes, size_t size, uint8_t *out,
		      struct coco_error *error)
{
	if (!EVP_DigestInit_ex(hasher->context, EVP_sha256(), NULL) ||
	    !EVP_DigestUpdate(hasher->context, bytes, size) ||
	    !EVP_DigestFinal_ex(hasher->context, out, NULL))
		return crypto_failed(error);
	return 0;
}

static int hash_descriptor(struct hasher *hasher, int fd, const char *path, uint8_t *out,
			   struct coco_error *error)
{
	size_t done;

	if (!EVP_DigestInit_ex(hasher->context, EVP_sha256(), NULL))
		return crypto_failed(error);
	do {
		int r = coco_file_read(fd, hasher->buffer, BUFFER_SIZE, path, &done, error);

		if (r)
			return r;
		if (!EVP_DigestUpdate(hasher->context, hasher->buffer, done))
			return crypto_failed(error);
	} while (done == BUFFER_SIZE);
	return EVP_DigestFinal_ex(hasher->context, out, NULL) ? 0 : crypto_failed(error);
}

static int hash_file(struct hasher *hasher, const char *path, const char *what, uint8_t *out,
		     struct coco_error *error)
{
	int r, fd = coco_file_open(path, what, what, NULL, error);

	if (fd < 0)
		return fd;
	r = hash_descriptor(hasher, fd, path, out, error);
	close(fd);
	return r;
}

int coco_kernel_hashes_from_files(const char *kernel, const char *initrd, const char *cmdline,
				  struct coco_kernel_hashes *out, struct coco_error *error)
{
	const char *text = cmdline ? cmdline : "";
	struct coco_kernel_hashes hashes;
	struct hasher hasher;
	int r;

	if (!kernel)
		return coco_fail_field(error, -EINVAL, "kernel", "kernel is NULL");
	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	hasher.context = EVP_MD_CTX_new();
	hasher.buffer = malloc(BUFFER_SIZE);
	r = hasher.context && hasher.buffer ? 0 : coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	if (!r)
		r = hash_bytes(&hasher, text, strlen(text) + 1, hashes.cmdline, error);
	if (!r)
		r = initrd ? hash_file(&hasher, initrd, "initrd", hashes.initrd, error)
			   : hash_bytes(&hasher, "", 0, hashes.initrd, error);
	if (!r)
		r = hash_file(&hasher, kernel, "kernel", hashes.kernel, error);
	if (!r)
		*out = hashes;
	EVP_MD_CTX_free(hasher.context);
	free(hasher.buffer);
	return r;
}

static uint8_t *put_entry(uint8_t *to, const char *guid, const uint8_t *hash)
{
	coco_guid_store(to, guid);
	coco_put_le16(to + COCO_GUID_SIZE, ENTRY_SIZE);
	memcpy(to + COCO_GUID_SIZE + 2, hash, HASH_SIZE);
	return to + ENTRY_SIZE;
}

int coco_kernel_hashes_table(const struct coco_kernel_hashes *hashes, void *table,
			     struct coco_error *error)
{
	uint8_t *to = table;

	if (!hashes)
		return coco_fail_field(error, -EINVAL, "hashes", "hashes is NULL");
	if (!table)
		return coco_fail_field(error, -EINVAL, "table", "table is NULL");
	memset(to, 0, COCO_KERNEL_HASHES_TABLE_SIZE);
	coco_guid_store(to, TABLE_GUID);
	coco_put_le16(to + COCO_GUID_SIZE, TABLE_LENGTH);
	to = put_entry(to + HEADER_SIZE, CMDLINE_GUID, hashes->cmdline);
	to = put_entry(to, INITRD_GUID, hashes->initrd);
	put_entry(to, KERNEL_GUID, hashes->kernel);
	return 0;
}
