/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What all TDs of a simulated host share: private key ids, and what its TDX module offers. */
#ifndef COCO_SIM_TDX_HOST_H
#define COCO_SIM_TDX_HOST_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_TDX_NO_LIMIT UINT32_MAX

struct sim_tdx_options {
	uint32_t key_ids;         /* private ones that the BIOS gives; the module keeps the first */
	uint32_t cgroup_max;      /* `tdx` in misc.max of the caller's cgroup */
	uint32_t cgroup_capacity; /* 0: charging is EINVAL. KVM sets it to what TDs can have */
	uint32_t present_cpus;    /* also the most vCPUs that a TD can have */
	uint64_t supported_attributes;
	uint64_t supported_xfam;
	uint32_t model;  /* the processor's CPUID(1).EAX */
	bool ept_5level; /* 52 guest physical address bits can be had */
};

struct sim_tdx_host {
	struct sim_tdx_options options;
	bool *taken; /* by the number of a key id below the module's own */
	uint32_t charged;
	uint64_t pages; /* private ones of all TDs */
};

/* 63 key ids for TDs, 8 CPUs, no cgroup limit, all that KVM offers at present. */
void sim_tdx_options_default(struct sim_tdx_options *options);

/* -ENOMEM. */
int sim_tdx_host_new(const struct sim_tdx_options *options, struct sim_tdx_host **out);
void sim_tdx_host_free(struct sim_tdx_host *host);

/* KVM offers the VM type: the module is there, and has a key id to spare for TDs. */
bool sim_tdx_host_usable(const struct sim_tdx_host *host);
uint32_t sim_tdx_host_free_keys(const struct sim_tdx_host *host);

/*
 * A key id (> 0) and a unit of the cgroup. -ENOSPC: none left; -EBUSY: beyond misc.max; -EINVAL: no
 * capacity. A charge that fails takes a unit off that was never put on, as Linux 7.2 does.
 */
int sim_tdx_key_take(struct sim_tdx_host *host);
void sim_tdx_key_give_back(struct sim_tdx_host *host, int key_id);

#endif
