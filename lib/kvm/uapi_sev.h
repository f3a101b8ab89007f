/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * KVM's and /dev/sev's user ABI for SEV, SEV-ES and SEV-SNP as of Linux 7.2, under names of our
 * own: Linux 6.1's headers know the older half. KVM: Documentation/virt/kvm/x86/
 * amd-memory-encryption.rst; /dev/sev: include/uapi/linux/psp-sev.h. uapi_check.c compares.
 */
#ifndef COCO_KVM_UAPI_SEV_H
#define COCO_KVM_UAPI_SEV_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

/* KVM_CREATE_VM */
#define UAPI_VM_TYPE_SEV   2
#define UAPI_VM_TYPE_SEVES 3
#define UAPI_VM_TYPE_SNP   4

/* KVM_GET_DEVICE_ATTR on /dev/kvm */
#define UAPI_GROUP_SEV              1
#define UAPI_SEV_ATTR_VMSA_FEATURES 0
#define UAPI_SEV_ATTR_SNP_POLICY    1
#define UAPI_SEV_ATTR_SNP_REQ_CERTS 2

/* KVM_MEMORY_ENCRYPT_OP: struct uapi_sev_command's id */
#define UAPI_SEV_INIT               0
#define UAPI_SEV_ES_INIT            1
#define UAPI_SEV_LAUNCH_START       2
#define UAPI_SEV_LAUNCH_UPDATE_DATA 3
#define UAPI_SEV_LAUNCH_UPDATE_VMSA 4
#define UAPI_SEV_LAUNCH_SECRET      5
#define UAPI_SEV_LAUNCH_MEASURE     6
#define UAPI_SEV_LAUNCH_FINISH      7
#define UAPI_SEV_SEND_START         8
#define UAPI_SEV_SEND_UPDATE_DATA   9
#define UAPI_SEV_SEND_FINISH        11
#define UAPI_SEV_RECEIVE_START      12
#define UAPI_SEV_RECEIVE_UPDATE     13
#define UAPI_SEV_RECEIVE_FINISH     15
#define UAPI_SEV_GUEST_STATUS       16
#define UAPI_SEV_DBG_DECRYPT        17
#define UAPI_SEV_DBG_ENCRYPT        18
#define UAPI_SEV_GET_REPORT         20
#define UAPI_SEV_SEND_CANCEL        21
#define UAPI_SEV_INIT2              22
#define UAPI_SNP_LAUNCH_START       100
#define UAPI_SNP_LAUNCH_UPDATE      101
#define UAPI_SNP_LAUNCH_FINISH      102
#define UAPI_SNP_ENABLE_REQ_CERTS   103

/* Page types of SNP_LAUNCH_UPDATE; the firmware's numbers (SEV-SNP firmware ABI, 8.17). */
#define UAPI_SNP_PAGE_NORMAL     1
#define UAPI_SNP_PAGE_ZERO       3
#define UAPI_SNP_PAGE_UNMEASURED 4
#define UAPI_SNP_PAGE_SECRETS    5
#define UAPI_SNP_PAGE_CPUID      6

/* The largest session or certificate blob that KVM takes. */
#define UAPI_SEV_BLOB_MAX 0x4000u

struct uapi_sev_command {
	uint32_t id;
	uint32_t pad0;
	uint64_t data;
	uint32_t error; /* firmware status; left alone if no firmware command ran */
	uint32_t sev_fd;
};

struct uapi_sev_init2 {
	uint64_t vmsa_features;
	uint32_t flags;
	uint16_t ghcb_version;
	uint16_t pad1;
	uint32_t pad2[8];
};

struct uapi_sev_launch_start {
	uint32_t handle;
	uint32_t policy;
	uint64_t dh_uaddr;
	uint32_t dh_len;
	uint32_t pad0;
	uint64_t session_uaddr;
	uint32_t session_len;
	uint32_t pad1;
};

/* LAUNCH_UPDATE_DATA and LAUNCH_MEASURE. */
struct uapi_sev_buffer {
	uint64_t uaddr;
	uint32_t len;
	uint32_t pad0;
};

