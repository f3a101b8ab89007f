/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* VMGEXIT: the GHCB, from and back to guest memory, and its MSR protocol (sev_handle_vmgexit()). */
#include <errno.h>
#include <string.h>

#include "sim/knobs.h"
#include "sim/sev_run.h"
#include "sim/vcpu_state.h"

#define INFO_MASK 0xfffull
/* GHCB specification, table 2: requests by MSR, and their responses. */
enum {
	INFO_SEV_INFO = 0x001,
	INFO_SEV_INFO_REQUEST = 0x002,
	INFO_CPUID_REQUEST = 0x004,
	INFO_CPUID_RESPONSE = 0x005,
	INFO_AP_HOLD_REQUEST = 0x006,
	INFO_AP_HOLD_RESPONSE = 0x007,
	INFO_PREFERRED_GPA_REQUEST = 0x010,
	INFO_PREFERRED_GPA_RESPONSE = 0x011,
	INFO_REGISTER_REQUEST = 0x012,
	INFO_REGISTER_RESPONSE = 0x013,
	INFO_PSC_REQUEST = 0x014,
	INFO_FEATURES_REQUEST = 0x080,
	INFO_FEATURES_RESPONSE = 0x081,
	INFO_TERMINATE = 0x100,
};

/* EVENTINJ, APM volume 2, 15.20; KVM has bit 31 as an int, and so all bits above it come along. */
#define EVENT_VALID     0xffffffff80000000ull
#define EVENT_EXCEPTION (3u << 8)

/* --- guest memory from the host's side */

static int guest_access(const struct sim_vm *vm, uint64_t gpa, void *in, const void *out,
			uint64_t size)
{
	uint8_t *to = in;
	const uint8_t *from = out;

	while (size) {
		uint64_t in_page = SIM_PAGE_SIZE - gpa % SIM_PAGE_SIZE;
		uint64_t now = size < in_page ? size : in_page;
		const struct sim_slot *slot = sim_slot_find(vm, gpa);
		uintptr_t address;
		int r;

		if (!slot)
			return -EFAULT;
		address = (uintptr_t)slot->host + (gpa - slot->gpa);
		r = to ? sim_copy_in(to, address, now) : sim_copy_out(address, from, now);
		if (r)
			return r;
		gpa += now;
		size -= now;
		to = to ? to + now : NULL;
		from = from ? from + now : NULL;
	}
	return 0;
}

int sim_sev_guest_read(const struct sim_vm *vm, uint64_t gpa, void *out, uint64_t size)
{
	return guest_access(vm, gpa, out, NULL, size);
}

int sim_sev_guest_write(const struct sim_vm *vm, uint64_t gpa, const void *in, uint64_t size)
{
	return guest_access(vm, gpa, NULL, in, size);
}

/* --- the GHCB */

bool sim_ghcb_has(const struct sim_ghcb_event *event, uint32_t offset)
{
	uint32_t bit = offset / 8;

	return event->valid[bit / 64] >> bit % 64 & 1;
}

static uint64_t field(const uint8_t *ghcb, uint32_t offset)
{
	uint64_t value;

	memcpy(&value, ghcb + offset, sizeof(value));
	return value;
}

static uint64_t valid_field(const struct sim_ghcb_event *event, const uint8_t *ghcb,
			    uint32_t offset)
{
	return sim_ghcb_has(event, offset) ? field(ghcb, offset) : 0;
}

/* sev_es_sync_from_ghcb() */
static void take(struct sim_ghcb_event *event, uint64_t gpa, const uint8_t *ghcb)
{
	*event = (struct sim_ghcb_event){.active = true, .gpa = gpa};
	memcpy(event->valid, ghcb + SIM_GHCB_VALID, sizeof(event->valid));
	event->rax = valid_field(event, ghcb, SIM_GHCB_RAX);
	event->rbx = valid_field(event, ghcb, SIM_GHCB_RBX);
	event->rcx = valid_field(event, ghcb, SIM_GHCB_RCX);
	event->rdx = valid_field(event, ghcb, SIM_GHCB_RDX);
	event->rsi = valid_field(event, ghcb, SIM_GHCB_RSI);
	event->xcr0 = valid_field(event, ghcb, SIM_GHCB_XCR0);
	event->cpl = sim_ghcb_has(event, SIM_GHCB_CPL) ? ghcb[SIM_GHCB_CPL] : 0;
	event->code = field(ghcb, SIM_GHCB_CODE);
	event->info1 = field(ghcb, SIM_GHCB_INFO1);
	event->info2 = field(ghcb, SIM_GHCB_INFO2);
	event->scratch = valid_field(event, ghcb, SIM_GHCB_SCRATCH);
	memcpy(&event->usage, ghcb + SIM_GHCB_USAGE, sizeof(event->usage));
}

