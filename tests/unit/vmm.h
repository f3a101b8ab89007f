/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A VMM of one thread per vCPU. Threads do not use Check: what they see is
 * looked at by the test once they are joined, or through atomics before.
 */
#ifndef VMM_H
#define VMM_H

#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define VMM_MAX_VCPUS 8u

struct worker;

/* Handles an exit; false ends the thread. */
typedef bool (*worker_fn)(struct worker *worker, const struct coco_exit *exit);

struct worker {
	struct vmm *vmm;
	struct coco_vcpu *vcpu;
	uint32_t index;
	worker_fn handle;
	pthread_t thread;
	bool started;
	atomic_int tid;
	atomic_ulong exits;       /* that were for the VMM */
	atomic_ulong interrupted; /* COCO_EXIT_INTERRUPTED */
	atomic_ullong generation; /* of the last exit */
	atomic_ulong wrong;       /* exits of an older generation than the last */
	int rc;                   /* what ended the loop, after the join */
	uint32_t reason;
	struct coco_error error;
};

struct vmm {
	struct fixture *f;
	struct worker workers[VMM_MAX_VCPUS];
	atomic_bool gate_open;
	atomic_bool at_gate;
};

/* A thread for each of these vCPUs. `handle` NULL: goes on after every exit but STOPPED. */
void vmm_start(struct vmm *vmm, struct fixture *f, uint32_t vcpus, worker_fn handle);
/* One more, after vmm_start(). */
void vmm_start_one(struct vmm *vmm, uint32_t index, worker_fn handle);
/* Joins the threads; each has to have ended with COCO_EXIT_STOPPED. */
void vmm_join_stopped(struct vmm *vmm);
void vmm_join_one(struct vmm *vmm, uint32_t index);
/* Tears the guest down and joins. */
void vmm_stop(struct vmm *vmm);

/* A place where a thread waits until the test lets it go on. */
void vmm_wait_at_gate(struct vmm *vmm);
void vmm_await_gate(struct vmm *vmm);
void vmm_open_gate(struct vmm *vmm);

/* Waits until a thread sleeps in the kernel: it has got as far as it can. */
void vmm_await_sleep(atomic_int *tid);

/* ---- a call in another thread ---- */

typedef int (*guest_call)(struct coco_guest *guest, struct coco_error *error);

struct caller {
	struct coco_guest *guest;
	guest_call call;
	pthread_t thread;
	atomic_int tid;
	atomic_bool done;
	int rc;
	struct coco_error error;
};

void caller_start(struct caller *caller, struct coco_guest *guest, guest_call call);
/* Joins, and returns what the call did. */
int caller_join(struct caller *caller);

#endif
