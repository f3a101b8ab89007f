/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Programs for the simulated CPU. Each is copied to 0x1000 and starts at its beginning; what it finds out, it
 * says by OUTs to port 0xf0. Interrupt handlers that tests put into the IDT are at the offsets that their
 * comments say.
 */
#define RESULT 0xf0
#define INPUT  0xf1
#define DATA   0x10000
#define HIGH   0x200000
#define DEVICE 0xd0000000

	.section .rodata

	.macro program name
	.balign 4096
	.globl guest_\name
guest_\name:
	.endm

	.macro program_end name
	.globl guest_\name\()_end
guest_\name\()_end:
	.endm

	.macro say value
	movl \value, %eax
	outl %eax, $RESULT
	.endm

/* --- real mode */

	.code16
program real_arithmetic
	movw $0x1234, %ax
	movw $0x1000, %bx
	addw %bx, %ax
	movzwl %ax, %eax
	outl %eax, $RESULT
	movw $0x100, %ax
	movw %ax, %ds
	movw $0x55aa, 0x1000 /* 0x2000 */
	xorw %ax, %ax
	movw %ax, %ds
	movzwl 0x2000, %eax
	outl %eax, $RESULT
	hlt
program_end real_arithmetic

/* Vector 0x21 is at +0x20. */
program real_interrupt
	movw $7, %cx
	int $0x21
	movzwl %cx, %eax
	outl %eax, $RESULT
	pushfw
	popw %ax
	movzwl %ax, %eax
	outl %eax, $RESULT
	hlt
	.balign 32, 0x90
	addw $1, %cx
	iretw
program_end real_interrupt

/* To 32-bit protected mode by its own means. */
program real_to_protected
	cli
	lgdtl 1f - guest_real_to_protected + 0x1000
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpl $8, $(2f - guest_real_to_protected + 0x1000)
	.code32
2:	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %ss
	movl $0x12345678, 0x180000
	movl 0x180000, %eax
	outl %eax, $RESULT
	movl %cr0, %eax
	outl %eax, $RESULT
	hlt
	.balign 8
3:	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
1:	.word 23
	.long 3b - guest_real_to_protected + 0x1000
program_end real_to_protected

/* OUTSB, INSB and their like; DATA holds bytes. */
	.code16
program real_strings
	movw $0x1000, %ax
	movw %ax, %ds
	movw %ax, %es
	xorw %si, %si
	movw $RESULT, %dx
	movw $3, %cx
	rep outsb
	movw $0x100, %di
	movw $INPUT, %dx
	movw $2, %cx
	rep insw
	movl 0x100, %eax
	outl %eax, $RESULT
	movw %di, %ax
	shll $16, %eax
	movw %cx, %ax
	outl %eax, $RESULT
	hlt
program_end real_strings

/* --- long mode */

	.code64
program long_arithmetic
	movabsq $0x1122334455667788, %rax
	shrq $32, %rax
	outl %eax, $RESULT
	movl $HIGH, %ebx
	movabsq $0x0102030405060708, %rcx
	movq %rcx, 0xff8(%rbx)
	movq 0xffc(%rbx), %rax
	outl %eax, $RESULT
	movq %cr3, %rax
	outl %eax, $RESULT
	movl $0xc0000080, %ecx
	rdmsr
	outl %eax, $RESULT
	hlt
program_end long_arithmetic

/*
 * What a handler finds: vector (by its stub), error code, RIP of the frame, CR2. Stubs of vectors without an
 * error code at +0x100 + vector * 16, of those with one too. The instruction that faults is one of several:
 * its number comes by EDI.
 */
