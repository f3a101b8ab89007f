/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ioctls that a VMM makes itself: passed on to KVM, and into the journals. */
#include <cocoreset/journal.h>

#include "base/error.h"
#include "core/child.h"
#include "core/guest.h"
#include "core/state.h"
#include "journal/payload.h"
#include "journal/rules.h"
#include "kvm/seam.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <inttypes.h>

/* Where an ioctl goes. */
struct target {
	struct coco_guest *guest;
	enum coco_scope scope;
	struct coco_vcpu *vcpu;       /* COCO_SCOPE_VCPU */
	int fd;                       /* its descriptor's number */
	struct coco_journal *journal; /* known once the operation has begun */
};

static struct target vm_target(struct coco_guest *guest)
{
	return (struct target){.guest = guest, .scope = COCO_SCOPE_VM, .fd = guest->number};
}

static struct target vcpu_target(struct coco_vcpu *vcpu)
{
	return (struct target){
		.guest = vcpu->guest,
		.scope = COCO_SCOPE_VCPU,
		.vcpu = vcpu,
		.fd = vcpu->number,
	};
}

static struct target device_target(struct coco_guest *guest, int fd)
{
	return (struct target){.guest = guest, .scope = COCO_SCOPE_DEVICE, .fd = fd};
}

/* What is set after that is not what a life begins with. */
static bool has_run(const struct target *target)
{
	struct coco_guest *guest = target->guest;

	if (target->vcpu)
		return atomic_load(&target->vcpu->ran);
	for (uint32_t i = 0; i < guest->recipe.vcpus; i++)
		if (atomic_load(&guest->vcpus[i].ran))
			return true;
	return false;
}

/* With the guest's lock held. */
static int find_journal(struct target *target, struct coco_error *error)
{
	struct coco_child *child;

	switch (target->scope) {
	case COCO_SCOPE_VM:
		target->journal = &target->guest->journal;
		return 0;
	case COCO_SCOPE_VCPU:
		target->journal = &target->vcpu->journal;
		return 0;
	default:
		child = coco_child_find(target->guest, target->fd);
		if (!child || child->kind != COCO_CHILD_DEVICE)
			return coco_fail_field(error, -EBADF, "fd", "%d is no device of this guest",
					       target->fd);
		target->journal = &child->journal;
		return 0;
	}
}

static void end(const struct target *target)
{
	pthread_mutex_lock(&target->guest->lock);
	coco_operation_end(target->guest);
	pthread_mutex_unlock(&target->guest->lock);
}

