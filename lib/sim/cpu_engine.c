/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * libunicorn, as far as it is used here. Its addresses are the guest's linear ones (2.0 translates
 * none), and its memory map is used as a TLB: the view. It is filled when the engine meets an
 * address that it has no memory for, in ranges as large as they come, and dropped when translations
 * or the VM's memory change.
 *
 * A hook on each instruction keeps RIP exact (libunicorn restores it for exceptions only), finds
 * the instructions that leave the guest, and looks whether the vCPU is wanted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unicorn/unicorn.h>

#include "sim/cpu_internal.h"
#include "sim/run.h"

/* No address that code is at: not canonical. */
#define NEVER (1ull << 63 | 1)

/* Instructions between looks at timers and at other vCPUs of the VM. */
#define SIM_BUDGET 20000u

#define INSTRUCTION_MAX 15

/* --- the view */

static uint32_t engine_permissions(uint32_t permissions)
{
	return (permissions & 1u << SIM_READ ? UC_PROT_READ : 0u) |
	       (permissions & 1u << SIM_WRITE ? UC_PROT_WRITE : 0u) |
	       (permissions & 1u << SIM_FETCH ? UC_PROT_EXEC : 0u);
}

int sim_view_add(struct sim_cpu *cpu, const struct sim_view_run *run)
{
	if (cpu->view_count == SIM_VIEW_RUNS)
		sim_view_drop(cpu);
	if (uc_mem_map_ptr(cpu->engine, run->linear, run->size,
			   engine_permissions(run->permissions), run->host) != UC_ERR_OK)
		return -ENOMEM;
	cpu->view[cpu->view_count++] = *run;
	return 0;
}

void sim_view_remove(struct sim_cpu *cpu, struct sim_view_run *run)
{
	uc_mem_unmap(cpu->engine, run->linear, run->size);
	*run = cpu->view[--cpu->view_count];
	cpu->code_page = ~0ull;
}

void sim_view_drop(struct sim_cpu *cpu)
{
	while (cpu->view_count > 0)
		sim_view_remove(cpu, &cpu->view[cpu->view_count - 1]);
	cpu->code_page = ~0ull;
}

struct sim_view_run *sim_view_find(struct sim_cpu *cpu, uint64_t linear)
{
	for (uint32_t i = 0; i < cpu->view_count; i++)
		if (linear - cpu->view[i].linear < cpu->view[i].size)
			return &cpu->view[i];
	return NULL;
}

/* --- code as it is in memory now */

static const uint8_t *code_page(struct sim_cpu *cpu, uint64_t linear)
{
	const uint64_t page = linear & ~(uint64_t)(SIM_PAGE_SIZE - 1);
	const struct sim_view_run *run;

	if (page != cpu->code_page) {
		run = sim_view_find(cpu, page);
		if (!run)
			return NULL;
		cpu->code_page = page;
		cpu->code_host = run->host + (page - run->linear);
	}
	return cpu->code_host;
}

/* Copies up to `size` bytes of code; what is not in the view becomes zeroes. */
static void code_bytes(struct sim_cpu *cpu, uint64_t linear, uint8_t *to, size_t size)
{
	while (size > 0) {
		const size_t offset = linear % SIM_PAGE_SIZE;
		const size_t part = size < SIM_PAGE_SIZE - offset ? size : SIM_PAGE_SIZE - offset;
		const uint8_t *page = code_page(cpu, linear);

		if (page)
			memcpy(to, page + offset, part);
		else
			memset(to, 0, part);
		to += part;
		linear += part;
		size -= part;
	}
}

/* The bytes themselves, where they are in one page; else `copy`. */
static const uint8_t *code_at(struct sim_cpu *cpu, uint64_t linear, uint8_t *copy, size_t size)
{
	const size_t offset = linear % SIM_PAGE_SIZE;
	const uint8_t *page = offset + size <= SIM_PAGE_SIZE ? code_page(cpu, linear) : NULL;

	if (page)
		return page + offset;
	code_bytes(cpu, linear, copy, size);
	return copy;
}

