/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Software-protected VMs: private memory as for a confidential guest, without
 * encryption and without a launch command. Only guest code can write private
 * memory, so a few instructions on vCPU 0 copy the launch image into it.
 */
#include "backend/backend.h"
#include "backend/loader_vcpu.h"
#include "base/error.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <stdio.h>

static int missing(struct coco_tech_info *info, const char *reason)
{
	snprintf(info->reason, sizeof(info->reason), "%s", reason);
	return 0;
}

static int probe(struct coco_seam *seam, struct coco_tech_info *info, struct coco_error *error)
{
	int types, memfd, attributes, hypercalls, vcpus;

	info->private_memory = 1;
	types = coco_seam_check_extension(seam, seam->kvm_fd, UAPI_CAP_VM_TYPES, error);
	if (types < 0)
		return types;
	if (!types)
		return missing(info, "this kernel knows only ordinary VMs: Linux 6.8 or newer is "
				     "needed, built with CONFIG_KVM_SW_PROTECTED_VM");
	if (!(types & 1 << UAPI_VM_TYPE_SW_PROTECTED))
		return missing(info, "this kernel does not offer software-protected VMs: it must "
				     "be built with CONFIG_KVM_SW_PROTECTED_VM, and KVM must use "
				     "nested paging with the TDP MMU");

	memfd = coco_seam_check_extension(seam, seam->kvm_fd, UAPI_CAP_GUEST_MEMFD, error);
	if (memfd < 0)
		return memfd;
	attributes =
		coco_seam_check_extension(seam, seam->kvm_fd, UAPI_CAP_MEMORY_ATTRIBUTES, error);
	if (attributes < 0)
		return attributes;
	if (!memfd || !(attributes & (int)UAPI_MEMORY_ATTRIBUTE_PRIVATE))
		return missing(info, "this kernel has no guest_memfd with private memory "
				     "attributes: Linux 6.8 or newer is needed");

	hypercalls = coco_seam_check_extension(seam, seam->kvm_fd, KVM_CAP_EXIT_HYPERCALL, error);
	if (hypercalls < 0)
		return hypercalls;
	if (!(hypercalls & 1 << UAPI_HC_MAP_GPA_RANGE))
		return missing(info, "this kernel does not hand KVM_HC_MAP_GPA_RANGE to user "
				     "space (KVM_CAP_EXIT_HYPERCALL)");

	vcpus = coco_seam_check_extension(seam, seam->kvm_fd, KVM_CAP_MAX_VCPUS, error);
	if (vcpus < 0)
		return vcpus;
	info->launchable = 1;
	info->max_vcpus = (uint32_t)vcpus;
	return 0;
}

/*
 * shared_image: the image goes into the shared side too. Where a processor lacks NRIPS or
 * decode assists (or they are not virtualized), KVM's instruction emulator
 * decodes the instruction at the guest's RIP from memory, and it reads the shared side, whatever
 * the page's attribute. Nothing is given away: this technology hides nothing from the host.
 */
const struct coco_backend coco_backend_swprotected = {
	.tech = COCO_TECH_SWPROTECTED,
	.page_kinds = COCO_PAGE_KINDS_BASIC,
	.state_formats = 1u << COCO_VCPU_STATE_NATIVE,
	.name = "swprotected",
	.vm_type = UAPI_VM_TYPE_SW_PROTECTED,
	.private_memory = true,
	.open_registers = true,
	.shared_image = true,
	.scratch_size = COCO_LOADER_VCPU_SCRATCH,
	/* KVM_HC_MAP_GPA_RANGE returns it in RAX as it is: hypercalls return -errno. */
	.conversion_refused = (uint64_t)-EINVAL,
	.probe = probe,
	.load = coco_loader_vcpu_copy,
};
