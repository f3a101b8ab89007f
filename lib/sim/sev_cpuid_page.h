/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the firmware lets through in a CPUID page (SNP firmware ABI 8.17.2.6). */
#ifndef COCO_SIM_SEV_CPUID_PAGE_H
#define COCO_SIM_SEV_CPUID_PAGE_H

#include <stdbool.h>
#include <stdint.h>

/* Puts right what the firmware would not accept; true if there was something. */
bool sim_snp_correct_cpuid(uint8_t page[4096]);

#endif
