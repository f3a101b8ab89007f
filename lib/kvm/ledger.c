/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE /* MADV_DONTFORK */

#include "kvm/ledger.h"

#include "base/error.h"
#include "kvm/seam.h"
#include "kvm/uapi.h"

#include <sys/mman.h>

void coco_ledger_init(struct coco_ledger *ledger)
{
	pthread_mutex_init(&ledger->lock, NULL);
	ledger->first = NULL;
}

void coco_ledger_destroy(struct coco_ledger *ledger)
{
	pthread_mutex_destroy(&ledger->lock);
}

void coco_ledger_each(struct coco_ledger *ledger, const void *guest,
		      void (*fn)(void *payload, const struct coco_kvm_object *object),
		      void *payload)
{
	pthread_mutex_lock(&ledger->lock);
	for (const struct coco_kvm_object *o = ledger->first; o; o = o->next)
		if (o->holder.guest == guest)
			fn(payload, o);
	pthread_mutex_unlock(&ledger->lock);
}

const char *coco_object_kind_name(enum coco_object_kind kind)
{
	switch (kind) {
	case COCO_OBJECT_VM:
		return "vm";
	case COCO_OBJECT_VCPU:
		return "vcpu";
	case COCO_OBJECT_RUN:
		return "run mapping";
	case COCO_OBJECT_GUEST_MEMFD:
		return "guest_memfd";
	case COCO_OBJECT_GUEST_MEMFD_MAP:
		return "guest_memfd mapping";
	case COCO_OBJECT_DEVICE:
		return "device";
	case COCO_OBJECT_STATS:
		return "stats";
	case COCO_OBJECT_NONE:
		break;
	}
	return "none";
}

static void enter(struct coco_seam *seam, struct coco_kvm_object *object,
		  const struct coco_kvm_object *created)
{
	struct coco_ledger *ledger = &seam->ledger;

	*object = *created;
	pthread_mutex_lock(&ledger->lock);
	object->previous = NULL;
	object->next = ledger->first;
	if (ledger->first)
		ledger->first->previous = object;
	ledger->first = object;
	pthread_mutex_unlock(&ledger->lock);
}

static void strike_out(struct coco_seam *seam, struct coco_kvm_object *object)
{
	struct coco_ledger *ledger = &seam->ledger;

	pthread_mutex_lock(&ledger->lock);
	if (object->previous)
		object->previous->next = object->next;
	else
		ledger->first = object->next;
	if (object->next)
		object->next->previous = object->previous;
	object->kind = COCO_OBJECT_NONE;
	pthread_mutex_unlock(&ledger->lock);
}

void coco_object_take(struct coco_seam *seam, struct coco_kvm_object *object,
		      enum coco_object_kind kind, int fd, const struct coco_holder *holder)
{
	const struct coco_kvm_object created = {
		.kind = kind, .fd = fd, .number = -1, .holder = *holder};

	enter(seam, object, &created);
}

void coco_object_take_number(struct coco_seam *seam, struct coco_kvm_object *object,
			     enum coco_object_kind kind, int fd, const struct coco_holder *holder)
{
	const struct coco_kvm_object taken = {
		.kind = kind, .fd = fd, .number = fd, .holder = *holder};

	enter(seam, object, &taken);
}

int coco_object_create_vm(struct coco_seam *seam, struct coco_kvm_object *object, uint64_t type,
			  const struct coco_holder *holder, struct coco_error *error)
{
	int fd = coco_seam_ioctl(seam, seam->kvm_fd, KVM_CREATE_VM, type, COCO_STAGE_CREATE, error);

	if (fd < 0)
		return fd;
	coco_object_take(seam, object, COCO_OBJECT_VM, fd, holder);
	return 0;
}

