/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* KVM_RUN: what a vCPU does when it is entered, and how it is made to leave. */
#define _GNU_SOURCE
#include "fake_internal.h"

#include "kvm/uapi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CR0_PROTECTED 1u

static struct kvm_run *run_page(const struct fake_vcpu *vcpu)
{
	return vcpu->mapped != NULL ? vcpu->mapped : vcpu->own;
}

/* The caller's other threads write this byte while the vCPU runs. */
static bool must_leave(const struct kvm_run *run)
{
	return __atomic_load_n(&run->immediate_exit, __ATOMIC_SEQ_CST) != 0;
}

/* What the kernel does first: the last exit's other half. */
static void complete_exit(struct fake_vcpu *vcpu, const struct kvm_run *run)
{
	if (vcpu->pending == FAKE_IO)
		vcpu->state.regs.rip += vcpu->pending_length;
	if (vcpu->pending == FAKE_HYPERCALL)
		vcpu->hypercall = run->hypercall.ret;
	vcpu->pending = FAKE_NOTHING;
}

static void check_inheritable(struct fake_call *call)
{
	for (size_t i = 0; i < call->fake->fd_count; i++) {
		const struct fake_fd *entry = &call->fake->fds[i];

		if (entry->file != NULL && !entry->cloexec)
			fake_blame(call->fake, "%s is inheritable when the guest runs",
				   entry->file->name);
	}
}

static int run_guest(struct fake_call *call, struct kvm_run *run)
{
	struct fake_kvm *fake = call->fake;
	struct fake_vcpu *vcpu = call->file->vcpu;
	struct fake_entry entry = {.vm = call->file->vm->number,
				   .id = vcpu->id,
				   .count = ++vcpu->state.runs,
				   .hypercall = vcpu->hypercall,
				   .run = run};
	fake_run_fn fn = fake->run;
	void *payload = fake->run_payload;
	int rc;

	check_inheritable(call);
	vcpu->running = true;
	pthread_mutex_unlock(&fake->lock);
	rc = fn != NULL ? fn(payload, fake, &entry) : fake_kvm_wait(fake, &entry);
	pthread_mutex_lock(&fake->lock);
	vcpu->running = false;
	if (rc == 0 && run->exit_reason == KVM_EXIT_HYPERCALL) {
		if (!call->file->vm->exit_hypercall)
			fake_blame(fake, "a hypercall exit that was not enabled");
		vcpu->pending = FAKE_HYPERCALL;
	}
	return rc;
}

static int run_vcpu(struct fake_call *call)
{
	struct fake_vcpu *vcpu = call->file->vcpu;
	struct kvm_run *run = run_page(vcpu);
	int rc;

	if (call->argument != 0) {
		fake_blame(call->fake, "KVM_RUN with an argument");
		return -EINVAL;
	}
	if (vcpu->running) {
		fake_blame(call->fake, "%s is entered twice at once", call->file->name);
		return -EBUSY;
	}
	complete_exit(vcpu, run);
	if (must_leave(run))
		return -EINTR;
	vcpu->was_run = true;
	run->exit_reason = KVM_EXIT_UNKNOWN;
	if ((vcpu->state.sregs.cr0 & CR0_PROTECTED) != 0)
		rc = fake_x86_execute(call->file->vm, vcpu, run);
	else
		rc = run_guest(call, run);
	if (rc == 0)
		snprintf(call->result, sizeof(call->result), "exit %u", run->exit_reason);
	return rc;
}

const struct fake_request fake_run_requests[] = {
	{KVM_RUN, "KVM_RUN", FAKE_VCPU, false, run_vcpu},
	{0, NULL, FAKE_VCPU, false, NULL},
};

void fake_kvm_on_run(struct fake_kvm *fake, fake_run_fn fn, void *payload)
{
	pthread_mutex_lock(&fake->lock);
	fake->run = fn;
	fake->run_payload = payload;
	pthread_mutex_unlock(&fake->lock);
}

/* ---- waiting inside KVM_RUN ---- */

