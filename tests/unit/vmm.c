/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include "vmm.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static bool take_exit(struct worker *worker, const struct coco_exit *exit)
{
	if (exit->reason == COCO_EXIT_STOPPED)
		return false;
	if (exit->generation < atomic_load(&worker->generation))
		atomic_fetch_add(&worker->wrong, 1);
	atomic_store(&worker->generation, exit->generation);
	if (exit->reason == COCO_EXIT_INTERRUPTED)
		atomic_fetch_add(&worker->interrupted, 1);
	else
		atomic_fetch_add(&worker->exits, 1);
	return worker->handle == NULL || worker->handle(worker, exit);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct coco_exit exit;

	atomic_store(&worker->tid, gettid());
	do {
		COCO_INIT(&exit);
		worker->rc = coco_vcpu_run(worker->vcpu, &exit, &worker->error);
		worker->reason = exit.reason;
	} while (worker->rc == 0 && take_exit(worker, &exit));
	return NULL;
}

void vmm_start_one(struct vmm *vmm, uint32_t index, worker_fn handle)
{
	struct worker *worker = &vmm->workers[index];

	memset(worker, 0, sizeof(*worker));
	worker->vmm = vmm;
	worker->vcpu = coco_guest_vcpu(vmm->f->guest, index);
	worker->index = index;
	worker->handle = handle;
	worker->started = true;
	ck_assert_int_eq(pthread_create(&worker->thread, NULL, work, worker), 0);
}

void vmm_start(struct vmm *vmm, struct fixture *f, uint32_t vcpus, worker_fn handle)
{
	ck_assert_uint_le(vcpus, VMM_MAX_VCPUS);
	memset(vmm, 0, sizeof(*vmm));
	vmm->f = f;
	for (uint32_t i = 0; i < vcpus; i++)
		vmm_start_one(vmm, i, handle);
}

void vmm_join_one(struct vmm *vmm, uint32_t index)
{
	struct worker *worker = &vmm->workers[index];

	ck_assert(worker->started);
	ck_assert_int_eq(pthread_join(worker->thread, NULL), 0);
	worker->started = false;
	ck_assert_uint_eq(atomic_load(&worker->wrong), 0);
}

void vmm_join_stopped(struct vmm *vmm)
{
	for (uint32_t i = 0; i < VMM_MAX_VCPUS; i++) {
		const struct worker *worker = &vmm->workers[i];

		if (!worker->started)
			continue;
		vmm_join_one(vmm, i);
		ck_assert_msg(worker->rc == 0, "vCPU %u ended with %d: %s", i, worker->rc,
			      worker->error.text);
		ck_assert_uint_eq(worker->reason, COCO_EXIT_STOPPED);
	}
}

void vmm_stop(struct vmm *vmm)
{
	struct fixture *f = vmm->f;

	expect_ok(coco_guest_teardown(f->guest, &f->error), &f->error);
	vmm_join_stopped(vmm);
	ck_assert_uint_eq(fake_kvm_live_vms(f->fake), 0);
}

static void pause_shortly(void)
{
	const struct timespec pause = {0, 200000};

	(void)nanosleep(&pause, NULL);
}

void vmm_wait_at_gate(struct vmm *vmm)
{
	atomic_store(&vmm->at_gate, true);
	while (!atomic_load(&vmm->gate_open))
		pause_shortly();
}

void vmm_await_gate(struct vmm *vmm)
{
	while (!atomic_load(&vmm->at_gate))
		pause_shortly();
}

void vmm_open_gate(struct vmm *vmm)
{
	atomic_store(&vmm->gate_open, true);
}

/* The state letter of a thread: behind the name, which is in parentheses. */
static char thread_state(int tid)
{
	char path[64], line[256];
	const char *end = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "re");
	if (file != NULL) {
		if (fgets(line, sizeof(line), file) != NULL)
			end = strrchr(line, ')');
		fclose(file);
	}
	return (char)(end != NULL ? end[2] : '?');
}

void vmm_await_sleep(atomic_int *tid)
{
	unsigned asleep = 0;

	/* A lock that is taken by another for a moment is a short sleep. */
	while (asleep < 5) {
		int id = atomic_load(tid);

		asleep = id != 0 && thread_state(id) == 'S' ? asleep + 1 : 0;
		pause_shortly();
	}
}

static void *make_call(void *argument)
{
	struct caller *caller = argument;

	atomic_store(&caller->tid, gettid());
	caller->rc = caller->call(caller->guest, &caller->error);
	atomic_store(&caller->done, true);
	return NULL;
}

void caller_start(struct caller *caller, struct coco_guest *guest, guest_call call)
{
	memset(caller, 0, sizeof(*caller));
	expect_spoil(&caller->error);
	caller->guest = guest;
	caller->call = call;
	ck_assert_int_eq(pthread_create(&caller->thread, NULL, make_call, caller), 0);
}

int caller_join(struct caller *caller)
{
	ck_assert_int_eq(pthread_join(caller->thread, NULL), 0);
	return caller->rc;
}
