/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A TD's private pages: how they come, are accepted, and go. */
#include <errno.h>
#include <string.h>

#include "sim/gmem.h"
#include "sim/tdx.h"

#define PAGE_FAULT_PRESENT 1ull
#define PAGE_FAULT_RSVD    (1ull << 3)
#define PAGE_FAULT_FETCH   (1ull << 4)

static uint64_t page_of(uint64_t gpa)
{
	return gpa & ~(uint64_t)(SIM_PAGE_SIZE - 1);
}

static void count_pages(struct sim_vm *vm, int64_t change)
{
	sim_td(vm)->pages += (uint64_t)change;
	sim_tdx_host(vm->sim)->pages += (uint64_t)change;
}

int sim_td_add_page(struct sim_vm *vm, uint64_t gpa, const void *source, bool measure)
{
	struct sim_mrtd *mrtd = sim_td(vm)->mrtd;
	struct sim_gmem_page *page;
	uint8_t *bytes;
	uint64_t status;
	int rc = sim_gmem_touch(sim_slot_find(vm, gpa), gpa, &bytes, &page);

	if (rc)
		return rc;
	if (page->state != SIM_TD_PAGE_ABSENT)
		return -EIO;
	status = sim_td_seamcall(vm, "TDH.MEM.PAGE.ADD", TDX_OPERAND_INVALID);
	if (status != TDX_SUCCESS)
		return sim_vm_bug(vm);
	memcpy(bytes, source, SIM_PAGE_SIZE);
	page->state = SIM_TD_PAGE_MAPPED;
	page->gpa = gpa;
	count_pages(vm, 1);
	vm->memory_epoch++;
	if (sim_mrtd_add(mrtd, gpa))
		return sim_vm_bug(vm);
	if (!measure)
		return 0;
	for (uint64_t i = 0; i < SIM_PAGE_SIZE; i += SIM_MRTD_CHUNK)
		if (sim_td_seamcall(vm, "TDH.MR.EXTEND", TDX_OPERAND_INVALID) != TDX_SUCCESS ||
		    sim_mrtd_extend(mrtd, gpa + i, bytes + i))
			return sim_vm_bug(vm);
	return 0;
}

int sim_td_augment(struct sim_vm *vm, uint64_t gpa, struct sim_gmem_page **page, uint8_t **bytes)
{
	struct sim_slot *slot = sim_slot_find(vm, gpa);
	int rc;

	if (!slot || !(slot->flags & UAPI_MEM_GUEST_MEMFD))
		return -EFAULT;
	rc = sim_gmem_touch(slot, gpa, bytes, page);
	if (rc || (*page)->state != SIM_TD_PAGE_ABSENT)
		return rc;
	if (sim_td_seamcall(vm, "TDH.MEM.PAGE.AUG", TDX_OPERAND_INVALID) != TDX_SUCCESS)
		return sim_vm_bug(vm);
	(*page)->state = SIM_TD_PAGE_PENDING;
	(*page)->gpa = page_of(gpa);
	count_pages(vm, 1);
	return 0;
}

int sim_td_pre_fault(struct sim_vcpu *vcpu, uint64_t gpa)
{
	struct sim_vm *vm = vcpu->vm;
	const struct sim_td *td = sim_td(vm);
	struct sim_gmem_page *page;
	uint8_t *bytes;

	if (td->state != SIM_TD_RUNNABLE)
		return -EOPNOTSUPP;
	/* KVM takes the address without the shared bit, and looks at the attribute. */
	if (!sim_td_is_private(td, gpa))
		return -EINVAL;
	if (!sim_attribute_private(vm, gpa))
		return sim_slot_find(vm, gpa) ? 0 : -ENOENT;
	return sim_td_augment(vm, page_of(gpa), &page, &bytes);
}

/* TDH.MEM.RANGE.BLOCK, TRACK, PAGE.REMOVE, and the write-back: what was in the page is lost. */
static void remove_page(struct sim_vm *vm, struct sim_gmem_page *page)
{
	if (page->state == SIM_TD_PAGE_ABSENT)
		return;
	if (sim_td_seamcall(vm, "TDH.MEM.RANGE.BLOCK", TDX_OPERAND_INVALID) != TDX_SUCCESS ||
	    (sim_td(vm)->state == SIM_TD_RUNNABLE &&
	     sim_td_seamcall(vm, "TDH.MEM.TRACK", TDX_OPERAND_INVALID) != TDX_SUCCESS) ||
	    sim_td_seamcall(vm, "TDH.MEM.PAGE.REMOVE", TDX_OPERAND_INVALID) != TDX_SUCCESS ||
	    sim_td_seamcall(vm, "TDH.PHYMEM.PAGE.WBINVD", TDX_OPERAND_INVALID) != TDX_SUCCESS)
		sim_vm_bug(vm);
	page->state = SIM_TD_PAGE_ABSENT;
	count_pages(vm, -1);
}

