/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What exceptions.S calls. Handlers return to go on at frame->rip. */
#ifndef EXCEPTION_H
#define EXCEPTION_H

#include <stdint.h>

struct exception_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t code; /* 0 where there is none */
	uint64_t rip, cs, rflags, rsp, ss;
};

static inline const uint8_t *exception_code(const struct exception_frame *frame)
{
	return (const uint8_t *)frame->rip; /* NOLINT(performance-no-int-to-ptr) */
}

void handle_vc(struct exception_frame *frame); /* vc.c */
void handle_ud(struct exception_frame *frame); /* snp.c */
void handle_ve(struct exception_frame *frame); /* tdx.c */

#endif
