/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The options' defaults and limits, and the text that stands for them on command lines. */
#include "sim/knobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/sim.h"

#define ALL_TECHS                                                                                  \
	(1u << COCO_TECH_PLAIN | 1u << COCO_TECH_SWPROTECTED | 1u << COCO_TECH_SEV |               \
	 1u << COCO_TECH_SEVES | 1u << COCO_TECH_SNP | 1u << COCO_TECH_TDX)
#define ALL_QUIRKS (COCO_SIM_IRQFD_SHARED | COCO_SIM_GMEM_PRIVATE_ONLY | COCO_SIM_SEV_HIDING)

/* KVM_MAX_VCPUS with the largest CONFIG_KVM_MAX_NR_VCPUS. */
#define MAX_VCPUS 4096u

static void default_to(uint32_t *value, uint32_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static int check_sev(struct coco_sim_options *o, struct coco_error *error)
{
	default_to(&o->sev_asids, 16);
	default_to(&o->sev_min_asid, o->sev_asids / 2 + 1);
	if (o->sev_asids > 65535)
		return coco_fail_field(error, -EINVAL, "sev_asids",
				       "sev_asids is %u, at most 65535", o->sev_asids);
	if (o->sev_min_asid > o->sev_asids + 1)
		return coco_fail_field(error, -EINVAL, "sev_min_asid",
				       "sev_min_asid is %u, but there are %u ASIDs",
				       o->sev_min_asid, o->sev_asids);
	if (o->quirks & COCO_SIM_SEV_HIDING)
		default_to(&o->sev_snp_max_asid, (o->sev_min_asid - 1) / 2);
	if (o->sev_snp_max_asid >= o->sev_min_asid ||
	    (o->sev_snp_max_asid && !(o->quirks & COCO_SIM_SEV_HIDING)))
		return coco_fail_field(
			error, -EINVAL, "sev_snp_max_asid",
			"sev_snp_max_asid is %u: it goes with ciphertext hiding, and is "
			"below sev_min_asid, %u",
			o->sev_snp_max_asid, o->sev_min_asid);
	return 0;
}

int sim_knobs_check(struct coco_sim_options *o, struct coco_error *error)
{
	default_to(&o->techs, ALL_TECHS);
	default_to(&o->tdx_keys, 8);
	default_to(&o->max_vcpus, 1024);
	default_to(&o->cpus, 64);
	if (o->techs & ~ALL_TECHS)
		return coco_fail_field(error, -EINVAL, "techs",
				       "techs is 0x%x: a bit stands for no technology", o->techs);
	if (o->quirks & ~(uint32_t)ALL_QUIRKS)
		return coco_fail_field(error, -EINVAL, "quirks",
				       "quirks is 0x%x: a bit stands for nothing", o->quirks);
	if (o->max_vcpus > MAX_VCPUS)
		return coco_fail_field(error, -EINVAL, "max_vcpus", "max_vcpus is %u, at most %u",
				       o->max_vcpus, MAX_VCPUS);
	/* An ordinary VM can always be made. */
	o->techs |= 1u << COCO_TECH_PLAIN;
	return check_sev(o, error);
}

bool sim_offers(const struct coco_sim *sim, enum coco_tech tech)
{
	return sim->knobs->options.techs >> tech & 1;
}

bool sim_offers_sev(const struct coco_sim *sim)
{
	return sim_offers(sim, COCO_TECH_SEV) || sim_offers(sim, COCO_TECH_SEVES) ||
	       sim_offers(sim, COCO_TECH_SNP);
}

bool sim_quirk(const struct coco_sim *sim, enum coco_sim_quirks quirk)
{
	return sim->knobs->options.quirks & quirk;
}
