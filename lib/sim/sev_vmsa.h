/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The VMSA: a protected vCPU's registers, as they are measured (AMD APM volume 2, table B-4; what
 * KVM writes: reference "kvm-sev-abi" 3.5).
 */
#ifndef COCO_SIM_SEV_VMSA_H
#define COCO_SIM_SEV_VMSA_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/host.h"

struct sim_vmsa_segment {
	uint16_t selector;
	uint16_t attributes;
	uint32_t limit;
	uint64_t base;
};

struct sim_vmsa {
	struct sim_vmsa_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t reserved_a0[0xca - 0xa0];
	uint8_t vmpl;
	uint8_t cpl;
	uint8_t reserved_cc[4];
	uint64_t efer;
	uint8_t reserved_d8[0x140 - 0xd8];
	uint64_t xss;
	uint64_t cr4;
	uint64_t cr3;
	uint64_t cr0;
	uint64_t dr7;
	uint64_t dr6;
	uint64_t rflags;
	uint64_t rip;
	uint8_t reserved_180[0x1d8 - 0x180];
	uint64_t rsp;
	uint8_t reserved_1e0[0x1f8 - 0x1e0];
	uint64_t rax;
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t cr2;
	uint8_t reserved_248[0x268 - 0x248];
	uint64_t g_pat;
	uint64_t dbgctl;
	uint8_t reserved_278[0x2e8 - 0x278];
	uint32_t pkru;
	uint32_t tsc_aux;
	uint8_t reserved_2f0[0x308 - 0x2f0];
	uint64_t rcx;
	uint64_t rdx;
	uint64_t rbx;
	uint64_t reserved_320;
	uint64_t rbp;
	uint64_t rsi;
	uint64_t rdi;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint8_t reserved_380[0x3b0 - 0x380];
	uint64_t sev_features;
	uint8_t reserved_3b8[0x3c8 - 0x3b8];
	uint64_t virtual_tom;
	uint8_t reserved_3d0[0x3e8 - 0x3d0];
	uint64_t xcr0;
	uint8_t reserved_3f0[0x400 - 0x3f0];
	uint64_t x87_dp;
	uint32_t mxcsr;
	uint16_t x87_ftw;
	uint16_t x87_fsw;
	uint16_t x87_fcw;
	uint16_t x87_fop;
	uint16_t x87_ds;
	uint16_t x87_cs;
	uint64_t x87_rip;
	uint8_t x87[80];
	uint8_t xmm[256];
	uint8_t ymm[256];
	uint8_t reserved_670[0x1000 - 0x670];
};

_Static_assert(sizeof(struct sim_vmsa) == 0x1000, "a VMSA is a page");
_Static_assert(offsetof(struct sim_vmsa, efer) == 0xd0, "APM table B-4");
_Static_assert(offsetof(struct sim_vmsa, rip) == 0x178, "APM table B-4");
_Static_assert(offsetof(struct sim_vmsa, rax) == 0x1f8, "APM table B-4");
_Static_assert(offsetof(struct sim_vmsa, cr2) == 0x240, "APM table B-4");
_Static_assert(offsetof(struct sim_vmsa, g_pat) == 0x268, "APM table B-4");
_Static_assert(offsetof(struct sim_vmsa, rdx) == 0x310, "APM table B-4");
_Static_assert(offsetof(struct sim_vmsa, r15) == 0x378, "APM table B-4");
_Static_assert(offsetof(struct sim_vmsa, sev_features) == 0x3b0, "APM table B-4");
_Static_assert(offsetof(struct sim_vmsa, xcr0) == 0x3e8, "APM table B-4");
_Static_assert(offsetof(struct sim_vmsa, mxcsr) == 0x408, "APM table B-4");
_Static_assert(offsetof(struct sim_vmsa, x87) == 0x420, "APM table B-4");
_Static_assert(offsetof(struct sim_vmsa, xmm) == 0x470, "APM table B-4");

/* Everything of a vCPU that goes into its VMSA. */
struct sim_vmsa_source {
	struct kvm_regs regs;
	struct kvm_sregs2 sregs; /* segments as they were set, not as KVM_GET_SREGS shows them */
	struct sim_xsave xsave;  /* the standard format */
	uint64_t xcr0;
	uint64_t xss;
	uint64_t dr6;
	uint64_t dr7;
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t pat;
	uint64_t dbgctl;
	uint32_t pkru;
	uint64_t sev_features;
	bool with_fpu;      /* not in VMs of type 0 */
	bool cd_nw_cleared; /* KVM_X86_QUIRK_CD_NW_CLEARED */
	bool host_cr4_mce;
};

void sim_vmsa_capture(struct sim_vmsa *vmsa, const struct sim_vmsa_source *source);
/* The CPU's state by a VMSA: what is executed from. */
void sim_vmsa_load(const struct sim_vmsa *vmsa, struct kvm_regs *regs, struct kvm_sregs2 *sregs);
/* VMRUN's consistency checks (APM volume 2, 15.5.1), as far as a VMSA can fail them here. */
bool sim_vmsa_is_valid(const struct sim_vmsa *vmsa, uint64_t sev_features);

#endif
