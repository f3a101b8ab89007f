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

/* main.c: entry.S goes on there, with layout.h's platform word. */
void bsp_main(uint32_t platform_word);

/* platform.c: what kind of guest this is. Private memory is where its address says; the shared view
 * of the same address is SHARED_VIEW above, if there is an address bit. */
struct platform {
	uint32_t tech;        /* TECH_* */
	uint64_t address_bit; /* C-bit or shared bit, 0: none */
	uint64_t sev_status;  /* SEV_STATUS, 0: not known */
};

#define SHARED_VIEW 0x100000000ull

extern struct platform platform;
void platform_init(uint32_t word);
/* Of the calling vCPU. */
void platform_init_ap(uint32_t vcpu);
/* NULL: none that a guest can tell. */
const char *platform_name(void);
volatile uint32_t *record_word(uint32_t field);
uint64_t shared_view(uint64_t gpa);
/* Asks the VMM to move pages to one side. 0, or negative: it does not want to. */
int64_t request_conversion(uint64_t gpa, uint64_t pages, bool private);
/* The same with what the guest has to do itself: the pages can be used afterwards. */
int64_t convert(uint64_t gpa, uint64_t pages, bool private);
bool platform_read_msr(uint32_t msr, uint64_t *value);
bool platform_write_msr(uint32_t msr, uint64_t value);
/* False: the caller does it by INIT and SIPI. */
bool platform_start_ap(uint32_t vcpu);
/* APs stay in the code and look at memory after platform_wait() returns. */
bool platform_wakes_by_memory(void);
void platform_wait(void);
/* False: there is no such request here. They return if the VMM lets the guest go on. */
bool platform_terminate(uint32_t set, uint32_t code);
bool platform_report_fatal_error(const char *text);

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
_Noreturn void shut_down(void);

/* bring.c: firmware for the next life */
void bring_offer(void);
void bring_disable(void);
void bring_look_back(void);

/* hashes.c: those of a direct kernel boot */
void hashes_print(void);

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
