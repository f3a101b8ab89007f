/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of KVM_RUN share: run.c, run_exits.c, run_apic.c, run_wait.c; and what the CPU
 * asks of them. */
#ifndef COCO_SIM_RUN_H
#define COCO_SIM_RUN_H

#include "sim/cpu.h"
#include "sim/vcpu_state.h"

#define SIM_RUN_MSRS 8

/* What KVM_RUN keeps of a vCPU between and beyond its calls. */
struct sim_run_state {
	/* An eventfd that a vCPU that waits looks at. It is there from the first: how many
	 * descriptors a VM takes does not hang on what its guest does. */
	int wake;

	/* for the local APIC */
	bool init_pending, sipi_pending, nmi_pending;
	uint8_t sipi_vector;
	uint64_t timer_at;     /* CLOCK_MONOTONIC, nanoseconds; 0: not armed */
	uint64_t timer_period; /* 0: once */

	/* What the CPU was given last, to see what user space has changed since. */
	struct kvm_regs regs;
	struct kvm_sregs2 sregs;
	uint64_t msrs[SIM_RUN_MSRS];
};

/* --- for the CPU */

/* Guest code is about to execute: gives up the lock. */
void sim_run_enter_guest(struct sim_vcpu *vcpu);
/* Takes the lock again. */
void sim_run_leave_guest(struct sim_vcpu *vcpu);
/* immediate_exit is set. */
bool sim_run_interrupted(const struct sim_vcpu *vcpu);
/* Asked before each instruction: the same, or another thread changes memory. */
bool sim_run_wanted(const struct sim_vcpu *vcpu);
/* Asked now and then: whether another vCPU waits for its turn, or a timer ran out. */
bool sim_run_expired(const struct sim_vcpu *vcpu);

/* --- run_exits.c */

/* What is left to do after a stop: SIM_RUN_ON, SIM_RUN_HALT, or what KVM_RUN returns (0, -errno).
 */
enum { SIM_RUN_ON = 1, SIM_RUN_HALT = 2 };

int sim_run_instruction(struct sim_vcpu *vcpu);
int sim_run_mmio(struct sim_vcpu *vcpu, const struct sim_cpu_stop *stop);
int sim_run_unknown(struct sim_vcpu *vcpu);

/* --- run_apic.c */

/* APIC registers as x2APIC's MSRs and as the APIC page: false: #GP. */
bool sim_apic_read_msr(struct sim_vcpu *vcpu, uint32_t index, uint64_t *value);
bool sim_apic_write_msr(struct sim_vcpu *vcpu, uint32_t index, uint64_t value);
bool sim_apic_in_page(const struct sim_vcpu *vcpu, uint64_t gpa);
uint32_t sim_apic_read(struct sim_vcpu *vcpu, uint32_t offset);
void sim_apic_write(struct sim_vcpu *vcpu, uint32_t offset, uint32_t value);
/* The interrupt that the vCPU would take now, -1: none. Taking it moves it into service. */
int sim_apic_pending(const struct sim_vcpu *vcpu);
void sim_apic_take(struct sim_vcpu *vcpu, uint8_t vector);
/* Fires the timer if it is time. Returns nanoseconds until then, UINT64_MAX: it is not armed. */
uint64_t sim_apic_timer(struct sim_vcpu *vcpu);
/* TSC_DEADLINE was written. */
void sim_apic_set_deadline(struct sim_vcpu *vcpu, uint64_t deadline);
/* MOV to CR8 and the TPR are one. */
void sim_apic_set_cr8(struct sim_vcpu *vcpu, uint64_t cr8);
uint64_t sim_apic_cr8(const struct sim_vcpu *vcpu);

/* --- run_wait.c */

uint64_t sim_now(void); /* CLOCK_MONOTONIC, nanoseconds */
/*
 * Waits until the vCPU was woken up, a signal came or it is wanted. 0, or -EINTR. The lock is given
 * up meanwhile.
 */
int sim_run_wait(struct sim_vcpu *vcpu);
/* Others may have their turn. */
void sim_run_yield(struct sim_vcpu *vcpu);
/* Any thread, with the lock: something has come up for the vCPU. */
void sim_run_wake(struct sim_vcpu *vcpu);

#endif