/* --- hooks: they note what happened and stop the engine */

static void stop_engine(struct sim_cpu *cpu, enum sim_caught caught)
{
	cpu->caught = caught;
	uc_emu_stop(cpu->engine);
}

static bool on_memory(uc_engine *engine, uc_mem_type type, uint64_t address, int size,
		      int64_t value, void *context)
{
	struct sim_cpu *cpu = context;

	(void)engine;
	cpu->caught = CAUGHT_FAULT;
	cpu->fault_linear = address;
	cpu->fault_size = (uint32_t)size;
	cpu->fault_data = (uint64_t)value;
	if (type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_FETCH_PROT)
		cpu->fault_access = SIM_FETCH;
	else if (type == UC_MEM_WRITE_UNMAPPED || type == UC_MEM_WRITE_PROT)
		cpu->fault_access = SIM_WRITE;
	else
		cpu->fault_access = SIM_READ;
	return false;
}

static void on_exception(uc_engine *engine, uint32_t vector, void *context)
{
	struct sim_cpu *cpu = context;

	(void)engine;
	sim_registers_load(cpu);
	cpu->vector = vector;
	if (cpu->error_code)
		cpu->fault_data = (uint32_t)*cpu->error_code;
	if (cpu->old_exception) {
		/* Else the engine would make a double fault of the next. */
		*cpu->old_exception = -1;
		sim_registers_store(cpu);
	}
	stop_engine(cpu, CAUGHT_EXCEPTION);
}

static bool on_invalid(uc_engine *engine, void *context)
{
	struct sim_cpu *cpu = context;

	(void)engine;
	cpu->vector = SIM_VECTOR_UD;
	cpu->caught = CAUGHT_EXCEPTION;
	return false;
}

/* First bytes of what sim_decode() may have something to say about. */
static bool may_be_special(uint8_t byte)
{
	switch (byte) {
	case 0x0f:
	case 0x17:
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64 ... 0x67:
	case 0x6c ... 0x6f:
	case 0x8e:
	case 0xcc:
	case 0xcd:
	case 0xe4 ... 0xe7:
	case 0xec ... 0xf0:
	case 0xf2 ... 0xf4:
	case 0xfb:
		return true;
	default:
		return (byte & 0xf0) == 0x40;
	}
}

static unsigned int code_bits(const struct sim_cpu *cpu)
{
	if (cpu->file->hidden_flags & HIDDEN_CS64)
		return 64;
	return cpu->file->hidden_flags & HIDDEN_CS32 ? 32 : 16;
}

static bool is_special(struct sim_cpu *cpu, uint64_t linear, uint32_t size)
{
	uint8_t copy[INSTRUCTION_MAX];
	const uint8_t *bytes = code_at(cpu, linear, copy, sizeof(copy));

	if (!may_be_special(bytes[0]))
		return false;
	/* What is nothing special in 64-bit code is so nowhere; to ask for the mode costs more. */
	if (!sim_decode(bytes, 64, &cpu->decoded) && !cpu->decoded.shadow && !cpu->decoded.pause)
		return false;
	sim_registers_load(cpu);
	if (!sim_decode(bytes, code_bits(cpu), &cpu->decoded)) {
		if (cpu->decoded.shadow)
			cpu->shadow = linear + size;
		if (cpu->decoded.pause)
			cpu->budget = 1; /* it spins: others may have their turn */
		return false;
	}
	if (cpu->decoded.insn.length == 0)
		cpu->decoded.insn.length = (uint8_t)size;
	return true;
}

static bool is_plain(struct sim_cpu *cpu, uint64_t linear)
{
	return linear - cpu->code_page < SIM_PAGE_SIZE &&
	       !may_be_special(cpu->code_host[linear - cpu->code_page]);
}

