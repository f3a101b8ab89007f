/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Is this an SEV, SEV-ES or SNP guest, and which bit of an address makes memory private? It has to
 * be known before paging is on, and CPUID may be an exception (#VC) or a lie.
 */
#include "layout.h"

#define VENDOR_AMD 0x68747541 /* EBX of CPUID leaf 0: "Auth" */
#define CODE32     0x08
#define GATE32     0x8e00 /* present, interrupt gate */
#define GP         13
#define GATE_SIZE  8
#define CBIT_MIN   32 /* it is in the upper half of page table entries */
#define CBIT_MAX   51
#define PTE_P      0x1
#define PTE_TABLE  0x63

/* MSR_GHCB holds a request: done. The answer is in edx:eax. */
.macro ghcb_msr_request
	.byte VMGEXIT
	rdmsr
.endm

	.section .entry, "ax", @progbits
	.code32
/* Adds to the platform word in ebp; the page tables to use come back in eax. Changes all else. */
	.globl sev_detect
sev_detect:
	lidtl early_idt_pointer
	xorl %eax, %eax
	movl %eax, boot_record + RECORD_RELEASED
	movl %eax, boot_record + RECORD_STATUS
	movl %eax, boot_record + RECORD_STATUS + 4
	xorl %eax, %eax
	cpuid
	cmpl $VENDOR_AMD, %ebx
	jne no_sev
	movl $0x80000000, %eax
	cpuid
	cmpl $CPUID_SEV, %eax
	jb ask_ghcb_msr
	movl $CPUID_SEV, %eax
	cpuid
	testl $CPUID_SEV_EAX_SEV, %eax
	jz no_sev
	movl %ebx, %edi
	andl $CPUID_SEV_EBX_CBIT, %edi

	/* KVM shows that leaf to plain guests, too, and has no such MSR for them. */
	movl $MSR_SEV_STATUS, %ecx
	rdmsr
	testl %ecx, %ecx
	jz ask_ghcb_msr
	movl %eax, boot_record + RECORD_STATUS
	movl %edx, boot_record + RECORD_STATUS + 4
	testl $SEV_STATUS_SEV, %eax
	jz no_sev
	testl $SEV_STATUS_SNP, %eax
	jnz is_snp
	testl $SEV_STATUS_ES, %eax
	jnz is_es
	orl $TECH_SEV << PLATFORM_TECH_BIT, %ebp
	jmp build_tables

/*
 * Where the processor is simulated in part only, the GHCB MSR may be there without the leaf or the
 * status, and says where the C-bit is. The CPUID page then makes the difference between SEV-ES and
 * SNP. Plain guests have no such MSR.
 */
ask_ghcb_msr:
	movl $MSR_GHCB, %ecx
	movl $GHCB_MSR_SEV_INFO_RQ, %eax
	xorl %edx, %edx
	wrmsr
	testl %ecx, %ecx
	jz no_sev
	ghcb_msr_request
	movl %eax, %edi
	andl $GHCB_MSR_INFO_MASK, %eax
	cmpl $GHCB_MSR_SEV_INFO, %eax
	jne no_sev
	shrl $24, %edi
	movl cpuid_page, %eax
	decl %eax
	cmpl $CPUID_PAGE_MAX, %eax
	jb is_snp

is_es:
	orl $TECH_SEV_ES << PLATFORM_TECH_BIT, %ebp
	jmp build_tables

is_snp:
	orl $TECH_SNP << PLATFORM_TECH_BIT, %ebp
	/* The VMM's word is replaced by what the firmware has checked. */
	movl cpuid_page, %ecx
	cmpl $CPUID_PAGE_MAX, %ecx
	ja terminate
	movl $cpuid_page + CPUID_PAGE_ENTRIES, %esi
	testl %ecx, %ecx
	jz build_tables
1:	cmpl $CPUID_SEV, (%esi)
	je 2f
	addl $CPUID_PAGE_ENTRY_SIZE, %esi
	loop 1b
	jmp build_tables
2:	movl CPUID_ENTRY_EBX(%esi), %eax
	andl $CPUID_SEV_EBX_CBIT, %eax
	jz build_tables
	movl %eax, %edi

/*
 * The image's page tables again, in RAM, with the C-bit (number edi) everywhere. The second 4 GiB
 * are the first ones without it, by the image's own page directories: the shared view.
 */
build_tables:
	movl %edi, %ecx
	subl $CBIT_MIN, %ecx
	cmpl $CBIT_MAX - CBIT_MIN, %ecx
	ja terminate
	movl $1, %ebx
	shll %cl, %ebx
	shll $PLATFORM_CBIT_BIT, %edi
	orl %edi, %ebp
	movl $page_tables, %esi
	movl $ram_page_tables, %edi
	movl $2 * 512, %ecx
1:	lodsl /* the two upper levels point into the copy */
	testl $PTE_P, %eax
	jz 2f
	addl $ram_tables_distance, %eax
2:	call store_entry
	loop 1b
	movl $4 * 512, %ecx
3:	lodsl
	call store_entry
	loop 3b
	movl $ram_page_tables + 0x1000 + 4 * 8, %edi
	movl $page_directories + PTE_TABLE, %eax
	movl $4, %ecx
4:	movl %eax, (%edi)
	movl %ebx, 4(%edi)
	addl $0x1000, %eax
	addl $8, %edi
	loop 4b
	movl $ram_page_tables, %eax
	ret

/* eax: the low half of an entry, whose high half is at esi. Goes to edi. */
store_entry:
	stosl
	testl $PTE_P, %eax
	lodsl
	jz 1f
	orl %ebx, %eax
1:	stosl
	ret

no_sev:
	movl $page_tables, %eax
	ret

/* #GP, of RDMSR and WRMSR in sev_detect only: on with the next instruction, ecx 0. */
	.globl early_gp
early_gp:
	addl $4, %esp
	addl $2, (%esp)
	xorl %ecx, %ecx
	iretl

/* #VC of CPUID, subleaf 0: the GHCB MSR has one register at a time. */
	.globl early_vc
early_vc:
	cmpl $VC_CPUID, (%esp)
	jne terminate
	pushl %edi
	pushl %esi
	movl %eax, %edi
	xorl %esi, %esi /* eax, ebx, ecx, edx in turn */
1:	movl %edi, %edx
	movl %esi, %eax
	shll $30, %eax
	orl $GHCB_MSR_CPUID_RQ, %eax
	movl $MSR_GHCB, %ecx
	wrmsr
	ghcb_msr_request
	andl $GHCB_MSR_INFO_MASK, %eax
	cmpl $GHCB_MSR_CPUID, %eax
	jne terminate
	pushl %edx
	incl %esi
	cmpl $4, %esi
	jb 1b
	popl %edx
	popl %ecx
	popl %ebx
	popl %eax
	popl %esi
	popl %edi
	addl $4, %esp
	addl $2, (%esp)
	iretl

/* GHCB specification: reason set 0, code 0, a general termination. */
terminate:
	movl $MSR_GHCB, %ecx
	movl $GHCB_MSR_TERMINATE, %eax
	xorl %edx, %edx
	wrmsr
	.byte VMGEXIT
1:	hlt
	jmp 1b

	.balign 8
early_idt:
	.fill GP, GATE_SIZE, 0
	.word early_gp_low, CODE32, GATE32, 0xffff
	.fill EXCEPTION_VC - GP - 1, GATE_SIZE, 0
	.word early_vc_low, CODE32, GATE32, 0xffff
early_idt_end:
early_idt_pointer:
	.word early_idt_end - early_idt - 1
	.long early_idt

	.section .note.GNU-stack, "", @progbits
