/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Exits that are a technology's own: its backend answers them. */
#ifndef COCO_CORE_SERVE_H
#define COCO_CORE_SERVE_H

#include "core/guest.h"

/* After a KVM_RUN that succeeded; called by the vCPU's thread, without locks. */
enum coco_served coco_serve_exit(struct coco_vcpu *vcpu);

#endif
