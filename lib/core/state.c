/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/state.h"

#include "base/error.h"
#include "core/park.h"
#include "core/trace.h"

#include <errno.h>

#define IN(state) (1u << COCO_STATE_##state)

static const struct {
	const char *name;
	uint32_t next;
} states[] = {
	[COCO_STATE_CONFIGURED] = {"configured", IN(LAUNCHING) | IN(DEAD)},
	[COCO_STATE_LAUNCHING] = {"launching", IN(RUNNABLE) | IN(DOWN)},
	[COCO_STATE_RUNNABLE] = {"runnable", IN(PARKED)},
	[COCO_STATE_PARKED] = {"parked", IN(RUNNABLE) | IN(RESETTING) | IN(DOWN) | IN(DEAD)},
	[COCO_STATE_RESETTING] = {"resetting", IN(RUNNABLE) | IN(PARKED) | IN(DOWN)},
	[COCO_STATE_DOWN] = {"down", IN(LAUNCHING) | IN(RESETTING) | IN(DEAD)},
	[COCO_STATE_DEAD] = {"dead", 0},
};

const struct coco_operation coco_operation_add_memory = {
	"coco_guest_add_memory",
	IN(CONFIGURED),
};
const struct coco_operation coco_operation_adopt = {
	"coco_guest_adopt",
	IN(CONFIGURED),
};
const struct coco_operation coco_operation_hand_over_fd = {
	"coco_guest_hand_over_fd",
	IN(RUNNABLE) | IN(PARKED),
};
const struct coco_operation coco_operation_configure = {
	"configuring",
	IN(CONFIGURED) | IN(RUNNABLE) | IN(PARKED) | IN(DOWN),
};
const struct coco_operation coco_operation_listen = {
	"changing listeners",
	IN(CONFIGURED) | IN(RUNNABLE) | IN(PARKED) | IN(DOWN),
};
const struct coco_operation coco_operation_launch = {
	"coco_guest_launch",
	IN(CONFIGURED) | IN(DOWN),
};
const struct coco_operation coco_operation_reset = {
	"coco_guest_reset",
	IN(RUNNABLE) | IN(PARKED) | IN(DOWN),
};
const struct coco_operation coco_operation_park = {
	"coco_guest_park",
	IN(RUNNABLE) | IN(PARKED),
};
const struct coco_operation coco_operation_resume = {
	"coco_guest_resume",
	IN(RUNNABLE) | IN(PARKED),
};
const struct coco_operation coco_operation_teardown = {
	"coco_guest_teardown",
	IN(CONFIGURED) | IN(RUNNABLE) | IN(PARKED) | IN(DOWN) | IN(DEAD),
};

const struct coco_operation coco_operation_read_memory = {
	"coco_guest_stage_from_guest",
	IN(RUNNABLE) | IN(PARKED),
};

const char *coco_state_name(uint32_t state)
{
	if (state < COCO_STATE_CONFIGURED || state > COCO_STATE_DEAD)
		return "unknown";
	return states[state].name;
}

int coco_operation_begin(struct coco_guest *guest, const struct coco_operation *operation,
			 struct coco_error *error)
{
	if (guest->operation)
		coco_park_own(guest);
	while (guest->operation)
		pthread_cond_wait(&guest->changed, &guest->lock);
	if (!(operation->allowed & 1u << guest->state))
		return coco_fail_field(error, -EBUSY, "state", "%s: not while the guest is %s",
				       operation->call, coco_state_name(guest->state));
	guest->operation = operation;
	return 0;
}

void coco_operation_end(struct coco_guest *guest)
{
	guest->operation = NULL;
	guest->operations++;
	pthread_cond_broadcast(&guest->changed);
}

bool coco_state_has_vm(const struct coco_guest *guest)
{
	return guest->state == COCO_STATE_RUNNABLE || guest->state == COCO_STATE_PARKED;
}

void coco_state_move(struct coco_guest *guest, enum coco_state to)
{
	if (!(states[guest->state].next & 1u << to)) {
		coco_log(&guest->seam->log, COCO_LOG_ERROR, "defect: no way from state %s to %s",
			 coco_state_name(guest->state), coco_state_name(to));
		return;
	}
	guest->state = to;
	coco_trace_state(guest, to);
}
