/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/take_over.h"

#include "core/child.h"
#include "core/incarnation.h"
#include "core/retire.h"

/* A handle that is a descriptor number: who has it, and who is to have it. */
struct number {
	struct coco_kvm_object *old, *next;
	int number;
};

/* The VM's, then the vCPUs', then those of devices and the like. */
static struct number find_number(const struct coco_guest *guest, struct coco_incarnation *old,
				 struct coco_incarnation *next, uint32_t index)
{
	const struct coco_child *child = guest->children;

	if (!index)
		return (struct number){&old->vm, &next->vm, guest->number};
	index--;
	if (index < guest->recipe.vcpus)
		return (struct number){&old->vcpus[index].fd, &next->vcpus[index].fd,
				       guest->vcpus[index].number};
	for (index -= guest->recipe.vcpus; index; index--)
		child = child->next;
	return (struct number){coco_child_object(old, child), coco_child_object(next, child),
			       child->number};
}

static uint32_t count_numbers(const struct coco_guest *guest)
{
	uint32_t count = 1 + guest->recipe.vcpus;

	for (const struct coco_child *child = guest->children; child; child = child->next)
		count++;
	return count;
}

/* First of all what needs room in the table of descriptors, and fails if there is none. */
static int step_aside(struct coco_guest *guest, struct coco_incarnation *old,
		      struct coco_incarnation *next, struct coco_error *error)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < count_numbers(guest); i++)
		r = coco_object_step_aside(guest->seam, find_number(guest, old, next, i).old,
					   error);
	return r;
}

/* An eventfd takes one irqfd at a time, on the whole host, and a VFIO file has one VM. */
static int detach(struct coco_guest *guest, struct coco_incarnation *incarnation,
		  struct coco_error *error)
{
	int r = coco_journal_detach(&guest->journal, guest->seam, incarnation->vm.fd, error);

	return r ? r : coco_children_detach(guest, incarnation, error);
}

static int move_exclusive(struct coco_guest *guest, struct coco_incarnation *from,
			  struct coco_incarnation *to, struct coco_error *error)
{
	int r = detach(guest, from, error);

	if (!r)
		r = coco_journal_replay(&guest->journal, guest->seam, to->vm.fd,
					COCO_REPLAY_EXCLUSIVE, error);
	return r ? r : coco_children_attach(guest, to, error);
}

static int move_numbers(struct coco_guest *guest, struct coco_incarnation *old,
			struct coco_incarnation *next, struct coco_error *error)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < count_numbers(guest); i++) {
		const struct number number = find_number(guest, old, next, i);

		r = coco_object_move_over(guest->seam, number.old, number.next, error);
	}
	return r;
}

static int map_addresses(struct coco_guest *guest, struct coco_incarnation *old,
			 struct coco_incarnation *next, struct coco_error *error)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < guest->recipe.vcpus; i++)
		r = coco_object_map_over(guest->seam, &old->vcpus[i].run, &next->vcpus[i].run,
					 next->vcpus[i].fd.fd, &next->vcpus[i].fd.holder, error);
	for (uint32_t i = 0; !r && i < guest->recipe.region_count; i++)
		if (old->memory[i].map.kind != COCO_OBJECT_NONE)
			r = coco_object_map_over(guest->seam, &old->memory[i].map,
						 &next->memory[i].map, next->memory[i].memfd.fd,
						 &next->memory[i].memfd.holder, error);
	return r;
}

/* What has left its number or address gets it back: as far as taking over had come. */
static int give_back(struct coco_guest *guest, struct coco_incarnation *old,
		     struct coco_incarnation *next)
{
	struct coco_seam *seam = guest->seam;
	/* Of half a move some are where they are to be. */
	int r = detach(guest, old, NULL);

	if (!r)
		r = move_exclusive(guest, next, old, NULL);
	for (uint32_t i = 0; !r && i < count_numbers(guest); i++) {
		const struct number number = find_number(guest, old, next, i);

		if (number.old->number == number.number) {
			coco_object_step_back(seam, number.old);
			continue;
		}
		r = coco_object_move(seam, number.old, number.number, NULL);
		if (!r)
			coco_object_forget(seam, number.next);
	}
	for (uint32_t i = 0; !r && i < guest->recipe.vcpus; i++)
		if (old->vcpus[i].run.kind == COCO_OBJECT_NONE)
			r = coco_object_map_over(seam, &next->vcpus[i].run, &old->vcpus[i].run,
						 old->vcpus[i].fd.fd, &old->vcpus[i].fd.holder,
						 NULL);
	for (uint32_t i = 0; !r && i < guest->recipe.region_count; i++)
		if (next->memory[i].map.kind != COCO_OBJECT_NONE)
			r = coco_object_map_over(seam, &next->memory[i].map, &old->memory[i].map,
						 old->memory[i].memfd.fd,
						 &old->memory[i].memfd.holder, NULL);
	return r;
}

int coco_take_over(struct coco_guest *guest, struct coco_incarnation *next,
		   struct coco_error *error)
{
	struct coco_incarnation *old = guest->incarnation;
	int r;

	r = step_aside(guest, old, next, error);
	if (!r)
		r = move_exclusive(guest, old, next, error);
	if (!r)
		r = move_numbers(guest, old, next, error);
	if (!r)
		r = map_addresses(guest, old, next, error);
	if (r && !give_back(guest, old, next))
		return r;
	next->in_place = true;
	old->in_place = false;
	coco_incarnation_install(guest, next);
	coco_retire_later(guest, old);
	return r;
}
