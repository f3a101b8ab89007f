/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef COCO_BACKEND_LOADER_VCPU_H
#define COCO_BACKEND_LOADER_VCPU_H

#include "backend/backend.h"

/* What coco_loader_vcpu_copy() needs as launch->scratch. */
#define COCO_LOADER_VCPU_SCRATCH 0x200000u

/*
 * Copies the launch image into private memory by a few instructions on vCPU 0,
 * whose registers are changed by that. A memory slot that the guest never sees
 * carries code, page tables and data for as long as this takes.
 */
int coco_loader_vcpu_copy(const struct coco_launch *launch, struct coco_error *error);

#endif
