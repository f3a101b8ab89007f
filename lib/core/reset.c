/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The reset as a transaction. In order: park, check, build, swap, resume, retire; what each step
 * can leave behind when it fails is told in docs/reset.md.
 */
#include "base/error.h"
#include "base/options.h"
#include "core/check.h"
#include "core/incarnation.h"
#include "core/lifecycle.h"
#include "core/listener.h"
#include "core/park.h"
#include "core/retire.h"
#include "core/scrub.h"
#include "core/source.h"
#include "core/state.h"
#include "core/trace.h"
#include "kvm/strangers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* Whether it may go well when less is held: by old incarnations, or by the one that runs. */
static bool is_shortage(const struct coco_guest *guest, const struct coco_error *error)
{
	const struct coco_backend *backend = guest->recipe.backend;

	switch (error->code) {
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
	case -ENOSPC:
	case -EDQUOT:
		return true;
	default:
		return backend->is_shortage && backend->is_shortage(error);
	}
}

/* --- sequential: the old incarnation goes first, with its last reference */

static int retire_all(struct coco_guest *guest, struct coco_error *error)
{
	const uint64_t generation = atomic_load(&guest->generation);
	const bool had = guest->incarnation;
	int r;

	coco_phase_begin(guest, COCO_PHASE_RETIRE, generation);
	pthread_mutex_lock(&guest->lock);
	r = coco_retire_down_to(guest, 0, 0, error);
	pthread_mutex_unlock(&guest->lock);
	if (!r)
		r = coco_retire_current(guest, error);
	r = coco_phase_end(guest, COCO_PHASE_RETIRE, generation, r);
	if (!r && had)
		coco_tell_retired(guest, generation);
	return r;
}

/* All that the ledger knows is gone: something else may hold an old VM, and what it has. */
static void name_holders(struct coco_guest *guest, struct coco_error *error)
{
	const size_t used = strlen(error->text);
	char strangers[160];

	coco_strangers_describe(guest->seam, strangers, sizeof(strangers));
	if (*strangers)
		snprintf(error->text + used, sizeof(error->text) - used,
			 "; what may keep an old VM alive: %s", strangers);
}

static int build_sequential(struct coco_guest *guest, struct coco_error *error)
{
	int r = 0;

	guest->attempt.strategy = COCO_STRATEGY_SEQUENTIAL;
	if (guest->incarnation || guest->retiring)
		r = retire_all(guest, error);
	if (!r)
		r = coco_build_in_place(guest, error);
	if (r && is_shortage(guest, error))
		name_holders(guest, error);
	return r;
}

/* --- overlap: the old incarnation goes when the new one has taken over */

/*
 * Too many that wait, or too much memory in them: this reset has to wait for some of it. Seen as a
 * phase if it takes any time.
 */
static int make_room(struct coco_guest *guest, struct coco_error *error)
{
	const uint64_t generation = atomic_load(&guest->generation);
	bool room;
	int r;

	pthread_mutex_lock(&guest->lock);
	room = guest->retiring_count < guest->max_retiring &&
	       guest->retiring_bytes <= guest->max_retiring_bytes;
	pthread_mutex_unlock(&guest->lock);
	if (room)
		return 0;
	coco_phase_begin(guest, COCO_PHASE_RETIRE, generation);
	pthread_mutex_lock(&guest->lock);
	r = coco_retire_down_to(guest, guest->max_retiring - 1, guest->max_retiring_bytes, error);
	pthread_mutex_unlock(&guest->lock);
	return coco_phase_end(guest, COCO_PHASE_RETIRE, generation, r);
}

/* On failure guest->incarnation is the old one, whole, or NULL. */
static int build_overlap(struct coco_guest *guest, struct coco_error *error)
{
	const uint64_t generation = atomic_load(&guest->generation) + 1;
	struct coco_incarnation *old = guest->incarnation;
	struct coco_incarnation *next;
	int r;

	guest->attempt.strategy = COCO_STRATEGY_OVERLAP;
	r = make_room(guest, error);
	if (!r)
		r = coco_incarnation_new(guest, generation, &next, error);
	if (r)
		return r;
	r = coco_incarnation_build(guest, next, error);
	if (!r)
		return 0;
	if (guest->incarnation == old)
		coco_retire_later(guest, next);
	else
		(void)coco_retire_current(guest, NULL);
	return r;
}

static int build_auto(struct coco_guest *guest, struct coco_error *error)
{
	int r = build_overlap(guest, error);

	if (!r || !guest->incarnation || !is_shortage(guest, error))
		return r;
	guest->attempt.fallback = *error;
	return build_sequential(guest, error);
}

/* --- both */

