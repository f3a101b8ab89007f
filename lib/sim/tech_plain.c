/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ordinary VMs, and software-protected ones: the same, with private memory by attributes. */
#include <errno.h>
#include <string.h>

#include "sim/gmem.h"
#include "sim/knobs.h"
#include "sim/sev.h"

/* How much of a guest_memfd is touched at once. */
#define AHEAD (64 * (uint64_t)SIM_PAGE_SIZE)

static bool plain_offered(const struct coco_sim *sim)
{
	return sim_offers(sim, COCO_TECH_PLAIN);
}

static bool swprotected_offered(const struct coco_sim *sim)
{
	return sim_offers(sim, COCO_TECH_SWPROTECTED);
}

static int check_run(struct sim_vcpu *vcpu)
{
	(void)vcpu;
	return 0;
}

static void mmio(struct sim_memory *out)
{
	*out = (struct sim_memory){.backing = SIM_BACKING_MMIO};
}

/*
 * The pages after it come with it, as in a large folio, as far as the attribute says the same of
 * them: page by page the CPU's view of them would cost more than the guest's work.
 */
static uint64_t touch_ahead(const struct sim_vm *vm, struct sim_slot *slot, uint64_t gpa)
{
	const bool private = sim_attribute_private(vm, gpa);
	uint64_t size = SIM_PAGE_SIZE;

	while (size < AHEAD && gpa + size < slot->gpa + slot->size &&
	       sim_attribute_private(vm, gpa + size) == private) {
		struct sim_gmem_page *page;
		uint8_t *bytes;

		if (sim_gmem_touch(slot, gpa + size, &bytes, &page))
			break;
		page->state = 1;
		page->gpa = gpa + size;
		size += SIM_PAGE_SIZE;
	}
	return size;
}

static void from_gmem(const struct sim_vm *vm, struct sim_slot *slot, uint64_t gpa,
		      struct sim_memory *out)
{
	const uint64_t offset = gpa % SIM_PAGE_SIZE;
	struct sim_gmem_page *page;
	uint8_t *bytes;
	int r = sim_gmem_touch(slot, gpa, &bytes, &page);

	if (r) {
		*out = (struct sim_memory){.backing = SIM_BACKING_ERROR, .error = r};
		return;
	}
	page->state = 1;
	page->gpa = gpa - offset;
	*out = (struct sim_memory){
		.backing = SIM_BACKING_RAM,
		.host = bytes + offset,
		.size = touch_ahead(vm, slot, gpa - offset) - offset,
		.writable = true,
	};
}

static void memory_fault(bool private, struct sim_memory *out)
{
	*out = (struct sim_memory){
		.backing = SIM_BACKING_MEMORY_FAULT,
		.flags = private ? UAPI_MEMORY_EXIT_FLAG_PRIVATE : 0,
		.error = -EFAULT,
	};
}

static uint64_t extent(const struct sim_vcpu *vcpu, const struct sim_slot *slot, uint64_t gpa)
{
	const uint64_t offset = gpa % SIM_PAGE_SIZE;

	if (!vcpu->vm->attributes)
		return slot->gpa + slot->size - gpa;
	return sim_attribute_run(vcpu, slot, gpa - offset) - offset;
}

/* Page by page, and not writable before it is written to: so no write passes unnoticed. */
static void logged(struct sim_slot *slot, uint64_t gpa, enum sim_access access,
		   struct sim_memory *out)
{
	*out = (struct sim_memory){
		.backing = SIM_BACKING_RAM,
		.host = slot->host + (gpa - slot->gpa),
		.size = SIM_PAGE_SIZE - gpa % SIM_PAGE_SIZE,
		.writable = access == SIM_WRITE,
	};
	if (access == SIM_WRITE)
		sim_dirty_mark(slot, gpa);
}

static void find_memory(struct sim_vcpu *vcpu, uint64_t gpa, bool private, enum sim_access access,
			struct sim_memory *out)
{
	struct sim_slot *slot = sim_slot_find(vcpu->vm, gpa);

	if (!slot) {
		/* A private address that has no memory is a fault, a shared one a device. */
		if (private)
			memory_fault(true, out);
		else
			mmio(out);
	} else if (private || sim_gmem_only(slot)) {
		if (slot->gmem)
			from_gmem(vcpu->vm, slot, gpa, out);
		else
			memory_fault(private, out);
	} else if (slot->flags & KVM_MEM_READONLY && access == SIM_WRITE) {
		mmio(out);
	} else if (slot->dirty) {
		logged(slot, gpa, access, out);
	} else {
		*out = (struct sim_memory){
			.backing = SIM_BACKING_RAM,
			.host = slot->host + (gpa - slot->gpa),
			.size = extent(vcpu, slot, gpa),
			.writable = !(slot->flags & KVM_MEM_READONLY),
		};
	}
}

static enum sim_verdict instruction(struct sim_vcpu *vcpu, enum sim_instruction instruction)
{
	(void)vcpu;
	(void)instruction;
	return SIM_NATIVE;
}

static enum sim_verdict native_mmio(struct sim_vcpu *vcpu, uint64_t gpa, enum sim_access access)
{
	(void)vcpu;
	(void)gpa;
	(void)access;
	return SIM_NATIVE;
}

const struct sim_tech sim_tech_plain = {
	.vm_type = UAPI_VM_TYPE_DEFAULT,
	.name = "plain",
	.offered = plain_offered,
	.check_run = check_run,
	.find_memory = find_memory,
	.instruction = instruction,
	.mmio = native_mmio,
	/* KVM_SEV_INIT and KVM_SEV_ES_INIT make it a VM of SEV. */
	.vm_command = sim_sev_legacy_command,
};

const struct sim_tech sim_tech_swprotected = {
	.vm_type = UAPI_VM_TYPE_SW_PROTECTED,
	.name = "swprotected",
	.private_memory = true,
	.offered = swprotected_offered,
	.check_run = check_run,
	.find_memory = find_memory,
	.instruction = instruction,
	.mmio = native_mmio,
	/* To find, command by command, that it is no VM of SEV. */
	.vm_command = sim_sev_legacy_command,
};
