/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The lab's simulated secure processor, as its kernel shows it in debugfs. */
#ifndef SIM_PSP_H
#define SIM_PSP_H

#include <stdbool.h>
#include <stdint.h>

/* What is in use. Firmware pages: those of guests and those that the kernel's driver keeps. */
struct sim_stats {
	long sev_guests;
	long snp_guests;
	long asids_bound;
	long guest_pages;
	long firmware_pages;
};

/* Firmware commands: Linux' include/linux/psp-sev.h. */
enum {
	SIM_SEV_ACTIVATE = 0x21,
	SIM_SEV_LAUNCH_START = 0x30,
	SIM_SEV_LAUNCH_UPDATE_DATA = 0x31,
	SIM_SEV_LAUNCH_UPDATE_VMSA = 0x32,
	SIM_SEV_LAUNCH_MEASURE = 0x33,
	SIM_SEV_LAUNCH_FINISH = 0x35,
	SIM_SNP_ACTIVATE = 0x91,
	SIM_SNP_GCTX_CREATE = 0x93,
	SIM_SNP_LAUNCH_START = 0xa0,
	SIM_SNP_LAUNCH_UPDATE = 0xa1,
	SIM_SNP_LAUNCH_FINISH = 0xa2,
};

bool sim_read_stats(struct sim_stats *stats);
bool sim_same_stats(const struct sim_stats *a, const struct sim_stats *b);

/*
 * A word of the line of the only guest that there is: what follows `name`, "digest" of an SNP
 * guest or "ld" of another. `snp` says which kind of guest. false if there is not exactly one.
 */
bool sim_guest_word(bool snp, const char *name, char *word, unsigned size);

/* After `skip` more of them, `count` commands of that kind fail with the status. */
bool sim_inject(uint32_t command, uint32_t status, uint32_t skip, uint32_t count);

#endif
