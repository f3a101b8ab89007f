/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ioctls that put registers into a vCPU and read them out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/lapic.h"
#include "sim/request.h"
#include "sim/vcpu_state.h"
#include "sim/vm_config.h"

#define CR0_PE           (1ull << 0)
#define CR0_NW           (1ull << 29)
#define CR0_CD           (1ull << 30)
#define CR0_PG           (1ull << 31)
#define CR4_PAE          (1ull << 5)
#define CR4_KNOWN        0x3fffffull /* up to PKE; what guests are not offered is their own affair */
#define EFER_LME         (1ull << 8)
#define EFER_LMA         (1ull << 10)
#define EFER_KNOWN       0x7d01ull
#define APIC_BASE_ENABLE 0x800ull
#define APIC_BASE_X2APIC 0x400ull

static struct sim_vcpu_state *state_of(struct sim_file *file)
{
	return ((struct sim_vcpu *)file->object)->state;
}

static int get_regs(struct sim_file *file, uintptr_t argument)
{
	return sim_copy_out(argument, &state_of(file)->regs, sizeof(struct kvm_regs));
}

static int set_regs(struct sim_file *file, uintptr_t argument)
{
	struct kvm_regs regs;

	if (sim_copy_in(&regs, argument, sizeof(regs)))
		return -EFAULT;
	state_of(file)->regs = regs;
	state_of(file)->regs.rflags |= 2;
	/* An exception that waited is for the old RIP (kvm_arch_vcpu_ioctl_set_regs()). */
	state_of(file)->events.exception.pending = 0;
	return 0;
}

/* Also the MSR: the mode goes from disabled to xAPIC to x2APIC, and back through disabled only. */
int sim_apic_base_set(struct sim_vcpu *vcpu, uint64_t base)
{
	const uint64_t mode = base & (APIC_BASE_ENABLE | APIC_BASE_X2APIC);
	struct kvm_sregs2 *sregs = &vcpu->state->sregs;
	const bool was_x2apic = (sregs->apic_base & APIC_BASE_X2APIC) != 0;

	if (mode == APIC_BASE_X2APIC || base & 0x2ffull || base >> 52)
		return -EINVAL;
	sregs->apic_base = base;
	if (sim_vcpu_has_lapic(vcpu) && was_x2apic != ((base & APIC_BASE_X2APIC) != 0))
		sim_lapic_write(vcpu, SIM_APIC_ID, was_x2apic ? vcpu->id << 24 : vcpu->id);
	return 0;
}

/* kvm_is_valid_sregs() */
static bool are_valid(const struct kvm_sregs2 *sregs)
{
	if (sregs->efer & EFER_LME && sregs->cr0 & CR0_PG) {
		if (!(sregs->cr4 & CR4_PAE) || !(sregs->efer & EFER_LMA) || sregs->cr3 >> 52)
			return false;
	} else if (sregs->efer & EFER_LMA || sregs->cs.l) {
		return false;
	}
	if (sregs->cr0 >> 32 || (sregs->cr0 & CR0_NW && !(sregs->cr0 & CR0_CD)) ||
	    (sregs->cr0 & CR0_PG && !(sregs->cr0 & CR0_PE)))
		return false;
	return !(sregs->cr4 & ~CR4_KNOWN) && !(sregs->efer & ~EFER_KNOWN);
}

static int set_sregs_of(struct sim_vcpu *vcpu, const struct kvm_sregs2 *sregs)
{
	int r;

	if (!are_valid(sregs))
		return -EINVAL;
	r = sim_apic_base_set(vcpu, sregs->apic_base);
	if (r)
		return r;
	if (vcpu->protected)
		return 0;
	vcpu->state->sregs = *sregs;
	sim_vcpu_cr0_written(vcpu);
	return 0;
}

