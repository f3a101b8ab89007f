/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "ghcb.h"

#include "cpu.h"
#include "tinyfw.h"

/* The protocol that is spoken here. SNP came with it. */
#define PROTOCOL 2

#define PSC_SHARED     (2ull << 52)
#define STRING(...)    STRING_OF(__VA_ARGS__)
#define STRING_OF(...) #__VA_ARGS__

#define UPPER(answer) ((answer) >> 32)

extern char ghcb_pages[];

static void vmgexit(void)
{
	__asm__ volatile(".byte " STRING(VMGEXIT) : : : "memory");
}

static uint64_t msr_request(uint64_t request)
{
	write_msr(MSR_GHCB, request);
	vmgexit();
	return read_msr(MSR_GHCB);
}

uint64_t ghcb_msr_protocol(uint64_t request)
{
	const uint64_t page = read_msr(MSR_GHCB);
	const uint64_t answer = msr_request(request);

	write_msr(MSR_GHCB, page);
	return answer;
}

void ghcb_terminate(uint32_t set, uint32_t code)
{
	(void)ghcb_msr_protocol(GHCB_MSR_TERMINATE | (set & 0xf) << 12 | (code & 0xff) << 16);
}

/* Before there is a page, there is nothing to print with. */
static _Noreturn void give_up(void)
{
	for (;;)
		(void)msr_request(GHCB_MSR_TERMINATE);
}

static void check_version(void)
{
	const uint64_t answer = msr_request(GHCB_MSR_SEV_INFO_RQ);

	if ((answer & GHCB_MSR_INFO_MASK) != GHCB_MSR_SEV_INFO || answer >> 48 < PROTOCOL ||
	    (UPPER(answer) & 0xffff) > PROTOCOL)
		give_up();
}

/* The page has never been validated: it only has to become the VMM's. */
static void share_page(uint64_t gpa)
{
	const uint64_t answer = msr_request(GHCB_MSR_PSC_RQ | gpa | PSC_SHARED);

	if ((answer & GHCB_MSR_INFO_MASK) != GHCB_MSR_PSC || UPPER(answer) != 0)
		give_up();
	if (msr_request(GHCB_MSR_REGISTER_RQ | gpa) != (GHCB_MSR_REGISTER | gpa))
		give_up();
}

void ghcb_init(uint32_t vcpu)
{
	const uint64_t gpa = (uintptr_t)ghcb_pages + vcpu * PAGE;

	check_version();
	if (platform.tech == TECH_SNP)
		share_page(gpa);
	write_msr(MSR_GHCB, gpa);
	for (uint32_t i = 0; i < PAGE / sizeof(uint64_t); i++)
		ghcb_page()[i] = 0;
}

volatile uint64_t *ghcb_page(void)
{
	return word_at(shared_view(read_msr(MSR_GHCB)));
}

void ghcb_begin(void)
{
	volatile uint64_t *page = ghcb_page();

	page[GHCB_BITMAP / 8] = 0;
	page[GHCB_BITMAP / 8 + 1] = 0;
}

void ghcb_put(uint32_t field, uint64_t value)
{
	volatile uint64_t *page = ghcb_page();
	const uint32_t bit = field / 8;

	page[field / 8] = value;
	page[GHCB_BITMAP / 8 + bit / 64] |= 1ull << bit % 64;
}

uint64_t ghcb_get(uint32_t field)
{
	return ghcb_page()[field / 8];
}

bool ghcb_call(uint64_t event, uint64_t info1, uint64_t info2)
{
	ghcb_put(GHCB_CODE, event);
	ghcb_put(GHCB_INFO1, info1);
	ghcb_put(GHCB_INFO2, info2);
	ghcb_page()[GHCB_VERSIONS / 8] = PROTOCOL << 16;
	vmgexit();
	return (ghcb_get(GHCB_INFO1) & UINT32_MAX) == 0;
}

bool ghcb_msr(uint32_t msr, bool write, uint64_t *value)
{
	ghcb_begin();
	ghcb_put(GHCB_RCX, msr);
	if (write) {
		ghcb_put(GHCB_RAX, *value & UINT32_MAX);
		ghcb_put(GHCB_RDX, *value >> 32);
	}
	if (!ghcb_call(EXIT_MSR, write, 0))
		return false;
	if (!write)
		*value = (ghcb_get(GHCB_RAX) & UINT32_MAX) | ghcb_get(GHCB_RDX) << 32;
	return true;
}

void ghcb_reset_hold(void)
{
	ghcb_begin();
	(void)ghcb_call(EVENT_RESET_HOLD, 0, 0);
}
