/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Descriptors that a VMM gets from KVM for a VM or vCPU: devices and statistics. Each incarnation
 * has its own, on the number that the first one had.
 */
#ifndef COCO_CORE_CHILD_H
#define COCO_CORE_CHILD_H

#include "core/guest.h"

enum coco_child_kind {
	COCO_CHILD_DEVICE,     /* KVM_CREATE_DEVICE */
	COCO_CHILD_VM_STATS,   /* KVM_GET_STATS_FD */
	COCO_CHILD_VCPU_STATS, /* the same, of a vCPU */
};

/* Part of the recipe. */
struct coco_child {
	enum coco_child_kind kind;
	uint32_t type;               /* of a device */
	uint32_t vcpu;               /* of COCO_CHILD_VCPU_STATS */
	int number;                  /* its descriptor's, in every incarnation */
	struct coco_journal journal; /* what was set in a device */
	struct coco_child *next;
};

/* What it is in one incarnation. */
struct coco_incarnation_child {
	const struct coco_child *child;
	struct coco_kvm_object fd;
	struct coco_incarnation_child *next;
};

/*
 * Takes a descriptor that KVM has returned for the current incarnation. On failure it is closed.
 * With `operation` set.
 */
int coco_child_add(struct coco_guest *guest, const struct coco_child *like,
		   struct coco_error *error);

/* Takes all of them for an incarnation in which they are open on their numbers. */
int coco_children_take(struct coco_guest *guest, struct coco_incarnation *incarnation,
		       struct coco_error *error);

/* The device with that number, NULL if there is none. */
struct coco_child *coco_child_find(const struct coco_guest *guest, int number);

/* Makes all of them for an incarnation; in place: on their numbers. */
int coco_children_build(struct coco_guest *guest, struct coco_incarnation *incarnation,
			struct coco_error *error);

/* What was set in devices that can be set in one at a time: takes it off, puts it in. */
int coco_children_detach(struct coco_guest *guest, struct coco_incarnation *incarnation,
			 struct coco_error *error);
int coco_children_attach(struct coco_guest *guest, struct coco_incarnation *incarnation,
			 struct coco_error *error);

struct coco_kvm_object *coco_child_object(struct coco_incarnation *incarnation,
					  const struct coco_child *child);

/* Gives numbers and journals up. */
void coco_children_release(struct coco_guest *guest);

#endif