static bool budget_spent(struct sim_cpu *cpu)
{
	if (--cpu->budget > 0)
		return false;
	cpu->budget = SIM_BUDGET;
	if (!sim_run_expired(cpu->vcpu))
		return false;
	sim_cpu_kick(cpu);
	return true;
}

static bool window_opened(struct sim_cpu *cpu, uint64_t linear)
{
	if (!cpu->window || linear == cpu->shadow || !(sim_cpu_rflags(cpu) & RFLAGS_IF))
		return false;
	cpu->window = false;
	sim_cpu_kick(cpu);
	return true;
}

static void on_instruction(uc_engine *engine, uint64_t linear, uint32_t size, void *context)
{
	struct sim_cpu *cpu = context;

	(void)engine;
	cpu->current = linear;
	if (cpu->mmio.active) {
		if (cpu->mmio.step++ > 0)
			stop_engine(cpu, CAUGHT_NOTHING);
		return;
	}
	if (linear != cpu->shadow)
		cpu->shadow = ~0ull;
	if (linear != cpu->passed)
		cpu->passed = ~0ull;
	if (atomic_load_explicit(&cpu->attention, memory_order_relaxed) ||
	    sim_run_wanted(cpu->vcpu) || budget_spent(cpu) || window_opened(cpu, linear))
		stop_engine(cpu, CAUGHT_NOTHING);
	else if (linear != cpu->passed && !is_plain(cpu, linear) && is_special(cpu, linear, size))
		stop_engine(cpu, CAUGHT_INSTRUCTION);
}

/*
 * The engine does not see it when code is changed by user space, another vCPU or the CPU's own REP
 * MOVS: blocks are compared with what they were when they were translated.
 */
static void on_block(uc_engine *engine, uint64_t linear, uint32_t size, void *context)
{
	struct sim_cpu *cpu = context;
	uint8_t copy[64];
	uint64_t sum = size;

	cpu->current = linear;
	for (uint32_t done = 0; done < size; done += sizeof(copy)) {
		const uint32_t part = size - done < sizeof(copy) ? size - done : sizeof(copy);

		sum = sim_block_sum(sum, code_at(cpu, linear + done, copy, part), part);
	}
	/* One address may begin blocks of several lengths, by mode and by where pages end. */
	if (sim_blocks_same(&cpu->blocks, linear ^ (uint64_t)size << 48, sum))
		return;
	uc_ctl_remove_cache(engine, linear, linear + size);
	stop_engine(cpu, CAUGHT_NOTHING);
}

static bool add_hooks(struct sim_cpu *cpu)
{
	const struct {
		int type;
		void *function;
	} hooks[] = {
		{UC_HOOK_MEM_INVALID, (void *)on_memory},   {UC_HOOK_INTR, (void *)on_exception},
		{UC_HOOK_INSN_INVALID, (void *)on_invalid}, {UC_HOOK_BLOCK, (void *)on_block},
		{UC_HOOK_CODE, (void *)on_instruction},
	};
	uc_hook handle;

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		if (uc_hook_add(cpu->engine, &handle, hooks[i].type, hooks[i].function, cpu, 1,
				0) != UC_ERR_OK)
			return false;
	return true;
}

/* --- where the engine keeps what it says of an exception */

#define PROBE_PAGE 0x10000ull

static int32_t *probe_word(struct sim_cpu *cpu, size_t index)
{
	return (int32_t *)(cpu->file + 1) + index;
}

/* #GP with a selector that is beyond the GDT: MOV DS, AX. */
static void provoke(struct sim_cpu *cpu, uint64_t selector)
{
	static const uint8_t mov_ds_ax[] = {0x8e, 0xd8};

	uc_mem_write(cpu->engine, PROBE_PAGE, mov_ds_ax, sizeof(mov_ds_ax));
	sim_cpu_set_gpr(cpu, SIM_RAX, selector);
	cpu->mmio.step = 0;
	uc_emu_start(cpu->engine, PROBE_PAGE, NEVER, 0, 0);
	sim_registers_load(cpu);
}

