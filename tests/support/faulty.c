/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "faulty.h"

#include "forward.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct faulty {
	struct forward forward; /* to what is below */
	struct coco_platform platform;
	struct coco_platform_ops ops;
	pthread_mutex_t lock;
	unsigned left;
	int error;
	bool sticky, struck;
	char what[64];
};

/* 0, or the errno that this call is to fail with. */
static int strike(struct faulty *faulty, const char *name, unsigned long request)
{
	int error = 0;

	pthread_mutex_lock(&faulty->lock);
	if (faulty->left && --faulty->left == 0) {
		error = faulty->error;
		if (!faulty->struck)
			snprintf(faulty->what, sizeof(faulty->what), "%s 0x%lx", name, request);
		faulty->struck = true;
		faulty->left = faulty->sticky;
	}
	pthread_mutex_unlock(&faulty->lock);
	return -error;
}

static int faulty_open(void *context, const char *path)
{
	int r = strike(context, "open", 0);

	return r ? r : forward_open(context, path);
}

static int faulty_close(void *context, int fd)
{
	int r = strike(context, "close", 0);
	int closed = forward_close(context, fd);

	return r ? r : closed;
}

static int faulty_dup(void *context, int fd)
{
	int r = strike(context, "dup", 0);

	return r ? r : forward_dup(context, fd);
}

static int faulty_dup3(void *context, int fd, int number)
{
	int r = strike(context, "dup3", 0);

	return r ? r : forward_dup3(context, fd, number);
}

static int faulty_set_cloexec(void *context, int fd)
{
	int r = strike(context, "set_cloexec", 0);

	return r ? r : forward_set_cloexec(context, fd);
}

static int faulty_ioctl(void *context, int fd, unsigned long request, uintptr_t argument)
{
	int r = strike(context, "ioctl", request);

	return r ? r : forward_ioctl(context, fd, request, argument);
}

static int faulty_mmap(void *context, void *address, size_t size, int protection, int flags, int fd,
		       uint64_t offset, void **out)
{
	int r = strike(context, "mmap", 0);

	return r ? r : forward_mmap(context, address, size, protection, flags, fd, offset, out);
}

static int faulty_munmap(void *context, void *address, size_t size)
{
	int r = strike(context, "munmap", 0);

	return r ? r : forward_munmap(context, address, size);
}

static int faulty_madvise(void *context, void *address, size_t size, int advice)
{
	int r = strike(context, "madvise", 0);

	return r ? r : forward_madvise(context, address, size, advice);
}

static int faulty_fallocate(void *context, int fd, int mode, uint64_t offset, uint64_t size)
{
	int r = strike(context, "fallocate", 0);

	return r ? r : forward_fallocate(context, fd, mode, offset, size);
}

struct faulty *faulty_new(const struct coco_platform *below)
{
	struct faulty *faulty = calloc(1, sizeof(*faulty));

	if (!faulty)
		abort();
	faulty->forward.inner = below;
	pthread_mutex_init(&faulty->lock, NULL);
	faulty->ops = (struct coco_platform_ops){
		.struct_size = sizeof(faulty->ops),
		.name = "faulty",
		.open = faulty_open,
		.close = faulty_close,
		.dup = faulty_dup,
		.dup3 = faulty_dup3,
		.set_cloexec = faulty_set_cloexec,
		.ioctl = faulty_ioctl,
		.mmap = faulty_mmap,
		.munmap = faulty_munmap,
		.madvise = faulty_madvise,
		.fallocate = faulty_fallocate,
	};
	faulty->platform = (struct coco_platform){.ops = &faulty->ops, .context = faulty};
	return faulty;
}

void faulty_free(struct faulty *faulty)
{
	pthread_mutex_destroy(&faulty->lock);
	free(faulty);
}

const struct coco_platform *faulty_platform(struct faulty *faulty)
{
	return &faulty->platform;
}

void faulty_set(struct faulty *faulty, unsigned nth, int error, bool sticky)
{
	pthread_mutex_lock(&faulty->lock);
	faulty->left = nth;
	faulty->error = error;
	faulty->sticky = sticky;
	faulty->struck = false;
	faulty->what[0] = '\0';
	pthread_mutex_unlock(&faulty->lock);
}

bool faulty_struck(const struct faulty *faulty)
{
	return faulty->struck;
}

const char *faulty_what(const struct faulty *faulty)
{
	return faulty->what;
}
