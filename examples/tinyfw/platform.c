/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What kind of guest this is, and what everything else need not know of it. */
#include "cpu.h"
#include "ghcb.h"
#include "snp.h"
#include "tdx.h"
#include "tinyfw.h"

struct platform platform;

extern char boot_record[];

volatile uint32_t *record_word(uint32_t field)
{
	return (volatile uint32_t *)(boot_record + field);
}

static bool speaks_ghcb(void)
{
	return platform.tech == TECH_SEV_ES || platform.tech == TECH_SNP;
}

void platform_init(uint32_t word)
{
	const uint32_t bit = word >> PLATFORM_CBIT_BIT & PLATFORM_FIELD;

	platform.tech = word >> PLATFORM_TECH_BIT & PLATFORM_FIELD;
	platform.address_bit = bit ? 1ull << bit : 0;
	if (platform.tech == TECH_TDX)
		tdx_init();
	else
		platform.sev_status = *record_word(RECORD_STATUS) |
				      (uint64_t)*record_word(RECORD_STATUS + 4) << 32;
	if (speaks_ghcb())
		ghcb_init(0);
}

void platform_init_ap(uint32_t vcpu)
{
	if (speaks_ghcb())
		ghcb_init(vcpu);
}

const char *platform_name(void)
{
	static const char *const names[] = {[TECH_SEV] = "SEV",
					    [TECH_SEV_ES] = "SEV-ES",
					    [TECH_SNP] = "SEV-SNP",
					    [TECH_TDX] = "TDX"};

	return names[platform.tech];
}

uint64_t shared_view(uint64_t gpa)
{
	return platform.tech == TECH_NONE ? gpa : gpa + SHARED_VIEW;
}

int64_t request_conversion(uint64_t gpa, uint64_t pages, bool private)
{
	switch (platform.tech) {
	case TECH_NONE:
		return map_gpa_range(gpa, pages, private ? MAP_GPA_PRIVATE : MAP_GPA_SHARED);
	case TECH_SNP:
		return snp_request_state(gpa, pages, private);
	case TECH_TDX:
		return tdx_map_gpa(gpa, pages, private);
	default: /* the C-bit alone decides */
		return 0;
	}
}

int64_t convert(uint64_t gpa, uint64_t pages, bool private)
{
	int64_t result;

	if (platform.tech == TECH_SNP && !private) {
		result = snp_validate(gpa, pages, false);
		if (result != 0)
			return result;
	}
	result = request_conversion(gpa, pages, private);
	if (result != 0 || !private)
		return result;
	if (platform.tech == TECH_SNP)
		return snp_validate(gpa, pages, true);
	if (platform.tech == TECH_TDX)
		return tdx_accept(gpa, pages);
	return 0;
}

bool platform_read_msr(uint32_t msr, uint64_t *value)
{
	if (speaks_ghcb())
		return ghcb_msr(msr, false, value);
	*value = read_msr(msr);
	return true;
}

bool platform_write_msr(uint32_t msr, uint64_t value)
{
	if (speaks_ghcb())
		return ghcb_msr(msr, true, &value);
	write_msr(msr, value);
	return true;
}

bool platform_wakes_by_memory(void)
{
	return platform.tech >= TECH_SEV_ES;
}

void platform_wait(void)
{
	if (speaks_ghcb())
		ghcb_reset_hold();
	else
		cpu_pause();
}

bool platform_start_ap(uint32_t vcpu)
{
	if (platform.tech == TECH_TDX) {
		*record_word(RECORD_RELEASED) = 1; /* all of them */
		return true;
	}
	return platform.tech == TECH_SNP && snp_start_ap(vcpu);
}

bool platform_terminate(uint32_t set, uint32_t code)
{
	if (!speaks_ghcb())
		return false;
	ghcb_terminate(set, code);
	return true;
}

bool platform_report_fatal_error(const char *text)
{
	if (platform.tech != TECH_TDX)
		return false;
	tdx_report_fatal_error(text);
	return true;
}