int fake_kvm_wait(struct fake_kvm *fake, const struct fake_entry *entry)
{
	pthread_mutex_lock(&fake->lock);
	fake->waiting_vm[fake->waiting++] = entry->vm;
	pthread_cond_broadcast(&fake->changed);
	while (!must_leave(entry->run))
		pthread_cond_wait(&fake->changed, &fake->lock);
	for (unsigned i = 0; i < fake->waiting; i++)
		if (fake->waiting_vm[i] == entry->vm) {
			fake->waiting_vm[i] = fake->waiting_vm[--fake->waiting];
			break;
		}
	pthread_mutex_unlock(&fake->lock);
	entry->run->exit_reason = KVM_EXIT_INTR;
	return -EINTR;
}

void fake_kvm_kick(struct fake_kvm *fake)
{
	pthread_mutex_lock(&fake->lock);
	pthread_cond_broadcast(&fake->changed);
	pthread_mutex_unlock(&fake->lock);
}

int fake_kvm_wait_signal(struct fake_kvm *fake, const struct fake_entry *entry)
{
	const struct timespec pause = {0, 1000000};

	pthread_mutex_lock(&fake->lock);
	fake->waiting_vm[fake->waiting++] = entry->vm;
	pthread_cond_broadcast(&fake->changed);
	pthread_mutex_unlock(&fake->lock);
	while (!must_leave(entry->run))
		(void)nanosleep(&pause, NULL);
	/* The flag is up: this takes the vCPU off the list and returns at once. */
	pthread_mutex_lock(&fake->lock);
	for (unsigned i = 0; i < fake->waiting; i++)
		if (fake->waiting_vm[i] == entry->vm) {
			fake->waiting_vm[i] = fake->waiting_vm[--fake->waiting];
			break;
		}
	pthread_mutex_unlock(&fake->lock);
	entry->run->exit_reason = KVM_EXIT_INTR;
	return -EINTR;
}

unsigned fake_kvm_count_waiting(struct fake_kvm *fake)
{
	unsigned waiting;

	pthread_mutex_lock(&fake->lock);
	waiting = fake->waiting;
	pthread_mutex_unlock(&fake->lock);
	return waiting;
}

void fake_kvm_await_waiting(struct fake_kvm *fake, unsigned vm, unsigned vcpus)
{
	pthread_mutex_lock(&fake->lock);
	for (;;) {
		unsigned found = 0;

		for (unsigned i = 0; i < fake->waiting; i++)
			found += fake->waiting_vm[i] >= vm;
		if (found >= vcpus)
			break;
		pthread_cond_wait(&fake->changed, &fake->lock);
	}
	pthread_mutex_unlock(&fake->lock);
}

/* ---- exits ---- */

int fake_exit_hlt(struct kvm_run *run)
{
	run->exit_reason = KVM_EXIT_HLT;
	return 0;
}

int fake_exit_out(struct kvm_run *run, uint16_t port, uint8_t value)
{
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = KVM_EXIT_IO_OUT;
	run->io.size = 1;
	run->io.port = port;
	run->io.count = 1;
	run->io.data_offset = 4096;
	*((uint8_t *)run + 4096) = value;
	return 0;
}

int fake_exit_map_gpa_range(struct kvm_run *run, uint64_t gpa, uint64_t pages, bool to_private)
{
	run->exit_reason = KVM_EXIT_HYPERCALL;
	run->hypercall.nr = UAPI_HC_MAP_GPA_RANGE;
	run->hypercall.args[0] = gpa;
	run->hypercall.args[1] = pages;
	run->hypercall.args[2] = to_private ? UAPI_MAP_GPA_RANGE_ENCRYPTED : 0;
	run->hypercall.ret = 0;
	return 0;
}

int fake_exit_memory_fault(struct kvm_run *run, uint64_t gpa, uint64_t size, bool private_access)
{
	struct uapi_memory_fault fault = {private_access ? UAPI_MEMORY_EXIT_FLAG_PRIVATE : 0, gpa,
					  size};

	run->exit_reason = UAPI_EXIT_MEMORY_FAULT;
	memcpy((uint8_t *)run + UAPI_RUN_UNION_OFFSET, &fault, sizeof(fault));
	return -EFAULT;
}
