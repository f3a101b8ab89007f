/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * KVM_RUN: who is let in, in which order (kvm_arch_vcpu_ioctl_run()), what is completed, and the
 * cycle of events, guest code and exits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sim/knobs.h"
#include "sim/msrs.h"
#include "sim/run.h"
#include "sim/vm_config.h"

/* MSRs that the CPU has a copy of, and that KVM_SET_MSRS may change meanwhile. */
static const uint32_t shared_msrs[SIM_RUN_MSRS] = {
	SIM_MSR_STAR,           0xc0000082, 0xc0000083, 0xc0000084,
	SIM_MSR_KERNEL_GS_BASE, 0x174,      0x175,      0x176,
};

int sim_run_create_vcpu(struct sim_vcpu *vcpu)
{
	vcpu->run_state = calloc(1, sizeof(*vcpu->run_state));
	if (!vcpu->run_state)
		return -ENOMEM;
	vcpu->run_state->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return vcpu->run_state->wake < 0 ? -ENOMEM : 0;
}

void sim_run_destroy_vcpu(struct sim_vcpu *vcpu)
{
	sim_cpu_free(vcpu->cpu);
	vcpu->cpu = NULL;
	if (vcpu->run_state && vcpu->run_state->wake >= 0)
		close(vcpu->run_state->wake);
	free(vcpu->run_state);
	vcpu->run_state = NULL;
}

/* --- registers: the vCPU's state and the CPU's */

static void load_msrs(struct sim_vcpu *vcpu)
{
	struct sim_run_state *state = vcpu->run_state;

	for (size_t i = 0; i < SIM_RUN_MSRS; i++) {
		uint64_t value = 0;
		bool valid;

		if (sim_msr_get(vcpu, shared_msrs[i], &value) || value == state->msrs[i])
			continue;
		sim_cpu_write_msr(vcpu->cpu, shared_msrs[i], value, &valid);
		state->msrs[i] = value;
	}
}

static void load_registers(struct sim_vcpu *vcpu, bool always)
{
	struct sim_run_state *state = vcpu->run_state;
	const struct sim_vcpu_state *from = vcpu->state;

	if (vcpu->own_registers)
		return;
	if (always || memcmp(&state->regs, &from->regs, sizeof(from->regs)) != 0 ||
	    memcmp(&state->sregs, &from->sregs, sizeof(from->sregs)) != 0) {
		if (from->sregs.cr8 != state->sregs.cr8)
			sim_apic_set_cr8(vcpu, from->sregs.cr8);
		sim_cpu_set(vcpu->cpu, &from->regs, &from->sregs);
	}
	load_msrs(vcpu);
}

static void store_registers(struct sim_vcpu *vcpu)
{
	struct sim_run_state *state = vcpu->run_state;
	struct sim_vcpu_state *to = vcpu->state;
	uint64_t kernel_gs = 0;

	if (vcpu->own_registers || !vcpu->cpu || !vcpu->ran)
		return;
	sim_cpu_get(vcpu->cpu, &to->regs, &to->sregs);
	to->sregs.cr8 = sim_apic_cr8(vcpu);
	state->regs = to->regs;
	state->sregs = to->sregs;
	/* SWAPGS is the engine's. */
	if (sim_cpu_read_msr(vcpu->cpu, SIM_MSR_KERNEL_GS_BASE, &kernel_gs) &&
	    kernel_gs != state->msrs[4]) {
		sim_msr_set(vcpu, SIM_MSR_KERNEL_GS_BASE, kernel_gs);
		state->msrs[4] = kernel_gs;
	}
}

/* --- INIT, SIPI */

static void init(struct sim_vcpu *vcpu)
{
	const bool boot = vcpu->id == vcpu->vm->boot_vcpu_id;

	vcpu->run_state->init_pending = false;
	if (!(vcpu->vm->tech->init && vcpu->vm->tech->init(vcpu))) {
		sim_vcpu_power_on(vcpu);
		if (vcpu->ran)
			load_registers(vcpu, true);
	}
	vcpu->state->mp_state.mp_state = boot ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_INIT_RECEIVED;
}

