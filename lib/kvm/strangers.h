/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What this process has of KVM that is not in the ledger, and so may keep a VM alive that was to be
 * gone: descriptors and mappings, by the names that the kernel gives them in /proc/self (proc(5)).
 * For messages; without /proc, and on platforms that are not the kernel, there is nothing to tell.
 */
#ifndef COCO_KVM_STRANGERS_H
#define COCO_KVM_STRANGERS_H

#include "kvm/seam.h"

/* "fd 17 (kvm-vcpu-stats), mapping at 0x7f... (kvm-vcpu:0)", "" if there are none. */
void coco_strangers_describe(struct coco_seam *seam, char *text, size_t size);

#endif
