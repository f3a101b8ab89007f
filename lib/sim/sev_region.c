/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Pinned memory: KVM_MEMORY_ENCRYPT_REG_REGION, and what launch commands pin while they run
 * (reference 3.6.4). */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/sev.h"

static uint64_t pages_of(uint64_t address, uint64_t size)
{
	return (address + size - 1) / SIM_PAGE_SIZE - address / SIM_PAGE_SIZE + 1;
}

/* Whether all of it is mapped; msync() with MS_ASYNC only looks, and touches no page. */
static bool is_mapped(uint64_t address, uint64_t size)
{
	uint64_t first = address / SIM_PAGE_SIZE * SIM_PAGE_SIZE;

	return msync((void *)(uintptr_t)first, pages_of(address, size) * SIM_PAGE_SIZE, MS_ASYNC) ==
	       0;
}

static bool is_accessible(uint64_t address, uint64_t size, bool write)
{
	for (uint64_t at = address; at < address + size;
	     at = at / SIM_PAGE_SIZE * SIM_PAGE_SIZE + SIM_PAGE_SIZE) {
		uint8_t byte;

		if (sim_copy_in(&byte, at, 1) || (write && sim_copy_out(at, &byte, 1)))
			return false;
	}
	return true;
}

int sim_sev_pin(struct sim_sev_vm *sev, uint64_t address, uint64_t size, bool writable, bool keep)
{
	uint64_t pages;

	if (!size || address + size < address)
		return -EINVAL;
	pages = pages_of(address, size);
	if (pages > INT_MAX || sev->pages_locked + pages > (uint64_t)sysconf(_SC_PHYS_PAGES))
		return -EINVAL;
	if (!is_mapped(address, size) || !is_accessible(address, size, writable))
		return -ENOMEM;
	if (keep)
		sev->pages_locked += pages;
	return 0;
}

int sim_sev_register_region(struct sim_vm *vm, const struct kvm_enc_region *region)
{
	struct sim_sev_vm *sev = sim_sev_vm(vm);
	struct sim_sev_region *added;
	int r;

	if (!sev->active)
		return -ENOTTY;
	added = malloc(sizeof(*added));
	if (!added)
		return -ENOMEM;
	r = sim_sev_pin(sev, region->addr, region->size, false, true);
	if (r) {
		free(added);
		return r;
	}
	*added = (struct sim_sev_region){sev->regions, region->addr, region->size};
	sev->regions = added;
	return 0;
}

static void unpin(struct sim_sev_vm *sev, struct sim_sev_region **link)
{
	struct sim_sev_region *region = *link;

	*link = region->next;
	sev->pages_locked -= pages_of(region->address, region->size);
	free(region);
}

int sim_sev_unregister_region(struct sim_vm *vm, const struct kvm_enc_region *region)
{
	struct sim_sev_vm *sev = sim_sev_vm(vm);

	if (!sev->active)
		return -ENOTTY;
	for (struct sim_sev_region **link = &sev->regions; *link; link = &(*link)->next) {
		if ((*link)->address != region->addr || (*link)->size != region->size)
			continue;
		unpin(sev, link);
		return 0;
	}
	return -EINVAL;
}

void sim_sev_unpin_all(struct sim_sev_vm *sev)
{
	while (sev->regions)
		unpin(sev, &sev->regions);
}
