/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The exceptions that an encrypted guest has to live with, and the instructions that only it has.
 * All other exceptions have no handler: they are a shutdown that the VMM sees.
 */
#include "layout.h"

#define CODE64    0x18
#define GATE64    0x8e00 /* present, interrupt gate */
#define UD        6
#define VE        20
#define GATE_WORDS 2

.macro gate low
	.word \low, CODE64, GATE64, 0xffff
	.long 0, 0
.endm

/* struct exception_frame is what is on the stack for the handler in C. */
.macro entry name, handler
	.globl \name
\name:
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rbx
	pushq %rbp
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, %rdi
	movq %rsp, %rbp
	andq $-16, %rsp
	cld
	call \handler
	movq %rbp, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rbp
	popq %rbx
	popq %rdx
	popq %rcx
	popq %rax
	addq $8, %rsp
	iretq
.endm

	.section .text, "ax", @progbits
	.globl ud_entry, ve_entry
ud_entry:
	pushq $0
	jmp ud_with_code
ve_entry:
	pushq $0
	jmp ve_with_code
	entry ud_with_code, handle_ud
	entry ve_with_code, handle_ve
	entry vc_entry, handle_vc

/* void tdcall(uint64_t leaf, struct tdcall_registers *registers): Intel TDX module, "TDCALL". */
	.globl tdcall
tdcall:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %rsi
	movq %rdi, %rax
	movq %rsi, %rbp
	movq 0x08(%rbp), %rcx
	movq 0x10(%rbp), %rdx
	movq 0x18(%rbp), %rbx
	movq 0x20(%rbp), %rsi
	movq 0x28(%rbp), %rdi
	movq 0x30(%rbp), %r8
	movq 0x38(%rbp), %r9
	movq 0x40(%rbp), %r10
	movq 0x48(%rbp), %r11
	movq 0x50(%rbp), %r12
	movq 0x58(%rbp), %r13
	movq 0x60(%rbp), %r14
	movq 0x68(%rbp), %r15
	.byte 0x66, 0x0f, 0x01, 0xcc
	popq %rbp
	movq %rax, 0x00(%rbp)
	movq %rcx, 0x08(%rbp)
	movq %rdx, 0x10(%rbp)
	movq %rbx, 0x18(%rbp)
	movq %rsi, 0x20(%rbp)
	movq %rdi, 0x28(%rbp)
	movq %r8, 0x30(%rbp)
	movq %r9, 0x38(%rbp)
	movq %r10, 0x40(%rbp)
	movq %r11, 0x48(%rbp)
	movq %r12, 0x50(%rbp)
	movq %r13, 0x58(%rbp)
	movq %r14, 0x60(%rbp)
	movq %r15, 0x68(%rbp)
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret

	.section .entry, "ax", @progbits
	.balign 8
idt:
	.fill UD * GATE_WORDS, 8, 0
	gate ud_entry_low
	.fill (VE - UD - 1) * GATE_WORDS, 8, 0
	gate ve_entry_low
	.fill (EXCEPTION_VC - VE - 1) * GATE_WORDS, 8, 0
	gate vc_entry_low
idt_end:
	.globl idt_pointer
idt_pointer:
	.word idt_end - idt - 1
	.quad idt

	.section .note.GNU-stack, "", @progbits
