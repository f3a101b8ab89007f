/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sev_program.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define C_BIT      (1ull << 38)
#define PTE        3ull /* present, writable */
#define EFER_LME   0x100ull
#define EFER_LMA   0x400ull
#define VECTORS    32u
#define CODE_32BIT 8u
#define CPUID_MAX  256u

extern const uint8_t program_code[], program_vectors[], program_ap[], program_end[];

/*
 * RBX: the mailbox, for good. Vectors are 16 bytes each: push the number (and an error code where
 * the CPU has none).
 */
__asm__(".pushsection .rodata\n"
	".global program_code, program_vectors, program_ap, program_end\n"
	"program_code:\n"
	"	mov $0xa000, %ebx\n"
	/* a request by MSR */
	"	mov 0(%rbx), %rax\n"
	"	test %rax, %rax\n"
	"	jz 1f\n"
	"	call 90f\n"
	"	mov %rax, 8(%rbx)\n"
	/* a request by GHCB */
	"1:	mov 0x18(%rbx), %rax\n"
	"	test %rax, %rax\n"
	"	jz 2f\n"
	"	call 90f\n"
	"2:	mov 0x10(%rbx), %rax\n"
	"	test %rax, %rax\n"
	"	jz 3f\n"
	"	call 90f\n"
	/* an action */
	"3:	mov 0x28(%rbx), %r8\n"
	"	mov 0x20(%rbx), %rax\n"
	"	cmp $1, %eax\n"
	"	je 11f\n"
	"	cmp $2, %eax\n"
	"	je 12f\n"
	"	cmp $3, %eax\n"
	"	je 13f\n"
	"	cmp $4, %eax\n"
	"	je 14f\n"
	"	cmp $5, %eax\n"
	"	je 15f\n"
	"	cmp $6, %eax\n"
	"	je 16f\n"
	"	cmp $7, %eax\n"
	"	je 17f\n"
	"	cmp $8, %eax\n"
	"	je 18f\n"
	"	cmp $9, %eax\n"
	"	je 19f\n"
	"	cmp $10, %eax\n"
	"	je 20f\n"
	"	cmp $11, %eax\n"
	"	je 21f\n"
	"80:	incq 0x60(%rbx)\n"
	/* the end: termination, or HLT where there is no GHCB */
	"	mov $0xc0010131, %ecx\n"
	"	rdmsr\n"
	"	test $2, %eax\n"
	"	jz 81f\n"
	"	mov $0x100, %eax\n"
	"	call 90f\n"
	"	jmp program_code\n"
	"81:	hlt\n"
	"	jmp program_code\n"
	/* a vCPU that another one has created */
	"program_ap:\n"
	"	mov $0xa000, %ebx\n"
	"	incq 0x68(%rbx)\n"
	"	mov $0x100, %eax\n"
	"	call 90f\n"
	"	jmp program_ap\n"
	/* RAX by the GHCB MSR, and what it has afterwards */
	"90:	mov %rax, %rdx\n"
	"	shr $32, %rdx\n"
	"	mov $0xc0010130, %ecx\n"
	"	wrmsr\n"
	"	.byte 0xf3, 0x0f, 0x01, 0xd9\n" /* VMGEXIT */
	"	mov $0xc0010130, %ecx\n"
	"	rdmsr\n"
	"	shl $32, %rdx\n"
	"	or %rdx, %rax\n"
	"	ret\n"
	"11:	mov %ebx, %r9d\n"
	"	xor %eax, %eax\n"
	"	cpuid\n"
	"	mov %r9d, %ebx\n"
	"	jmp 70f\n"
	"12:	in $0x80, %al\n"
	"	jmp 70f\n"
	"13:	out %al, $0x80\n"
	"	jmp 70f\n"
	"14:	mov %r8d, %ecx\n"
	"	rdmsr\n"
	"	shl $32, %rdx\n"
	"	or %rdx, %rax\n"
	"	jmp 70f\n"
	"15:	.byte 0x0f, 0x01, 0xd9\n" /* VMMCALL */
	"	jmp 70f\n"
	"16:	wbinvd\n"
	"	jmp 70f\n"
	"17:	mov (%r8), %rax\n"
	"	jmp 70f\n"
	"18:	mov 0x30(%rbx), %rax\n"
	"	mov %rax, (%r8)\n"
	"	mov (%r8), %rax\n"
	"	jmp 70f\n"
	"19:	mov %r8, %rax\n"
	"	mov 0x30(%rbx), %rdx\n"
	"	mov 0x38(%rbx), %rcx\n"
	"	.byte 0xf2, 0x0f, 0x01, 0xff\n" /* PVALIDATE */
	"	setc 0x48(%rbx)\n"
	"	jmp 70f\n"
	"20:	mov %r8, %rax\n"
	"	mov 0x30(%rbx), %rdx\n"
	"	mov 0x38(%rbx), %rcx\n"
	"	.byte 0xf3, 0x0f, 0x01, 0xfe\n" /* RMPADJUST */
	"	jmp 70f\n"
	"21:	.byte 0x66, 0x0f, 0x01, 0xcc\n" /* TDCALL */
	"70:	mov %rax, 0x40(%rbx)\n"
	"	jmp 80b\n"
	/* exceptions: the number is on the stack, and under it the error code */
	"60:	pop %rax\n"
	"	inc %rax\n"
	"	mov %rax, 0x50(%rbx)\n"
	"	pop %rax\n"
	"	mov %rax, 0x58(%rbx)\n"
	"	jmp 80b\n"
	"	.balign 16\n"
	"program_vectors:\n"
	"	.set vector, 0\n"
	"	.rept 32\n"
	"	.balign 16\n"
	"	.if vector != 8 && vector != 10 && vector != 11 && vector != 12 && vector != 13 && "
	"vector != 14 && vector != 17 && vector != 29\n"
	"	pushq $0\n"
	"	.endif\n"
	"	pushq $vector\n"
	"	jmp 60b\n"
	"	.set vector, vector + 1\n"
	"	.endr\n"
	"program_end:\n"
	".popsection\n");

