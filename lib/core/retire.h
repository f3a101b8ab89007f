/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Incarnations that no handle leads to any more, on their way back to the kernel. Whoever drops the
 * last reference of a VM pays for its destruction, and private memory takes long to give back: that
 * is done in bounded steps, by a thread of the library's or by the VMM, beside the guest's
 * next life.
 */
#ifndef COCO_CORE_RETIRE_H
#define COCO_CORE_RETIRE_H

#include "core/guest.h"

/* Puts an incarnation into the queue. Nobody begins with it yet. Any thread, without the lock. */
void coco_retire_later(struct coco_guest *guest, struct coco_incarnation *incarnation);

/* The library's thread stops after its next step: a reset comes first. With the lock held. */
void coco_retire_hold(struct coco_guest *guest);

/* Has the queue worked off in the background: by the VMM if it asked for that. With the lock held.
 */
void coco_retire_begin(struct coco_guest *guest);

/*
 * Works the queue off until at most `incarnations` are left in it, holding at most `bytes` of
 * private memory. Not infallible only for what still has a handle of the guest. With the lock held,
 * which is given up meanwhile.
 */
int coco_retire_down_to(struct coco_guest *guest, uint32_t incarnations, uint64_t bytes,
			struct coco_error *error);

/* Gives everything back that can be, and forgets the rest: the guest is being freed. */
void coco_retire_rest(struct coco_guest *guest);

/* Ends the thread, if there is one. Without the lock. */
void coco_retire_stop(struct coco_guest *guest);

#endif
