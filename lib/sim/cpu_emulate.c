/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Instructions that the CPU does not leave to the engine: control registers, whose paging half the
 * engine knows nothing of; INT; and REP MOVS and STOS, which are faster here. AMD APM volume 3.
 */
#include <string.h>

#include "sim/cpu_internal.h"
#include "sim/run.h"

#define CR0_LMSW 0xeull /* MP, EM, TS: what LMSW sets and clears; PE it only sets */

/* What is known of CR4; the rest is reserved (APM volume 2, 3.1.3; Intel SDM volume 3, 2.5). */
#define CR4_KNOWN       0x01f77fffull
#define CR4_TRANSLATION (CR4_PSE | CR4_PAE | CR4_LA57 | CR4_SMEP | CR4_SMAP)

static bool general_protection(struct sim_cpu *cpu)
{
	sim_cpu_raise(cpu, SIM_VECTOR_GP, 0);
	return true;
}

/* --- control registers */

/* Hidden flags and the engine's own registers follow. */
static void control_changed(struct sim_cpu *cpu, unsigned int cpl)
{
	struct sim_register_file *file;

	sim_registers_store_control(cpu);
	file = sim_registers_load(cpu);
	sim_registers_settle(cpu, file, cpl);
	sim_registers_store(cpu);
}

/* APM volume 2, 14.6: long mode comes with CR0.PG, when EFER.LME was set. */
static bool write_cr0(struct sim_cpu *cpu, uint64_t value)
{
	const uint64_t changed = (value | CR0_ET) ^ cpu->cr0;
	const struct sim_register_file *file = sim_registers_load(cpu);

	if (value >> 32 || (value & CR0_PG && !(value & CR0_PE)) ||
	    (value & CR0_NW && !(value & CR0_CD)))
		return false;
	if (changed & CR0_PG && value & CR0_PG && cpu->efer & EFER_LME) {
		if (!(cpu->cr4 & CR4_PAE) || file->segment[SIM_CS].flags & DESCRIPTOR_L)
			return false;
		cpu->efer |= EFER_LMA;
	} else if (changed & CR0_PG && !(value & CR0_PG)) {
		if (file->hidden_flags & HIDDEN_CS64)
			return false;
		cpu->efer &= ~EFER_LMA;
	}
	cpu->cr0 = value | CR0_ET;
	if (changed & (CR0_PG | CR0_WP | CR0_PE))
		sim_view_drop(cpu);
	control_changed(cpu, file->hidden_flags & HIDDEN_CPL);
	return true;
}

static bool write_cr4(struct sim_cpu *cpu, uint64_t value)
{
	const uint64_t changed = value ^ cpu->cr4;
	const unsigned int cpl = sim_cpu_privilege(cpu);

	if (value & ~CR4_KNOWN || (sim_cpu_long_mode(cpu) && changed & (CR4_PAE | CR4_LA57)))
		return false;
	cpu->cr4 = value;
	if (changed & CR4_TRANSLATION)
		sim_view_drop(cpu);
	control_changed(cpu, cpl);
	return true;
}

static bool write_control(struct sim_cpu *cpu, unsigned int number, uint64_t value)
{
	switch (number) {
	case 0:
		return write_cr0(cpu, value);
	case 2:
		cpu->cr2 = value;
		return true;
	case 3:
		cpu->cr3 = value & ~(1ull << 63); /* with PCIDs: "flush nothing" */
		sim_view_drop(cpu);
		return true;
	case 4:
		return write_cr4(cpu, value);
	case 8:
		if (value < 16)
			sim_apic_set_cr8(cpu->vcpu, value);
		return value < 16;
	default:
		return false;
	}
}

static bool is_control(unsigned int number)
{
	return number == 0 || (number >= 2 && number <= 4) || number == 8;
}

static bool move_control(struct sim_cpu *cpu)
{
	const struct sim_decoded *decoded = &cpu->decoded;
	const unsigned int number = (decoded->modrm >> 3 & 7) | (decoded->rex & 4 ? 8 : 0);
	const enum sim_gpr gpr = (enum sim_gpr)((decoded->modrm & 7) | (decoded->rex & 1 ? 8 : 0));
	const uint64_t narrow = sim_cpu_is_64bit(cpu) ? ~0ull : 0xffffffff;

	if (!is_control(number)) {
		sim_cpu_raise(cpu, SIM_VECTOR_UD, 0);
		return true;
	}
	if (sim_cpu_privilege(cpu) != 0)
		return general_protection(cpu);
	if (decoded->own == OWN_MOV_TO_CR) {
		if (!write_control(cpu, number, sim_cpu_gpr(cpu, gpr) & narrow))
			return general_protection(cpu);
	} else {
		sim_cpu_set_gpr(cpu, gpr, sim_cpu_control(cpu, number) & narrow);
	}
	sim_cpu_skip(cpu);
	return true;
}