static void answer(struct sim_vcpu *vcpu, uint64_t answer1, uint64_t answer2)
{
	struct sim_ghcb_event *event = &sim_sev_vcpu(vcpu)->event;

	event->answer1 = answer1;
	event->answer2 = answer2;
}

void sim_ghcb_success(struct sim_vcpu *vcpu, uint64_t data)
{
	answer(vcpu, 0, data);
}

void sim_ghcb_bad_input(struct sim_vcpu *vcpu, uint64_t suberror)
{
	answer(vcpu, SIM_GHCB_MALFORMED, suberror);
}

void sim_ghcb_exception(struct sim_vcpu *vcpu, uint32_t vector)
{
	answer(vcpu, SIM_GHCB_EXCEPTION, EVENT_VALID | EVENT_EXCEPTION | vector);
}

/* sev_es_unmap_ghcb(): registers and answer, and each of them is marked as valid. */
void sim_ghcb_finish(struct sim_vcpu *vcpu)
{
	struct sim_sev_vcpu *state = sim_sev_vcpu(vcpu);
	struct sim_ghcb_event *event = &state->event;
	const struct {
		uint32_t offset;
		uint64_t value;
	} fields[] = {
		{SIM_GHCB_RAX, event->rax},       {SIM_GHCB_RBX, event->rbx},
		{SIM_GHCB_RCX, event->rcx},       {SIM_GHCB_RDX, event->rdx},
		{SIM_GHCB_INFO1, event->answer1}, {SIM_GHCB_INFO2, event->answer2},
	};
	uint64_t valid[2] = {0};

	state->hold = SIM_AP_HOLD_NONE;
	if (!event->active)
		return;
	event->active = false;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint32_t bit = fields[i].offset / 8;

		valid[bit / 64] |= 1ull << bit % 64;
		sim_sev_guest_write(vcpu->vm, event->gpa + fields[i].offset, &fields[i].value,
				    sizeof(fields[i].value));
	}
	sim_sev_guest_write(vcpu->vm, event->gpa + SIM_GHCB_VALID, valid, sizeof(valid));
}

int sim_ghcb_scratch(struct sim_vcpu *vcpu, uint64_t need, uint64_t *size)
{
	const struct sim_ghcb_event *event = &sim_sev_vcpu(vcpu)->event;
	uint64_t end = event->scratch + need;

	if (!event->scratch || end < event->scratch)
		goto invalid;
	if (event->scratch / SIM_PAGE_SIZE * SIM_PAGE_SIZE == event->gpa) {
		if (event->scratch < event->gpa + SIM_GHCB_SHARED ||
		    end > event->gpa + SIM_GHCB_SHARED_END)
			goto invalid;
		*size = event->gpa + SIM_GHCB_SHARED_END - event->scratch;
		return 1;
	}
	/* From version 2 on it has to be in the GHCB. */
	if (sim_sev_vm(vcpu->vm)->ghcb_version >= 2 || need > 16ull * SIM_PAGE_SIZE)
		goto invalid;
	*size = need;
	return 1;
invalid:
	sim_ghcb_bad_input(vcpu, SIM_GHCB_INVALID_SCRATCH);
	return 0;
}

