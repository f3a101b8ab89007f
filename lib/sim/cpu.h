/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * An x86 CPU that executes guest code (libunicorn): registers, address translation, exceptions,
 * and the instructions that leave the guest. It knows neither KVM nor technologies: those are
 * run.c and struct sim_tech. Everything here is called with the platform's lock held; it is given
 * up while guest code executes.
 *
 * Translation is ours and not the engine's, so that the address bit (C-bit, shared GPA bit) may be
 * any, and each page that the guest touches is asked for with sim_tech's find_memory().
 */
#ifndef COCO_SIM_CPU_H
#define COCO_SIM_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sim.h"

enum sim_gpr {
	SIM_RAX,
	SIM_RCX,
	SIM_RDX,
	SIM_RBX,
	SIM_RSP,
	SIM_RBP,
	SIM_RSI,
	SIM_RDI,
	SIM_R8,
	SIM_R9,
	SIM_R10,
	SIM_R11,
	SIM_R12,
	SIM_R13,
	SIM_R14,
	SIM_R15,
};

enum sim_vector {
	SIM_VECTOR_DE = 0,
	SIM_VECTOR_DB = 1,
	SIM_VECTOR_NMI = 2,
	SIM_VECTOR_BP = 3,
	SIM_VECTOR_OF = 4,
	SIM_VECTOR_UD = 6,
	SIM_VECTOR_DF = 8,
	SIM_VECTOR_TS = 10,
	SIM_VECTOR_NP = 11,
	SIM_VECTOR_SS = 12,
	SIM_VECTOR_GP = 13,
	SIM_VECTOR_PF = 14,
	SIM_VECTOR_AC = 17,
	SIM_VECTOR_VE = 20,
	SIM_VECTOR_VC = 29,
};

/* An instruction that the CPU leaves to others. It has not been executed: RIP is at it. */
struct sim_insn {
	enum sim_instruction kind;
	uint8_t length;
	uint8_t size;         /* of one item of IN, OUT: 1, 2, 4 */
	bool string;          /* INS, OUTS */
	bool repeat;          /* with a REP prefix */
	uint8_t segment;      /* of OUTS's source: enum sim_segment */
	uint8_t address_size; /* 2, 4, 8 */
	uint16_t port;        /* as the instruction or DX says */
};

/* As the engine, and x86 encodings, number them. */
enum sim_segment { SIM_ES, SIM_CS, SIM_SS, SIM_DS, SIM_FS, SIM_GS };

enum sim_stop {
	SIM_STOP_INSTRUCTION,  /* sim_cpu_insn() */
	SIM_STOP_MMIO,         /* there is no memory at `gpa`: sim_cpu_mmio_done(), and on */
	SIM_STOP_MEMORY,       /* find_memory() had another answer than memory: `memory` */
	SIM_STOP_TRIPLE_FAULT, /* SHUTDOWN */
	SIM_STOP_ATTENTION,    /* sim_cpu_kick(), or something that run.c asked to look at */
	SIM_STOP_UNKNOWN,      /* what this CPU cannot do: KVM_INTERNAL_ERROR_EMULATION */
};

struct sim_cpu_stop {
	enum sim_stop reason;
	enum sim_access access;
	uint64_t gpa;  /* without the address bit */
	bool private;  /* as find_memory() was asked */
	uint32_t size; /* MMIO: bytes of the access, up to 8 */
	uint64_t data; /* MMIO write: the bytes, little-endian */
	struct sim_memory memory;
};

int sim_cpu_new(struct sim_vcpu *vcpu, struct sim_cpu **out);
void sim_cpu_free(struct sim_cpu *cpu);

/*
 * Executes guest code until something comes up. May be called again at once: a stop has no side
 * effects but those that its reason names.
 */
void sim_cpu_execute(struct sim_cpu *cpu, struct sim_cpu_stop *stop);
/* Makes sim_cpu_execute() return SIM_STOP_ATTENTION, now or as soon as it is called. Any thread. */
void sim_cpu_kick(struct sim_cpu *cpu);