static bool load_machine_status(struct sim_cpu *cpu, struct sim_cpu_stop *stop)
{
	const uint64_t value = sim_cpu_gpr(
		cpu, (enum sim_gpr)((cpu->decoded.modrm & 7) | (cpu->decoded.rex & 1 ? 8 : 0)));
	const uint64_t cr0 = sim_cpu_control(cpu, 0);

	if (cpu->decoded.modrm < 0xc0) {
		stop->reason = SIM_STOP_UNKNOWN; /* from memory */
		return false;
	}
	if (sim_cpu_privilege(cpu) != 0 ||
	    !write_cr0(cpu, (cr0 & ~CR0_LMSW) | (value & (CR0_LMSW | CR0_PE))))
		return general_protection(cpu);
	sim_cpu_skip(cpu);
	return true;
}

static bool invalidate_page(struct sim_cpu *cpu)
{
	if (sim_cpu_privilege(cpu) != 0)
		return general_protection(cpu);
	/* Which page it is does not matter: more may always be invalidated. */
	sim_view_drop(cpu);
	sim_cpu_skip(cpu);
	return true;
}

/* --- INT */

static bool software_interrupt(struct sim_cpu *cpu)
{
	sim_cpu_raise(cpu, cpu->decoded.vector, 0);
	cpu->event.software = true;
	return true;
}

/* --- REP MOVS, REP STOS */

struct string_operation {
	uint64_t mask; /* of address and count registers */
	uint64_t count;
	uint64_t source, target;           /* register values */
	uint64_t source_base, target_base; /* of segments */
	unsigned int size;
	bool move;
};

/* The engine shall do it, item by item. */
static bool leave_to_engine(struct sim_cpu *cpu)
{
	cpu->passed = sim_registers_linear_rip(cpu);
	return true;
}

static uint64_t segment_base(const struct sim_register_file *file, unsigned int segment)
{
	if (file->hidden_flags & HIDDEN_CS64 && segment != SIM_FS && segment != SIM_GS)
		return 0;
	return file->segment[segment].base;
}

static void load_operation(struct sim_cpu *cpu, struct string_operation *operation)
{
	const struct sim_insn *insn = &cpu->decoded.insn;
	const struct sim_register_file *file = sim_registers_load(cpu);

	operation->mask = insn->address_size == 8 ? ~0ull : (1ull << insn->address_size * 8) - 1;
	operation->count = file->gpr[SIM_RCX] & operation->mask;
	operation->source = file->gpr[SIM_RSI] & operation->mask;
	operation->target = file->gpr[SIM_RDI] & operation->mask;
	operation->source_base = segment_base(file, insn->segment);
	operation->target_base = segment_base(file, SIM_ES);
	operation->size = insn->size;
	operation->move = cpu->decoded.own == OWN_MOVS;
}

static void set_masked(struct sim_cpu *cpu, enum sim_gpr gpr, uint64_t mask, uint64_t value)
{
	/* A 32-bit result clears the upper half, a 16-bit one leaves it alone. */
	if (mask == 0xffff)
		value = (sim_cpu_gpr(cpu, gpr) & ~mask) | (value & mask);
	sim_cpu_set_gpr(cpu, gpr, value & (mask == 0xffff ? ~0ull : mask));
}

static void store_operation(struct sim_cpu *cpu, const struct string_operation *operation)
{
	set_masked(cpu, SIM_RCX, operation->mask, operation->count);
	set_masked(cpu, SIM_RDI, operation->mask, operation->target);
	if (operation->move)
		set_masked(cpu, SIM_RSI, operation->mask, operation->source);
}

static uint64_t at_most(uint64_t value, uint64_t limit)
{
	return value < limit ? value : limit;
}

static uint64_t linear_of(const struct sim_cpu *cpu, uint64_t base, uint64_t offset)
{
	return sim_cpu_long_mode(cpu) ? base + offset : (uint32_t)(base + offset);
}

