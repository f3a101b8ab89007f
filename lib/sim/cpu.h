/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * An x86 CPU that executes guest code (libunicorn): registers, memory views,
 * exceptions. It knows neither KVM nor technologies: those are run.c and struct sim_tech. Its
 * public functions are called with the VM's turn held (see sim.h), from the vCPU's own thread.
 */
#ifndef COCO_SIM_CPU_H
#define COCO_SIM_CPU_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

struct sim_cpu;
struct sim_vcpu;

enum sim_gpr {
	SIM_RAX, SIM_RCX, SIM_RDX, SIM_RBX, SIM_RSP, SIM_RBP, SIM_RSI, SIM_RDI,
	SIM_R8, SIM_R9, SIM_R10, SIM_R11, SIM_R12, SIM_R13, SIM_R14, SIM_R15,
};

int sim_cpu_new(struct sim_vcpu *vcpu, struct sim_cpu **out);
void sim_cpu_free(struct sim_cpu *cpu);

/* Architectural state as KVM's structs have it. Real, protected and long mode. */
void sim_cpu_set(struct sim_cpu *cpu, const struct kvm_regs *regs, const struct kvm_sregs *sregs);
void sim_cpu_get(struct sim_cpu *cpu, struct kvm_regs *regs, struct kvm_sregs *sregs);
uint64_t sim_cpu_gpr(struct sim_cpu *cpu, enum sim_gpr gpr);
void sim_cpu_set_gpr(struct sim_cpu *cpu, enum sim_gpr gpr, uint64_t value);
uint64_t sim_cpu_rip(struct sim_cpu *cpu);
void sim_cpu_set_rip(struct sim_cpu *cpu, uint64_t rip);
uint64_t sim_cpu_rflags(struct sim_cpu *cpu);
void sim_cpu_set_rflags(struct sim_cpu *cpu, uint64_t rflags);

/* An exception that is delivered through the guest's IDT before the next instruction. */
void sim_cpu_raise(struct sim_cpu *cpu, uint32_t vector, uint64_t error_code);

/* Walks the guest's page tables: the guest physical address without, and `*bit` with the address bit. */
int sim_cpu_translate(struct sim_cpu *cpu, uint64_t linear, uint64_t *gpa, bool *bit);

#endif
