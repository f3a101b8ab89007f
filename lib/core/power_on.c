/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/power_on.h"

#include "backend/registers.h"
#include "base/error.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/*
 * A new vCPU's TSC starts with the others' of its VM; writing a captured value
 * would only start it late.
 */
#define MSR_IA32_TSC 0x10

struct vcpu_state {
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debugregs;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp_state;
	struct kvm_vcpu_events events;
	void *xsave;           /* xsave_size bytes */
	struct kvm_msrs *msrs; /* those that can be read and written */
};

struct coco_power_on {
	uint32_t vcpus;
	bool local_apic;
	size_t xsave_size;
	bool msrs_known; /* a first restore has told which MSRs can be written */
	struct vcpu_state
		adjusted; /* for the vCPU that is being restored; has buffers of its own */
	struct vcpu_state states[];
};

/* The fixed-size parts, in the order they are put back (kvm-api: sregs bring the APIC base). */
static const struct part {
	unsigned long get, set;
	size_t offset;
	bool needs_local_apic;
} early_parts[] = {
	{KVM_GET_SREGS, KVM_SET_SREGS, offsetof(struct vcpu_state, sregs), false},
	{KVM_GET_XCRS, KVM_SET_XCRS, offsetof(struct vcpu_state, xcrs), false},
};
static const struct part late_parts[] = {
	{KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, offsetof(struct vcpu_state, debugregs), false},
	{KVM_GET_LAPIC, KVM_SET_LAPIC, offsetof(struct vcpu_state, lapic), true},
	{KVM_GET_REGS, KVM_SET_REGS, offsetof(struct vcpu_state, regs), false},
	{KVM_GET_MP_STATE, KVM_SET_MP_STATE, offsetof(struct vcpu_state, mp_state), false},
	{KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, offsetof(struct vcpu_state, events), false},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static int each_part(struct coco_seam *seam, int fd, const struct part *parts, size_t count,
		     bool local_apic, bool set, struct vcpu_state *state, struct coco_error *error)
{
	int r = 0;

	for (size_t i = 0; !r && i < count; i++) {
		void *part = (unsigned char *)state + parts[i].offset;

		if (parts[i].needs_local_apic && !local_apic)
			continue;
		if (set)
			r = coco_seam_set(seam, fd, parts[i].set, part, COCO_STAGE_CREATE, error);
		else
			r = coco_seam_get(seam, fd, parts[i].get, part, COCO_STAGE_CREATE, error);
	}
	return r;
}

static struct kvm_msrs *new_msrs(uint32_t count)
{
	struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) + count * sizeof(msrs->entries[0]));

	if (msrs)
		msrs->nmsrs = count;
	return msrs;
}

/* The MSRs that KVM says make up a vCPU's state. The caller frees *out. */
static int list_msrs(struct coco_seam *seam, struct kvm_msr_list **out, struct coco_error *error)
{
	struct kvm_msr_list count = {0};
	struct kvm_msr_list *list;
	int r;

	/* With no room for any the kernel answers how many there are. */
	r = coco_seam_get(seam, seam->kvm_fd, KVM_GET_MSR_INDEX_LIST, &count, COCO_STAGE_CREATE,
			  NULL);
	if (r && r != -E2BIG)
		return coco_fail_call(error, r, COCO_STAGE_CREATE, "KVM_GET_MSR_INDEX_LIST",
				      "counting MSRs");
	list = calloc(1, sizeof(*list) + count.nmsrs * sizeof(list->indices[0]));
	if (!list)
		return coco_fail_memory(error, COCO_STAGE_CREATE);
	list->nmsrs = count.nmsrs;
	r = coco_seam_get(seam, seam->kvm_fd, KVM_GET_MSR_INDEX_LIST, list, COCO_STAGE_CREATE,
			  error);
	if (r)
		free(list);
	else
		*out = list;
	return r;
}

/* KVM takes fewer than 256 MSRs in one call. */
#define MSRS_AT_ONCE 255

/*
 * KVM_GET_MSRS and KVM_SET_MSRS stop at the first MSR that is refused and
 * answer how many were done. With `drop`, this goes on behind it and drops it from
 * `msrs`; without, it is an error, and `msrs` stays as it is.
 */
static int transfer_msrs(struct coco_seam *seam, int fd, unsigned long request, bool drop,
			 struct kvm_msrs *msrs, struct coco_error *error)
{
	struct kvm_msrs *part = new_msrs(MSRS_AT_ONCE);
	uint32_t kept = 0, next = 0;
	int r = 0;

