/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * KVM_TDX_INIT_MEM_REGION: tdx_vcpu_init_mem_region(), kvm_gmem_populate() and
 * tdx_gmem_post_populate() of Linux 7.2, page by page.
 */
#include <errno.h>
#include <string.h>

#include "sim/tdx.h"

static bool region_valid(const struct sim_td *td, const struct uapi_tdx_init_mem_region *region)
{
	uint64_t size = region->nr_pages * SIM_PAGE_SIZE;

	return region->source_addr % SIM_PAGE_SIZE == 0 && region->gpa % SIM_PAGE_SIZE == 0 &&
	       region->nr_pages && region->gpa + size > region->gpa &&
	       sim_td_is_private(td, region->gpa) && sim_td_is_private(td, region->gpa + size - 1);
}

static int init_page(struct sim_vm *vm, const struct uapi_tdx_init_mem_region *region, bool measure)
{
	struct sim_slot *slot = sim_slot_find(vm, region->gpa);
	uint8_t source[SIM_PAGE_SIZE];
	struct sim_gmem_page *page;
	uint8_t *bytes;
	int rc;

	if (!slot || !(slot->flags & UAPI_MEM_GUEST_MEMFD))
		return -EINVAL;
	if (!slot->gmem)
		return -EFAULT;
	if (region->source_addr &&
	    sim_copy_in(source, (uintptr_t)region->source_addr, SIM_PAGE_SIZE))
		return -EFAULT;
	rc = sim_gmem_touch(slot, region->gpa, &bytes, &page);
	if (rc)
		return rc;
	if (!sim_attribute_private(vm, region->gpa))
		return -EINVAL;
	if (!region->source_addr)
		return -EOPNOTSUPP;
	return sim_td_add_page(vm, region->gpa, source, measure);
}

int sim_td_init_region(struct sim_vcpu *vcpu, const struct uapi_tdx_command *command)
{
	struct uapi_tdx_init_mem_region region;
	uintptr_t user = (uintptr_t)command->data;
	bool measure = command->flags & UAPI_TDX_MEASURE;
	int rc = 0;

	if (!sim_td_vcpu(vcpu)->initialized)
		return -EINVAL;
	if (command->flags & ~UAPI_TDX_MEASURE)
		return -EINVAL;
	if (sim_copy_in(&region, user, sizeof(region)))
		return -EFAULT;
	if (!region_valid(sim_td(vcpu->vm), &region))
		return -EINVAL;
	while (region.nr_pages) {
		/* A signal that is pending, which only a test can bring about. */
		rc = sim_fault(vcpu->vm->sim, "TDX_INIT_MEM_REGION.page", NULL);
		if (!rc)
			rc = init_page(vcpu->vm, &region, measure);
		if (rc)
			break;
		region.source_addr += SIM_PAGE_SIZE;
		region.gpa += SIM_PAGE_SIZE;
		region.nr_pages--;
	}
	return sim_copy_out(user, &region, sizeof(region)) ? -EFAULT : rc;
}
