/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE /* O_CLOEXEC */

#include "journal/eventfd.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_LINE "eventfd-id:"

int coco_eventfd_id(int fd, uint64_t *out, struct coco_error *error)
{
	char path[48], text[512];
	const char *line;
	ssize_t length;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return coco_fail_call(error, errno == ENOENT ? -EBADF : -errno, COCO_STAGE_ARGUMENT,
				      "open", "looking at descriptor %d", fd);
	length = read(info, text, sizeof(text) - 1);
	close(info);
	text[length > 0 ? length : 0] = '\0';
	line = strstr(text, ID_LINE);
	if (!line)
		return coco_fail_field(error, -EINVAL, "fd", "descriptor %d is no eventfd", fd);
	/* Ids begin with 0, which means none here. */
	*out = strtoull(line + sizeof(ID_LINE) - 1, NULL, 10) + 1;
	return 0;
}

int coco_file_id(int fd, uint64_t *out, struct coco_error *error)
{
	struct stat status;

	if (fstat(fd, &status))
		return coco_fail_call(error, -errno, COCO_STAGE_ARGUMENT, "fstat",
				      "looking at descriptor %d", fd);
	*out = (uint64_t)status.st_dev << 48 ^ (uint64_t)status.st_ino;
	return 0;
}
