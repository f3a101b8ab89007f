/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "tdx.h"

#include "cpu.h"
#include "exception.h"
#include "tinyfw.h"

#define LARGE_PAGES 512

/* Leaves of TDCALL (Intel TDX module, ABI specification) */
#define TDG_VP_VMCALL       0
#define TDG_VP_INFO         1
#define TDG_VP_VEINFO_GET   3
#define TDG_MEM_PAGE_ACCEPT 6
#define ACCEPT_2MIB         1

/* TDVMCALL (Intel TDX guest-hypervisor communication interface, section 3) */
#define VMCALL_MAP_GPA     0x10001
#define VMCALL_FATAL_ERROR 0x10003
#define VMCALL_RETRY       1
#define REGISTERS_STANDARD 0xfc00 /* r10 to r15 */
#define REGISTERS_ALL      0xffcc /* all but rax, rcx, rsp, rbp */

/* Exit reasons, which are subfunctions, too (Intel SDM volume 3, appendix C) */
#define EXIT_CPUID 10
#define EXIT_HLT   12
#define EXIT_IO    30
#define EXIT_RDMSR 31
#define EXIT_WRMSR 32

#define RFLAGS_IF 0x200

/* As exceptions.S has it. */
struct tdcall_registers {
	uint64_t rax, rcx, rdx, rbx, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
};

void tdcall(uint64_t leaf, struct tdcall_registers *registers);

extern uint64_t page_tables[], page_directories[], ram_page_tables[];

/* 0 or the VMM's status; results are in r11 to r15. */
static uint64_t vmcall(uint64_t function, struct tdcall_registers *registers)
{
	registers->rcx = REGISTERS_STANDARD;
	registers->r10 = 0;
	registers->r11 = function;
	tdcall(TDG_VP_VMCALL, registers);
	return registers->rax ? registers->rax : registers->r10;
}

/* The second 4 GiB of virtual addresses: the first ones with the shared bit. */
static void map_shared_view(void)
{
	const uint64_t words = PAGE / 8;
	uint64_t *const tables = ram_page_tables, *const pdpt = tables + words;
	const uint64_t distance = (uintptr_t)ram_page_tables - (uintptr_t)page_tables;

	for (uint64_t i = 0; i < 2 * words; i++)
		tables[i] = page_tables[i];
	tables[0] += distance;
	for (uint64_t i = 0; i < 4; i++)
		pdpt[4 + i] = pdpt[i] + distance;
	for (uint64_t i = 0; i < 4 * words; i++)
		tables[2 * words + i] = page_directories[i] | platform.address_bit;
	write_cr3((uintptr_t)ram_page_tables);
}

void tdx_init(void)
{
	struct tdcall_registers registers = {0};

	tdcall(TDG_VP_INFO, &registers);
	/* The highest bit of an address, whose width is in 5:0. */
	platform.address_bit = 1ull << ((registers.rcx & 0x3f) - 1);
	map_shared_view();
	*record_word(RECORD_PLATFORM) = TECH_TDX << PLATFORM_TECH_BIT;
	*record_word(RECORD_CR3) = (uint32_t)(uintptr_t)ram_page_tables;
}

int64_t tdx_map_gpa(uint64_t gpa, uint64_t pages, bool private)
{
	const uint64_t bit = private ? 0 : platform.address_bit;
	uint64_t next = gpa | bit, end = next + pages * PAGE, status;

	do {
		struct tdcall_registers registers = {.r12 = next, .r13 = end - next};

		status = vmcall(VMCALL_MAP_GPA, &registers);
		if (status == VMCALL_RETRY) {
			/* It must come forward, or it would go on for ever. */
			if (registers.r11 < next || registers.r11 >= end)
				return -1;
			next = registers.r11;
		}
	} while (status == VMCALL_RETRY);
	return status ? -1 : 0;
}

static bool accept(uint64_t gpa, bool large)
{
	struct tdcall_registers registers = {.rcx = gpa | (large ? ACCEPT_2MIB : 0)};

	tdcall(TDG_MEM_PAGE_ACCEPT, &registers);
	return registers.rax == 0;
}