/* The lock is not held in between: an ioctl on a vCPU may wait for that to be kicked. */
static int begin(struct target *target, struct coco_error *error)
{
	struct coco_guest *guest = target->guest;
	int r;

	pthread_mutex_lock(&guest->lock);
	r = coco_operation_begin(guest, &coco_operation_configure, error);
	if (!r) {
		r = find_journal(target, error);
		if (r)
			coco_operation_end(guest);
	}
	pthread_mutex_unlock(&guest->lock);
	return r;
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

static void tell_not_replayed(struct coco_guest *guest, unsigned long request,
			      const struct coco_change *change)
{
	const char *name = change->rule ? change->rule->name : "ioctl";

	pthread_mutex_lock(&guest->lock);
	guest->not_replayed_count++;
	if (guest->not_replayed)
		guest->not_replayed(guest->not_replayed_payload, request, name, change->refusal);
	pthread_mutex_unlock(&guest->lock);
}

/* --- what is the library's own */

/* The recipe's regions have the first slots. */
static int check_slot(const struct target *target, const struct coco_change *change,
		      struct coco_error *error)
{
	const struct kvm_userspace_memory_region *slot = change->entries->payload;

	if (slot->slot >= target->guest->recipe.region_count)
		return 0;
	return coco_fail_field(error, -EPERM, "slot",
			       "slot %" PRIu32 " is of the guest's recipe: add memory with "
			       "coco_guest_add_memory(), or take %" PRIu32 " and up",
			       slot->slot, target->guest->recipe.region_count);
}

/* Guests with private memory convert it by a hypercall that the library serves. */
static int check_hypercall(const struct target *target, const struct coco_change *change,
			   struct coco_error *error)
{
	const struct kvm_enable_cap *cap = change->entries->payload;

	if (!target->guest->recipe.backend->private_memory ||
	    cap->args[0] & 1u << UAPI_HC_MAP_GPA_RANGE)
		return 0;
	return coco_fail_field(error, -EPERM, "args[0]",
			       "KVM_CAP_EXIT_HYPERCALL without KVM_HC_MAP_GPA_RANGE: the library "
			       "needs it to convert memory");
}

static int check_change(const struct target *target, const struct coco_change *change,
			struct coco_error *error)
{
	if (!change->entries)
		return 0;
	if (change->rule->payload == COCO_PAYLOAD_SLOT)
		return check_slot(target, change, error);
	if (change->rule->cap == KVM_CAP_EXIT_HYPERCALL)
		return check_hypercall(target, change, error);
	return 0;
}

static int fail_own(const struct coco_rule *rule, struct coco_error *error)
{
	return coco_fail_field(error, -EPERM, "request",
			       "%s: the library does this itself, from the guest's recipe",
			       rule->name);
}

/* That a VMM has made what the recipe says, and not something else. */
static int check_own(const struct target *target, const struct coco_rule *rule, uintptr_t argument,
		     struct coco_error *error)
{
	const struct kvm_enable_cap *cap = (const struct kvm_enable_cap *)argument;
	const struct coco_recipe *recipe = &target->guest->recipe;
	const bool full = rule->request == KVM_CREATE_IRQCHIP;

	if (rule->scope != COCO_SCOPE_VM || (!full && rule->cap != KVM_CAP_SPLIT_IRQCHIP))
		return 0;
	if (full ? recipe->irqchip == COCO_IRQCHIP_FULL
		 : recipe->irqchip == COCO_IRQCHIP_SPLIT && recipe->ioapic_pins == cap->args[0])
		return 0;
	return coco_fail_field(error, -EINVAL, "irqchip",
			       "%s is not what the guest's options say: irqchip, ioapic_pins",
			       rule->name);
}

/* --- what it changes */

/* Registers that the platform keeps from the host are the guest's alone, in every life. */
static void refuse_protected(const struct target *target, struct coco_change *change)
{
	if (!change->entries || !(change->rule->flags & COCO_RULE_REGISTERS) ||
	    target->guest->recipe.backend->open_registers)
		return;
	coco_journal_discard(change);
	change->refusal = "the registers of such guests are theirs alone";
}

static int prepare(const struct target *target, unsigned long request, uintptr_t argument, bool ran,
		   struct coco_change *change, struct coco_error *error)
{
	struct coco_guest *guest = target->guest;
	int r;

	if ((uint32_t)request == (uint32_t)KVM_SET_XSAVE && target->vcpu) {
		r = coco_seam_check_extension(guest->seam, guest->number, KVM_CAP_XSAVE2, NULL);
		target->journal->xsave_size = r > 0 ? (size_t)r : 0;
	}
	r = coco_journal_prepare(target->journal, request, argument, ran, change, error);
	if (r)
		return r;
	refuse_protected(target, change);
	r = check_change(target, change, error);
	if (r)
		coco_journal_discard(change);
	return r;
}

/* How many elements KVM would take, where it counts. */
static int take_all(const struct coco_change *change)
{
	int count = 0;

	if (change->rule->kind != COCO_RULE_EACH)
		return 0;
	for (const struct coco_entry *e = change->entries; e; e = e->chain)
		count++;
	return count;
}

/* What returns a descriptor. */
static int create_child(const struct target *target, const struct coco_rule *rule,
			uintptr_t argument, struct coco_error *error)
{
	const struct kvm_create_device *device = (const struct kvm_create_device *)argument;
	const bool is_device = rule->request == KVM_CREATE_DEVICE;
	struct coco_child child = {
		.kind = is_device ? COCO_CHILD_DEVICE
				  : (target->vcpu ? COCO_CHILD_VCPU_STATS : COCO_CHILD_VM_STATS),
		.vcpu = target->vcpu ? target->vcpu->index : 0,
	};
	int r = call(target, rule->request, rule->name, argument, error);
	int added;

	if (r < 0 || (is_device && device->flags & KVM_CREATE_DEVICE_TEST))
		return r;
	child.type = is_device ? device->type : 0;
	child.number = is_device ? (int)device->fd : r;
	added = coco_child_add(target->guest, &child, error);
	return added ? added : r;
}

static int fail_no_vm(const struct target *target, const char *name, struct coco_error *error)
{
	return coco_fail_field(error, -EBUSY, "state", "%s: not while the guest is %s", name,
			       coco_state_name(target->guest->state));
}

/* With the operation begun. */
static int configure(const struct target *target, unsigned long request, uintptr_t argument,
		     struct coco_change *change, struct coco_error *error)
{
	const char *name = change->rule ? change->rule->name : "ioctl";
	const bool to_vm = coco_state_has_vm(target->guest);
	int r;

	if (change->rule && change->rule->kind == COCO_RULE_OWN)
		return fail_own(change->rule, error);
	if (to_vm && change->rule && change->rule->kind == COCO_RULE_CHILD)
		return create_child(target, change->rule, argument, error);
	if (to_vm)
		r = call(target, request, name, argument, error);
	else if (change->entries)
		r = take_all(change);
	else if (change->refusal)
		r = coco_fail_field(error, -EINVAL, "request", "%s: %s", name, change->refusal);
	else
		r = fail_no_vm(target, name, error);
	if (r < 0)
		return r;
	coco_journal_commit(target->journal, change, r);
	if (!change->rule)
		change->refusal = "this library does not know it";
	if (change->refusal)
		tell_not_replayed(target->guest, request, change);
	return r;
}

/* What happens to the VM that there is, or only asks: no need to wait for anybody. */
static int pass(const struct target *target, const struct coco_rule *rule, uintptr_t argument,
		struct coco_error *error)
{
	struct coco_guest *guest = target->guest;
	const bool anywhere = rule->request == KVM_CHECK_EXTENSION;
	struct target checked = *target;
	int r = 0;

	pthread_mutex_lock(&guest->lock);
	if (!anywhere && !coco_state_has_vm(guest) && guest->state != COCO_STATE_RESETTING)
		r = fail_no_vm(target, rule->name, error);
	if (!r)
		r = find_journal(&checked, error);
	pthread_mutex_unlock(&guest->lock);
	return r ? r : call(target, rule->request, rule->name, argument, error);
}

static int find_rule(const struct target *target, unsigned long request, uintptr_t argument,
		     const struct coco_rule **rule, struct coco_error *error)
{
	const bool cap = (uint32_t)request == (uint32_t)KVM_ENABLE_CAP;

	if (cap && !argument)
		return coco_fail_field(error, -EFAULT, "argument", "argument is NULL");
	*rule = coco_rule_find(target->scope, request,
			       cap ? ((const struct kvm_enable_cap *)argument)->cap : 0);
	return 0;
}

static int make(struct target target, unsigned long request, uintptr_t argument,
		struct coco_error *error)
{
	const struct coco_rule *rule = NULL;
	struct coco_change change;
	int r;

	r = find_rule(&target, request, argument, &rule, error);
	if (r)
		return r;
	if (rule && (rule->kind == COCO_RULE_QUERY || rule->kind == COCO_RULE_EVENT))
		return pass(&target, rule, argument, error);
	r = begin(&target, error);
	if (r)
		return r;
	r = prepare(&target, request, argument, has_run(&target), &change, error);
	if (!r) {
		r = configure(&target, request, argument, &change, error);
		coco_journal_discard(&change);
	}
	end(&target);
	return r;
}

int coco_vm_ioctl(struct coco_guest *guest, unsigned long request, uintptr_t argument,
		  struct coco_error *error)
{
	return make(vm_target(guest), request, argument, error);
}

int coco_vcpu_ioctl(struct coco_vcpu *vcpu, unsigned long request, uintptr_t argument,
		    struct coco_error *error)
{
	return make(vcpu_target(vcpu), request, argument, error);
}

int coco_device_ioctl(struct coco_guest *guest, int fd, unsigned long request, uintptr_t argument,
		      struct coco_error *error)
{
	return make(device_target(guest, fd), request, argument, error);
}

/* --- what the VMM has done itself */

static int record_child(const struct target *target, const struct coco_rule *rule,
			uintptr_t argument, struct coco_error *error)
{
	const struct kvm_create_device *device = (const struct kvm_create_device *)argument;
	struct coco_child child = {.kind = COCO_CHILD_DEVICE};

	if (rule->request != KVM_CREATE_DEVICE)
		return coco_fail_field(error, -EINVAL, "request",
				       "%s: make it with coco_vm_ioctl() or coco_vcpu_ioctl(), "
				       "which know the descriptor that it returns",
				       rule->name);
	if (!device)
		return coco_fail_field(error, -EFAULT, "argument", "argument is NULL");
	if (device->flags & KVM_CREATE_DEVICE_TEST)
		return 0;
	if (target->guest->state == COCO_STATE_DOWN)
		return fail_no_vm(target, rule->name, error);
	child.type = device->type;
	child.number = (int)device->fd;
	return coco_child_add(target->guest, &child, error);
}

static int keep(const struct target *target, uintptr_t argument, struct coco_change *change,
		struct coco_error *error)
{
	const struct coco_rule *rule = change->rule;

	if (!rule || change->refusal)
		return coco_fail_field(error, -EINVAL, "request", "%s is not made again: %s",
				       rule ? rule->name : "the request",
				       rule ? change->refusal : "this library does not know it");
	if (rule->kind == COCO_RULE_CHILD)
		return record_child(target, rule, argument, error);
	if (rule->kind == COCO_RULE_OWN)
		return check_own(target, rule, argument, error);
	coco_journal_commit(target->journal, change, take_all(change));
	return 0;
}

static int record(struct target target, unsigned long request, uintptr_t argument,
		  struct coco_error *error)
{
	struct coco_change change;
	int r;

	r = begin(&target, error);
	if (r)
		return r;
	r = prepare(&target, request, argument, false, &change, error);
	if (!r) {
		r = keep(&target, argument, &change, error);
		coco_journal_discard(&change);
	}
	end(&target);
	return r;
}

int coco_vm_record(struct coco_guest *guest, unsigned long request, uintptr_t argument,
		   struct coco_error *error)
{
	return record(vm_target(guest), request, argument, error);
}

int coco_vcpu_record(struct coco_vcpu *vcpu, unsigned long request, uintptr_t argument,
		     struct coco_error *error)
{
	return record(vcpu_target(vcpu), request, argument, error);
}

int coco_device_record(struct coco_guest *guest, int fd, unsigned long request, uintptr_t argument,
		       struct coco_error *error)
{
	return record(device_target(guest, fd), request, argument, error);
}