struct uapi_sev_launch_secret {
	uint64_t header_uaddr;
	uint32_t header_len;
	uint32_t pad0;
	uint64_t guest_uaddr;
	uint32_t guest_len;
	uint32_t pad1;
	uint64_t payload_uaddr;
	uint32_t payload_len;
	uint32_t pad2;
};

struct uapi_sev_guest_status {
	uint32_t handle;
	uint32_t policy;
	uint32_t state;
};

struct uapi_sev_debug {
	uint64_t src_uaddr;
	uint64_t dst_uaddr;
	uint32_t len;
	uint32_t pad0;
};

struct uapi_sev_report {
	uint8_t mnonce[16];
	uint64_t uaddr;
	uint32_t len;
	uint32_t pad0;
};

struct uapi_snp_launch_start {
	uint64_t policy;
	uint8_t gosvw[16];
	uint16_t flags;
	uint8_t pad0[6];
	uint64_t pad1[4];
};

struct uapi_snp_launch_update {
	uint64_t gfn_start;
	uint64_t uaddr;
	uint64_t len;
	uint8_t type;
	uint8_t pad0;
	uint16_t flags;
	uint32_t pad1;
	uint64_t pad2[4];
};

struct uapi_snp_launch_finish {
	uint64_t id_block_uaddr;
	uint64_t id_auth_uaddr;
	uint8_t id_block_en;
	uint8_t auth_key_en;
	uint8_t vcek_disabled;
	uint8_t host_data[32];
	uint8_t pad0[3];
	uint16_t flags;
	uint64_t pad1[4];
};

/* A CPUID page (SEV-SNP firmware ABI, 8.17.2.6). */
#define UAPI_SNP_CPUID_MAX 64

struct uapi_snp_cpuid_entry {
	uint32_t eax_in;
	uint32_t ecx_in;
	uint64_t xcr0_in;
	uint64_t xss_in;
	uint32_t eax;
	uint32_t ebx;
	uint32_t ecx;
	uint32_t edx;
	uint64_t reserved;
};

struct uapi_snp_cpuid_table {
	uint32_t count;
	uint32_t reserved1;
	uint64_t reserved2;
	struct uapi_snp_cpuid_entry entries[UAPI_SNP_CPUID_MAX];
};

/* KVM_RUN */
#define UAPI_EXIT_SNP_REQ_CERTS    43
#define UAPI_SYSTEM_EVENT_SEV_TERM 6 /* KVM_EXIT_SYSTEM_EVENT's type; data: the GHCB MSR */

/* The union of struct kvm_run for UAPI_EXIT_SNP_REQ_CERTS. */
struct uapi_snp_req_certs {
	uint64_t gpa;
	uint64_t npages;
	uint64_t ret; /* a positive errno: 0, ENOSPC, EAGAIN or EIO */
};

/* /dev/sev: the only ioctl, and the commands that need no right to write. */
#define UAPI_SEV_ISSUE_CMD           0xc0105300ul
#define UAPI_SEV_PLATFORM_STATUS     1
#define UAPI_SEV_SNP_PLATFORM_STATUS 9

struct uapi_sev_issue {
	uint32_t cmd;
	uint64_t data;
	uint32_t error;
} __attribute__((packed));

#define UAPI_SEV_STATE_UNINIT    0
#define UAPI_SEV_FLAGS_CONFIG_ES 0x100u

struct uapi_sev_status {
	uint8_t api_major;
	uint8_t api_minor;
	uint8_t state;
	uint32_t flags;
	uint8_t build;
	uint32_t guest_count;
} __attribute__((packed));

struct uapi_snp_status {
	uint8_t api_major;
	uint8_t api_minor;
	uint8_t state; /* 0: not initialized */
	uint8_t is_rmp_initialized;
	uint32_t build_id;
	uint32_t features;
	uint32_t guest_count;
	uint64_t current_tcb;
	uint64_t reported_tcb;
} __attribute__((packed));

#endif
