/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * KVM's account of ASIDs and of the misc cgroup (reference "kvm-sev-abi" 2.6 and 2.7). A released
 * ASID goes to the reclaim set, and becomes free by a flush when a range has run out.
 */
#ifndef COCO_SIM_SEV_ASID_H
#define COCO_SIM_SEV_ASID_H

#include <stdint.h>

#define SIM_SEV_MAX_ASIDS 1024

enum sim_sev_kind { SIM_SEV_PLAIN, SIM_SEV_ES, SIM_SEV_SNP };

enum sim_sev_asid_state { SIM_ASID_FREE, SIM_ASID_USED, SIM_ASID_RECLAIM };

struct sim_sev_asids {
	uint32_t max;     /* CPUID 0x8000001f ECX: the highest */
	uint32_t min_sev; /* ... EDX: the lowest of plain SEV guests */
	uint32_t hiding;  /* kvm_amd.ciphertext_hiding_asids: SNP has 1..hiding for itself */
	/* misc.max of the VMM's cgroup for "sev" and "sev_es"; SIM_SEV_NO_LIMIT: none */
	uint32_t limit[2];
	uint32_t charged[2];
	uint8_t state[SIM_SEV_MAX_ASIDS];
};

#define SIM_SEV_NO_LIMIT UINT32_MAX

/* The range of ASIDs of a kind; empty if *first > *last. */
void sim_sev_asid_range(const struct sim_sev_asids *asids, enum sim_sev_kind kind, uint32_t *first,
			uint32_t *last);

/*
 * Takes an ASID. -ENOTTY: the range is empty; -EINVAL: the cgroup has no capacity; -EBUSY: no ASID
 * or at the cgroup's limit. `flush` is DF_FLUSH: 0 or -errno, called at most once, and only if
 * there is something to reclaim.
 */
int sim_sev_asid_take(struct sim_sev_asids *asids, enum sim_sev_kind kind,
		      int (*flush)(void *context), void *context, uint32_t *asid);
void sim_sev_asid_give(struct sim_sev_asids *asids, enum sim_sev_kind kind, uint32_t asid);

#endif
