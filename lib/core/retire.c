/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE /* pthread_setname_np */

#include "core/retire.h"

#include "base/error.h"
#include "base/range.h"
#include "core/clock.h"
#include "core/incarnation.h"
#include "core/listener.h"
#include "core/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <time.h>

/*
 * Private memory that one step gives back: some milliseconds' worth of pages, so that
 * others get at the locks in between.
 */
#define STEP_BYTES 0x2000000ull

void coco_retire_later(struct coco_guest *guest, struct coco_incarnation *incarnation)
{
	struct coco_incarnation **end = &guest->retiring;

	incarnation->next = NULL;
	pthread_mutex_lock(&guest->lock);
	while (*end)
		end = &(*end)->next;
	*end = incarnation;
	guest->retiring_count++;
	guest->retiring_bytes += incarnation->private_bytes;
	pthread_mutex_unlock(&guest->lock);
}

/* Gives back some pages of a guest_memfd: its VM may be alive for a while yet. */
static uint64_t punch(struct coco_guest *guest, struct coco_incarnation *incarnation)
{
	for (; incarnation->punched_region < guest->recipe.region_count;
	     incarnation->punched_region++, incarnation->punched_pages = 0) {
		struct coco_incarnation_memory *memory =
			&incarnation->memory[incarnation->punched_region];
		const uint64_t end =
			guest->recipe.regions[incarnation->punched_region].size / COCO_PAGE_SIZE;
		uint64_t start, stop;

		if (!memory->pages.pages)
			continue;
		start = coco_page_map_find(&memory->pages, incarnation->punched_pages, end, true);
		if (start == end)
			continue;
		stop = coco_page_map_find(&memory->pages, start,
					  coco_min(end, start + STEP_BYTES / COCO_PAGE_SIZE),
					  false);
		incarnation->punched_pages = stop;
		/* If this fails, closing the file does the same. */
		(void)coco_seam_punch_hole(guest->seam, memory->memfd.fd, start * COCO_PAGE_SIZE,
					   (stop - start) * COCO_PAGE_SIZE, COCO_STAGE_RETIRE,
					   NULL);
		return (stop - start) * COCO_PAGE_SIZE;
	}
	return 0;
}

/*
 * One step for the first in the queue; 1 if that was its last, or -errno if it has to stay there.
 * With the lock held, which is given up meanwhile.
 */
static int step(struct coco_guest *guest, struct coco_error *error)
{
	struct coco_incarnation *first = guest->retiring;
	uint64_t freed;
	int r = 0;

	guest->retiring_busy = true;
	pthread_mutex_unlock(&guest->lock);
	freed = punch(guest, first);
	if (!freed)
		r = coco_incarnation_retire_one(guest, first, error);
	pthread_mutex_lock(&guest->lock);
	guest->retiring_busy = false;
	first->private_bytes -= freed;
	guest->retiring_bytes -= freed;
	if (r == 1) {
		guest->retiring = first->next;
		guest->retiring_count--;
		guest->retiring_bytes -= first->private_bytes;
		coco_trace_retired(guest, first->generation);
		coco_tell_retired(guest, first->generation);
		coco_incarnation_free(guest, first);
	}
	pthread_cond_signal(&guest->retire_work);
	pthread_cond_broadcast(&guest->changed);
	return r;
}

int coco_retire_down_to(struct coco_guest *guest, uint32_t incarnations, uint64_t bytes,
			struct coco_error *error)
{
	int r = 0;

	while (r >= 0 && (guest->retiring_count > incarnations || guest->retiring_bytes > bytes)) {
		if (guest->retiring_busy)
			pthread_cond_wait(&guest->changed, &guest->lock);
		else
			r = step(guest, error);
	}
	return r < 0 ? r : 0;
}

/* How many may be given back now; with the lock held. */
static uint32_t count_due(const struct coco_guest *guest)
{
	return guest->retire_allowed ? guest->retiring_count : 0;
}

static void *work(void *payload)
{
	struct coco_guest *guest = payload;

	pthread_mutex_lock(&guest->lock);
	while (!guest->retire_stop) {
		if (count_due(guest) && !guest->retire_held && !guest->retiring_busy) {
			/* What keeps a handle waits for the next call on the guest. */
			if (step(guest, NULL) < 0)
				guest->retire_allowed = false;
		} else {
			pthread_cond_wait(&guest->retire_work, &guest->lock);
		}
	}
	pthread_mutex_unlock(&guest->lock);
	return NULL;
}

/* No signal of the VMM's is for this thread. */
static int start_thread(struct coco_guest *guest)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&guest->retire_thread, NULL, work, guest);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!r)
		pthread_setname_np(guest->retire_thread, "coco-retire");
	return r;
}

void coco_retire_hold(struct coco_guest *guest)
{
	guest->retire_held = true;
}

void coco_retire_begin(struct coco_guest *guest)
{
	guest->retire_held = false;
	if (!guest->retiring)
		return;
	guest->retire_allowed = true;
	if (guest->retire_wanted) {
		guest->retire_wanted(guest->retire_payload, guest);
		return;
	}
	if (!guest->retire_running)
		guest->retire_running = !start_thread(guest);
	/* Without a thread it is done here: late is better than never. */
	if (!guest->retire_running)
		(void)coco_retire_down_to(guest, 0, 0, NULL);
	pthread_cond_signal(&guest->retire_work);
}

static void release_or_abandon(struct coco_guest *guest, struct coco_incarnation *incarnation)
{
	if (coco_incarnation_release(guest, incarnation, NULL))
		coco_incarnation_abandon(guest, incarnation);
	else
		coco_incarnation_free(guest, incarnation);
}

void coco_retire_rest(struct coco_guest *guest)
{
	release_or_abandon(guest, guest->incarnation);
	while (guest->retiring) {
		struct coco_incarnation *first = guest->retiring;

		guest->retiring = first->next;
		release_or_abandon(guest, first);
	}
}

void coco_retire_stop(struct coco_guest *guest)
{
	if (!guest->retire_running)
		return;
	pthread_mutex_lock(&guest->lock);
	guest->retire_stop = true;
	pthread_cond_signal(&guest->retire_work);
	pthread_mutex_unlock(&guest->lock);
	pthread_join(guest->retire_thread, NULL);
	guest->retire_running = false;
}

int coco_guest_retire(struct coco_guest *guest, uint32_t steps, uint32_t *left,
		      struct coco_error *error)
{
	int r = 0;

	if (!left)
		return coco_fail_field(error, -EINVAL, "left", "left is NULL");
	pthread_mutex_lock(&guest->lock);
	for (uint32_t i = 0; r >= 0 && i < steps && count_due(guest); i++) {
		if (guest->retiring_busy)
			break;
		r = step(guest, error);
	}
	*left = count_due(guest);
	pthread_mutex_unlock(&guest->lock);
	return r < 0 ? r : 0;
}

int coco_guest_wait_retired(struct coco_guest *guest, uint32_t timeout_ms, struct coco_error *error)
{
	struct timespec deadline;
	uint32_t left;
	int r = 0;

	coco_deadline_after(timeout_ms, &deadline);
	pthread_mutex_lock(&guest->lock);
	while (count_due(guest) && !r)
		r = pthread_cond_timedwait(&guest->changed, &guest->lock, &deadline);
	left = count_due(guest);
	pthread_mutex_unlock(&guest->lock);
	if (!left)
		return 0;
	return coco_fail(error, -ETIMEDOUT, COCO_STAGE_RETIRE,
			 "%" PRIu32 " old incarnations are not given back after %" PRIu32 " ms",
			 left, timeout_ms);
}