int coco_object_create_vcpu(struct coco_seam *seam, struct coco_kvm_object *object, int vm_fd,
			    uint32_t id, const struct coco_holder *holder, struct coco_error *error)
{
	int fd = coco_seam_ioctl(seam, vm_fd, KVM_CREATE_VCPU, id, COCO_STAGE_CREATE, error);

	if (fd < 0)
		return fd;
	coco_object_take(seam, object, COCO_OBJECT_VCPU, fd, holder);
	return 0;
}

int coco_object_create_memfd(struct coco_seam *seam, struct coco_kvm_object *object, int vm_fd,
			     uint64_t size, uint64_t flags, const struct coco_holder *holder,
			     struct coco_error *error)
{
	const struct uapi_create_guest_memfd create = {.size = size, .flags = flags};
	int fd = coco_seam_set(seam, vm_fd, UAPI_CREATE_GUEST_MEMFD, &create, COCO_STAGE_CREATE,
			       error);
	int r;

	if (fd < 0)
		return fd;
	r = seam->ops->set_cloexec(seam->context, fd);
	if (r < 0) {
		seam->ops->close(seam->context, fd);
		return coco_fail_call(error, r, COCO_STAGE_CREATE, "fcntl",
				      "making a guest_memfd close-on-exec");
	}
	coco_object_take(seam, object, COCO_OBJECT_GUEST_MEMFD, fd, holder);
	return 0;
}

/* At created->address if that is not NULL, else where there is room. */
static int map(struct coco_seam *seam, struct coco_kvm_object *created, int fd, uint32_t stage,
	       struct coco_error *error)
{
	int r = seam->ops->mmap(
		seam->context, created->address, created->size, PROT_READ | PROT_WRITE,
		MAP_SHARED | (created->address ? MAP_FIXED : 0), fd, 0, &created->address);

	if (r < 0)
		return coco_fail_call(error, r, stage, "mmap", "mapping a %s",
				      coco_object_kind_name(created->kind));
	return 0;
}

/* One that never execs would keep the VM alive by its copy of the mapping. */
static int keep_from_child(struct coco_seam *seam, const struct coco_kvm_object *object,
			   uint32_t stage, struct coco_error *error)
{
	int r = seam->ops->madvise(seam->context, object->address, object->size, MADV_DONTFORK);

	if (r < 0)
		return coco_fail_call(error, r, stage, "madvise",
				      "keeping a %s from being inherited",
				      coco_object_kind_name(object->kind));
	return 0;
}

int coco_object_map(struct coco_seam *seam, struct coco_kvm_object *object,
		    enum coco_object_kind kind, int fd, void *address, size_t size,
		    const struct coco_holder *holder, struct coco_error *error)
{
	struct coco_kvm_object created = {
		.kind = kind,
		.fd = -1,
		.number = -1,
		.address = address,
		.size = size,
		.reserved = address != NULL,
		.holder = *holder,
	};
	int r;

	r = map(seam, &created, fd, COCO_STAGE_CREATE, error);
	if (r)
		return r;
	enter(seam, object, &created);
	r = keep_from_child(seam, object, COCO_STAGE_CREATE, error);
	if (r)
		(void)coco_object_release(seam, object, NULL);
	return r;
}

void coco_object_take_map(struct coco_seam *seam, struct coco_kvm_object *object,
			  enum coco_object_kind kind, void *address, size_t size,
			  const struct coco_holder *holder)
{
	const struct coco_kvm_object taken = {
		.kind = kind,
		.fd = -1,
		.number = -1,
		.address = address,
		.size = size,
		.reserved = true,
		.holder = *holder,
	};

	enter(seam, object, &taken);
	/* Its VMM has lived with that so far. */
	(void)keep_from_child(seam, object, COCO_STAGE_CREATE, NULL);
}

int coco_object_map_over(struct coco_seam *seam, struct coco_kvm_object *from,
			 struct coco_kvm_object *to, int fd, const struct coco_holder *holder,
			 struct coco_error *error)
{
	struct coco_kvm_object created = *from;
	int r;