/* What KVM_GET_SREGS shows of the VMCB: see reset_segments() in vcpu_state.c. */
static void show_segments(const struct sim_vcpu *vcpu, struct kvm_sregs2 *sregs)
{
	struct kvm_segment *const data[] = {&sregs->ds, &sregs->es, &sregs->fs, &sregs->gs};

	if (vcpu->protected) {
		/* Of state that is protected only what KVM has elsewhere. */
		*sregs = (struct kvm_sregs2){.cr0 = sregs->cr0,
					     .cr4 = sregs->cr4,
					     .cr8 = sregs->cr8,
					     .efer = sregs->efer,
					     .apic_base = sregs->apic_base};
		return;
	}
	if (!sim_offers_sev(vcpu->vm->sim))
		return;
	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++)
		if (!data[i]->unusable)
			data[i]->type |= 1;
	sregs->tr.type |= 2;
}

static void to_old_sregs(const struct kvm_sregs2 *from, const struct sim_vcpu_state *state,
			 struct kvm_sregs *to)
{
	/* The two structs are alike up to apic_base. */
	memcpy(to, from, offsetof(struct kvm_sregs, interrupt_bitmap));
	memcpy(to->interrupt_bitmap, state->interrupt_bitmap, sizeof(to->interrupt_bitmap));
	if (state->events.interrupt.injected && !state->events.interrupt.soft)
		to->interrupt_bitmap[state->events.interrupt.nr / 64] |=
			1ull << state->events.interrupt.nr % 64;
}

static int get_sregs(struct sim_file *file, uintptr_t argument)
{
	struct kvm_sregs2 sregs = state_of(file)->sregs;
	struct kvm_sregs old;

	show_segments(file->object, &sregs);
	to_old_sregs(&sregs, state_of(file), &old);
	return sim_copy_out(argument, &old, sizeof(old));
}

static int set_sregs(struct sim_file *file, uintptr_t argument)
{
	struct kvm_sregs2 sregs = {0};
	struct kvm_sregs old;
	int r;

	if (sim_copy_in(&old, argument, sizeof(old)))
		return -EFAULT;
	memcpy(&sregs, &old, offsetof(struct kvm_sregs, interrupt_bitmap));
	r = set_sregs_of(file->object, &sregs);
	if (r)
		return r;
	for (unsigned vector = 0; vector < 256; vector++)
		if (old.interrupt_bitmap[vector / 64] >> vector % 64 & 1) {
			state_of(file)->events.interrupt.injected = 1;
			state_of(file)->events.interrupt.nr = (uint8_t)vector;
			state_of(file)->events.interrupt.soft = 0;
			break;
		}
	return 0;
}

static int get_sregs2(struct sim_file *file, uintptr_t argument)
{
	struct kvm_sregs2 sregs = state_of(file)->sregs;

	show_segments(file->object, &sregs);
	return sim_copy_out(argument, &sregs, sizeof(sregs));
}

static int set_sregs2(struct sim_file *file, uintptr_t argument)
{
	struct kvm_sregs2 sregs;

	if (sim_copy_in(&sregs, argument, sizeof(sregs)))
		return -EFAULT;
	/* PDPTRs only with PAE paging, and no other flag. */
	if (sregs.flags & ~(uint64_t)KVM_SREGS2_FLAGS_PDPTRS_VALID)
		return -EINVAL;
	if (sregs.flags & KVM_SREGS2_FLAGS_PDPTRS_VALID &&
	    (!(sregs.cr0 & CR0_PG) || !(sregs.cr4 & CR4_PAE) || sregs.efer & EFER_LMA))
		return -EINVAL;
	return set_sregs_of(file->object, &sregs);
}

/* struct kvm_fpu against FXSAVE's area, in bytes from the start of that. */
static void fpu_from_xsave(const uint8_t *area, struct kvm_fpu *fpu)
{
	memset(fpu, 0, sizeof(*fpu));
	memcpy(&fpu->fcw, area, 2);
	memcpy(&fpu->fsw, area + 2, 2);
	fpu->ftwx = area[4];
	memcpy(&fpu->last_opcode, area + 6, 2);
	memcpy(&fpu->last_ip, area + 8, 8);
	memcpy(&fpu->last_dp, area + 16, 8);
	memcpy(fpu->fpr, area + 32, sizeof(fpu->fpr));
	memcpy(fpu->xmm, area + 160, sizeof(fpu->xmm));
}

