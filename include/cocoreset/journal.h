/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * What a VMM configures in KVM by itself: GSI routes, irqfds, ioeventfds, MSR filters,
 * capabilities, registers, devices ... It makes these ioctls through the calls here, or tells of
 * them, and each new incarnation has what the last one had, in the order that a new VM needs.
 *
 * What is kept is state, not history: it does not grow with time. Ioctls that only ask, or that
 * happen to the VM that there is (KVM_IRQ_LINE, KVM_SIGNAL_MSI, KVM_RUN), are passed on and not
 * kept. What can't be had again in another VM, and ioctls that the library does not know, are
 * passed on and reported at once: see coco_guest_options::not_replayed.
 *
 * Before launch, and while the guest is `down`, there is no VM: what is to be kept is kept, and
 * made at the next launch or reset.
 *
 * Registers (KVM_SET_REGS, KVM_SET_SREGS, KVM_SET_MSRS ...) are kept until the vCPU runs for the
 * first time: they are what it starts with, in each incarnation. The same holds for the clock and
 * the state of interrupt controllers and timers (KVM_SET_CLOCK, KVM_SET_IRQCHIP, KVM_SET_PIT),
 * until a vCPU runs.
 *
 * The source of what each ioctl means is Linux 7.2's user ABI; docs/journal.md has the table.
 */
#ifndef COCORESET_JOURNAL_H
#define COCORESET_JOURNAL_H

#include <cocoreset/error.h>

struct coco_guest;
struct coco_vcpu;

COCO_BEGIN_DECLS

/**
 * ioctl(2) on the guest's VM, kept for the next incarnations.
 *
 * @param argument as for ioctl(2): a pointer, or a number for requests that take one. All that it
 *                 points to is copied during the call. Eventfds of KVM_IRQFD are kept by number:
 *                 when the VMM closes one, KVM lets go of it, and so does the library. Other
 *                 descriptors are duplicated, as KVM holds them itself.
 *
 * @return what the ioctl returns, 0 or more (a new descriptor, a count), or a negative errno.
 *
 * Errors: -EPERM something that the library does itself (KVM_CREATE_VCPU, KVM_CREATE_IRQCHIP,
 * KVM_MEMORY_ENCRYPT_OP, KVM_RUN, memory attributes, a slot of the recipe's); -EBUSY there is no
 * VM, and the request can't wait for one; -ENOMEM, -EMFILE, -E2BIG nothing happened; otherwise the
 * ioctl's errno: nothing is kept.
 *
 * Ownership: a descriptor that is returned is the guest's: its number stays the same over resets,
 * and it is closed by coco_guest_close_device().
 * Thread safety: any thread; waits for a launch or reset that is under way. Allowed states: all but
 * dead.
 */
COCO_API COCO_MUST_CHECK int coco_vm_ioctl(struct coco_guest *guest, unsigned long request,
					   uintptr_t argument, struct coco_error *error);

/** The same on a vCPU. */
COCO_API COCO_MUST_CHECK int coco_vcpu_ioctl(struct coco_vcpu *vcpu, unsigned long request,
					     uintptr_t argument, struct coco_error *error);

/** The same on a device that coco_vm_ioctl(KVM_CREATE_DEVICE) made. -EBADF: `fd` is none. */
COCO_API COCO_MUST_CHECK int coco_device_ioctl(struct coco_guest *guest, int fd,
					       unsigned long request, uintptr_t argument,
					       struct coco_error *error);

/**
 * Tells of an ioctl that the VMM has made itself, successfully, on the VM's descriptor.
 *
 * Errors: -EINVAL the library does not know the request, or it can't be had again (the text says
 * why); -ENOMEM, -EMFILE. Nothing is kept then.
 *
 * Ownership, thread safety and states: as coco_vm_ioctl().
 */
COCO_API COCO_MUST_CHECK int coco_vm_record(struct coco_guest *guest, unsigned long request,
					    uintptr_t argument, struct coco_error *error);

/** The same for a vCPU. Registers are kept at any time: tell of those it starts with only. */
COCO_API COCO_MUST_CHECK int coco_vcpu_record(struct coco_vcpu *vcpu, unsigned long request,
					      uintptr_t argument, struct coco_error *error);

/** The same for a device of which coco_vm_record(KVM_CREATE_DEVICE) has told. -EBADF: it hasn't. */
COCO_API COCO_MUST_CHECK int coco_device_record(struct coco_guest *guest, int fd,
						unsigned long request, uintptr_t argument,
						struct coco_error *error);

/**
 * Closes a descriptor that coco_vm_ioctl() or coco_vcpu_ioctl() returned, and forgets the device
 * with all that was set in it.
 *
 * Errors: -EBADF `fd` is none. Thread safety: any thread. Allowed states: all.
 */
COCO_API COCO_MUST_CHECK int coco_guest_close_device(struct coco_guest *guest, int fd,
						     struct coco_error *error);

COCO_END_DECLS

#endif
