/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef COCO_CORE_HOST_H
#define COCO_CORE_HOST_H

#include <cocoreset/host.h>
#include <stdatomic.h>

#include "kvm/seam.h"

struct coco_host {
	atomic_uint references; /* the caller's and one per guest */
	struct coco_seam seam;
};

struct coco_host *coco_host_ref(struct coco_host *host);

#endif