	r = coco_object_release(seam, to, error);
	if (!r)
		r = map(seam, &created, fd, COCO_STAGE_SWAP, error);
	if (r)
		return r;
	created.holder = *holder;
	strike_out(seam, from);
	enter(seam, to, &created);
	return keep_from_child(seam, to, COCO_STAGE_SWAP, error);
}

int coco_object_step_aside(struct coco_seam *seam, struct coco_kvm_object *object,
			   struct coco_error *error)
{
	int fd = seam->ops->dup(seam->context, object->fd);

	if (fd < 0)
		return coco_fail_call(error, fd, COCO_STAGE_SWAP, "fcntl",
				      "moving the old %s off number %d",
				      coco_object_kind_name(object->kind), object->number);
	pthread_mutex_lock(&seam->ledger.lock);
	object->fd = fd;
	pthread_mutex_unlock(&seam->ledger.lock);
	return 0;
}

void coco_object_step_back(struct coco_seam *seam, struct coco_kvm_object *object)
{
	if (object->fd == object->number)
		return;
	seam->ops->close(seam->context, object->fd);
	pthread_mutex_lock(&seam->ledger.lock);
	object->fd = object->number;
	pthread_mutex_unlock(&seam->ledger.lock);
}

int coco_object_move_over(struct coco_seam *seam, struct coco_kvm_object *from,
			  struct coco_kvm_object *to, struct coco_error *error)
{
	int r = coco_object_move(seam, to, from->number, error);

	if (r)
		return r;
	pthread_mutex_lock(&seam->ledger.lock);
	from->number = -1;
	pthread_mutex_unlock(&seam->ledger.lock);
	return 0;
}

int coco_object_move(struct coco_seam *seam, struct coco_kvm_object *object, int number,
		     struct coco_error *error)
{
	int r = seam->ops->dup3(seam->context, object->fd, number);

	if (r < 0)
		return coco_fail_call(error, r, COCO_STAGE_SWAP, "dup3",
				      "giving a %s the number %d",
				      coco_object_kind_name(object->kind), number);
	seam->ops->close(seam->context, object->fd);
	pthread_mutex_lock(&seam->ledger.lock);
	object->fd = number;
	object->number = number;
	pthread_mutex_unlock(&seam->ledger.lock);
	return 0;
}

/* The reservation comes back, where there was one. */
static int give_back_address(struct coco_seam *seam, const struct coco_kvm_object *object,
			     struct coco_error *error)
{
	int r;

	if (object->reserved)
		return coco_seam_remap(seam, object->address, object->size, PROT_NONE,
				       COCO_STAGE_RETIRE, error);
	r = coco_seam_unmap(seam, object->address, object->size);
	if (r)
		return coco_fail_call(error, r, COCO_STAGE_RETIRE, "munmap", "unmapping a %s",
				      coco_object_kind_name(object->kind));
	return 0;
}

int coco_object_release(struct coco_seam *seam, struct coco_kvm_object *object,
			struct coco_error *error)
{
	int r;

	switch (object->kind) {
	case COCO_OBJECT_NONE:
		return 0;
	case COCO_OBJECT_RUN:
	case COCO_OBJECT_GUEST_MEMFD_MAP:
		r = give_back_address(seam, object, error);
		if (r)
			return r;
		break;
	default:
		if (object->number < 0) {
			/* Whatever close() answers, the descriptor is gone. */
			seam->ops->close(seam->context, object->fd);
			break;
		}
		r = seam->ops->dup3(seam->context, seam->kvm_fd, object->number);
		if (r < 0)
			return coco_fail_call(error, r, COCO_STAGE_RETIRE, "dup3",
					      "taking a %s off its number %d",
					      coco_object_kind_name(object->kind), object->number);
		if (object->fd != object->number)
			seam->ops->close(seam->context, object->fd);
		break;
	}
	strike_out(seam, object);
	return 0;
}

void coco_object_forget(struct coco_seam *seam, struct coco_kvm_object *object)
{
	if (object->kind != COCO_OBJECT_NONE)
		strike_out(seam, object);
}