/*
 * libunicorn's API does not tell an exception's error code, and never ends one, so that each counts
 * as met while the one before it was delivered. Both words are in the register file, found by what
 * becomes of them: -1 and then the vector; two error codes.
 */
static int find_exception_words(struct sim_cpu *cpu)
{
	const uint64_t selectors[2] = {0x1238, 0x4560};
	const size_t words =
		(uc_context_size(cpu->engine) - 16 - sizeof(struct sim_register_file)) /
		sizeof(int32_t);
	uc_context *fresh;
	int32_t *before, *first;
	int r = -ENOTSUP;

	if (uc_context_alloc(cpu->engine, &fresh) != UC_ERR_OK)
		return -ENOMEM;
	before = calloc(words * 2, sizeof(*before));
	if (!before) {
		uc_context_free(fresh);
		return -ENOMEM;
	}
	first = before + words;
	sim_registers_load(cpu);
	uc_context_save(cpu->engine, fresh);
	memcpy(before, probe_word(cpu, 0), words * sizeof(*before));
	provoke(cpu, selectors[0]);
	memcpy(first, probe_word(cpu, 0), words * sizeof(*first));
	uc_context_restore(cpu->engine, fresh);
	provoke(cpu, selectors[1]);
	for (size_t i = 0; i < words; i++) {
		int32_t *now = probe_word(cpu, i);

		if (first[i] == (int32_t)selectors[0] && *now == (int32_t)selectors[1])
			cpu->error_code = now;
		if (before[i] == -1 && first[i] == SIM_VECTOR_GP && *now == SIM_VECTOR_GP)
			cpu->old_exception = now;
	}
	uc_context_restore(cpu->engine, fresh);
	if (cpu->error_code && cpu->old_exception)
		r = 0;
	free(before);
	uc_context_free(fresh);
	return r;
}

/* --- the engine */

static int open_engine(struct sim_cpu *cpu)
{
	int r;

	if (uc_open(UC_ARCH_X86, UC_MODE_64, &cpu->engine) != UC_ERR_OK ||
	    uc_context_alloc(cpu->engine, &cpu->context) != UC_ERR_OK)
		return -ENOMEM;
	r = sim_registers_check(cpu);
	if (r)
		return r;
	if (uc_mem_map(cpu->engine, PROBE_PAGE, SIM_PAGE_SIZE, UC_PROT_ALL) != UC_ERR_OK ||
	    !add_hooks(cpu))
		return -ENOMEM;
	cpu->mmio.active = true; /* no instruction is looked at */
	r = find_exception_words(cpu);
	cpu->mmio.active = false;
	uc_mem_unmap(cpu->engine, PROBE_PAGE, SIM_PAGE_SIZE);
	return r;
}

int sim_engine_open(struct sim_cpu *cpu)
{
	int r;

	cpu->code_page = ~0ull;
	cpu->budget = SIM_BUDGET;
	r = open_engine(cpu);
	if (r)
		sim_engine_close(cpu);
	return r;
}

void sim_engine_close(struct sim_cpu *cpu)
{
	if (cpu->context)
		uc_context_free(cpu->context);
	if (cpu->engine)
		uc_close(cpu->engine);
	cpu->context = NULL;
	cpu->engine = NULL;
}

void sim_engine_run(struct sim_cpu *cpu)
{
	const uint64_t rip = sim_cpu_rip(cpu);

	cpu->caught = CAUGHT_NOTHING;
	cpu->mmio.step = 0;
	sim_run_enter_guest(cpu->vcpu);
	uc_emu_start(cpu->engine, rip, NEVER, 0, 0);
	sim_run_leave_guest(cpu->vcpu);
	/* At an instruction the engine has the linear address in RIP, whatever the base of CS. */
	if (cpu->caught != CAUGHT_EXCEPTION &&
	    !(cpu->caught == CAUGHT_FAULT && cpu->fault_access == SIM_FETCH))
		sim_registers_set_linear_rip(cpu, cpu->current);
}
