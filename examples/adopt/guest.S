/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The guest's ROM: 4 KiB of real-mode code that ends at 1 MiB and at 4 GiB. It waits for three ticks
 * of the PIT, writes a line by the virtio console at 0xd0000, waits for that to interrupt, and asks
 * for a reset.
 */
	.section .rodata
	.globl guest_rom
	.globl guest_rom_end
	.balign 4096
guest_rom:
	.code16
	.set SEGMENT, 0xff00 /* the ROM at 1 MiB */
	.set CONSOLE, 0xd000 /* its registers' segment */
	.set TICKS, 0x600    /* counters in RAM */
	.set ANSWERS, 0x602
	.set DESCRIPTORS, 0x1000
	.set AVAILABLE, 0x1100
	.set USED, 0x1200
	.set MESSAGE, 0x1300

/* 32 bits into a register of the console. */
	.macro console register, value
	movl $\value, %es:\register
	.endm
	.macro out_byte port, value
	mov $\value, %al
	out %al, $\port
	.endm

start:
	cli
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %ss
	mov $0x7000, %sp
	movw $0, TICKS
	movw $0, ANSWERS
	movw $(tick - guest_rom), 0x20 * 4
	movw $SEGMENT, 0x20 * 4 + 2
	movw $(answer - guest_rom), 0x25 * 4
	movw $SEGMENT, 0x25 * 4 + 2
	/* The PIC: IRQs 0 to 7 are vectors 0x20 to 0x27; 0 and 5 are let through. */
	out_byte 0x20, 0x11
	out_byte 0x21, 0x20
	out_byte 0x21, 0x04
	out_byte 0x21, 0x01
	out_byte 0x21, 0xde
	/* The PIT: a tick each 0x2000 / 1193182 s. */
	out_byte 0x43, 0x34
	out_byte 0x40, 0x00
	out_byte 0x40, 0x20
1:	sti
	hlt
	cli
	cmpw $3, TICKS
	jb 1b
	mov $(text_ticks - guest_rom), %si
	call print

	mov $CONSOLE, %ax
	mov %ax, %es
	cmpl $0x74726976, %es:0 /* "virt" */
	jne 3f
	console 0x70, 0 /* reset */
	console 0x70, 0xf
	console 0x30, 1 /* the queue that it transmits from */
	console 0x38, 4
	console 0x80, DESCRIPTORS
	console 0x90, AVAILABLE
	console 0xa0, USED
	/* One buffer, of which it is told. */
	xor %eax, %eax
	mov $(DESCRIPTORS / 4), %di
	movl $MESSAGE, DESCRIPTORS
	movl %eax, DESCRIPTORS + 4
	movl $(text_console_end - text_console), DESCRIPTORS + 8
	movl %eax, DESCRIPTORS + 12
	movl $0x10000, AVAILABLE /* index 1 */
	movw %ax, AVAILABLE + 4
	movl %eax, USED
	mov $(text_console - guest_rom), %si
	mov $MESSAGE, %di
	mov $(text_console_end - text_console), %cx
2:	mov %cs:(%si), %al
	mov %al, (%di)
	inc %si
	inc %di
	loop 2b
	console 0x44, 1
	console 0x50, 1 /* an ioeventfd */
1:	sti
	hlt
	cli
	cmpw $1, ANSWERS
	jb 1b
	mov $(text_answer - guest_rom), %si
	call print
3:	mov $0xcf9, %dx
	mov $6, %al
	out %al, %dx
4:	hlt
	jmp 4b

tick:
	incw TICKS
	push %ax
	out_byte 0x20, 0x20
	pop %ax
	iret

answer:
	incw ANSWERS
	push %ax
	push %es
	mov $CONSOLE, %ax
	mov %ax, %es
	console 0x64, 1
	out_byte 0x20, 0x20
	pop %es
	pop %ax
	iret

/* %cs:(%si) to the serial port, up to a 0. */
print:
	mov $0x3f8, %dx
1:	mov %cs:(%si), %al
	inc %si
	test %al, %al
	jz 2f
	out %al, %dx
	jmp 1b
2:	ret

text_ticks:
	.asciz "the timer ticks\n"
text_answer:
	.asciz "the console has interrupted\n"
text_console:
	.ascii "the console writes\n"
text_console_end:

	.org 0xff0
	.byte 0xea /* jmp far, to the ROM at 1 MiB */
	.word start - guest_rom, SEGMENT
	.org 0x1000
guest_rom_end:
	.section .note.GNU-stack, "", %progbits
