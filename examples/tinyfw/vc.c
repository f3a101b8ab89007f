/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * #VC: the processor has no way to do an instruction without the VMM, and leaves it to
 * us what the VMM gets to see of it (APM volume 2, 15.35.5). #UD: see snp.c.
 */
#include "cpu.h"
#include "exception.h"
#include "ghcb.h"
#include "tinyfw.h"

/* EXITINFO1 of IOIO (APM volume 2, 15.10.2) */
#define IO_IN        0x001
#define IO_8         0x010
#define IO_16        0x020
#define IO_32        0x040
#define IO_ADDRESS64 0x200

#define OPERAND_16 0x66

extern const struct {
	uint32_t count;
	uint32_t reserved[3];
	struct {
		uint32_t leaf, subleaf;
		uint64_t xcr0, xss;
		uint32_t registers[4];
		uint64_t reserved;
	} entries[CPUID_PAGE_MAX];
} cpuid_page;

/* eax, ebx, ecx, edx as the VMM has them */
static bool cpuid_of_vmm(uint32_t leaf, uint32_t subleaf, uint32_t *registers)
{
	ghcb_begin();
	ghcb_put(GHCB_RAX, leaf);
	ghcb_put(GHCB_RCX, subleaf);
	ghcb_put(GHCB_XCR0, 1);
	if (!ghcb_call(EXIT_CPUID, 0, 0))
		return false;
	registers[0] = (uint32_t)ghcb_get(GHCB_RAX);
	registers[1] = (uint32_t)ghcb_get(GHCB_RBX);
	registers[2] = (uint32_t)ghcb_get(GHCB_RCX);
	registers[3] = (uint32_t)ghcb_get(GHCB_RDX);
	return true;
}

/* As the firmware has checked it. It is the same for all vCPUs: the APIC id is the VMM's. */
static bool cpuid_of_page(uint32_t leaf, uint32_t subleaf, uint32_t *registers)
{
	uint32_t of_vmm[4];

	for (uint32_t i = 0; i < 4; i++)
		registers[i] = 0;
	for (uint32_t i = 0; i < min(cpuid_page.count, CPUID_PAGE_MAX); i++) {
		if (cpuid_page.entries[i].leaf != leaf || cpuid_page.entries[i].subleaf != subleaf)
			continue;
		for (uint32_t j = 0; j < 4; j++)
			registers[j] = cpuid_page.entries[i].registers[j];
		break;
	}
	if (leaf != 1)
		return true;
	if (!cpuid_of_vmm(leaf, subleaf, of_vmm))
		return false;
	registers[1] = (registers[1] & 0xffffff) | (of_vmm[1] & 0xff000000);
	return true;
}

static bool do_cpuid(struct exception_frame *frame)
{
	uint32_t registers[4];
	const uint32_t leaf = (uint32_t)frame->rax, subleaf = (uint32_t)frame->rcx;

	if (platform.tech == TECH_SNP ? !cpuid_of_page(leaf, subleaf, registers)
				      : !cpuid_of_vmm(leaf, subleaf, registers))
		return false;
	frame->rax = registers[0];
	frame->rbx = registers[1];
	frame->rcx = registers[2];
	frame->rdx = registers[3];
	frame->rip += 2;
	return true;
}

static bool do_msr(struct exception_frame *frame)
{
	const bool write = exception_code(frame)[1] == 0x30; /* 0f 30, 0f 32 */
	uint64_t value = (frame->rax & UINT32_MAX) | frame->rdx << 32;

	if (!ghcb_msr((uint32_t)frame->rcx, write, &value))
		return false;
	if (!write) {
		frame->rax = value & UINT32_MAX;
		frame->rdx = value >> 32;
	}
	frame->rip += 2;
	return true;
}

/* IN and OUT in all their forms but the string ones, which nothing here uses. */
static bool do_io(struct exception_frame *frame)
{
	const uint8_t *code = exception_code(frame);
	const bool word = *code == OPERAND_16;
	uint64_t mask = UINT32_MAX, info = IO_32 | IO_ADDRESS64;
	uint8_t opcode;

	code += word;
	opcode = *code++;
	if ((opcode & 0xf4) != 0xe4)
		return false;
	if (!(opcode & 1)) {
		info = IO_8 | IO_ADDRESS64;
		mask = UINT8_MAX;
	} else if (word) {
		info = IO_16 | IO_ADDRESS64;
		mask = UINT16_MAX;
	}
	if (!(opcode & 2))
		info |= IO_IN;
	info |= (opcode & 8 ? frame->rdx & UINT16_MAX : *code++) << 16;

	ghcb_begin();
	ghcb_put(GHCB_RAX, info & IO_IN ? 0 : frame->rax & mask);
	if (!ghcb_call(EXIT_IOIO, info, 0))
		return false;
	if (info & IO_IN) {
		const uint64_t kept = mask == UINT32_MAX ? 0 : frame->rax & ~mask;

		frame->rax = kept | (ghcb_get(GHCB_RAX) & mask);
	}
	frame->rip = (uintptr_t)code;
	return true;
}

static bool do_alone(struct exception_frame *frame, uint64_t event, uint32_t length)
{
	ghcb_begin();
	if (!ghcb_call(event, 0, 0))
		return false;
	frame->rip += length;
	return true;
}

static bool handle(struct exception_frame *frame)
{
	switch (frame->code) {
	case EXIT_CPUID:
		return do_cpuid(frame);
	case EXIT_MSR:
		return do_msr(frame);
	case EXIT_IOIO:
		return do_io(frame);
	case EXIT_HLT:
		return do_alone(frame, EXIT_HLT, 1);
	case EXIT_WBINVD:
		return do_alone(frame, EXIT_WBINVD, 2);
	default:
		return false;
	}
}

void handle_vc(struct exception_frame *frame)
{
	static _Atomic bool failing;

	if (handle(frame))
		return;
	/* The text needs #VC, too. */
	if (!failing) {
		failing = true;
		print("tinyfw: FAILED: #VC 0x%lx at 0x%lx\n", frame->code, frame->rip);
		check_failed();
	}
	for (;;)
		ghcb_terminate(0, 0);
}
