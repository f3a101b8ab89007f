/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE /* SYS_tgkill */

#include "core/park.h"

#include "base/error.h"
#include "core/clock.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

void coco_vcpu_pull(struct coco_vcpu *vcpu)
{
	struct coco_guest *guest = vcpu->guest;

	if (atomic_load(&vcpu->place) != COCO_VCPU_INSIDE)
		return;
	/*
	 * It was not held, so there is an incarnation, and whoever wants to retire it needs
	 * the lock first: kvm_run is mapped.
	 */
	atomic_store(&vcpu->pulled, true);
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	if (guest->kick)
		guest->kick(guest->kick_payload, vcpu);
	else
		syscall(SYS_tgkill, getpid(), atomic_load(&vcpu->tid), guest->kick_signal);
}

void coco_vcpu_unpull(struct coco_vcpu *vcpu)
{
	if (atomic_exchange(&vcpu->pulled, false))
		__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
}

static bool at_rest(struct coco_vcpu *vcpu)
{
	switch (atomic_load(&vcpu->place)) {
	case COCO_VCPU_AWAY:
	case COCO_VCPU_WAITING:
		return true;
	case COCO_VCPU_OUTSIDE:
		return pthread_equal(atomic_load(&vcpu->thread), pthread_self());
	default:
		return false;
	}
}

static struct coco_vcpu *find_restless(struct coco_guest *guest)
{
	for (uint32_t i = 0; i < guest->recipe.vcpus; i++)
		if (!at_rest(&guest->vcpus[i]))
			return &guest->vcpus[i];
	return NULL;
}

int coco_park(struct coco_guest *guest, struct coco_error *error)
{
	const struct coco_vcpu *restless;
	struct timespec deadline;
	int r = 0;

	for (uint32_t i = 0; i < guest->recipe.vcpus; i++) {
		struct coco_vcpu *vcpu = &guest->vcpus[i];

		if (!(atomic_fetch_or(&vcpu->attention, COCO_ATTENTION_HOLD) & COCO_ATTENTION_HOLD))
			coco_vcpu_pull(vcpu);
	}
	coco_deadline_after(guest->park_timeout_ms, &deadline);
	while ((restless = find_restless(guest)) && !r)
		r = pthread_cond_timedwait(&guest->changed, &guest->lock, &deadline);
	if (!restless)
		return 0;
	return coco_fail(error, -ETIMEDOUT, COCO_STAGE_PARK,
			 "vCPU %" PRIu32 " did not come to rest within %" PRIu32
			 " ms: its thread %s",
			 restless->index, guest->park_timeout_ms,
			 atomic_load(&restless->place) == COCO_VCPU_OUTSIDE
				 ? "is handling an exit; it should call coco_vcpu_run() or "
				   "coco_vcpu_park()"
				 : "does not leave KVM_RUN; is the kick signal blocked?");
}

void coco_park_own(struct coco_guest *guest)
{
	for (uint32_t i = 0; i < guest->recipe.vcpus; i++) {
		struct coco_vcpu *vcpu = &guest->vcpus[i];

		if (atomic_load(&vcpu->place) == COCO_VCPU_OUTSIDE &&
		    pthread_equal(atomic_load(&vcpu->thread), pthread_self()))
			atomic_store(&vcpu->place, COCO_VCPU_AWAY);
	}
	pthread_cond_broadcast(&guest->changed);
}

void coco_unpark(struct coco_guest *guest)
{
	for (uint32_t i = 0; i < guest->recipe.vcpus; i++) {
		struct coco_vcpu *vcpu = &guest->vcpus[i];

		/* One that never came to rest is still to leave KVM_RUN for that. */
		if (at_rest(vcpu))
			coco_vcpu_unpull(vcpu);
		atomic_fetch_and(&vcpu->attention, ~(unsigned int)COCO_ATTENTION_HOLD);
	}
	pthread_cond_broadcast(&guest->changed);
}

void coco_park_stop(struct coco_guest *guest)
{
	for (uint32_t i = 0; i < guest->recipe.vcpus; i++)
		atomic_fetch_or(&guest->vcpus[i].attention, COCO_ATTENTION_STOP);
	pthread_cond_broadcast(&guest->changed);
}
