/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ioctls that a VMM makes itself: passed on to KVM, and into the journals. */
#include <cocoreset/journal.h>

#include "base/error.h"
#include "core/child.h"
#include "core/guest.h"
#include "core/state.h"
#include "journal/payload.h"
#include "journal/rules.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <inttypes.h>

/* Where an ioctl goes. */
struct target {
	struct coco_guest *guest;
	struct coco_journal *journal;
	int fd;
	const struct coco_vcpu *vcpu; /* NULL: a VM or device */
	bool ran;                     /* a vCPU that has: its registers are its own now */
};

static struct target vm_target(struct coco_guest *guest)
{
	return (struct target){.guest = guest, .journal = &guest->journal, .fd = guest->number};
}

static struct target vcpu_target(struct coco_vcpu *vcpu)
{
	return (struct target){
		.guest = vcpu->guest,
		.journal = &vcpu->journal,
		.fd = vcpu->number,
		.vcpu = vcpu,
		.ran = atomic_load(&vcpu->ran),
	};
}

static int call(const struct target *target, unsigned long request, const char *name,
		uintptr_t argument, struct coco_error *error)
{
	const struct coco_seam *seam = target->guest->seam;
	int r = seam->ops->ioctl(seam->context, target->fd, request, argument);

	if (r < 0)
		return coco_fail_call(error, r, COCO_STAGE_RUN, name, "%s for the VMM", name);
	return r;
}

static void tell_not_replayed(struct coco_guest *guest, unsigned long request, const char *name,
			      const char *reason)
{
	guest->not_replayed_count++;
	if (guest->not_replayed)
		guest->not_replayed(guest->not_replayed_payload, request, name, reason);
}

static bool has_vm(const struct coco_guest *guest)
{
	return guest->state == COCO_STATE_RUNNABLE || guest->state == COCO_STATE_PARKED;
}

/* The recipe's regions have the first slots. */
static int check_slot(const struct target *target, const struct coco_change *change,
		      struct coco_error *error)
{
	const struct kvm_userspace_memory_region *slot;

	if (!change->entries || change->rule->payload != COCO_PAYLOAD_SLOT)
		return 0;
	slot = change->entries->payload;
	if (slot->slot >= target->guest->recipe.region_count)
		return 0;
	return coco_fail_field(error, -EPERM, "slot",
			       "slot %" PRIu32 " is of the guest's recipe: add memory with "
			       "coco_guest_add_memory(), or take %" PRIu32 " and up",
			       slot->slot, target->guest->recipe.region_count);
}

/* How many elements KVM would take, where it counts. */
static int take_all(const struct coco_change *change)
{
	int count = 0;

	for (const struct coco_entry *e = change->entries; e; e = e->chain)
		count++;
	return change->rule->kind == COCO_RULE_EACH ? count : 0;
}

/* What returns a descriptor. */
static int create_child(const struct target *target, const struct coco_rule *rule,
			uintptr_t argument, struct coco_error *error)
{
	struct kvm_create_device *device = (struct kvm_create_device *)argument;
	const bool is_device = rule->request == KVM_CREATE_DEVICE;
	struct coco_child child = {
		.kind = is_device ? COCO_CHILD_DEVICE
				  : (target->vcpu ? COCO_CHILD_VCPU_STATS : COCO_CHILD_VM_STATS),
		.vcpu = target->vcpu ? target->vcpu->index : 0,
	};
	int r = call(target, rule->request, rule->name, argument, error);

	if (r < 0 || (is_device && device->flags & KVM_CREATE_DEVICE_TEST))
		return r;
	child.type = is_device ? device->type : 0;
	child.number = is_device ? (int)device->fd : r;
	if (coco_child_add(target->guest, &child, error))
		return error ? error->code : -ENOMEM;
	return r;
}

/* With the operation set. */
static int configure(const struct target *target, unsigned long request, uintptr_t argument,
		     struct coco_change *change, struct coco_error *error)
{
	struct coco_guest *guest = target->guest;
	int r = check_slot(target, change, error);

	if (r)
		return r;
	if (has_vm(guest) && change->rule->kind == COCO_RULE_CHILD)
		return create_child(target, change->rule, argument, error);
	if (has_vm(guest))
		r = call(target, request, change->rule->name, argument, error);
	else if (change->entries)
		r = take_all(change);
	else
		r = coco_fail_field(error, -EBUSY, "state", "%s: not while the guest is %s",
				    change->rule->name, coco_state_name(guest->state));
	if (r >= 0)
		coco_journal_commit(target->journal, change, r);
	return r;
}

