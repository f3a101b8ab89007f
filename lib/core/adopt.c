/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A VM that the VMM has made becomes incarnation 1. */
#include <cocoreset/adopt.h>

#include "base/error.h"
#include "base/options.h"
#include "base/range.h"
#include "core/check.h"
#include "core/child.h"
#include "core/incarnation.h"
#include "core/lifecycle.h"
#include "core/source.h"
#include "core/state.h"
#include "core/trace.h"
#include "kvm/seam.h"

#include <errno.h>
#include <inttypes.h>

static int check_vcpus(const struct coco_guest *guest, const struct coco_adoption *adoption,
		       struct coco_error *error)
{
	if (adoption->vcpus != guest->recipe.vcpus || !adoption->vcpu)
		return coco_fail_field(error, -EINVAL, "vcpus",
				       "%" PRIu32 " vCPUs: the guest's options say %" PRIu32,
				       adoption->vcpus, guest->recipe.vcpus);
	for (uint32_t i = 0; i < adoption->vcpus; i++) {
		const struct coco_adopted_vcpu *vcpu = &adoption->vcpu[i];

		if (vcpu->fd < 0 || vcpu->reserved0 || !vcpu->run ||
		    !coco_page_aligned((uintptr_t)vcpu->run))
			return coco_fail_field(error, -EINVAL, "vcpu",
					       "vCPU %" PRIu32 ": descriptor %" PRId32
					       ", kvm_run at %p",
					       i, vcpu->fd, (void *)vcpu->run);
	}
	return 0;
}

static int check(struct coco_guest *guest, const struct coco_adoption *adoption,
		 struct coco_error *error)
{
	const struct coco_backend *backend = guest->recipe.backend;

	if (backend->private_memory)
		return coco_fail_field(error, -EOPNOTSUPP, "tech",
				       "the private memory of a %s guest can't be handed over: "
				       "launch it with coco_guest_launch(); it may have a run loop "
				       "of the VMM's own",
				       backend->name);
	if (!(guest->recipe.flags & COCO_GUEST_OWN_LOOP))
		return coco_fail_field(error, -EINVAL, "flags",
				       "the guest is not made with COCO_GUEST_OWN_LOOP");
	if (adoption->vm_fd < 0)
		return coco_fail_field(error, -EINVAL, "vm_fd", "%" PRId32 " is no descriptor",
				       adoption->vm_fd);
	return check_vcpus(guest, adoption, error);
}

/* Its handles take the place of those that were reserved. */
static void take(struct coco_guest *guest, struct coco_incarnation *incarnation,
		 const struct coco_adoption *adoption)
{
	struct coco_holder by = coco_incarnation_holder(guest, incarnation, "guest");
	struct coco_seam *seam = guest->seam;

	coco_seam_release_number(seam, guest->number);
	guest->number = adoption->vm_fd;
	coco_object_take_number(seam, &incarnation->vm, COCO_OBJECT_VM, guest->number, &by);
	for (uint32_t i = 0; i < adoption->vcpus; i++) {
		struct coco_vcpu *vcpu = &guest->vcpus[i];

		by = coco_incarnation_holder(guest, incarnation, "vcpu %" PRIu32, i);
		coco_seam_release_number(seam, vcpu->number);
		coco_seam_unmap(seam, vcpu->run, seam->run_size);
		vcpu->number = adoption->vcpu[i].fd;
		vcpu->run = adoption->vcpu[i].run;
		coco_object_take_number(seam, &incarnation->vcpus[i].fd, COCO_OBJECT_VCPU,
					vcpu->number, &by);
		coco_object_take_map(seam, &incarnation->vcpus[i].run, COCO_OBJECT_RUN, vcpu->run,
				     seam->run_size, &by);
		/* It may have, and what it starts with is told by coco_vcpu_record(). */
		atomic_store(&vcpu->ran, true);
	}
}

/* With the lock held. */
static int adopt(struct coco_guest *guest, const struct coco_adoption *adoption,
		 struct coco_error *error)
{
	struct coco_incarnation *incarnation;
	int r;

	coco_phases_begin(guest);
	r = check(guest, adoption, error);
	if (!r)
		r = coco_check(guest, error);
	if (!r)
		r = coco_incarnation_new(guest, 1, &incarnation, error);
	if (r)
		return r;
	r = coco_children_take(guest, incarnation, error);
	if (r) {
		coco_incarnation_abandon(guest, incarnation);
		return r;
	}
	take(guest, incarnation, adoption);
	coco_incarnation_install(guest, incarnation);
	coco_state_move(guest, COCO_STATE_LAUNCHING);
	coco_start(guest);
	return 0;
}

int coco_guest_adopt(struct coco_guest *guest, const struct coco_adoption *adoption,
		     struct coco_error *error)
{
	struct coco_adoption given;
	int r;

	r = coco_options_read(&given, sizeof(given), adoption,
			      COCO_END_OF(struct coco_adoption, vcpu), "adoption", error);
	if (r)
		return r;
	pthread_mutex_lock(&guest->lock);
	r = coco_operation_begin(guest, &coco_operation_adopt, error);
	if (!r) {
		/* What is staged is for the first reset: the VMM has launched its own image. */
		guest->source = coco_source_ref(guest->recipe.own_source);
		r = adopt(guest, &given, error);
		coco_source_let_go(guest);
		coco_operation_end(guest);
	}
	pthread_mutex_unlock(&guest->lock);
	return r;
}
