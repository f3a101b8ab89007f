/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/tdx_mrtd.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

/* Both records begin with a block of this size: name at 0, address at 16, else zeroes. */
#define RECORD_SIZE    128
#define RECORD_ADDRESS 16

struct sim_mrtd {
	EVP_MD_CTX *stream;
};

int sim_mrtd_new(struct sim_mrtd **out)
{
	struct sim_mrtd *mrtd = calloc(1, sizeof(*mrtd));

	if (!mrtd)
		return -ENOMEM;
	mrtd->stream = EVP_MD_CTX_new();
	if (!mrtd->stream || EVP_DigestInit_ex(mrtd->stream, EVP_sha384(), NULL) != 1) {
		sim_mrtd_free(mrtd);
		return -ENOMEM;
	}
	*out = mrtd;
	return 0;
}

void sim_mrtd_free(struct sim_mrtd *mrtd)
{
	if (!mrtd)
		return;
	EVP_MD_CTX_free(mrtd->stream);
	free(mrtd);
}

static int record(struct sim_mrtd *mrtd, const char *name, uint64_t gpa)
{
	uint8_t block[RECORD_SIZE] = {0};

	for (size_t i = 0; name[i]; i++)
		block[i] = (uint8_t)name[i];
	for (unsigned i = 0; i < sizeof(gpa); i++)
		block[RECORD_ADDRESS + i] = (uint8_t)(gpa >> (8 * i));
	return EVP_DigestUpdate(mrtd->stream, block, sizeof(block)) == 1 ? 0 : -EIO;
}

int sim_mrtd_add(struct sim_mrtd *mrtd, uint64_t gpa)
{
	return record(mrtd, "MEM.PAGE.ADD", gpa);
}

int sim_mrtd_extend(struct sim_mrtd *mrtd, uint64_t gpa, const uint8_t *chunk)
{
	int rc = record(mrtd, "MR.EXTEND", gpa);

	if (rc)
		return rc;
	return EVP_DigestUpdate(mrtd->stream, chunk, SIM_MRTD_CHUNK) == 1 ? 0 : -EIO;
}

int sim_mrtd_read(const struct sim_mrtd *mrtd, uint8_t digest[SIM_MRTD_SIZE])
{
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	int rc = -EIO;

	if (copy && EVP_MD_CTX_copy_ex(copy, mrtd->stream) == 1 &&
	    EVP_DigestFinal_ex(copy, digest, NULL) == 1)
		rc = 0;
	EVP_MD_CTX_free(copy);
	return rc;
}
