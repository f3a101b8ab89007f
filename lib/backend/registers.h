/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The registers that an image gives a vCPU, as KVM takes them. */
#ifndef COCO_BACKEND_REGISTERS_H
#define COCO_BACKEND_REGISTERS_H

#include "image/image.h"

struct kvm_debugregs;
struct kvm_msrs;
struct kvm_regs;
struct kvm_sregs;
struct kvm_xcrs;

/* What a vCPU starts with: that of KVM, to be changed. */
struct coco_registers {
	struct kvm_sregs *sregs;
	struct kvm_regs *regs;
	struct kvm_xcrs *xcrs;
	struct kvm_debugregs *debugregs;
	struct kvm_msrs *msrs;
	void *xsave; /* an XSAVE area in the standard format */
};

/* Puts what the image says in place of what is there. What it has no say in stays. */
void coco_registers_apply(const struct coco_image_vcpu *state, const struct coco_registers *to);

#endif
