/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Exceptions and interrupts through the guest's IDT or interrupt vectors; the engine delivers none.
 * AMD APM volume 2, chapter 8 (8.2.9 for double faults), Intel SDM volume 3, chapter 6.
 */
#include <string.h>

#include "sim/cpu_internal.h"

#define GATE_TASK        5u
#define GATE_INTERRUPT16 6u
#define GATE_TRAP16      7u
#define GATE_INTERRUPT32 14u
#define GATE_TRAP32      15u

/* Bits of a selector's error code: from outside (an interrupt), in the IDT. */
#define ERROR_EXTERNAL 1u
#define ERROR_IDT      2u

struct gate {
	uint16_t selector;
	uint64_t offset;
	uint8_t type;
	uint8_t dpl;
	uint8_t stack; /* IST */
	bool present;
};

/* A frame that is being pushed. */
struct frame {
	uint64_t base; /* of the stack segment */
	uint64_t sp;
	uint64_t mask; /* of sp */
	unsigned int width;
};

static bool has_error_code(uint32_t vector)
{
	switch (vector) {
	case SIM_VECTOR_DF:
	case SIM_VECTOR_TS:
	case SIM_VECTOR_NP:
	case SIM_VECTOR_SS:
	case SIM_VECTOR_GP:
	case SIM_VECTOR_PF:
	case SIM_VECTOR_AC:
	case SIM_VECTOR_VC:
		return true;
	default:
		return false;
	}
}

static bool is_contributory(uint32_t vector)
{
	return vector == SIM_VECTOR_DE || (vector >= SIM_VECTOR_TS && vector <= SIM_VECTOR_GP) ||
	       vector == SIM_VECTOR_VC || vector == SIM_VECTOR_VE;
}

void sim_cpu_raise(struct sim_cpu *cpu, uint32_t vector, uint64_t error_code)
{
	cpu->event.pending = true;
	cpu->event.external = false;
	cpu->event.software = false;
	cpu->event.vector = vector;
	cpu->event.error_code = (uint32_t)error_code;
}

void sim_cpu_interrupt(struct sim_cpu *cpu, uint32_t vector)
{
	sim_cpu_raise(cpu, vector, 0);
	cpu->event.external = true;
}

bool sim_cpu_has_event(const struct sim_cpu *cpu)
{
	return cpu->event.pending || cpu->mmio.has_read || cpu->mmio.has_write;
}

bool sim_cpu_takes_interrupts(struct sim_cpu *cpu)
{
	return !sim_cpu_has_event(cpu) && sim_cpu_rflags(cpu) & RFLAGS_IF &&
	       sim_registers_linear_rip(cpu) != cpu->shadow;
}

void sim_cpu_watch_window(struct sim_cpu *cpu, bool watch)
{
	cpu->window = watch;
}

static enum sim_walk_result fail(struct sim_cpu *cpu, uint32_t vector, uint32_t error_code)
{
	sim_cpu_raise(cpu, vector, error_code);
	return WALK_EVENT;
}

static enum sim_walk_result push(struct sim_cpu *cpu, struct frame *frame, uint64_t value,
				 struct sim_cpu_stop *stop)
{
	frame->sp = (frame->sp & ~frame->mask) | ((frame->sp - frame->width) & frame->mask);
	return sim_access_linear(cpu, frame->base + (frame->sp & frame->mask), &value, frame->width,
				 true, stop);
}

static enum sim_walk_result push_all(struct sim_cpu *cpu, struct frame *frame,
				     const uint64_t *values, unsigned int count,
				     struct sim_cpu_stop *stop)
{
	enum sim_walk_result result = WALK_DONE;

	for (unsigned int i = 0; i < count && result == WALK_DONE; i++)
		result = push(cpu, frame, values[i], stop);
	return result;
}

/* --- descriptors */

static enum sim_walk_result read_descriptor(struct sim_cpu *cpu,
					    const struct sim_register_file *file, uint16_t selector,
					    uint32_t external, struct sim_descriptor *out,
					    struct sim_cpu_stop *stop)
{
	const struct sim_descriptor *table = selector & 4 ? &file->ldt : &file->gdt;
	const uint32_t offset = selector & ~7u;
	uint32_t words[2];
	enum sim_walk_result result;

