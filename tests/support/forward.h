/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A platform that stands in front of another and does some operations itself: its context begins
 * with a struct forward, and these do the rest.
 */
#ifndef FORWARD_H
#define FORWARD_H

#include <cocoreset/sys/platform.h>

struct forward {
	const struct coco_platform *inner;
};

int forward_open(void *context, const char *path);
int forward_close(void *context, int fd);
int forward_dup(void *context, int fd);
int forward_dup3(void *context, int fd, int number);
int forward_set_cloexec(void *context, int fd);
int forward_ioctl(void *context, int fd, unsigned long request, uintptr_t argument);
int forward_mmap(void *context, void *address, size_t size, int protection, int flags, int fd,
		 uint64_t offset, void **out);
int forward_munmap(void *context, void *address, size_t size);
int forward_madvise(void *context, void *address, size_t size, int advice);
int forward_fallocate(void *context, int fd, int mode, uint64_t offset, uint64_t size);

#endif
