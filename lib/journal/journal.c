/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "journal/journal.h"

#include "base/error.h"
#include "journal/eventfd.h"
#include "journal/payload.h"
#include "journal/rules.h"
#include "kvm/seam.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void coco_journal_init(struct coco_journal *journal, enum coco_scope scope, struct coco_seam *seam)
{
	memset(journal, 0, sizeof(*journal));
	journal->scope = scope;
	journal->seam = seam;
	journal->watch = -1;
	journal->xsave_size = sizeof(struct kvm_xsave);
}

void coco_journal_release(struct coco_journal *journal)
{
	for (size_t i = 0; i < COCO_JOURNAL_BUCKETS; i++)
		while (journal->buckets[i]) {
			struct coco_entry *first = journal->buckets[i];

			journal->buckets[i] = first->chain;
			coco_entry_free(first);
		}
	journal->count = 0;
	if (journal->watch >= 0)
		close(journal->watch);
	journal->watch = -1;
}

/* --- the store */

/* FNV-1a over topic and key. */
static struct coco_entry **find_bucket(struct coco_journal *journal, const struct coco_entry *entry)
{
	uint64_t hash = 0xcbf29ce484222325ull ^ coco_rule_topic_cap(entry->rule) ^
			coco_rule_topic(entry->rule);

	for (size_t i = 0; i < sizeof(entry->key); i++)
		hash = (hash ^ entry->key[i]) * 0x100000001b3ull;
	return &journal->buckets[hash % COCO_JOURNAL_BUCKETS];
}

static void unlink_entry(struct coco_journal *journal, struct coco_entry **link)
{
	struct coco_entry *entry = *link;

	*link = entry->chain;
	journal->count--;
	coco_entry_free(entry);
}

/* All that match. */
static uint32_t take_by(struct coco_journal *journal, const struct coco_entry *taking,
			bool (*takes)(const struct coco_entry *taking,
				      const struct coco_entry *taken))
{
	const uint32_t before = journal->count;

	for (size_t i = 0; i < COCO_JOURNAL_BUCKETS; i++)
		for (struct coco_entry **link = &journal->buckets[i]; *link;) {
			if (takes(taking, *link))
				unlink_entry(journal, link);
			else
				link = &(*link)->chain;
		}
	return before - journal->count;
}

static void take(struct coco_journal *journal, const struct coco_entry *taking)
{
	if (!take_by(journal, taking, coco_entry_takes))
		take_by(journal, taking, coco_entry_takes_alias);
}

/* Capabilities are switched on bit by bit; some bits are about the same thing. */
static void gather(const struct coco_entry *old, struct coco_entry *entry)
{
	const uint64_t exclusive = entry->rule->exclusive, sticky = entry->rule->sticky;
	const struct kvm_enable_cap *before = old->payload;
	struct kvm_enable_cap *cap = entry->payload;
	uint64_t kept = before->args[0];

	if (kept & sticky)
		cap->args[0] &= ~exclusive;
	else if (cap->args[0] & exclusive)
		kept &= ~exclusive;
	cap->args[0] |= kept;
}

static void put(struct coco_journal *journal, struct coco_entry *entry)
{
	struct coco_entry **bucket = find_bucket(journal, entry);

	for (struct coco_entry **link = bucket; *link; link = &(*link)->chain) {
		if (!coco_entry_same(*link, entry))
			continue;
		if (entry->rule->kind == COCO_RULE_OR)
			gather(*link, entry);
		unlink_entry(journal, link);
		break;
	}
	if (entry->rule->fd == COCO_RULE_FD_EVENTFD)
		take(journal, entry);
	entry->order = journal->next_order++;
	entry->chain = *bucket;
	*bucket = entry;
	journal->count++;
}

/* --- changes */

static uint32_t count_elements(const struct coco_rule *rule, uintptr_t argument)
{
	const struct kvm_msrs *msrs = (const struct kvm_msrs *)argument;

	return rule->kind == COCO_RULE_EACH && msrs ? msrs->nmsrs : 1;
}

