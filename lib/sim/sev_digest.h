/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the secure processor hashes: the launch digest of SNP, and MEASURE of SEV and SEV-ES.
 * Written from the firmware's specifications and from nothing of lib/measure, so that the two can
 * disagree.
 */
#ifndef COCO_SIM_SEV_DIGEST_H
#define COCO_SIM_SEV_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define SIM_SHA256_SIZE 32
#define SIM_SHA384_SIZE 48

/* Key of the MAC, its first byte and the API version of SEV API 6.5.1, MEASURE. */
struct sim_sev_measure {
	uint8_t tik[16];
	uint8_t api_major;
	uint8_t api_minor;
	uint8_t build;
	uint32_t policy;
	uint8_t ld[SIM_SHA256_SIZE];
	uint8_t nonce[16];
};

void sim_sha384(const void *data, size_t size, uint8_t digest[SIM_SHA384_SIZE]);

/* SNP firmware ABI 8.17.2: LD = SHA-384(PAGE_INFO). `page` NULL: contents are not measured. */
void sim_snp_extend(uint8_t ld[SIM_SHA384_SIZE], uint8_t page_type, uint64_t gpa, const void *page);

void sim_sev_measure_mac(const struct sim_sev_measure *measure, uint8_t mac[SIM_SHA256_SIZE]);

/* HMAC-SHA-256 with a 16 byte key over `count` pieces. */
struct sim_piece {
	const void *data;
	size_t size;
};
void sim_sev_hmac(const uint8_t key[16], const struct sim_piece *pieces, size_t count,
		  uint8_t mac[SIM_SHA256_SIZE]);

#endif
