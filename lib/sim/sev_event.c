/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The events that a GHCB can ask for, and those that are simple (reference 4.7;
 * sev_handle_vmgexit()). */
#include <errno.h>
#include <string.h>

#include "sim/exits.h"
#include "sim/msrs.h"
#include "sim/run.h"
#include "sim/sev_run.h"
#include "sim/vcpu_state.h"
#include "sim/vm_config.h"

#define KVM_HC_VAPIC_POLL 1u
#define HC_ENOSYS         1000
#define HC_EPERM          1
#define HC_EINVAL         22
#define PMU_COUNTERS      4u
#define VECTOR_UD         6u
#define VECTOR_GP         13u
#define MSR_X2APIC_FIRST  0x800u
#define MSR_X2APIC_LAST   0x8ffu

static struct sim_ghcb_event *event_of(const struct sim_vcpu *vcpu)
{
	return &sim_sev_vcpu(vcpu)->event;
}

static bool has_all(const struct sim_ghcb_event *event, const uint32_t *offsets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!sim_ghcb_has(event, offsets[i]))
			return false;
	return true;
}

#define HAS(event, ...)                                                                            \
	has_all(event, (const uint32_t[]){__VA_ARGS__},                                            \
		sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* sev_es_are_required_ghcb_fields_valid() */
static bool is_complete(const struct sim_ghcb_event *event)
{
	if (!HAS(event, SIM_GHCB_CODE, SIM_GHCB_INFO1, SIM_GHCB_INFO2))
		return false;
	switch (event->code) {
	case SIM_VC_WRITE_DR7:
		return HAS(event, SIM_GHCB_RAX);
	case SIM_VC_RDPMC:
		return HAS(event, SIM_GHCB_RCX);
	case SIM_VC_CPUID:
		return HAS(event, SIM_GHCB_RAX, SIM_GHCB_RCX) &&
		       (event->rax != 0xd || HAS(event, SIM_GHCB_XCR0));
	case SIM_VC_IOIO:
		if (event->info1 & 4) /* string */
			return HAS(event, SIM_GHCB_SCRATCH);
		return event->info1 & 1 || HAS(event, SIM_GHCB_RAX);
	case SIM_VC_MSR:
		return HAS(event, SIM_GHCB_RCX) &&
		       (!event->info1 || HAS(event, SIM_GHCB_RAX, SIM_GHCB_RDX));
	case SIM_VC_VMMCALL:
		return HAS(event, SIM_GHCB_RAX, SIM_GHCB_CPL);
	case SIM_VC_MONITOR:
		return HAS(event, SIM_GHCB_RAX, SIM_GHCB_RCX, SIM_GHCB_RDX);
	case SIM_VC_MWAIT:
		return HAS(event, SIM_GHCB_RAX, SIM_GHCB_RCX);
	case SIM_GHCB_AP_CREATION:
		return HAS(event, SIM_GHCB_RAX) || (uint32_t)event->info1 == 2;
	case SIM_GHCB_MMIO_READ:
	case SIM_GHCB_MMIO_WRITE:
	case SIM_GHCB_PSC:
		return HAS(event, SIM_GHCB_SCRATCH);
	default:
		return true;
	}
}

static bool is_of_snp(uint64_t code)
{
	return code == SIM_GHCB_AP_CREATION || code == SIM_GHCB_GUEST_REQUEST ||
	       code == SIM_GHCB_EXT_GUEST_REQUEST || code == SIM_GHCB_PSC;
}

int sim_ghcb_cpuid(struct sim_vcpu *vcpu)
{
	struct sim_ghcb_event *event = event_of(vcpu);
	const struct kvm_cpuid_entry2 *entry =
		sim_cpuid_find(vcpu, (uint32_t)event->rax, (uint32_t)event->rcx);

	event->rax = entry ? entry->eax : 0;
	event->rbx = entry ? entry->ebx : 0;
	event->rcx = entry ? entry->ecx : 0;
	event->rdx = entry ? entry->edx : 0;
	return 1;
}

/* --- MSRs */

static int complete_rdmsr(struct sim_vcpu *vcpu)
{
	struct sim_ghcb_event *event = event_of(vcpu);

	if (vcpu->run->msr.error) {
		sim_ghcb_exception(vcpu, VECTOR_GP);
		return 0;
	}
	event->rax = (uint32_t)vcpu->run->msr.data;
	event->rdx = vcpu->run->msr.data >> 32;
	return 0;
}

static int complete_wrmsr(struct sim_vcpu *vcpu)
{
	if (vcpu->run->msr.error)
		sim_ghcb_exception(vcpu, VECTOR_GP);
	return 0;
}

/* 0, or why not: a KVM_MSR_EXIT_REASON_*. */
static uint32_t access_msr(struct sim_vcpu *vcpu, uint32_t index, bool write, uint64_t *data)
{
	bool x2apic = index >= MSR_X2APIC_FIRST && index <= MSR_X2APIC_LAST;
	int r;

	if (x2apic && sim_vcpu_has_lapic(vcpu)) {
		bool done = write ? sim_apic_write_msr(vcpu, index, *data)
				  : sim_apic_read_msr(vcpu, index, data);

		return done ? 0 : KVM_MSR_EXIT_REASON_INVAL;
	}
	if (!x2apic && !sim_msr_allowed(vcpu->vm, index, write))
		return KVM_MSR_EXIT_REASON_FILTER;
	r = write ? sim_msr_set(vcpu, index, *data) : sim_msr_get(vcpu, index, data);
	if (!r && write && index == SIM_MSR_TSC_DEADLINE && sim_vcpu_has_lapic(vcpu))
		sim_apic_set_deadline(vcpu, *data);
	if (r == -ENOENT)
		return KVM_MSR_EXIT_REASON_UNKNOWN;
	return r ? KVM_MSR_EXIT_REASON_INVAL : 0;
}

int sim_ghcb_msr(struct sim_vcpu *vcpu)
{
	struct sim_ghcb_event *event = event_of(vcpu);
	uint64_t data = event->rdx << 32 | (uint32_t)event->rax;
	uint32_t index = (uint32_t)event->rcx, reason;
	bool write = event->info1;

	reason = access_msr(vcpu, index, write, &data);
	if (!reason) {
		if (!write) {
			event->rax = (uint32_t)data;
			event->rdx = data >> 32;
		}
		return 1;
	}
	if (sim_exit_msr(vcpu, index, write, write ? data : 0, reason)) {
		vcpu->complete = write ? complete_wrmsr : complete_rdmsr;
		return 0;
	}
	sim_ghcb_exception(vcpu, VECTOR_GP);
	return 1;
}

/* --- hypercalls */

static int complete_hypercall(struct sim_vcpu *vcpu)
{
	event_of(vcpu)->rax = vcpu->run->hypercall.ret;
	return 0;
}

static int64_t map_gpa_range(struct sim_vcpu *vcpu, bool *exits)
{
	const struct sim_ghcb_event *event = event_of(vcpu);
	uint64_t gpa = event->rbx, pages = event->rcx;

	if (!(vcpu->vm->hypercall_exits >> UAPI_HC_MAP_GPA_RANGE & 1))
		return -HC_ENOSYS;
	if (gpa % SIM_PAGE_SIZE || !pages || gpa / SIM_PAGE_SIZE + pages <= gpa / SIM_PAGE_SIZE)
		return -HC_EINVAL;
	sim_fill_map_gpa(vcpu, gpa, pages, event->rdx);
	/* Of a guest with protected state KVM takes all calls as 64-bit ones. */
	memcpy((uint8_t *)vcpu->run + SIM_RUN_HYPERCALL_FLAGS, &(uint64_t){1}, sizeof(uint64_t));
	*exits = true;
	return 0;
}

int sim_ghcb_vmmcall(struct sim_vcpu *vcpu)
{
	struct sim_ghcb_event *event = event_of(vcpu);
	bool exits = false;
	int64_t result;

	if (event->cpl & 3)
		result = -HC_EPERM;
	else if (event->rax == UAPI_HC_MAP_GPA_RANGE)
		result = map_gpa_range(vcpu, &exits);
	else
		result = event->rax == KVM_HC_VAPIC_POLL ? 0 : -HC_ENOSYS;
	if (exits) {
		vcpu->complete = complete_hypercall;
		return 0;
	}
	event->rax = (uint64_t)result;
	return 1;
}

/* --- the rest */

/* The counters of an AMD processor without extensions: there, and never running. */
static int rdpmc(struct sim_vcpu *vcpu)
{
	struct sim_ghcb_event *event = event_of(vcpu);

	if (event->rcx >= PMU_COUNTERS) {
		sim_ghcb_exception(vcpu, VECTOR_GP);
		return 1;
	}
	event->rax = 0;
	event->rdx = 0;
	return 1;
}

static int jump_table(struct sim_vcpu *vcpu)
{
	struct sim_sev_vm *sev = sim_sev_vm(vcpu->vm);
	const struct sim_ghcb_event *event = event_of(vcpu);

	switch (event->info1) {
	case 0:
		sev->ap_jump_table = event->info2;
		break;
	case 1:
		sim_ghcb_success(vcpu, sev->ap_jump_table);
		break;
	default:
		sim_ghcb_bad_input(vcpu, SIM_GHCB_INVALID_INPUT);
		break;
	}
	return 1;
}

static int guest_request(struct sim_vcpu *vcpu, bool extended)
{
	const struct sim_ghcb_event *event = event_of(vcpu);

	if (event->info1 % SIM_PAGE_SIZE || event->info2 % SIM_PAGE_SIZE ||
	    event->info1 == event->info2) {
		sim_ghcb_bad_input(vcpu, SIM_GHCB_INVALID_INPUT);
		return 1;
	}
	return sim_ghcb_guest_request(vcpu, extended);
}

static int software_event(struct sim_vcpu *vcpu)
{
	const struct sim_ghcb_event *event = event_of(vcpu);

	switch (event->code) {
	case SIM_GHCB_MMIO_READ:
	case SIM_GHCB_MMIO_WRITE:
		return sim_ghcb_mmio(vcpu, event->code == SIM_GHCB_MMIO_WRITE);
	case SIM_GHCB_NMI_COMPLETE:
		vcpu->state->events.nmi.masked = 0;
		return 1;
	case SIM_GHCB_AP_RESET_HOLD:
		return sim_ghcb_ap_reset_hold(vcpu, SIM_AP_HOLD_EVENT);
	case SIM_GHCB_AP_JUMP_TABLE:
		return jump_table(vcpu);
	case SIM_GHCB_HV_FEATURES:
		sim_ghcb_success(vcpu, SIM_HV_FEATURES);
		return 1;
	case SIM_GHCB_TERM_REQUEST:
		return sim_ghcb_terminate(vcpu);
	case SIM_GHCB_PSC:
		return sim_ghcb_psc(vcpu);
	case SIM_GHCB_AP_CREATION:
		return sim_ghcb_ap_creation(vcpu);
	case SIM_GHCB_GUEST_REQUEST:
	case SIM_GHCB_EXT_GUEST_REQUEST:
		return guest_request(vcpu, event->code == SIM_GHCB_EXT_GUEST_REQUEST);
	case SIM_GHCB_UNSUPPORTED:
		/* The guest says that it met a #VC that it does not know. */
		return -EINVAL;
	default:
		sim_ghcb_bad_input(vcpu, SIM_GHCB_INVALID_EVENT);
		return 1;
	}
}

int sim_ghcb_event(struct sim_vcpu *vcpu)
{
	struct sim_ghcb_event *event = event_of(vcpu);

	if (is_of_snp(event->code) && !sim_sev_is_snp(sim_sev_vm(vcpu->vm))) {
		sim_ghcb_bad_input(vcpu, SIM_GHCB_INVALID_EVENT);
		return 1;
	}
	if (!is_complete(event)) {
		sim_ghcb_bad_input(vcpu, SIM_GHCB_MISSING_INPUT);
		return 1;
	}
	sim_ghcb_success(vcpu, 0);
	switch (event->code) {
	case SIM_VC_CPUID:
		return sim_ghcb_cpuid(vcpu);
	case SIM_VC_IOIO:
		return sim_ghcb_io(vcpu);
	case SIM_VC_MSR:
		return sim_ghcb_msr(vcpu);
	case SIM_VC_VMMCALL:
		return sim_ghcb_vmmcall(vcpu);
	case SIM_VC_RDPMC:
		return rdpmc(vcpu);
	case SIM_VC_RDTSCP:
		sim_ghcb_exception(vcpu, VECTOR_UD);
		return 1;
	case SIM_VC_READ_DR7:
	case SIM_VC_WRITE_DR7:
	case SIM_VC_RDTSC:
	case SIM_VC_INVD:
	case SIM_VC_WBINVD:
	case SIM_VC_MONITOR:
	case SIM_VC_MWAIT:
		return 1;
	default:
		return software_event(vcpu);
	}
}

/* --- what page state changes share */

bool sim_is_map_gpa_answer(uint64_t ret)
{
	return ret == 0 || ret == EINVAL || ret == EAGAIN;
}

void sim_fill_map_gpa(struct sim_vcpu *vcpu, uint64_t gpa, uint64_t pages, uint64_t attributes)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_HYPERCALL;
	run->hypercall.nr = UAPI_HC_MAP_GPA_RANGE;
	run->hypercall.ret = 0;
	run->hypercall.args[0] = gpa;
	run->hypercall.args[1] = pages;
	run->hypercall.args[2] = attributes;
}

/* kvm_emulate_ap_reset_hold(): until a SIPI. */
int sim_ghcb_ap_reset_hold(struct sim_vcpu *vcpu, enum sim_ap_hold hold)
{
	sim_sev_vcpu(vcpu)->hold = hold;
	if (!sim_vcpu_has_lapic(vcpu)) {
		vcpu->run->exit_reason = KVM_EXIT_AP_RESET_HOLD;
		return 0;
	}
	vcpu->state->mp_state.mp_state = KVM_MP_STATE_AP_RESET_HOLD;
	return 1;
}
