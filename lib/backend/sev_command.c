/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "backend/sev.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>

#define SEV_RET_ASID_OWNED     0x0c
#define SEV_RET_RESOURCE_LIMIT 0x17

int coco_sev_try(const struct coco_launch *launch, const struct coco_sev_step *step, void *data,
		 uint32_t *status)
{
	struct uapi_sev_command command = {.id = step->id, .data = (uintptr_t)data};
	int fd = coco_sev_device(launch->seam, NULL);
	int r;

	*status = 0;
	if (fd < 0)
		return fd;
	command.sev_fd = (uint32_t)fd;
	r = launch->seam->ops->ioctl(launch->seam->context, launch->vm_fd, KVM_MEMORY_ENCRYPT_OP,
				     (uintptr_t)&command);
	/* KVM writes it only if a firmware command ran: it was 0 before. */
	*status = r ? command.error : 0;
	return r < 0 ? r : 0;
}

static const char *errno_advice(const struct coco_sev_step *step, int code)
{
	switch (code) {
	case -EBUSY:
		if (step->id == UAPI_SEV_INIT2 || step->id <= UAPI_SEV_ES_INIT)
			return "all ASIDs of such guests are taken, or the cgroup's misc.max is "
			       "reached: tear a guest down first (a VM that something keeps alive "
			       "keeps its ASID); or the secure processor is lost, see the kernel's "
			       "log";
		return "the secure processor takes no commands any more: see the kernel's log";
	case -ETIMEDOUT:
		return "the secure processor does not answer: no SEV guest can be launched before "
		       "ccp is reloaded or the host rebooted";
	case -EBADF:
		return "/dev/sev is not open at its number: something in this process has closed "
		       "it";
	case -ENOTTY:
		if (step->id == UAPI_SNP_LAUNCH_START)
			return "the secure processor made no context for the guest";
		return "KVM has no ASIDs for such guests: see kvm_amd's parameters and the "
		       "machine's firmware setup";
	case -EIO:
		return "KVM got no answer: the host is out of memory, or VM or secure processor "
		       "are lost, see "
		       "the kernel's log";
	default:
		return "the firmware was not asked";
	}
}

int coco_sev_fail(const struct coco_sev_step *step, int code, uint32_t status,
		  struct coco_error *error)
{
	if (!status)
		return coco_fail_call(error, code, step->stage, step->call, "%s: %s", step->doing,
				      errno_advice(step, code));
	coco_fail_call(error, code, step->stage, step->call,
		       "%s: firmware status 0x%02" PRIx32 " %s, %s", step->doing, status,
		       coco_sev_status_name(status), coco_sev_status_advice(status));
	if (error)
		error->status = status;
	return code;
}

/* KVM tells the lack of an ASID, and the firmware that of a context. */
bool coco_sev_is_shortage(const struct coco_error *error)
{
	return error->status == SEV_RET_RESOURCE_LIMIT || error->status == SEV_RET_ASID_OWNED ||
	       (error->code == -EBUSY && error->stage == COCO_STAGE_CREATE);
}

int coco_sev_run(const struct coco_launch *launch, const struct coco_sev_step *step, void *data,
		 struct coco_error *error)
{
	uint32_t status;
	int r = coco_sev_try(launch, step, data, &status);

	return r ? coco_sev_fail(step, r, status, error) : 0;
}
