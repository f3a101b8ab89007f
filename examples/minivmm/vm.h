/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The guest, its memory, its vCPU threads and its resets: all that minivmm asks of the library.
 *
 * In order: vm_init, vm_launch, vm_start, then vm_reset as often as needed, and at the end
 * vm_stop, vm_teardown, vm_destroy. A vCPU's thread resets the guest by itself when the guest
 * asks for it.
 */
#ifndef MINIVMM_VM_H
#define MINIVMM_VM_H

#include <cocoreset/cocoreset.h>
#include <cocoreset/sim.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "devices.h"
#include "options.h"
#include "report.h"
#include "trace_file.h"

/* Makes a vCPU's thread leave the guest. */
#define VM_KICK_SIGNAL SIGUSR1

enum vm_outcome {
	VM_RUNNING,
	VM_HALTED,      /* by the guest, with a status */
	VM_INTERRUPTED, /* by a signal */
	VM_STALLED,     /* no progress for too long */
	VM_FAILED,      /* a problem was reported */
};

struct vm_thread {
	struct vm *vm;
	struct coco_vcpu *vcpu;
	pthread_t thread;
	atomic_uint last_exit; /* KVM_EXIT_*, for a person who looks at a guest that hangs */
	atomic_uint_fast64_t exits;
};

/* A file that the guest finds in its memory. */
struct offer {
	void *mapping;
	size_t size;
};

struct vm {
	const struct options *options;
	struct report *report;
	struct devices devices;
	struct coco_sim *sim; /* NULL: the kernel */
	struct coco_host *host;
	struct coco_guest *guest;
	uint64_t linux_entry; /* where a kernel starts; 0: firmware boots */
	struct offer offer;
	struct vm_thread *threads; /* one for each vCPU */
	uint32_t threads_started;
	int wake_fd; /* eventfd: readable when the main thread should look again */
	/* The first outcome stays. Once there is one, the vCPU threads end. */
	atomic_int outcome;
};

/*
 * Borrows what it is given, until vm_destroy(), which is called in any case. False: a problem
 * was reported.
 */
bool vm_init(struct vm *vm, const struct options *options, struct report *report,
	     struct trace_file *trace);

bool vm_launch(struct vm *vm);
bool vm_start(struct vm *vm);

/*
 * Resets the guest and reports it; any thread. With `pause` the guest is parked around it.
 * False: a problem was reported.
 */
bool vm_reset(struct vm *vm, bool pause);

/* True while the guest waits in a loop for the host to reset it. */
bool vm_is_spinning(const struct vm *vm);

/* Grows with each exit and each reset. */
uint64_t vm_progress(const struct vm *vm);

/* Says that it is over, if nobody has said so before; any thread. */
void vm_end(struct vm *vm, enum vm_outcome outcome);

/* Makes wake_fd unreadable until there is something new. */
void vm_clear_wake(struct vm *vm);

/* Waits until the vCPU threads have ended; false: one of them does not. */
bool vm_stop(struct vm *vm);

/* Gives the VM back. Tells how many KVM objects are still open, which should be 0. */
bool vm_teardown(struct vm *vm, uint64_t *leaked);
void vm_destroy(struct vm *vm);

/* Prints to stderr what the guest and its vCPUs are doing. */
void vm_dump(struct vm *vm);

#endif