static void put(uint8_t *page, size_t index, uint64_t value)
{
	memcpy(page + index * sizeof(value), &value, sizeof(value));
}

/* Linear addresses are guest physical ones; all but the shared pages are private. Beyond 64 KiB:
 * nothing, not even RAM. */
static void make_tables(uint8_t *memory)
{
	put(memory + 1 * SEV_PAGE, 0, 0x2000 | PTE | C_BIT);
	put(memory + 2 * SEV_PAGE, 0, 0x3000 | PTE | C_BIT);
	put(memory + 3 * SEV_PAGE, 0, 0x4000 | PTE | C_BIT);
	for (uint64_t page = 0; page < 512; page++) {
		bool shared = page == 8 || page == 10 || page >= SEV_RAM_PAGES;

		put(memory + 4 * SEV_PAGE, page, page * SEV_PAGE | PTE | (shared ? 0 : C_BIT));
	}
}

static void make_vectors(uint8_t *memory)
{
	for (size_t vector = 0; vector < VECTORS; vector++) {
		uint64_t address = (uint64_t)(program_vectors - program_code) + 16 * vector;

		/* an interrupt gate of the 64-bit code segment */
		put(memory + 6 * SEV_PAGE, 2 * vector,
		    (address & 0xffff) | CODE_32BIT << 16 | 0x8e00ull << 32 | address >> 16 << 48);
	}
	put(memory + 7 * SEV_PAGE, 1, 0x00af9b000000ffffull);
	put(memory + 7 * SEV_PAGE, 2, 0x00cf93000000ffffull);
}

static void set_cpuid(struct sev_guest *guest, int vcpu)
{
	struct kvm_cpuid2 *cpuid =
		calloc(1, sizeof(*cpuid) + CPUID_MAX * sizeof(cpuid->entries[0]));

	ck_assert_ptr_nonnull(cpuid);
	cpuid->nent = CPUID_MAX;
	ck_assert_int_eq(sev_ioctl(guest, guest->kvm, KVM_GET_SUPPORTED_CPUID, (uintptr_t)cpuid),
			 0);
	ck_assert_int_eq(sev_ioctl(guest, vcpu, KVM_SET_CPUID2, (uintptr_t)cpuid), 0);
	free(cpuid);
}

static struct kvm_segment segment(uint16_t selector, uint8_t type, bool code)
{
	return (struct kvm_segment){.limit = 0xffffffff,
				    .selector = selector,
				    .type = type,
				    .present = 1,
				    .s = 1,
				    .l = code,
				    .db = !code,
				    .g = 1};
}

static void set_registers(struct sev_guest *guest, int vcpu)
{
	struct kvm_regs regs = {.rflags = 2, .rsp = 0x6000};
	struct kvm_sregs sregs;

	ck_assert_int_eq(sev_ioctl(guest, vcpu, KVM_GET_SREGS, (uintptr_t)&sregs), 0);
	sregs.cs = segment(CODE_32BIT, 11, true);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = segment(16, 3, false);
	sregs.gdt = (struct kvm_dtable){.base = 0x7000, .limit = 0x17};
	sregs.idt = (struct kvm_dtable){.base = 0x6000, .limit = 16 * VECTORS - 1};
	sregs.cr3 = 0x1000;
	sregs.cr4 = 0x20;
	sregs.cr0 = 0x80000011;
	sregs.efer = EFER_LME | EFER_LMA;
	ck_assert_int_eq(sev_ioctl(guest, vcpu, KVM_SET_SREGS, (uintptr_t)&sregs), 0);
	ck_assert_int_eq(sev_ioctl(guest, vcpu, KVM_SET_REGS, (uintptr_t)&regs), 0);
}

