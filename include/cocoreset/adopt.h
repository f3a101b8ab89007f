/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * For VMMs that keep their own KVM code: that call KVM_RUN themselves and bring their own vCPU
 * threads to rest. Such a guest is made with COCO_GUEST_OWN_LOOP. It is launched by
 * coco_guest_launch(), or the VMM has made the VM already and hands it over here. In both cases
 * coco_guest_reset() gives it the next one, on the same numbers and addresses. docs/adopt.md walks
 * through an example.
 *
 * The VMM promises that no thread of its own is in KVM_RUN, or reads `kvm_run`, from before
 * coco_guest_reset() is called until it returns.
 */
#ifndef COCORESET_ADOPT_H
#define COCORESET_ADOPT_H

#include <cocoreset/guest.h>
#include <cocoreset/vcpu.h>

struct coco_adopted_vcpu {
	int32_t fd;         /**< what KVM_CREATE_VCPU returned */
	uint32_t reserved0; /**< 0 */
	/** Where the VMM has mapped it, KVM_GET_VCPU_MMAP_SIZE bytes, shared. */
	struct kvm_run *run;
};

/** A VM that a VMM has made itself. */
struct coco_adoption {
	size_t struct_size; /**< COCO_INIT */
	int32_t vm_fd;      /**< what KVM_CREATE_VM returned */
	uint32_t vcpus;     /**< how many there are: as many as the guest's options say */
	const struct coco_adopted_vcpu *vcpu; /**< the one with id n at n; read during the call */
};

COCO_BEGIN_DECLS

/**
 * Makes a VM that is there incarnation 1 of the guest, in place of a launch. Nothing is done to it.
 * What the VMM has configured in it is told before or after by coco_vm_record() and its siblings.
 *
 * Memory is the guest's regions (coco_guest_add_memory() with `host`): the VMM's slots of them are
 * numbered from 0 in the order in which they were added, as the library numbers them. The launch
 * image is what the next incarnations start from.
 *
 * Errors: -EINVAL numbers, addresses or a count that can't be right (error->field), or an image
 * that does not fit into memory; -EOPNOTSUPP a technology with private memory, whose VM only a
 * launch can make; -EBUSY the state; -ENOMEM. The VM is the VMM's then, as before.
 *
 * Ownership: on success the descriptors and mappings are the guest's handles: coco_guest_vm_fd()
 * and the like answer them, they stay valid, and are closed and unmapped by coco_guest_free().
 * Those that the guest had until now are given up. Thread safety: any thread; no vCPU is in
 * KVM_RUN. Allowed states: configured.
 */
COCO_API COCO_MUST_CHECK int coco_guest_adopt(struct coco_guest *guest,
					      const struct coco_adoption *adoption,
					      struct coco_error *error);

/**
 * For a run loop of the VMM's own: serves what the library serves inside coco_vcpu_run()
 * (conversions, terminations, requests of the guest), after KVM_RUN has returned.
 *
 * @param result what KVM_RUN returned: 0, or a negative errno.
 * @param exit   struct_size set by the caller. `reason` is COCO_EXIT_SERVED: enter the guest again;
 *               COCO_EXIT_KVM: the exit is the VMM's; COCO_EXIT_INTERRUPTED: KVM_RUN was
 *               interrupted; COCO_EXIT_TERMINATED: see coco_vcpu_get_termination().
 *
 * Errors: as coco_vcpu_run(). Costs no system call and no allocation unless something is served.
 * Thread safety: the vCPU's thread; not while the guest is reset. Allowed states: runnable, parked.
 */
COCO_API COCO_MUST_CHECK int coco_vcpu_handle_exit(struct coco_vcpu *vcpu, int result,
						   struct coco_exit *exit,
						   struct coco_error *error);

COCO_END_DECLS

#endif
