/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "snp.h"

#include "cpu.h"
#include "exception.h"
#include "ghcb.h"
#include "tinyfw.h"

#define LARGE_PAGES 512

/* Page state change (GHCB specification, 4.1.6): a header and entries in the shared buffer */
#define PSC_PRIVATE     (1ull << 52)
#define PSC_SHARED      (2ull << 52)
#define PSC_LARGE       (1ull << 56)
#define PSC_MAX_ENTRIES ((GHCB_SHARED_BUFFER_SIZE - 8) / 8)

/* PVALIDATE and RMPADJUST (APM volume 3) */
#define SIZE_MISMATCH   6
#define NO_INSTRUCTION  0x100 /* ours: handle_ud() */
#define RMPADJUST_VMPL1 0x00001
#define RMPADJUST_VMSA  0x10000

static bool is_large(uint64_t gpa, uint64_t pages)
{
	return gpa % (LARGE_PAGES * PAGE) == 0 && pages >= LARGE_PAGES;
}

/* Fills the shared buffer with as much of the range as goes in; answers how many pages. */
static uint64_t list_states(uint64_t gpa, uint64_t pages, bool private)
{
	volatile uint64_t *header = ghcb_page() + GHCB_SHARED_BUFFER / 8;
	const uint64_t operation = private ? PSC_PRIVATE : PSC_SHARED;
	uint64_t listed = 0;
	uint32_t entries = 0;

	while (listed < pages && entries < PSC_MAX_ENTRIES) {
		const bool large = is_large(gpa + listed * PAGE, pages - listed);

		header[1 + entries++] = (gpa + listed * PAGE) | operation | (large ? PSC_LARGE : 0);
		listed += large ? LARGE_PAGES : 1;
	}
	header[0] = (uint64_t)(entries - 1) << 16; /* the current and the last entry */
	return listed;
}

/* The VMM does as many entries at a time as it likes. */
static bool change_listed_states(void)
{
	volatile uint64_t *header = ghcb_page() + GHCB_SHARED_BUFFER / 8;
	const uint64_t buffer = read_msr(MSR_GHCB) + GHCB_SHARED_BUFFER;

	while ((header[0] & 0xffff) <= (header[0] >> 16 & 0xffff)) {
		ghcb_begin();
		ghcb_put(GHCB_SCRATCH, buffer);
		if (!ghcb_call(EVENT_PSC, 0, 0) || ghcb_get(GHCB_INFO2) >> 32 != 0)
			return false;
	}
	return true;
}

int64_t snp_request_state(uint64_t gpa, uint64_t pages, bool private)
{
	while (pages) {
		const uint64_t listed = list_states(gpa, pages, private);

		if (!change_listed_states())
			return -1;
		gpa += listed * PAGE;
		pages -= listed;
	}
	return 0;
}

enum validation { VALIDATED, OTHER_SIZE, NOTHING_TO_VALIDATE, VALIDATION_FAILED };

static enum validation pvalidate(uint64_t gpa, bool large, bool valid)
{
	uint64_t code = gpa;
	bool unchanged;

	__asm__ volatile(".byte 0xf2, 0x0f, 0x01, 0xff"
			 : "+a"(code), "=@ccc"(unchanged)
			 : "c"((uint64_t)large), "d"((uint64_t)valid)
			 : "memory");
	switch (code & UINT32_MAX) {
	case 0:
		/* A page that was valid before was swapped for another one. */
		return unchanged ? VALIDATION_FAILED : VALIDATED;
	case SIZE_MISMATCH:
		return OTHER_SIZE;
	case NO_INSTRUCTION:
		return NOTHING_TO_VALIDATE;
	default:
		return VALIDATION_FAILED;
	}
}

int64_t snp_validate(uint64_t gpa, uint64_t pages, bool valid)
{
	const uint64_t end = gpa + pages * PAGE;
	uint64_t small_until = gpa; /* the VMM has small pages up to here */

	while (gpa < end) {
		const bool large = gpa >= small_until && is_large(gpa, (end - gpa) / PAGE);
		const enum validation result = pvalidate(gpa, large, valid);

		if (result == NOTHING_TO_VALIDATE)
			return 0;
		if (result == OTHER_SIZE && large) {
			small_until = gpa + LARGE_PAGES * PAGE;
			continue;
		}
		if (result != VALIDATED)
			return -1;
		gpa += (large ? LARGE_PAGES : 1) * PAGE;
	}
	return 0;
}

/*
 * A processor that is simulated in part may have neither instruction: nothing is to be validated
 * there. Any other #UD is a shutdown that the VMM sees, like all exceptions without a handler.
 */
