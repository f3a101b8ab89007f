/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reading an ioctl's argument into an entry: a copy of all that it points to. */
#ifndef COCO_JOURNAL_PAYLOAD_H
#define COCO_JOURNAL_PAYLOAD_H

#include "journal/rules.h"

/* What a payload asks for. */
enum coco_payload_effect {
	COCO_EFFECT_PUT,
	COCO_EFFECT_TAKE,  /* it takes away what was put in */
	COCO_EFFECT_NONE,  /* it leaves nothing behind */
	COCO_EFFECT_CLEAR, /* it takes away all of its kind */
};

/* Whether an argument has no more behind it than KVM takes: 0, or what KVM answers then. */
int coco_argument_check(const struct coco_rule *rule, uintptr_t argument, struct coco_error *error);

/*
 * Makes an entry of the argument, with key, copies and duplicates. Of a list: of the element
 * `index`. -ENOMEM, -EMFILE, or what looking at a descriptor gave.
 */
int coco_entry_new(struct coco_journal *journal, const struct coco_rule *rule, uintptr_t argument,
		   uint32_t index, struct coco_entry **out, struct coco_error *error);
void coco_entry_free(struct coco_entry *entry);

enum coco_payload_effect coco_entry_effect(const struct coco_entry *entry);

/* Whether `taken`, which is in the journal, goes because of `taking`. */
bool coco_entry_takes(const struct coco_entry *taking, const struct coco_entry *taken);

/* The same of one that the VMM has called by another number, where none of this number is there. */
bool coco_entry_takes_alias(const struct coco_entry *taking, const struct coco_entry *taken);

/* Whether `taken` is of an eventfd that must have been closed: another has its number. */
bool coco_entry_takes_closed(const struct coco_entry *taking, const struct coco_entry *taken);

/* Whether two entries are about the same thing, so that the later one replaces the other. */
bool coco_entry_same(const struct coco_entry *a, const struct coco_entry *b);

/* The argument for ioctl(2) that does it again. */
uintptr_t coco_entry_argument(const struct coco_entry *entry);

#endif