static int build(struct coco_guest *guest, uint32_t strategy, struct coco_error *error)
{
	switch (strategy) {
	case COCO_STRATEGY_OVERLAP:
		return build_overlap(guest, error);
	case COCO_STRATEGY_AUTO:
		return build_auto(guest, error);
	default:
		return build_sequential(guest, error);
	}
}

/* With the lock held, which is given up meanwhile. */
static int rebuild(struct coco_guest *guest, uint32_t strategy, struct coco_error *error)
{
	const struct coco_incarnation *old = guest->incarnation;
	const bool was_down = guest->state == COCO_STATE_DOWN;
	int r;

	guest->attempt = (struct coco_attempt){0};
	coco_park_own(guest);
	coco_retire_hold(guest);
	coco_state_move(guest, COCO_STATE_RESETTING);
	pthread_mutex_unlock(&guest->lock);
	r = build(guest, was_down ? COCO_STRATEGY_SEQUENTIAL : strategy, error);
	pthread_mutex_lock(&guest->lock);
	guest->last_attempt = guest->attempt;
	if (!r) {
		coco_start(guest);
	} else if (guest->attempt.strategy == COCO_STRATEGY_OVERLAP && guest->incarnation == old) {
		coco_state_move(guest, COCO_STATE_PARKED);
	} else {
		coco_state_move(guest, COCO_STATE_DOWN);
	}
	coco_retire_begin(guest);
	return r;
}

/* With the lock held, which is given up meanwhile. */
static int ask_before(struct coco_guest *guest, struct coco_error *error)
{
	const struct coco_occasion occasion = {
		.event = COCO_EVENT_BEFORE_RESET,
		.generation = atomic_load(&guest->generation),
		.vm_fd = -1,
		.vcpu_fd = -1,
	};
	int r;

	if (!guest->listeners)
		return 0;
	pthread_mutex_unlock(&guest->lock);
	r = coco_listeners_ask(guest, &occasion, error);
	pthread_mutex_lock(&guest->lock);
	return r;
}

static int reset(struct coco_guest *guest, const struct coco_reset_options *options,
		 struct coco_error *error)
{
	const uint64_t generation = atomic_load(&guest->generation);
	const bool ran = guest->state == COCO_STATE_RUNNABLE;
	int r;

	coco_phases_begin(guest);
	coco_phase_begin(guest, COCO_PHASE_PARK, generation);
	r = coco_phase_end(guest, COCO_PHASE_PARK, generation, coco_park_guest(guest, error));
	if (r)
		return r;
	r = coco_check(guest, error);
	if (!r)
		r = ask_before(guest, error);
	if (!r)
		r = coco_memory_policy_init(guest, options, &guest->memory_policy, error);
	if (r && ran) {
		/* Nothing was touched: on with the old life. */
		coco_state_move(guest, COCO_STATE_RUNNABLE);
		coco_unpark(guest);
	}
	if (!r)
		r = rebuild(guest, options->strategy ? options->strategy : guest->strategy, error);
	coco_memory_policy_release(&guest->memory_policy);
	coco_tell_end(guest, r, error);
	return r;
}

/* Another thread is resetting the guest: this thread's reset is the same one. With the lock held.
 */
static int join_reset(struct coco_guest *guest, struct coco_error *error)
{
	const uint64_t operations = guest->operations;

	coco_park_own(guest);
	while (guest->operations == operations)
		pthread_cond_wait(&guest->changed, &guest->lock);
	if (guest->last_error.code && error)
		*error = guest->last_error;
	return guest->last_error.code;
}

int coco_guest_reset_with(struct coco_guest *guest, const struct coco_reset_options *options,
			  struct coco_error *error)
{
	struct coco_reset_options given = {0};
	struct coco_error result = {0};
	int r = 0;

	if (options)
		r = coco_options_read(&given, sizeof(given), options,
				      COCO_END_OF(struct coco_reset_options, strategy), "options",
				      error);
	if (!r && given.strategy > COCO_STRATEGY_AUTO)
		r = coco_fail_field(error, -EINVAL, "strategy", "%" PRIu32 " is no strategy",
				    given.strategy);
	if (r)
		return r;
	pthread_mutex_lock(&guest->lock);
	if (guest->operation == &coco_operation_reset) {
		r = join_reset(guest, error);
		pthread_mutex_unlock(&guest->lock);
		return r;
	}
	r = coco_operation_begin(guest, &coco_operation_reset, error);
	if (!r) {
		coco_source_choose(guest);
		r = reset(guest, &given, &result);
		coco_source_let_go(guest);
		if (r && error)
			*error = result;
		guest->last_error = r ? result : (struct coco_error){0};
		coco_operation_end(guest);
	}
	pthread_mutex_unlock(&guest->lock);
	return r;
}

int coco_guest_reset(struct coco_guest *guest, struct coco_error *error)
{
	return coco_guest_reset_with(guest, NULL, error);
}