/* Bytes that neither leave a page nor wrap a register, in whole items. */
static uint64_t part_of(const struct sim_cpu *cpu, const struct string_operation *operation)
{
	const uint64_t target = linear_of(cpu, operation->target_base, operation->target);
	const uint64_t source = linear_of(cpu, operation->source_base, operation->source);
	uint64_t items = at_most(operation->count, SIM_PAGE_SIZE);
	uint64_t bytes = at_most(items * operation->size, SIM_PAGE_SIZE - target % SIM_PAGE_SIZE);

	bytes = at_most(bytes, operation->mask - operation->target);
	if (operation->move) {
		bytes = at_most(bytes, SIM_PAGE_SIZE - source % SIM_PAGE_SIZE);
		bytes = at_most(bytes, operation->mask - operation->source);
	}
	return bytes - bytes % operation->size;
}

static void copy_forward(uint8_t *target, const uint8_t *source, uint64_t bytes, unsigned int size)
{
	/* What it has written it may read again: a pattern is filled in that way. */
	if (target > source && target < source + bytes)
		for (uint64_t i = 0; i < bytes; i += size)
			memcpy(target + i, source + i, size);
	else
		memmove(target, source, bytes);
}

static void fill(uint8_t *target, uint64_t value, uint64_t bytes, unsigned int size)
{
	for (uint64_t i = 0; i < bytes; i += size)
		memcpy(target + i, &value, size);
}

static enum sim_walk_result operand(struct sim_cpu *cpu, uint64_t linear, enum sim_access access,
				    uint8_t **host, struct sim_cpu_stop *stop)
{
	struct sim_walk walk;
	enum sim_walk_result result = sim_walk(cpu, linear, access, false, false, &walk, stop);

	if (result == WALK_DONE)
		result = sim_find(cpu, walk.gpa, walk.bit, access, stop);
	*host = stop->memory.host;
	return result;
}

static enum sim_walk_result string_part(struct sim_cpu *cpu, struct string_operation *operation,
					uint64_t bytes, struct sim_cpu_stop *stop)
{
	const uint64_t epoch = cpu->vcpu->vm->memory_epoch;
	uint8_t *target, *source = NULL;
	enum sim_walk_result result = WALK_DONE;

	if (operation->move)
		result = operand(cpu, linear_of(cpu, operation->source_base, operation->source),
				 SIM_READ, &source, stop);
	if (result == WALK_DONE)
		result = operand(cpu, linear_of(cpu, operation->target_base, operation->target),
				 SIM_WRITE, &target, stop);
	if (result != WALK_DONE)
		return result;
	if (!stop->memory.writable || (source && cpu->vcpu->vm->memory_epoch != epoch)) {
		stop->reason = SIM_STOP_MMIO; /* for the engine, then, as devices are */
		return WALK_STOP;
	}
	if (source)
		copy_forward(target, source, bytes, operation->size);
	else
		fill(target, sim_cpu_gpr(cpu, SIM_RAX), bytes, operation->size);
	operation->count -= bytes / operation->size;
	operation->target += bytes;
	operation->source += bytes;
	return WALK_DONE;
}

static bool string(struct sim_cpu *cpu, struct sim_cpu_stop *stop)
{
	struct string_operation operation;

	load_operation(cpu, &operation);
	if (sim_cpu_privilege(cpu) != 0 || sim_cpu_rflags(cpu) & RFLAGS_DF)
		return leave_to_engine(cpu);
	/* Now and then others get their turn; the rest of it is done by the same instruction again.
	 */
	for (unsigned int parts = 0; operation.count > 0 && parts < 64; parts++) {
		const uint64_t bytes = part_of(cpu, &operation);
		enum sim_walk_result result = WALK_STOP;

		stop->reason = SIM_STOP_MMIO;
		if (bytes > 0)
			result = string_part(cpu, &operation, bytes, stop);
		if (result == WALK_DONE)
			continue;
		store_operation(cpu, &operation);
		if (result == WALK_EVENT)
			return true;
		return stop->reason == SIM_STOP_MMIO ? leave_to_engine(cpu) : false;
	}
	store_operation(cpu, &operation);
	if (operation.count == 0)
		sim_cpu_skip(cpu);
	return true;
}

bool sim_emulate(struct sim_cpu *cpu, struct sim_cpu_stop *stop)
{
	switch (cpu->decoded.own) {
	case OWN_MOV_FROM_CR:
	case OWN_MOV_TO_CR:
		return move_control(cpu);
	case OWN_LMSW:
		return load_machine_status(cpu, stop);
	case OWN_INVLPG:
		return invalidate_page(cpu);
	case OWN_INT:
		return software_interrupt(cpu);
	case OWN_STOS:
	case OWN_MOVS:
		return string(cpu, stop);
	case OWN_UNDEFINED:
	case OWN_NONE:
		break;
	}
	sim_cpu_raise(cpu, SIM_VECTOR_UD, 0);
	return true;
}
