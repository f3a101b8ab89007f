/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/sev_asid.h"

#include <errno.h>
#include <stdbool.h>

void sim_sev_asid_range(const struct sim_sev_asids *asids, enum sim_sev_kind kind, uint32_t *first,
			uint32_t *last)
{
	switch (kind) {
	case SIM_SEV_PLAIN:
		*first = asids->min_sev;
		*last = asids->max;
		break;
	case SIM_SEV_ES:
		*first = asids->hiding + 1;
		*last = asids->min_sev - 1;
		break;
	case SIM_SEV_SNP:
		*first = 1;
		*last = asids->hiding ? asids->hiding : asids->min_sev - 1;
		break;
	}
}

/* SEV-ES and SNP guests share the resource "sev_es". */
static uint32_t resource(enum sim_sev_kind kind)
{
	return kind == SIM_SEV_PLAIN ? 0 : 1;
}

static uint32_t capacity(const struct sim_sev_asids *asids, enum sim_sev_kind kind)
{
	if (kind != SIM_SEV_PLAIN)
		return asids->min_sev - 1;
	return asids->min_sev <= asids->max ? asids->max - asids->min_sev + 1 : 0;
}

static int charge(struct sim_sev_asids *asids, enum sim_sev_kind kind)
{
	uint32_t which = resource(kind);

	if (!capacity(asids, kind))
		return -EINVAL;
	if (asids->charged[which] >= asids->limit[which] ||
	    asids->charged[which] >= capacity(asids, kind))
		return -EBUSY;
	asids->charged[which]++;
	return 0;
}

static uint32_t find(const struct sim_sev_asids *asids, uint32_t first, uint32_t last,
		     enum sim_sev_asid_state state)
{
	for (uint32_t asid = first; asid <= last; asid++)
		if (asids->state[asid] == state)
			return asid;
	return 0;
}

/* The flush is asked for by one range's need, and frees those of all. */
static bool recycle(struct sim_sev_asids *asids, uint32_t first, uint32_t last,
		    int (*flush)(void *context), void *context)
{
	if (!find(asids, first, last, SIM_ASID_RECLAIM) || flush(context))
		return false;
	for (uint32_t asid = 1; asid <= asids->max; asid++)
		if (asids->state[asid] == SIM_ASID_RECLAIM)
			asids->state[asid] = SIM_ASID_FREE;
	return true;
}

int sim_sev_asid_take(struct sim_sev_asids *asids, enum sim_sev_kind kind,
		      int (*flush)(void *context), void *context, uint32_t *asid)
{
	uint32_t first = 1, last = 0, found;
	int r;

	sim_sev_asid_range(asids, kind, &first, &last);
	if (first > last)
		return -ENOTTY;
	r = charge(asids, kind);
	if (r)
		return r;
	found = find(asids, first, last, SIM_ASID_FREE);
	if (!found && recycle(asids, first, last, flush, context))
		found = find(asids, first, last, SIM_ASID_FREE);
	if (!found) {
		asids->charged[resource(kind)]--;
		return -EBUSY;
	}
	asids->state[found] = SIM_ASID_USED;
	*asid = found;
	return 0;
}

void sim_sev_asid_give(struct sim_sev_asids *asids, enum sim_sev_kind kind, uint32_t asid)
{
	asids->state[asid] = SIM_ASID_RECLAIM;
	asids->charged[resource(kind)]--;
}