uint64_t program_ap_address(void)
{
	return (uint64_t)(program_ap - program_code);
}

void program_prepare(struct program *program, uint64_t type)
{
	struct sev_guest *guest = &program->guest;
	struct kvm_enable_cap hypercalls = {.cap = 201, .args = {1u << UAPI_HC_MAP_GPA_RANGE}};

	sev_open(guest, type, NULL);
	program->rounds = 0;
	memset(guest->source, 0, (size_t)SEV_RAM_PAGES * SEV_PAGE);
	memcpy(guest->source, program_code, (size_t)(program_end - program_code));
	make_tables(guest->source);
	make_vectors(guest->source);
	memcpy(guest->ram, guest->source, (size_t)SEV_RAM_PAGES * SEV_PAGE);
	program->ghcb = guest->ram + PROGRAM_GHCB;
	program->mailbox = (void *)(guest->ram + PROGRAM_MAILBOX);
	ck_assert_int_eq(sev_ioctl(guest, guest->vm, KVM_ENABLE_CAP, (uintptr_t)&hypercalls), 0);
	sev_steps(guest, "init2 slot");
	if (program->certificates)
		sev_steps(guest, "certs");
	if (program->in_kernel_apic)
		ck_assert_int_eq(sev_ioctl(guest, guest->vm, KVM_CREATE_IRQCHIP, 0), 0);
	for (uint32_t i = 0; i < program->vcpus + 1; i++) {
		sev_steps(guest, "vcpu");
		set_cpuid(guest, guest->vcpus[i]);
		set_registers(guest, guest->vcpus[i]);
	}
}

static void load_data(struct sev_guest *guest, uint64_t page, uint32_t pages)
{
	struct uapi_sev_buffer data = {.uaddr = (uintptr_t)guest->ram + page * SEV_PAGE,
				       .len = pages * SEV_PAGE};

	ck_assert_int_eq(sev_command(guest, UAPI_SEV_LAUNCH_UPDATE_DATA, &data), 0);
}

void program_open(struct program *program, uint64_t type)
{
	struct sev_guest *guest = &program->guest;

	program_prepare(program, type);
	if (type == UAPI_VM_TYPE_SNP) {
		sev_steps(guest, "private snp.start");
		ck_assert_int_eq(sev_set_private(guest, 8, 1, false), 0);
		ck_assert_int_eq(sev_set_private(guest, 10, 1, false), 0);
		ck_assert_int_eq(sev_update(guest, 0, 8, UAPI_SNP_PAGE_NORMAL), 0);
		ck_assert_int_eq(sev_update(guest, 11, 1, UAPI_SNP_PAGE_ZERO), 0);
		if (program->page_12) {
			memcpy(guest->source + 12 * SEV_PAGE, program->page_12, SEV_PAGE);
			ck_assert_int_eq(sev_update(guest, 12, 1, UAPI_SNP_PAGE_NORMAL), 0);
		}
		sev_steps(guest, "snp.finish");
		return;
	}
	sev_steps(guest, "reg start");
	load_data(guest, 0, 8);
	load_data(guest, 11, 1);
	sev_steps(guest, type == UAPI_VM_TYPE_SEVES ? "vmsa measure finish" : "measure finish");
}

void program_close(struct program *program)
{
	sev_close(&program->guest);
}

int program_run_vcpu(struct program *program, uint32_t index)
{
	return sev_ioctl(&program->guest, program->guest.vcpus[index], KVM_RUN, 0);
}

int program_run(struct program *program)
{
	return program_run_vcpu(program, 0);
}

void program_finish(struct program *program)
{
	const struct kvm_run *run = program->guest.runs[0];
	bool es = program->guest.type != UAPI_VM_TYPE_SEV;
	int rc = program_run(program);

	ck_assert_msg(rc == 0, "KVM_RUN: %d, exit %u", rc, run->exit_reason);
	ck_assert_uint_eq(run->exit_reason, es ? KVM_EXIT_SYSTEM_EVENT : KVM_EXIT_HLT);
	if (es) {
		ck_assert_uint_eq(run->system_event.type, KVM_SYSTEM_EVENT_SEV_TERM);
		ck_assert_uint_eq(run->system_event.ndata, 1);
		ck_assert_uint_eq(run->system_event.data[0], 0x100);
	}
	ck_assert_uint_eq(program->mailbox->reached, ++program->rounds);
}
