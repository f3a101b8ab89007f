/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* TD_PARAMS: what KVM makes of KVM_TDX_INIT_VM's struct, and what the module thinks of it. */
#ifndef COCO_SIM_TDX_PARAMS_H
#define COCO_SIM_TDX_PARAMS_H

#include "sim/tdx_abi.h"
#include "sim/tdx_cpuid.h"
#include "sim/tdx_host.h"

/* Intel TDX Module ABI specification, TD_PARAMS. */
struct sim_td_params {
	uint64_t attributes;
	uint64_t xfam;
	uint16_t max_vcpus;
	uint8_t num_l2_vms;
	uint8_t msr_config;
	uint32_t reserved0;
	uint64_t eptp_controls;
	uint64_t config_flags;
	uint16_t tsc_frequency; /* in units of 25 MHz */
	uint8_t reserved1[38];
	uint8_t mrconfigid[48];
	uint8_t mrowner[48];
	uint8_t mrownerconfig[48];
	uint64_t reserved2[4];
	struct sim_tdx_cpuid_values cpuid[SIM_TDX_CONFIG_MAX];
};
_Static_assert(sizeof(struct sim_td_params) == 1024, "TD_PARAMS");
_Static_assert(offsetof(struct sim_td_params, mrconfigid) == 80, "TD_PARAMS.MRCONFIGID");
_Static_assert(offsetof(struct sim_td_params, cpuid) == 256, "TD_PARAMS.CPUID_CONFIG");

#define SIM_TD_CONFIG_MAX_GPAW   (1ull << 0)
#define SIM_TD_CONFIG_NO_RBP_MOD (1ull << 2)

/* KVM's half: `init` with its nent entries was copied and found well-formed. 0 or -EINVAL. */
int sim_td_params_make(const struct sim_tdx_host *host, const struct uapi_tdx_init_vm *init,
		       uint32_t max_vcpus, uint64_t tsc_khz, struct sim_td_params *out);

/* The module's half, TDH.MNG.INIT: its status, and what CPUID will say to the TD. */
uint64_t sim_td_params_check(const struct sim_tdx_host *host, const struct sim_td_params *params,
			     struct sim_tdx_cpuid *cpuid);

#endif
