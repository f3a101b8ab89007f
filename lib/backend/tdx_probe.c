/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "backend/tdx.h"

#include "base/error.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Where the search for the room that the capabilities take begins. */
#define FIRST_ROOM 32u

static const struct coco_tdx_step ask = {
	UAPI_TDX_CAPABILITIES,
	COCO_STAGE_HOST,
	"KVM_TDX_CAPABILITIES",
	"asking what TDX guests may have",
};

static int missing(struct coco_tech_info *info, const char *reason)
{
	snprintf(info->reason, sizeof(info->reason), "%s", reason);
	return 0;
}

/* KVM says that there is too little room, and not how much it takes. */
static int read_capabilities(struct coco_seam *seam, int vm_fd, struct uapi_tdx_capabilities **out,
			     struct coco_error *error)
{
	for (uint32_t room = FIRST_ROOM;; room *= 2) {
		struct uapi_tdx_capabilities *capabilities;
		uint64_t status;
		int r;

		capabilities =
			calloc(1, sizeof(*capabilities) + room * sizeof(capabilities->entries[0]));
		if (!capabilities)
			return coco_fail_memory(error, COCO_STAGE_HOST);
		capabilities->nent = room;
		r = coco_tdx_try(seam, vm_fd, &ask, 0, (uintptr_t)capabilities, &status);
		if (!r && capabilities->nent <= room) {
			*out = capabilities;
			return 0;
		}
		free(capabilities);
		if (!r)
			return coco_fail(error, -EPROTO, COCO_STAGE_HOST,
					 "KVM_TDX_CAPABILITIES tells of more CPUID leaves than it "
					 "was given room for");
		if (r != -E2BIG || room >= UAPI_TDX_CPUID_MAX)
			return coco_tdx_fail(&ask, r, status, error);
	}
}

int coco_tdx_ask(struct coco_seam *seam, struct uapi_tdx_capabilities **out, uint32_t *max_vcpus,
		 struct coco_error *error)
{
	const int fd = coco_seam_ioctl(seam, seam->kvm_fd, KVM_CREATE_VM, UAPI_VM_TYPE_TDX,
				       COCO_STAGE_HOST, NULL);
	int r = 0;

	if (fd < 0)
		return coco_fail_call(error, fd, COCO_STAGE_HOST, "KVM_CREATE_VM",
				      "making an empty TDX VM, to ask what such guests may have");
	if (max_vcpus) {
		r = coco_seam_check_extension(seam, fd, KVM_CAP_MAX_VCPUS, error);
		if (r >= 0)
			*max_vcpus = (uint32_t)r;
	}
	if (r >= 0)
		r = read_capabilities(seam, fd, out, error);
	(void)seam->ops->close(seam->context, fd);
	return r;
}

int coco_tdx_probe(struct coco_seam *seam, struct coco_tech_info *info, struct coco_error *error)
{
	struct uapi_tdx_capabilities *capabilities = NULL;
	struct coco_error reason;
	uint32_t vcpus = 0;
	int r;

	info->private_memory = 1;
	r = coco_seam_check_extension(seam, seam->kvm_fd, UAPI_CAP_VM_TYPES, error);
	if (r < 0)
		return r;
	if (!(r >> UAPI_VM_TYPE_TDX & 1))
		return missing(info, "KVM offers no TDX VMs: they take Linux 6.16, a processor and "
				     "firmware setup with TDX, and kvm_intel's tdx=1 (see the "
				     "kernel's log for what it lacks)");
	r = coco_seam_check_extension(seam, seam->kvm_fd, KVM_CAP_EXIT_HYPERCALL, error);
	if (r < 0)
		return r;
	if (!(r & 1 << UAPI_HC_MAP_GPA_RANGE))
		return missing(info, "this kernel does not hand KVM_HC_MAP_GPA_RANGE to user space "
				     "(KVM_CAP_EXIT_HYPERCALL)");
	if (coco_tdx_ask(seam, &capabilities, &vcpus, &reason)) {
		snprintf(info->reason, sizeof(info->reason), "%.*s", (int)sizeof(info->reason) - 1,
			 reason.text);
		return 0;
	}
	free(capabilities);
	if (!vcpus)
		return missing(info, "KVM gives TDX guests no vCPUs");
	coco_probe_keys(seam, "tdx", info);
	info->launchable = 1;
	info->max_vcpus = vcpus;
	return 0;
}
