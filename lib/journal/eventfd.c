/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE /* O_CLOEXEC, syscall */

#include "journal/eventfd.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ID_LINE "eventfd-id:"

int coco_eventfd_id(int fd, uint64_t *out, struct coco_error *error)
{
	char path[48], text[512];
	const char *line;
	ssize_t length;
	int info;

	if (fcntl(fd, F_GETFD) < 0)
		return coco_fail_call(error, -errno, COCO_STAGE_ARGUMENT, "fcntl",
				      "looking at descriptor %d", fd);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0 && errno == EMFILE)
		return coco_fail_call(error, -EMFILE, COCO_STAGE_ARGUMENT, "open",
				      "looking at descriptor %d", fd);
	if (info < 0) {
		*out = (uint64_t)fd + 1;
		return 0;
	}
	length = read(info, text, sizeof(text) - 1);
	close(info);
	text[length > 0 ? length : 0] = '\0';
	line = strstr(text, ID_LINE);
	if (!line)
		return coco_fail_field(error, -EINVAL, "fd", "descriptor %d is no eventfd", fd);
	/* Ids begin with 0. */
	*out = strtoull(line + sizeof(ID_LINE) - 1, NULL, 10) + 1;
	return 0;
}

int coco_watch_add(int *watch, int fd, struct coco_error *error)
{
	struct epoll_event event = {.events = 0};

	if (*watch < 0)
		*watch = epoll_create1(EPOLL_CLOEXEC);
	if (*watch < 0)
		return coco_fail_call(error, -errno, COCO_STAGE_ARGUMENT, "epoll_create1",
				      "watching eventfds");
	if (!epoll_ctl(*watch, EPOLL_CTL_ADD, fd, &event))
		return 1;
	if (errno == EEXIST)
		return 0;
	return coco_fail_call(error, -errno, COCO_STAGE_ARGUMENT, "epoll_ctl",
			      "watching eventfd %d", fd);
}

bool coco_watch_has(int watch, int fd)
{
	struct epoll_event event = {.events = 0};

	return watch >= 0 && !epoll_ctl(watch, EPOLL_CTL_MOD, fd, &event);
}

bool coco_same_file(int a, int b)
{
	const pid_t self = getpid();
	struct stat one, other;
	long r;

	if (a == b)
		return true;
	r = syscall(SYS_kcmp, self, self, KCMP_FILE, a, b);
	if (r >= 0)
		return !r;
	/* Without kcmp(2) (it can be configured out, or filtered) by what they lead to. */
	return !fstat(a, &one) && !fstat(b, &other) && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}
