/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/tdx_msr.h"

#include <stddef.h>

#define MSR_TSC         0x10u
#define MSR_APIC_BASE   0x1bu
#define MSR_FEATURE_CTL 0x3au
#define MSR_EFER        0xc0000080u

struct range {
	uint32_t first;
	uint32_t last;
};

/* Names as in the Intel SDM, volume 4. */
static const struct range kvm_emulates[] = {
	{MSR_APIC_BASE, MSR_APIC_BASE},
	{MSR_FEATURE_CTL, MSR_FEATURE_CTL},
	{0x8b, 0x8b},             /* BIOS_SIGN_ID */
	{0xce, 0xce},             /* PLATFORM_INFO */
	{0xfe, 0xfe},             /* MTRRCAP */
	{0x10a, 0x10a},           /* ARCH_CAPABILITIES */
	{0x140, 0x140},           /* MISC_FEATURES_ENABLES */
	{0x179, 0x17b},           /* MCG_CAP, MCG_STATUS, MCG_CTL */
	{0x1a0, 0x1a0},           /* MISC_ENABLE */
	{0x1fc, 0x1fc},           /* POWER_CTL */
	{0x200, 0x26f},           /* variable and fixed MTRRs */
	{0x277, 0x277},           /* PAT */
	{0x280, 0x29f},           /* MC0_CTL2 .. MC31_CTL2 */
	{0x2ff, 0x2ff},           /* MTRR_DEF_TYPE */
	{0x400, 0x47f},           /* MC0_CTL .. MC31_MISC */
	{0x4d0, 0x4d0},           /* MCG_EXT_CTL */
	{0x6e0, 0x6e0},           /* TSC_DEADLINE */
	{0x802, 0x803},           /* x2APIC: ID, version */
	{0x80d, 0x80d},           /* LDR */
	{0x80f, 0x80f},           /* SIVR */
	{0x828, 0x828},           /* ESR */
	{0x82f, 0x830},           /* LVT CMCI, ICR */
	{0x832, 0x839},           /* LVT timer .. error, timer counts */
	{0x83e, 0x83e},           /* timer divisor */
	{0x4b564d05, 0x4b564d05}, /* KVM: POLL_CONTROL */
	{MSR_EFER, MSR_EFER},
};

/* Those whose virtualization is the processor's or the module's. */
static const struct range guest_owns[] = {
	{MSR_TSC, MSR_TSC},
	{0x48, 0x49},             /* SPEC_CTRL, PRED_CMD */
	{0xe1, 0xe1},             /* UMWAIT_CONTROL */
	{0x10a, 0x10b},           /* ARCH_CAPABILITIES, FLUSH_CMD */
	{0x174, 0x176},           /* SYSENTER */
	{0x1a0, 0x1a0},           /* MISC_ENABLE */
	{0x1d9, 0x1d9},           /* DEBUGCTL */
	{0x277, 0x277},           /* PAT */
	{0x6a0, 0x6a8},           /* CET */
	{0x808, 0x808},           /* x2APIC: TPR */
	{0x80a, 0x80b},           /* PPR, EOI */
	{0x810, 0x827},           /* ISR, TMR, IRR */
	{0x83f, 0x83f},           /* self IPI */
	{0xda0, 0xda0},           /* XSS */
	{MSR_EFER, 0xc0000084},   /* EFER, STAR, LSTAR, CSTAR, FMASK */
	{0xc0000100, 0xc0000103}, /* FS, GS, kernel GS base, TSC_AUX */
};

static bool among(const struct range *ranges, size_t count, uint32_t index)
{
	for (size_t i = 0; i < count; i++)
		if (index >= ranges[i].first && index <= ranges[i].last)
			return true;
	return false;
}

#define AMONG(ranges, index) among(ranges, sizeof(ranges) / sizeof((ranges)[0]), index)

bool sim_td_kvm_reads_msr(uint32_t index)
{
	return AMONG(kvm_emulates, index);
}

bool sim_td_kvm_writes_msr(uint32_t index)
{
	return index != MSR_APIC_BASE && index != MSR_EFER && index != MSR_FEATURE_CTL &&
	       sim_td_kvm_reads_msr(index);
}

bool sim_td_guest_reads_msr(uint32_t index)
{
	return index == MSR_APIC_BASE || AMONG(guest_owns, index);
}

bool sim_td_guest_writes_msr(uint32_t index)
{
	return index != MSR_TSC && AMONG(guest_owns, index);
}