	if (offset == 0 && !(selector & 4))
		return fail(cpu, SIM_VECTOR_GP, external);
	if (offset + 7 > table->limit)
		return fail(cpu, SIM_VECTOR_GP, (selector & ~3u) | external);
	result = sim_access_linear(cpu, table->base + offset, words, sizeof(words), false, stop);
	if (result != WALK_DONE)
		return result;
	out->selector = selector;
	out->base = words[0] >> 16 | (words[1] & 0xff) << 16 | (words[1] & 0xff000000);
	out->limit = (words[0] & 0xffff) | (words[1] & 0xf0000);
	if (words[1] & DESCRIPTOR_G)
		out->limit = out->limit << 12 | 0xfff;
	out->flags = words[1];
	return WALK_DONE;
}

static enum sim_walk_result read_gate(struct sim_cpu *cpu, const struct sim_register_file *file,
				      uint32_t vector, uint32_t external, struct gate *gate,
				      struct sim_cpu_stop *stop)
{
	const unsigned int size = sim_cpu_long_mode(cpu) ? 16 : 8;
	const uint32_t code = vector << 3 | ERROR_IDT | external;
	uint32_t words[4] = {0};
	enum sim_walk_result result;

	if (vector * size + size - 1 > file->idt.limit)
		return fail(cpu, SIM_VECTOR_GP, code);
	result = sim_access_linear(cpu, file->idt.base + (uint64_t)vector * size, words, size,
				   false, stop);
	if (result != WALK_DONE)
		return result;
	gate->selector = (uint16_t)(words[0] >> 16);
	gate->offset = (words[0] & 0xffff) | (words[1] & 0xffff0000) | (uint64_t)words[2] << 32;
	gate->stack = size == 16 ? words[1] & 7 : 0;
	gate->type = words[1] >> 8 & 31;
	gate->dpl = words[1] >> DESCRIPTOR_DPL & 3;
	gate->present = words[1] & DESCRIPTOR_P;
	if (gate->type != GATE_INTERRUPT32 && gate->type != GATE_TRAP32 &&
	    (size == 16 || (gate->type != GATE_INTERRUPT16 && gate->type != GATE_TRAP16 &&
			    gate->type != GATE_TASK)))
		return fail(cpu, SIM_VECTOR_GP, code);
	return gate->present ? WALK_DONE : fail(cpu, SIM_VECTOR_NP, code);
}

static enum sim_walk_result read_code(struct sim_cpu *cpu, const struct sim_register_file *file,
				      uint16_t selector, uint32_t external, unsigned int cpl,
				      struct sim_descriptor *code, struct sim_cpu_stop *stop)
{
	const uint32_t error = (selector & ~3u) | external;
	enum sim_walk_result result = read_descriptor(cpu, file, selector, external, code, stop);

	if (result != WALK_DONE)
		return result;
	if (!(code->flags & DESCRIPTOR_S) || !(code->flags & DESCRIPTOR_CODE) ||
	    (code->flags >> DESCRIPTOR_DPL & 3) > cpl ||
	    (sim_cpu_long_mode(cpu) && !(code->flags & DESCRIPTOR_L)))
		return fail(cpu, SIM_VECTOR_GP, error);
	return code->flags & DESCRIPTOR_P ? WALK_DONE : fail(cpu, SIM_VECTOR_NP, error);
}

/* --- stacks */

static enum sim_walk_result long_mode_stack(struct sim_cpu *cpu, struct sim_register_file *file,
					    const struct gate *gate, unsigned int cpl,
					    unsigned int new_cpl, struct frame *frame,
					    struct sim_cpu_stop *stop)
{
	const uint64_t at = gate->stack ? 36 + (gate->stack - 1) * 8u : 4 + new_cpl * 8u;
	enum sim_walk_result result = WALK_DONE;

	*frame = (struct frame){.sp = file->gpr[SIM_RSP], .mask = ~0ull, .width = 8};
	if (gate->stack || new_cpl != cpl) {
		if (at + 7 > file->tr.limit)
			return fail(cpu, SIM_VECTOR_TS, file->tr.selector & ~3u);
		result = sim_access_linear(cpu, file->tr.base + at, &frame->sp, 8, false, stop);
	}
	frame->sp &= ~15ull;
	if (new_cpl != cpl) /* a null selector with the new privilege */
		file->segment[SIM_SS] = (struct sim_descriptor){
			.selector = new_cpl,
			.flags = DESCRIPTOR_P | DESCRIPTOR_S | new_cpl << DESCRIPTOR_DPL | 0x300};
	return result;
}

