/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "forward.h"

static const struct coco_platform *inner(void *context)
{
	return ((const struct forward *)context)->inner;
}

int forward_open(void *context, const char *path)
{
	return inner(context)->ops->open(inner(context)->context, path);
}

int forward_close(void *context, int fd)
{
	return inner(context)->ops->close(inner(context)->context, fd);
}

int forward_dup(void *context, int fd)
{
	return inner(context)->ops->dup(inner(context)->context, fd);
}

int forward_dup3(void *context, int fd, int number)
{
	return inner(context)->ops->dup3(inner(context)->context, fd, number);
}

int forward_set_cloexec(void *context, int fd)
{
	return inner(context)->ops->set_cloexec(inner(context)->context, fd);
}

int forward_ioctl(void *context, int fd, unsigned long request, uintptr_t argument)
{
	return inner(context)->ops->ioctl(inner(context)->context, fd, request, argument);
}

int forward_mmap(void *context, void *address, size_t size, int protection, int flags, int fd,
		 uint64_t offset, void **out)
{
	return inner(context)->ops->mmap(inner(context)->context, address, size, protection, flags,
					 fd, offset, out);
}

int forward_munmap(void *context, void *address, size_t size)
{
	return inner(context)->ops->munmap(inner(context)->context, address, size);
}

int forward_madvise(void *context, void *address, size_t size, int advice)
{
	return inner(context)->ops->madvise(inner(context)->context, address, size, advice);
}

int forward_fallocate(void *context, int fd, int mode, uint64_t offset, uint64_t size)
{
	return inner(context)->ops->fallocate(inner(context)->context, fd, mode, offset, size);
}
