/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/listener.h"

#include "base/error.h"
#include "base/options.h"
#include "core/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct coco_listener_entry {
	struct coco_listener listener;
	struct coco_listener_entry *next;
	char name[];
};

/* One that has accepted an event. */
struct coco_told {
	const struct coco_listener_entry *entry;
	struct coco_occasion occasion;
};

static const char *const names[] = {
	[COCO_EVENT_BEFORE_RESET] = "before_reset",
	[COCO_EVENT_VM_READY] = "vm_ready",
	[COCO_EVENT_VCPU_READY] = "vcpu_ready",
	[COCO_EVENT_SWAPPED] = "swapped",
	[COCO_EVENT_SEALED] = "sealed",
	[COCO_EVENT_RESUMED] = "resumed",
	[COCO_EVENT_FAILED] = "failed",
	[COCO_EVENT_RETIRED] = "retired",
};

#define EVENTS     (sizeof(names) / sizeof(*names))
#define ALL_EVENTS ((1u << EVENTS) - 2)

const char *coco_event_name(uint32_t event)
{
	return event && event < EVENTS ? names[event] : "unknown";
}

/* --- telling */

static bool listens(const struct coco_listener_entry *entry, const struct coco_occasion *occasion)
{
	return entry->listener.events & 1u << occasion->event;
}

/* Before it is called: what it does must not be forgotten for want of memory. */
static int make_room(struct coco_guest *guest)
{
	struct coco_told *told;

	if (guest->told_count < guest->told_room)
		return 0;
	told = realloc(guest->told, (guest->told_room * 2 + 16) * sizeof(*told));
	if (!told)
		return -ENOMEM;
	guest->told = told;
	guest->told_room = guest->told_room * 2 + 16;
	return 0;
}

int coco_listeners_ask(struct coco_guest *guest, const struct coco_occasion *occasion,
		       struct coco_error *error)
{
	for (const struct coco_listener_entry *e = guest->listeners; e; e = e->next) {
		int r;

		if (!listens(e, occasion))
			continue;
		if (make_room(guest))
			return coco_fail_memory(error, COCO_STAGE_CREATE);
		r = e->listener.listen(e->listener.payload, occasion);
		if (r < 0)
			return coco_fail(error, r, COCO_STAGE_CREATE,
					 "listener \"%s\" refuses at %s", e->name,
					 coco_event_name(occasion->event));
		guest->told[guest->told_count++] = (struct coco_told){e, *occasion};
	}
	return 0;
}

void coco_listeners_tell(struct coco_guest *guest, const struct coco_occasion *occasion)
{
	for (const struct coco_listener_entry *e = guest->listeners; e; e = e->next)
		if (listens(e, occasion))
			(void)e->listener.listen(e->listener.payload, occasion);
}

void coco_tell_retired(struct coco_guest *guest, uint64_t generation)
{
	const struct coco_occasion occasion = {
		.event = COCO_EVENT_RETIRED, .generation = generation, .vm_fd = -1, .vcpu_fd = -1};

	coco_listeners_tell(guest, &occasion);
}

size_t coco_listeners_told(const struct coco_guest *guest)
{
	return guest->told_count;
}

void coco_listeners_undo(struct coco_guest *guest, size_t told)
{
	while (guest->told_count > told) {
		const struct coco_told *last = &guest->told[--guest->told_count];

		if (last->entry->listener.undo)
			last->entry->listener.undo(last->entry->listener.payload, &last->occasion);
	}
}

void coco_listeners_settle(struct coco_guest *guest)
{
	guest->told_count = 0;
}

/* --- the list */

static struct coco_listener_entry **find(struct coco_guest *guest, const char *name)
{
	struct coco_listener_entry **link = &guest->listeners;

	while (*link && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	return link;
}

static int check(const struct coco_listener *listener, struct coco_error *error)
{
	if (!listener->name || !listener->name[0])
		return coco_fail_field(error, -EINVAL, "name", "a listener has a name");
	if (!listener->listen)
		return coco_fail_field(error, -EINVAL, "listen", "listen is NULL");
	if (!listener->events || listener->events & ~ALL_EVENTS)
		return coco_fail_field(error, -EINVAL, "events",
				       "0x%" PRIx32 " are no events: each is 1 << enum coco_event",
				       listener->events);
	return 0;
}

static struct coco_listener_entry *new_entry(const struct coco_listener *listener)
{
	const size_t size = strlen(listener->name) + 1;
	struct coco_listener_entry *entry = calloc(1, sizeof(*entry) + size);

	if (!entry)
		return NULL;
	entry->listener = *listener;
	memcpy(entry->name, listener->name, size);
	entry->listener.name = entry->name;
	return entry;
}

/* With the lock held, and `operation` set. */
static void insert(struct coco_guest *guest, struct coco_listener_entry *entry)
{
	struct coco_listener_entry **link = &guest->listeners;

	while (*link && (*link)->listener.priority <= entry->listener.priority)
		link = &(*link)->next;
	entry->next = *link;
	*link = entry;
}

int coco_guest_add_listener(struct coco_guest *guest, const struct coco_listener *listener,
			    struct coco_error *error)
{
	struct coco_listener_entry *entry;
	struct coco_listener given;
	int r;

	r = coco_options_read(&given, sizeof(given), listener,
			      COCO_END_OF(struct coco_listener, listen), "listener", error);
	if (!r)
		r = check(&given, error);
	if (r)
		return r;
	entry = new_entry(&given);
	if (!entry)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	pthread_mutex_lock(&guest->lock);
	r = coco_operation_begin(guest, &coco_operation_listen, error);
	if (!r) {
		if (*find(guest, entry->name))
			r = coco_fail_field(error, -EEXIST, "name", "\"%s\" listens already",
					    entry->name);
		else
			insert(guest, entry);
		coco_operation_end(guest);
	}
	pthread_mutex_unlock(&guest->lock);
	if (r)
		free(entry);
	return r;
}

int coco_guest_remove_listener(struct coco_guest *guest, const char *name, struct coco_error *error)
{
	struct coco_listener_entry **link;
	int r;

	if (!name)
		return coco_fail_field(error, -EINVAL, "name", "name is NULL");
	pthread_mutex_lock(&guest->lock);
	r = coco_operation_begin(guest, &coco_operation_listen, error);
	if (!r) {
		link = find(guest, name);
		if (*link) {
			struct coco_listener_entry *entry = *link;

			*link = entry->next;
			free(entry);
		} else {
			r = coco_fail_field(error, -ENOENT, "name", "nobody named \"%s\" listens",
					    name);
		}
		coco_operation_end(guest);
	}
	pthread_mutex_unlock(&guest->lock);
	return r;
}

void coco_listeners_release(struct coco_guest *guest)
{
	while (guest->listeners) {
		struct coco_listener_entry *first = guest->listeners;

		guest->listeners = first->next;
		free(first);
	}
	free(guest->told);
}
