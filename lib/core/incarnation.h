/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One life of a guest: its KVM objects, made by one path and given back by one. */
#ifndef COCO_CORE_INCARNATION_H
#define COCO_CORE_INCARNATION_H

#include "core/guest.h"

/* An incarnation of which nothing is open yet. */
int coco_incarnation_new(struct coco_guest *guest, uint64_t generation,
			 struct coco_incarnation **out, struct coco_error *error);

/*
 * Builds it from the guest's recipe: on the guest's handles if nothing is there, else beside the
 * incarnation that has them, which it takes them over from. On failure it is left with what was
 * opened so far, and guest->incarnation tells who has the handles.
 */
int coco_incarnation_build(struct coco_guest *guest, struct coco_incarnation *incarnation,
			   struct coco_error *error);

/* From now on it is the one that the guest's calls see; NULL is none. */
void coco_incarnation_install(struct coco_guest *guest, struct coco_incarnation *incarnation);

/* Who holds an object of it; the format is that of a name in the ledger. */
__attribute__((format(printf, 3, 4))) struct coco_holder
coco_incarnation_holder(const struct coco_guest *guest, const struct coco_incarnation *incarnation,
			const char *format, ...);

/* Takes a descriptor of the incarnation over from the VMM. */
int coco_incarnation_take_fd(struct coco_guest *guest, struct coco_incarnation *incarnation,
			     enum coco_object_kind kind, int fd, const char *holder,
			     struct coco_error *error);

/*
 * Gives everything back that is open. If something could not be given back the incarnation has just
 * that, and the call may be made again. NULL is allowed.
 */
int coco_incarnation_release(struct coco_guest *guest, struct coco_incarnation *incarnation,
			     struct coco_error *error);

/*
 * Gives one object of it back. Returns 1 if it was the last, 0 if there are more, or -errno if it
 * could not be given back.
 */
int coco_incarnation_retire_one(struct coco_guest *guest, struct coco_incarnation *incarnation,
				struct coco_error *error);

/* Frees an incarnation of which nothing is open. NULL is allowed. */
void coco_incarnation_free(const struct coco_guest *guest, struct coco_incarnation *incarnation);

/*
 * Frees an incarnation that could not be released, when the guest's numbers and
 * addresses are about to be given up. NULL is allowed.
 */
void coco_incarnation_abandon(struct coco_guest *guest, struct coco_incarnation *incarnation);

#endif
