/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * /dev/sev, the secure processor. KVM remembers the *number* of its descriptor at launch and looks
 * it up again whenever the guest asks the firmware for something, so it is opened once for a
 * host and stays open at that number until the host is gone.
 */
#ifndef COCO_KVM_SEV_DEVICE_H
#define COCO_KVM_SEV_DEVICE_H

#include "kvm/seam.h"
#include "kvm/uapi_sev.h"

/* The descriptor, opened by the first call, or an errno. Any thread. */
int coco_sev_device(struct coco_seam *seam, struct coco_error *error);

/* What the firmware says of itself; `cmd` decides which struct `status` is. */
int coco_sev_device_status(struct coco_seam *seam, uint32_t cmd, void *status,
			   struct coco_error *error);

#endif
