/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CPUID as the simulated TDX module virtualizes it: what a VMM can choose, and what a TD sees. */
#ifndef COCO_SIM_TDX_CPUID_H
#define COCO_SIM_TDX_CPUID_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#define SIM_TDX_NO_SUBLEAF UINT32_MAX
#define SIM_TDX_LEAVES     25
/* Slots of TD_PARAMS. */
#define SIM_TDX_CONFIG_MAX 48

/* EAX, EBX, ECX, EDX. */
struct sim_tdx_cpuid_values {
	uint32_t r[4];
};

/* A leaf of the module's table. */
struct sim_tdx_leaf {
	uint32_t function;
	uint32_t index; /* SIM_TDX_NO_SUBLEAF: the leaf has none */
	struct sim_tdx_cpuid_values configurable;
	struct sim_tdx_cpuid_values fixed; /* what is there whatever the VMM chooses */
};

/* What CPUID says to one TD: parallel to the module's table. */
struct sim_tdx_cpuid {
	struct sim_tdx_cpuid_values values[SIM_TDX_LEAVES];
};

extern const struct sim_tdx_leaf sim_tdx_leaves[SIM_TDX_LEAVES];

/* How many leaves are configurable, and the i-th of them: its place in sim_tdx_leaves. */
uint32_t sim_tdx_config_count(void);
uint32_t sim_tdx_config_leaf(uint32_t i);

/*
 * KVM's view of the i-th configurable leaf (td_init_cpuid_entry2 of Linux 7.2): no sub-leaf is
 * index 0, flags are 0, the address width is offered, TSX and WAITPKG are not.
 */
void sim_tdx_config_entry(uint32_t i, struct kvm_cpuid_entry2 *entry);

/*
 * TDH.MNG.INIT's part: `config` is by configurable leaf, `model` the processor's CPUID(1).EAX.
 * Returns 0, or the status of the module, in which case `out` is not to be used.
 */
uint64_t sim_tdx_cpuid_make(const struct sim_tdx_cpuid_values *config, uint64_t xfam,
			    uint32_t model, struct sim_tdx_cpuid *out);

/* The place of a leaf in the table, -1 if the module has none. */
int sim_tdx_cpuid_find(uint32_t function, uint32_t index);
/* As the CPUID instruction looks it up: a leaf without sub-leaves answers for every index. */
int sim_tdx_cpuid_lookup(uint32_t function, uint32_t index);

#endif
