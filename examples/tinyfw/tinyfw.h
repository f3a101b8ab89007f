/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TINYFW_H
#define TINYFW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

#define KIB  0x400ul
#define MIB  0x100000ul
#define PAGE 0x1000ul

static inline uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline volatile uint64_t *word_at(uint64_t gpa)
{
	return (volatile uint64_t *)gpa; /* NOLINT(performance-no-int-to-ptr): memory by address */
}

/* entry.S, hypercall.S, tinyfw.ld */
_Noreturn void park(void);
int64_t map_gpa_range(uint64_t gpa, uint64_t pages, uint64_t attributes);
extern const char trampoline[], trampoline_end[];
extern char trampoline_page[];
extern char conversion_pages[], conversion_pages_end[];
extern char own_memory_end[];

/* main.c: entry.S goes on there. */
void bsp_main(void);

/* machine.c: what the VMM says about this machine, and what it is told. */
struct machine {
	bool has_device; /* coco_port.h's; without it the rest are defaults */
	bool has_private_memory;
	uint32_t incarnation;
	uint32_t vcpus;
	uint64_t memory_end; /* 0: not known */
	uint64_t search_end; /* searched for an old secret from own_memory_end up to here */
};

extern struct machine machine;
void machine_probe(void);
char machine_command_byte(void);
void machine_report_failures(void);
/* Counts and reports; the caller has printed what failed. */
void check_failed(void);
_Noreturn void machine_halt(uint32_t status);
_Noreturn void machine_halt_with_failures(void);

/* serial.c: %s %u %lu %lx and %%. */
void serial_init(void);
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);

/* memory.c */
#define SEARCH_CHUNK (64 * MIB)
bool memory_make_private(uint64_t end, uint64_t chunk);
void memory_touch(uint64_t mib, uint64_t chunk);

/* secret.c */
void secret_search_shared(void);
void secret_search(void);
void secret_write(void);

/* conversion.c */
void conversion_check(void);

/* reset.c */
enum reset_kind { RESET_NONE, RESET_CF9, RESET_KBD, RESET_TRIPLE };

/* On vCPU `vcpu`, the caller. Returns: the VMM may take its time, or do nothing. */
void reset_ask(enum reset_kind kind, uint32_t vcpu);

/* vcpus.c */
void vcpus_start(void);
/* Has another vCPU ask for a reset; false if it did not come for the job. */
bool vcpus_reset_on(uint32_t vcpu, enum reset_kind kind);
void ap_main(uint32_t vcpu);

/* deadline.c: a wait that ends, also where the TSC stands still. */
struct deadline {
	uint64_t start;
	uint64_t ticks;
	uint64_t turns;
};

void deadline_start(struct deadline *deadline, uint64_t ticks);
bool deadline_passed(struct deadline *deadline);

/* commands.c */
void commands_run(void);

/* runtime.c: what compilers call on their own */
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);

#endif
