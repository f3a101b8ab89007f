/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/tdx_params.h"

#include <errno.h>
#include <string.h>

/* Bits that the module insists on; KVM adds them. */
#define XFAM_FIXED1 3ull /* x87, SSE */

#define EPTP_WRITE_BACK    6u
#define EPTP_WALK_LENGTH_4 (3u << 3)
#define EPTP_WALK_LENGTH_5 (4u << 3)

#define TSC_KHZ_PER_UNIT 25000u
#define TSC_UNITS_MIN    4u
#define TSC_UNITS_MAX    400u

#define LEAF_EXTENDED 0x7u
#define LEAF_ADDRESS  0x80000008u
#define TSX           0x00000810u
#define WAITPKG       0x00000020u
#define ADDRESS_WIDTH 0x00ff0000u

#define SIGNIFICANT_INDEX 1u

/* kvm_find_cpuid_entry2() of Linux 7.2: an entry whose flags lack the index bit answers for every
 * index. */
static const struct kvm_cpuid_entry2 *find_entry(const struct uapi_tdx_init_vm *init,
						 uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < init->nent; i++) {
		const struct kvm_cpuid_entry2 *entry = &init->entries[i];

		if (entry->function == function &&
		    (!(entry->flags & SIGNIFICANT_INDEX) || entry->index == index))
			return entry;
	}
	return NULL;
}

static int set_address_width(const struct sim_tdx_host *host, const struct uapi_tdx_init_vm *init,
			     struct sim_td_params *out)
{
	const struct kvm_cpuid_entry2 *entry = find_entry(init, LEAF_ADDRESS, 0);
	uint32_t width;

	if (!entry)
		return -EINVAL;
	width = (entry->eax & ADDRESS_WIDTH) >> 16;
	if (width == 48) {
		out->eptp_controls = EPTP_WRITE_BACK | EPTP_WALK_LENGTH_4;
		return 0;
	}
	if (width != 52 || !host->options.ept_5level)
		return -EINVAL;
	out->eptp_controls = EPTP_WRITE_BACK | EPTP_WALK_LENGTH_5;
	out->config_flags |= SIM_TD_CONFIG_MAX_GPAW;
	return 0;
}

static bool not_for_tds(const struct kvm_cpuid_entry2 *entry)
{
	return entry->function == LEAF_EXTENDED && entry->index == 0 &&
	       ((entry->ebx & TSX) || (entry->ecx & WAITPKG));
}

/* What matters is how many leaves found an entry, not which entries were found. */
static int set_cpuid(const struct uapi_tdx_init_vm *init, struct sim_td_params *out)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < sim_tdx_config_count(); i++) {
		struct kvm_cpuid_entry2 leaf;
		const struct kvm_cpuid_entry2 *entry;

		sim_tdx_config_entry(i, &leaf);
		entry = find_entry(init, leaf.function, leaf.index);
		if (!entry)
			continue;
		if (not_for_tds(entry))
			return -EINVAL;
		found++;
		out->cpuid[i] = (struct sim_tdx_cpuid_values){
			{entry->eax, entry->ebx, entry->ecx, entry->edx}};
		if (leaf.function == LEAF_ADDRESS)
			out->cpuid[i].r[0] &= ~ADDRESS_WIDTH;
	}
	return found == init->nent ? 0 : -EINVAL;
}

int sim_td_params_make(const struct sim_tdx_host *host, const struct uapi_tdx_init_vm *init,
		       uint32_t max_vcpus, uint64_t tsc_khz, struct sim_td_params *out)
{
	int rc;

	memset(out, 0, sizeof(*out));
	if (init->attributes & ~host->options.supported_attributes)
		return -EINVAL;
	if (init->xfam & ~host->options.supported_xfam)
		return -EINVAL;
	out->max_vcpus = (uint16_t)max_vcpus;
	out->attributes = init->attributes;
	out->xfam = init->xfam | XFAM_FIXED1;
	out->config_flags = SIM_TD_CONFIG_NO_RBP_MOD;
	out->tsc_frequency = (uint16_t)(tsc_khz / TSC_KHZ_PER_UNIT);
	rc = set_address_width(host, init, out);
	if (rc)
		return rc;
	rc = set_cpuid(init, out);
	if (rc)
		return rc;
	memcpy(out->mrconfigid, init->mrconfigid, sizeof(out->mrconfigid));
	memcpy(out->mrowner, init->mrowner, sizeof(out->mrowner));
	memcpy(out->mrownerconfig, init->mrownerconfig, sizeof(out->mrownerconfig));
	return 0;
}

/* Components that come together, or need another: Intel TDX Module base specification, XFAM. */
static bool xfam_consistent(uint64_t xfam)
{
	const uint64_t avx = 1ull << 2, avx512 = 7ull << 5, cet = 3ull << 11, amx = 3ull << 17;

	if ((xfam & avx512) && ((xfam & avx512) != avx512 || !(xfam & avx)))
		return false;
	if ((xfam & cet) && (xfam & cet) != cet)
		return false;
	return !(xfam & amx) || (xfam & amx) == amx;
}

uint64_t sim_td_params_check(const struct sim_tdx_host *host, const struct sim_td_params *params,
			     struct sim_tdx_cpuid *cpuid)
{
	if (params->attributes & ~TDX_ATTRIBUTE_SEPT_VE_DISABLE)
		return TDX_OPERAND_INVALID | TDX_OPERAND_ATTRIBUTES;
	if ((params->xfam & XFAM_FIXED1) != XFAM_FIXED1 || !xfam_consistent(params->xfam))
		return TDX_OPERAND_INVALID | TDX_OPERAND_XFAM;
	if (params->tsc_frequency < TSC_UNITS_MIN || params->tsc_frequency > TSC_UNITS_MAX)
		return TDX_OPERAND_INVALID | TDX_OPERAND_TSC_FREQ;
	return sim_tdx_cpuid_make(params->cpuid, params->xfam, host->options.model, cpuid);
}
