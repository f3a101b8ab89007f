/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE /* gettid */

#include "core/guest.h"

#include <cocoreset/adopt.h>

#include "base/error.h"
#include "base/options.h"
#include "core/convert.h"
#include "core/park.h"
#include "core/serve.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

/* What a turn of the run loop leads to, besides a negative errno. */
enum turn {
	TURN_AGAIN = 0, /* enter the guest again */
	TURN_LEAVE = 1, /* return to the VMM with the exit's reason */
};

struct coco_vcpu *coco_guest_vcpu(struct coco_guest *guest, uint32_t index)
{
	return index < guest->recipe.vcpus ? &guest->vcpus[index] : NULL;
}

uint32_t coco_vcpu_index(const struct coco_vcpu *vcpu)
{
	return vcpu->index;
}

int coco_vcpu_fd(const struct coco_vcpu *vcpu)
{
	return vcpu->number;
}

struct kvm_run *coco_vcpu_kvm_run(const struct coco_vcpu *vcpu)
{
	return vcpu->run;
}

static int leave_with(struct coco_exit *exit, enum coco_exit_reason reason)
{
	exit->reason = reason;
	return TURN_LEAVE;
}

static int enter(struct coco_vcpu *vcpu, struct coco_error *error)
{
	const pthread_t self = pthread_self();
	unsigned int place = atomic_load(&vcpu->place);

	do {
		if (place == COCO_VCPU_INSIDE || place == COCO_VCPU_WAITING)
			return coco_fail_field(error, -EBUSY, "vcpu",
					       "another thread is running vCPU %" PRIu32,
					       vcpu->index);
	} while (!atomic_compare_exchange_weak(&vcpu->place, &place, COCO_VCPU_INSIDE));

	if (!pthread_equal(atomic_load_explicit(&vcpu->thread, memory_order_relaxed), self)) {
		atomic_store(&vcpu->ran, true);
		atomic_store(&vcpu->thread, self);
		atomic_store(&vcpu->tid, gettid());
	}
	return 0;
}

/* Leaves the thread at rest. */
static void go_away(struct coco_vcpu *vcpu)
{
	struct coco_guest *guest = vcpu->guest;

	pthread_mutex_lock(&guest->lock);
	atomic_store(&vcpu->place, COCO_VCPU_AWAY);
	pthread_cond_broadcast(&guest->changed);
	pthread_mutex_unlock(&guest->lock);
}

/* Something wants attention before the guest is entered: wait, or leave. */
static int attend(struct coco_vcpu *vcpu, struct coco_exit *exit, struct coco_error *error)
{
	struct coco_guest *guest = vcpu->guest;
	int turn = TURN_AGAIN;

	pthread_mutex_lock(&guest->lock);
	if (atomic_load(&vcpu->attention) == COCO_ATTENTION_KICK)
		coco_vcpu_unpull(vcpu);
	if (guest->state == COCO_STATE_CONFIGURED || guest->state == COCO_STATE_LAUNCHING) {
		turn = coco_fail_field(error, -EBUSY, "state",
				       "coco_vcpu_run: not while the guest is %s",
				       coco_state_name(guest->state));
	} else {
		atomic_store(&vcpu->place, COCO_VCPU_WAITING);
		pthread_cond_broadcast(&guest->changed);
		while (atomic_load(&vcpu->attention) == COCO_ATTENTION_HOLD)
			pthread_cond_wait(&guest->changed, &guest->lock);
		atomic_store(&vcpu->place, COCO_VCPU_INSIDE);

		if (atomic_load(&vcpu->attention) & COCO_ATTENTION_STOP)
			turn = leave_with(exit, COCO_EXIT_STOPPED);
		else if (atomic_fetch_and(&vcpu->attention, ~(unsigned int)COCO_ATTENTION_KICK) &
			 COCO_ATTENTION_KICK)
			turn = leave_with(exit, COCO_EXIT_INTERRUPTED);
	}
	pthread_mutex_unlock(&guest->lock);
	return turn;
}

static int after_error(struct coco_vcpu *vcpu, int code, struct coco_exit *exit,
		       struct coco_error *error)
{
	const struct kvm_run *run = vcpu->run;

	switch (code) {
	case -EINTR:
		if (atomic_load(&vcpu->pulled)) {
			coco_vcpu_unpull(vcpu);
			return TURN_AGAIN;
		}
		return leave_with(exit, COCO_EXIT_INTERRUPTED);
	case -EAGAIN:
		/* A vCPU that waited for its start was woken. */
		return TURN_AGAIN;
	case -EFAULT:
		if (run->exit_reason == UAPI_EXIT_MEMORY_FAULT)
			return coco_convert_serve_fault(vcpu, error);
		break;
	default:
		break;
	}
	if (code == -EIO)
		return coco_fail_call(error, code, COCO_STAGE_RUN, "KVM_RUN",
				      "running vCPU %" PRIu32
				      ": KVM has given the VM up, see the kernel's log; a reset "
				      "makes a new one",
				      vcpu->index);
	return coco_fail_call(error, code, COCO_STAGE_RUN, "KVM_RUN", "running vCPU %" PRIu32,
			      vcpu->index);
}

