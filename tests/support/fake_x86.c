/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A processor for loaders: 64-bit mode, the few instructions that copy memory and report, page
 * tables walked through the VM's slots, and a translation cache that forgets only when
 * it is told to. Anything else is an internal error, as in KVM's emulator.
 */
#include "fake_internal.h"

#include "kvm/uapi.h"

#include <errno.h>
#include <string.h>

#define CR0_PG     0x80000000ull
#define EFER_LMA   0x400ull
#define PTE_P      0x1ull
#define PTE_W      0x2ull
#define PTE_LARGE  0x80ull
#define PTE_FRAME  0x000ffffffffff000ull
#define DIRECTION  0x400ull
#define MOST_STEPS 4096

enum outcome {
	GO_ON,
	EXIT_OK = -1000,   /* the exit is in kvm_run */
	PAGE_FAULT = -1001 /* nothing handles one: the VM shuts down */
};

struct processor {
	struct fake_vm *vm;
	struct fake_vcpu *vcpu;
	struct kvm_run *run;
};

static int mmio(const struct processor *cpu, uint64_t gpa)
{
	cpu->run->exit_reason = KVM_EXIT_MMIO;
	cpu->run->mmio.phys_addr = gpa;
	return EXIT_OK;
}

/* Finds guest physical memory, or makes the exit that KVM makes instead. */
static int find_physical(const struct processor *cpu, uint64_t gpa, size_t size, uint8_t **out,
			 size_t *length)
{
	bool private_access;
	int rc = slots_find(cpu->vm, gpa, size, out, length, &private_access);

	if (rc == -ENOENT)
		return mmio(cpu, gpa);
	if (rc == -EFAULT)
		return fake_exit_memory_fault(cpu->run, gpa & ~4095ull, 4096, private_access);
	return rc;
}

static int read_entry(const struct processor *cpu, uint64_t gpa, uint64_t *entry)
{
	uint8_t *at;
	size_t length;
	int rc = find_physical(cpu, gpa, sizeof(*entry), &at, &length);

	if (rc == 0)
		memcpy(entry, at, sizeof(*entry));
	return rc;
}

static int walk(const struct processor *cpu, uint64_t address, bool write, uint64_t *out)
{
	uint64_t table = cpu->vcpu->state.sregs.cr3 & PTE_FRAME;

	for (unsigned shift = 39; shift >= 12; shift -= 9) {
		uint64_t entry, offset = (1ull << shift) - 1;
		int rc = read_entry(cpu, table + (address >> shift & 511) * 8, &entry);

		if (rc != 0)
			return rc;
		if ((entry & PTE_P) == 0 || (write && (entry & PTE_W) == 0))
			return PAGE_FAULT;
		if (shift == 12 || (shift < 39 && (entry & PTE_LARGE) != 0)) {
			*out = (entry & PTE_FRAME & ~offset) | (address & offset);
			return 0;
		}
		table = entry & PTE_FRAME;
	}
	return PAGE_FAULT;
}

static int translate(const struct processor *cpu, uint64_t address, bool write, uint64_t *out)
{
	struct fake_vcpu *vcpu = cpu->vcpu;
	uint64_t page = address & ~4095ull;
	int rc;

	if ((vcpu->state.sregs.cr0 & CR0_PG) == 0) {
		*out = address;
		return 0;
	}
	for (unsigned i = 0; i < vcpu->cached_count; i++)
		if (vcpu->cached[i].from == page) {
			*out = vcpu->cached[i].to + (address - page);
			return 0;
		}
	rc = walk(cpu, address, write, out);
	if (rc == 0 && vcpu->cached_count < FAKE_TRANSLATIONS) {
		vcpu->cached[vcpu->cached_count].from = page;
		vcpu->cached[vcpu->cached_count++].to = *out - (address - page);
	}
	return rc;
}

/* Bytes at a guest virtual address, up to the end of its page. */
static int find_virtual(const struct processor *cpu, uint64_t address, size_t size, bool write,
			uint8_t **out, size_t *length)
{
	uint64_t gpa;
	int rc = translate(cpu, address, write, &gpa);

	return rc != 0 ? rc : find_physical(cpu, gpa, size, out, length);
}

static int fetch(const struct processor *cpu, uint8_t *code, size_t size)
{
	uint64_t at = cpu->vcpu->state.regs.rip;

	while (size > 0) {
		uint8_t *bytes;
		size_t length;
		int rc = find_virtual(cpu, at, size, false, &bytes, &length);

		if (rc != 0)
			return rc;
		memcpy(code, bytes, length);
		code += length;
		at += length;
		size -= length;
	}
	return 0;
}

