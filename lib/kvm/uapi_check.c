/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Holds uapi.h, uapi_sev.h and uapi_tdx.h against the system's headers, where those know the same
 * things. */
#include "kvm/uapi.h"
#include "kvm/uapi_sev.h"
#include "kvm/uapi_tdx.h"

#include <assert.h>
#include <linux/psp-sev.h>

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

/* The sizes and places that Linux 7.2's headers give. */
SAME(sizeof(struct uapi_sev_command), 24);
SAME(offsetof(struct uapi_sev_command, error), 16);
SAME(sizeof(struct uapi_sev_init2), 48);
SAME(sizeof(struct uapi_sev_launch_start), 40);
SAME(sizeof(struct uapi_sev_buffer), 16);
SAME(sizeof(struct uapi_snp_launch_start), 64);
SAME(sizeof(struct uapi_snp_launch_update), 64);
SAME(sizeof(struct uapi_snp_launch_finish), 88);
SAME(offsetof(struct uapi_snp_launch_finish, host_data), 19);
SAME(sizeof(struct uapi_snp_cpuid_entry), 48);
SAME(sizeof(struct uapi_snp_cpuid_table), 3088);
SAME(sizeof(struct uapi_snp_status), 32);

/* In the headers since SEV's beginning. */
SAME(UAPI_SEV_INIT, KVM_SEV_INIT);
SAME(UAPI_SEV_ES_INIT, KVM_SEV_ES_INIT);
SAME(UAPI_SEV_LAUNCH_START, KVM_SEV_LAUNCH_START);
SAME(UAPI_SEV_LAUNCH_UPDATE_DATA, KVM_SEV_LAUNCH_UPDATE_DATA);
SAME(UAPI_SEV_LAUNCH_UPDATE_VMSA, KVM_SEV_LAUNCH_UPDATE_VMSA);
SAME(UAPI_SEV_LAUNCH_SECRET, KVM_SEV_LAUNCH_SECRET);
SAME(UAPI_SEV_LAUNCH_MEASURE, KVM_SEV_LAUNCH_MEASURE);
SAME(UAPI_SEV_LAUNCH_FINISH, KVM_SEV_LAUNCH_FINISH);
SAME_SIZE(uapi_sev_command, kvm_sev_cmd);
SAME_PLACE(uapi_sev_command, kvm_sev_cmd, data);
SAME_PLACE(uapi_sev_command, kvm_sev_cmd, error);
SAME_PLACE(uapi_sev_command, kvm_sev_cmd, sev_fd);
SAME_SIZE(uapi_sev_launch_start, kvm_sev_launch_start);
SAME_PLACE(uapi_sev_launch_start, kvm_sev_launch_start, dh_uaddr);
SAME_PLACE(uapi_sev_launch_start, kvm_sev_launch_start, session_uaddr);
SAME_PLACE(uapi_sev_launch_start, kvm_sev_launch_start, session_len);
SAME_SIZE(uapi_sev_launch_secret, kvm_sev_launch_secret);
SAME(offsetof(struct uapi_sev_launch_secret, header_uaddr),
     offsetof(struct kvm_sev_launch_secret, hdr_uaddr));
SAME_PLACE(uapi_sev_launch_secret, kvm_sev_launch_secret, guest_uaddr);
SAME_PLACE(uapi_sev_launch_secret, kvm_sev_launch_secret, guest_len);
SAME(offsetof(struct uapi_sev_launch_secret, payload_uaddr),
     offsetof(struct kvm_sev_launch_secret, trans_uaddr));
SAME(offsetof(struct uapi_sev_launch_secret, payload_len),
     offsetof(struct kvm_sev_launch_secret, trans_len));
SAME_SIZE(uapi_sev_buffer, kvm_sev_launch_update_data);
SAME_SIZE(uapi_sev_buffer, kvm_sev_launch_measure);
SAME(UAPI_SEV_ISSUE_CMD, SEV_ISSUE_CMD);
SAME(UAPI_SEV_PLATFORM_STATUS, SEV_PLATFORM_STATUS);
SAME_SIZE(uapi_sev_issue, sev_issue_cmd);
SAME_PLACE(uapi_sev_issue, sev_issue_cmd, data);
SAME_SIZE(uapi_sev_status, sev_user_data_status);
SAME_PLACE(uapi_sev_status, sev_user_data_status, flags);