void sim_td_pages_gone(struct sim_vm *vm, struct sim_gmem *gmem, uint64_t offset, uint64_t size)
{
	for (uint64_t i = offset / SIM_PAGE_SIZE; i < (offset + size) / SIM_PAGE_SIZE; i++)
		remove_page(vm, &gmem->pages[i]);
	vm->memory_epoch++;
}

void sim_td_slot_deleted(struct sim_vm *vm, const struct sim_slot *slot)
{
	if (slot->gmem)
		sim_td_pages_gone(vm, slot->gmem, slot->gmem_offset, slot->size);
}

void sim_td_attributes_changed(struct sim_vm *vm, uint64_t gpa, uint64_t size, uint64_t attributes)
{
	if (attributes & UAPI_MEMORY_ATTRIBUTE_PRIVATE)
		return;
	for (const struct sim_slot *slot = vm->slots; slot; slot = slot->next) {
		uint64_t first = slot->gpa > gpa ? slot->gpa : gpa;
		uint64_t end =
			slot->gpa + slot->size < gpa + size ? slot->gpa + slot->size : gpa + size;

		if (slot->gmem && first < end)
			sim_td_pages_gone(vm, slot->gmem, slot->gmem_offset + first - slot->gpa,
					  end - first);
	}
}

static void memory_fault(struct sim_memory *out, bool private)
{
	out->backing = SIM_BACKING_MEMORY_FAULT;
	out->flags = private ? UAPI_MEMORY_EXIT_FLAG_PRIVATE : 0;
	out->error = -EFAULT;
}

static void failure(struct sim_memory *out, int error)
{
	out->backing = SIM_BACKING_ERROR;
	out->error = error;
}

static void ram(struct sim_memory *out, uint64_t gpa, uint8_t *page, bool writable)
{
	uint64_t offset = gpa % SIM_PAGE_SIZE;

	out->backing = SIM_BACKING_RAM;
	out->host = page + offset;
	out->size = SIM_PAGE_SIZE - offset;
	out->writable = writable;
}

/* An access of a page that was not accepted: tdx_handle_ept_violation(), or a #VE. */
static void pending_access(struct sim_vcpu *vcpu, uint64_t gpa, enum sim_access access,
			   struct sim_memory *out)
{
	if (sim_td(vcpu->vm)->params.attributes & TDX_ATTRIBUTE_SEPT_VE_DISABLE) {
		failure(out, sim_vm_bug(vcpu->vm));
		return;
	}
	out->backing = SIM_BACKING_EXCEPTION;
	out->vector = sim_td_note_ve(vcpu, TDX_EXIT_EPT_VIOLATION, 1ull << access, gpa, 0);
	out->error_code = 0;
}

/* NULL: the page is absent or pending. */
static uint8_t *mapped_page(const struct sim_vm *vm, uint64_t gpa)
{
	const struct sim_slot *slot = sim_slot_find(vm, gpa);
	uint64_t number;

	if (!slot || !slot->gmem || !sim_attribute_private(vm, gpa))
		return NULL;
	number = (slot->gmem_offset + page_of(gpa) - slot->gpa) / SIM_PAGE_SIZE;
	if (slot->gmem->pages[number].state != SIM_TD_PAGE_MAPPED)
		return NULL;
	return slot->gmem->bytes + number * SIM_PAGE_SIZE;
}

/* What is mapped, and nothing else. */
static void probe_private(struct sim_vcpu *vcpu, uint64_t gpa, struct sim_memory *out)
{
	uint8_t *page = mapped_page(vcpu->vm, gpa);

	if (page)
		ram(out, gpa, page, true);
	else
		memory_fault(out, true);
}

/* Bytes from the page on that the guest may reach alike. */
static uint64_t mapped_run(const struct sim_vcpu *vcpu, const struct sim_slot *slot, uint64_t gpa,
			   const struct sim_gmem_page *page)
{
	const uint64_t end = sim_attribute_run(vcpu, slot, gpa);
	uint64_t size = SIM_PAGE_SIZE;

	for (page++; size < end && page->state == SIM_TD_PAGE_MAPPED; page++)
		size += SIM_PAGE_SIZE;
	return size;
}

static void ram_run(struct sim_memory *out, uint64_t gpa, uint8_t *page, uint64_t size)
{
	ram(out, gpa, page, true);
	out->size += size - SIM_PAGE_SIZE;
}

static void find_private(struct sim_vcpu *vcpu, uint64_t gpa, enum sim_access access,
			 struct sim_memory *out)
{
	struct sim_vm *vm = vcpu->vm;
	struct sim_gmem_page *page;
	uint8_t *bytes;
	int rc;

