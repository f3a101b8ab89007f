/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A guest that executes: one program in 64-bit mode, which does what the mailbox, a page that guest
 * and host share, says.
 *
 *   page 0      code                     page 8   GHCB, shared
 *   1..4        page tables              9        private, never launched
 *   5           stack                    10       mailbox, shared
 *   6, 7        IDT, GDT                 11       private, launched as zeroes
 *                                        12..15   private, never launched
 */
#ifndef SEV_PROGRAM_H
#define SEV_PROGRAM_H

#include "sev_steps.h"

#define PROGRAM_GHCB     0x8000u
#define PROGRAM_UNLOADED 0x9000u
#define PROGRAM_MAILBOX  0xa000u
#define PROGRAM_ZEROES   0xb000u

/* What the program does after MSR and GHCB requests. */
enum program_action {
	PROGRAM_NOTHING,
	PROGRAM_CPUID,
	PROGRAM_IN,
	PROGRAM_OUT,
	PROGRAM_RDMSR, /* `argument`: which */
	PROGRAM_VMMCALL,
	PROGRAM_WBINVD,
	PROGRAM_READ, /* 8 bytes at `argument` */
	PROGRAM_WRITE,
	PROGRAM_PVALIDATE, /* of `argument`, `argument2` is EDX, `argument3` ECX; results: RAX, CF
			    */
	PROGRAM_RMPADJUST,
	PROGRAM_TDCALL,
	PROGRAM_ACTIONS,
};

struct program_mailbox {
	uint64_t msr_request; /* 0: none */
	uint64_t msr_response;
	uint64_t ghcb;          /* what to write to the GHCB MSR; 0: no GHCB request */
	uint64_t ghcb_register; /* as a request by MSR before; 0: none */
	uint64_t action;
	uint64_t argument, argument2, argument3;
	uint64_t result, result2;
	uint64_t exception; /* vector + 1 */
	uint64_t error_code;
	uint64_t reached;    /* counts up at the end; and then everything begins anew */
	uint64_t ap_reached; /* the same of a vCPU that starts at program_ap_address() */
};

struct program {
	struct sev_guest guest;
	struct program_mailbox *mailbox;
	uint8_t *ghcb;
	uint64_t rounds;
	/* Set before it is opened. */
	uint32_t vcpus; /* beside the first */
	bool in_kernel_apic;
	bool certificates;   /* SNP_ENABLE_REQ_CERTS */
	const void *page_12; /* SNP: launched with that in it; NULL: not */
};

/* Launched, ready to run. */
void program_open(struct program *program, uint64_t type);
/* The steps of that, for tests that leave something out: what is before the launch's first command.
 */
void program_prepare(struct program *program, uint64_t type);
void program_close(struct program *program);
/* KVM_RUN. */
int program_run(struct program *program);
int program_run_vcpu(struct program *program, uint32_t index);
uint64_t program_ap_address(void);
/* Runs to the end: the guest's termination (SEV-ES, SNP) or HLT (SEV). */
void program_finish(struct program *program);

#endif
