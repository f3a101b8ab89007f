/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a TD, KVM and the TDX module say to each other. Numbers are from the Intel TDX Module ABI
 * specification 1.5 and the Guest-Hypervisor Communication Interface 1.5, and where these leave
 * something open, from what the published module and Linux 7.2 do.
 */
#ifndef COCO_SIM_TDX_ABI_H
#define COCO_SIM_TDX_ABI_H

#include "kvm/uapi_tdx.h"

#define TDX_CMD_GET_CPUID 5

#define TDX_SHARED_BIT_48 (1ull << 47)
#define TDX_SHARED_BIT_52 (1ull << 51)

#define TDX_ATTRIBUTE_SEPT_VE_DISABLE (1ull << 28)

/* Status of SEAMCALLs and TDCALLs: class and name above, operand or detail in the low half. */
#define TDX_SUCCESS               0ull
#define TDX_OPERAND_INVALID       0xC000010000000000ull
#define TDX_OPERAND_BUSY          0x8000020000000000ull
#define TDX_RND_NO_ENTROPY        0x8000020300000000ull
#define TDX_NON_RECOVERABLE_VCPU  0x4000000100000000ull
#define TDX_NON_RECOVERABLE_TD    0x4000000200000000ull
#define TDX_VCPU_STATE_INCORRECT  0xC000070000000000ull
#define TDX_NO_VALID_VE_INFO      0xC000070400000000ull
#define TDX_PAGE_ALREADY_ACCEPTED 0x00000B0A00000000ull
#define TDX_PAGE_SIZE_MISMATCH    0xC0000B0B00000000ull
#define TDX_STATUS_MASK           0xFFFFFFFF00000000ull

#define TDX_OPERAND_RAX          0
#define TDX_OPERAND_RCX          1
#define TDX_OPERAND_RDX          2
#define TDX_OPERAND_R8           8
#define TDX_OPERAND_ATTRIBUTES   64
#define TDX_OPERAND_XFAM         65
#define TDX_OPERAND_CPUID_CONFIG 69
#define TDX_OPERAND_TSC_FREQ     70

/* TDCALL leaves. */
#define TDG_VP_VMCALL       0
#define TDG_VP_INFO         1
#define TDG_MR_RTMR_EXTEND  2
#define TDG_VP_VEINFO_GET   3
#define TDG_MR_REPORT       4
#define TDG_VP_CPUIDVE_SET  5
#define TDG_MEM_PAGE_ACCEPT 6
#define TDG_VM_RD           7
#define TDG_VM_WR           8

/* TDVMCALL: sub-functions beyond the VMX exit reasons below. */
#define TDVMCALL_GET_INFO           0x10000u
#define TDVMCALL_MAP_GPA            0x10001u
#define TDVMCALL_GET_QUOTE          0x10002u
#define TDVMCALL_REPORT_FATAL_ERROR 0x10003u
#define TDVMCALL_SETUP_EVENT_NOTIFY 0x10004u

/* VMX exit reasons: in #VE information, and TDVMCALL sub-functions. */
#define TDX_EXIT_TRIPLE_FAULT  2
#define TDX_EXIT_CPUID         10
#define TDX_EXIT_HLT           12
#define TDX_EXIT_INVD          13
#define TDX_EXIT_VMCALL        18
#define TDX_EXIT_IO            30
#define TDX_EXIT_RDMSR         31
#define TDX_EXIT_WRMSR         32
#define TDX_EXIT_EPT_VIOLATION 48
#define TDX_EXIT_WBINVD        54
#define TDX_EXIT_TDCALL        77

#define TDX_VECTOR_DF 8
#define TDX_VECTOR_GP 13
#define TDX_VECTOR_PF 14
#define TDX_VECTOR_VE 20

#endif
