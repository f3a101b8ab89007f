/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Telling listeners, and having them take back what they did. */
#ifndef COCO_CORE_LISTENER_H
#define COCO_CORE_LISTENER_H

#include <cocoreset/listener.h>

#include "core/guest.h"

/*
 * Tells those that listen to the event, one after the other, up to the first that refuses: its
 * errno. Who was told is remembered for coco_listeners_undo(). Without the guest's lock.
 */
int coco_listeners_ask(struct coco_guest *guest, const struct coco_occasion *occasion,
		       struct coco_error *error);
/* Tells all of them, whatever they answer. */
void coco_listeners_tell(struct coco_guest *guest, const struct coco_occasion *occasion);

/* That an old incarnation is gone. Safe with the guest's lock held. */
void coco_tell_retired(struct coco_guest *guest, uint64_t generation);

/* How many have been told so far in this launch or reset. */
size_t coco_listeners_told(const struct coco_guest *guest);
/* Has all but the first `told` of them take it back, the latest first. */
void coco_listeners_undo(struct coco_guest *guest, size_t told);
/* There is nothing to take back any more. */
void coco_listeners_settle(struct coco_guest *guest);

void coco_listeners_release(struct coco_guest *guest);

#endif
