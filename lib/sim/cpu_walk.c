/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * From linear addresses to memory: the guest's page tables (AMD APM volume 2, chapter 5; with the
 * C-bit 15.34.5; shared GPA bit: Intel TDX module base specification), the technology's say on each
 * page, and the engine's view.
 *
 * User and supervisor share one view: what a supervisor may reach and a program may not is checked
 * when a page comes into it, not again later.
 */
#include <errno.h>
#include <string.h>

#include "sim/cpu_internal.h"

#define PTE_P    (1ull << 0)
#define PTE_W    (1ull << 1)
#define PTE_U    (1ull << 2)
#define PTE_A    (1ull << 5)
#define PTE_D    (1ull << 6)
#define PTE_PS   (1ull << 7)
#define PTE_NX   (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

/* As far as one view run goes: the engine's time per run counts, and so does the walk of 4 KiB
 * pages. */
#define RUN_PAGES 4096u

static uint64_t address_bit(const struct sim_cpu *cpu)
{
	const struct sim_tech *tech = cpu->vcpu->vm->tech;

	return tech->address_bit ? tech->address_bit(cpu->vcpu) : 0;
}

/* What the bit is where the guest cannot choose: paging is off; fetches and page tables with a
 * C-bit. */
static bool implied_bit(const struct sim_cpu *cpu)
{
	return cpu->vcpu->vm->tech->address_bit_is_private;
}

static enum sim_walk_result raise(struct sim_cpu *cpu, bool probe, uint32_t vector,
				  uint32_t error_code)
{
	if (!probe)
		sim_cpu_raise(cpu, vector, error_code);
	return WALK_EVENT;
}

/* --- a page */

static bool is_private(const struct sim_cpu *cpu, uint64_t gpa, bool bit)
{
	if (!address_bit(cpu))
		return sim_attribute_private(cpu->vcpu->vm, gpa);
	return bit == cpu->vcpu->vm->tech->address_bit_is_private;
}

static void find_memory(struct sim_cpu *cpu, uint64_t gpa, bool private, enum sim_access access,
			struct sim_memory *memory)
{
	memset(memory, 0, sizeof(*memory));
	cpu->vcpu->vm->tech->find_memory(cpu->vcpu, gpa, private, access, memory);
}

enum sim_walk_result sim_find(struct sim_cpu *cpu, uint64_t gpa, bool bit, enum sim_access access,
			      struct sim_cpu_stop *stop)
{
	stop->gpa = gpa;
	stop->access = access;
	stop->private = is_private(cpu, gpa, bit);
	find_memory(cpu, gpa, stop->private, access, &stop->memory);
	switch (stop->memory.backing) {
	case SIM_BACKING_RAM:
		return WALK_DONE;
	case SIM_BACKING_EXCEPTION:
		sim_cpu_raise(cpu, stop->memory.vector, stop->memory.error_code);
		return WALK_EVENT;
	case SIM_BACKING_MMIO:
		stop->reason = SIM_STOP_MMIO;
		return WALK_STOP;
	case SIM_BACKING_MEMORY_FAULT:
	case SIM_BACKING_ERROR:
		break;
	}
	stop->reason = SIM_STOP_MEMORY;
	return WALK_STOP;
}

/* --- page tables */

struct level {
	uint64_t table; /* gpa */
	bool bit;
	unsigned int shift;
	unsigned int index_bits;
	unsigned int entry_size;
};

/* The entry in guest memory, or NULL with *result and *stop. */
static uint8_t *find_entry(struct sim_cpu *cpu, const struct level *level, uint64_t linear,
			   bool probe, struct sim_cpu_stop *stop, enum sim_walk_result *result)
{
	const uint64_t index = linear >> level->shift & ((1u << level->index_bits) - 1);
	const uint64_t gpa = level->table + index * level->entry_size;
	struct sim_memory memory;

	if (!probe) {
		*result = sim_find(cpu, gpa, level->bit, SIM_READ, stop);
		if (*result == WALK_STOP && stop->reason == SIM_STOP_MMIO)
			stop->reason = SIM_STOP_UNKNOWN; /* page tables in a device */
		return *result == WALK_DONE ? stop->memory.host : NULL;
	}
	cpu->vcpu->probing = true;
	find_memory(cpu, gpa, is_private(cpu, gpa, level->bit), SIM_READ, &memory);
	cpu->vcpu->probing = false;
	*result = WALK_EVENT;
	return memory.backing == SIM_BACKING_RAM ? memory.host : NULL;
}

