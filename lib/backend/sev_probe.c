/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "backend/sev.h"

#include "base/error.h"
#include "kvm/uapi.h"

#include <inttypes.h>
#include <stdio.h>

int coco_sev_has_vm_type(struct coco_seam *seam, uint32_t type, struct coco_error *error)
{
	int types = coco_seam_check_extension(seam, seam->kvm_fd, UAPI_CAP_VM_TYPES, error);

	return types < 0 ? types : types >> type & 1;
}

static int missing(struct coco_tech_info *info, const char *reason)
{
	snprintf(info->reason, sizeof(info->reason), "%s", reason);
	return 0;
}

/* Asks the firmware; *reached tells whether it answered. What keeps it from that is a reason. */
static void ask_firmware(struct coco_seam *seam, uint32_t cmd, void *status,
			 struct coco_tech_info *info, bool *reached)
{
	struct coco_error error;

	*reached = !coco_sev_device_status(seam, cmd, status, &error);
	if (!*reached)
		snprintf(info->reason, sizeof(info->reason), "%.*s", (int)sizeof(info->reason) - 1,
			 error.text);
}

static int launchable(struct coco_seam *seam, const char *keys, struct coco_tech_info *info,
		      struct coco_error *error)
{
	int vcpus = coco_seam_check_extension(seam, seam->kvm_fd, KVM_CAP_MAX_VCPUS, error);

	if (vcpus < 0)
		return vcpus;
	coco_probe_keys(seam, keys, info);
	info->launchable = 1;
	info->max_vcpus = (uint32_t)vcpus;
	return 0;
}

static int probe_legacy_too(struct coco_seam *seam, struct coco_tech_info *info, uint32_t type,
			    bool es, struct coco_error *error)
{
	const int all = 1 << UAPI_VM_TYPE_SEV | 1 << UAPI_VM_TYPE_SEVES | 1 << UAPI_VM_TYPE_SNP;
	struct uapi_sev_status status = {0};
	bool reached;
	int types, r;

	info->private_memory = 1;
	types = coco_seam_check_extension(seam, seam->kvm_fd, UAPI_CAP_VM_TYPES, error);
	if (types < 0)
		return types;
	r = types >> type & 1;
	/* A kernel that knows these types leaves one out for a reason, which the old way shares. */
	if (!r && types & all)
		return missing(info,
			       "KVM offers other SEV VMs but not these: the machine's firmware "
			       "setup gives them no ASIDs, kvm_amd's parameters switch them off, "
			       "or (SEV-ES) SNP's firmware rules them out");
	ask_firmware(seam, UAPI_SEV_PLATFORM_STATUS, &status, info, &reached);
	if (!reached)
		return 0;
	info->firmware_major = status.api_major;
	info->firmware_minor = status.api_minor;
	info->firmware_build = status.build;
	/* Without the VM type only the firmware can tell: KVM is asked at launch. */
	if (!r && status.state == UAPI_SEV_STATE_UNINIT)
		return missing(info, "KVM offers no such VMs, and the firmware is not initialized: "
				     "load kvm_amd with sev=1, and see the kernel's log");
	if (es && status.state != UAPI_SEV_STATE_UNINIT &&
	    !(status.flags & UAPI_SEV_FLAGS_CONFIG_ES))
		return missing(info, "the firmware was initialized without SEV-ES: load kvm_amd "
				     "with sev_es=1, and see the machine's firmware setup");
	return launchable(seam, es ? "sev_es" : "sev", info, error);
}

int coco_sev_probe(struct coco_seam *seam, struct coco_tech_info *info, struct coco_error *error)
{
	return probe_legacy_too(seam, info, UAPI_VM_TYPE_SEV, false, error);
}

int coco_seves_probe(struct coco_seam *seam, struct coco_tech_info *info, struct coco_error *error)
{
	return probe_legacy_too(seam, info, UAPI_VM_TYPE_SEVES, true, error);
}

int coco_snp_probe(struct coco_seam *seam, struct coco_tech_info *info, struct coco_error *error)
{
	struct uapi_snp_status status = {0};
	bool reached;
	int r;

	info->private_memory = 1;
	r = coco_sev_has_vm_type(seam, UAPI_VM_TYPE_SNP, error);
	if (r < 0)
		return r;
	if (!r)
		return missing(info, "KVM offers no SNP VMs: they take Linux 6.11, an EPYC 7003 or "
				     "newer, SNP in the machine's firmware setup and kvm_amd's "
				     "sev_snp=1");
	ask_firmware(seam, UAPI_SEV_SNP_PLATFORM_STATUS, &status, info, &reached);
	if (!reached)
		return 0;
	info->firmware_major = status.api_major;
	info->firmware_minor = status.api_minor;
	info->firmware_build = status.build_id;
	if (!status.state)
		return missing(info, "the firmware is not initialized for SNP: see the kernel's "
				     "log");
	return launchable(seam, "sev_es", info, error);
}
