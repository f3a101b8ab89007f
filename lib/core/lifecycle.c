/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Launch, park, resume and teardown. */
#include "core/lifecycle.h"

#include "core/check.h"
#include "core/clock.h"
#include "core/incarnation.h"
#include "core/listener.h"
#include "core/park.h"
#include "core/retire.h"
#include "core/source.h"
#include "core/state.h"
#include "core/trace.h"

int coco_retire_current(struct coco_guest *guest, struct coco_error *error)
{
	struct coco_incarnation *incarnation = guest->incarnation;
	int r = coco_incarnation_release(guest, incarnation, error);

	if (r)
		return r;
	coco_incarnation_install(guest, NULL);
	coco_incarnation_free(guest, incarnation);
	return 0;
}

void coco_start(struct coco_guest *guest)
{
	const uint64_t generation = atomic_fetch_add(&guest->generation, 1) + 1;

	coco_source_commit(guest);
	coco_state_move(guest, COCO_STATE_RUNNABLE);
	coco_phase_begin(guest, COCO_PHASE_RESUME, generation);
	if (guest->paused)
		coco_state_move(guest, COCO_STATE_PARKED);
	else
		coco_unpark(guest);
	coco_phase_end(guest, COCO_PHASE_RESUME, generation, 0);
	guest->phases.total_ns = coco_now_ns() - guest->phases.begin_ns;
	guest->last = guest->phases;
}

void coco_tell_end(struct coco_guest *guest, int r, const struct coco_error *error)
{
	const struct coco_occasion occasion = {
		.event = r ? COCO_EVENT_FAILED : COCO_EVENT_RESUMED,
		.generation = atomic_load(&guest->generation) + (r ? 1 : 0),
		.vm_fd = !r && coco_state_has_vm(guest) ? guest->number : -1,
		.vcpu_fd = -1,
		.error = r ? error : NULL,
	};

	if (!guest->listeners)
		return;
	pthread_mutex_unlock(&guest->lock);
	if (r)
		coco_listeners_undo(guest, 0);
	coco_listeners_settle(guest);
	coco_listeners_tell(guest, &occasion);
	pthread_mutex_lock(&guest->lock);
}

int coco_build_in_place(struct coco_guest *guest, struct coco_error *error)
{
	const uint64_t generation = atomic_load(&guest->generation) + 1;
	struct coco_incarnation *incarnation;
	int r;

	r = coco_incarnation_new(guest, generation, &incarnation, error);
	if (r)
		return r;
	coco_incarnation_install(guest, incarnation);
	r = coco_incarnation_build(guest, incarnation, error);
	if (r)
		(void)coco_retire_current(guest, NULL);
	return r;
}

/* Without the lock. What an earlier try has left goes first. */
static int launch(struct coco_guest *guest, struct coco_error *error)
{
	int r = coco_retire_current(guest, error);

	return r ? r : coco_build_in_place(guest, error);
}

int coco_guest_launch(struct coco_guest *guest, struct coco_error *error)
{
	struct coco_error result = {0};
	int r;

	pthread_mutex_lock(&guest->lock);
	r = coco_operation_begin(guest, &coco_operation_launch, error);
	if (r) {
		pthread_mutex_unlock(&guest->lock);
		return r;
	}
	coco_phases_begin(guest);
	coco_source_choose(guest);
	r = coco_check(guest, &result);
	if (!r)
		r = coco_retire_down_to(guest, 0, 0, &result);
	if (!r) {
		coco_state_move(guest, COCO_STATE_LAUNCHING);
		pthread_mutex_unlock(&guest->lock);
		r = launch(guest, &result);
		pthread_mutex_lock(&guest->lock);
		if (r)
			coco_state_move(guest, COCO_STATE_DOWN);
		else
			coco_start(guest);
		coco_tell_end(guest, r, &result);
	}
	if (r && error)
		*error = result;
	coco_source_let_go(guest);
	coco_operation_end(guest);
	pthread_mutex_unlock(&guest->lock);
	return r;
}

int coco_park_guest(struct coco_guest *guest, struct coco_error *error)
{
	int r = coco_park(guest, error);

	if (r && guest->state == COCO_STATE_RUNNABLE)
		coco_unpark(guest);
	if (!r && guest->state == COCO_STATE_RUNNABLE)
		coco_state_move(guest, COCO_STATE_PARKED);
	return r;
}

int coco_guest_park(struct coco_guest *guest, struct coco_error *error)
{
	int r;

	pthread_mutex_lock(&guest->lock);
	r = coco_operation_begin(guest, &coco_operation_park, error);
	if (!r) {
		if (guest->state == COCO_STATE_RUNNABLE)
			r = coco_park_guest(guest, error);
		guest->paused = !r;
		coco_operation_end(guest);
	}
	pthread_mutex_unlock(&guest->lock);
	return r;
}

int coco_guest_resume(struct coco_guest *guest, struct coco_error *error)
{
	int r;

	pthread_mutex_lock(&guest->lock);
	r = coco_operation_begin(guest, &coco_operation_resume, error);
	if (!r) {
		guest->paused = false;
		if (guest->state == COCO_STATE_PARKED) {
			coco_state_move(guest, COCO_STATE_RUNNABLE);
			coco_unpark(guest);
		}
		coco_operation_end(guest);
	}
	pthread_mutex_unlock(&guest->lock);
	return r;
}

static int teardown(struct coco_guest *guest, struct coco_error *error)
{
	int r = 0;

	if (guest->state == COCO_STATE_DEAD)
		return 0;
	if (guest->state != COCO_STATE_CONFIGURED)
		r = coco_park_guest(guest, error);
	if (r)
		return r;
	coco_park_own(guest);
	r = coco_retire_current(guest, error);
	if (!r)
		r = coco_retire_down_to(guest, 0, 0, error);
	if (r) {
		/* The incarnation is not whole any more: there is no way back to running. */
		if (guest->state == COCO_STATE_PARKED)
			coco_state_move(guest, COCO_STATE_DOWN);
		return r;
	}
	coco_state_move(guest, COCO_STATE_DEAD);
	coco_park_stop(guest);
	return 0;
}

int coco_guest_teardown(struct coco_guest *guest, struct coco_error *error)
{
	int r;

	pthread_mutex_lock(&guest->lock);
	r = coco_operation_begin(guest, &coco_operation_teardown, error);
	if (!r) {
		r = teardown(guest, error);
		coco_operation_end(guest);
	}
	pthread_mutex_unlock(&guest->lock);
	return r;
}
