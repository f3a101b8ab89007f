/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Holds uapi.h against the system's headers, where those know the same things. */
#include "kvm/uapi.h"

#include <assert.h>

#define SAME(ours, theirs)      static_assert((ours) == (theirs), #ours " is not " #theirs)
#define SAME_SIZE(ours, theirs) SAME(sizeof(struct ours), sizeof(struct theirs))
#define SAME_PLACE(ours, theirs, member)                                                           \
	SAME(offsetof(struct ours, member), offsetof(struct theirs, member))

SAME(offsetof(struct kvm_run, hw), UAPI_RUN_UNION_OFFSET);
SAME(offsetof(struct kvm_run, hypercall), UAPI_RUN_UNION_OFFSET);

/* The sizes and numbers that Linux 7.2's headers give. */
SAME(sizeof(struct uapi_memory_region2), 160);
SAME(sizeof(struct uapi_memory_attributes), 32);
SAME(sizeof(struct uapi_create_guest_memfd), 64);

#ifdef KVM_SET_USER_MEMORY_REGION2
SAME(UAPI_SET_USER_MEMORY_REGION2, KVM_SET_USER_MEMORY_REGION2);
SAME(UAPI_MEM_GUEST_MEMFD, KVM_MEM_GUEST_MEMFD);
SAME_SIZE(uapi_memory_region2, kvm_userspace_memory_region2);
SAME_PLACE(uapi_memory_region2, kvm_userspace_memory_region2, userspace_addr);
SAME_PLACE(uapi_memory_region2, kvm_userspace_memory_region2, guest_memfd_offset);
SAME_PLACE(uapi_memory_region2, kvm_userspace_memory_region2, guest_memfd);
#endif

#ifdef KVM_SET_MEMORY_ATTRIBUTES
SAME(UAPI_SET_MEMORY_ATTRIBUTES, KVM_SET_MEMORY_ATTRIBUTES);
SAME(UAPI_MEMORY_ATTRIBUTE_PRIVATE, KVM_MEMORY_ATTRIBUTE_PRIVATE);
SAME_SIZE(uapi_memory_attributes, kvm_memory_attributes);
SAME_PLACE(uapi_memory_attributes, kvm_memory_attributes, attributes);
#endif

#ifdef KVM_CREATE_GUEST_MEMFD
SAME(UAPI_CREATE_GUEST_MEMFD, KVM_CREATE_GUEST_MEMFD);
SAME_SIZE(uapi_create_guest_memfd, kvm_create_guest_memfd);
SAME_PLACE(uapi_create_guest_memfd, kvm_create_guest_memfd, flags);
#endif

#ifdef GUEST_MEMFD_FLAG_MMAP
SAME(UAPI_GUEST_MEMFD_FLAG_MMAP, GUEST_MEMFD_FLAG_MMAP);
SAME(UAPI_GUEST_MEMFD_FLAG_INIT_SHARED, GUEST_MEMFD_FLAG_INIT_SHARED);
SAME(UAPI_CAP_GUEST_MEMFD_FLAGS, KVM_CAP_GUEST_MEMFD_FLAGS);
#endif

#ifdef KVM_CAP_VM_TYPES
SAME(UAPI_CAP_USER_MEMORY2, KVM_CAP_USER_MEMORY2);
SAME(UAPI_CAP_MEMORY_ATTRIBUTES, KVM_CAP_MEMORY_ATTRIBUTES);
SAME(UAPI_CAP_GUEST_MEMFD, KVM_CAP_GUEST_MEMFD);
SAME(UAPI_CAP_VM_TYPES, KVM_CAP_VM_TYPES);
SAME(UAPI_VM_TYPE_DEFAULT, KVM_X86_DEFAULT_VM);
SAME(UAPI_VM_TYPE_SW_PROTECTED, KVM_X86_SW_PROTECTED_VM);
#endif

#ifdef KVM_EXIT_MEMORY_FAULT
SAME(UAPI_EXIT_MEMORY_FAULT, KVM_EXIT_MEMORY_FAULT);
SAME(UAPI_MEMORY_EXIT_FLAG_PRIVATE, KVM_MEMORY_EXIT_FLAG_PRIVATE);
SAME(offsetof(struct kvm_run, memory_fault), UAPI_RUN_UNION_OFFSET);
#endif

#ifdef KVM_MAP_GPA_RANGE_ENCRYPTED
SAME(UAPI_MAP_GPA_RANGE_ENCRYPTED, KVM_MAP_GPA_RANGE_ENCRYPTED);
#endif
