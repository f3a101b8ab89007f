/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/incarnation.h"

#include "base/error.h"
#include "core/child.h"
#include "core/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void coco_incarnation_free(const struct coco_guest *guest, struct coco_incarnation *incarnation)
{
	if (!incarnation)
		return;
	for (uint32_t i = 0; incarnation->memory && i < guest->recipe.region_count; i++)
		coco_page_map_destroy(&incarnation->memory[i].pages);
	while (incarnation->handed_over) {
		struct coco_handed_over *first = incarnation->handed_over;

		incarnation->handed_over = first->next;
		free(first);
	}
	while (incarnation->children) {
		struct coco_incarnation_child *first = incarnation->children;

		incarnation->children = first->next;
		free(first);
	}
	coco_source_unref(incarnation->source);
	free(incarnation->memory);
	free(incarnation->vcpus);
	free(incarnation);
}

int coco_incarnation_new(struct coco_guest *guest, uint64_t generation,
			 struct coco_incarnation **out, struct coco_error *error)
{
	const struct coco_recipe *recipe = &guest->recipe;
	struct coco_incarnation *incarnation = calloc(1, sizeof(*incarnation));

	if (!incarnation)
		return coco_fail_memory(error, COCO_STAGE_CREATE);
	incarnation->generation = generation;
	incarnation->in_place = !guest->incarnation;
	incarnation->source = coco_source_ref(guest->source);
	incarnation->vcpus = calloc(recipe->vcpus, sizeof(*incarnation->vcpus));
	incarnation->memory = calloc(recipe->region_count, sizeof(*incarnation->memory));
	if (!incarnation->vcpus || !incarnation->memory) {
		coco_incarnation_free(guest, incarnation);
		return coco_fail_memory(error, COCO_STAGE_CREATE);
	}
	*out = incarnation;
	return 0;
}

void coco_incarnation_install(struct coco_guest *guest, struct coco_incarnation *incarnation)
{
	pthread_mutex_lock(&guest->memory_lock);
	guest->incarnation = incarnation;
	pthread_mutex_unlock(&guest->memory_lock);
}

struct coco_holder coco_incarnation_holder(const struct coco_guest *guest,
					   const struct coco_incarnation *incarnation,
					   const char *format, ...)
{
	struct coco_holder holder = {.guest = guest, .generation = incarnation->generation};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(holder.name, sizeof(holder.name), format, arguments);
	va_end(arguments);
	return holder;
}

int coco_incarnation_take_fd(struct coco_guest *guest, struct coco_incarnation *incarnation,
			     enum coco_object_kind kind, int fd, const char *holder,
			     struct coco_error *error)
{
	const struct coco_holder by = coco_incarnation_holder(guest, incarnation, "%s", holder);
	struct coco_handed_over *taken = calloc(1, sizeof(*taken));

	if (!taken)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	coco_object_take(guest->seam, &taken->fd, kind, fd, &by);
	taken->next = incarnation->handed_over;
	incarnation->handed_over = taken;
	return 0;
}

/* All that holds the VM but the VM's own descriptor first. */
static void each_object(struct coco_guest *guest, struct coco_incarnation *incarnation,
			void (*fn)(void *payload, struct coco_kvm_object *object), void *payload)
{
	for (struct coco_handed_over *h = incarnation->handed_over; h; h = h->next)
		fn(payload, &h->fd);
	for (struct coco_incarnation_child *c = incarnation->children; c; c = c->next)
		fn(payload, &c->fd);
	for (uint32_t i = 0; i < guest->recipe.vcpus; i++) {
		fn(payload, &incarnation->vcpus[i].run);
		fn(payload, &incarnation->vcpus[i].fd);
	}
	for (uint32_t i = 0; i < guest->recipe.region_count; i++) {
		fn(payload, &incarnation->memory[i].map);
		fn(payload, &incarnation->memory[i].memfd);
	}
	fn(payload, &incarnation->vm);
}

struct retirement {
	struct coco_seam *seam;
	struct coco_error *error;
	int result; /* the first failure */
};

static void release(void *payload, struct coco_kvm_object *object)
{
	struct retirement *retirement = payload;
	int r = coco_object_release(retirement->seam, object,
				    retirement->result ? NULL : retirement->error);

	if (!retirement->result)
		retirement->result = r;
}

int coco_incarnation_release(struct coco_guest *guest, struct coco_incarnation *incarnation,
			     struct coco_error *error)
{
	struct retirement retirement = {.seam = guest->seam, .error = error};

	if (!incarnation)
		return 0;
	each_object(guest, incarnation, release, &retirement);
	return retirement.result;
}

/* The first object that is open. */
struct search {
	struct coco_kvm_object *first;
	uint32_t open;
};

static void find_open(void *payload, struct coco_kvm_object *object)
{
	struct search *search = payload;

	if (object->kind == COCO_OBJECT_NONE)
		return;
	if (!search->open++)
		search->first = object;
}

int coco_incarnation_retire_one(struct coco_guest *guest, struct coco_incarnation *incarnation,
				struct coco_error *error)
{
	struct search search = {0};
	int r = 0;

	each_object(guest, incarnation, find_open, &search);
	if (search.open)
		r = coco_object_release(guest->seam, search.first, error);
	return r ? r : search.open <= 1;
}

static void forget(void *payload, struct coco_kvm_object *object)
{
	coco_object_forget(payload, object);
}

void coco_incarnation_abandon(struct coco_guest *guest, struct coco_incarnation *incarnation)
{
	if (!incarnation)
		return;
	each_object(guest, incarnation, forget, guest->seam);
	coco_incarnation_free(guest, incarnation);
}
