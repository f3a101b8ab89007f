/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the fake kernel's files share. All of it is under fake_kvm.lock.
 *
 *     fake_kvm.c     the seam's operations, descriptors, injected failures
 *     fake_objects.c files and VMs, what keeps them alive, what is left over
 *     fake_text.c    transcript, names
 *     fake_maps.c    mmap, munmap, madvise, fallocate
 *     fake_system.c  ioctls on /dev/kvm
 *     fake_vm.c      ioctls on a VM: capabilities, vCPUs, guest_memfds
 *     fake_slots.c   memory slots, attributes, the guest's view of memory
 *     fake_vcpu.c    ioctls on a vCPU: its state
 *     fake_run.c     KVM_RUN
 *     fake_x86.c     what a loader's vCPU executes
 */
#ifndef FAKE_INTERNAL_H
#define FAKE_INTERNAL_H

#include "fake_kvm.h"
#include "range_set.h"

#include <pthread.h>

#define FAKE_FD_BASE      1000         /* no descriptor of the process has such a number */
#define FAKE_GPA_END      (1ull << 48) /* what the MMU reaches: fake_cpuid() says the same */
#define FAKE_SLOTS        32764u
#define FAKE_VM_IDS       4096u
#define FAKE_TRANSLATIONS 2048u

struct fake_text {
	char *bytes;
	size_t length, room;
};

enum fake_kind { FAKE_KVM, FAKE_VM, FAKE_VCPU, FAKE_GMEM };

/* An open file. Descriptors, mappings and calls under way hold references. */
struct fake_file {
	enum fake_kind kind;
	unsigned refs;
	char name[32];
	struct fake_vm *vm; /* NULL for FAKE_KVM */
	struct fake_vcpu *vcpu;
	struct fake_gmem *gmem;
};

struct fake_fd {
	struct fake_file *file; /* NULL: not open */
	bool cloexec;
	char label[24];
};

struct fake_slot {
	uint32_t id, flags;
	uint64_t gpa, size, hva, gmem_offset;
	struct fake_gmem *gmem; /* NULL: none, or its file is gone */
	bool has_gmem;
	struct fake_slot *next;
};

struct fake_vm {
	unsigned number;
	unsigned users; /* its file and those of its vCPUs and guest_memfds */
	int type;
	bool irqchip, split;
	bool exit_hypercall;
	unsigned vcpus, gmems;
	uint8_t vcpu_ids[FAKE_VM_IDS];
	struct fake_slot *slots;
	struct range_set private_pages;
	struct fake_vm *next;
};

enum fake_pending { FAKE_NOTHING, FAKE_IO, FAKE_HYPERCALL };

struct fake_vcpu {
	unsigned id;
	int memory; /* the memfd behind the run mapping */
	struct kvm_run *own, *mapped;
	bool running, was_run;
	enum fake_pending pending;
	unsigned pending_length; /* of the instruction that FAKE_IO completes */
	uint64_t hypercall;
	size_t xsave_size;
	struct fake_vcpu_state state;
	/* Translations of 4 KiB pages that a loader's processor remembers. */
	struct {
		uint64_t from, to;
	} cached[FAKE_TRANSLATIONS];
	unsigned cached_count;
};

struct fake_gmem {
	int memory;
	uint8_t *bytes;
	uint64_t size, flags;
	struct fake_vm *vm;
};

struct fake_map {
	uintptr_t start, end;
	struct fake_file *file; /* NULL: anonymous */
	struct fake_map *next;
};

struct fake_name {
	uintptr_t start, end;
	char text[24];
	struct fake_name *next;
};

struct fake_extension {
	int scope;
	unsigned capability;
	int value;
	struct fake_extension *next;
};

struct fake_counter {
	const char *call;
	unsigned count;
};

struct fake_fault {
	bool armed, sticky;
	char call[48]; /* "": any */
	unsigned left;
	int error;
	char hit[48];
};

struct fake_kvm {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct coco_platform platform;

	int api_version;
	struct fake_extension *extensions;
	unsigned cpuid_count;
	uint32_t unreadable_msr, unwritable_msr;
	unsigned more_msrs;
	bool restless;

	struct fake_fd *fds;
	size_t fd_count;
	struct fake_map *maps;
	struct fake_name *names;
	unsigned maps_named;
	struct fake_vm *vms;
	unsigned vms_made, vms_live, vms_most;

