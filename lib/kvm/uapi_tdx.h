/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * KVM's user ABI for TDX as of Linux 7.2, under names of our own:
 * Documentation/virt/kvm/x86/intel-tdx.rst. uapi_check.c compares.
 */
#ifndef COCO_KVM_UAPI_TDX_H
#define COCO_KVM_UAPI_TDX_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

/* KVM_CREATE_VM */
#define UAPI_VM_TYPE_TDX 5

/* KVM_CHECK_EXTENSION, KVM_ENABLE_CAP */
#define UAPI_CAP_APIC_BUS_CYCLES_NS 237

/* KVM_MEMORY_ENCRYPT_OP: struct uapi_tdx_command's id */
#define UAPI_TDX_CAPABILITIES    0
#define UAPI_TDX_INIT_VM         1
#define UAPI_TDX_INIT_VCPU       2
#define UAPI_TDX_INIT_MEM_REGION 3
#define UAPI_TDX_FINALIZE_VM     4

/* struct uapi_tdx_command's flags for INIT_MEM_REGION */
#define UAPI_TDX_MEASURE 1u

/* The module's tables hold no more configurable CPUID leaves. */
#define UAPI_TDX_CPUID_MAX 128u

struct uapi_tdx_command {
	uint32_t id;
	uint32_t flags;
	uint64_t data;     /* a pointer, or (INIT_VCPU) RCX */
	uint64_t hw_error; /* 0 on the way in; what the module answered, where KVM tells */
};

struct uapi_tdx_capabilities {
	uint64_t supported_attrs;
	uint64_t supported_xfam;
	uint64_t kernel_tdvmcallinfo_1_r11;
	uint64_t user_tdvmcallinfo_1_r11;
	uint64_t kernel_tdvmcallinfo_1_r12;
	uint64_t user_tdvmcallinfo_1_r12;
	uint64_t reserved[250];
	uint32_t nent;
	uint32_t padding;
	struct kvm_cpuid_entry2 entries[];
};

struct uapi_tdx_init_vm {
	uint64_t attributes;
	uint64_t xfam;
	uint8_t mrconfigid[48];
	uint8_t mrowner[48];
	uint8_t mrownerconfig[48];
	uint64_t reserved[12];
	uint32_t nent;
	uint32_t padding;
	struct kvm_cpuid_entry2 entries[];
};

struct uapi_tdx_init_mem_region {
	uint64_t source_addr;
	uint64_t gpa;
	uint64_t nr_pages;
};

/* KVM_RUN: the union of struct kvm_run for UAPI_EXIT_TDX. */
#define UAPI_EXIT_TDX 40

#define UAPI_TDVMCALL_GET_INFO           0x10000u
#define UAPI_TDVMCALL_GET_QUOTE          0x10002u
#define UAPI_TDVMCALL_SETUP_EVENT_NOTIFY 0x10004u

#define UAPI_TDVMCALL_SUCCESS             0ull
#define UAPI_TDVMCALL_RETRY               1ull
#define UAPI_TDVMCALL_INVALID_OPERAND     0x8000000000000000ull
#define UAPI_TDVMCALL_ALIGN_ERROR         0x8000000000000002ull
#define UAPI_TDVMCALL_SUBFUNC_UNSUPPORTED 0x8000000000000003ull

struct uapi_exit_tdx {
	uint64_t flags;
	uint64_t nr;
	uint64_t ret;
	union {
		struct {
			uint64_t gpa;
			uint64_t size;
		} get_quote;
		struct {
			uint64_t leaf;
			uint64_t r11, r12, r13, r14;
		} get_info;
		struct {
			uint64_t vector;
		} setup_event_notify;
	};
};

/* KVM_EXIT_SYSTEM_EVENT's type; its data are 16 registers by their x86 numbers. */
#define UAPI_SYSTEM_EVENT_TDX_FATAL 7

#endif