static int after_exit(struct coco_vcpu *vcpu, struct coco_exit *exit, struct coco_error *error)
{
	const struct kvm_run *run = vcpu->run;

	if (run->exit_reason == KVM_EXIT_HYPERCALL && run->hypercall.nr == UAPI_HC_MAP_GPA_RANGE &&
	    vcpu->guest->recipe.backend->private_memory)
		return coco_convert_serve_request(vcpu, error);
	switch (coco_serve_exit(vcpu)) {
	case COCO_SERVED_ANSWERED:
		return TURN_AGAIN;
	case COCO_SERVED_TERMINATION:
		exit->kvm_reason = run->exit_reason;
		return leave_with(exit, COCO_EXIT_TERMINATED);
	default:
		exit->kvm_reason = run->exit_reason;
		return leave_with(exit, COCO_EXIT_KVM);
	}
}

static int run_loop(struct coco_vcpu *vcpu, struct coco_exit *exit, struct coco_error *error)
{
	const struct coco_seam *seam = vcpu->guest->seam;
	int turn = TURN_AGAIN;

	while (turn == TURN_AGAIN) {
		if (atomic_load(&vcpu->attention)) {
			turn = attend(vcpu, exit, error);
			continue;
		}
		turn = seam->ops->ioctl(seam->context, vcpu->number, KVM_RUN, 0);
		if (turn < 0)
			turn = after_error(vcpu, turn, exit, error);
		else
			turn = after_exit(vcpu, exit, error);
	}
	exit->generation = atomic_load_explicit(&vcpu->guest->generation, memory_order_relaxed);
	return turn;
}

int coco_vcpu_run(struct coco_vcpu *vcpu, struct coco_exit *exit, struct coco_error *error)
{
	struct coco_exit result = {0};
	int r;

	r = coco_result_write(exit, &result, sizeof(result), COCO_END_OF(struct coco_exit, reason),
			      "exit", error);
	if (!r)
		r = enter(vcpu, error);
	if (r)
		return r;

	vcpu->terminated = false;
	r = run_loop(vcpu, &result, error);
	if (result.reason == COCO_EXIT_KVM || result.reason == COCO_EXIT_TERMINATED)
		atomic_store_explicit(&vcpu->place, COCO_VCPU_OUTSIDE, memory_order_release);
	else
		go_away(vcpu);
	if (r < 0)
		return r;
	return coco_result_write(exit, &result, sizeof(result),
				 COCO_END_OF(struct coco_exit, reason), "exit", error);
}

int coco_vcpu_handle_exit(struct coco_vcpu *vcpu, int result, struct coco_exit *exit,
			  struct coco_error *error)
{
	struct coco_exit told = {0};
	int r;

	r = coco_result_write(exit, &told, sizeof(told), COCO_END_OF(struct coco_exit, reason),
			      "exit", error);
	if (r)
		return r;
	if (!atomic_load_explicit(&vcpu->ran, memory_order_relaxed))
		atomic_store(&vcpu->ran, true);
	vcpu->terminated = false;
	r = result < 0 ? after_error(vcpu, result, &told, error) : after_exit(vcpu, &told, error);
	if (r < 0)
		return r;
	if (r == TURN_AGAIN)
		told.reason = COCO_EXIT_SERVED;
	told.generation = atomic_load_explicit(&vcpu->guest->generation, memory_order_relaxed);
	return coco_result_write(exit, &told, sizeof(told), COCO_END_OF(struct coco_exit, reason),
				 "exit", error);
}

int coco_vcpu_get_termination(const struct coco_vcpu *vcpu, struct coco_termination *termination,
			      struct coco_error *error)
{
	if (!vcpu->terminated)
		return coco_fail(error, -ENODATA, COCO_STAGE_ARGUMENT,
				 "vCPU %" PRIu32 " has not just said that the guest gives up",
				 vcpu->index);
	return coco_result_write(termination, &vcpu->termination, sizeof(vcpu->termination),
				 COCO_END_OF(struct coco_termination, reason_code), "termination",
				 error);
}

void coco_vcpu_kick(struct coco_vcpu *vcpu)
{
	struct coco_guest *guest = vcpu->guest;

	pthread_mutex_lock(&guest->lock);
	if (!(atomic_fetch_or(&vcpu->attention, COCO_ATTENTION_KICK) & COCO_ATTENTION_HOLD))
		coco_vcpu_pull(vcpu);
	pthread_cond_broadcast(&guest->changed);
	pthread_mutex_unlock(&guest->lock);
}

void coco_vcpu_park(struct coco_vcpu *vcpu)
{
	struct coco_guest *guest = vcpu->guest;

	pthread_mutex_lock(&guest->lock);
	if (atomic_load(&vcpu->place) == COCO_VCPU_OUTSIDE)
		atomic_store(&vcpu->place, COCO_VCPU_AWAY);
	pthread_cond_broadcast(&guest->changed);
	pthread_mutex_unlock(&guest->lock);
}
