/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * int64_t map_gpa_range(uint64_t gpa, uint64_t pages, uint64_t attributes)
 *
 * KVM's hypercall MAP_GPA_RANGE (Linux, Documentation/virt/kvm/x86/hypercalls.rst):
 * 0 or a negative errno. map_gpa_range_stackless is the same with the return
 * address in r11, for the time before there is a stack.
 */
#define HC_MAP_GPA_RANGE 12

/* EBX of CPUID leaf 0 */
#define VENDOR_AMD   0x68747541 /* "Auth" */
#define VENDOR_HYGON 0x6f677948 /* "Hygo" */

	.section .text, "ax", @progbits
	.globl map_gpa_range, map_gpa_range_stackless
map_gpa_range:
	popq %r11
map_gpa_range_stackless:
	movq %rbx, %r10
	movq %rdx, %r9
	xorl %eax, %eax
	cpuid
	movl %ebx, %r8d
	movl $HC_MAP_GPA_RANGE, %eax
	movq %rdi, %rbx
	movq %rsi, %rcx
	movq %r9, %rdx
	/* KVM would patch the wrong one of the two, but flash may be read-only. */
	cmpl $VENDOR_AMD, %r8d
	je 1f
	cmpl $VENDOR_HYGON, %r8d
	je 1f
	vmcall
	jmp 2f
1:	vmmcall
2:	movq %r10, %rbx
	jmp *%r11

	.section .note.GNU-stack, "", @progbits
