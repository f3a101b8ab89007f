/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The CPU's cycle: events, guest code, and what stopped it. */
#include "sim/cpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/cpu_internal.h"
#include "sim/run.h"

#define SCRATCH_SIZE (2 * (size_t)SIM_PAGE_SIZE)

int sim_cpu_new(struct sim_vcpu *vcpu, struct sim_cpu **out)
{
	struct sim_cpu *cpu = calloc(1, sizeof(*cpu));
	void *pages;
	int r;

	if (!cpu)
		return -ENOMEM;
	pages = mmap(NULL, SCRATCH_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	if (pages == MAP_FAILED) {
		free(cpu);
		return -ENOMEM;
	}
	cpu->vcpu = vcpu;
	cpu->shadow = ~0ull;
	cpu->passed = ~0ull;
	cpu->mmio.pages = pages;
	r = sim_engine_open(cpu);
	if (r) {
		sim_cpu_free(cpu);
		return r;
	}
	*out = cpu;
	return 0;
}

void sim_cpu_free(struct sim_cpu *cpu)
{
	if (!cpu)
		return;
	sim_engine_close(cpu);
	sim_blocks_free(&cpu->blocks);
	munmap(cpu->mmio.pages, SCRATCH_SIZE);
	free(cpu);
}

void sim_cpu_kick(struct sim_cpu *cpu)
{
	atomic_store(&cpu->attention, true);
}

const struct sim_insn *sim_cpu_insn(const struct sim_cpu *cpu)
{
	return &cpu->decoded.insn;
}

void sim_cpu_skip(struct sim_cpu *cpu)
{
	sim_cpu_set_rip(cpu, sim_cpu_rip(cpu) + cpu->decoded.insn.length);
	cpu->shadow = ~0ull;
}

/* --- operands where there is no memory */

static uint64_t page_of(uint64_t linear)
{
	return linear & ~(uint64_t)(SIM_PAGE_SIZE - 1);
}

/*
 * The instruction is executed once more, on pages of our own that hold what user space answered,
 * and take what it has been told already. So any instruction may have such an operand, not only
 * those that are known here.
 */
void sim_cpu_mmio_done(struct sim_cpu *cpu, uint64_t data)
{
	const uint64_t linear = cpu->mmio.stop_linear;

	if (cpu->mmio.stop.access == SIM_WRITE) {
		cpu->mmio.has_write = true;
		cpu->mmio.write_linear = page_of(linear);
		return;
	}
	memcpy(cpu->mmio.pages + linear % SIM_PAGE_SIZE, &data, cpu->mmio.stop.size);
	cpu->mmio.has_read = true;
	cpu->mmio.read_linear = page_of(linear);
}

static bool has_scratch(const struct sim_cpu *cpu)
{
	return cpu->mmio.has_read || cpu->mmio.has_write;
}

static void add_scratch(struct sim_cpu *cpu, uint64_t linear, uint8_t *page, uint32_t permissions)
{
	struct sim_view_run *present = sim_view_find(cpu, linear);

	if (present)
		sim_view_remove(cpu, present);
	sim_view_add(cpu, &(struct sim_view_run){linear, SIM_PAGE_SIZE, page, permissions});
}

static void show_scratch(struct sim_cpu *cpu)
{
	const bool same = cpu->mmio.has_read && cpu->mmio.has_write &&
			  cpu->mmio.read_linear == cpu->mmio.write_linear;
	const uint32_t both = 1u << SIM_READ | 1u << SIM_WRITE;

	if (cpu->mmio.has_read)
		add_scratch(cpu, cpu->mmio.read_linear, cpu->mmio.pages,
			    same ? both : 1u << SIM_READ);
	if (cpu->mmio.has_write && !same)
		add_scratch(cpu, cpu->mmio.write_linear, cpu->mmio.pages + SIM_PAGE_SIZE, both);
	cpu->mmio.active = true;
}

static void remove_at(struct sim_cpu *cpu, uint64_t linear)
{
	struct sim_view_run *run = sim_view_find(cpu, linear);

	if (run)
		sim_view_remove(cpu, run);
}

static void hide_scratch(struct sim_cpu *cpu)
{
	const bool next_began = cpu->mmio.step > 1;
	const bool ended = cpu->caught == CAUGHT_EXCEPTION ||
			   (cpu->caught == CAUGHT_NOTHING && next_began) ||
			   (cpu->caught == CAUGHT_FAULT && cpu->fault_access == SIM_FETCH &&
			    cpu->mmio.step > 0);

	cpu->mmio.active = false;
	if (cpu->mmio.has_read)
		remove_at(cpu, cpu->mmio.read_linear);
	if (cpu->mmio.has_write)
		remove_at(cpu, cpu->mmio.write_linear);
	if (ended)
		cpu->mmio.has_read = cpu->mmio.has_write = false;
}

/* --- what stopped the engine */

static bool on_fault(struct sim_cpu *cpu, struct sim_cpu_stop *stop)
{
	if (sim_view_fill(cpu, stop) != WALK_STOP)
		return true;
	if (stop->reason != SIM_STOP_MMIO)
		return false;
	if (stop->access == SIM_FETCH) {
		stop->reason = SIM_STOP_UNKNOWN; /* code in a device */
		return false;
	}
	stop->size = cpu->fault_size;
	stop->data = cpu->fault_data;
	cpu->mmio.stop = *stop;
	cpu->mmio.stop_linear = cpu->fault_linear;
	return false;
}

static bool handle(struct sim_cpu *cpu, struct sim_cpu_stop *stop)
{
	switch (cpu->caught) {
	case CAUGHT_FAULT:
		return on_fault(cpu, stop);
	case CAUGHT_EXCEPTION:
		sim_cpu_raise(cpu, cpu->vector, cpu->fault_data);
		return true;
	case CAUGHT_INSTRUCTION:
		if (cpu->decoded.own != OWN_NONE)
			return sim_emulate(cpu, stop);
		if (cpu->decoded.port_in_dx)
			cpu->decoded.insn.port = (uint16_t)sim_cpu_gpr(cpu, SIM_RDX);
		stop->reason = SIM_STOP_INSTRUCTION;
		return false;
	case CAUGHT_NOTHING:
		break;
	}
	return true;
}

void sim_cpu_execute(struct sim_cpu *cpu, struct sim_cpu_stop *stop)
{
	memset(stop, 0, sizeof(*stop));
	do {
		if (!sim_event_deliver(cpu, stop))
			return;
		if (atomic_exchange(&cpu->attention, false) || sim_run_interrupted(cpu->vcpu)) {
			stop->reason = SIM_STOP_ATTENTION;
			return;
		}
		if (cpu->view_epoch != cpu->vcpu->vm->memory_epoch) {
			sim_view_drop(cpu);
			cpu->view_epoch = cpu->vcpu->vm->memory_epoch;
		}
		if (has_scratch(cpu))
			show_scratch(cpu);
		sim_engine_run(cpu);
		if (cpu->mmio.active)
			hide_scratch(cpu);
	} while (handle(cpu, stop));
}
