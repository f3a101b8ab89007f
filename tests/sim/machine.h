/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A small machine on the simulator that executes the programs in guests.S. */
#ifndef MACHINE_H
#define MACHINE_H

#include "bench.h"

#include <stdbool.h>
#include <string.h>

#define MACHINE_VCPUS 4u

/* Where programs and their tables are. RAM is MEMORY_SIZE from 0. */
#define CODE_AT   0x1000ull
#define STACK_TOP 0x8000ull
#define GDT_AT    0x9000ull
#define IDT_AT    0xa000ull
#define TSS_AT    0xb000ull
#define DATA_AT   0x10000ull
#define TABLES_AT 0x100000ull /* page tables, 4 of them */
#define HIGH_AT   0x200000ull /* mapped by the second 2 MiB page */
#define DEVICE_AT 0xd0000000ull

/* Ports that programs talk by. */
#define PORT_RESULT 0xf0
#define PORT_INPUT  0xf1

/* The long-mode GDT's selectors. */
#define SELECTOR_CODE64 0x08
#define SELECTOR_DATA   0x10
#define SELECTOR_CODE32 0x18
#define SELECTOR_TSS    0x20

struct program {
	const uint8_t *begin, *end;
};

#define PROGRAM(name)                                                                              \
	extern const uint8_t guest_##name[], guest_##name##_end[];                                 \
	static const struct program name = {guest_##name, guest_##name##_end}

enum mode { REAL, PROTECTED, PAGED32, PAE, LONG };

struct machine {
	struct bench bench;
	uint32_t vcpus;
	int vcpu[MACHINE_VCPUS];
	struct kvm_run *run[MACHINE_VCPUS];
	uint64_t *tables; /* in guest memory */
};

enum irqchip { NO_IRQCHIP, SPLIT_IRQCHIP, FULL_IRQCHIP };

void machine_open(struct machine *machine, enum irqchip irqchip, uint32_t vcpus);
void machine_close(struct machine *machine);

/* The program at CODE_AT, and vCPU 0 at its beginning in that mode. */
void machine_load(struct machine *machine, const struct program *program, enum mode mode);

/* A gate of the long mode IDT to an address in the program. */
void machine_gate(struct machine *machine, uint8_t vector, uint64_t offset);

struct kvm_regs machine_regs(struct machine *machine, uint32_t vcpu);
void machine_set_regs(struct machine *machine, uint32_t vcpu, const struct kvm_regs *regs);
struct kvm_sregs machine_sregs(struct machine *machine, uint32_t vcpu);
void machine_set_sregs(struct machine *machine, uint32_t vcpu, const struct kvm_sregs *sregs);

/* KVM_RUN: 0 or -errno. */
int machine_run(struct machine *machine, uint32_t vcpu);
/* Runs to the next exit, which must be that one. */
void machine_expect_exit(struct machine *machine, uint32_t vcpu, uint32_t reason);
/* Runs to the next OUT to PORT_RESULT, 4 bytes, and returns the value. */
uint32_t machine_result(struct machine *machine, uint32_t vcpu);
#define expect_result(machine, value)                                                              \
	ck_assert_uint_eq(machine_result(machine, 0), (uint32_t)(value))

#endif
