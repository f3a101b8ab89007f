/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The ledger of every KVM object that is open: whatever can keep a VM (and with
 * it an ASID or key id) alive in the kernel. Objects get into it when they are
 * created and out of it when their last reference of ours is gone, by the
 * functions here and by nothing else.
 */
#ifndef COCO_KVM_LEDGER_H
#define COCO_KVM_LEDGER_H

#include <cocoreset/error.h>
#include <pthread.h>
#include <stdbool.h>

struct coco_seam;

enum coco_object_kind {
	COCO_OBJECT_NONE, /* not open */
	COCO_OBJECT_VM,
	COCO_OBJECT_VCPU,
	COCO_OBJECT_RUN, /* the mapping of a vCPU's kvm_run */
	COCO_OBJECT_GUEST_MEMFD,
	COCO_OBJECT_GUEST_MEMFD_MAP,
	COCO_OBJECT_DEVICE,
	COCO_OBJECT_STATS,
};

/* Who holds an object, for people and for finding all objects of a guest. */
struct coco_holder {
	const void *guest;
	uint64_t generation;
	char name[32]; /* "guest", "vcpu 3", "memory 0x100000000" */
};

struct coco_kvm_object {
	enum coco_object_kind kind;
	int fd;     /* -1 for mappings */
	int number; /* the reserved number that means it, too if it is not `fd`; -1 if none */
	void *address;
	size_t size;
	bool reserved; /* a mapping in place of a reservation, which comes back when it is released
			*/
	struct coco_holder holder;
	struct coco_kvm_object *previous;
	struct coco_kvm_object *next;
};

struct coco_ledger {
	pthread_mutex_t lock;
	struct coco_kvm_object *first;
};

void coco_ledger_init(struct coco_ledger *ledger);
void coco_ledger_destroy(struct coco_ledger *ledger);

/* Calls `fn` for each open object of a guest, under the ledger's lock. */
void coco_ledger_each(struct coco_ledger *ledger, const void *guest,
		      void (*fn)(void *payload, const struct coco_kvm_object *object),
		      void *payload);
const char *coco_object_kind_name(enum coco_object_kind kind);

/*
 * Each of these creates a KVM object. It is close-on-exec (a guest_memfd from
 * the call after its creation on: the kernel offers no other way), and mappings are not inherited
 * by fork. On failure `object` is not open.
 */
int coco_object_create_vm(struct coco_seam *seam, struct coco_kvm_object *object, uint64_t type,
			  const struct coco_holder *holder, struct coco_error *error);
int coco_object_create_vcpu(struct coco_seam *seam, struct coco_kvm_object *object, int vm_fd,
			    uint32_t id, const struct coco_holder *holder,
			    struct coco_error *error);
int coco_object_create_memfd(struct coco_seam *seam, struct coco_kvm_object *object, int vm_fd,
			     uint64_t size, uint64_t flags, const struct coco_holder *holder,
			     struct coco_error *error);
/*
 * Maps `fd` in place of the reservation at `address`, or wherever there is room if that is NULL.
 * `kind` is a mapping's.
 */
int coco_object_map(struct coco_seam *seam, struct coco_kvm_object *object,
		    enum coco_object_kind kind, int fd, void *address, size_t size,
		    const struct coco_holder *holder, struct coco_error *error);

/*
 * Maps `fd` in place of the mapping `from`, which is gone then, as `to`. What `to` was mapped as
 * before is given back first. If this fails, `from` is gone if and only if `to` is there.
 */
int coco_object_map_over(struct coco_seam *seam, struct coco_kvm_object *from,
			 struct coco_kvm_object *to, int fd, const struct coco_holder *holder,
			 struct coco_error *error);

/* Takes a descriptor that somebody else got from KVM. `kind` is a descriptor's. */
void coco_object_take(struct coco_seam *seam, struct coco_kvm_object *object,
		      enum coco_object_kind kind, int fd, const struct coco_holder *holder);

/* The same, and its number is to be reserved from now on. */
void coco_object_take_number(struct coco_seam *seam, struct coco_kvm_object *object,
			     enum coco_object_kind kind, int fd, const struct coco_holder *holder);

/* The same of a mapping; a reservation takes its place when it is released. */
void coco_object_take_map(struct coco_seam *seam, struct coco_kvm_object *object,
			  enum coco_object_kind kind, void *address, size_t size,
			  const struct coco_holder *holder);

/*
 * Gives a descriptor a number of its own beside the reserved one, which goes on meaning this object
 * until another is moved over it. _back takes that number away again.
 */
int coco_object_step_aside(struct coco_seam *seam, struct coco_kvm_object *object,
			   struct coco_error *error);
void coco_object_step_back(struct coco_seam *seam, struct coco_kvm_object *object);

/* Moves `to` onto the reserved number of `from`, which has stepped aside. */
int coco_object_move_over(struct coco_seam *seam, struct coco_kvm_object *from,
			  struct coco_kvm_object *to, struct coco_error *error);

/* Moves a descriptor onto a reserved number, in place of whatever is there. */
int coco_object_move(struct coco_seam *seam, struct coco_kvm_object *object, int number,
		     struct coco_error *error);

/*
 * Gives the reference up and puts the reservation of its number or address back. On failure it is
 * still open, and the call may be made again. Does nothing for an object that is not open.
 */
int coco_object_release(struct coco_seam *seam, struct coco_kvm_object *object,
			struct coco_error *error);

/*
 * Strikes an object out whose reference is gone, or goes with a call that the caller is about to
 * make: something else has taken its reserved number or address, or that is closed or unmapped.
 */
void coco_object_forget(struct coco_seam *seam, struct coco_kvm_object *object);

#endif
