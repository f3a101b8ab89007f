/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "kvm/seam.h"

#include "kvm/uapi.h"
#include "kvm/uapi_sev.h"

#define NAMED(request)                                                                             \
	case request:                                                                              \
		return #request

const char *coco_seam_request_name(unsigned long request)
{
	switch (request) {
		NAMED(KVM_CHECK_EXTENSION);
		NAMED(KVM_CREATE_IRQCHIP);
		NAMED(KVM_CREATE_VCPU);
		NAMED(KVM_CREATE_VM);
		NAMED(KVM_ENABLE_CAP);
		NAMED(KVM_GET_API_VERSION);
		NAMED(KVM_GET_CPUID2);
		NAMED(KVM_GET_DEBUGREGS);
		NAMED(KVM_GET_DEVICE_ATTR);
		NAMED(KVM_GET_LAPIC);
		NAMED(KVM_GET_MP_STATE);
		NAMED(KVM_GET_MSRS);
		NAMED(KVM_GET_MSR_INDEX_LIST);
		NAMED(KVM_GET_REGS);
		NAMED(KVM_GET_SREGS);
		NAMED(KVM_GET_SUPPORTED_CPUID);
		NAMED(KVM_GET_VCPU_EVENTS);
		NAMED(KVM_GET_VCPU_MMAP_SIZE);
		NAMED(KVM_GET_XCRS);
		NAMED(KVM_GET_XSAVE);
		NAMED(KVM_GET_XSAVE2);
		NAMED(KVM_MEMORY_ENCRYPT_OP);
		NAMED(KVM_MEMORY_ENCRYPT_REG_REGION);
		NAMED(KVM_RUN);
		NAMED(KVM_SET_CPUID2);
		NAMED(KVM_SET_DEBUGREGS);
		NAMED(KVM_SET_LAPIC);
		NAMED(KVM_SET_MP_STATE);
		NAMED(KVM_SET_MSRS);
		NAMED(KVM_SET_REGS);
		NAMED(KVM_SET_SREGS);
		NAMED(KVM_SET_USER_MEMORY_REGION);
		NAMED(KVM_SET_VCPU_EVENTS);
		NAMED(KVM_SET_XCRS);
		NAMED(KVM_SET_XSAVE);
	case UAPI_CREATE_GUEST_MEMFD:
		return "KVM_CREATE_GUEST_MEMFD";
	case UAPI_SEV_ISSUE_CMD:
		return "SEV_ISSUE_CMD";
	case UAPI_SET_MEMORY_ATTRIBUTES:
		return "KVM_SET_MEMORY_ATTRIBUTES";
	case UAPI_SET_USER_MEMORY_REGION2:
		return "KVM_SET_USER_MEMORY_REGION2";
	default:
		return "ioctl";
	}
}