int64_t tdx_accept(uint64_t gpa, uint64_t pages)
{
	const uint64_t end = gpa + pages * PAGE;

	while (gpa < end) {
		const uint64_t large = LARGE_PAGES * PAGE;

		if (gpa % large == 0 && end - gpa >= large && accept(gpa, true)) {
			gpa += large;
			continue;
		}
		/* The VMM may map small pages; it does so for a large one as a whole. */
		const uint64_t stop = min(end, (gpa / large + 1) * large);

		for (; gpa < stop; gpa += PAGE)
			if (!accept(gpa, false))
				return -1;
	}
	return 0;
}

void tdx_report_fatal_error(const char *text)
{
	struct tdcall_registers registers = {
		.rcx = REGISTERS_ALL,
		.r11 = VMCALL_FATAL_ERROR,
	};
	/* The order of the text in registers */
	uint64_t *const places[] = {&registers.r14, &registers.r15, &registers.rbx, &registers.rdi,
				    &registers.rsi, &registers.r8,  &registers.r9,  &registers.rdx};

	for (uint32_t i = 0; text[i] && i < sizeof(places); i++)
		*places[i / 8] |= (uint64_t)(uint8_t)text[i] << i % 8 * 8;
	tdcall(TDG_VP_VMCALL, &registers);
}

static bool do_cpuid(struct exception_frame *frame)
{
	struct tdcall_registers registers = {.r12 = frame->rax & UINT32_MAX,
					     .r13 = frame->rcx & UINT32_MAX};

	if (vmcall(EXIT_CPUID, &registers))
		return false;
	frame->rax = registers.r12 & UINT32_MAX;
	frame->rbx = registers.r13 & UINT32_MAX;
	frame->rcx = registers.r14 & UINT32_MAX;
	frame->rdx = registers.r15 & UINT32_MAX;
	return true;
}

/* Exit qualification (Intel SDM volume 3, table "I/O instructions"); strings are not used here. */
static bool do_io(struct exception_frame *frame, uint64_t qualification)
{
	const uint64_t size = (qualification & 7) + 1;
	const bool in = qualification & 8, string = qualification & 0x10;
	const uint64_t mask = UINT64_MAX >> (64 - 8 * size);
	struct tdcall_registers registers = {
		.r12 = size,
		.r13 = !in,
		.r14 = qualification >> 16 & UINT16_MAX,
		.r15 = in ? 0 : frame->rax & mask,
	};

	if (string || vmcall(EXIT_IO, &registers))
		return false;
	if (in)
		frame->rax = (size == 4 ? 0 : frame->rax & ~mask) | (registers.r11 & mask);
	return true;
}

static bool do_msr(struct exception_frame *frame, bool write)
{
	struct tdcall_registers registers = {.r12 = frame->rcx & UINT32_MAX};

	if (write)
		registers.r13 = (frame->rax & UINT32_MAX) | frame->rdx << 32;
	if (vmcall(write ? EXIT_WRMSR : EXIT_RDMSR, &registers))
		return false;
	if (!write) {
		frame->rax = registers.r11 & UINT32_MAX;
		frame->rdx = registers.r11 >> 32;
	}
	return true;
}

static bool do_hlt(const struct exception_frame *frame)
{
	struct tdcall_registers registers = {.r12 = !(frame->rflags & RFLAGS_IF)};

	return vmcall(EXIT_HLT, &registers) == 0;
}

static bool handle(struct exception_frame *frame, uint64_t reason, uint64_t qualification)
{
	switch (reason) {
	case EXIT_CPUID:
		return do_cpuid(frame);
	case EXIT_HLT:
		return do_hlt(frame);
	case EXIT_IO:
		return do_io(frame, qualification);
	case EXIT_RDMSR:
		return do_msr(frame, false);
	case EXIT_WRMSR:
		return do_msr(frame, true);
	default:
		return false;
	}
}

/* #VE: what the module leaves to the guest, as #VC does for SEV-ES. */
void handle_ve(struct exception_frame *frame)
{
	struct tdcall_registers info = {0};

	tdcall(TDG_VP_VEINFO_GET, &info);
	if (info.rax == 0 && handle(frame, info.rcx & UINT32_MAX, info.rdx)) {
		frame->rip += info.r10 & UINT32_MAX; /* the instruction's length */
		return;
	}
	for (;;)
		tdx_report_fatal_error("tinyfw: a #VE that it has no answer to");
}
