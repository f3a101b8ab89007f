/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/sev_digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

/* Hashing fails only where memory does: a simulated processor has no status for that. */
static void must(int good)
{
	if (good != 1)
		abort();
}

void sim_sha384(const void *data, size_t size, uint8_t digest[SIM_SHA384_SIZE])
{
	must(EVP_Digest(data, size, digest, NULL, EVP_sha384(), NULL));
}

/* PAGE_INFO, SNP firmware ABI 8.17.2. IMI_PAGE and the permissions of VMPL 1..3 are 0 under KVM. */
struct page_info {
	uint8_t digest_cur[SIM_SHA384_SIZE];
	uint8_t contents[SIM_SHA384_SIZE];
	uint16_t length;
	uint8_t page_type;
	uint8_t imi_page;
	uint8_t permissions[4];
	uint64_t gpa;
};

_Static_assert(sizeof(struct page_info) == 0x70, "PAGE_INFO has 0x70 bytes");

void sim_snp_extend(uint8_t ld[SIM_SHA384_SIZE], uint8_t page_type, uint64_t gpa, const void *page)
{
	struct page_info info = {.length = sizeof(info), .page_type = page_type, .gpa = gpa};

	memcpy(info.digest_cur, ld, sizeof(info.digest_cur));
	if (page)
		sim_sha384(page, 4096, info.contents);
	sim_sha384(&info, sizeof(info), ld);
}

void sim_sev_hmac(const uint8_t key[16], const struct sim_piece *pieces, size_t count,
		  uint8_t mac[SIM_SHA256_SIZE])
{
	char sha256[] = "SHA256";
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	size_t size;

	must(context && EVP_MAC_init(context, key, 16, parameters));
	for (size_t i = 0; i < count; i++)
		must(EVP_MAC_update(context, pieces[i].data, pieces[i].size));
	must(EVP_MAC_final(context, mac, &size, SIM_SHA256_SIZE));
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(hmac);
}

void sim_sev_measure_mac(const struct sim_sev_measure *m, uint8_t mac[SIM_SHA256_SIZE])
{
	/* SEV API 6.5.1: HMAC(0x04 || API_MAJOR || API_MINOR || BUILD || POLICY || LD || MNONCE;
	 * TIK) */
	const uint8_t head[4] = {4, m->api_major, m->api_minor, m->build};
	const struct sim_piece pieces[] = {
		{head, sizeof(head)},
		{&m->policy, sizeof(m->policy)},
		{m->ld, sizeof(m->ld)},
		{m->nonce, sizeof(m->nonce)},
	};

	sim_sev_hmac(m->tik, pieces, sizeof(pieces) / sizeof(pieces[0]), mac);
}
