/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/child.h"

#include <cocoreset/journal.h>

#include "base/error.h"
#include "core/incarnation.h"
#include "core/state.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static enum coco_object_kind object_kind(const struct coco_child *child)
{
	return child->kind == COCO_CHILD_DEVICE ? COCO_OBJECT_DEVICE : COCO_OBJECT_STATS;
}

static struct coco_holder holder(const struct coco_guest *guest,
				 const struct coco_incarnation *incarnation,
				 const struct coco_child *child)
{
	switch (child->kind) {
	case COCO_CHILD_DEVICE:
		return coco_incarnation_holder(guest, incarnation, "device of type %" PRIu32,
					       child->type);
	case COCO_CHILD_VM_STATS:
		return coco_incarnation_holder(guest, incarnation, "statistics");
	default:
		return coco_incarnation_holder(guest, incarnation, "statistics of vcpu %" PRIu32,
					       child->vcpu);
	}
}

static struct coco_incarnation_child *new_entry(struct coco_incarnation *incarnation,
						const struct coco_child *child)
{
	struct coco_incarnation_child *entry = calloc(1, sizeof(*entry));

	if (entry) {
		entry->child = child;
		entry->next = incarnation->children;
		incarnation->children = entry;
	}
	return entry;
}

struct coco_kvm_object *coco_child_object(struct coco_incarnation *incarnation,
					  const struct coco_child *child)
{
	for (struct coco_incarnation_child *c = incarnation->children; c; c = c->next)
		if (c->child == child)
			return &c->fd;
	return NULL;
}

struct coco_child *coco_child_find(const struct coco_guest *guest, int number)
{
	for (struct coco_child *c = guest->children; c; c = c->next)
		if (c->number == number)
			return c;
	return NULL;
}

/* It is open, on its number. */
static int take(struct coco_guest *guest, struct coco_incarnation *incarnation,
		const struct coco_child *child)
{
	const struct coco_holder by = holder(guest, incarnation, child);
	struct coco_incarnation_child *entry = new_entry(incarnation, child);

	if (!entry)
		return -ENOMEM;
	coco_object_take_number(guest->seam, &entry->fd, object_kind(child), child->number, &by);
	return 0;
}

int coco_children_take(struct coco_guest *guest, struct coco_incarnation *incarnation,
		       struct coco_error *error)
{
	int r = 0;

	for (const struct coco_child *c = guest->children; !r && c; c = c->next)
		r = take(guest, incarnation, c);
	return r ? coco_fail_memory(error, COCO_STAGE_ARGUMENT) : 0;
}

int coco_child_add(struct coco_guest *guest, const struct coco_child *like,
		   struct coco_error *error)
{
	struct coco_child *child = malloc(sizeof(*child));
	struct coco_child **end = &guest->children;
	int r;

	if (child)
		*child = *like;
	/* Before there is an incarnation it is the one that is adopted that has it. */
	r = child && guest->incarnation ? take(guest, guest->incarnation, child)
	    : child                     ? 0
					: -ENOMEM;
	if (r) {
		guest->seam->ops->close(guest->seam->context, like->number);
		free(child);
		return coco_fail_memory(error, COCO_STAGE_RUN);
	}
	coco_journal_init(&child->journal, COCO_SCOPE_DEVICE, guest->seam);
	/* New incarnations make them in the same order. */
	while (*end)
		end = &(*end)->next;
	*end = child;
	return 0;
}

static int create(struct coco_guest *guest, struct coco_incarnation *incarnation,
		  const struct coco_child *child, struct coco_error *error)
{
	struct kvm_create_device device = {.type = child->type};
	const int vm = incarnation->vm.fd;
	int r;

	switch (child->kind) {
	case COCO_CHILD_DEVICE:
		r = coco_seam_get(guest->seam, vm, KVM_CREATE_DEVICE, &device, COCO_STAGE_CREATE,
				  error);
		return r ? r : (int)device.fd;
	case COCO_CHILD_VM_STATS:
		return coco_seam_ioctl(guest->seam, vm, KVM_GET_STATS_FD, 0, COCO_STAGE_CREATE,
				       error);
	default:
		return coco_seam_ioctl(guest->seam, incarnation->vcpus[child->vcpu].fd.fd,
				       KVM_GET_STATS_FD, 0, COCO_STAGE_CREATE, error);
	}
}

