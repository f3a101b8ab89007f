/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of the CPU share. libunicorn is in cpu_engine.c and cpu_registers.c alone. */
#ifndef COCO_SIM_CPU_INTERNAL_H
#define COCO_SIM_CPU_INTERNAL_H

#include <stdatomic.h>

#include "sim/cpu.h"

struct uc_struct;
struct uc_context;

/* AMD APM volume 2, 3.1; Intel SDM volume 3, 2.5 */
#define CR0_PE (1ull << 0)
#define CR0_TS (1ull << 3)
#define CR0_ET (1ull << 4)
#define CR0_NE (1ull << 5)
#define CR0_WP (1ull << 16)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)

#define CR4_PSE  (1ull << 4)
#define CR4_PAE  (1ull << 5)
#define CR4_LA57 (1ull << 12)
#define CR4_SMEP (1ull << 20)
#define CR4_SMAP (1ull << 21)

#define EFER_SCE (1ull << 0)
#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)
#define EFER_NXE (1ull << 11)

#define RFLAGS_FIXED (1ull << 1)
#define RFLAGS_ZF    (1ull << 6)
#define RFLAGS_TF    (1ull << 8)
#define RFLAGS_IF    (1ull << 9)
#define RFLAGS_DF    (1ull << 10)
#define RFLAGS_NT    (1ull << 14)
#define RFLAGS_RF    (1ull << 16)
#define RFLAGS_VM    (1ull << 17)
#define RFLAGS_AC    (1ull << 18)

/* Error code of #PF */
#define PF_PRESENT  (1u << 0)
#define PF_WRITE    (1u << 1)
#define PF_USER     (1u << 2)
#define PF_RESERVED (1u << 3)
#define PF_FETCH    (1u << 4)

/* A segment register with what is cached of its descriptor; `flags` as in its upper doubleword. */
struct sim_descriptor {
	uint32_t selector;
	uint64_t base;
	uint32_t limit;
	uint32_t flags;
};

#define DESCRIPTOR_ACCESSED (1u << 8)
#define DESCRIPTOR_CODE     (1u << 11)
#define DESCRIPTOR_S        (1u << 12)
#define DESCRIPTOR_DPL      13
#define DESCRIPTOR_P        (1u << 15)
#define DESCRIPTOR_L        (1u << 21)
#define DESCRIPTOR_DB       (1u << 22)
#define DESCRIPTOR_G        (1u << 23)

/*
 * The beginning of the engine's register file: QEMU's CPUX86State, which is what a uc_context
 * holds. libunicorn's API has no words for the hidden parts of segment registers, for CPL and for
 * the mode, so they are read and written there. sim_engine_open() holds this layout against the API
 * before it is used.
 */
struct sim_register_file {
	uint64_t gpr[16];
	uint64_t rip;
	uint64_t rflags; /* without the flags that arithmetic sets, and DF */
	uint64_t cc[3];
	uint32_t cc_op;
	int32_t df;
	uint32_t hidden_flags;
	uint32_t hidden_flags2;
	struct sim_descriptor segment[6];
	struct sim_descriptor ldt, tr, gdt, idt;
	uint64_t cr[5];
};

/* hidden_flags */
#define HIDDEN_CPL    3u
#define HIDDEN_CS32   (1u << 4)
#define HIDDEN_SS32   (1u << 5)
#define HIDDEN_ADDSEG (1u << 6)
#define HIDDEN_PE     (1u << 7)
#define HIDDEN_LMA    (1u << 14)
#define HIDDEN_CS64   (1u << 15)

/* A run of linear addresses that the engine has memory for. */
struct sim_view_run {
	uint64_t linear;
	uint64_t size;
	uint8_t *host;
	uint32_t permissions; /* 1 << enum sim_access */
};

/* Each costs the engine time in proportion to how many there are. */
#define SIM_VIEW_RUNS 160

/* Why the engine came back: written by its hooks. */
enum sim_caught {
	CAUGHT_NOTHING,     /* attention, or a restart */
	CAUGHT_FAULT,       /* no memory in the view, or not with that permission */
	CAUGHT_EXCEPTION,   /* by `vector`, with `error_code` */
	CAUGHT_INSTRUCTION, /* `insn` is next */
};

/* Instructions that the CPU takes from the engine and executes itself. */
enum sim_own_instruction {
	OWN_NONE,
	OWN_MOV_FROM_CR,
	OWN_MOV_TO_CR,
	OWN_LMSW,
	OWN_INVLPG,
	OWN_INT, /* INT n, INT3, INTO */
	OWN_STOS,
	OWN_MOVS,
	OWN_UNDEFINED,
};

struct sim_decoded {
	enum sim_own_instruction own; /* OWN_NONE: insn.kind is for others */
	struct sim_insn insn;
	uint8_t modrm;
	uint8_t rex;
	uint8_t vector;
	bool port_in_dx;
	bool pause;
	bool shadow; /* interrupts are held off for one instruction after it */
};

struct sim_block {
	uint64_t linear;
	uint64_t sum;
	bool used;
};

struct sim_blocks {
	struct sim_block *table;
	uint32_t size, count;
};

struct sim_cpu {
	struct sim_vcpu *vcpu;
	struct uc_struct *engine;
	struct uc_context *context;     /* where the register file is copied to */
	struct sim_register_file *file; /* in `context` */
	/* in `context`, in bytes: what the engine says of an exception */
	int32_t *error_code;
	int32_t *old_exception;

	/* What the guest sees; the engine itself runs without paging. */
	uint64_t cr0, cr2, cr3, cr4, efer;