static bool keeps(const struct coco_rule *rule, bool run)
{
	if (run && rule->flags & (COCO_RULE_REGISTERS | COCO_RULE_START))
		return false;
	return rule->kind == COCO_RULE_SET || rule->kind == COCO_RULE_OR ||
	       rule->kind == COCO_RULE_ADD || rule->kind == COCO_RULE_TAKE ||
	       rule->kind == COCO_RULE_EACH;
}

/* The file that backs it can't be in a slot of another VM. */
static bool is_private_slot(const struct coco_rule *rule, uintptr_t argument)
{
	const struct kvm_userspace_memory_region *slot =
		(const struct kvm_userspace_memory_region *)argument;

	return rule->payload == COCO_PAYLOAD_SLOT && slot && slot->memory_size &&
	       slot->flags & UAPI_MEM_GUEST_MEMFD;
}

int coco_journal_prepare(struct coco_journal *journal, unsigned long request, uintptr_t argument,
			 bool run, struct coco_change *out, struct coco_error *error)
{
	const bool cap = (uint32_t)request == (uint32_t)KVM_ENABLE_CAP;
	struct coco_entry **end = &out->entries;
	int r;

	*out = (struct coco_change){0};
	if (cap && !argument)
		return coco_fail_field(error, -EFAULT, "argument", "argument is NULL");
	out->rule = coco_rule_find(journal->scope, request,
				   cap ? ((const struct kvm_enable_cap *)argument)->cap : 0);
	if (!out->rule)
		return 0;
	if (out->rule->kind == COCO_RULE_LOST)
		out->refusal = out->rule->reason;
	if (is_private_slot(out->rule, argument))
		out->refusal = "a guest_memfd is of one VM: use coco_guest_add_memory()";
	if (out->refusal)
		return 0;
	if (!keeps(out->rule, run))
		return 0;
	if (out->rule->size && !argument && out->rule->payload != COCO_PAYLOAD_SIGNAL_MASK)
		return coco_fail_field(error, -EFAULT, "argument", "argument is NULL");
	r = coco_argument_check(out->rule, argument, error);
	for (uint32_t i = 0; !r && i < count_elements(out->rule, argument); i++) {
		r = coco_entry_new(journal, out->rule, argument, i, end, error);
		if (r)
			break;
		take_by(journal, *end, coco_entry_takes_closed);
		end = &(*end)->chain;
	}
	if (r)
		coco_journal_discard(out);
	return r;
}

void coco_journal_discard(struct coco_change *change)
{
	while (change->entries) {
		struct coco_entry *first = change->entries;

		change->entries = first->chain;
		coco_entry_free(first);
	}
}

void coco_journal_commit(struct coco_journal *journal, struct coco_change *change, int result)
{
	/* KVM_SET_MSRS tells how many of them it took. */
	const bool counted = change->rule && change->rule->kind == COCO_RULE_EACH;

	for (int i = 0; change->entries; i++) {
		struct coco_entry *entry = change->entries;

		change->entries = entry->chain;
		entry->chain = NULL;
		if (counted && i >= result) {
			coco_entry_free(entry);
			continue;
		}
		switch (coco_entry_effect(entry)) {
		case COCO_EFFECT_PUT:
			put(journal, entry);
			break;
		case COCO_EFFECT_TAKE:
		case COCO_EFFECT_CLEAR:
			take(journal, entry);
			coco_entry_free(entry);
			break;
		case COCO_EFFECT_NONE:
			coco_entry_free(entry);
			break;
		}
	}
}

/* --- replay */

static int compare(const void *a, const void *b)
{
	const struct coco_entry *left = *(const struct coco_entry *const *)a;
	const struct coco_entry *right = *(const struct coco_entry *const *)b;

	if (left->rank != right->rank)
		return left->rank < right->rank ? -1 : 1;
	return (left->order > right->order) - (left->order < right->order);
}