static void startup(struct sim_vcpu *vcpu)
{
	const uint8_t vector = vcpu->run_state->sipi_vector;

	vcpu->run_state->sipi_pending = false;
	if (!(vcpu->vm->tech->sipi && vcpu->vm->tech->sipi(vcpu, vector))) {
		vcpu->state->sregs.cs.selector = (uint16_t)(vector << 8);
		vcpu->state->sregs.cs.base = (uint64_t)vector << 12;
		vcpu->state->regs.rip = 0;
		if (vcpu->ran)
			load_registers(vcpu, true);
	}
	vcpu->state->mp_state.mp_state = KVM_MP_STATE_RUNNABLE;
}

/* kvm_apic_accept_events(). A SIPI counts only for one that waits for it. */
static void accept_events(struct sim_vcpu *vcpu)
{
	struct sim_run_state *state = vcpu->run_state;
	const struct kvm_mp_state *mp = &vcpu->state->mp_state;

	if (!sim_vcpu_has_lapic(vcpu))
		return;
	if (vcpu->vm->tech->drops_init)
		state->init_pending = state->sipi_pending = false;
	if (state->init_pending)
		init(vcpu);
	if (state->sipi_pending && (mp->mp_state == KVM_MP_STATE_INIT_RECEIVED ||
				    mp->mp_state == KVM_MP_STATE_AP_RESET_HOLD))
		startup(vcpu);
	state->sipi_pending = false;
}

/* --- interrupts */

static bool has_interrupt(const struct sim_vcpu *vcpu)
{
	const struct sim_vcpu_state *state = vcpu->state;

	return state->events.nmi.pending || state->events.interrupt.injected ||
	       state->external_vector >= 0 ||
	       (sim_vcpu_has_lapic(vcpu) && sim_apic_pending(vcpu) >= 0);
}

/* One event at a time; the next when the guest takes interrupts again. */
static void inject(struct sim_vcpu *vcpu)
{
	struct kvm_vcpu_events *events = &vcpu->state->events;
	int vector;

	if (sim_vcpu_has_lapic(vcpu))
		sim_apic_timer(vcpu);
	if (events->nmi.pending && !sim_cpu_has_event(vcpu->cpu)) {
		events->nmi.pending = 0;
		sim_cpu_interrupt(vcpu->cpu, SIM_VECTOR_NMI);
		return;
	}
	if (events->interrupt.injected && !sim_cpu_has_event(vcpu->cpu)) {
		events->interrupt.injected = 0;
		sim_cpu_interrupt(vcpu->cpu, events->interrupt.nr);
		return;
	}
	if (!sim_cpu_takes_interrupts(vcpu->cpu))
		return;
	if (vcpu->state->external_vector >= 0) {
		sim_cpu_interrupt(vcpu->cpu, (uint32_t)vcpu->state->external_vector);
		vcpu->state->external_vector = -1;
		return;
	}
	vector = sim_vcpu_has_lapic(vcpu) ? sim_apic_pending(vcpu) : -1;
	if (vector < 0)
		return;
	sim_apic_take(vcpu, (uint8_t)vector);
	sim_cpu_interrupt(vcpu->cpu, (uint32_t)vector);
}

/* --- the cycle */

static bool is_runnable(const struct sim_vcpu *vcpu)
{
	return vcpu->state->mp_state.mp_state == KVM_MP_STATE_RUNNABLE;
}

static bool wakes_up(struct sim_vcpu *vcpu)
{
	if (vcpu->state->mp_state.mp_state != KVM_MP_STATE_HALTED)
		return false;
	sim_apic_timer(vcpu);
	return vcpu->state->events.nmi.pending || vcpu->state->external_vector >= 0 ||
	       vcpu->state->events.interrupt.injected || sim_apic_pending(vcpu) >= 0;
}

