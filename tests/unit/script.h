/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A guest that does one thing after the other on one vCPU, and remembers what it was told. */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "fixture.h"

#define SCRIPT_MAX 64u

enum script_kind {
	SCRIPT_END,   /* halts, and again if it is entered again */
	SCRIPT_MAP,   /* KVM_HC_MAP_GPA_RANGE: `gpa`, `pages`, to_private */
	SCRIPT_FAULT, /* touches `gpa` on the side to_private */
	SCRIPT_CODE,  /* KVM_RUN returns `code` */
	SCRIPT_HLT,
	SCRIPT_OUT,       /* to port `gpa` */
	SCRIPT_IN,        /* a byte from port `gpa`: what comes is in `results` */
	SCRIPT_HYPERCALL, /* another hypercall, of number `gpa` */
};

struct script_step {
	enum script_kind kind;
	uint64_t gpa, pages;
	bool to_private;
	int code;
	uint64_t attributes; /* further bits of a SCRIPT_MAP */
};

struct script {
	struct script_step steps[SCRIPT_MAX];
	unsigned next;
	/* What each step brought: a hypercall's result, or the byte of an IN. */
	uint64_t results[SCRIPT_MAX];
};

/* Has the guest follow the script from its beginning on. */
void script_start(struct script *script, struct fixture *f, const struct script_step *steps);
/* Runs vCPU 0 until the script's end, which has to come next. */
void script_run_to_end(struct fixture *f);
/* Runs vCPU 0 until its next exit. */
int script_run(struct fixture *f, struct coco_exit *exit);

#endif
