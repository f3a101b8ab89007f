/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Numbers that assembly and C share. Addresses are in tinyfw.ld. */
#ifndef LAYOUT_H
#define LAYOUT_H

#define MAX_VCPUS      64
#define BSP_STACK_SIZE 0x2000
#define AP_STACK_SIZE  0x600

#define SERIAL_PORT     0x3f8
#define SERIAL_LSR      (SERIAL_PORT + 5)
#define SERIAL_LSR_THRE 0x20

/* The attributes of KVM's hypercall MAP_GPA_RANGE. */
#define MAP_GPA_SHARED  0x00
#define MAP_GPA_PRIVATE 0x10

/* Technologies that a guest can tell; a software-protected VM only shows in coco_port.h. */
#define TECH_NONE   0
#define TECH_SEV    1
#define TECH_SEV_ES 2
#define TECH_SNP    3
#define TECH_TDX    4

/* The word that tells of them while there is no memory for more: technology, address bit. */
#define PLATFORM_AP       0x00000001
#define PLATFORM_TECH_BIT 8
#define PLATFORM_CBIT_BIT 16
#define PLATFORM_FIELD    0xff

/* What the BSP leaves for the APs at boot_record. */
#define RECORD_PLATFORM 0x00
#define RECORD_CR3      0x04
#define RECORD_RELEASED 0x08 /* TDX: the APs may go on */
#define RECORD_STATUS   0x10 /* SEV_STATUS, 0 if it can't be read; 8 bytes */

/* AMD64 Architecture Programmer's Manual volume 2, 15.34 and 15.35 */
#define MSR_SEV_STATUS     0xc0010131
#define SEV_STATUS_SEV     0x1
#define SEV_STATUS_ES      0x2
#define SEV_STATUS_SNP     0x4
#define CPUID_SEV          0x8000001f
#define CPUID_SEV_EAX_SEV  0x2
#define CPUID_SEV_EBX_CBIT 0x3f

/* GHCB specification, 2.3.1: requests and answers in the GHCB MSR. */
#define MSR_GHCB             0xc0010130
#define GHCB_MSR_INFO_MASK   0xfff
#define GHCB_MSR_SEV_INFO    0x001
#define GHCB_MSR_SEV_INFO_RQ 0x002
#define GHCB_MSR_CPUID_RQ    0x004
#define GHCB_MSR_CPUID       0x005
#define GHCB_MSR_CPUID_EBX   (1 << 30)
#define GHCB_MSR_REGISTER_RQ 0x012
#define GHCB_MSR_REGISTER    0x013
#define GHCB_MSR_PSC_RQ      0x014
#define GHCB_MSR_PSC         0x015
#define GHCB_MSR_FEATURES_RQ 0x080
#define GHCB_MSR_FEATURES    0x081
#define GHCB_MSR_TERMINATE   0x100

/* Assemblers differ in what they take for REP VMMCALL. */
#define VMGEXIT 0xf3, 0x0f, 0x01, 0xd9

#define EXCEPTION_VC 29
#define VC_CPUID     0x72

/* SEV-SNP firmware ABI, table "CPUID page": a count, then entries from 16 on. */
#define CPUID_PAGE_ENTRIES    16
#define CPUID_PAGE_ENTRY_SIZE 48
#define CPUID_PAGE_MAX        64
#define CPUID_ENTRY_EBX       28

#endif
