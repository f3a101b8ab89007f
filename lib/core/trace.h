/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Trace events, and the times of the phases of a launch or reset. */
#ifndef COCO_CORE_TRACE_H
#define COCO_CORE_TRACE_H

#include "core/guest.h"

void coco_trace_state(struct coco_guest *guest, enum coco_state state);

/* An old incarnation has been given back in the background. With the guest's lock held. */
void coco_trace_retired(struct coco_guest *guest, uint64_t generation);

/* A launch or reset begins: its phases' times are 0. */
void coco_phases_begin(struct coco_guest *guest);
void coco_phase_begin(struct coco_guest *guest, enum coco_phase phase, uint64_t generation);
/* Returns `result`. */
int coco_phase_end(struct coco_guest *guest, enum coco_phase phase, uint64_t generation,
		   int result);

#endif
