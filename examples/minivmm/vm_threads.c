/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A thread for each vCPU: run the guest, serve its exits, reset it when it asks. */
#define _GNU_SOURCE /* pthread_timedjoin_np */
#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "vm.h"

/* More than the library waits for anything on its own. */
#define STOP_TIMEOUT_S 20

static void fail(struct vm *vm, const char *text, const struct coco_error *error)
{
	report_problem(vm->report, text, error);
	vm_end(vm, VM_FAILED);
}

static void fail_exit(struct vm_thread *self, const struct kvm_run *run)
{
	char text[160];
	uint64_t detail = 0;

	if (run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		detail = run->fail_entry.hardware_entry_failure_reason;
	else if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		detail = run->internal.suberror;
	snprintf(text, sizeof(text),
		 "vCPU %u left the guest for a reason that is not served: %u, detail 0x%" PRIx64,
		 coco_vcpu_index(self->vcpu), run->exit_reason, detail);
	fail(self->vm, text, NULL);
}

static void reset(struct vm *vm)
{
	/* A kernel knows of no plan: it just reboots. */
	if (vm->linux_entry && coco_guest_generation(vm->guest) > vm->options->resets)
		vm_end(vm, VM_HALTED);
	/* At the end of it all, no new incarnation is begun. */
	if (vm->outcome == VM_RUNNING && !vm_reset(vm, false))
		vm_end(vm, VM_FAILED);
}

static void serve_io(struct vm_thread *self, struct kvm_run *run, uint64_t generation)
{
	switch (devices_io(&self->vm->devices, run, generation)) {
	case DEVICE_NONE:
		break;
	case DEVICE_RESET:
		reset(self->vm);
		break;
	case DEVICE_HALT:
		vm_end(self->vm, VM_HALTED);
		break;
	case DEVICE_BAD:
		fail_exit(self, run);
		break;
	}
}

static void serve_kvm_exit(struct vm_thread *self, const struct coco_exit *exit)
{
	struct kvm_run *run = coco_vcpu_kvm_run(self->vcpu);

	switch (exit->kvm_reason) {
	case KVM_EXIT_IO:
		serve_io(self, run, exit->generation);
		break;
	case KVM_EXIT_MMIO: /* nothing there: reads are all ones, writes go nowhere */
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
		break;
	case KVM_EXIT_SHUTDOWN: /* a triple fault, which resets a PC */
		reset(self->vm);
		break;
	case KVM_EXIT_IOAPIC_EOI: /* there is no IOAPIC that would care */
		break;
	default:
		fail_exit(self, run);
	}
}

/* The guest gives itself up: what it says is shown, and what is done is the user's choice. */
static void serve_termination(struct vm_thread *self)
{
	struct vm *vm = self->vm;
	struct coco_termination termination;
	char text[224];

	COCO_INIT(&termination);
	if (coco_vcpu_get_termination(self->vcpu, &termination, NULL))
		return;
	snprintf(text, sizeof(text), "vCPU %u: %s", coco_vcpu_index(self->vcpu), termination.text);
	if (vm->options->on_termination == TERMINATION_RESETS) {
		report_note(vm->report, text);
		reset(vm);
	} else {
		fail(vm, text, NULL);
	}
}

static void *vcpu_main(void *payload)
{
	struct vm_thread *self = payload;
	struct vm *vm = self->vm;
	struct coco_exit exit;
	struct coco_error error;

	COCO_INIT(&exit);
	while (vm->outcome == VM_RUNNING) {
		if (coco_vcpu_run(self->vcpu, &exit, &error)) {
			fail(vm, "run the guest", &error);
			break;
		}
		if (exit.reason == COCO_EXIT_STOPPED)
			break;
		if (exit.reason == COCO_EXIT_TERMINATED)
			serve_termination(self);
		if (exit.reason != COCO_EXIT_KVM)
			continue;
		self->exits++;
		self->last_exit = exit.kvm_reason;
		serve_kvm_exit(self, &exit);
	}
	coco_vcpu_park(self->vcpu); /* nobody needs to wait for this thread any more */
	return NULL;
}

bool vm_start(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->options->vcpus; i++) {
		struct vm_thread *self = &vm->threads[i];
		self->vm = vm;
		self->vcpu = coco_guest_vcpu(vm->guest, i);
		int problem = pthread_create(&self->thread, NULL, vcpu_main, self);
		if (problem) {
			char text[96];
			snprintf(text, sizeof(text), "start the thread of vCPU %u: %s", i,
				 strerror(problem));
			fail(vm, text, NULL);
			return false;
		}
		vm->threads_started++;
	}
	return true;
}

uint64_t vm_progress(const struct vm *vm)
{
	uint64_t progress = coco_guest_generation(vm->guest);

	for (uint32_t i = 0; i < vm->threads_started; i++)
		progress += vm->threads[i].exits;
	return progress;
}

bool vm_stop(struct vm *vm)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += STOP_TIMEOUT_S;
	for (uint32_t i = 0; i < vm->threads_started; i++)
		coco_vcpu_kick(vm->threads[i].vcpu);
	for (uint32_t i = 0; i < vm->threads_started; i++) {
		if (pthread_timedjoin_np(vm->threads[i].thread, NULL, &deadline) == ETIMEDOUT) {
			char text[64];
			snprintf(text, sizeof(text), "the thread of vCPU %u does not end", i);
			report_problem(vm->report, text, NULL);
			return false;
		}
	}
	return true;
}