program faults
	cmpl $0, %edi
	je 10f
	cmpl $1, %edi
	je 11f
	cmpl $2, %edi
	je 12f
	cmpl $3, %edi
	je 13f
	cmpl $4, %edi
	je 14f
	cmpl $5, %edi
	je 15f
	cmpl $6, %edi
	je 16f
	cmpl $7, %edi
	je 17f
	cmpl $8, %edi
	je 18f
	cmpl $9, %edi
	je 19f
	jmp 20f
	.balign 256, 0x90
	/* 0x100: the stubs */
	.set n, 0
	.rept 32
	.balign 16, 0x90
	.if n != 8 && n != 10 && n != 11 && n != 12 && n != 13 && n != 14 && n != 17 && n != 29
	pushq $0
	.endif
	movl $n, %ebx
	jmp 100f
	.set n, n + 1
	.endr
	.balign 256, 0x90
	/* 0x300: the faults, 16 bytes apart */
10:	xorl %ecx, %ecx
	divl %ecx /* 0x302 */
	.balign 16, 0x90
11:	ud2 /* 0x310 */
	.balign 16, 0x90
12:	movl 0x600000, %eax /* 0x320: not present */
	.balign 16, 0x90
13:	movl %eax, 0x600000 /* 0x330 */
	.balign 16, 0x90
14:	movl %eax, 0x200000 /* 0x340: read-only, if the test makes it so */
	.balign 16, 0x90
15:	movl $0x600000, %eax
	jmp *%rax /* a fetch at 0x600000 */
	.balign 16, 0x90
16:	movl $0x12345, %ecx
	wrmsr /* 0x365: no such MSR */
	.balign 16, 0x90
17:	int3 /* 0x370 */
	.balign 16, 0x90
18:	movl $0x1238, %eax
	movl %eax, %ds /* 0x385: beyond the GDT */
	.balign 16, 0x90
19:	lock incl 0x600000 /* 0x390 */
	.balign 16, 0x90
20:	movabsq $0x8000000000000000, %rax
	movl (%rax), %eax /* 0x3aa: not canonical */
	.balign 16, 0x90
100:	movl %ebx, %eax
	outl %eax, $RESULT
	popq %rax
	outl %eax, $RESULT
	popq %rax
	outl %eax, $RESULT
	movq %cr2, %rax
	outl %eax, $RESULT
	hlt
program_end faults

/* #PF at HIGH is mended by the handler at +0x80: the page becomes present, and the store goes on. */
program mends
	movl $0x77, %eax
	movl %eax, HIGH + 0x123
	movl HIGH + 0x123, %eax
	outl %eax, $RESULT
	movl 0x102008, %eax /* the entry: accessed and dirty now */
	outl %eax, $RESULT
	hlt
	.balign 128, 0x90
	popq %rbx
	movq $(HIGH + 0x83), 0x102008
	iretq
program_end mends

/* User space changes the program after the first result: the immediate at +1. */
program changes
1:	movl $1, %eax
	outl %eax, $RESULT
	jmp 1b
program_end changes

/* It changes itself. */
program changes_itself
	xorl %ecx, %ecx
1:	movl $0x10, %eax
	outl %eax, $RESULT
	incl %ecx
	movl %ecx, 1b + 1 - guest_changes_itself + 0x1000
	jmp 1b
program_end changes_itself

program device
	movl $DEVICE, %ebx
	movl (%rbx), %eax
	outl %eax, $RESULT
	movw $0xbeef, 4(%rbx)
	addl $5, 8(%rbx)
	movzbl 12(%rbx), %eax
	outl %eax, $RESULT
	movl $DATA, %edi
	leaq 16(%rbx), %rsi
	movsq
	movl DATA, %eax
	outl %eax, $RESULT
	pushq 24(%rbx)
	popq %rax
	outl %eax, $RESULT
	lock orb $1, 32(%rbx)
	hlt
program_end device

/* REP MOVS and STOS, over pages, overlapping, backwards. */
program strings
	movl $(DATA + 0xff0), %edi
	movl $0x40, %ecx
	movl $0x5a, %eax
	rep stosb
	movl DATA + 0xffe, %eax
	outl %eax, $RESULT
	movl %ecx, %eax
	outl %eax, $RESULT
	movl %edi, %eax
	outl %eax, $RESULT
	/* a pattern that spreads */
	movl $0x11223344, DATA + 0x2000
	movl $(DATA + 0x2000), %esi
	movl $(DATA + 0x2004), %edi
	movl $0x600, %ecx
	rep movsl
	movl DATA + 0x2000 + 0x1800, %eax
	outl %eax, $RESULT
	std
	movl $(DATA + 0x5003), %edi
	movl $0x66, %eax
	movl $4, %ecx
	rep stosb
	cld
	movl DATA + 0x5000, %eax
	outl %eax, $RESULT
	hlt
