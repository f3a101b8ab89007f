/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The firmware's view of an ID block and its authentication (SNP firmware ABI 8.18). */
#ifndef COCO_SIM_SEV_ID_BLOCK_H
#define COCO_SIM_SEV_ID_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_SNP_ID_BLOCK_SIZE 96
#define SIM_SNP_ID_AUTH_SIZE  4096

/*
 * 0, or the status that SNP_LAUNCH_FINISH has: BAD_SIGNATURE, BAD_MEASUREMENT or POLICY_FAILURE.
 * `author` is AUTHOR_KEY_EN: the ID key is signed too.
 */
uint16_t sim_snp_check_id_block(const uint8_t block[SIM_SNP_ID_BLOCK_SIZE],
				const uint8_t auth[SIM_SNP_ID_AUTH_SIZE], bool author,
				const uint8_t ld[48], uint64_t policy);

#endif
