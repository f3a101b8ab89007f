/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The platform that hands everything to the kernel. */
#define _GNU_SOURCE /* dup3, fallocate */

#include <cocoreset/sys/platform.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int or_errno(int result)
{
	return result < 0 ? -errno : result;
}

static int kernel_open(void *context, const char *path)
{
	(void)context;
	return or_errno(open(path, O_RDWR | O_CLOEXEC));
}

static int kernel_close(void *context, int fd)
{
	(void)context;
	return or_errno(close(fd));
}

static int kernel_dup(void *context, int fd)
{
	(void)context;
	return or_errno(fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

static int kernel_dup3(void *context, int fd, int number)
{
	int r;

	(void)context;
	do {
		r = or_errno(dup3(fd, number, O_CLOEXEC));
	} while (r == -EINTR);
	return r;
}

static int kernel_set_cloexec(void *context, int fd)
{
	(void)context;
	return or_errno(fcntl(fd, F_SETFD, FD_CLOEXEC));
}

static int kernel_ioctl(void *context, int fd, unsigned long request, uintptr_t argument)
{
	(void)context;
	return or_errno(ioctl(fd, request, argument));
}

static int kernel_mmap(void *context, void *address, size_t size, int protection, int flags, int fd,
		       uint64_t offset, void **out)
{
	void *mapped = mmap(address, size, protection, flags, fd, (off_t)offset);

	(void)context;
	if (mapped == MAP_FAILED)
		return -errno;
	*out = mapped;
	return 0;
}

static int kernel_munmap(void *context, void *address, size_t size)
{
	(void)context;
	return or_errno(munmap(address, size));
}

static int kernel_madvise(void *context, void *address, size_t size, int advice)
{
	(void)context;
	return or_errno(madvise(address, size, advice));
}

static int kernel_fallocate(void *context, int fd, int mode, uint64_t offset, uint64_t size)
{
	int r;

	(void)context;
	do {
		r = or_errno(fallocate(fd, mode, (off_t)offset, (off_t)size));
	} while (r == -EINTR);
	return r;
}

static int kernel_read_file(void *context, const char *path, char *text, size_t size)
{
	ssize_t length;
	int fd, r;

	(void)context;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length = read(fd, text, size);
	r = or_errno((int)length);
	close(fd);
	return r;
}

static const struct coco_platform_ops kernel_ops = {
	.struct_size = sizeof(kernel_ops),
	.name = "kernel",
	.open = kernel_open,
	.close = kernel_close,
	.dup = kernel_dup,
	.dup3 = kernel_dup3,
	.set_cloexec = kernel_set_cloexec,
	.ioctl = kernel_ioctl,
	.mmap = kernel_mmap,
	.munmap = kernel_munmap,
	.madvise = kernel_madvise,
	.fallocate = kernel_fallocate,
	.read_file = kernel_read_file,
};

static const struct coco_platform kernel_platform = {.ops = &kernel_ops, .context = NULL};

const struct coco_platform *coco_platform_kernel(void)
{
	return &kernel_platform;
}
