/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A scripted kernel for unit tests: an implementation of struct coco_platform_ops
 * that keeps KVM's objects, refuses what KVM refuses, and writes down what it was asked.
 *
 * It is strict. A call that a correct caller never makes (an unknown request, a closed
 * descriptor, memory that is not the library's) is a *fault of the caller*: it is
 * remembered, and fake_kvm_faults() tells of it at the end of the test.
 *
 * The transcript has one line for each call:
 *
 *     open /dev/kvm = kvm
 *     ioctl kvm KVM_CREATE_VM type=0 = vm1
 *     dup3 vm1 -> vm (was kvm)             `vm` is a number that the test gave a label
 *     close vm1                            a number without a label; with one: vm1@vm
 *     gone vm1                             the last reference to VM 1 went with the call above
 *     ioctl vm1 KVM_CREATE_VCPU id=0 = vcpu1.0
 *     mmap vcpu1.0 size=0x3000 rw shared,fixed at map2
 *     ioctl vcpu1.0 KVM_RUN = -EINTR
 *
 * VMs are counted from 1. vCPUs are named by VM and id, guest_memfds by VM and a count from 0.
 * Addresses are told relative to the mapping that was made there first (map1, map2 ...).
 * Queries are left out unless they fail or fake_kvm_show_queries() asks for them:
 * KVM_CHECK_EXTENSION, KVM_GET_API_VERSION, KVM_GET_VCPU_MMAP_SIZE, KVM_GET_SUPPORTED_CPUID and
 * KVM_GET_MSR_INDEX_LIST.
 */
#ifndef FAKE_KVM_H
#define FAKE_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cocoreset/sys/platform.h>

struct fake_kvm;

#define FAKE_RUN_SIZE  0x3000u /* KVM_GET_VCPU_MMAP_SIZE */
#define FAKE_MSR_MAX   640u
#define FAKE_CPUID_MAX 256u
#define FAKE_XSAVE_MAX 12288u

/* Scopes of an extension: /dev/kvm, or a VM of that type. */
#define FAKE_SCOPE_SYSTEM (-1)
#define FAKE_SCOPE_ALL    (-2)

struct fake_kvm *fake_kvm_new(void);
/* Frees the fake. Whatever is still open in it goes silently: ask fake_kvm_faults() before. */
void fake_kvm_free(struct fake_kvm *fake);
const struct coco_platform *fake_kvm_platform(struct fake_kvm *fake);

/* ---- what the host is like ---- */

void fake_kvm_set_api_version(struct fake_kvm *fake, int version);
/* What KVM_CHECK_EXTENSION answers from now on, and what follows from it. */
void fake_kvm_set_extension(struct fake_kvm *fake, int scope, unsigned capability, int value);
/* How many entries KVM_GET_SUPPORTED_CPUID has, 16 to 256. */
void fake_kvm_set_cpuid_count(struct fake_kvm *fake, unsigned count);
/* MSRs that the index list names but that can't be read or written; 0: none. */
void fake_kvm_set_bad_msrs(struct fake_kvm *fake, uint32_t unreadable, uint32_t unwritable);
/* How many more MSRs vCPUs have, at most 600: more than fit in one call, from 240 on. */
void fake_kvm_set_more_msrs(struct fake_kvm *fake, unsigned count);
/* Whether vCPUs power on with something else in each part of their state, from VM to VM. */
void fake_kvm_set_restless_power_on(struct fake_kvm *fake, bool restless);

/* ---- what it was asked ---- */

/* Text that belongs to the fake until the next call on it. */
const char *fake_kvm_transcript(struct fake_kvm *fake);
void fake_kvm_transcript_clear(struct fake_kvm *fake);
void fake_kvm_show_queries(struct fake_kvm *fake, bool show);
/* Stops writing, for tests in which vCPUs exit millions of times. */
void fake_kvm_stop_transcript(struct fake_kvm *fake);
/* Gives a descriptor number, or a range of the test's own memory, a name. */
void fake_kvm_label_fd(struct fake_kvm *fake, int fd, const char *label);
void fake_kvm_label_memory(struct fake_kvm *fake, void *address, size_t size, const char *label);

/* How many calls were made, of all kinds or of one ("close", "KVM_CREATE_VM"). */
unsigned fake_kvm_count(struct fake_kvm *fake, const char *call);

/* ---- faults ---- */

/*
 * The nth call from now (counted from 1; of that kind, NULL: of any) fails with -error; with
 * `sticky` all later ones of the kind do, too. A close that fails closes all the same, as in
 * the kernel; every other call that fails does nothing.
 */
void fake_kvm_fail(struct fake_kvm *fake, const char *call, unsigned nth, int error, bool sticky);
void fake_kvm_fail_clear(struct fake_kvm *fake);
/* The call that was made to fail ("KVM_CREATE_VM"), "" if it did not come to that. */
const char *fake_kvm_failed_call(struct fake_kvm *fake);

/* ---- stopping in the middle ---- */

/* Calls of that kind (a string that stays) wait from now on, until they are let go. */
void fake_kvm_hold(struct fake_kvm *fake, const char *call);
/* Waits until one does. */
void fake_kvm_await_held(struct fake_kvm *fake);
void fake_kvm_release(struct fake_kvm *fake);

/* The caller's faults so far, one a line; "" if there were none. */
const char *fake_kvm_faults(struct fake_kvm *fake);
/* What is still open or mapped, one a line; "" if nothing is. */
const char *fake_kvm_leftovers(struct fake_kvm *fake);

/* ---- counts ---- */

unsigned fake_kvm_open_fds(struct fake_kvm *fake);
unsigned fake_kvm_live_vms(struct fake_kvm *fake);
/* The most VMs that ever lived at once. */
unsigned fake_kvm_most_vms(struct fake_kvm *fake);

/* ---- vCPU state ---- */

enum fake_state_part {
	FAKE_SREGS = 1u << 0,
	FAKE_REGS = 1u << 1,
	FAKE_MSRS = 1u << 2,
	FAKE_XSAVE = 1u << 3,
	FAKE_XCRS = 1u << 4,
	FAKE_LAPIC = 1u << 5,
	FAKE_MP_STATE = 1u << 6,
	FAKE_EVENTS = 1u << 7,
	FAKE_DEBUGREGS = 1u << 8,
	FAKE_CPUID = 1u << 9,
};

struct fake_vcpu_state {
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	uint8_t xsave[FAKE_XSAVE_MAX]; /* as many as KVM_CAP_XSAVE2 says, at least 4096 */
	struct kvm_xcrs xcrs;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp_state;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debugregs;
	struct kvm_msr_entry msrs[FAKE_MSR_MAX];
	uint32_t msr_count;
	uint32_t cpuid_count;
	struct kvm_cpuid_entry2 cpuid[FAKE_CPUID_MAX];
	uint32_t parts_set; /* enum fake_state_part: what SET calls wrote */
	uint64_t runs;      /* KVM_RUNs of guest code (not of a loader's) */
};

/* The state of the vCPU behind a descriptor; false if there is none. */
bool fake_kvm_vcpu_state(struct fake_kvm *fake, int fd, struct fake_vcpu_state *out);

/* ---- guest memory, by the VM's descriptor ---- */

bool fake_kvm_read_guest(struct fake_kvm *fake, int vm_fd, uint64_t gpa, void *bytes, size_t size);
bool fake_kvm_write_guest(struct fake_kvm *fake, int vm_fd, uint64_t gpa, const void *bytes,
			  size_t size);
bool fake_kvm_is_private(struct fake_kvm *fake, int vm_fd, uint64_t gpa);
/* Bytes marked private. */
uint64_t fake_kvm_private_bytes(struct fake_kvm *fake, int vm_fd);
/* Bytes that all guest_memfds of the VM hold pages for. */
uint64_t fake_kvm_gmem_allocated(struct fake_kvm *fake, int vm_fd);

/* ---- running ---- */

/* One KVM_RUN of guest code. */
struct fake_entry {
	unsigned vm;         /* the VM's number */
	unsigned id;         /* the vCPU's id */
	uint64_t count;      /* the how manieth of this vCPU, from 1 */
	uint64_t hypercall;  /* what the caller wrote as the last hypercall's result */
	struct kvm_run *run; /* where the caller mapped it */
};

/*
 * Stands for the guest: fills `run` and returns what KVM_RUN returns. Called without locks of
 * the fake. vCPUs in protected mode are not asked: what they run is interpreted (see
 * fake_x86.c), so that a loader's code is really executed.
 */
typedef int (*fake_run_fn)(void *payload, struct fake_kvm *fake, const struct fake_entry *entry);

/* NULL: every vCPU waits in KVM_RUN until it is kicked. */
void fake_kvm_on_run(struct fake_kvm *fake, fake_run_fn fn, void *payload);

/* For fake_run_fn: waits inside KVM_RUN until immediate_exit is set. Returns -EINTR. */
int fake_kvm_wait(struct fake_kvm *fake, const struct fake_entry *entry);
/* For a kick callback: makes waiting vCPUs look at immediate_exit. */
void fake_kvm_kick(struct fake_kvm *fake);
/* For a VMM that kicks by signal: the same wait, which polls. */
int fake_kvm_wait_signal(struct fake_kvm *fake, const struct fake_entry *entry);
/* How many vCPUs wait in fake_kvm_wait() now. */
unsigned fake_kvm_count_waiting(struct fake_kvm *fake);
/* Waits until this many do, in VMs numbered `vm` or higher. */
void fake_kvm_await_waiting(struct fake_kvm *fake, unsigned vm, unsigned vcpus);

/* ---- exits for fake_run_fn ---- */

int fake_exit_hlt(struct kvm_run *run);
int fake_exit_out(struct kvm_run *run, uint16_t port, uint8_t value);
int fake_exit_map_gpa_range(struct kvm_run *run, uint64_t gpa, uint64_t pages, bool to_private);
int fake_exit_memory_fault(struct kvm_run *run, uint64_t gpa, uint64_t size, bool private_access);

#endif