static enum sim_walk_result protected_stack(struct sim_cpu *cpu, struct sim_register_file *file,
					    unsigned int cpl, unsigned int new_cpl,
					    struct frame *frame, struct sim_cpu_stop *stop)
{
	uint32_t inner[2];
	enum sim_walk_result result;

	frame->sp = file->gpr[SIM_RSP];
	if (new_cpl != cpl) {
		if (new_cpl * 8u + 11 > file->tr.limit)
			return fail(cpu, SIM_VECTOR_TS, file->tr.selector & ~3u);
		result = sim_access_linear(cpu, file->tr.base + 4 + 8ull * new_cpl, inner,
					   sizeof(inner), false, stop);
		if (result == WALK_DONE)
			result = read_descriptor(cpu, file, (uint16_t)inner[1], 0,
						 &file->segment[SIM_SS], stop);
		if (result != WALK_DONE)
			return result;
		frame->sp = inner[0];
	}
	frame->base = file->segment[SIM_SS].base;
	frame->mask = file->segment[SIM_SS].flags & DESCRIPTOR_DB ? 0xffffffff : 0xffff;
	return WALK_DONE;
}

/* --- the three ways in */

static enum sim_walk_result enter_real(struct sim_cpu *cpu, uint32_t vector,
				       struct sim_cpu_stop *stop)
{
	struct sim_register_file *file = sim_registers_load(cpu);
	const uint64_t rflags = sim_cpu_rflags(cpu);
	struct frame frame = {.base = file->segment[SIM_SS].base,
			      .sp = file->gpr[SIM_RSP],
			      .mask = 0xffff,
			      .width = 2};
	const uint64_t length = cpu->event.software ? cpu->decoded.insn.length : 0;
	const uint64_t values[] = {rflags, file->segment[SIM_CS].selector, file->rip + length};
	uint16_t entry[2];
	enum sim_walk_result result;

	if (vector * 4 + 3 > file->idt.limit)
		return fail(cpu, SIM_VECTOR_GP, 0);
	result = sim_access_linear(cpu, file->idt.base + 4ull * vector, entry, sizeof(entry), false,
				   stop);
	if (result == WALK_DONE)
		result = push_all(cpu, &frame, values, 3, stop);
	if (result != WALK_DONE)
		return result;
	file = sim_registers_load(cpu);
	file->gpr[SIM_RSP] = frame.sp;
	file->rip = entry[0];
	file->segment[SIM_CS].selector = entry[1];
	file->segment[SIM_CS].base = (uint64_t)entry[1] << 4;
	sim_registers_store(cpu);
	sim_cpu_set_rflags(cpu, rflags & ~(RFLAGS_IF | RFLAGS_TF | RFLAGS_AC | RFLAGS_RF));
	return WALK_DONE;
}

static uint64_t flags_to_push(const struct sim_cpu *cpu, uint64_t rflags, uint32_t vector)
{
	/* Faults resume the instruction: a breakpoint on it is not met again. */
	if (!cpu->event.external && !cpu->event.software && vector != SIM_VECTOR_DB &&
	    vector != SIM_VECTOR_BP && vector != SIM_VECTOR_OF)
		rflags |= RFLAGS_RF;
	return rflags;
}

static enum sim_walk_result push_frame(struct sim_cpu *cpu, const struct sim_register_file *old,
				       uint64_t rflags, bool with_stack, bool with_error,
				       struct frame *frame, struct sim_cpu_stop *stop)
{
	const uint32_t error_code = cpu->event.error_code;
	uint64_t values[6];
	unsigned int count = 0;

	if (with_stack) {
		values[count++] = old->segment[SIM_SS].selector;
		values[count++] = old->gpr[SIM_RSP];
	}
	values[count++] = flags_to_push(cpu, rflags, cpu->event.vector);
	values[count++] = old->segment[SIM_CS].selector;
	values[count++] = old->rip + (cpu->event.software ? cpu->decoded.insn.length : 0u);
	if (with_error)
		values[count++] = error_code;
	return push_all(cpu, frame, values, count, stop);
}

static unsigned int gate_width(const struct sim_cpu *cpu, const struct gate *gate)
{
	if (sim_cpu_long_mode(cpu))
		return 8;
	return gate->type >= GATE_INTERRUPT32 ? 4 : 2;
}