/* The instruction of the last SIM_STOP_INSTRUCTION. */
const struct sim_insn *sim_cpu_insn(const struct sim_cpu *cpu);
/* RIP goes to the instruction after it, and an interrupt shadow ends. */
void sim_cpu_skip(struct sim_cpu *cpu);

/* Serves the last SIM_STOP_MMIO: `data` is what a read gives; the instruction goes on with it. */
void sim_cpu_mmio_done(struct sim_cpu *cpu, uint64_t data);

/* Architectural state as KVM's structs have it. Real, protected and long mode. */
void sim_cpu_set(struct sim_cpu *cpu, const struct kvm_regs *regs, const struct kvm_sregs2 *sregs);
void sim_cpu_get(struct sim_cpu *cpu, struct kvm_regs *regs, struct kvm_sregs2 *sregs);
uint64_t sim_cpu_gpr(struct sim_cpu *cpu, enum sim_gpr gpr);
void sim_cpu_set_gpr(struct sim_cpu *cpu, enum sim_gpr gpr, uint64_t value);
uint64_t sim_cpu_rip(struct sim_cpu *cpu);
void sim_cpu_set_rip(struct sim_cpu *cpu, uint64_t rip);
uint64_t sim_cpu_rflags(struct sim_cpu *cpu);
void sim_cpu_set_rflags(struct sim_cpu *cpu, uint64_t rflags);
unsigned int sim_cpu_privilege(struct sim_cpu *cpu); /* CPL */
bool sim_cpu_is_64bit(struct sim_cpu *cpu);          /* 64-bit code segment in long mode */

/* MSRs that the CPU itself has (EFER, FS.base, STAR, ...): false: it is none of them. */
bool sim_cpu_read_msr(struct sim_cpu *cpu, uint32_t index, uint64_t *value);
/* As WRMSR does. *valid: the value is one that the MSR takes; else #GP. */
bool sim_cpu_write_msr(struct sim_cpu *cpu, uint32_t index, uint64_t value, bool *valid);

/*
 * An exception that is delivered through the guest's IDT before the next instruction; RIP is that
 * of the instruction that faulted. The last one counts.
 */
void sim_cpu_raise(struct sim_cpu *cpu, uint32_t vector, uint64_t error_code);
/* An external interrupt or NMI, delivered before the next instruction. */
void sim_cpu_interrupt(struct sim_cpu *cpu, uint32_t vector);
/* An exception or interrupt is on its way, or an instruction is half done. */
bool sim_cpu_has_event(const struct sim_cpu *cpu);
/* RFLAGS.IF is set, no interrupt shadow and no event is on its way. */
bool sim_cpu_takes_interrupts(struct sim_cpu *cpu);
/* Whether sim_cpu_execute() is to return as soon as the guest takes interrupts. */
void sim_cpu_watch_window(struct sim_cpu *cpu, bool watch);

/*
 * Walks the guest's page tables as for an instruction's operand, a supervisor's read: the guest
 * physical address without, and `*bit` with the address bit. 1: an exception was raised; -EFAULT:
 * the tables themselves are not to be had.
 */
int sim_cpu_translate(struct sim_cpu *cpu, uint64_t linear, uint64_t *gpa, bool *bit);
/* Linear address of an offset in a segment. */
uint64_t sim_cpu_linear(struct sim_cpu *cpu, enum sim_segment segment, uint64_t offset);
uint64_t sim_cpu_cr4(const struct sim_cpu *cpu);

enum sim_operand {
	SIM_OPERAND_DONE,
	SIM_OPERAND_EVENT,   /* an exception is pending */
	SIM_OPERAND_UNKNOWN, /* there is no memory */
};
/* Operands of instructions that others execute: with the guest's exceptions. */
enum sim_operand sim_cpu_operand(struct sim_cpu *cpu, uint64_t linear, void *bytes, size_t size,
				 bool write);
/* Guest memory by linear address, as a supervisor's access; -EFAULT if some of it is not memory. */
int sim_cpu_read(struct sim_cpu *cpu, uint64_t linear, void *to, size_t size);
int sim_cpu_write(struct sim_cpu *cpu, uint64_t linear, const void *from, size_t size);

#endif