/* KVM does not take MXCSR from here, nor show it (kvm_arch_vcpu_ioctl_set_fpu(), _get_fpu()). */
static void fpu_to_xsave(const struct kvm_fpu *fpu, uint8_t *area)
{
	memcpy(area, &fpu->fcw, 2);
	memcpy(area + 2, &fpu->fsw, 2);
	area[4] = fpu->ftwx;
	memcpy(area + 6, &fpu->last_opcode, 2);
	memcpy(area + 8, &fpu->last_ip, 8);
	memcpy(area + 16, &fpu->last_dp, 8);
	memcpy(area + 32, fpu->fpr, sizeof(fpu->fpr));
	memcpy(area + 160, fpu->xmm, sizeof(fpu->xmm));
}

/*
 * fpstate_is_confidential(): a protected SEV-ES vCPU has none that KVM knows. Only VMs of type 0
 * come here; to them KVM shows nothing, and takes whatever comes.
 */
static bool is_fpu_confidential(const struct sim_vcpu *vcpu)
{
	return vcpu->protected && vcpu->vm->tech->vm_type == UAPI_VM_TYPE_DEFAULT;
}

static int get_fpu(struct sim_file *file, uintptr_t argument)
{
	struct kvm_fpu fpu = {0};

	if (!is_fpu_confidential(file->object))
		fpu_from_xsave((const uint8_t *)state_of(file)->xsave.region, &fpu);
	return sim_copy_out(argument, &fpu, sizeof(fpu));
}

static int set_fpu(struct sim_file *file, uintptr_t argument)
{
	struct kvm_fpu fpu;

	if (sim_copy_in(&fpu, argument, sizeof(fpu)))
		return -EFAULT;
	if (!is_fpu_confidential(file->object))
		fpu_to_xsave(&fpu, (uint8_t *)state_of(file)->xsave.region);
	return 0;
}

static int get_xsave(struct sim_file *file, uintptr_t argument)
{
	const uint64_t features = SIM_XCR0_SUPPORTED;
	struct sim_xsave area = {0};

	if (!is_fpu_confidential(file->object)) {
		area = state_of(file)->xsave;
		/* copy_xstate_to_uabi_buf(): the host's XCR0 in what FXSAVE leaves to software. */
		memcpy((uint8_t *)area.region + 464, &features, sizeof(features));
	}
	return sim_copy_out(argument, area.region, SIM_XSAVE_SIZE);
}

/* XSTATE_BV, in the header after FXSAVE's area, may only have states that the host has. */
static int set_xsave(struct sim_file *file, uintptr_t argument)
{
	uint32_t region[SIM_XSAVE_SIZE / sizeof(uint32_t)];
	uint64_t present;

	if (sim_copy_in(region, argument, sizeof(region)))
		return -EFAULT;
	if (is_fpu_confidential(file->object))
		return 0;
	memcpy(&present, (const uint8_t *)region + 512, sizeof(present));
	if (present & ~SIM_XCR0_SUPPORTED || region[6] & ~0xffffu)
		return -EINVAL;
	memcpy(state_of(file)->xsave.region, region, sizeof(region));
	return 0;
}

static int get_xcrs(struct sim_file *file, uintptr_t argument)
{
	struct kvm_xcrs xcrs = {.nr_xcrs = 1};

	xcrs.xcrs[0].value = state_of(file)->xcr0;
	return sim_copy_out(argument, &xcrs, sizeof(xcrs));
}