static int internal_error(const struct processor *cpu, const uint8_t *code)
{
	cpu->run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	cpu->run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
	cpu->run->internal.ndata = 1;
	memcpy(&cpu->run->internal.data[0], code, 8);
	return EXIT_OK;
}

/* REP MOVS of `unit` bytes, forward. Progress is kept over an exit, as on hardware. */
static int rep_movs(const struct processor *cpu, unsigned unit)
{
	struct kvm_regs *regs = &cpu->vcpu->state.regs;

	if ((regs->rflags & DIRECTION) != 0)
		return internal_error(cpu, (const uint8_t *)"rep movs");
	while (regs->rcx > 0) {
		uint8_t *from, *to;
		size_t from_length, to_length, length = 4096;
		int rc;

		if (regs->rcx < length / unit)
			length = regs->rcx * unit;
		rc = find_virtual(cpu, regs->rsi, length, false, &from, &from_length);
		if (rc == 0)
			rc = find_virtual(cpu, regs->rdi, length, true, &to, &to_length);
		if (rc != 0)
			return rc;
		length = from_length < to_length ? from_length : to_length;
		memmove(to, from, length);
		regs->rsi += length;
		regs->rdi += length;
		regs->rcx -= length / unit;
	}
	return 0;
}

static int out_byte(const struct processor *cpu, uint8_t port, unsigned length)
{
	cpu->vcpu->pending = FAKE_IO;
	cpu->vcpu->pending_length = length;
	(void)fake_exit_out(cpu->run, port, (uint8_t)cpu->vcpu->state.regs.rax);
	return EXIT_OK;
}

static bool starts(const uint8_t *code, const char *bytes, size_t count)
{
	return memcmp(code, bytes, count) == 0;
}

/* Executes one instruction; *length is how far RIP goes if it says GO_ON. */
static int step(const struct processor *cpu, const uint8_t *code, unsigned *length)
{
	struct fake_vcpu_state *state = &cpu->vcpu->state;

	if (starts(code, "\x0f\x20\xd8", 3)) { /* mov %cr3, %rax */
		*length = 3;
		state->regs.rax = state->sregs.cr3;
		return GO_ON;
	}
	if (starts(code, "\x0f\x22\xd8", 3)) { /* mov %rax, %cr3 */
		*length = 3;
		state->sregs.cr3 = state->regs.rax;
		cpu->vcpu->cached_count = 0;
		return GO_ON;
	}
	if (code[0] == 0xfc) { /* cld */
		*length = 1;
		state->regs.rflags &= ~DIRECTION;
		return GO_ON;
	}
	if (starts(code, "\xf3\x48\xa5", 3)) {
		*length = 3;
		return rep_movs(cpu, 8);
	}
	if (starts(code, "\xf3\xa5", 2)) {
		*length = 2;
		return rep_movs(cpu, 4);
	}
	if (starts(code, "\xf3\xa4", 2)) {
		*length = 2;
		return rep_movs(cpu, 1);
	}
	if (code[0] == 0xe6) /* out %al, $port */
		return out_byte(cpu, code[1], 2);
	if (code[0] == 0xf4) { /* hlt: past it already when it exits */
		state->regs.rip++;
		(void)fake_exit_hlt(cpu->run);
		return EXIT_OK;
	}
	return internal_error(cpu, code);
}

static int shut_down(const struct processor *cpu)
{
	cpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return 0;
}

int fake_x86_execute(struct fake_vm *vm, struct fake_vcpu *vcpu, struct kvm_run *run)
{
	const struct processor cpu = {vm, vcpu, run};
	const struct kvm_sregs *sregs = &vcpu->state.sregs;
	int rc = GO_ON;

	if ((sregs->cr0 & CR0_PG) != 0 && ((sregs->efer & EFER_LMA) == 0 || sregs->cs.l == 0))
		rc = internal_error(&cpu, (const uint8_t *)"no long mode");
	for (unsigned steps = 0; rc == GO_ON; steps++) {
		uint8_t code[8];
		unsigned length = 0;

		rc = fetch(&cpu, code, sizeof(code));
		if (rc == 0)
			rc = step(&cpu, code, &length);
		if (rc == GO_ON)
			vcpu->state.regs.rip += length;
		if (rc == GO_ON && steps == MOST_STEPS)
			rc = internal_error(&cpu, (const uint8_t *)"no end in sight");
	}
	if (rc == PAGE_FAULT)
		return shut_down(&cpu);
	return rc == EXIT_OK ? 0 : rc;
}