/* 0: runnable. -EINTR. */
static int block(struct sim_vcpu *vcpu)
{
	while (!is_runnable(vcpu)) {
		int r;

		if (vcpu->vm->dead)
			return -EIO;
		sim_irqfd_poll(vcpu->vm, sim_run_deliver);
		accept_events(vcpu);
		if (wakes_up(vcpu))
			vcpu->state->mp_state.mp_state = KVM_MP_STATE_RUNNABLE;
		if (is_runnable(vcpu))
			break;
		r = sim_run_wait(vcpu);
		if (r) {
			vcpu->run->exit_reason = KVM_EXIT_INTR;
			return r;
		}
	}
	return 0;
}

static int memory_exit(struct sim_vcpu *vcpu, const struct sim_cpu_stop *stop)
{
	if (stop->memory.backing == SIM_BACKING_MEMORY_FAULT) {
		sim_memory_fault(vcpu, stop->gpa,
				 stop->memory.flags & UAPI_MEMORY_EXIT_FLAG_PRIVATE);
		return stop->memory.error ? stop->memory.error : -EFAULT;
	}
	return vcpu->vm->dead ? -EIO : stop->memory.error;
}

/* AMD's KVM does an INIT before user space hears of it (shutdown_interception()); not with
 * protected registers. */
static int shut_down(struct sim_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	if (vcpu->vm->tech->shut_down)
		vcpu->vm->tech->shut_down(vcpu);
	if (!vcpu->own_registers && sim_offers_sev(vcpu->vm->sim)) {
		sim_vcpu_power_on(vcpu);
		load_registers(vcpu, true);
	}
	return 0;
}

/* SIM_RUN_ON, or what KVM_RUN returns. */
static int attend(struct sim_vcpu *vcpu)
{
	if (sim_run_interrupted(vcpu)) {
		vcpu->run->exit_reason = KVM_EXIT_INTR;
		return -EINTR;
	}
	sim_run_yield(vcpu);
	return SIM_RUN_ON;
}

static int serve(struct sim_vcpu *vcpu, const struct sim_cpu_stop *stop)
{
	switch (stop->reason) {
	case SIM_STOP_INSTRUCTION:
		return sim_run_instruction(vcpu);
	case SIM_STOP_MMIO:
		return sim_run_mmio(vcpu, stop);
	case SIM_STOP_MEMORY:
		return memory_exit(vcpu, stop);
	case SIM_STOP_TRIPLE_FAULT:
		return shut_down(vcpu);
	case SIM_STOP_ATTENTION:
		return attend(vcpu);
	case SIM_STOP_UNKNOWN:
		break;
	}
	return sim_run_unknown(vcpu);
}

static bool wants_to_know(const struct sim_vcpu *vcpu)
{
	return vcpu->run->request_interrupt_window && vcpu->vm->irqchip != SIM_IRQCHIP_FULL;
}

static bool wants_window(struct sim_vcpu *vcpu)
{
	return wants_to_know(vcpu) && vcpu->state->external_vector < 0 &&
	       !vcpu->state->events.interrupt.injected && sim_cpu_takes_interrupts(vcpu->cpu);
}

/* One round: SIM_RUN_ON, or what KVM_RUN returns. */
static int round_of(struct sim_vcpu *vcpu)
{
	struct sim_cpu_stop stop;
	int r = block(vcpu);

	if (r)
		return r;
	sim_irqfd_poll(vcpu->vm, sim_run_deliver);
	accept_events(vcpu);
	if (!is_runnable(vcpu))
		return SIM_RUN_ON;
	if (wants_window(vcpu)) {
		vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
		return 0;
	}
	inject(vcpu);
	sim_cpu_watch_window(vcpu->cpu, has_interrupt(vcpu) || wants_to_know(vcpu));
	r = vcpu->vm->tech->enter ? vcpu->vm->tech->enter(vcpu) : 0;
	if (r)
		return r < 0 ? r : 0;
	sim_cpu_execute(vcpu->cpu, &stop);
	if (vcpu->vm->dead)
		return -EIO;
	r = serve(vcpu, &stop);
	if (r == SIM_RUN_HALT) {
		if (vcpu->state->mp_state.mp_state == KVM_MP_STATE_RUNNABLE)
			vcpu->state->mp_state.mp_state = KVM_MP_STATE_HALTED;
		r = SIM_RUN_ON;
	}
	return r;
}