static int set_xcrs(struct sim_file *file, uintptr_t argument)
{
	struct kvm_xcrs xcrs;

	if (sim_copy_in(&xcrs, argument, sizeof(xcrs)))
		return -EFAULT;
	if (xcrs.nr_xcrs > KVM_MAX_XCRS || xcrs.flags)
		return -EINVAL;
	for (uint32_t i = 0; i < xcrs.nr_xcrs; i++) {
		const uint64_t value = xcrs.xcrs[i].value;

		if (xcrs.xcrs[i].xcr != 0)
			continue;
		if (!(value & 1) || (value & 4 && !(value & 2)) ||
		    value & ~sim_guest_xcr0(file->object))
			return -EINVAL;
		state_of(file)->xcr0 = value;
		break;
	}
	return 0;
}

static int get_debugregs(struct sim_file *file, uintptr_t argument)
{
	return sim_copy_out(argument, &state_of(file)->debugregs, sizeof(struct kvm_debugregs));
}

static int set_debugregs(struct sim_file *file, uintptr_t argument)
{
	struct kvm_debugregs regs;

	if (sim_copy_in(&regs, argument, sizeof(regs)))
		return -EFAULT;
	if (regs.flags || regs.dr6 >> 32 || regs.dr7 >> 32)
		return -EINVAL;
	state_of(file)->debugregs = regs;
	return 0;
}

static int get_lapic(struct sim_file *file, uintptr_t argument)
{
	if (!sim_vcpu_has_lapic(file->object))
		return -EINVAL;
	return sim_copy_out(argument, &state_of(file)->lapic, sizeof(struct kvm_lapic_state));
}

/* kvm_apic_set_state(): an id that is not the vCPU's own is refused in x2APIC mode with 32-bit ids.
 */
static int set_lapic(struct sim_file *file, uintptr_t argument)
{
	struct sim_vcpu *vcpu = file->object;
	struct kvm_lapic_state lapic;
	uint32_t id;

	if (!sim_vcpu_has_lapic(vcpu))
		return -EINVAL;
	if (sim_copy_in(&lapic, argument, sizeof(lapic)))
		return -EFAULT;
	memcpy(&id, lapic.regs + SIM_APIC_ID, sizeof(id));
	if (vcpu->state->sregs.apic_base & APIC_BASE_X2APIC) {
		const bool wide = vcpu->vm->config->caps.x2apic_api & KVM_X2APIC_API_USE_32BIT_IDS;

		if ((wide ? id : id >> 24) != vcpu->id)
			return -EINVAL;
		id = vcpu->id;
		memcpy(lapic.regs + SIM_APIC_ID, &id, sizeof(id));
	}
	vcpu->state->lapic = lapic;
	return 0;
}

static int get_mp_state(struct sim_file *file, uintptr_t argument)
{
	return sim_copy_out(argument, &state_of(file)->mp_state, sizeof(struct kvm_mp_state));
}

