/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * From the reset vector, or an AP's start-up page, to C in 64-bit mode.
 *
 * Everything here but the trampoline runs from the flash image. On a
 * software-protected VM KVM's instruction emulator sees the shared side of
 * memory while the guest runs from the private side; only the launch image is
 * the same on both. What exits and has to be decoded (CPUID, RDMSR, WRMSR, MOV
 * to CR, VMCALL, HLT) must be in it, and so must the page tables.
 */
#include "coco_port.h"
#include "layout.h"

#define CODE32 0x08
#define DATA   0x10
#define CODE64 0x18

#define CR0_PE      0x00000001
#define CR0_RUNNING 0x80010033 /* PG WP NE ET MP PE; clears CD and NW */
#define CR4_PAE     0x20
#define MSR_EFER    0xc0000080
#define EFER_LME    0x100

/* Page table entries are accessed and dirty from the start: the CPU must not
 * want to write to them. */
#define PTE_TABLE 0x63 /* D A RW P */
#define PTE_2MIB  0xe3 /* PS D A RW P */

	.section .reset, "ax", @progbits
	.code16
	.globl reset_vector
reset_vector:
	jmp enter_real
	.balign 16, 0

	.section .entry, "ax", @progbits
	.code16
enter_real:
	cli
	cld
	xorl %ebp, %ebp /* the BSP; 1 in an AP */
	/* CS starts with base 0xffff0000, the start of the image. */
	lgdtl %cs:(gdt_pointer - 0xffff0000)
	movl %cr0, %eax
	orb $CR0_PE, %al
	movl %eax, %cr0
	ljmpl $CODE32, $enter_protected

/* What vcpus.c copies to trampoline_page; runs there with IP 0. */
	.globl trampoline, trampoline_end
trampoline:
	cli
	cld
	movl $1, %ebp
	lgdtl %cs:(trampoline_gdt_pointer - trampoline)
	movl %cr0, %eax
	orb $CR0_PE, %al
	movl %eax, %cr0
	ljmpl $CODE32, $enter_protected
trampoline_gdt_pointer:
	.word gdt_end - gdt - 1
	.long gdt
trampoline_end:

	.code32
enter_protected:
	movl $DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %eax, %fs
	movl %eax, %gs
	/* No handler for anything: a fault is a shutdown that the VMM sees. */
	lidtl idt_pointer
	movl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $page_tables, %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	movl $EFER_LME, %eax
	xorl %edx, %edx
	wrmsr
	movl $CR0_RUNNING, %eax
	movl %eax, %cr0
	ljmpl $CODE64, $enter_long

	.code64
enter_long:
	testl %ebp, %ebp
	jnz ap_start

/* The work area becomes private before the first store to it. */
	movl $COCO_PORT_MAGIC, %edx
	inl %dx, %eax
	cmpl $COCO_PORT_MAGIC_VALUE, %eax
	jne work_area_ready
	movl $COCO_PORT_FEATURES, %edx
	inl %dx, %eax
	testl $COCO_FEATURE_CONVERT, %eax
	jz work_area_ready
	movl $work_area, %edi
	movl $work_area_pages, %esi
	movl $MAP_GPA_PRIVATE, %edx
	leaq 1f(%rip), %r11
	jmp map_gpa_range_stackless
1:	testq %rax, %rax
	jnz no_work_area
work_area_ready:
	leaq data_image(%rip), %rsi
	movl $data_start, %edi
	movl $data_end, %ecx
	subl %edi, %ecx
	rep movsb
	movl $bss_start, %edi
	movl $bss_end, %ecx
	subl %edi, %ecx
	xorl %eax, %eax
	rep stosb
	movl $bsp_stack_end, %esp
	xorl %ebp, %ebp
	call bsp_main
	jmp park

/* The one thing that has to be said without a stack. */
no_work_area:
	leaq no_work_area_text(%rip), %rsi
1:	movl $SERIAL_LSR, %edx
2:	inb %dx, %al
	testb $SERIAL_LSR_THRE, %al
	jz 2b
	lodsb
	testb %al, %al
	jz 3f
	movl $SERIAL_PORT, %edx
	outb %al, %dx
	jmp 1b
3:	movl $1, %eax
	movl $COCO_PORT_FAILURES, %edx
	outl %eax, %dx
	movl $COCO_PORT_HALT, %edx
	outb %al, %dx
	jmp park
no_work_area_text:
	.asciz "tinyfw: FAILED: the VMM does not convert the work area\n"

/*
 * An AP. Its stack goes by its APIC id, so an id that is no AP's or is there
 * twice is not let further; the BSP will miss it.
 */
ap_start:
	movl $1, %eax
	cpuid
	shrl $24, %ebx
	jz park
	cmpl $MAX_VCPUS, %ebx
	jae park
	movl $vcpus_entered, %eax
	lock btsq %rbx, (%rax)
	jc park
	movl %ebx, %edi
	incl %ebx
	imull $AP_STACK_SIZE, %ebx
	leal ap_stacks(%rbx), %esp
	xorl %ebp, %ebp
	call ap_main

	.globl park
park:
	cli
1:	hlt
	jmp 1b

	.balign 8
gdt: /* all accessed, for the reason that the page tables are */
	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
	.quad 0x00af9b000000ffff
gdt_end:
gdt_pointer:
	.word gdt_end - gdt - 1
	.long gdt
	.balign 4
idt_pointer:
	.word 0
	.long 0

/* The first 4 GiB, each address to itself. */
	.section .page_tables, "a", @progbits
	.balign 4096
page_tables:
	.quad pdpt + PTE_TABLE
	.fill 511, 8, 0
pdpt:
	.quad page_directories + PTE_TABLE
	.quad page_directories + 0x1000 + PTE_TABLE
	.quad page_directories + 0x2000 + PTE_TABLE
	.quad page_directories + 0x3000 + PTE_TABLE
	.fill 508, 8, 0
page_directories:
	.set page, 0
	.rept 4 * 512
	.quad page + PTE_2MIB
	.set page, page + 0x200000
	.endr

	.section .stacks, "aw", @nobits
	.balign 16
	.fill BSP_STACK_SIZE
bsp_stack_end:
ap_stacks:
	.fill MAX_VCPUS * AP_STACK_SIZE

	.section .note.GNU-stack, "", @progbits
