/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * From the reset vector, or where an AP starts, to C in 64-bit mode.
 *
 * Everything here but the trampoline runs from the flash image. On a
 * software-protected VM KVM's instruction emulator sees the shared side of
 * memory while the guest runs from the private side; only the launch image is
 * the same on both. What exits and has to be decoded (CPUID, RDMSR, WRMSR, MOV
 * to CR, VMCALL, HLT) must be in it, and so must the page tables.
 *
 * ebp holds the platform word of layout.h all the way.
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
	/* TDX begins here in protected mode: up to the jump all is the same in both. */
	.byte 0x0f, 0x20, 0xc0 /* mov %cr0, %eax */
	testb $CR0_PE, %al
	.byte 0x75, reset32 - . - 1 /* jnz */
	jmp enter_real
	.balign 16, 0

	.section .reset32, "ax", @progbits
	.code32
reset32:
	jmp enter_tdx
	.balign 16, 0

	.section .coco_entry, "ax", @progbits
/*
 * Intel TDX module, "TD VCPU initial state": flat segments, paging off, long mode enabled, and
 * the vCPU's index in esi. All vCPUs come here.
 */
enter_tdx:
	cli
	cld
	movl $TECH_TDX << PLATFORM_TECH_BIT, %ebp
	lgdtl gdt_pointer
	ljmpl $CODE32, $1f
1:	movl $DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %cr4, %eax
	orl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $page_tables, %eax
	testl %esi, %esi
	jz enable_paging
	movl %esi, %ebx
	orl $PLATFORM_AP, %ebp
1:	pause
	cmpl $0, boot_record + RECORD_RELEASED
	je 1b
	movl boot_record + RECORD_CR3, %eax
	jmp enable_paging

	.code16
/* SEV-ES and SNP: APs start here with CS as the BSP's. */
	.globl ap_entry
ap_entry:
	movl $PLATFORM_AP, %ebp
	jmp leave_real

	.section .entry, "ax", @progbits
	.code16
enter_real:
	xorl %ebp, %ebp
leave_real:
	cli
	cld
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
	movl $PLATFORM_AP, %ebp
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
	testl $PLATFORM_AP, %ebp
	jnz 1f
	movl $boot_stack, %esp
	call sev_detect /* eax: page tables */
	movl %ebp, boot_record + RECORD_PLATFORM
	movl %eax, boot_record + RECORD_CR3
	jmp enable_long_mode
1:	orl boot_record + RECORD_PLATFORM, %ebp
	movl boot_record + RECORD_CR3, %eax

enable_long_mode:
	/* PAE first: QEMU 7.2 loses the host's state in an exit from LME without PAE. */
	movl %eax, %edi
	movl %cr4, %edx
	orl $CR4_PAE, %edx
	movl %edx, %cr4
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME, %eax
	wrmsr
	movl %edi, %eax
/* eax: page tables. Bits of CR4 that the technology wants to stay are set already. */
enable_paging:
	movl %eax, %cr3
	movl $CR0_RUNNING, %eax
	movl %eax, %cr0
	ljmpl $CODE64, $enter_long

	.code64
enter_long:
	lidt idt_pointer(%rip)
	testl $PLATFORM_AP, %ebp
	jnz ap_start
	testl $PLATFORM_FIELD << PLATFORM_TECH_BIT, %ebp
	jnz work_area_ready /* it was launched with the image, or there are no sides to memory */

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
	movl %ebp, %edi
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
	movl %ebp, %eax
	shrl $PLATFORM_TECH_BIT, %eax
	andl $PLATFORM_FIELD, %eax
	cmpl $TECH_TDX, %eax
	je 2f /* ebx is the index, which is as good */
	cmpl $TECH_SEV_ES, %eax
	jae 1f
	movl $1, %eax
	cpuid
	shrl $24, %ebx
	jmp 2f
1:	/* CPUID would be an exception, which needs a stack. */
	movl $MSR_GHCB, %ecx
	movl $GHCB_MSR_CPUID_RQ | GHCB_MSR_CPUID_EBX, %eax
	movl $1, %edx
	wrmsr
	.byte VMGEXIT
	rdmsr
	andl $GHCB_MSR_INFO_MASK, %eax
	cmpl $GHCB_MSR_CPUID, %eax
	jne park
	movl %edx, %ebx
	shrl $24, %ebx
2:	testl %ebx, %ebx
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
	.globl gdt_pointer
gdt_pointer:
	.word gdt_end - gdt - 1
	.long gdt

/* The first 4 GiB, each address to itself. */
	.section .page_tables, "a", @progbits
	.balign 4096
	.globl page_tables, page_directories
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
