/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The guest's handles (descriptor numbers, kvm_run addresses, addresses of host memory) go from the
 * incarnation that has them to one that was built beside it.
 */
#ifndef COCO_CORE_TAKE_OVER_H
#define COCO_CORE_TAKE_OVER_H

#include "core/guest.h"

/*
 * On success guest->incarnation is `next`, and the old one, which no handle leads to any more,
 * waits to be retired (core/retire.h). On failure the old one has its handles, unless not even that
 * could be done: then it waits too, guest->incarnation is NULL, and the guest can only be built
 * anew. vCPUs are at rest.
 */
int coco_take_over(struct coco_guest *guest, struct coco_incarnation *next,
		   struct coco_error *error);

#endif
