/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What coco_vcpu_run() adds to a KVM_RUN. The platform answers KVM_RUN at once with the exit that
 * is in the page, so what is measured is the library alone: the same call through the platform's
 * table, with and without it, in turns.
 */
#include <cocoreset/cocoreset.h>
#include <cocoreset/sys/platform.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define EXITS  2000000
#define ROUNDS 15

static const struct coco_platform_ops *kernel;

/* Enough of a kernel to launch a plain guest that never runs. */
static int answer(void *context, int fd, unsigned long request, uintptr_t argument)
{
	(void)context;
	(void)fd;
	switch (request) {
	case KVM_RUN:
		return 0;
	case KVM_GET_API_VERSION:
		return 12;
	case KVM_GET_VCPU_MMAP_SIZE:
		return COCO_PAGE_SIZE;
	case KVM_CHECK_EXTENSION:
		return argument == KVM_CAP_MAX_VCPUS;
	case KVM_CREATE_VM:
	case KVM_CREATE_VCPU:
		return kernel->open(NULL, "/dev/null");
	case KVM_GET_SUPPORTED_CPUID:
		((struct kvm_cpuid2 *)argument)->nent = 0;
		return 0;
	default:
		return 0;
	}
}

static int open_null(void *context, const char *path)
{
	(void)path;
	return kernel->open(context, "/dev/null");
}

static int map(void *context, void *address, size_t size, int protection, int flags, int fd,
	       uint64_t offset, void **out)
{
	(void)fd;
	return kernel->mmap(context, address, size, protection,
			    (flags & MAP_FIXED) | MAP_PRIVATE | MAP_ANONYMOUS, -1, offset, out);
}

static void kick(void *payload, struct coco_vcpu *vcpu)
{
	(void)payload;
	(void)vcpu;
}

static void must(int result, const struct coco_error *error)
{
	if (result) {
		fprintf(stderr, "exit_bench: %s\n", error->text);
		exit(1);
	}
}

static struct coco_guest *launch(const struct coco_platform *platform)
{
	struct coco_host_options host_options;
	struct coco_guest_options options;
	struct coco_error error;
	struct coco_image *image;
	struct coco_guest *guest;
	struct coco_host *host;

	COCO_INIT(&host_options);
	host_options.platform = platform;
	must(coco_host_open(&host_options, &host, &error), &error);
	must(coco_image_new(&image, &error), &error);
	COCO_INIT(&options);
	options.tech = COCO_TECH_PLAIN;
	options.vcpus = 1;
	options.image = image;
	options.kick = kick;
	must(coco_guest_new(host, &options, &guest, &error), &error);
	must(coco_guest_launch(guest, &error), &error);
	coco_image_unref(image);
	coco_host_close(host);
	return guest;
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double bare(const struct coco_platform_ops *ops, int fd)
{
	const double start = now_ns();

	for (int i = 0; i < EXITS; i++)
		if (((int (*volatile)(void *, int, unsigned long, uintptr_t))ops->ioctl)(
			    NULL, fd, KVM_RUN, 0))
			abort();
	return (now_ns() - start) / EXITS;
}

static double with_library(struct coco_vcpu *vcpu)
{
	const double start = now_ns();
	struct coco_error error;
	struct coco_exit exit;

	COCO_INIT(&exit);
	for (int i = 0; i < EXITS; i++)
		must(coco_vcpu_run(vcpu, &exit, &error), &error);
	return (now_ns() - start) / EXITS;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	struct coco_platform_ops ops;
	const struct coco_platform platform = {.ops = &ops};
	double added[ROUNDS];
	struct coco_guest *guest;

	kernel = coco_platform_kernel()->ops;
	ops = *kernel;
	ops.open = open_null;
	ops.ioctl = answer;
	ops.mmap = map;
	guest = launch(&platform);
	for (int i = 0; i < ROUNDS; i++) {
		const double without = bare(&ops, coco_guest_vm_fd(guest));

		added[i] = with_library(coco_guest_vcpu(guest, 0)) - without;
	}
	coco_guest_free(guest);
	qsort(added, ROUNDS, sizeof(*added), compare);
	printf("coco_vcpu_run() adds %.1f ns to an exit (median of %d rounds of %d; %.1f to "
	       "%.1f)\n",
	       added[ROUNDS / 2], ROUNDS, EXITS, added[0], added[ROUNDS - 1]);
	return 0;
}
