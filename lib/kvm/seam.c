/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE /* MAP_ANONYMOUS, FALLOC_FL_* */

#include "kvm/seam.h"

#include "base/error.h"
#include "base/options.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>

/* KVM_GET_API_VERSION has answered 12 since 2007, and is to answer it for ever. */
#define KVM_API 12

/* Of the platform's table: up to the operations that are optional. */
#define REQUIRED_SIZE COCO_END_OF(struct coco_platform_ops, fallocate)

#define REQUIRE(ops, operation, error)                                                             \
	do {                                                                                       \
		if (!(ops)->operation)                                                             \
			return coco_fail_field((error), -EINVAL, "platform." #operation,           \
					       "the platform '%s' lacks the operation "            \
					       "'" #operation "'",                                 \
					       (ops)->name ? (ops)->name : "?");                   \
	} while (0)

static int check_platform(const struct coco_platform *platform, struct coco_error *error)
{
	const struct coco_platform_ops *ops = platform->ops;

	if (!ops)
		return coco_fail_field(error, -EINVAL, "platform.ops", "platform.ops is NULL");
	if (ops->struct_size < REQUIRED_SIZE)
		return coco_fail_field(error, -EINVAL, "platform.struct_size",
				       "the platform's table has %zu bytes, %zu are needed",
				       ops->struct_size, REQUIRED_SIZE);
	REQUIRE(ops, open, error);
	REQUIRE(ops, close, error);
	REQUIRE(ops, dup, error);
	REQUIRE(ops, dup3, error);
	REQUIRE(ops, set_cloexec, error);
	REQUIRE(ops, ioctl, error);
	REQUIRE(ops, mmap, error);
	REQUIRE(ops, munmap, error);
	REQUIRE(ops, madvise, error);
	REQUIRE(ops, fallocate, error);
	return 0;
}

static int fail_open(int code, const char *path, struct coco_error *error)
{
	switch (code) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		return coco_fail_call(error, code, COCO_STAGE_HOST, "open",
				      "there is no %s (load the module kvm_amd or kvm_intel, and "
				      "see that virtualization is on in the machine's firmware "
				      "setup)",
				      path);
	case -EACCES:
	case -EPERM:
		return coco_fail_call(error, code, COCO_STAGE_HOST, "open",
				      "no permission for %s (join the group that owns it, "
				      "usually 'kvm')",
				      path);
	default:
		return coco_fail_call(error, code, COCO_STAGE_HOST, "open", "opening %s", path);
	}
}

static int ask_basics(struct coco_seam *seam, const char *path, struct coco_error *error)
{
	int r;

	r = coco_seam_ioctl(seam, seam->kvm_fd, KVM_GET_API_VERSION, 0, COCO_STAGE_HOST, error);
	if (r < 0)
		return r;
	if (r != KVM_API)
		return coco_fail(error, -EPROTO, COCO_STAGE_HOST,
				 "%s speaks KVM API version %d instead of %d: is it a KVM device?",
				 path, r, KVM_API);

	r = coco_seam_ioctl(seam, seam->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0, COCO_STAGE_HOST, error);
	if (r < 0)
		return r;
	if ((size_t)r < sizeof(struct kvm_run))
		return coco_fail(error, -EPROTO, COCO_STAGE_HOST,
				 "%s says that kvm_run has %d bytes, fewer than its header", path,
				 r);
	seam->run_size = (size_t)r;
	return 0;
}

int coco_seam_open(struct coco_seam *seam, const struct coco_platform *platform, const char *path,
		   const struct coco_log *log, struct coco_error *error)
{
	int r = check_platform(platform, error);

	if (r)
		return r;
	seam->ops = platform->ops;
	seam->context = platform->context;
	seam->log = *log;
	seam->kvm_fd = seam->ops->open(seam->context, path);
	if (seam->kvm_fd < 0)
		return fail_open(seam->kvm_fd, path, error);
	r = ask_basics(seam, path, error);
	if (r) {
		seam->ops->close(seam->context, seam->kvm_fd);
		return r;
	}
	coco_ledger_init(&seam->ledger);
	pthread_mutex_init(&seam->sev_lock, NULL);
	seam->sev_fd = -1;
	return 0;
}

void coco_seam_close(struct coco_seam *seam)
{
	coco_ledger_destroy(&seam->ledger);
	pthread_mutex_destroy(&seam->sev_lock);
	if (seam->sev_fd >= 0)
		seam->ops->close(seam->context, seam->sev_fd);
	seam->ops->close(seam->context, seam->kvm_fd);
}