/* What is kept by number, and has been closed. */
static void drop_closed(struct coco_journal *journal)
{
	for (size_t i = 0; i < COCO_JOURNAL_BUCKETS; i++)
		for (struct coco_entry **link = &journal->buckets[i]; *link;) {
			const struct coco_entry *entry = *link;

			if (entry->rule->fd == COCO_RULE_FD_EVENTFD &&
			    !coco_watch_has(journal->watch,
					    (int)((const struct kvm_irqfd *)entry->payload)->fd))
				unlink_entry(journal, link);
			else
				link = &(*link)->chain;
		}
}

static int apply(const struct coco_entry *entry, struct coco_seam *seam, int fd,
		 struct coco_error *error)
{
	const struct kvm_msrs *msrs = entry->payload;
	int r = seam->ops->ioctl(seam->context, fd, entry->rule->request,
				 coco_entry_argument(entry));

	if (r < 0)
		return coco_fail_call(error, r, COCO_STAGE_CREATE, entry->rule->name,
				      "setting what the VMM had set before");
	if (entry->rule->kind == COCO_RULE_EACH && r != 1)
		return coco_fail_call(error, -EIO, COCO_STAGE_CREATE, entry->rule->name,
				      "KVM refuses MSR 0x%x, which it took in an earlier life",
				      msrs->entries[0].index);
	return 0;
}

/* The entries of one point in order, an array that the caller frees; NULL: out of memory. */
static struct coco_entry **collect(const struct coco_journal *journal, enum coco_replay at,
				   size_t *count)
{
	struct coco_entry **entries = calloc(journal->count + 1, sizeof(struct coco_entry *));

	*count = 0;
	if (!entries)
		return NULL;
	for (size_t i = 0; i < COCO_JOURNAL_BUCKETS; i++)
		for (struct coco_entry *e = journal->buckets[i]; e; e = e->chain)
			if (e->rule->at == at)
				entries[(*count)++] = e;
	qsort(entries, *count, sizeof(struct coco_entry *), compare);
	return entries;
}

/* An irqfd that is not there is no error; a VFIO file that is not there is ENOENT. */
static int detach(const struct coco_entry *entry, struct coco_seam *seam, int fd,
		  struct coco_error *error)
{
	struct kvm_device_attr attr;
	struct kvm_irqfd irqfd;
	int r;

	if (entry->rule->payload == COCO_PAYLOAD_IRQFD) {
		memcpy(&irqfd, entry->payload, sizeof(irqfd));
		irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
		return coco_seam_set(seam, fd, KVM_IRQFD, &irqfd, COCO_STAGE_SWAP, error);
	}
	memcpy(&attr, entry->payload, sizeof(attr));
	attr.attr = KVM_DEV_VFIO_GROUP_DEL;
	r = coco_seam_set(seam, fd, KVM_SET_DEVICE_ATTR, &attr, COCO_STAGE_SWAP, NULL);
	if (r && r != -ENOENT)
		return coco_fail_call(error, r, COCO_STAGE_SWAP, "KVM_SET_DEVICE_ATTR",
				      "taking a VFIO file off the old device");
	return 0;
}

static int each(struct coco_journal *journal, struct coco_seam *seam, int fd, enum coco_replay at,
		int (*fn)(const struct coco_entry *entry, struct coco_seam *seam, int fd,
			  struct coco_error *error),
		struct coco_error *error)
{
	struct coco_entry **entries;
	size_t count;
	int r = 0;

	if (!journal->count)
		return 0;
	if (at == COCO_REPLAY_EXCLUSIVE)
		drop_closed(journal);
	entries = collect(journal, at, &count);
	if (!entries)
		return coco_fail_memory(error, COCO_STAGE_CREATE);
	for (size_t i = 0; !r && i < count; i++)
		r = fn(entries[i], seam, fd, error);
	free(entries);
	return r;
}

int coco_journal_replay(struct coco_journal *journal, struct coco_seam *seam, int fd,
			enum coco_replay at, struct coco_error *error)
{
	return each(journal, seam, fd, at, apply, error);
}

int coco_journal_detach(struct coco_journal *journal, struct coco_seam *seam, int fd,
			struct coco_error *error)
{
	return each(journal, seam, fd, COCO_REPLAY_EXCLUSIVE, detach, error);
}
