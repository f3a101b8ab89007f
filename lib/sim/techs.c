/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which technologies there are. */
#include "sim/sim.h"

static const struct sim_tech *const techs[] = {
	&sim_tech_plain, &sim_tech_swprotected, &sim_tech_sev,
	&sim_tech_seves, &sim_tech_snp,         &sim_tech_tdx,
};

const struct sim_tech *sim_tech_of_type(const struct coco_sim *sim, uint64_t type)
{
	for (size_t i = 0; i < sizeof(techs) / sizeof(techs[0]); i++)
		if (techs[i]->vm_type == type)
			return techs[i]->offered(sim) ? techs[i] : NULL;
	return NULL;
}
