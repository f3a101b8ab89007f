/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A TD whose guest (td_guest.S) does what a test asks of it, one operation at a time. */
#ifndef TD_GUEST_H
#define TD_GUEST_H

#include "td.h"
#include "td_guest_layout.h"

enum td_operation {
	TD_TDCALL,
	TD_LOAD,  /* RAX from [RCX] */
	TD_STORE, /* RAX to [RCX] */
	TD_CPUID,
	TD_IN,        /* IN EAX, DX */
	TD_OUT,       /* OUT DX, AX */
	TD_IN_BYTE,   /* IN AL, 0x71 */
	TD_REP_OUTSB, /* REP OUTSB */
	TD_RDMSR,
	TD_WRMSR,
	TD_HLT,
	TD_VMCALL,
	TD_WBINVD,
	TD_CALL, /* CALL RCX */
	TD_TRIPLE_FAULT,
	TD_TDCALL_32, /* in a 32-bit code segment */
};

enum td_register {
	TD_RAX,
	TD_RCX,
	TD_RDX,
	TD_RBX,
	TD_RSP,
	TD_RBP,
	TD_RSI,
	TD_RDI,
	TD_R8,
	TD_R9,
	TD_R10,
	TD_R11,
	TD_R12,
	TD_R13,
	TD_R14,
	TD_R15,
};

#define TD_NO_VECTOR 0xffu

struct td_mailbox {
	uint64_t operation;
	uint64_t vector; /* of the exception that it ended with; TD_NO_VECTOR: none */
	uint64_t error;
	uint64_t rip;
	uint64_t in[16];
	uint64_t out[16];
	uint64_t target;
};

struct td_guest {
	struct td td;
	uint8_t *image;
	int gmem; /* of the image */
	struct kvm_run *runs[TD_VCPUS_MAX];
};

/*
 * Up to the state in which the guest waits for its first operation, on each of the vCPUs, all of
 * whose mailboxes' `out` has the registers of entry. `attributes` are the TD's.
 */
void td_guest_open(struct td_guest *guest, uint64_t attributes, uint32_t vcpus);
/* The same in steps, for tests that leave some out: results of the last call that each makes. */
void td_guest_begin(struct td_guest *guest);
int td_guest_add_slot(struct td_guest *guest);
int td_guest_load(struct td_guest *guest);
int td_guest_map_run(struct td_guest *guest, int vcpu);
void td_guest_close(struct td_guest *guest);

struct td_mailbox *td_mailbox(struct td_guest *guest, int vcpu);
/* KVM_RUN's result. */
int td_guest_run(struct td_guest *guest, int vcpu);
/* The vCPU has just said that its operation is done. */
bool td_guest_done(const struct td_guest *guest, int vcpu);
/* Empties the mailbox's registers and asks for that. Followed by td_guest_run(). */
struct td_mailbox *td_guest_ask(struct td_guest *guest, int vcpu, enum td_operation operation);
/* A TDG.VP.VMCALL that selects RDX, RBX, RSI, RDI and R8 to R15. */
struct td_mailbox *td_guest_ask_vmcall(struct td_guest *guest, int vcpu, uint64_t leaf);

#endif
