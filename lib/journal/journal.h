/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a VMM has configured with ioctls of its own, as it is now: state, not history. A new VM gets
 * it in the order that it needs. What each ioctl means is one table, rules.c; the inventory it
 * follows is KVM's user ABI of Linux 7.2.
 *
 * A journal knows no guest: there is one for the VM, one for each vCPU, one for each device.
 * Callers serialise calls on one.
 */
#ifndef COCO_JOURNAL_JOURNAL_H
#define COCO_JOURNAL_JOURNAL_H

#include <cocoreset/error.h>
#include <stdbool.h>
#include <stddef.h>

struct coco_seam;
struct coco_rule;

/* Which descriptor an ioctl is for. Some numbers mean different things on each. */
enum coco_scope {
	COCO_SCOPE_VM,
	COCO_SCOPE_VCPU,
	COCO_SCOPE_DEVICE,
};

/* When an entry is put into a new VM: at these points of core/build.c, in this order. */
enum coco_replay {
	COCO_REPLAY_CAPS,    /* the VM is there, and nothing in it */
	COCO_REPLAY_VM,      /* what has to come before interrupt controllers and vCPUs */
	COCO_REPLAY_IRQCHIP, /* interrupt controllers, and what needs them and has to precede vCPUs
			      */
	COCO_REPLAY_MEMORY,  /* slots beside the recipe's */
	COCO_REPLAY_VCPU,    /* the vCPU has its CPUID */
	COCO_REPLAY_STATE,   /* registers, while they are open */
	COCO_REPLAY_WIRING,  /* routes, eventfds, devices */
	COCO_REPLAY_EXCLUSIVE, /* what one VM can have at a time, and another has let go of */
	COCO_REPLAY_COUNT,
};

#define COCO_ENTRY_KEY 40

struct coco_entry {
	const struct coco_rule *rule;
	struct coco_entry *chain; /* of its hash bucket */
	uint64_t order;           /* of its last recording */
	uint32_t rank;            /* before the order, within a point of replay */
	uint8_t key[COCO_ENTRY_KEY];
	void *payload; /* what the ioctl's argument points to, copied with all that it points to */
	size_t size;
	uintptr_t value;        /* the argument, for ioctls that take a value */
	struct coco_seam *seam; /* of the journal */
	int fds[2];             /* duplicates that the payload names; -1: none */
	int32_t number;         /* what the VMM calls the first one */
	bool fresh;             /* nobody has seen its eventfd under that number before */
	uint64_t identity; /* what tells its eventfd from others, whatever the number; 0: none */
};

#define COCO_JOURNAL_BUCKETS 64

struct coco_journal {
	enum coco_scope scope;
	struct coco_seam *seam; /* duplicates descriptors */
	struct coco_entry *buckets[COCO_JOURNAL_BUCKETS];
	uint64_t next_order;
	uint32_t count;
	int watch; /* on eventfds that are kept by number: journal/eventfd.h; -1: on none yet */
	size_t xsave_size; /* what KVM_SET_XSAVE reads: KVM_CAP_XSAVE2 */
};

/* What an ioctl will change in a journal once it has succeeded. */
struct coco_change {
	const struct coco_rule *rule; /* NULL: an ioctl that there is no rule for */
	struct coco_entry *entries;   /* to put in; by `chain` */
	const char *refusal;          /* it is not replayed, and why; NULL: it is, or need not be */
};

void coco_journal_init(struct coco_journal *journal, enum coco_scope scope, struct coco_seam *seam);
void coco_journal_release(struct coco_journal *journal);

/*
 * Reads what an ioctl is about, before it is made. `argument` is as for ioctl(2). `run`: the vCPU
 * (or one of the VM's) has run, so registers are not what it starts with any more. -ENOMEM,
 * -EMFILE, -E2BIG, -EFAULT. The change ends with one of the two calls below.
 */
int coco_journal_prepare(struct coco_journal *journal, unsigned long request, uintptr_t argument,
			 bool run, struct coco_change *out, struct coco_error *error);
/* It was made and answered `result` (0 or more). Can't fail. */
void coco_journal_commit(struct coco_journal *journal, struct coco_change *change, int result);
void coco_journal_discard(struct coco_change *change);

/*
 * Puts the entries of one point into a VM, vCPU or device, in order. Those whose eventfd is closed
 * are dropped: KVM has let go of them, too.
 */
int coco_journal_replay(struct coco_journal *journal, struct coco_seam *seam, int fd,
			enum coco_replay at, struct coco_error *error);

/* Takes what is exclusive off a VM or device, whether it is there or not: for another to have. */
int coco_journal_detach(struct coco_journal *journal, struct coco_seam *seam, int fd,
			struct coco_error *error);

#endif