static int serve_ghcb(struct sim_vcpu *vcpu, uint64_t gpa)
{
	static const uint64_t none[2];
	struct sim_sev_vcpu *state = sim_sev_vcpu(vcpu);
	uint8_t ghcb[SIM_PAGE_SIZE];

	/* Without a GHCB the guest goes on as if nothing had happened. */
	if (sim_sev_guest_read(vcpu->vm, gpa, ghcb, sizeof(ghcb)))
		return 1;
	take(&state->event, gpa, ghcb);
	sim_sev_guest_write(vcpu->vm, gpa + SIM_GHCB_VALID, none, sizeof(none));
	if (sim_sev_is_snp(sim_sev_vm(vcpu->vm)) && state->ghcb_registered != gpa) {
		sim_ghcb_bad_input(vcpu, SIM_GHCB_NOT_REGISTERED);
		return 1;
	}
	if (state->event.usage) {
		sim_ghcb_bad_input(vcpu, SIM_GHCB_INVALID_USAGE);
		return 1;
	}
	return sim_ghcb_event(vcpu);
}

int sim_sev_vmgexit(struct sim_vcpu *vcpu)
{
	uint64_t msr = sim_sev_vcpu(vcpu)->ghcb_msr;

	if (msr & INFO_MASK)
		return sim_ghcb_msr_protocol(vcpu);
	return msr ? serve_ghcb(vcpu, msr) : 1;
}

/* --- the MSR protocol */

static uint64_t cpuid_response(const struct sim_vcpu *vcpu, uint64_t request)
{
	const struct kvm_cpuid_entry2 *entry = sim_cpuid_find(vcpu, (uint32_t)(request >> 32), 0);
	uint32_t value = 0;

	if (entry) {
		const uint32_t registers[4] = {entry->eax, entry->ebx, entry->ecx, entry->edx};

		value = registers[request >> 30 & 3];
	}
	return (uint64_t)value << 32 | (request & 0xfffff000ull) | INFO_CPUID_RESPONSE;
}

int sim_ghcb_terminate(struct sim_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
	run->system_event.type = KVM_SYSTEM_EVENT_SEV_TERM;
	run->system_event.ndata = 1;
	run->system_event.data[0] = sim_sev_vcpu(vcpu)->ghcb_msr;
	return 0;
}

static int serve_snp_request(struct sim_vcpu *vcpu, uint64_t request)
{
	struct sim_sev_vcpu *state = sim_sev_vcpu(vcpu);

	if (!sim_sev_is_snp(sim_sev_vm(vcpu->vm)))
		return sim_ghcb_terminate(vcpu);
	switch (request & INFO_MASK) {
	case INFO_PREFERRED_GPA_REQUEST:
		/* There is none: all ones. */
		state->ghcb_msr = ~INFO_MASK | INFO_PREFERRED_GPA_RESPONSE;
		return 1;
	case INFO_REGISTER_REQUEST:
		state->ghcb_registered = request & ~INFO_MASK;
		state->ghcb_msr = (request & ~INFO_MASK) | INFO_REGISTER_RESPONSE;
		return 1;
	default:
		return sim_ghcb_psc_msr(vcpu);
	}
}

int sim_ghcb_msr_protocol(struct sim_vcpu *vcpu)
{
	const struct sim_sev_vm *sev = sim_sev_vm(vcpu->vm);
	struct sim_sev_vcpu *state = sim_sev_vcpu(vcpu);
	uint64_t request = state->ghcb_msr;
	int r;

	switch (request & INFO_MASK) {
	case INFO_SEV_INFO_REQUEST:
		state->ghcb_msr = (uint64_t)sev->ghcb_version << 48 | 1ull << 32 |
				  (uint64_t)SIM_SEV_C_BIT << 24 | INFO_SEV_INFO;
		return 1;
	case INFO_CPUID_REQUEST:
		state->ghcb_msr = cpuid_response(vcpu, request);
		return 1;
	case INFO_AP_HOLD_REQUEST:
		r = sim_ghcb_ap_reset_hold(vcpu, SIM_AP_HOLD_MSR);
		state->ghcb_msr = INFO_AP_HOLD_RESPONSE;
		return r;
	case INFO_FEATURES_REQUEST:
		state->ghcb_msr = (uint64_t)SIM_HV_FEATURES << 12 | INFO_FEATURES_RESPONSE;
		return 1;
	case INFO_PREFERRED_GPA_REQUEST:
	case INFO_REGISTER_REQUEST:
	case INFO_PSC_REQUEST:
		return serve_snp_request(vcpu, request);
	case INFO_TERMINATE:
		return sim_ghcb_terminate(vcpu);
	default:
		/* An error: the MSR keeps what the guest wrote. */
		return 1;
	}
}