static int set_mp_state(struct sim_file *file, uintptr_t argument)
{
	struct kvm_mp_state mp;

	if (sim_copy_in(&mp, argument, sizeof(mp)))
		return -EFAULT;
	switch (mp.mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_HALTED:
	case KVM_MP_STATE_AP_RESET_HOLD:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_SIPI_RECEIVED:
		if (!sim_vcpu_has_lapic(file->object))
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	state_of(file)->mp_state = mp;
	return 0;
}

#define EVENT_FLAGS                                                                                \
	(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |                       \
	 KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM | KVM_VCPUEVENT_VALID_PAYLOAD |      \
	 KVM_VCPUEVENT_VALID_TRIPLE_FAULT)

static int get_events(struct sim_file *file, uintptr_t argument)
{
	const struct sim_vm_caps *caps = &file->vm->config->caps;
	struct kvm_vcpu_events events = state_of(file)->events;

	events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
		       KVM_VCPUEVENT_VALID_SMM;
	if (caps->exception_payload)
		events.flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (caps->triple_fault_event)
		events.flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	return sim_copy_out(argument, &events, sizeof(events));
}

static int set_events(struct sim_file *file, uintptr_t argument)
{
	const struct sim_vm_caps *caps = &file->vm->config->caps;
	struct kvm_vcpu_events *own = &state_of(file)->events;
	struct kvm_vcpu_events events;

	if (sim_copy_in(&events, argument, sizeof(events)))
		return -EFAULT;
	if (events.flags & ~(uint32_t)EVENT_FLAGS ||
	    (events.flags & KVM_VCPUEVENT_VALID_PAYLOAD && !caps->exception_payload))
		return -EINVAL;
	if (!(events.flags & KVM_VCPUEVENT_VALID_PAYLOAD)) {
		events.exception.pending = 0;
		events.exception_has_payload = 0;
	} else if (events.exception.pending) {
		events.exception.injected = 0;
	} else {
		events.exception_has_payload = 0;
	}
	if ((events.exception.injected || events.exception.pending) &&
	    (events.exception.nr > 31 || events.exception.nr == 2))
		return -EINVAL;
	/* Fields that their flag does not announce stay as they are. */
	if (!(events.flags & KVM_VCPUEVENT_VALID_NMI_PENDING))
		events.nmi.pending = own->nmi.pending;
	if (!(events.flags & KVM_VCPUEVENT_VALID_SHADOW))
		events.interrupt.shadow = own->interrupt.shadow;
	if (!(events.flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR))
		events.sipi_vector = own->sipi_vector;
	if (!(events.flags & KVM_VCPUEVENT_VALID_SMM))
		events.smi = own->smi;
	if (!(events.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT))
		events.triple_fault = own->triple_fault;
	else if (!caps->triple_fault_event)
		return -EINVAL;
	*own = events;
	return 0;
}

/* The simulated processor runs no guests of its own. */
static int nested_state(struct sim_file *file, uintptr_t argument)
{
	(void)file;
	(void)argument;
	return -EINVAL;
}

const struct sim_request sim_register_requests[] = {
	{KVM_GET_REGS, "KVM_GET_REGS", get_regs, 0},
	{KVM_SET_REGS, "KVM_SET_REGS", set_regs, 0},
	{KVM_GET_SREGS, "KVM_GET_SREGS", get_sregs, 0},
	{KVM_SET_SREGS, "KVM_SET_SREGS", set_sregs, 0},
	{KVM_GET_SREGS2, "KVM_GET_SREGS2", get_sregs2, 0},
	{KVM_SET_SREGS2, "KVM_SET_SREGS2", set_sregs2, 0},
	{KVM_GET_FPU, "KVM_GET_FPU", get_fpu, 0},
	{KVM_SET_FPU, "KVM_SET_FPU", set_fpu, 0},
	{KVM_GET_XSAVE, "KVM_GET_XSAVE", get_xsave, 0},
	{KVM_GET_XSAVE2, "KVM_GET_XSAVE2", get_xsave, 0},
	{KVM_SET_XSAVE, "KVM_SET_XSAVE", set_xsave, 0},
	{KVM_GET_XCRS, "KVM_GET_XCRS", get_xcrs, 0},
	{KVM_SET_XCRS, "KVM_SET_XCRS", set_xcrs, 0},
	{KVM_GET_DEBUGREGS, "KVM_GET_DEBUGREGS", get_debugregs, 0},
	{KVM_SET_DEBUGREGS, "KVM_SET_DEBUGREGS", set_debugregs, 0},
	{KVM_GET_LAPIC, "KVM_GET_LAPIC", get_lapic, 0},
	{KVM_SET_LAPIC, "KVM_SET_LAPIC", set_lapic, 0},
	{KVM_GET_MP_STATE, "KVM_GET_MP_STATE", get_mp_state, 0},
	{KVM_SET_MP_STATE, "KVM_SET_MP_STATE", set_mp_state, 0},
	{KVM_GET_VCPU_EVENTS, "KVM_GET_VCPU_EVENTS", get_events, 0},
	{KVM_SET_VCPU_EVENTS, "KVM_SET_VCPU_EVENTS", set_events, 0},
	{KVM_GET_NESTED_STATE, "KVM_GET_NESTED_STATE", nested_state, 0},
	{KVM_SET_NESTED_STATE, "KVM_SET_NESTED_STATE", nested_state, 0},
	{0, NULL, NULL, 0},
};
