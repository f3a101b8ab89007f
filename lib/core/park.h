/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Bringing vCPU threads to rest, and letting them go.
 *
 * A thread that enters the guest writes its vCPU's `place` and then reads its
 * `attention`; a thread that wants it to stay out writes `attention` and then reads
 * `place`. Both are sequentially consistent, so at least one sees the other: either the
 * vCPU's thread comes to rest by itself, or it is seen inside and pulled out. Once a
 * vCPU is at rest, and attention says HOLD, it stays so until it is let go.
 */
#ifndef COCO_CORE_PARK_H
#define COCO_CORE_PARK_H

#include "core/guest.h"

/*
 * Waits until every vCPU is at rest; those that the calling thread itself is handling an exit of
 * count as such. On -ETIMEDOUT they are still held: let them go.
 * With the guest's lock held, which is given up while waiting.
 */
int coco_park(struct coco_guest *guest, struct coco_error *error);

/* The calling thread's own vCPUs give up what they read from kvm_run. With the lock held. */
void coco_park_own(struct coco_guest *guest);

/* Lets vCPU threads enter the guest. With the lock held. */
void coco_unpark(struct coco_guest *guest);

/* Makes all threads leave coco_vcpu_run() for good. With the lock held. */
void coco_park_stop(struct coco_guest *guest);

/*
 * Makes a vCPU's thread leave KVM_RUN if it is inside. For vCPUs that were not held before: those
 * that are do not enter, and may have no kvm_run. With the lock held.
 */
void coco_vcpu_pull(struct coco_vcpu *vcpu);

/*
 * Takes back what pulling it left behind, so that its next EINTR is not taken for
 * that. Its kvm_run is mapped.
 */
void coco_vcpu_unpull(struct coco_vcpu *vcpu);

#endif