/*
 * A signal that comes in the middle makes some requests give up (KVM_CREATE_VM does). They have
 * done nothing then. So often in a row it is tried again: the caller may live with a fast timer.
 */
#define MAX_INTERRUPTIONS 64

int coco_seam_ioctl(struct coco_seam *seam, int fd, unsigned long request, uintptr_t argument,
		    uint32_t stage, struct coco_error *error)
{
	unsigned int interruptions = 0;
	int r;

	do {
		r = seam->ops->ioctl(seam->context, fd, request, argument);
	} while (r == -EINTR && ++interruptions < MAX_INTERRUPTIONS);
	if (r < 0)
		return coco_fail_call(error, r, stage, coco_seam_request_name(request), "%s",
				      coco_stage_name(stage));
	return r;
}

int coco_seam_set(struct coco_seam *seam, int fd, unsigned long request, const void *argument,
		  uint32_t stage, struct coco_error *error)
{
	return coco_seam_ioctl(seam, fd, request, (uintptr_t)argument, stage, error);
}

int coco_seam_get(struct coco_seam *seam, int fd, unsigned long request, void *argument,
		  uint32_t stage, struct coco_error *error)
{
	return coco_seam_ioctl(seam, fd, request, (uintptr_t)argument, stage, error);
}

int coco_seam_read_file(struct coco_seam *seam, const char *path, char *text, size_t size)
{
	const struct coco_platform_ops *ops = seam->ops;
	int r;

	if (ops->struct_size < COCO_END_OF(struct coco_platform_ops, read_file) || !ops->read_file)
		return -EOPNOTSUPP;
	r = ops->read_file(seam->context, path, text, size - 1);
	if (r < 0)
		return r;
	text[(size_t)r < size ? (size_t)r : size - 1] = '\0';
	return 0;
}

int coco_seam_check_extension(struct coco_seam *seam, int fd, unsigned int capability,
			      struct coco_error *error)
{
	return coco_seam_ioctl(seam, fd, KVM_CHECK_EXTENSION, capability, COCO_STAGE_HOST, error);
}

int coco_seam_enable_cap(struct coco_seam *seam, int fd, uint32_t capability, uint64_t argument,
			 struct coco_error *error)
{
	const struct kvm_enable_cap enable = {.cap = capability, .args = {argument}};

	return coco_seam_set(seam, fd, KVM_ENABLE_CAP, &enable, COCO_STAGE_CREATE, error);
}

int coco_seam_map_memory(struct coco_seam *seam, size_t size, int protection, void **out,
			 struct coco_error *error)
{
	int r = seam->ops->mmap(seam->context, NULL, size, protection,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0, out);

	if (r < 0)
		return coco_fail_call(error, r, COCO_STAGE_CREATE, "mmap",
				      "mapping %zu bytes of memory", size);
	return 0;
}

int coco_seam_remap(struct coco_seam *seam, void *address, size_t size, int protection,
		    uint32_t stage, struct coco_error *error)
{
	void *mapped;
	int r = seam->ops->mmap(seam->context, address, size, protection,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0,
				&mapped);

	if (r < 0)
		return coco_fail_call(error, r, stage, "mmap",
				      "putting the reservation of %zu bytes at %p back", size,
				      address);
	return 0;
}

int coco_seam_unmap(struct coco_seam *seam, void *address, size_t size)
{
	return seam->ops->munmap(seam->context, address, size);
}

int coco_seam_madvise(struct coco_seam *seam, void *address, size_t size, int advice)
{
	return seam->ops->madvise(seam->context, address, size, advice);
}

int coco_seam_punch_hole(struct coco_seam *seam, int fd, uint64_t offset, uint64_t size,
			 uint32_t stage, struct coco_error *error)
{
	int r = seam->ops->fallocate(seam->context, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     offset, size);

	if (r < 0)
		return coco_fail_call(error, r, stage, "fallocate",
				      "freeing private memory of a guest_memfd");
	return 0;
}

int coco_seam_reserve_number(struct coco_seam *seam, int *out, struct coco_error *error)
{
	int fd = seam->ops->dup(seam->context, seam->kvm_fd);

	if (fd < 0)
		return coco_fail_call(error, fd, COCO_STAGE_CREATE, "fcntl",
				      "reserving a descriptor number");
	*out = fd;
	return 0;
}

void coco_seam_release_number(struct coco_seam *seam, int number)
{
	seam->ops->close(seam->context, number);
}
