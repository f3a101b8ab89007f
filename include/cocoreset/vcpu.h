/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * A guest's vCPUs: the run loop, and how threads meet a reset in it.
 *
 * One thread drives one vCPU: it calls coco_vcpu_run() in a loop and handles what that
 * returns. The thread need not know of resets. It comes to rest ("parks") inside
 * coco_vcpu_run() when one is asked for, and goes on in the next incarnation.
 *
 * A VMM resets its device models before it handles the first exit of a new
 * incarnation, the first whose `generation` is new: by then every thread is done with
 * the exits of the old one.
 */
#ifndef COCORESET_VCPU_H
#define COCORESET_VCPU_H

#include <cocoreset/guest.h>

struct kvm_run;

enum coco_exit_reason {
	/** KVM_RUN returned; coco_vcpu_kvm_run() tells why, kvm_reason is its exit_reason. */
	COCO_EXIT_KVM = 1,
	/** coco_vcpu_kick(), or a signal that was not for parking. */
	COCO_EXIT_INTERRUPTED = 2,
	/** The guest was torn down: the thread has nothing more to do. */
	COCO_EXIT_STOPPED = 3,
	/**
	 * The guest has given itself up (KVM_EXIT_SYSTEM_EVENT with SEV_TERM or TDX_FATAL), and
	 * coco_vcpu_get_termination() tells why. A VMM resets it or tears it down.
	 */
	COCO_EXIT_TERMINATED = 4,
	/** coco_vcpu_handle_exit() only: it was served, and KVM_RUN is to be called again. */
	COCO_EXIT_SERVED = 5,
};

struct coco_exit {
	size_t struct_size;  /**< COCO_INIT */
	uint32_t reason;     /**< enum coco_exit_reason */
	uint32_t kvm_reason; /**< KVM_EXIT_* for COCO_EXIT_KVM and COCO_EXIT_TERMINATED, else 0 */
	uint64_t generation; /**< the incarnation that exited */
};

/** By what a guest has given itself up. */
enum coco_termination_source {
	/** The termination request of the GHCB MSR protocol (SEV-ES, SNP), which has a reason. */
	COCO_TERMINATION_GHCB_MSR = 1,
	/** The termination event in a GHCB, whose reason the host's kernel keeps to its log. */
	COCO_TERMINATION_GHCB_EVENT = 2,
	/** A request of the GHCB MSR protocol that KVM does not serve for this technology. */
	COCO_TERMINATION_GHCB_REFUSED = 3,
	/** TDG.VP.VMCALL<ReportFatalError> (TDX). */
	COCO_TERMINATION_TDVMCALL = 4,
};

/** Why a guest has given itself up. All of it is the guest's word. */
struct coco_termination {
	size_t struct_size;   /**< COCO_INIT */
	uint32_t source;      /**< enum coco_termination_source */
	uint32_t reason_set;  /**< GHCB_MSR: who defines reason_code (0 GHCB spec, 1 Linux) */
	uint32_t reason_code; /**< GHCB_MSR: the reason; TDVMCALL: the error code */
	uint32_t reserved0;
	uint64_t raw; /**< GHCB: the GHCB MSR; TDVMCALL: R12 */
	/** TDVMCALL: a page of shared memory that has more about it; 0: there is none. */
	uint64_t gpa;
	/** TDVMCALL: what the guest says, printable ASCII with '?' for all else; "" otherwise. */
	char message[72];
	char text[168]; /**< a sentence for people, with all of the above in it */
	uint8_t reserved[32];
};

COCO_BEGIN_DECLS

/**
 * A guest's vCPU, NULL if there is none with that index.
 *
 * Ownership: the guest's, valid until coco_guest_free(), the same in every incarnation.
 * Thread safety: any thread. Allowed states: all.
 */
COCO_API struct coco_vcpu *coco_guest_vcpu(struct coco_guest *guest, uint32_t index);

/** The vCPU's index, which is its APIC id. Thread safety: any thread. */
COCO_API uint32_t coco_vcpu_index(const struct coco_vcpu *vcpu);

/**
 * The number of the vCPU's descriptor: the same in every incarnation. As for
 * coco_guest_vm_fd(), it is the guest's.
 *
 * Thread safety: any thread. Allowed states: all.
 */
COCO_API int coco_vcpu_fd(const struct coco_vcpu *vcpu);

/**
 * The vCPU's `kvm_run` page: the same address in every incarnation. Its contents are
 * meaningful to the vCPU's thread between a COCO_EXIT_KVM or _TERMINATED and its next call of
 * coco_vcpu_run(), coco_vcpu_park(), or one that changes the guest (and may have to wait for
 * another's). Not accessible while the guest has no VM.
 *
 * Thread safety: the address, any thread; the contents, the vCPU's thread.
 * Allowed states: all.
 */
COCO_API struct kvm_run *coco_vcpu_kvm_run(const struct coco_vcpu *vcpu);

/**
 * Enters the guest and returns when the VMM has something to handle. Conversions between
 * shared and private memory are served inside, and what the guest asks for besides
 * (cocoreset/request.h), by the VMM's callbacks. While the guest is parked, being reset or down,
 * the thread waits here, and goes on when it runs again.
 *
 * As with KVM_RUN, an exit that wants data back (IN, MMIO read) is completed by the next call. If a
 * reset comes first there is nothing left to complete, and the new incarnation starts from
 * its power-on state.
 *
 * @param exit struct_size set by the caller; filled on success as far as that reaches.
 *
 * Errors: -EBUSY the guest was never launched, or another thread is running this vCPU; -EFAULT
 * the guest touched private memory that has no private side, or memory that is not mapped; -EINVAL;
 * otherwise an errno of KVM_RUN. After an error the vCPU may be run again or the guest reset.
 *
 * Thread safety: one thread per vCPU at a time.
 * Allowed states: all but configured and launching; in `dead` it returns COCO_EXIT_STOPPED.
 */
COCO_API COCO_MUST_CHECK int coco_vcpu_run(struct coco_vcpu *vcpu, struct coco_exit *exit,
					   struct coco_error *error);

/**
 * Tells why the guest has given itself up, after coco_vcpu_run() has returned
 * COCO_EXIT_TERMINATED.
 *
 * @param termination struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -ENODATA the vCPU's last coco_vcpu_run() returned anything else; -EINVAL a struct_size
 * too small.
 * Thread safety: the vCPU's thread. Allowed states: all.
 */
COCO_API COCO_MUST_CHECK int coco_vcpu_get_termination(const struct coco_vcpu *vcpu,
						       struct coco_termination *termination,
						       struct coco_error *error);

/**
 * Makes the vCPU's current coco_vcpu_run(), or its next one, return COCO_EXIT_INTERRUPTED soon.
 * Several kicks before it returns count as one. Wakes a thread that waits there for a parked or
 * down guest, too.
 *
 * Thread safety: any thread. Allowed states: all.
 */
COCO_API void coco_vcpu_kick(struct coco_vcpu *vcpu);

/**
 * Says that the vCPU's thread is done with its last exit and will not look at `kvm_run`
 * until its next coco_vcpu_run(). For a thread that goes away or waits for something else: a reset
 * need not wait for it. Does not block.
 *
 * Thread safety: the vCPU's thread. Allowed states: all.
 */
COCO_API void coco_vcpu_park(struct coco_vcpu *vcpu);

COCO_END_DECLS

#endif