	if (!part)
		return coco_fail_memory(error, COCO_STAGE_CREATE);
	while (next < msrs->nmsrs) {
		const uint32_t left = msrs->nmsrs - next;
		uint32_t done;

		part->nmsrs = left < MSRS_AT_ONCE ? left : MSRS_AT_ONCE;
		memcpy(part->entries, &msrs->entries[next], part->nmsrs * sizeof(part->entries[0]));
		r = coco_seam_get(seam, fd, request, part, COCO_STAGE_CREATE, error);
		if (r < 0)
			break;
		done = (uint32_t)r < part->nmsrs ? (uint32_t)r : part->nmsrs;
		r = 0;
		if (done < part->nmsrs && !drop) {
			r = coco_fail(error, -EIO, COCO_STAGE_CREATE,
				      "KVM refuses MSR 0x%" PRIx32
				      ", which it took in an earlier life",
				      part->entries[done].index);
			break;
		}
		memcpy(&msrs->entries[kept], part->entries, done * sizeof(part->entries[0]));
		kept += done;
		next += done < part->nmsrs ? done + 1 : done;
	}
	free(part);
	if (!r)
		msrs->nmsrs = kept;
	return r;
}

static int capture_msrs(struct coco_seam *seam, int fd, const struct kvm_msr_list *list,
			struct vcpu_state *state, struct coco_error *error)
{
	uint32_t count = 0;

	state->msrs = new_msrs(list->nmsrs);
	if (!state->msrs)
		return coco_fail_memory(error, COCO_STAGE_CREATE);
	for (uint32_t i = 0; i < list->nmsrs; i++)
		if (list->indices[i] != MSR_IA32_TSC)
			state->msrs->entries[count++].index = list->indices[i];
	state->msrs->nmsrs = count;
	return transfer_msrs(seam, fd, KVM_GET_MSRS, true, state->msrs, error);
}

static int restore_msrs(struct coco_guest *guest, int fd, bool known, struct vcpu_state *state,
			struct coco_error *error)
{
	const uint32_t count = state->msrs->nmsrs;
	int r = transfer_msrs(guest->seam, fd, KVM_SET_MSRS, !known, state->msrs, error);

	if (!r && state->msrs->nmsrs < count)
		coco_log(&guest->seam->log, COCO_LOG_DEBUG,
			 "%" PRIu32 " MSRs can be read but not written and keep KVM's own values",
			 count - state->msrs->nmsrs);
	return r;
}

static unsigned long get_xsave_request(const struct coco_power_on *power_on)
{
	return power_on->xsave_size > sizeof(struct kvm_xsave) ? KVM_GET_XSAVE2 : KVM_GET_XSAVE;
}

static int capture_vcpu(struct coco_guest *guest, int fd, const struct kvm_msr_list *list,
			const struct coco_power_on *power_on, struct vcpu_state *state,
			struct coco_error *error)
{
	struct coco_seam *seam = guest->seam;
	int r;

	state->xsave = calloc(1, power_on->xsave_size);
	if (!state->xsave)
		return coco_fail_memory(error, COCO_STAGE_CREATE);
	r = each_part(seam, fd, early_parts, COUNT(early_parts), power_on->local_apic, false, state,
		      error);
	if (!r)
		r = coco_seam_get(seam, fd, get_xsave_request(power_on), state->xsave,
				  COCO_STAGE_CREATE, error);
	if (!r)
		r = capture_msrs(seam, fd, list, state, error);
	if (!r)
		r = each_part(seam, fd, late_parts, COUNT(late_parts), power_on->local_apic, false,
			      state, error);
	return r;
}

static int restore_vcpu(struct coco_guest *guest, int fd, const struct coco_power_on *power_on,
			struct vcpu_state *state, struct coco_error *error)
{
	struct coco_seam *seam = guest->seam;
	int r;

	r = each_part(seam, fd, early_parts, COUNT(early_parts), power_on->local_apic, true, state,
		      error);
	if (!r)
		r = coco_seam_set(seam, fd, KVM_SET_XSAVE, state->xsave, COCO_STAGE_CREATE, error);
	if (!r)
		r = restore_msrs(guest, fd, power_on->msrs_known, state, error);
	if (!r)
		r = each_part(seam, fd, late_parts, COUNT(late_parts), power_on->local_apic, true,
			      state, error);
	return r;
}

