/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Until there is a TDX technology. */
#include "sim/sim.h"

static bool never(const struct coco_sim *sim)
{
	(void)sim;
	return false;
}

const struct sim_tech sim_tech_tdx = {.vm_type = 5, .name = "tdx", .offered = never};

int sim_tdx_new(struct coco_sim *sim)
{
	(void)sim;
	return 0;
}

void sim_tdx_free(struct coco_sim *sim)
{
	(void)sim;
}

void sim_tdx_account(const struct coco_sim *sim, struct coco_sim_account *account)
{
	(void)sim;
	(void)account;
}