	struct sim_view_run view[SIM_VIEW_RUNS];
	uint32_t view_count;
	uint64_t view_epoch;
	uint64_t code_page; /* linear; the view's part at `code_host` */
	const uint8_t *code_host;
	struct sim_blocks blocks;

	enum sim_caught caught;
	uint64_t fault_linear;
	enum sim_access fault_access;
	uint32_t fault_size;
	uint64_t fault_data;
	uint32_t vector;
	struct sim_decoded decoded;
	bool window;      /* stop where interrupts are taken */
	uint64_t current; /* linear address of the instruction that began last */
	uint32_t budget;  /* instructions until others are looked at */
	uint64_t passed;  /* linear address of an instruction that is the engine's this time */
	uint64_t shadow;  /* linear address of the instruction that no interrupt may precede */
	atomic_bool attention;

	/* An event that is to be delivered. */
	struct {
		bool pending;
		bool external; /* not an exception: no error code */
		bool software; /* INT n: the gate's DPL counts */
		uint32_t vector;
		uint32_t error_code;
	} event;

	/* An instruction with an operand where there is no memory; see sim_cpu_mmio_done(). */
	struct {
		bool active;   /* `pages` are in the view, and one instruction is executed */
		uint32_t step; /* instructions that the engine began since */
		bool written;
		uint64_t read_linear, write_linear;
		bool has_read, has_write;
		uint8_t *pages; /* two, for what is read and what is written */
		struct sim_cpu_stop stop;
		uint64_t stop_linear;
	} mmio;
};

/* --- cpu_engine.c */

int sim_engine_open(struct sim_cpu *cpu);
void sim_engine_close(struct sim_cpu *cpu);
/* Executes; cpu->caught says why it came back. The lock is given up within. */
void sim_engine_run(struct sim_cpu *cpu);
/* 0, or -ENOMEM. The run must not overlap another. */
int sim_view_add(struct sim_cpu *cpu, const struct sim_view_run *run);
void sim_view_remove(struct sim_cpu *cpu, struct sim_view_run *run);
void sim_view_drop(struct sim_cpu *cpu);
/* The run that has the address; NULL: none. */
struct sim_view_run *sim_view_find(struct sim_cpu *cpu, uint64_t linear);

/* --- cpu_blocks.c */

uint64_t sim_block_sum(uint64_t sum, const uint8_t *bytes, size_t size);
/* Whether the block is new or as it was last; it is so from now on. */
bool sim_blocks_same(struct sim_blocks *blocks, uint64_t linear, uint64_t sum);
void sim_blocks_free(struct sim_blocks *blocks);

/* --- cpu_registers.c */

/* The engine's register file, copied out; changes count after sim_registers_store(). */
struct sim_register_file *sim_registers_load(struct sim_cpu *cpu);
void sim_registers_store(struct sim_cpu *cpu);
/* 0, or -ENOTSUP: this libunicorn's register file is another. */
int sim_registers_check(struct sim_cpu *cpu);
/* hidden_flags of a file by its segments and the guest's control registers. */
void sim_registers_settle(struct sim_cpu *cpu, struct sim_register_file *file, unsigned int cpl);
uint64_t sim_registers_linear_rip(struct sim_cpu *cpu);
void sim_registers_set_linear_rip(struct sim_cpu *cpu, uint64_t linear);
/* The engine gets its half of CR0 and CR4. */
void sim_registers_store_control(struct sim_cpu *cpu);
uint64_t sim_cpu_control(struct sim_cpu *cpu, unsigned int number);
bool sim_cpu_long_mode(const struct sim_cpu *cpu);

/* --- cpu_walk.c */

struct sim_walk {
	uint64_t gpa;
	uint64_t page_size; /* that the address is within; 0: paging is off */
	bool bit;
	bool writable;
	bool executable;
	bool dirty;
	uint32_t error_code; /* of #PF */
};

enum sim_walk_result {
	WALK_DONE,
	WALK_EVENT, /* an exception is pending: #PF, #GP or the technology's */
	WALK_STOP,  /* *stop is filled */
};

/* Translates one address; marks pages accessed and dirty. `probe`: raises nothing, and marks
 * nothing. */
enum sim_walk_result sim_walk(struct sim_cpu *cpu, uint64_t linear, enum sim_access access,
			      bool user, bool probe, struct sim_walk *walk,
			      struct sim_cpu_stop *stop);
/* What is at a translated address. */
enum sim_walk_result sim_find(struct sim_cpu *cpu, uint64_t gpa, bool bit, enum sim_access access,
			      struct sim_cpu_stop *stop);
/* Access of the CPU itself, as a supervisor. */
enum sim_walk_result sim_access_linear(struct sim_cpu *cpu, uint64_t linear, void *bytes,
				       size_t size, bool write, struct sim_cpu_stop *stop);
/* Brings memory for the fault that the engine met into the view. */
enum sim_walk_result sim_view_fill(struct sim_cpu *cpu, struct sim_cpu_stop *stop);

/* --- cpu_events.c */

/* Delivers the pending event: false: *stop is filled. */
bool sim_event_deliver(struct sim_cpu *cpu, struct sim_cpu_stop *stop);

/* --- cpu_decode.c */

/* False: the engine's own business. `bytes`: 15 of them, zeroes after the end of what is known. */
bool sim_decode(const uint8_t *bytes, unsigned int code_bits, struct sim_decoded *out);

/* --- cpu_emulate.c */

/* Executes cpu->decoded, one of the CPU's own: false: *stop is filled. */
bool sim_emulate(struct sim_cpu *cpu, struct sim_cpu_stop *stop);

#endif
