/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * The seam: every system call that the library makes on a KVM object goes
 * through this table. Behind it stands the kernel, a simulator, or either of them
 * wrapped by a recorder or a fault injector.
 *
 * Headers under cocoreset/sys/ are for those who write platforms. They may change
 * between minor versions; those in cocoreset/ may not.
 *
 * All operations return a value >= 0 or a negative errno and never set errno for
 * the library. They are called from any thread, several at a time, and must not call into the
 * library.
 */
#ifndef COCORESET_SYS_PLATFORM_H
#define COCORESET_SYS_PLATFORM_H

#include <cocoreset/base.h>

/**
 * All operations are required but the last, which a table may also be too short for:
 * coco_host_open() refuses a table that lacks another.
 */
struct coco_platform_ops {
	size_t struct_size; /**< sizeof(struct coco_platform_ops) */
	const char *name;   /**< "kernel", for messages */
	/** open(path, O_RDWR | O_CLOEXEC). Returns a descriptor. */
	int (*open)(void *context, const char *path);
	int (*close)(void *context, int fd);
	/** fcntl(fd, F_DUPFD_CLOEXEC, 0). Returns a descriptor. */
	int (*dup)(void *context, int fd);
	/** dup3(fd, number, O_CLOEXEC). Returns `number`. */
	int (*dup3)(void *context, int fd, int number);
	/** fcntl(fd, F_SETFD, FD_CLOEXEC): a guest_memfd is born without it. */
	int (*set_cloexec)(void *context, int fd);
	/** ioctl(2). `argument` is the value or the pointer that the request takes. */
	int (*ioctl)(void *context, int fd, unsigned long request, uintptr_t argument);
	/** mmap(2); the address goes to *out. */
	int (*mmap)(void *context, void *address, size_t size, int protection, int flags, int fd,
		    uint64_t offset, void **out);
	int (*munmap)(void *context, void *address, size_t size);
	int (*madvise)(void *context, void *address, size_t size, int advice);
	int (*fallocate)(void *context, int fd, int mode, uint64_t offset, uint64_t size);
	/**
	 * The beginning of a text file of the host's, `size` bytes at most, such as
	 * /sys/fs/cgroup/misc.capacity. Returns how many bytes. Optional: what such files say is
	 * not known then.
	 */
	int (*read_file)(void *context, const char *path, char *text, size_t size);
};

/** A table with what its operations get as their first argument. */
struct coco_platform {
	const struct coco_platform_ops *ops;
	void *context;
};

COCO_BEGIN_DECLS

/**
 * The kernel's own system calls: what a host uses by default, and what a
 * recorder or fault injector wraps.
 *
 * Ownership: static. Thread safety: any thread.
 */
COCO_API const struct coco_platform *coco_platform_kernel(void);

COCO_END_DECLS

#endif