	if (!sim_attribute_private(vm, gpa)) {
		memory_fault(out, true);
		return;
	}
	rc = sim_td_augment(vm, page_of(gpa), &page, &bytes);
	if (rc == -EFAULT)
		memory_fault(out, true);
	else if (rc)
		failure(out, rc);
	else if (page->state == SIM_TD_PAGE_PENDING)
		pending_access(vcpu, gpa, access, out);
	else
		ram_run(out, gpa, bytes,
			mapped_run(vcpu, sim_slot_find(vm, gpa), page_of(gpa), page));
}

static void find_shared(struct sim_vcpu *vcpu, uint64_t gpa, enum sim_access access,
			struct sim_memory *out)
{
	struct sim_slot *slot = sim_slot_find(vcpu->vm, gpa);

	/* TDs execute private memory only: the shared bit is reserved in a fetch. */
	if (access == SIM_FETCH) {
		out->backing = SIM_BACKING_EXCEPTION;
		out->vector = TDX_VECTOR_PF;
		out->error_code = PAGE_FAULT_PRESENT | PAGE_FAULT_RSVD | PAGE_FAULT_FETCH;
		return;
	}
	if (sim_attribute_private(vcpu->vm, gpa)) {
		memory_fault(out, false);
		return;
	}
	if (!slot) {
		out->backing = SIM_BACKING_MMIO;
		return;
	}
	if (sim_gmem_only(slot)) {
		struct sim_gmem_page *page;
		uint8_t *bytes;
		int rc = sim_gmem_touch(slot, page_of(gpa), &bytes, &page);

		if (rc)
			failure(out, rc);
		else
			ram(out, gpa, bytes, true);
		return;
	}
	ram_run(out, gpa, slot->host + (page_of(gpa) - slot->gpa),
		sim_attribute_run(vcpu, slot, page_of(gpa)));
}

void sim_td_find_memory(struct sim_vcpu *vcpu, uint64_t gpa, bool private, enum sim_access access,
			struct sim_memory *out)
{
	memset(out, 0, sizeof(*out));
	if (private && vcpu->probing)
		probe_private(vcpu, gpa, out);
	else if (private)
		find_private(vcpu, gpa, access, out);
	else
		find_shared(vcpu, gpa, access, out);
}

/* PAGE.ACCEPT's operand: address, level in bits 2:0, the rest reserved (TDX Module ABI,
 * GPA_MAPPINGS). */
#define PAGE_INFO_LEVEL    7ull
#define PAGE_INFO_RESERVED (0xfffull & ~PAGE_INFO_LEVEL)
#define LEVEL_4K           0
#define LEVEL_2M           1
#define SIZE_2M            (2ull << 20)

enum sim_verdict sim_td_accept(struct sim_vcpu *vcpu, uint64_t page_info, uint64_t *status)
{
	struct sim_vm *vm = vcpu->vm;
	uint64_t level = page_info & PAGE_INFO_LEVEL;
	uint64_t gpa = page_of(page_info);
	struct sim_gmem_page *page;
	uint8_t *bytes;
	int rc;

	if ((page_info & PAGE_INFO_RESERVED) || level > LEVEL_2M ||
	    (level == LEVEL_2M && gpa % SIZE_2M) || gpa >= sim_td(vm)->shared_bit) {
		*status = TDX_OPERAND_INVALID | TDX_OPERAND_RCX;
		return SIM_DONE;
	}
	/* KVM answers the EPT violation that TDG.MEM.PAGE.ACCEPT of an absent page is. */
	if (!sim_attribute_private(vm, gpa)) {
		vcpu->exit_scratch[3] = (uint64_t) - (int64_t)sim_memory_fault(vcpu, gpa, true);
		return SIM_FAIL;
	}
	rc = sim_td_augment(vm, gpa, &page, &bytes);
	if (rc) {
		vcpu->exit_scratch[3] =
			(uint64_t) -
			(int64_t)(rc == -EFAULT ? sim_memory_fault(vcpu, gpa, true) : rc);
		return SIM_FAIL;
	}
	/* KVM maps TDs' memory by 4 KiB only. */
	if (level != LEVEL_4K) {
		*status = TDX_PAGE_SIZE_MISMATCH | LEVEL_4K;
	} else if (page->state == SIM_TD_PAGE_MAPPED) {
		*status = TDX_PAGE_ALREADY_ACCEPTED | LEVEL_4K;
	} else {
		memset(bytes, 0, SIM_PAGE_SIZE);
		page->state = SIM_TD_PAGE_MAPPED;
		*status = TDX_SUCCESS;
	}
	return SIM_DONE;
}
