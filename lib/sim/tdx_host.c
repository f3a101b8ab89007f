/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/tdx_host.h"

#include <errno.h>
#include <stdlib.h>

#include "sim/tdx_abi.h"

/* x87, SSE, AVX, AVX-512 (5-7), PKU (9), CET (11, 12), AMX (17, 18). */
#define XFAM_OF_KVM 0x61ae7ull

void sim_tdx_options_default(struct sim_tdx_options *options)
{
	*options = (struct sim_tdx_options){
		.key_ids = 64,
		.cgroup_max = SIM_TDX_NO_LIMIT,
		.cgroup_capacity = 63,
		.present_cpus = 8,
		.supported_attributes = TDX_ATTRIBUTE_SEPT_VE_DISABLE,
		.supported_xfam = XFAM_OF_KVM,
		.model = 0x000806f8,
		.ept_5level = true,
	};
}

int sim_tdx_host_new(const struct sim_tdx_options *options, struct sim_tdx_host **out)
{
	struct sim_tdx_host *host = calloc(1, sizeof(*host));

	if (!host)
		return -ENOMEM;
	host->options = *options;
	host->taken = calloc(options->key_ids + 1, sizeof(*host->taken));
	if (!host->taken) {
		free(host);
		return -ENOMEM;
	}
	*out = host;
	return 0;
}

void sim_tdx_host_free(struct sim_tdx_host *host)
{
	if (!host)
		return;
	free(host->taken);
	free(host);
}

bool sim_tdx_host_usable(const struct sim_tdx_host *host)
{
	return host && host->options.key_ids >= 2;
}

uint32_t sim_tdx_host_free_keys(const struct sim_tdx_host *host)
{
	uint32_t count = 0;

	for (uint32_t id = 1; id < host->options.key_ids; id++)
		count += !host->taken[id];
	return count;
}

static int charge(struct sim_tdx_host *host)
{
	if (!host->options.cgroup_capacity)
		return -EINVAL;
	if (host->charged >= host->options.cgroup_max ||
	    host->charged >= host->options.cgroup_capacity)
		return -EBUSY;
	host->charged++;
	return 0;
}

static void uncharge(struct sim_tdx_host *host)
{
	if (host->charged)
		host->charged--;
}

int sim_tdx_key_take(struct sim_tdx_host *host)
{
	for (uint32_t id = 1; id < host->options.key_ids; id++) {
		int rc;

		if (host->taken[id])
			continue;
		rc = charge(host);
		if (rc) {
			uncharge(host);
			return rc;
		}
		host->taken[id] = true;
		return (int)id;
	}
	return -ENOSPC;
}

void sim_tdx_key_give_back(struct sim_tdx_host *host, int key_id)
{
	host->taken[key_id] = false;
	uncharge(host);
}
