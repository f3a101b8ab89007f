/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Page state changes: by MSR, one page, and by GHCB, a list (reference 4.3; snp_begin_psc() and
 * what follows it). */
#include <errno.h>
#include <string.h>

#include "sim/sev_run.h"

#define OP_PRIVATE 1u
#define OP_SHARED  2u

#define MSR_RESPONSE      0x015ull
#define MSR_RESPONSE_FAIL (1ull << 63 | MSR_RESPONSE)
#define MSR_OPERATION(x)  ((uint32_t)((x) >> 52 & 15))
#define MSR_GPA(x)        ((x)&0x000ffffffffff000ull)

/* SW_EXITINFO2 of a list, GHCB specification 4.1.6. */
#define LIST_GENERIC    (0x100ull << 32)
#define LIST_BAD_HEADER (1ull << 32 | 1)
#define LIST_BAD_ENTRY  (1ull << 32 | 2)

#define SIZE_2M 1u

struct header {
	uint16_t current;
	uint16_t end;
	uint32_t reserved;
};

struct entry {
	uint64_t page; /* the current page of a large one */
	uint64_t gfn;
	uint32_t operation;
	bool large;
};

static bool user_maps_gpa(const struct sim_vm *vm)
{
	return vm->hypercall_exits >> UAPI_HC_MAP_GPA_RANGE & 1;
}

/* --- by MSR */

static int complete_msr(struct sim_vcpu *vcpu)
{
	uint64_t ret = vcpu->run->hypercall.ret;

	if (!sim_is_map_gpa_answer(ret))
		return -EINVAL;
	sim_sev_vcpu(vcpu)->ghcb_msr = ret ? MSR_RESPONSE_FAIL : MSR_RESPONSE;
	return 0;
}

int sim_ghcb_psc_msr(struct sim_vcpu *vcpu)
{
	struct sim_sev_vcpu *state = sim_sev_vcpu(vcpu);
	uint32_t operation = MSR_OPERATION(state->ghcb_msr);

	if ((operation != OP_PRIVATE && operation != OP_SHARED) || !user_maps_gpa(vcpu->vm)) {
		state->ghcb_msr = MSR_RESPONSE_FAIL;
		return 1;
	}
	sim_fill_map_gpa(vcpu, MSR_GPA(state->ghcb_msr), 1,
			 operation == OP_PRIVATE ? UAPI_MAP_GPA_RANGE_ENCRYPTED : 0);
	vcpu->complete = complete_msr;
	return 0;
}

/* --- by GHCB: a header of 8 bytes in the scratch area, and entries of 8 bytes */

static uint64_t address_of(const struct sim_ghcb_event *event, uint32_t index)
{
	return event->scratch + sizeof(struct header) + 8ull * index;
}

/* The guest can change its list meanwhile: each entry is read when it is looked at, and once. */
static int read_entry(const struct sim_vcpu *vcpu, uint32_t index, struct entry *entry)
{
	uint64_t raw;
	int r = sim_sev_guest_read(vcpu->vm, address_of(&sim_sev_vcpu(vcpu)->event, index), &raw,
				   sizeof(raw));

	if (r)
		return r;
	*entry = (struct entry){
		.page = raw & 0xfff,
		.gfn = raw >> 12 & 0xffffffffffull,
		.operation = (uint32_t)(raw >> 52 & 15),
		.large = raw >> 56 & 1,
	};
	return 0;
}

static void write_current_page(struct sim_vcpu *vcpu, uint32_t index)
{
	uint64_t address = address_of(&sim_sev_vcpu(vcpu)->event, index), raw;

	if (sim_sev_guest_read(vcpu->vm, address, &raw, sizeof(raw)))
		return;
	raw = (raw & ~0xfffull) | (raw >> 56 & 1 ? 512 : 1);
	sim_sev_guest_write(vcpu->vm, address, &raw, sizeof(raw));
}

static void write_current_entry(struct sim_vcpu *vcpu, uint16_t index)
{
	sim_sev_guest_write(vcpu->vm, sim_sev_vcpu(vcpu)->event.scratch, &index, sizeof(index));
}

static int finish(struct sim_vcpu *vcpu, uint64_t result)
{
	sim_ghcb_success(vcpu, result);
	return 1;
}

