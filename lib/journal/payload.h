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

/*
 * Makes an entry of the argument, with key, copies and duplicates. NULL with *error filled:
 * -ENOMEM, -EMFILE or what reading a descriptor gave.
 */
struct coco_entry *coco_entry_new(const struct coco_rule *rule, uintptr_t argument,
				  struct coco_error *error);
/* An entry of one MSR of many. */
struct coco_entry *coco_entry_new_msr(const struct coco_rule *rule, uintptr_t argument,
				      uint32_t index, struct coco_error *error);
void coco_entry_free(struct coco_entry *entry);

enum coco_payload_effect coco_entry_effect(const struct coco_entry *entry);

/* Whether `taken`, which is in the journal, goes because of `taking`. */
bool coco_entry_takes(const struct coco_entry *taking, const struct coco_entry *taken);

/* The argument for ioctl(2) that does it again. */
uintptr_t coco_entry_argument(const struct coco_entry *entry);

/* Whether the eventfd that it names by number is still the same one. Others: true. */
bool coco_entry_alive(const struct coco_entry *entry);

#endif