static void commit(struct sim_cpu *cpu, struct sim_register_file *changed, const struct gate *gate,
		   const struct sim_descriptor *code, unsigned int new_cpl,
		   const struct frame *frame, uint64_t rflags)
{
	struct sim_register_file *file = sim_registers_load(cpu);

	file->segment[SIM_SS] = changed->segment[SIM_SS];
	file->segment[SIM_CS] = *code;
	file->segment[SIM_CS].selector = (code->selector & ~3u) | new_cpl;
	file->gpr[SIM_RSP] = frame->sp;
	file->rip = gate->offset;
	sim_registers_settle(cpu, file, new_cpl);
	sim_registers_store(cpu);
	rflags &= ~(RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM);
	if (gate->type == GATE_INTERRUPT32 || gate->type == GATE_INTERRUPT16)
		rflags &= ~RFLAGS_IF;
	sim_cpu_set_rflags(cpu, rflags);
}

static enum sim_walk_result enter_protected(struct sim_cpu *cpu, uint32_t vector, bool external,
					    bool software, struct sim_cpu_stop *stop)
{
	const struct sim_register_file old = *sim_registers_load(cpu);
	const uint64_t rflags = sim_cpu_rflags(cpu);
	const unsigned int cpl = old.hidden_flags & HIDDEN_CPL;
	const uint32_t from_outside = software ? 0 : ERROR_EXTERNAL;
	struct sim_register_file file = old;
	struct sim_descriptor code = {0};
	struct gate gate;
	struct frame frame = {0};
	unsigned int new_cpl;
	enum sim_walk_result result;

	result = read_gate(cpu, &old, vector, from_outside, &gate, stop);
	if (result != WALK_DONE)
		return result;
	if (software && gate.dpl < cpl)
		return fail(cpu, SIM_VECTOR_GP, vector << 3 | ERROR_IDT);
	if (gate.type == GATE_TASK || rflags & RFLAGS_VM) {
		stop->reason = SIM_STOP_UNKNOWN;
		return WALK_STOP;
	}
	result = read_code(cpu, &old, gate.selector, from_outside, cpl, &code, stop);
	if (result != WALK_DONE)
		return result;
	/* A conforming segment keeps the privilege. */
	new_cpl = code.flags & 1u << 10 ? cpl : code.flags >> DESCRIPTOR_DPL & 3;
	if (sim_cpu_long_mode(cpu))
		result = long_mode_stack(cpu, &file, &gate, cpl, new_cpl, &frame, stop);
	else
		result = protected_stack(cpu, &file, cpl, new_cpl, &frame, stop);
	frame.width = gate_width(cpu, &gate);
	if (result == WALK_DONE)
		result = push_frame(cpu, &old, rflags, sim_cpu_long_mode(cpu) || new_cpl != cpl,
				    !external && !software && has_error_code(vector), &frame, stop);
	if (result == WALK_DONE)
		commit(cpu, &file, &gate, &code, new_cpl, &frame, rflags);
	return result;
}

/* --- double and triple faults */

/* `second` came up while `first` was delivered: false: the CPU shuts down. */
static bool combine(struct sim_cpu *cpu, uint32_t first, bool first_external)
{
	const uint32_t second = cpu->event.vector;

	if (!first_external && first == SIM_VECTOR_DF)
		return false;
	if (!first_external &&
	    ((is_contributory(first) && is_contributory(second)) ||
	     (first == SIM_VECTOR_PF && (second == SIM_VECTOR_PF || is_contributory(second)))))
		sim_cpu_raise(cpu, SIM_VECTOR_DF, 0);
	return true;
}

bool sim_event_deliver(struct sim_cpu *cpu, struct sim_cpu_stop *stop)
{
	while (cpu->event.pending) {
		const uint32_t vector = cpu->event.vector;
		const bool external = cpu->event.external, software = cpu->event.software;
		enum sim_walk_result result;

		if (cpu->cr0 & CR0_PE)
			result = enter_protected(cpu, vector, external, software, stop);
		else
			result = enter_real(cpu, vector, stop);
		if (result == WALK_STOP)
			return false; /* it is still pending */
		if (result == WALK_DONE) {
			cpu->event.pending = false;
			cpu->shadow = ~0ull;
		} else if (!combine(cpu, vector, external || software)) {
			cpu->event.pending = false;
			stop->reason = SIM_STOP_TRIPLE_FAULT;
			return false;
		}
	}
	return true;
}