void handle_ud(struct exception_frame *frame)
{
	const uint8_t *code = exception_code(frame);
	const bool is_pvalidate = code[0] == 0xf2 && code[3] == 0xff;
	const bool is_rmpadjust = code[0] == 0xf3 && code[3] == 0xfe;

	if (platform.tech != TECH_SNP || code[1] != 0x0f || code[2] != 0x01 ||
	    !(is_pvalidate || is_rmpadjust))
		shut_down();
	frame->rax = NO_INSTRUCTION;
	frame->rflags &= ~1ull;
	frame->rip += 4;
}

/* --- vCPUs */

#define FEATURE_AP_CREATION 0x2
#define AP_CREATE           1

/* SEV features that this vCPU runs with, as its SEV_STATUS shows them from bit 2 on. */
#define STATUS_FEATURES_BIT 2

/* The state save area of an encrypted guest (APM volume 2, appendix B), and its reset values */
#define SEGMENT_LIMIT 0xffff
static const struct {
	uint32_t field;
	uint32_t attributes;
	uint32_t selector;
	uint32_t base;
} vmsa_segments[] = {
	{0x000, 0x092, 0, 0},               /* ES */
	{0x010, 0x09a, 0xf000, 0xffff0000}, /* CS */
	{0x020, 0x092, 0, 0},               /* SS */
	{0x030, 0x092, 0, 0},               /* DS */
	{0x040, 0x092, 0, 0},               /* FS */
	{0x050, 0x092, 0, 0},               /* GS */
	{0x060, 0x000, 0, 0},               /* GDTR */
	{0x070, 0x082, 0, 0},               /* LDTR */
	{0x080, 0x000, 0, 0},               /* IDTR */
	{0x090, 0x083, 0, 0},               /* TR */
};

static const struct {
	uint32_t field;
	uint64_t value;
} vmsa_registers[] = {
	{0x0d0, 0x1000},          /* EFER: SVME */
	{0x148, 0x40},            /* CR4: MCE */
	{0x158, 0x10},            /* CR0: ET */
	{0x160, 0x400},           /* DR7 */
	{0x168, 0xffff0ff0},      /* DR6 */
	{0x170, 0x2},             /* RFLAGS */
	{0x268, 0x7040600070406}, /* PAT */
	{0x3e8, 0x1},             /* XCR0 */
	{0x408, 0x1f80},          /* MXCSR */
	{0x410, 0x37f},           /* x87 control word */
};

#define VMSA_RIP      0x178
#define VMSA_FEATURES 0x3b0

extern char vmsa_pages[], ap_entry[];

static void fill_vmsa(volatile uint64_t *vmsa, uint64_t features)
{
	for (uint32_t i = 0; i < PAGE / 8; i++)
		vmsa[i] = 0;
	for (uint32_t i = 0; i < sizeof(vmsa_segments) / sizeof(vmsa_segments[0]); i++) {
		volatile uint64_t *segment = vmsa + vmsa_segments[i].field / 8;

		segment[0] = vmsa_segments[i].selector | vmsa_segments[i].attributes << 16 |
			     (uint64_t)SEGMENT_LIMIT << 32;
		segment[1] = vmsa_segments[i].base;
	}
	for (uint32_t i = 0; i < sizeof(vmsa_registers) / sizeof(vmsa_registers[0]); i++)
		vmsa[vmsa_registers[i].field / 8] = vmsa_registers[i].value;
	vmsa[VMSA_RIP / 8] = (uintptr_t)ap_entry & UINT16_MAX;
	vmsa[VMSA_FEATURES / 8] = features;
}

static bool make_vmsa_page(uint64_t gpa)
{
	uint64_t code = gpa;

	__asm__ volatile(".byte 0xf3, 0x0f, 0x01, 0xfe"
			 : "+a"(code)
			 : "c"(0ull), "d"((uint64_t)(RMPADJUST_VMPL1 | RMPADJUST_VMSA))
			 : "memory", "cc");
	return (code & UINT32_MAX) == 0;
}

bool snp_start_ap(uint32_t vcpu)
{
	const uint64_t features = platform.sev_status >> STATUS_FEATURES_BIT;
	const uint64_t gpa = (uintptr_t)vmsa_pages + vcpu * PAGE;
	const uint64_t answer = ghcb_msr_protocol(GHCB_MSR_FEATURES_RQ);

	if (!features || (answer & GHCB_MSR_INFO_MASK) != GHCB_MSR_FEATURES ||
	    !(answer >> 12 & FEATURE_AP_CREATION))
		return false;
	if (convert(gpa, 1, true) != 0)
		return false;
	fill_vmsa(word_at(gpa), features);
	if (!make_vmsa_page(gpa))
		return false;
	ghcb_begin();
	ghcb_put(GHCB_RAX, features);
	return ghcb_call(EVENT_AP_CREATION, (uint64_t)vcpu << 32 | AP_CREATE, gpa);
}
