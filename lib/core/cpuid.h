/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef COCO_CORE_CPUID_H
#define COCO_CORE_CPUID_H

#include "core/guest.h"

/*
 * A copy of the caller's CPUID, or what the kernel supports if that is NULL. The
 * caller frees *out.
 */
int coco_cpuid_new(struct coco_seam *seam, const struct kvm_cpuid2 *given, struct kvm_cpuid2 **out,
		   struct coco_error *error);
/* What the vCPUs' physical addresses can reach. */
uint64_t coco_cpuid_gpa_end(const struct kvm_cpuid2 *cpuid);
/* KVM_SET_CPUID2 with the vCPU's own APIC id. */
int coco_cpuid_set(struct coco_guest *guest, int vcpu_fd, uint32_t apic_id,
		   struct coco_error *error);

#endif
