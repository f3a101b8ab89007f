/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ordinary VMs: all memory is open to the host, which writes the launch image itself. */
#include "backend/backend.h"
#include "kvm/uapi.h"

static int probe(struct coco_seam *seam, struct coco_tech_info *info, struct coco_error *error)
{
	const int wanted = UAPI_GUEST_MEMFD_FLAG_MMAP | UAPI_GUEST_MEMFD_FLAG_INIT_SHARED;
	int vcpus, flags;

	vcpus = coco_seam_check_extension(seam, seam->kvm_fd, KVM_CAP_MAX_VCPUS, error);
	if (vcpus < 0)
		return vcpus;
	/* /dev/kvm answers for all VM types together; INIT_SHARED is for ordinary VMs only. */
	flags = coco_seam_check_extension(seam, seam->kvm_fd, UAPI_CAP_GUEST_MEMFD_FLAGS, error);
	if (flags < 0)
		return flags;
	info->launchable = 1;
	info->max_vcpus = (uint32_t)vcpus;
	info->guest_memfd_shared = (flags & wanted) == wanted;
	return 0;
}

const struct coco_backend coco_backend_plain = {
	.tech = COCO_TECH_PLAIN,
	.page_kinds = COCO_PAGE_KINDS_BASIC,
	.state_formats = 1u << COCO_VCPU_STATE_NATIVE,
	.name = "plain",
	.vm_type = UAPI_VM_TYPE_DEFAULT,
	.private_memory = false,
	.open_registers = true,
	.shared_image = true,
	.probe = probe,
};
