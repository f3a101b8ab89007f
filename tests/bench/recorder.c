/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include "recorder.h"

#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define MOST_CALLS 4096
#define XSAVE_SIZE 16384

enum operation { CLOSE, DUP3, SET_CLOEXEC, IOCTL, MMAP, MUNMAP, MADVISE, FALLOCATE };

struct call {
	enum operation operation;
	int fd, number, flags, protection, advice, result;
	unsigned long request;
	uintptr_t argument;
	void *address;
	size_t size;
	uint64_t offset;
};

struct recorder {
	struct coco_platform platform;
	struct coco_platform_ops ops;
	const struct coco_platform_ops *kernel;
	bool on;
	unsigned count;
	struct call calls[MOST_CALLS];
};

static void write_down(struct recorder *recorder, const struct call *call)
{
	if (!recorder->on || call->result < 0)
		return;
	if (recorder->count == MOST_CALLS)
		abort();
	recorder->calls[recorder->count++] = *call;
}

/* A copy of what an ioctl's argument points to, which may be more than its number says. */
static uintptr_t copy_argument(unsigned long request, uintptr_t argument)
{
	size_t size = _IOC_SIZE(request);
	void *copy;

	if (!size || !argument)
		return argument;
	if (request == KVM_SET_CPUID2)
		size += ((const struct kvm_cpuid2 *)argument)->nent *
			sizeof(struct kvm_cpuid_entry2);
	if (request == KVM_SET_MSRS)
		size += ((const struct kvm_msrs *)argument)->nmsrs * sizeof(struct kvm_msr_entry);
	/* Space to read from, and as much as KVM may look at. */
	copy = calloc(1, size + XSAVE_SIZE);
	if (!copy)
		abort();
	memcpy(copy, (const void *)argument, size);
	return (uintptr_t)copy;
}

static int record_close(void *context, int fd)
{
	struct recorder *recorder = context;
	struct call call = {.operation = CLOSE, .fd = fd};

	call.result = recorder->kernel->close(NULL, fd);
	write_down(recorder, &call);
	return call.result;
}

static int record_dup3(void *context, int fd, int number)
{
	struct recorder *recorder = context;
	struct call call = {.operation = DUP3, .fd = fd, .number = number};

	call.result = recorder->kernel->dup3(NULL, fd, number);
	write_down(recorder, &call);
	return call.result;
}

static int record_set_cloexec(void *context, int fd)
{
	struct recorder *recorder = context;
	struct call call = {.operation = SET_CLOEXEC, .fd = fd};

	call.result = recorder->kernel->set_cloexec(NULL, fd);
	write_down(recorder, &call);
	return call.result;
}

static int record_ioctl(void *context, int fd, unsigned long request, uintptr_t argument)
{
	struct recorder *recorder = context;
	struct call call = {.operation = IOCTL, .fd = fd, .request = request};

	if (recorder->on)
		call.argument = copy_argument(request, argument);
	call.result = recorder->kernel->ioctl(NULL, fd, request, argument);
	write_down(recorder, &call);
	return call.result;
}

static int record_mmap(void *context, void *address, size_t size, int protection, int flags, int fd,
		       uint64_t offset, void **out)
{
	struct recorder *recorder = context;
	struct call call = {
		.operation = MMAP,
		.fd = fd,
		.flags = flags,
		.protection = protection,
		.address = address,
		.size = size,
		.offset = offset,
	};

	call.result =
		recorder->kernel->mmap(NULL, address, size, protection, flags, fd, offset, out);
	write_down(recorder, &call);
	return call.result;
}

static int record_munmap(void *context, void *address, size_t size)
{
	struct recorder *recorder = context;
	struct call call = {.operation = MUNMAP, .address = address, .size = size};

	call.result = recorder->kernel->munmap(NULL, address, size);
	write_down(recorder, &call);
	return call.result;
}

static int record_madvise(void *context, void *address, size_t size, int advice)
{
	struct recorder *recorder = context;
	struct call call = {
		.operation = MADVISE, .address = address, .size = size, .advice = advice};

	call.result = recorder->kernel->madvise(NULL, address, size, advice);
	write_down(recorder, &call);
	return call.result;
}

static int record_fallocate(void *context, int fd, int mode, uint64_t offset, uint64_t size)
{
	struct recorder *recorder = context;
	struct call call = {
		.operation = FALLOCATE, .fd = fd, .flags = mode, .offset = offset, .size = size};

	call.result = recorder->kernel->fallocate(NULL, fd, mode, offset, size);
	write_down(recorder, &call);
	return call.result;
}

struct recorder *recorder_new(void)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	if (!recorder)
		abort();
	recorder->kernel = coco_platform_kernel()->ops;
	recorder->ops = *recorder->kernel;
	recorder->ops.close = record_close;
	recorder->ops.dup3 = record_dup3;
	recorder->ops.set_cloexec = record_set_cloexec;
	recorder->ops.ioctl = record_ioctl;
	recorder->ops.mmap = record_mmap;
	recorder->ops.munmap = record_munmap;
	recorder->ops.madvise = record_madvise;
	recorder->ops.fallocate = record_fallocate;
	recorder->platform.ops = &recorder->ops;
	recorder->platform.context = recorder;
	return recorder;
}

const struct coco_platform *recorder_platform(struct recorder *recorder)
{
	return &recorder->platform;
}

void recorder_record(struct recorder *recorder, bool on)
{
	if (on)
		recorder->count = 0;
	recorder->on = on;
}

unsigned recorder_count(const struct recorder *recorder)
{
	return recorder->count;
}

static int repeat(const struct coco_platform_ops *kernel, const struct call *call)
{
	void *out;

	switch (call->operation) {
	case CLOSE:
		return kernel->close(NULL, call->fd);
	case DUP3:
		return kernel->dup3(NULL, call->fd, call->number);
	case SET_CLOEXEC:
		return kernel->set_cloexec(NULL, call->fd);
	case IOCTL:
		return kernel->ioctl(NULL, call->fd, call->request, call->argument);
	case MMAP:
		return kernel->mmap(NULL, call->address, call->size, call->protection, call->flags,
				    call->fd, call->offset, &out);
	case MUNMAP:
		return kernel->munmap(NULL, call->address, call->size);
	case MADVISE:
		return kernel->madvise(NULL, call->address, call->size, call->advice);
	case FALLOCATE:
		return kernel->fallocate(NULL, call->fd, call->flags, call->offset, call->size);
	}
	return -1;
}

void recorder_replay(const struct recorder *recorder)
{
	for (unsigned i = 0; i < recorder->count; i++) {
		const struct call *call = &recorder->calls[i];
		const int result = repeat(recorder->kernel, call);

		if (result != call->result) {
			fprintf(stderr, "call %u, request 0x%lx: %d, was %d\n", i, call->request,
				result, call->result);
			exit(1);
		}
	}
}
