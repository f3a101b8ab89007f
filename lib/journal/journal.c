/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "journal/journal.h"

#include "base/error.h"
#include "journal/payload.h"
#include "journal/rules.h"
#include "kvm/seam.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <stdlib.h>

void coco_journal_init(struct coco_journal *journal, enum coco_scope scope)
{
	memset(journal, 0, sizeof(*journal));
	journal->scope = scope;
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
}

/* --- the store */

/* FNV-1a over rule and key. */
static struct coco_entry **find_bucket(struct coco_journal *journal, const struct coco_entry *entry)
{
	/* Two requests are about slots. */
	const bool slot = entry->rule->payload == COCO_PAYLOAD_SLOT;
	uint64_t hash = 0xcbf29ce484222325ull ^ entry->rule->cap ^
			(slot ? KVM_SET_USER_MEMORY_REGION : entry->rule->request);

	for (size_t i = 0; i < sizeof(entry->key); i++)
		hash = (hash ^ entry->key[i]) * 0x100000001b3ull;
	return &journal->buckets[hash % COCO_JOURNAL_BUCKETS];
}

/* Both slot calls are about the same slots. */
static bool same_thing(const struct coco_entry *a, const struct coco_entry *b)
{
	if (a->rule->payload == COCO_PAYLOAD_SLOT && b->rule->payload == COCO_PAYLOAD_SLOT)
		return !memcmp(a->key, b->key, sizeof(a->key));
	return a->rule == b->rule && !memcmp(a->key, b->key, sizeof(a->key));
}

static void unlink_entry(struct coco_journal *journal, struct coco_entry **link)
{
	struct coco_entry *entry = *link;

	*link = entry->chain;
	journal->count--;
	coco_entry_free(entry);
}

/* All that match. */
static void take(struct coco_journal *journal, const struct coco_entry *taking)
{
	for (size_t i = 0; i < COCO_JOURNAL_BUCKETS; i++)
		for (struct coco_entry **link = &journal->buckets[i]; *link;) {
			if (coco_entry_takes(taking, *link))
				unlink_entry(journal, link);
			else
				link = &(*link)->chain;
		}
}

/* Capabilities are switched on bit by bit. */
static void gather(const struct coco_entry *old, struct coco_entry *entry)
{
	const struct kvm_enable_cap *before = old->payload;
	struct kvm_enable_cap *cap = entry->payload;

	if (entry->rule->kind == COCO_RULE_OR)
		cap->args[0] |= before->args[0];
}

/* A number that means another eventfd now: what it meant before is closed, and KVM forgot it. */
static void drop_namesakes(struct coco_journal *journal, const struct coco_entry *entry)
{
	const struct kvm_irqfd *irqfd = entry->payload;

	for (size_t i = 0; entry->eventfd && i < COCO_JOURNAL_BUCKETS; i++)
		for (struct coco_entry **link = &journal->buckets[i]; *link;) {
			const struct kvm_irqfd *other = (*link)->payload;

			if ((*link)->rule == entry->rule && other->fd == irqfd->fd &&
			    (*link)->eventfd != entry->eventfd)
				unlink_entry(journal, link);
			else
				link = &(*link)->chain;
		}
}

static void put(struct coco_journal *journal, struct coco_entry *entry)
{
	struct coco_entry **bucket = find_bucket(journal, entry);

	drop_namesakes(journal, entry);

	entry->order = journal->next_order++;
	for (struct coco_entry **link = bucket; *link; link = &(*link)->chain) {
		if (!same_thing(*link, entry))
			continue;
		gather(*link, entry);
		entry->order = (*link)->order;
		unlink_entry(journal, link);
		break;
	}
	entry->chain = *bucket;
	*bucket = entry;
	journal->count++;
}

/* --- changes */

static struct coco_entry *read_argument(const struct coco_rule *rule, uintptr_t argument,
					uint32_t element, struct coco_error *error)
{
	if (rule->kind == COCO_RULE_EACH)
		return coco_entry_new_msr(rule, argument, element, error);
	return coco_entry_new(rule, argument, error);
}

static uint32_t count_elements(const struct coco_rule *rule, uintptr_t argument)
{
	return rule->kind == COCO_RULE_EACH ? ((const struct kvm_msrs *)argument)->nmsrs : 1;
}

static bool keeps(const struct coco_rule *rule, bool run)
{
	if (run && rule->flags & COCO_RULE_REGISTERS)
		return false;
	return rule->kind == COCO_RULE_SET || rule->kind == COCO_RULE_OR ||
	       rule->kind == COCO_RULE_ADD || rule->kind == COCO_RULE_TAKE ||
	       rule->kind == COCO_RULE_EACH;
}

int coco_journal_prepare(struct coco_journal *journal, unsigned long request, uintptr_t argument,
			 bool run, struct coco_change *out, struct coco_error *error)
{
	const bool cap = (uint32_t)request == (uint32_t)KVM_ENABLE_CAP;
	struct coco_entry **end = &out->entries;

	*out = (struct coco_change){0};
	if (cap && !argument)
		return coco_fail_field(error, -EFAULT, "argument", "argument is NULL");
	out->rule = coco_rule_find(journal->scope, request,
				   cap ? ((const struct kvm_enable_cap *)argument)->cap : 0);
	if (!out->rule)
		return 0;
	if (out->rule->kind == COCO_RULE_LOST)
		out->refusal = out->rule->reason;
	if (!keeps(out->rule, run))
		return 0;
	if (out->rule->size && !argument && out->rule->payload != COCO_PAYLOAD_SIGNAL_MASK)
		return coco_fail_field(error, -EFAULT, "argument", "argument is NULL");
	for (uint32_t i = 0; i < count_elements(out->rule, argument); i++) {
		struct coco_entry *entry = read_argument(out->rule, argument, i, error);

		if (!entry) {
			coco_journal_discard(out);
			return error ? error->code : -ENOMEM;
		}
		*end = entry;
		end = &entry->chain;
	}
	return 0;
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

static void drop_dead(struct coco_journal *journal)
{
	for (size_t i = 0; i < COCO_JOURNAL_BUCKETS; i++)
		for (struct coco_entry **link = &journal->buckets[i]; *link;) {
			if (!coco_entry_alive(*link))
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
	drop_dead(journal);
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

const struct coco_entry *coco_journal_find(const struct coco_journal *journal,
					   unsigned long request, const void *key, size_t key_size)
{
	for (size_t i = 0; i < COCO_JOURNAL_BUCKETS; i++)
		for (const struct coco_entry *e = journal->buckets[i]; e; e = e->chain)
			if ((uint32_t)e->rule->request == (uint32_t)request &&
			    (!key || !memcmp(e->key, key, key_size)))
				return e;
	return NULL;
}
