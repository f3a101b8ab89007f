/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A guest that does what its host asks: it takes an operation and registers from a mailbox in shared
 * memory, does it, puts the registers back, and says so by a TDVMCALL of port I/O. Every vCPU runs it, each
 * with a mailbox and a stack of its own. td_guest.c lays out the image and makes its tables.
 */
#include "td_guest_layout.h"

#define ADDRESS(label) (TD_GUEST_BASE + (label) - td_guest_code)

	.section .rodata
	.globl td_guest_code, td_guest_code_end, td_guest_handlers
	.balign 4096
td_guest_code:
	.code32
	/* The module has set EFER.LME already. */
	movl $(TD_GUEST_BASE + TD_GUEST_PML4), %eax
	movl %eax, %cr3
	movl %cr4, %eax
	orl $0x20, %eax
	movl %eax, %cr4
	movl %cr0, %eax
	orl $0x80000000, %eax
	movl %eax, %cr0
	lgdt TD_GUEST_BASE + TD_GUEST_GDTR
	ljmp $8, $(TD_GUEST_BASE + 0x80)

	.balign 0x80
	.code64
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	/* One slot a vCPU: its mailbox's address is at the end of its stack. */
	movl %esi, %eax
	shll $9, %eax
	movl $(TD_GUEST_BASE + TD_GUEST_STACKS + 0x1f8), %esp
	addq %rax, %rsp
	movl %esi, %eax
	shll $12, %eax
	movabsq $TD_GUEST_MAILBOX, %rbp
	addq %rax, %rbp
	movq %rbp, (%rsp)
	movl $(TD_GUEST_BASE + TD_GUEST_IDTR), %eax
	lidt (%rax)
	jmp done

next:
	movq (%rsp), %rbp
	movq $0xff, MAILBOX_VECTOR(%rbp)
	movq MAILBOX_OPERATION(%rbp), %rax
	leaq operations(%rip), %rbx
	shlq $4, %rax
	addq %rbx, %rax
	movq %rax, MAILBOX_TARGET(%rbp)
	movq (MAILBOX_IN + 8 * 0)(%rbp), %rax
	movq (MAILBOX_IN + 8 * 1)(%rbp), %rcx
	movq (MAILBOX_IN + 8 * 2)(%rbp), %rdx
	movq (MAILBOX_IN + 8 * 3)(%rbp), %rbx
	movq (MAILBOX_IN + 8 * 6)(%rbp), %rsi
	movq (MAILBOX_IN + 8 * 7)(%rbp), %rdi
	movq (MAILBOX_IN + 8 * 8)(%rbp), %r8
	movq (MAILBOX_IN + 8 * 9)(%rbp), %r9
	movq (MAILBOX_IN + 8 * 10)(%rbp), %r10
	movq (MAILBOX_IN + 8 * 11)(%rbp), %r11
	movq (MAILBOX_IN + 8 * 12)(%rbp), %r12
	movq (MAILBOX_IN + 8 * 13)(%rbp), %r13
	movq (MAILBOX_IN + 8 * 14)(%rbp), %r14
	movq (MAILBOX_IN + 8 * 15)(%rbp), %r15
	jmp *MAILBOX_TARGET(%rbp)

done:
	movq %rax, (MAILBOX_OUT + 8 * 0)(%rbp)
	movq %rcx, (MAILBOX_OUT + 8 * 1)(%rbp)
	movq %rdx, (MAILBOX_OUT + 8 * 2)(%rbp)
	movq %rbx, (MAILBOX_OUT + 8 * 3)(%rbp)
	movq %rsi, (MAILBOX_OUT + 8 * 6)(%rbp)
	movq %rdi, (MAILBOX_OUT + 8 * 7)(%rbp)
	movq %r8, (MAILBOX_OUT + 8 * 8)(%rbp)
	movq %r9, (MAILBOX_OUT + 8 * 9)(%rbp)
	movq %r10, (MAILBOX_OUT + 8 * 10)(%rbp)
	movq %r11, (MAILBOX_OUT + 8 * 11)(%rbp)
	movq %r12, (MAILBOX_OUT + 8 * 12)(%rbp)
	movq %r13, (MAILBOX_OUT + 8 * 13)(%rbp)
	movq %r14, (MAILBOX_OUT + 8 * 14)(%rbp)
	movq %r15, (MAILBOX_OUT + 8 * 15)(%rbp)
	/* TDG.VP.VMCALL of port I/O: one byte to TD_GUEST_PORT. */
	xorl %eax, %eax
	movl $0xfc00, %ecx
	xorl %r10d, %r10d
	movl $30, %r11d
	movl $1, %r12d
	movl $1, %r13d
	movl $TD_GUEST_PORT, %r14d
	xorl %r15d, %r15d
	.byte 0x66, 0x0f, 0x01, 0xcc
	jmp next

/* 16 bytes each, in the order of enum td_operation. */
	.balign 16
operations:
	.byte 0x66, 0x0f, 0x01, 0xcc /* TDCALL */
	jmp done
	.balign 16
	movq (%rcx), %rax
	jmp done
	.balign 16
	movq %rax, (%rcx)
	jmp done
	.balign 16
	cpuid
	jmp done
	.balign 16
	inl %dx, %eax
	jmp done
	.balign 16
	outw %ax, %dx
	jmp done
	.balign 16
	inb $0x71, %al
	jmp done
	.balign 16
	rep outsb
	jmp done
	.balign 16
	rdmsr
	jmp done
	.balign 16
	wrmsr
	jmp done
	.balign 16
	hlt
	jmp done
	.balign 16
	vmcall
	jmp done
	.balign 16
	wbinvd
	jmp done
	.balign 16
	call *%rcx
	jmp done
	.balign 16
	/* No IDT: a triple fault. */
	pushq $0
	pushq $0
	lidt (%rsp)
	int3
	.balign 16
	/* TDCALL in compatibility mode. */
	pushq $0x18
	movl $(TD_GUEST_BASE + TD_GUEST_CODE32), %ebx
	pushq %rbx
	lretq

	.balign 256
td_guest_handlers:
	.set vector, 0
	.rept 32
	.if vector != 8 && vector != 10 && vector != 11 && vector != 12 && vector != 13 && vector != 14 && vector != 17
	pushq $0
	.endif
	pushq $vector
	jmp exception
	.balign 16
	.set vector, vector + 1
	.endr

exception:
	popq MAILBOX_VECTOR(%rbp)
	popq MAILBOX_ERROR(%rbp)
	popq MAILBOX_RIP(%rbp)
	andq $~0x1ff, %rsp
	addq $0x1f8, %rsp
	jmp done
td_guest_code_end:

	.section .note.GNU-stack, "", @progbits
