/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The state machine: what leads where, and which call may be made when. */
#ifndef COCO_CORE_STATE_H
#define COCO_CORE_STATE_H

#include "core/guest.h"

/* A call that changes a guest. Only one is under way at a time. */
struct coco_operation {
	const char *call;
	uint32_t allowed; /* states, as 1 << enum coco_state */
};

extern const struct coco_operation coco_operation_add_memory;
extern const struct coco_operation coco_operation_adopt;
extern const struct coco_operation coco_operation_hand_over_fd;
extern const struct coco_operation coco_operation_configure;
extern const struct coco_operation coco_operation_listen;
extern const struct coco_operation coco_operation_launch;
extern const struct coco_operation coco_operation_reset;
extern const struct coco_operation coco_operation_park;
extern const struct coco_operation coco_operation_resume;
extern const struct coco_operation coco_operation_teardown;
/* Reads guest memory, which stays as it is meanwhile as far as this library is concerned. */
extern const struct coco_operation coco_operation_read_memory;

/* Begins an operation if the state allows it and no other is under way. With the guest's lock held.
 */
int coco_operation_begin(struct coco_guest *guest, const struct coco_operation *operation,
			 struct coco_error *error);
/* Ends it and wakes whoever waits for that. With the guest's lock held. */
void coco_operation_end(struct coco_guest *guest);

/* Has it a VM that nobody changes? With the guest's lock held. */
bool coco_state_has_vm(const struct coco_guest *guest);

/* Changes the state, if the table allows that, and traces it. With the guest's lock held. */
void coco_state_move(struct coco_guest *guest, enum coco_state to);

#endif