static int build(struct coco_guest *guest, struct coco_incarnation *incarnation,
		 struct coco_child *child, struct coco_error *error)
{
	const struct coco_holder by = holder(guest, incarnation, child);
	struct coco_incarnation_child *entry = new_entry(incarnation, child);
	int r;

	if (!entry)
		return coco_fail_memory(error, COCO_STAGE_CREATE);
	r = create(guest, incarnation, child, error);
	if (r < 0)
		return r;
	coco_object_take(guest->seam, &entry->fd, object_kind(child), r, &by);
	if (incarnation->in_place) {
		r = coco_object_move(guest->seam, &entry->fd, child->number, error);
		if (r)
			return r;
	}
	return coco_journal_replay(&child->journal, guest->seam, entry->fd.fd, COCO_REPLAY_WIRING,
				   error);
}

int coco_children_build(struct coco_guest *guest, struct coco_incarnation *incarnation,
			struct coco_error *error)
{
	int r = 0;

	for (struct coco_child *c = guest->children; !r && c; c = c->next)
		r = build(guest, incarnation, c, error);
	return r;
}

int coco_children_detach(struct coco_guest *guest, struct coco_incarnation *incarnation,
			 struct coco_error *error)
{
	int r = 0;

	for (struct coco_child *c = guest->children; !r && c; c = c->next)
		r = coco_journal_detach(&c->journal, guest->seam,
					coco_child_object(incarnation, c)->fd, error);
	return r;
}

int coco_children_attach(struct coco_guest *guest, struct coco_incarnation *incarnation,
			 struct coco_error *error)
{
	int r = 0;

	for (struct coco_child *c = guest->children; !r && c; c = c->next)
		r = coco_journal_replay(&c->journal, guest->seam,
					coco_child_object(incarnation, c)->fd,
					COCO_REPLAY_EXCLUSIVE, error);
	return r;
}

static void free_child(struct coco_guest *guest, struct coco_child *child)
{
	coco_seam_release_number(guest->seam, child->number);
	coco_journal_release(&child->journal);
	free(child);
}

void coco_children_release(struct coco_guest *guest)
{
	while (guest->children) {
		struct coco_child *first = guest->children;

		guest->children = first->next;
		free_child(guest, first);
	}
}

static void forget(struct coco_seam *seam, struct coco_incarnation *incarnation,
		   const struct coco_child *child)
{
	for (struct coco_incarnation_child **link = &incarnation->children; *link;
	     link = &(*link)->next) {
		struct coco_incarnation_child *entry = *link;

		if (entry->child != child)
			continue;
		coco_object_forget(seam, &entry->fd);
		*link = entry->next;
		free(entry);
		return;
	}
}

int coco_guest_close_device(struct coco_guest *guest, int fd, struct coco_error *error)
{
	struct coco_child **link;
	int r;

	pthread_mutex_lock(&guest->lock);
	r = coco_operation_begin(guest, &coco_operation_configure, error);
	if (r) {
		pthread_mutex_unlock(&guest->lock);
		return r;
	}
	for (link = &guest->children; *link && (*link)->number != fd; link = &(*link)->next)
		;
	if (!*link) {
		r = coco_fail_field(error, -EBADF, "fd", "%d is no device of this guest", fd);
	} else {
		struct coco_child *child = *link;

		if (guest->incarnation)
			forget(guest->seam, guest->incarnation, child);
		*link = child->next;
		free_child(guest, child);
	}
	coco_operation_end(guest);
	pthread_mutex_unlock(&guest->lock);
	return r;
}