/* --- who is let in */

/* A vCPU that was never started: it waits for a SIPI, and KVM_RUN is to be called again. */
static int wait_for_startup(struct sim_vcpu *vcpu)
{
	struct sim_run_state *state = vcpu->run_state;

	/* Or another vCPU starts it (SNP's AP creation). */
	while (!state->init_pending && !state->sipi_pending && !is_runnable(vcpu)) {
		const int r = sim_run_wait(vcpu);

		if (r) {
			vcpu->run->exit_reason = KVM_EXIT_INTR;
			return r;
		}
		if (vcpu->vm->dead)
			return -EIO;
	}
	accept_events(vcpu);
	return -EAGAIN;
}

static int check_sync_registers(const struct sim_vcpu *vcpu)
{
	const uint64_t allowed = vcpu->vm->tech->protected_state ? 0 : KVM_SYNC_X86_VALID_FIELDS;

	return (vcpu->run->kvm_valid_regs | vcpu->run->kvm_dirty_regs) & ~allowed ? -EINVAL : 0;
}

static int complete(struct sim_vcpu *vcpu)
{
	int (*function)(struct sim_vcpu *) = vcpu->complete;

	vcpu->complete = NULL;
	return function ? function(vcpu) : 0;
}

static int first_entry(struct sim_vcpu *vcpu)
{
	int r = vcpu->cpu ? 0 : sim_cpu_new(vcpu, &vcpu->cpu);

	if (r)
		return r;
	if (vcpu->vm->tech->first_entry)
		r = vcpu->vm->tech->first_entry(vcpu);
	if (r)
		return r;
	load_registers(vcpu, true);
	vcpu->ran = true;
	return 0;
}

/* What a completed exit needs of the CPU are the registers that user space may have changed
 * meanwhile. */
static int enter(struct sim_vcpu *vcpu)
{
	int r;

	if (vcpu->ran)
		load_registers(vcpu, false);
	r = complete(vcpu);
	if (r)
		return r;
	if (sim_run_interrupted(vcpu))
		return -EINTR;
	r = vcpu->vm->tech->check_run ? vcpu->vm->tech->check_run(vcpu) : 0;
	if (!r && !vcpu->ran)
		r = first_entry(vcpu);
	return r;
}

static void describe(struct sim_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	store_registers(vcpu);
	if (vcpu->cpu && vcpu->ran && !vcpu->own_registers) {
		run->if_flag = (vcpu->state->regs.rflags & 1u << 9) != 0;
		run->ready_for_interrupt_injection = vcpu->vm->irqchip != SIM_IRQCHIP_FULL &&
						     sim_cpu_takes_interrupts(vcpu->cpu) &&
						     !has_interrupt(vcpu);
	}
	run->cr8 = sim_apic_cr8(vcpu);
	run->apic_base = vcpu->state->sregs.apic_base;
}

static int run(struct sim_vcpu *vcpu)
{
	int r;

	if (vcpu->state->mp_state.mp_state == KVM_MP_STATE_UNINITIALIZED) {
		if (sim_run_interrupted(vcpu))
			return -EINTR;
		return wait_for_startup(vcpu);
	}
	r = check_sync_registers(vcpu);
	if (!r)
		r = enter(vcpu);
	if (r)
		return r == 1 ? 0 : r;
	vcpu->run->exit_reason = KVM_EXIT_UNKNOWN;
	do
		r = round_of(vcpu);
	while (r == SIM_RUN_ON);
	return r;
}

int sim_vcpu_run(struct sim_vcpu *vcpu)
{
	struct sim_vm *vm = vcpu->vm;
	int r;

	vcpu->in_run = true;
	vm->in_run++;
	r = run(vcpu);
	describe(vcpu);
	sim_run_yield(vcpu);
	vcpu->in_run = false;
	vm->in_run--;
	pthread_cond_broadcast(&vm->idle);
	return r;
}
