/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/sev_psp.h"

#include <stdlib.h>
#include <string.h>

#include "sim/sev_status.h"

void sim_psp_free(struct sim_psp *psp)
{
	while (psp->guests)
		sim_psp_decommission(psp, psp->guests->handle);
	while (psp->contexts)
		sim_psp_snp_decommission(psp, psp->contexts);
}

uint16_t sim_psp_init(struct sim_psp *psp, bool es)
{
	if (psp->sev)
		return SIM_SEV_INVALID_PLATFORM_STATE;
	psp->sev = true;
	psp->es = es;
	return SIM_SEV_SUCCESS;
}

uint16_t sim_psp_snp_init(struct sim_psp *psp, uint32_t max_snp_asid)
{
	if (psp->snp || psp->sev)
		return SIM_SEV_INVALID_PLATFORM_STATE;
	psp->snp = true;
	psp->max_snp_asid = max_snp_asid;
	return SIM_SEV_SUCCESS;
}

uint16_t sim_psp_flush(struct sim_psp *psp)
{
	if (!psp->sev && !psp->snp)
		return SIM_SEV_INVALID_PLATFORM_STATE;
	memset(psp->dirty, 0, sizeof(psp->dirty));
	return SIM_SEV_SUCCESS;
}

uint16_t sim_psp_bind(struct sim_psp *psp, uint32_t *slot, uint32_t asid, uint32_t first,
		      uint32_t last)
{
	if (*slot)
		return SIM_SEV_ACTIVE;
	if (asid < first || asid > last)
		return SIM_SEV_INVALID_ASID;
	if (psp->bound[asid])
		return SIM_SEV_ASID_OWNED;
	if (psp->dirty[asid])
		return SIM_SEV_DFFLUSH_REQUIRED;
	psp->bound[asid] = true;
	*slot = asid;
	return SIM_SEV_SUCCESS;
}

void sim_psp_unbind(struct sim_psp *psp, uint32_t *slot)
{
	if (!*slot)
		return;
	psp->bound[*slot] = false;
	psp->dirty[*slot] = true;
	*slot = 0;
}