/* What happens to the VM that there is, or only asks: no need to wait for anybody. */
static bool passes(const struct coco_rule *rule)
{
	return rule->kind == COCO_RULE_QUERY || rule->kind == COCO_RULE_EVENT;
}

static int fail_own(const struct coco_rule *rule, struct coco_error *error)
{
	return coco_fail_field(error, -EPERM, "request",
			       "%s: the library does this itself, from the guest's recipe",
			       rule->name);
}

static int make(const struct target *target, unsigned long request, uintptr_t argument,
		struct coco_error *error)
{
	struct coco_guest *guest = target->guest;
	struct coco_change change;
	int r;

	r = coco_journal_prepare(target->journal, request, argument, target->ran, &change, error);
	if (r)
		return r;
	if (change.rule && passes(change.rule))
		return call(target, request, change.rule->name, argument, error);
	if (change.rule && change.rule->kind == COCO_RULE_OWN)
		return fail_own(change.rule, error);

	pthread_mutex_lock(&guest->lock);
	r = coco_operation_begin(guest, &coco_operation_configure, error);
	if (!r) {
		if (!change.rule)
			r = call(target, request, "ioctl", argument, error);
		else
			r = configure(target, request, argument, &change, error);
		if (r >= 0 && (!change.rule || change.refusal))
			tell_not_replayed(guest, request, change.rule ? change.rule->name : "ioctl",
					  change.rule ? change.refusal
						      : "this library does not know it");
		coco_operation_end(guest);
	}
	pthread_mutex_unlock(&guest->lock);
	coco_journal_discard(&change);
	return r;
}

int coco_vm_ioctl(struct coco_guest *guest, unsigned long request, uintptr_t argument,
		  struct coco_error *error)
{
	const struct target target = vm_target(guest);

	return make(&target, request, argument, error);
}

int coco_vcpu_ioctl(struct coco_vcpu *vcpu, unsigned long request, uintptr_t argument,
		    struct coco_error *error)
{
	const struct target target = vcpu_target(vcpu);

	return make(&target, request, argument, error);
}

int coco_device_ioctl(struct coco_guest *guest, int fd, unsigned long request, uintptr_t argument,
		      struct coco_error *error)
{
	struct target target = {.guest = guest, .fd = fd};
	struct coco_child *child;

	pthread_mutex_lock(&guest->lock);
	child = coco_child_find(guest, fd);
	pthread_mutex_unlock(&guest->lock);
	if (!child)
		return coco_fail_field(error, -EBADF, "fd", "%d is no device of this guest", fd);
	target.journal = &child->journal;
	return make(&target, request, argument, error);
}

static int record(const struct target *target, unsigned long request, uintptr_t argument,
		  struct coco_error *error)
{
	struct coco_guest *guest = target->guest;
	struct coco_change change;
	int r;

	r = coco_journal_prepare(target->journal, request, argument, false, &change, error);
	if (r)
		return r;
	if (!change.rule || change.refusal)
		r = coco_fail_field(error, -EINVAL, "request", "%s is not made again: %s",
				    change.rule ? change.rule->name : "the request",
				    change.rule ? change.refusal : "this library does not know it");
	pthread_mutex_lock(&guest->lock);
	if (!r)
		r = coco_operation_begin(guest, &coco_operation_configure, error);
	if (!r) {
		r = check_slot(target, &change, error);
		if (!r)
			coco_journal_commit(target->journal, &change, take_all(&change));
		coco_operation_end(guest);
	}
	pthread_mutex_unlock(&guest->lock);
	coco_journal_discard(&change);
	return r;
}

int coco_vm_record(struct coco_guest *guest, unsigned long request, uintptr_t argument,
		   struct coco_error *error)
{
	const struct target target = vm_target(guest);

	return record(&target, request, argument, error);
}

int coco_vcpu_record(struct coco_vcpu *vcpu, unsigned long request, uintptr_t argument,
		     struct coco_error *error)
{
	const struct target target = vcpu_target(vcpu);

	return record(&target, request, argument, error);
}