#ifdef KVM_X86_SNP_VM
SAME(UAPI_VM_TYPE_SEV, KVM_X86_SEV_VM);
SAME(UAPI_VM_TYPE_SEVES, KVM_X86_SEV_ES_VM);
SAME(UAPI_VM_TYPE_SNP, KVM_X86_SNP_VM);
SAME(UAPI_SEV_INIT2, KVM_SEV_INIT2);
SAME(UAPI_SNP_LAUNCH_START, KVM_SEV_SNP_LAUNCH_START);
SAME(UAPI_SNP_LAUNCH_UPDATE, KVM_SEV_SNP_LAUNCH_UPDATE);
SAME(UAPI_SNP_LAUNCH_FINISH, KVM_SEV_SNP_LAUNCH_FINISH);
SAME(UAPI_GROUP_SEV, KVM_X86_GRP_SEV);
SAME(UAPI_SEV_ATTR_VMSA_FEATURES, KVM_X86_SEV_VMSA_FEATURES);
SAME_SIZE(uapi_sev_init2, kvm_sev_init);
SAME_PLACE(uapi_sev_init2, kvm_sev_init, ghcb_version);
SAME_SIZE(uapi_snp_launch_start, kvm_sev_snp_launch_start);
SAME_PLACE(uapi_snp_launch_start, kvm_sev_snp_launch_start, flags);
SAME_SIZE(uapi_snp_launch_update, kvm_sev_snp_launch_update);
SAME_PLACE(uapi_snp_launch_update, kvm_sev_snp_launch_update, type);
SAME_PLACE(uapi_snp_launch_update, kvm_sev_snp_launch_update, flags);
SAME_SIZE(uapi_snp_launch_finish, kvm_sev_snp_launch_finish);
SAME_PLACE(uapi_snp_launch_finish, kvm_sev_snp_launch_finish, host_data);
SAME_PLACE(uapi_snp_launch_finish, kvm_sev_snp_launch_finish, flags);
#endif

SAME(sizeof(struct uapi_snp_req_certs), 24);

#ifdef KVM_EXIT_SNP_REQ_CERTS
SAME(UAPI_EXIT_SNP_REQ_CERTS, KVM_EXIT_SNP_REQ_CERTS);
SAME(UAPI_SNP_ENABLE_REQ_CERTS, KVM_SEV_SNP_ENABLE_REQ_CERTS);
SAME(UAPI_SEV_ATTR_SNP_REQ_CERTS, KVM_X86_SEV_SNP_REQ_CERTS);
SAME(offsetof(struct kvm_run, snp_req_certs), UAPI_RUN_UNION_OFFSET);
#endif

#ifdef KVM_SYSTEM_EVENT_SEV_TERM
SAME(UAPI_SYSTEM_EVENT_SEV_TERM, KVM_SYSTEM_EVENT_SEV_TERM);
#endif

/* The sizes and places that Linux 7.2's headers give. */
SAME(sizeof(struct uapi_tdx_command), 24);
SAME(offsetof(struct uapi_tdx_command, hw_error), 16);
SAME(sizeof(struct uapi_tdx_capabilities), 2056);
SAME(offsetof(struct uapi_tdx_capabilities, nent), 2048);
SAME(sizeof(struct uapi_tdx_init_vm), 264);
SAME(offsetof(struct uapi_tdx_init_vm, mrownerconfig), 112);
SAME(offsetof(struct uapi_tdx_init_vm, nent), 256);
SAME(sizeof(struct uapi_tdx_init_mem_region), 24);
SAME(offsetof(struct uapi_exit_tdx, ret), 16);
SAME(offsetof(struct uapi_exit_tdx, get_quote.size), 32);
SAME(offsetof(struct uapi_exit_tdx, get_info.r14), 56);
SAME(offsetof(struct kvm_run, system_event.data) - UAPI_RUN_UNION_OFFSET, 8);

#ifdef KVM_X86_TDX_VM
SAME(UAPI_VM_TYPE_TDX, KVM_X86_TDX_VM);
SAME(UAPI_TDX_CAPABILITIES, KVM_TDX_CAPABILITIES);
SAME(UAPI_TDX_INIT_VM, KVM_TDX_INIT_VM);
SAME(UAPI_TDX_INIT_VCPU, KVM_TDX_INIT_VCPU);
SAME(UAPI_TDX_INIT_MEM_REGION, KVM_TDX_INIT_MEM_REGION);
SAME(UAPI_TDX_FINALIZE_VM, KVM_TDX_FINALIZE_VM);
SAME(UAPI_TDX_MEASURE, KVM_TDX_MEASURE_MEMORY_REGION);
SAME_SIZE(uapi_tdx_command, kvm_tdx_cmd);
SAME_PLACE(uapi_tdx_command, kvm_tdx_cmd, hw_error);
SAME_SIZE(uapi_tdx_capabilities, kvm_tdx_capabilities);
SAME_PLACE(uapi_tdx_capabilities, kvm_tdx_capabilities, user_tdvmcallinfo_1_r11);
SAME_SIZE(uapi_tdx_init_vm, kvm_tdx_init_vm);
SAME_PLACE(uapi_tdx_init_vm, kvm_tdx_init_vm, mrownerconfig);
SAME_SIZE(uapi_tdx_init_mem_region, kvm_tdx_init_mem_region);
SAME_PLACE(uapi_tdx_init_mem_region, kvm_tdx_init_mem_region, nr_pages);
SAME(UAPI_CAP_APIC_BUS_CYCLES_NS, KVM_CAP_X86_APIC_BUS_CYCLES_NS);
#endif

#ifdef KVM_EXIT_TDX
SAME(UAPI_EXIT_TDX, KVM_EXIT_TDX);
SAME(UAPI_SYSTEM_EVENT_TDX_FATAL, KVM_SYSTEM_EVENT_TDX_FATAL);
SAME(offsetof(struct kvm_run, tdx), UAPI_RUN_UNION_OFFSET);
#endif
