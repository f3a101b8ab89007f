/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * vCPUs that wait: for their turn in guest code, and for events. The latter in ppoll(), since a
 * signal to the vCPU's thread ends KVM_RUN.
 */
#define _GNU_SOURCE /* ppoll */

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "sim/run.h"
#include "sim/vm_config.h"

#define SECOND 1000000000ull
/* A signal that comes just before ppoll() is not seen by it; then immediate_exit is looked at this
 * often. */
#define LONGEST_WAIT (5 * SECOND / 1000)

uint64_t sim_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

bool sim_run_interrupted(const struct sim_vcpu *vcpu)
{
	return *(const volatile uint8_t *)&vcpu->run->immediate_exit;
}

bool sim_run_wanted(const struct sim_vcpu *vcpu)
{
	return sim_run_interrupted(vcpu) ||
	       atomic_load_explicit(&vcpu->vm->pausing, memory_order_relaxed);
}

bool sim_run_expired(const struct sim_vcpu *vcpu)
{
	return atomic_load_explicit(&vcpu->vm->waiting, memory_order_relaxed) > 0 ||
	       (vcpu->run_state->timer_at && sim_now() >= vcpu->run_state->timer_at) ||
	       vcpu->vm->config->irqfds;
}

/* --- turns */

static bool may_enter(const struct sim_vcpu *vcpu, uint32_t ticket)
{
	const struct sim_vm *vm = vcpu->vm;

	return !atomic_load(&vm->pausing) &&
	       (vm->executing == vcpu || (!vm->executing && vm->serving == ticket));
}

void sim_run_enter_guest(struct sim_vcpu *vcpu)
{
	struct sim_vm *vm = vcpu->vm;
	uint32_t ticket = 0;

	if (vm->executing != vcpu) {
		ticket = vm->next_ticket++;
		atomic_fetch_add(&vm->waiting, 1);
	}
	while (!may_enter(vcpu, ticket))
		pthread_cond_wait(&vm->turn, &vm->sim->lock);
	if (vm->executing != vcpu) {
		vm->serving++;
		atomic_fetch_sub(&vm->waiting, 1);
	}
	vm->executing = vcpu;
	vm->in_guest = true;
	pthread_mutex_unlock(&vm->sim->lock);
}

void sim_run_leave_guest(struct sim_vcpu *vcpu)
{
	struct sim_vm *vm = vcpu->vm;

	pthread_mutex_lock(&vm->sim->lock);
	vm->in_guest = false;
	if (atomic_load(&vm->pausing))
		pthread_cond_broadcast(&vm->idle);
}

void sim_run_yield(struct sim_vcpu *vcpu)
{
	struct sim_vm *vm = vcpu->vm;

	if (vm->executing != vcpu)
		return;
	vm->executing = NULL;
	pthread_cond_broadcast(&vm->turn);
}

void sim_run_pause(struct sim_vm *vm)
{
	atomic_fetch_add(&vm->pausing, 1);
	while (vm->in_guest)
		pthread_cond_wait(&vm->idle, &vm->sim->lock);
	if (atomic_fetch_sub(&vm->pausing, 1) == 1)
		pthread_cond_broadcast(&vm->turn);
	vm->memory_epoch++;
}

/* --- events */

void sim_run_wake(struct sim_vcpu *vcpu)
{
	const uint64_t one = 1;
	ssize_t r;

	if (vcpu->cpu)
		sim_cpu_kick(vcpu->cpu);
	r = write(vcpu->run_state->wake, &one, sizeof(one));
	(void)r; /* full means that it is readable */
}

static void drain(int fd)
{
	uint64_t count;
	ssize_t r = read(fd, &count, sizeof(count));

	(void)r;
}

int sim_run_wait(struct sim_vcpu *vcpu)
{
	struct sim_run_state *state = vcpu->run_state;
	struct pollfd wait[2] = {{.events = POLLIN},
				 {.fd = vcpu->vm->config->irqfd_epoll, .events = POLLIN}};
	const uint64_t timer = sim_apic_timer(vcpu);
	const uint64_t longest = timer < LONGEST_WAIT ? timer : LONGEST_WAIT;
	const struct timespec timeout = {.tv_nsec = (long)longest};
	int r = 0;

	sim_run_yield(vcpu);
	wait[0].fd = state->wake;
	pthread_mutex_unlock(&vcpu->vm->sim->lock);
	if (!*(const volatile uint8_t *)&vcpu->run->immediate_exit &&
	    ppoll(wait, 2, &timeout, NULL) < 0)
		r = -errno;
	pthread_mutex_lock(&vcpu->vm->sim->lock);
	drain(state->wake);
	if (sim_run_interrupted(vcpu))
		r = -EINTR;
	return r == -EINTR ? -EINTR : 0;
}