/* __snp_complete_one_psc() */
static void complete_batch(struct sim_vcpu *vcpu)
{
	struct sim_ghcb_event *event = &sim_sev_vcpu(vcpu)->event;

	for (; event->psc_batch; event->psc_batch--)
		write_current_page(vcpu, event->psc_index++);
	write_current_entry(vcpu, event->psc_index);
}

struct range {
	struct entry first;
	uint64_t gfn;
	uint64_t pages;
	bool large;
};

/* The next entry of which something is left. 0: none; 1: *range has it; -1: an entry that is none.
 */
static int find_range(struct sim_vcpu *vcpu, struct range *range)
{
	struct sim_ghcb_event *event = &sim_sev_vcpu(vcpu)->event;
	uint16_t current;

	for (; event->psc_index <= event->psc_end; event->psc_index++) {
		if (read_entry(vcpu, event->psc_index, &range->first))
			return -1;
		range->large = range->first.large;
		range->gfn = range->first.gfn;
		range->pages = range->large ? 512 : 1;
		if (range->first.page > range->pages || range->gfn % range->pages)
			return -1;
		/* What is left of a large page goes by small ones. */
		if (range->first.page) {
			range->pages -= range->first.page;
			range->gfn += range->first.page;
			range->large = false;
		}
		if (range->pages)
			return 1;
		if (!sim_sev_guest_read(vcpu->vm, event->scratch, &current, sizeof(current)))
			write_current_entry(vcpu, current + 1);
	}
	return 0;
}

/* Entries that follow and belong to the same range make one exit with it. */
static void merge(struct sim_vcpu *vcpu, struct range *range)
{
	struct sim_ghcb_event *event = &sim_sev_vcpu(vcpu)->event;
	struct entry next;

	event->psc_batch = 1;
	for (uint32_t i = event->psc_index + 1u; i <= event->psc_end; i++) {
		if (read_entry(vcpu, i, &next) || next.operation != range->first.operation ||
		    next.gfn != range->first.gfn + range->pages || next.page ||
		    next.large != range->large)
			return;
		event->psc_batch++;
		range->pages += range->large ? 512 : 1;
	}
}

static int complete_list(struct sim_vcpu *vcpu);

/* snp_do_psc() */
static int go_on(struct sim_vcpu *vcpu)
{
	struct range range;
	int found;

	while ((found = find_range(vcpu, &range)) == 1) {
		merge(vcpu, &range);
		if (range.first.operation == OP_PRIVATE || range.first.operation == OP_SHARED) {
			uint64_t attributes = range.first.operation == OP_PRIVATE
						      ? UAPI_MAP_GPA_RANGE_ENCRYPTED
						      : 0;

			sim_fill_map_gpa(vcpu, range.gfn * SIM_PAGE_SIZE, range.pages,
					 attributes | (range.first.large ? SIZE_2M : 0));
			vcpu->complete = complete_list;
			return 0;
		}
		/* SMASH and UNSMASH need nothing. */
		complete_batch(vcpu);
	}
	return finish(vcpu, found ? LIST_BAD_ENTRY : 0);
}

static int complete_list(struct sim_vcpu *vcpu)
{
	uint64_t ret = vcpu->run->hypercall.ret;

	if (!sim_is_map_gpa_answer(ret))
		return -EINVAL;
	if (ret) {
		finish(vcpu, LIST_GENERIC);
		return 0;
	}
	complete_batch(vcpu);
	return !go_on(vcpu);
}

int sim_ghcb_psc(struct sim_vcpu *vcpu)
{
	struct sim_ghcb_event *event = &sim_sev_vcpu(vcpu)->event;
	struct header header;
	uint64_t room;

	if (!sim_ghcb_scratch(vcpu, sizeof(header), &room))
		return 1;
	if (!user_maps_gpa(vcpu->vm) ||
	    sim_sev_guest_read(vcpu->vm, event->scratch, &header, sizeof(header)))
		return finish(vcpu, LIST_GENERIC);
	event->psc_index = header.current;
	event->psc_end = header.end;
	if (header.end >= (room - sizeof(header)) / sizeof(uint64_t))
		return finish(vcpu, LIST_BAD_HEADER);
	return go_on(vcpu);
}
