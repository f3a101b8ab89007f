/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Conversions of guest memory between its shared and its private side. */
#ifndef COCO_CORE_CONVERT_H
#define COCO_CORE_CONVERT_H

#include "core/guest.h"

/* Marks memory private in an incarnation that is being built. Nobody is told. */
int coco_convert_at_launch(struct coco_guest *guest, struct coco_incarnation *incarnation,
			   uint64_t gpa, uint64_t size, struct coco_error *error);

/*
 * Serves KVM_EXIT_HYPERCALL with KVM_HC_MAP_GPA_RANGE: the guest's request may be anything,
 * and is told in kvm_run whether it was granted. Fails only if the host does.
 */
int coco_convert_serve_request(struct coco_vcpu *vcpu, struct coco_error *error);

/*
 * Serves KVM_EXIT_MEMORY_FAULT: the guest touched memory on the side that it is
 * not on. -EFAULT if that can't be helped.
 */
int coco_convert_serve_fault(struct coco_vcpu *vcpu, struct coco_error *error);

#endif
