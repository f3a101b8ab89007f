/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * Parts of a VMM that have to do something of their own when its guest gets a new VM: each of them
 * is told at the points of a launch or reset that it asks for, in an order that does not depend on
 * who came first.
 *
 *     before_reset -> vm_ready -> vcpu_ready (each vCPU) -> swapped -> sealed -> resumed
 *
 * and `failed` instead of what is missing of these; `retired` when an old incarnation is gone,
 * which may be at any time.
 *
 * What only consists of ioctls on the VM is done with less by coco_vm_ioctl()
 * (cocoreset/journal.h).
 */
#ifndef COCORESET_LISTENER_H
#define COCORESET_LISTENER_H

#include <cocoreset/error.h>

struct coco_guest;

enum coco_event {
	/** A reset is about to touch something: vCPUs are at rest, the recipe has been checked. */
	COCO_EVENT_BEFORE_RESET = 1,
	/** The new VM is there, with interrupt controllers, without memory and vCPUs. */
	COCO_EVENT_VM_READY = 2,
	/** A vCPU is there, with its CPUID. */
	COCO_EVENT_VCPU_READY = 3,
	/** The guest's descriptor numbers and `kvm_run` addresses mean the new incarnation. */
	COCO_EVENT_SWAPPED = 4,
	/** The image is loaded and the launch is over: nothing of it can be changed any more. */
	COCO_EVENT_SEALED = 5,
	/** The guest may run, and does unless it is parked. */
	COCO_EVENT_RESUMED = 6,
	/** The launch or reset has failed; what it had built is given back. */
	COCO_EVENT_FAILED = 7,
	/** An old incarnation has been given back to the kernel. */
	COCO_EVENT_RETIRED = 8,
};

struct coco_occasion {
	uint32_t event; /**< enum coco_event */
	uint32_t vcpu;  /**< COCO_EVENT_VCPU_READY: its index */
	/** The incarnation: the old one for BEFORE_RESET and RETIRED, else the new one. */
	uint64_t generation;
	/**
	 * VM_READY and later, but for FAILED and RETIRED: the VM's descriptor. Until SWAPPED it may
	 * be another number than coco_guest_vm_fd(), which still means the old VM.
	 */
	int32_t vm_fd;
	int32_t vcpu_fd;                /**< VCPU_READY: the vCPU's descriptor; else -1 */
	const struct coco_error *error; /**< FAILED: why; else NULL */
	uint8_t reserved[32];
};

/**
 * Hears of an event. A negative errno from BEFORE_RESET, VM_READY, VCPU_READY, SWAPPED or SEALED
 * fails the launch or reset with that; a veto of BEFORE_RESET leaves the guest running as it was.
 * From the others it is ignored.
 *
 * Called by the thread that launches or resets (RETIRED: or any other), one at a time. It may make
 * system calls on the descriptors in `occasion`, and ask the library about the guest; it must not
 * call what changes the guest, nor coco_vm_ioctl() and its siblings. In RETIRED: nothing at all.
 */
typedef int (*coco_listen_fn)(void *payload, const struct coco_occasion *occasion);

/** Takes back what a listener did in an event, when a later one or a later step has failed. */
typedef void (*coco_undo_fn)(void *payload, const struct coco_occasion *occasion);

struct coco_listener {
	size_t struct_size; /**< COCO_INIT */
	const char *name;   /**< for people, and to remove it by; copied */
	uint32_t events;    /**< which: each enum coco_event as 1 << event */
	/** Of one event, listeners with lower numbers are told first, equal ones as they were
	 * added.
	 */
	int32_t priority;
	coco_listen_fn listen;
	/**
	 * Called for each event that `listen` has accepted if the launch or reset fails after it,
	 * the latest first, before FAILED; NULL: there is nothing to take back.
	 */
	coco_undo_fn undo;
	void *payload;
};

COCO_BEGIN_DECLS

/**
 * Adds a listener. It stays until it is removed, whatever fails.
 *
 * Errors: -EINVAL no name, no events, unknown ones, or no function (error->field says which);
 * -EEXIST the name is taken; -E2BIG, -ENOMEM.
 * Ownership: the struct is copied; `payload` is the caller's, until it is removed or the guest is
 * freed.
 * Thread safety: any thread, not from a listener; waits for a launch or reset that is under way.
 * Allowed states: all but dead.
 */
COCO_API COCO_MUST_CHECK int coco_guest_add_listener(struct coco_guest *guest,
						     const struct coco_listener *listener,
						     struct coco_error *error);

/**
 * Removes the listener of that name: it is not called any more when this returns.
 *
 * Errors: -ENOENT there is none. Thread safety and allowed states: as above.
 */
COCO_API COCO_MUST_CHECK int coco_guest_remove_listener(struct coco_guest *guest, const char *name,
							struct coco_error *error);

/** An event's name in lower case ("vm_ready"), "unknown" for other values. Static text. */
COCO_API const char *coco_event_name(uint32_t event);

COCO_END_DECLS

#endif
