/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "kvm/sev_device.h"

#include "base/error.h"

#include <errno.h>

#define DEVICE "/dev/sev"

static int fail_open(int code, struct coco_error *error)
{
	if (code == -ENOENT || code == -ENODEV || code == -ENXIO)
		return coco_fail_call(error, code, COCO_STAGE_HOST, "open",
				      "there is no " DEVICE
				      " (the kernel's driver ccp has found no "
				      "secure processor: see that SEV is on in the machine's "
				      "firmware setup)");
	if (code == -EACCES || code == -EPERM)
		return coco_fail_call(error, code, COCO_STAGE_HOST, "open",
				      "no permission for " DEVICE
				      " (it is root's unless a udev rule gives it to a group)");
	return coco_fail_call(error, code, COCO_STAGE_HOST, "open", "opening " DEVICE);
}

int coco_sev_device(struct coco_seam *seam, struct coco_error *error)
{
	int fd;

	pthread_mutex_lock(&seam->sev_lock);
	if (seam->sev_fd < 0)
		seam->sev_fd = seam->ops->open(seam->context, DEVICE);
	fd = seam->sev_fd;
	pthread_mutex_unlock(&seam->sev_lock);
	return fd < 0 ? fail_open(fd, error) : fd;
}

int coco_sev_device_status(struct coco_seam *seam, uint32_t cmd, void *status,
			   struct coco_error *error)
{
	struct uapi_sev_issue issue = {.cmd = cmd, .data = (uintptr_t)status};
	int fd = coco_sev_device(seam, error);
	int r;

	if (fd < 0)
		return fd;
	r = coco_seam_get(seam, fd, UAPI_SEV_ISSUE_CMD, &issue, COCO_STAGE_HOST, error);
	if (r && error)
		error->status = issue.error;
	return r;
}
