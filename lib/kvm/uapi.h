/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The part of KVM's user ABI that is younger than the oldest kernel headers the
 * library is built with (Linux 6.1, Debian 12), under names of our own. Everything older
 * comes from <linux/kvm.h>. uapi_check.c compares these numbers and layouts with
 * the system's headers when those are new enough.
 */
#ifndef COCO_KVM_UAPI_H
#define COCO_KVM_UAPI_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

/* ioctls */
#define UAPI_SET_USER_MEMORY_REGION2 0x40a0ae49ul
#define UAPI_SET_MEMORY_ATTRIBUTES   0x4020aed2ul
#define UAPI_CREATE_GUEST_MEMFD      0xc040aed4ul
#define UAPI_PRE_FAULT_MEMORY        0xc040aed5ul

/* KVM_CHECK_EXTENSION */
#define UAPI_CAP_USER_MEMORY2           231
#define UAPI_CAP_MEMORY_ATTRIBUTES      233
#define UAPI_CAP_GUEST_MEMFD            234
#define UAPI_CAP_VM_TYPES               235
#define UAPI_CAP_X86_APIC_BUS_CYCLES_NS 237
#define UAPI_CAP_GUEST_MEMFD_FLAGS      244

/* KVM_CAP_X2APIC_API */
#define UAPI_X2APIC_SUPPRESS_EOI_BROADCAST    (1ull << 2)
#define UAPI_X2APIC_NO_SUPPRESS_EOI_BROADCAST (1ull << 3)

/* KVM_CREATE_VM */
#define UAPI_VM_TYPE_DEFAULT      0
#define UAPI_VM_TYPE_SW_PROTECTED 1

/* memory */
#define UAPI_MEM_GUEST_MEMFD              (1u << 2)
#define UAPI_MEMORY_ATTRIBUTE_PRIVATE     (1ull << 3)
#define UAPI_GUEST_MEMFD_FLAG_MMAP        (1ull << 0)
#define UAPI_GUEST_MEMFD_FLAG_INIT_SHARED (1ull << 1)

/* KVM_RUN */
#define UAPI_EXIT_MEMORY_FAULT        39
#define UAPI_MEMORY_EXIT_FLAG_PRIVATE (1ull << 3)
#define UAPI_HC_MAP_GPA_RANGE         12
#define UAPI_MAP_GPA_RANGE_ENCRYPTED  (1ull << 4)

struct uapi_memory_region2 {
	uint32_t slot;
	uint32_t flags;
	uint64_t guest_phys_addr;
	uint64_t memory_size;
	uint64_t userspace_addr;
	uint64_t guest_memfd_offset;
	uint32_t guest_memfd;
	uint32_t pad1;
	uint64_t pad2[14];
};

struct uapi_memory_attributes {
	uint64_t address;
	uint64_t size;
	uint64_t attributes;
	uint64_t flags;
};

struct uapi_create_guest_memfd {
	uint64_t size;
	uint64_t flags;
	uint64_t reserved[6];
};

struct uapi_pre_fault_memory {
	uint64_t gpa;
	uint64_t size;
	uint64_t flags;
	uint64_t padding[5];
};

/* The union of struct kvm_run for UAPI_EXIT_MEMORY_FAULT. */
struct uapi_memory_fault {
	uint64_t flags;
	uint64_t gpa;
	uint64_t size;
};

/* Where the union of struct kvm_run starts: the same in every kernel. */
#define UAPI_RUN_UNION_OFFSET 32

#endif
