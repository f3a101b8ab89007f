/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory of SNP guests: two sides, the attribute, and an owner and the validated flag for each
 * private page, as the RMP has them (reference 8.5, APM volume 2, 15.36).
 */
#include <errno.h>
#include <string.h>

#include "sim/sev.h"
#include "sim/sev_cipher.h"

/* #VC with PAGE_NOT_VALIDATED. */
#define VC_VECTOR        29u
#define VC_NOT_VALIDATED 0x404u

void sim_rmp_assign(struct sim_vm *vm, struct sim_gmem_page *page, uint64_t gpa, uint8_t flags)
{
	page->state = SIM_RMP_PRIVATE;
	page->flags = flags;
	page->gpa = gpa;
	sim_sev_host(vm->sim)->rmp_pages++;
}

void sim_rmp_release(struct sim_vm *vm, struct sim_gmem_page *page, uint8_t state)
{
	if (page->state == SIM_RMP_PRIVATE)
		sim_sev_host(vm->sim)->rmp_pages--;
	page->state = state;
	page->flags = 0;
	page->gpa = 0;
}

/* A vCPU that runs by a VMSA of the guest's own loses it with the page. */
static void vmsa_gone(struct sim_vm *vm, uint64_t gpa)
{
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		struct sim_sev_vcpu *state = sim_sev_vcpu(vm->vcpus[i]);

		if (state && state->vmsa_gpa == gpa) {
			state->reload = true;
			state->has_vmsa = false;
		}
	}
}

void sim_snp_pages_gone(struct sim_vm *vm, struct sim_gmem *gmem, uint64_t offset, uint64_t size)
{
	for (uint64_t at = offset; at < offset + size; at += SIM_PAGE_SIZE) {
		struct sim_gmem_page *page = &gmem->pages[at / SIM_PAGE_SIZE];

		if (page->state == SIM_RMP_PRIVATE && page->flags & SIM_RMP_VMSA)
			vmsa_gone(vm, page->gpa);
		sim_rmp_release(vm, page, 0);
	}
}

/*
 * The guest's page at `gpa`, assigned to it if it was not. What is in a page that nobody launched
 * is the host's bytes under the guest's key: noise.
 */
static int take_page(struct sim_vm *vm, struct sim_slot *slot, uint64_t gpa, uint8_t **bytes,
		     struct sim_gmem_page **page)
{
	int r = sim_gmem_touch(slot, gpa, bytes, page);

	if (r)
		return r;
	if ((*page)->state != SIM_RMP_PRIVATE) {
		sim_cipher(sim_sev_vm(vm)->key, gpa, 0, *bytes, SIM_PAGE_SIZE);
		sim_rmp_assign(vm, *page, gpa, 0);
	}
	/* The slot was moved under an assigned page: the RMP says no. */
	return (*page)->gpa == gpa ? 0 : -EFAULT;
}

int sim_snp_take_page(struct sim_vm *vm, uint64_t gpa, uint8_t **bytes, struct sim_gmem_page **page)
{
	struct sim_slot *slot = sim_slot_find(vm, gpa);

	if (!slot)
		return -EFAULT;
	return take_page(vm, slot, gpa / SIM_PAGE_SIZE * SIM_PAGE_SIZE, bytes, page);
}

/* Bytes from the page on that the guest may reach alike. */
static uint64_t validated_run(const struct sim_vcpu *vcpu, const struct sim_slot *slot,
			      uint64_t gpa, const struct sim_gmem_page *page)
{
	const uint64_t end = sim_attribute_run(vcpu, slot, gpa);
	uint64_t size = SIM_PAGE_SIZE;

	for (page++; size < end && page->state == SIM_RMP_PRIVATE && page->gpa == gpa + size &&
		     page->flags & SIM_RMP_VALIDATED;
	     page++)
		size += SIM_PAGE_SIZE;
	return size;
}

static void find_private(struct sim_vcpu *vcpu, struct sim_slot *slot, uint64_t gpa,
			 struct sim_memory *out)
{
	uint64_t page_gpa = gpa / SIM_PAGE_SIZE * SIM_PAGE_SIZE;
	struct sim_gmem_page *page;
	uint8_t *bytes;
	int r = slot ? take_page(vcpu->vm, slot, page_gpa, &bytes, &page) : -EFAULT;

	if (r == -EFAULT) {
		out->backing = SIM_BACKING_MEMORY_FAULT;
		out->flags = UAPI_MEMORY_EXIT_FLAG_PRIVATE;
	} else if (r) {
		out->backing = SIM_BACKING_ERROR;
		out->error = r;
	} else if (!(page->flags & SIM_RMP_VALIDATED)) {
		out->backing = SIM_BACKING_EXCEPTION;
		out->vector = VC_VECTOR;
		out->error_code = VC_NOT_VALIDATED;
	} else {
		out->backing = SIM_BACKING_RAM;
		out->host = bytes + gpa % SIM_PAGE_SIZE;
		out->size = validated_run(vcpu, slot, page_gpa, page) - gpa % SIM_PAGE_SIZE;
		out->writable = true;
	}
}

void sim_snp_find_memory(struct sim_vcpu *vcpu, uint64_t gpa, bool private, enum sim_access access,
			 struct sim_memory *out)
{
	struct sim_slot *slot = sim_slot_find(vcpu->vm, gpa);

	*out = (struct sim_memory){0};
	/* APM volume 2, 15.34.5: instructions are always fetched from private memory. */
	private = private || access == SIM_FETCH;
	if (private != sim_attribute_private(vcpu->vm, gpa)) {
		out->backing = SIM_BACKING_MEMORY_FAULT;
		out->flags = private ? UAPI_MEMORY_EXIT_FLAG_PRIVATE : 0;
	} else if (private) {
		find_private(vcpu, slot, gpa, out);
	} else if (!slot) {
		out->backing = SIM_BACKING_MMIO;
	} else {
		out->backing = SIM_BACKING_RAM;
		out->host = slot->host + (gpa - slot->gpa);
		out->size = sim_attribute_run(vcpu, slot, gpa - gpa % SIM_PAGE_SIZE) -
			    gpa % SIM_PAGE_SIZE;
		out->writable = true;
	}
}

int sim_snp_pre_fault(struct sim_vcpu *vcpu, uint64_t gpa)
{
	struct sim_slot *slot = sim_slot_find(vcpu->vm, gpa);
	bool private = sim_attribute_private(vcpu->vm, gpa);
	struct sim_gmem_page *page;
	uint8_t *bytes;

	if (!sim_sev_vm(vcpu->vm)->pre_fault)
		return -EOPNOTSUPP;
	if (!slot)
		return private ? -EFAULT : -ENOENT;
	return private ? take_page(vcpu->vm, slot, gpa / SIM_PAGE_SIZE * SIM_PAGE_SIZE, &bytes,
				   &page)
		       : 0;
}
