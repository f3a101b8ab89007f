/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a direct boot of a UKI's kernel is measured with. */
#include "image/uki.h"

#include "base/error.h"

#include <errno.h>
#include <openssl/evp.h>

/* SHA-256 of two pieces. */
static int hash(const void *bytes, uint64_t size, const void *more, size_t more_size, uint8_t *out,
		struct coco_error *error)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int done;

	if (!context)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	done = EVP_DigestInit_ex(context, EVP_sha256(), NULL) &&
	       EVP_DigestUpdate(context, bytes, size) &&
	       EVP_DigestUpdate(context, more, more_size) && EVP_DigestFinal_ex(context, out, NULL);
	EVP_MD_CTX_free(context);
	return done ? 0
		    : coco_fail(error, -EIO, COCO_STAGE_ARGUMENT,
				"libcrypto failed to compute SHA-256");
}

/* A section that may be missing. */
static int find(const struct coco_uki *uki, uint32_t profile, const char *name,
		struct coco_uki_section *out, struct coco_error *error)
{
	int r;

	COCO_INIT(out);
	r = coco_uki_find_section(uki, profile, name, out, NULL);
	if (r != -ENOENT)
		return r ? coco_uki_find_section(uki, profile, name, out, error) : 0;
	COCO_INIT(out);
	out->bytes = "";
	return 0;
}

int coco_kernel_hashes_from_uki(const struct coco_uki *uki, uint32_t profile,
				struct coco_kernel_hashes *out, struct coco_error *error)
{
	struct coco_uki_section kernel, initrd, cmdline;
	struct coco_kernel_hashes hashes;
	int r;

	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	COCO_INIT(&kernel);
	r = coco_uki_find_section(uki, profile, ".linux", &kernel, error);
	if (!r)
		r = find(uki, profile, ".initrd", &initrd, error);
	if (!r)
		r = find(uki, profile, ".cmdline", &cmdline, error);
	if (!r)
		r = hash(kernel.bytes, kernel.size, "", 0, hashes.kernel, error);
	if (!r)
		r = hash(initrd.bytes, initrd.size, "", 0, hashes.initrd, error);
	/* As text: what a VMM hands over ends with the first NUL, which is hashed too. */
	if (!r)
		r = hash(cmdline.bytes, strnlen(cmdline.bytes, cmdline.size), "", 1, hashes.cmdline,
			 error);
	if (!r)
		*out = hashes;
	return r;
}