int coco_power_on_capture(struct coco_guest *guest, const struct coco_incarnation *incarnation,
			  struct coco_power_on **out, struct coco_error *error)
{
	const struct coco_recipe *recipe = &guest->recipe;
	struct coco_power_on *power_on;
	struct kvm_msr_list *list = NULL;
	int r;

	power_on = calloc(1, sizeof(*power_on) + recipe->vcpus * sizeof(power_on->states[0]));
	if (!power_on)
		return coco_fail_memory(error, COCO_STAGE_CREATE);
	power_on->vcpus = recipe->vcpus;
	power_on->local_apic = recipe->irqchip != COCO_IRQCHIP_NONE;
	power_on->xsave_size = sizeof(struct kvm_xsave);

	/* 0 from kernels without KVM_GET_XSAVE2, whose state always fits. */
	r = coco_seam_check_extension(guest->seam, incarnation->vm.fd, KVM_CAP_XSAVE2, error);
	if (r > (int)sizeof(struct kvm_xsave))
		power_on->xsave_size = (size_t)r;
	if (r >= 0)
		r = list_msrs(guest->seam, &list, error);
	if (!list) {
		coco_power_on_free(power_on);
		return r;
	}
	power_on->adjusted.xsave = malloc(power_on->xsave_size);
	power_on->adjusted.msrs = new_msrs(list->nmsrs);
	if (!power_on->adjusted.xsave || !power_on->adjusted.msrs)
		r = coco_fail_memory(error, COCO_STAGE_CREATE);
	for (uint32_t i = 0; !r && i < recipe->vcpus; i++)
		r = capture_vcpu(guest, incarnation->vcpus[i].fd.fd, list, power_on,
				 &power_on->states[i], error);
	free(list);
	if (r)
		coco_power_on_free(power_on);
	else
		*out = power_on;
	return r;
}

/* What the technology and the image make of it. */
static void adjust(struct vcpu_state *state, uint32_t index, const struct coco_backend *backend,
		   const struct coco_launch *launch)
{
	const struct coco_image_vcpu *given = coco_image_find_vcpu(launch->image, index);
	const struct coco_registers registers = {
		.sregs = &state->sregs,
		.regs = &state->regs,
		.xcrs = &state->xcrs,
		.debugregs = &state->debugregs,
		.msrs = state->msrs,
		.xsave = state->xsave,
	};

	if (backend->power_on)
		backend->power_on(launch, index, &state->sregs, &state->regs);
	if (given)
		coco_registers_apply(given, &registers);
}

/* `to` has buffers of its own, which are large enough. */
static void copy_state(struct vcpu_state *to, const struct vcpu_state *from, size_t xsave_size)
{
	struct kvm_msrs *msrs = to->msrs;
	void *xsave = to->xsave;

	memcpy(xsave, from->xsave, xsave_size);
	memcpy(msrs, from->msrs, sizeof(*msrs) + from->msrs->nmsrs * sizeof(msrs->entries[0]));
	*to = *from;
	to->msrs = msrs;
	to->xsave = xsave;
}

/* Drops those that are not in `written`, which has some of them, in the same order. */
static void drop_unwritten(struct kvm_msrs *msrs, const struct kvm_msrs *written)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < msrs->nmsrs && kept < written->nmsrs; i++)
		if (msrs->entries[i].index == written->entries[kept].index)
			msrs->entries[kept++] = msrs->entries[i];
	msrs->nmsrs = kept;
}

int coco_power_on_restore(struct coco_guest *guest, const struct coco_incarnation *incarnation,
			  struct coco_power_on *power_on, const struct coco_launch *launch,
			  struct coco_error *error)
{
	struct vcpu_state *adjusted = &power_on->adjusted;

	for (uint32_t i = 0; i < power_on->vcpus; i++) {
		struct vcpu_state *state = &power_on->states[i];
		int r;

		copy_state(adjusted, state, power_on->xsave_size);
		adjust(adjusted, i, guest->recipe.backend, launch);
		r = restore_vcpu(guest, incarnation->vcpus[i].fd.fd, power_on, adjusted, error);
		if (r)
			return r;
		if (!power_on->msrs_known)
			drop_unwritten(state->msrs, adjusted->msrs);
	}
	power_on->msrs_known = true;
	return 0;
}

static void free_state(struct vcpu_state *state)
{
	free(state->xsave);
	free(state->msrs);
}

void coco_power_on_free(struct coco_power_on *power_on)
{
	if (!power_on)
		return;
	for (uint32_t i = 0; i < power_on->vcpus; i++)
		free_state(&power_on->states[i]);
	free_state(&power_on->adjusted);
	free(power_on);
}