	struct fake_text transcript, events, faults, leftovers;
	bool show_queries, silent;
	struct fake_counter counters[64];
	struct fake_fault fault;
	const char *hold; /* calls of this name wait */
	bool held;        /* one does */

	fake_run_fn run;
	void *run_payload;
	unsigned waiting_vm[1024]; /* VM numbers of vCPUs in fake_kvm_wait() */
	unsigned waiting;
};

/* The first of fake_kvm_set_more_msrs(). */
#define FAKE_MORE_MSRS 0xd0000000u

/* One call on its way through the fake. */
struct fake_call {
	struct fake_kvm *fake;
	const char *name; /* as counted and failed: "close", "KVM_RUN" */
	struct fake_file *file;
	int fd;
	bool quiet; /* left out of the transcript if it succeeds */
	struct fake_text line;
	char result[48]; /* after " = ", instead of a number */
	uintptr_t argument;
};

/* fake_text.c */
void text_add(struct fake_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void text_reset(struct fake_text *text);
void text_free(struct fake_text *text);
const char *text_get(struct fake_text *text);
void fake_blame(struct fake_kvm *fake, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void fake_event(struct fake_kvm *fake, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void text_address(struct fake_kvm *fake, struct fake_text *text, uintptr_t address);
void text_fd(struct fake_kvm *fake, struct fake_text *text, int fd);
void text_protection(struct fake_text *text, int protection, int flags);
void fake_name_memory(struct fake_kvm *fake, uintptr_t start, size_t size, const char *text);
void fake_forget_memory(struct fake_kvm *fake, uintptr_t start, uintptr_t end);

/* fake_objects.c */
struct fake_file *file_new(struct fake_kvm *fake, enum fake_kind kind, struct fake_vm *vm,
			   const char *name);
struct fake_file *file_get(struct fake_file *file);
void file_put(struct fake_kvm *fake, struct fake_file *file);
struct fake_vm *vm_new(struct fake_kvm *fake, int type);
struct fake_fd *fd_find(struct fake_kvm *fake, int fd);
int fd_new(struct fake_kvm *fake, struct fake_file *file, bool cloexec);
struct fake_vm *vm_of_fd(struct fake_kvm *fake, int fd);

/* fake_kvm.c */
void call_begin(struct fake_call *call, struct fake_kvm *fake, const char *name);
/* Whether the call is made to fail; then its result is in *rc. */
bool call_fails(struct fake_call *call, int *rc);
int call_end(struct fake_call *call, int rc);
int fake_extension(const struct fake_kvm *fake, int scope, unsigned capability);

/* fake_maps.c: operations of the seam */
int fake_op_mmap(void *context, void *address, size_t size, int protection, int flags, int fd,
		 uint64_t offset, void **out);
int fake_op_munmap(void *context, void *address, size_t size);
int fake_op_madvise(void *context, void *address, size_t size, int advice);
int fake_op_fallocate(void *context, int fd, int mode, uint64_t offset, uint64_t size);
void maps_free(struct fake_kvm *fake);

/* A request: what it is called, where it may be made, and what serves it. */
struct fake_request {
	unsigned long request;
	const char *name;
	enum fake_kind kind;
	bool quiet;
	int (*serve)(struct fake_call *call);
};

/* Each ends with a request of 0. */
extern const struct fake_request fake_system_requests[];
extern const struct fake_request fake_vm_requests[];
extern const struct fake_request fake_slot_requests[];
extern const struct fake_request fake_vcpu_requests[];
extern const struct fake_request fake_run_requests[];

/* fake_slots.c */
void slots_free(struct fake_vm *vm);
void slots_forget_gmem(struct fake_vm *vm, const struct fake_gmem *gmem);
/*
 * Where the guest finds a byte and how many bytes follow it there, at most `size`. -ENOENT: no
 * slot. -EFAULT: the access is of the wrong side, *private_access tells which it was.
 */
int slots_find(struct fake_vm *vm, uint64_t gpa, size_t size, uint8_t **out, size_t *length,
	       bool *private_access);

/* fake_vcpu.c */
struct fake_vcpu *vcpu_new(struct fake_kvm *fake, struct fake_vm *vm, unsigned id);
void vcpu_free(struct fake_vcpu *vcpu);
void fake_cpuid(const struct fake_kvm *fake, struct kvm_cpuid_entry2 *entries);

/* fake_x86.c: executes until an exit; returns what KVM_RUN returns. */
int fake_x86_execute(struct fake_vm *vm, struct fake_vcpu *vcpu, struct kvm_run *run);

#endif