program_end strings

/* CPUID, x2APIC, TSC. */
program msrs
	movl $1, %eax
	cpuid
	movl %ecx, %eax
	outl %eax, $RESULT
	movl $0x1b, %ecx
	rdmsr
	orl $0xc00, %eax
	wrmsr
	movl $0x802, %ecx /* x2APIC id */
	rdmsr
	outl %eax, $RESULT
	movl $0xc0000100, %ecx /* FS.base */
	movl $DATA, %eax
	xorl %edx, %edx
	wrmsr
	movl %fs:0, %eax
	outl %eax, $RESULT
	movl $0xc0000080, %ecx
	rdmsr
	orl $1, %eax
	wrmsr
	rdmsr
	outl %eax, $RESULT
	movq $9, %rax
	movq %rax, %cr8
	movl $0x808, %ecx /* TPR */
	rdmsr
	outl %eax, $RESULT
	hlt
program_end msrs

/* Spins until DATA is not 0. */
program spins
1:	pause
	movl DATA, %eax
	testl %eax, %eax
	jz 1b
	outl %eax, $RESULT
	jmp 1b
program_end spins

/* Interrupts on, then halts; the handler at +0x40 says so. */
program halts
	movl $0x1b, %ecx
	rdmsr
	orl $0xc00, %eax
	wrmsr
	movl $0x80f, %ecx
	movl $0x1ff, %eax
	xorl %edx, %edx
	wrmsr
	jmp 1f
	.balign 64, 0x90
	movl $0x80b, %ecx
	xorl %eax, %eax
	xorl %edx, %edx
	wrmsr
	say $0x1111
	iretq
1:	sti
	hlt
	say $0x2222
	/* to itself, vector 0x40 */
	movl $0x83f, %ecx
	movl $0x40, %eax
	xorl %edx, %edx
	wrmsr
	nop
	say $0x3333
	/* the timer, once, vector 0x40; not taken before it halts */
	cli
	movl $0x832, %ecx
	movl $0x40, %eax
	wrmsr
	movl $0x838, %ecx
	movl $1000, %eax
	wrmsr
	sti
	hlt
	say $0x4444
	cli
	hlt
program_end halts

/* Interrupts are off for two results; the handler at +0x40 says so. */
program opens
	movl $0x1b, %ecx
	rdmsr
	orl $0xc00, %eax
	wrmsr
	movl $0x80f, %ecx
	movl $0x1ff, %eax
	xorl %edx, %edx
	wrmsr
	jmp 1f
	.balign 64, 0x90
	say $0x1111
	movl $0x80b, %ecx
	xorl %eax, %eax
	xorl %edx, %edx
	wrmsr
	iretq
1:	say $1
	say $2
	movl $3, %eax
	sti
	outl %eax, $RESULT
	say $4
	hlt
program_end opens

/* Starts vCPU 1 at 0x3000, then waits for what it writes to DATA. */
program starts
	movl $0x1b, %ecx
	rdmsr
	orl $0xc00, %eax
	wrmsr
	movl $0x830, %ecx
	movl $1, %edx
	movl $0x4500, %eax
	wrmsr
	movl $0x4603, %eax
	wrmsr
1:	pause
	movl DATA, %eax
	testl %eax, %eax
	jz 1b
	outl %eax, $RESULT
	hlt
program_end starts

	.code16
program started
	movw $0x1000, %ax
	movw %ax, %ds
	movw %cs, %ax
	movzwl %ax, %eax
	movl %eax, 0
1:	hlt
	jmp 1b
program_end started

	.section .note.GNU-stack, "", @progbits
