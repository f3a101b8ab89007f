/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Launch, reset, park, resume and teardown. */
#include "core/incarnation.h"
#include "core/memory.h"
#include "core/park.h"
#include "core/state.h"
#include "core/trace.h"

#include "base/error.h"
#include "base/range.h"

#include <errno.h>
#include <inttypes.h>

/* The image has no pages but those that the technology can load. */
static int check_kinds(const struct coco_guest *guest, struct coco_error *error)
{
	const struct coco_backend *backend = guest->recipe.backend;
	const struct coco_image *image = guest->recipe.image;

	for (uint32_t i = 0; i < image->count; i++) {
		const struct coco_image_run *run = &image->runs[i];

		if (!(backend->page_kinds & 1u << run->kind))
			return coco_fail_field(
				error, -EINVAL, "image",
				"run %" PRIu32 " of the image, \"%s\" at 0x%" PRIx64
				", is of kind %s, which %s guests can't load: make an "
				"image for this technology",
				i, run->label, run->gpa, coco_page_kind_name(run->kind),
				backend->name);
		if (backend->measures_all && run->flags & COCO_RUN_UNMEASURED)
			return coco_fail_field(error, -EINVAL, "image",
					       "run %" PRIu32 " of the image, \"%s\" at 0x%" PRIx64
					       ", is unmeasured, and %s guests load nothing "
					       "without measuring it",
					       i, run->label, run->gpa, backend->name);
	}
	return 0;
}

/* Everything that can be known to fail before anything is touched. */
static int check_recipe(const struct coco_guest *guest, struct coco_error *error)
{
	const struct coco_image *image = guest->recipe.image;
	int r = check_kinds(guest, error);

	if (r)
		return r;

	for (uint32_t i = 0; i < image->count; i++) {
		const struct coco_image_run *run = &image->runs[i];

		if (!coco_memory_covers(guest, run->gpa, run->size))
			return coco_fail_field(error, -EINVAL, "image",
					       "run %" PRIu32 " of the image, 0x%" PRIx64
					       " bytes at 0x%" PRIx64
					       " is not all in memory regions: add one with "
					       "coco_guest_add_memory()",
					       i, run->size, run->gpa);
	}
	return 0;
}

/* Gives back the incarnation that there is, whole or in part. */
static int retire(struct coco_guest *guest, struct coco_error *error)
{
	int r = coco_incarnation_retire(guest, guest->incarnation, error);

	if (r)
		return r;
	guest->incarnation = NULL;
	pthread_mutex_lock(&guest->memory_lock);
	guest->private_bytes = 0;
	guest->conversions = 0;
	pthread_mutex_unlock(&guest->memory_lock);
	return 0;
}

static int retire_phase(struct coco_guest *guest, struct coco_error *error)
{
	const uint64_t generation = atomic_load(&guest->generation);

	if (!guest->incarnation)
		return 0;
	coco_phase_begin(guest, COCO_PHASE_RETIRE, generation);
	return coco_phase_end(guest, COCO_PHASE_RETIRE, generation, retire(guest, error));
}

/* From no incarnation, or what is left of one, to a new one; or to none. */
static int replace(struct coco_guest *guest, struct coco_error *error)
{
	const uint64_t generation = atomic_load(&guest->generation) + 1;
	int r;

	r = retire_phase(guest, error);
	if (!r)
		r = coco_incarnation_new(guest, generation, &guest->incarnation, error);
	if (r)
		return r;
	r = coco_incarnation_build(guest, guest->incarnation, error);
	if (r)
		(void)retire(guest, NULL);
	return r;
}

/* Lets the vCPUs go into what was built. With the lock held. */
static void start(struct coco_guest *guest, bool paused)
{
	const uint64_t generation = atomic_fetch_add(&guest->generation, 1) + 1;

	coco_state_move(guest, COCO_STATE_RUNNABLE);
	coco_phase_begin(guest, COCO_PHASE_RESUME, generation);
	if (paused)
		coco_state_move(guest, COCO_STATE_PARKED);
	else
		coco_unpark(guest);
	coco_phase_end(guest, COCO_PHASE_RESUME, generation, 0);
	guest->phases.total_ns = coco_now_ns() - guest->phases.begin_ns;
	guest->last = guest->phases;
}