static uint64_t load_entry(const uint8_t *entry, unsigned int size)
{
	uint32_t narrow;
	uint64_t wide;

	if (size == 4) {
		memcpy(&narrow, entry, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, entry, sizeof(wide));
	return wide;
}

static void mark_entry(uint8_t *entry, uint64_t bits)
{
	if ((*entry & bits) != bits)
		*entry |= (uint8_t)bits;
}

struct rights {
	bool writable, user, no_execute;
};

static uint32_t fault_code(const struct sim_cpu *cpu, enum sim_access access, bool user,
			   uint32_t more)
{
	const bool tells_fetch =
		(cpu->efer & EFER_NXE && cpu->cr4 & CR4_PAE) || cpu->cr4 & CR4_SMEP;

	return more | (access == SIM_WRITE ? PF_WRITE : 0) | (user ? PF_USER : 0) |
	       (access == SIM_FETCH && tells_fetch ? PF_FETCH : 0);
}

static bool allowed(const struct sim_cpu *cpu, const struct rights *rights, enum sim_access access,
		    bool user)
{
	if (user && !rights->user)
		return false;
	if (access == SIM_WRITE)
		return rights->writable || (!user && !(cpu->cr0 & CR0_WP));
	if (access == SIM_FETCH)
		return !rights->no_execute && (user || !rights->user || !(cpu->cr4 & CR4_SMEP));
	return true;
}

static uint64_t reserved_bits(const struct sim_cpu *cpu, const struct level *level, uint64_t entry)
{
	const uint64_t implemented = sim_gpa_limit(cpu->vcpu->vm) - 1;
	uint64_t reserved = cpu->efer & EFER_NXE ? 0 : PTE_NX;

	if (level->entry_size == 4)
		return 0;
	reserved |= PTE_ADDR & ~implemented & ~address_bit(cpu);
	if (level->shift >= 39)
		reserved |= PTE_PS;
	return entry & reserved;
}

/* The first level for the guest's mode; false: there is no paging. */
static bool first_level(const struct sim_cpu *cpu, struct level *level)
{
	const uint64_t bit = address_bit(cpu);

	if (!(cpu->cr0 & CR0_PG))
		return false;
	level->entry_size = 8;
	level->index_bits = 9;
	level->bit = implied_bit(cpu) || (bit && cpu->cr3 & bit);
	level->table = cpu->cr3 & PTE_ADDR & ~bit;
	if (sim_cpu_long_mode(cpu)) {
		level->shift = cpu->cr4 & CR4_LA57 ? 48 : 39;
	} else if (cpu->cr4 & CR4_PAE) {
		level->table = cpu->cr3 & 0xffffffe0;
		level->shift = 30;
		level->index_bits = 2;
	} else {
		level->table = cpu->cr3 & 0xfffff000;
		level->shift = 22;
		level->index_bits = 10;
		level->entry_size = 4;
	}
	return true;
}

static bool is_leaf(const struct sim_cpu *cpu, const struct level *level, uint64_t entry)
{
	if (level->shift == 12)
		return true;
	if (level->entry_size == 4)
		return entry & PTE_PS && cpu->cr4 & CR4_PSE;
	if (level->shift == 30 && !sim_cpu_long_mode(cpu))
		return false;
	return level->shift <= 30 && entry & PTE_PS;
}

static void gather(struct rights *rights, const struct level *level, uint64_t entry, bool pae_root)
{
	if (pae_root) /* PDPTEs outside of long mode have no rights */
		return;
	rights->writable &= (entry & PTE_W) != 0;
	rights->user &= (entry & PTE_U) != 0;
	rights->no_execute |= level->entry_size == 8 && entry & PTE_NX;
}

static void finish(const struct sim_cpu *cpu, const struct level *level, uint64_t linear,
		   uint64_t entry, const struct rights *rights, bool user, struct sim_walk *walk)
{
	const uint64_t bit = address_bit(cpu);
	uint64_t base = entry & PTE_ADDR & ~bit;

	walk->page_size = 1ull << level->shift;
	if (level->entry_size == 4 && level->shift == 22) /* PSE-36 */
		base = (entry & 0xffc00000) | (entry & 0x1fe000) << 19;
	walk->gpa = (base & ~(walk->page_size - 1)) | (linear & (walk->page_size - 1));
	/* Outside of PAE and long mode there is no room for the bit. */
	walk->bit = level->entry_size == 4 ? implied_bit(cpu) : (entry & bit) != 0;
	walk->writable = rights->writable || (!user && !(cpu->cr0 & CR0_WP));
	walk->executable = !rights->no_execute;
	walk->dirty = entry & PTE_D;
}

static enum sim_walk_result walk_levels(struct sim_cpu *cpu, struct level *level, uint64_t linear,
					enum sim_access access, bool user, bool probe,
					struct sim_walk *walk, struct sim_cpu_stop *stop)
{
	const uint64_t bit = address_bit(cpu);
	struct rights rights = {.writable = true, .user = true};
	uint8_t *entries[5];
	unsigned int depth = 0;
	uint64_t entry;

	for (;; depth++) {
		enum sim_walk_result result;
		uint8_t *at = find_entry(cpu, level, linear, probe, stop, &result);

		if (!at)
			return result;
		entries[depth] = at;
		entry = load_entry(at, level->entry_size);
		walk->error_code = fault_code(cpu, access, user, 0);
		if (!(entry & PTE_P))
			return WALK_EVENT;
		walk->error_code = fault_code(cpu, access, user, PF_PRESENT | PF_RESERVED);
		if (reserved_bits(cpu, level, entry))
			return WALK_EVENT;
		gather(&rights, level, entry, level->index_bits == 2);
		if (is_leaf(cpu, level, entry))
			break;
		level->table = entry & PTE_ADDR & ~bit;
		level->bit = implied_bit(cpu) || (bit && entry & bit);
		level->shift -= level->index_bits == 2 ? 9 : level->index_bits;
		level->index_bits = level->entry_size == 4 ? 10 : 9;
	}
	walk->error_code = fault_code(cpu, access, user, PF_PRESENT);
	if (!allowed(cpu, &rights, access, user))
		return WALK_EVENT;
	if (!probe) {
		for (unsigned int i = 0; i < depth; i++)
			if (i > 0 || sim_cpu_long_mode(cpu) || level->entry_size == 4)
				mark_entry(entries[i], PTE_A);
		mark_entry(entries[depth], access == SIM_WRITE ? PTE_A | PTE_D : PTE_A);
		if (access == SIM_WRITE)
			entry |= PTE_D;
	} else if (!(entry & PTE_A)) {
		return WALK_EVENT; /* may not be used before it is marked */
	}
	finish(cpu, level, linear, entry, &rights, user, walk);
	return WALK_DONE;
}

static bool canonical(const struct sim_cpu *cpu, uint64_t linear)
{
	const unsigned int bits = cpu->cr4 & CR4_LA57 ? 57 : 48;

	return !sim_cpu_long_mode(cpu) ||
	       (uint64_t)((int64_t)(linear << (64 - bits)) >> (64 - bits)) == linear;
}

enum sim_walk_result sim_walk(struct sim_cpu *cpu, uint64_t linear, enum sim_access access,
			      bool user, bool probe, struct sim_walk *walk,
			      struct sim_cpu_stop *stop)
{
	struct level level = {0};
	enum sim_walk_result result;

	memset(walk, 0, sizeof(*walk));
	if (!canonical(cpu, linear))
		return raise(cpu, probe, SIM_VECTOR_GP, 0);
	if (!first_level(cpu, &level)) {
		walk->gpa = linear;
		walk->bit = implied_bit(cpu);
		walk->writable = walk->executable = walk->dirty = true;
		return WALK_DONE;
	}
	stop->memory.backing = SIM_BACKING_RAM;
	result = walk_levels(cpu, &level, linear, access, user, probe, walk, stop);
	if (result == WALK_EVENT && stop->memory.backing == SIM_BACKING_RAM && !probe) {
		cpu->cr2 = linear;
		sim_cpu_raise(cpu, SIM_VECTOR_PF, walk->error_code);
	}
	return result;
}

int sim_cpu_translate(struct sim_cpu *cpu, uint64_t linear, uint64_t *gpa, bool *bit)
{
	struct sim_cpu_stop stop;
	struct sim_walk walk;

	switch (sim_walk(cpu, linear, SIM_READ, false, false, &walk, &stop)) {
	case WALK_DONE:
		*gpa = walk.gpa;
		*bit = walk.bit;
		return 0;
	case WALK_EVENT:
		return 1;
	default:
		return -EFAULT;
	}
}

/* --- accesses of the CPU itself */

enum sim_walk_result sim_access_linear(struct sim_cpu *cpu, uint64_t linear, void *bytes,
				       size_t size, bool write, struct sim_cpu_stop *stop)
{
	const enum sim_access access = write ? SIM_WRITE : SIM_READ;
	uint8_t *at = bytes;

	while (size > 0) {
		const size_t offset = linear % SIM_PAGE_SIZE;
		const size_t part = size < SIM_PAGE_SIZE - offset ? size : SIM_PAGE_SIZE - offset;
		struct sim_walk walk;
		enum sim_walk_result result =
			sim_walk(cpu, linear, access, false, false, &walk, stop);

		if (result == WALK_DONE)
			result = sim_find(cpu, walk.gpa, walk.bit, access, stop);
		if (result != WALK_DONE)
			return result;
		if (!write)
			memcpy(at, stop->memory.host, part);
		else if (stop->memory.writable)
			memcpy(stop->memory.host, at, part);
		at += part;
		linear += part;
		size -= part;
	}
	return WALK_DONE;
}

enum sim_operand sim_cpu_operand(struct sim_cpu *cpu, uint64_t linear, void *bytes, size_t size,
				 bool write)
{
	struct sim_cpu_stop stop;

	switch (sim_access_linear(cpu, linear, bytes, size, write, &stop)) {
	case WALK_DONE:
		return SIM_OPERAND_DONE;
	case WALK_EVENT:
		return SIM_OPERAND_EVENT;
	case WALK_STOP:
		break;
	}
	return SIM_OPERAND_UNKNOWN;
}

static int access_quietly(struct sim_cpu *cpu, uint64_t linear, void *bytes, size_t size,
			  bool write)
{
	struct sim_cpu_stop stop;
	const bool pending = cpu->event.pending;
	enum sim_walk_result result;

	cpu->vcpu->probing = true;
	result = sim_access_linear(cpu, linear, bytes, size, write, &stop);
	cpu->vcpu->probing = false;
	if (result == WALK_DONE)
		return 0;
	cpu->event.pending = pending;
	return -EFAULT;
}

int sim_cpu_read(struct sim_cpu *cpu, uint64_t linear, void *to, size_t size)
{
	return access_quietly(cpu, linear, to, size, false);
}

int sim_cpu_write(struct sim_cpu *cpu, uint64_t linear, const void *from, size_t size)
{
	uint8_t bytes[256];

	if (size > sizeof(bytes))
		return -E2BIG;
	memcpy(bytes, from, size);
	return access_quietly(cpu, linear, bytes, size, true);
}

/* --- the view */

/* The page, and as many of those after it as are like it in every respect. */
struct extent {
	uint64_t linear;
	uint64_t size;
	uint8_t *host;
	uint32_t permissions;
};

static uint32_t permissions_of(const struct sim_cpu *cpu, const struct sim_walk *walk,
			       enum sim_access access, const struct sim_memory *memory)
{
	uint32_t permissions = 1u << SIM_READ;

	/* A page becomes dirty when it is written, so it is not writable before. */
	if (walk->writable && walk->dirty && memory->writable)
		permissions |= 1u << SIM_WRITE;
	/* With a C-bit code is fetched from the private side whatever the bit says. */
	if (implied_bit(cpu) && address_bit(cpu) && !walk->bit)
		return access == SIM_FETCH ? 1u << SIM_FETCH : permissions;
	/* A TD executes no shared memory. */
	if (walk->executable && !(!implied_bit(cpu) && address_bit(cpu) && walk->bit))
		permissions |= 1u << SIM_FETCH;
	return permissions;
}

static bool continues(const struct sim_cpu *cpu, const struct extent *extent,
		      const struct sim_walk *first, const struct sim_walk *next)
{
	return next->gpa == first->gpa + extent->size && next->bit == first->bit &&
	       next->writable == first->writable && next->executable == first->executable &&
	       next->dirty == first->dirty && !(cpu->cr0 & CR0_PG && next->page_size == 0);
}

static uint64_t room_in_view(struct sim_cpu *cpu, uint64_t linear, uint64_t size)
{
	for (uint32_t i = 0; i < cpu->view_count; i++)
		if (cpu->view[i].linear > linear && cpu->view[i].linear - linear < size)
			size = cpu->view[i].linear - linear;
	return size;
}

static uint64_t below(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void extend(struct sim_cpu *cpu, const struct sim_walk *first, bool user, uint64_t limit,
		   struct extent *extent)
{
	const uint64_t within =
		first->page_size ? first->page_size - first->gpa % first->page_size : limit;
	struct sim_cpu_stop stop;
	struct sim_walk next;
	unsigned int pages = 0;

	extent->size = below(within, limit);
	while (extent->size < limit && pages++ < RUN_PAGES &&
	       sim_walk(cpu, extent->linear + extent->size, SIM_READ, user, true, &next, &stop) ==
		       WALK_DONE &&
	       continues(cpu, extent, first, &next))
		extent->size += below(next.page_size, limit - extent->size);
}

static enum sim_walk_result add_page(struct sim_cpu *cpu, uint64_t linear, bool user,
				     struct sim_walk *walk, struct sim_cpu_stop *stop)
{
	const enum sim_access access = stop->access;
	struct extent extent = {.linear = linear, .host = stop->memory.host};
	struct sim_view_run *present = sim_view_find(cpu, linear);
	uint64_t limit = stop->memory.size & ~(uint64_t)(SIM_PAGE_SIZE - 1);

	if (present)
		sim_view_remove(cpu, present);
	if (!sim_cpu_long_mode(cpu))
		limit = below(limit, (1ull << 32) - linear);
	/* Without a bit in the address the attribute decides, page by page. */
	if (limit > SIM_PAGE_SIZE && !address_bit(cpu) && cpu->vcpu->vm->tech->private_memory)
		limit = below(limit, stop->memory.size);
	limit = room_in_view(cpu, linear, limit);
	extend(cpu, walk, user, limit, &extent);
	extent.permissions = permissions_of(cpu, walk, access, &stop->memory);
	if (sim_view_add(cpu, &(struct sim_view_run){extent.linear, extent.size, extent.host,
						     extent.permissions}) == 0)
		return WALK_DONE;
	stop->reason = SIM_STOP_UNKNOWN;
	return WALK_STOP;
}

static enum sim_walk_result fill_page(struct sim_cpu *cpu, uint64_t linear,
				      struct sim_cpu_stop *stop)
{
	const uint64_t page = linear & ~(uint64_t)(SIM_PAGE_SIZE - 1);
	const bool user = sim_cpu_privilege(cpu) == 3;
	const enum sim_access access = cpu->fault_access;
	const uint64_t epoch = cpu->vcpu->vm->memory_epoch;
	enum sim_walk_result result;
	struct sim_walk walk;
	bool bit;

	result = sim_walk(cpu, linear, access, user, false, &walk, stop);
	if (result != WALK_DONE)
		return result;
	bit = walk.bit || (access == SIM_FETCH && implied_bit(cpu));
	cpu->vcpu->wants_run = true;
	result = sim_find(cpu, walk.gpa, bit, access, stop);
	cpu->vcpu->wants_run = false;
	if (result != WALK_DONE)
		return result;
	if (cpu->vcpu->vm->memory_epoch != epoch)
		return WALK_DONE; /* the answer changed memory: the view goes, and all is asked
				     again */
	stop->memory.host -= linear - page;
	stop->memory.size += linear - page;
	walk.gpa -= linear - page;
	if (access == SIM_WRITE && !stop->memory.writable) {
		stop->reason = SIM_STOP_MMIO; /* a read-only slot */
		return WALK_STOP;
	}
	return add_page(cpu, page, user, &walk, stop);
}

enum sim_walk_result sim_view_fill(struct sim_cpu *cpu, struct sim_cpu_stop *stop)
{
	const uint64_t linear = cpu->fault_linear;
	const uint64_t last = linear + cpu->fault_size - 1;
	const struct sim_view_run *run = sim_view_find(cpu, linear);
	const bool second = run && run->permissions & 1u << cpu->fault_access;

	/* An access over the end of a page is reported by its beginning. */
	if (second && last / SIM_PAGE_SIZE != linear / SIM_PAGE_SIZE)
		return fill_page(cpu, last & ~(uint64_t)(SIM_PAGE_SIZE - 1), stop);
	return fill_page(cpu, linear, stop);
}
