/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/sev_cpuid_page.h"

#include "kvm/uapi_sev.h"

#include <string.h>

/*
 * Bits that no SNP guest may be told of. The firmware compares with what its own processor offers;
 * these are refused by the one simulated here, and by that of the lab's kernel.
 */
static const struct {
	uint32_t leaf;
	uint32_t subleaf;
	uint32_t ebx;
	uint32_t ecx;
} refused[] = {
	{1, 0, 0, 1u << 5 | 1u << 6},            /* VMX, SMX */
	{7, 0, 1u << 2 | 1u << 4 | 1u << 11, 0}, /* SGX, HLE, RTM */
};

static bool clear(uint32_t *value, uint32_t bits)
{
	bool had = *value & bits;

	*value &= ~bits;
	return had;
}

static bool correct(struct uapi_snp_cpuid_entry *entry)
{
	bool changed = entry->reserved != 0;

	entry->reserved = 0;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (refused[i].leaf != entry->eax_in)
			continue;
		/* Leaf 1 has no subleaves: its index is not looked at. */
		if (refused[i].leaf != 1 && refused[i].subleaf != entry->ecx_in)
			continue;
		changed |= clear(&entry->ebx, refused[i].ebx);
		changed |= clear(&entry->ecx, refused[i].ecx);
	}
	return changed;
}

bool sim_snp_correct_cpuid(uint8_t page[4096])
{
	struct uapi_snp_cpuid_table table;
	bool changed;

	memcpy(&table, page, sizeof(table));
	if (table.count > UAPI_SNP_CPUID_MAX) {
		table.count = UAPI_SNP_CPUID_MAX;
		changed = true;
	} else {
		changed = table.reserved1 || table.reserved2;
		table.reserved1 = 0;
		table.reserved2 = 0;
		for (uint32_t i = 0; i < table.count; i++)
			changed |= correct(&table.entries[i]);
	}
	memcpy(page, &table, sizeof(table));
	return changed;
}