static int check_phase(struct coco_guest *guest, struct coco_error *error)
{
	const uint64_t generation = atomic_load(&guest->generation);

	coco_phase_begin(guest, COCO_PHASE_CHECK, generation);
	return coco_phase_end(guest, COCO_PHASE_CHECK, generation, check_recipe(guest, error));
}

/* `state` is what the guest is in meanwhile. With the lock held, which is given up meanwhile. */
static int rebuild(struct coco_guest *guest, enum coco_state state, struct coco_error *error)
{
	int r;

	coco_state_move(guest, state);
	pthread_mutex_unlock(&guest->lock);
	r = replace(guest, error);
	pthread_mutex_lock(&guest->lock);
	if (r)
		coco_state_move(guest, COCO_STATE_DOWN);
	else
		start(guest, guest->paused);
	return r;
}

int coco_guest_launch(struct coco_guest *guest, struct coco_error *error)
{
	int r;

	pthread_mutex_lock(&guest->lock);
	r = coco_operation_begin(guest, &coco_operation_launch, error);
	if (r) {
		pthread_mutex_unlock(&guest->lock);
		return r;
	}
	coco_phases_begin(guest);
	r = check_phase(guest, error);
	if (!r)
		r = rebuild(guest, COCO_STATE_LAUNCHING, error);
	coco_operation_end(guest);
	pthread_mutex_unlock(&guest->lock);
	return r;
}

/* Brings the vCPUs to rest; if they don't come, the guest runs on. With the lock held. */
static int park(struct coco_guest *guest, struct coco_error *error)
{
	int r = coco_park(guest, error);

	if (r && guest->state == COCO_STATE_RUNNABLE)
		coco_unpark(guest);
	if (!r && guest->state == COCO_STATE_RUNNABLE)
		coco_state_move(guest, COCO_STATE_PARKED);
	return r;
}

static int reset(struct coco_guest *guest, struct coco_error *error)
{
	const uint64_t generation = atomic_load(&guest->generation);
	int r;

	coco_phases_begin(guest);
	coco_phase_begin(guest, COCO_PHASE_PARK, generation);
	r = coco_phase_end(guest, COCO_PHASE_PARK, generation, park(guest, error));
	if (r)
		return r;
	r = check_phase(guest, error);
	if (r) {
		if (guest->state == COCO_STATE_PARKED && !guest->paused) {
			coco_state_move(guest, COCO_STATE_RUNNABLE);
			coco_unpark(guest);
		}
		return r;
	}
	coco_park_own(guest);
	return rebuild(guest, COCO_STATE_RESETTING, error);
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

int coco_guest_reset(struct coco_guest *guest, struct coco_error *error)
{
	struct coco_error result = {0};
	int r;

	pthread_mutex_lock(&guest->lock);
	if (guest->operation == &coco_operation_reset) {
		r = join_reset(guest, error);
		pthread_mutex_unlock(&guest->lock);
		return r;
	}
	r = coco_operation_begin(guest, &coco_operation_reset, error);
	if (!r) {
		r = reset(guest, &result);
		if (r && error)
			*error = result;
		guest->last_error = result;
		coco_operation_end(guest);
	}
	pthread_mutex_unlock(&guest->lock);
	return r;
}

int coco_guest_park(struct coco_guest *guest, struct coco_error *error)
{
	int r;

	pthread_mutex_lock(&guest->lock);
	r = coco_operation_begin(guest, &coco_operation_park, error);
	if (!r) {
		if (guest->state == COCO_STATE_RUNNABLE)
			r = park(guest, error);
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
		r = park(guest, error);
	if (r)
		return r;
	coco_park_own(guest);
	r = retire(guest, error);
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
