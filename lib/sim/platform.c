/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The seam's operations: what is ours is simulated, everything else goes to the kernel. */
#define _GNU_SOURCE /* fallocate */

#include "sim/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/faults.h"
#include "sim/files.h"
#include "sim/gmem.h"
#include "sim/knobs.h"
#include "sim/request.h"
#include "sim/slots.h"
#include "sim/vm.h"

static int or_errno(int result)
{
	return result < 0 ? -errno : result;
}

/* A forked child has another address space: its VMs are not there (kvm->mm != current->mm). */
static bool foreign(const struct coco_sim *sim)
{
	return getpid() != sim->owner;
}

static int begin(struct coco_sim *sim, const char *call)
{
	pthread_mutex_lock(&sim->lock);
	return call ? sim_fault(sim, call, NULL) : 0;
}

static int end(struct coco_sim *sim, const char *call, int fd, int result)
{
	coco_sim_log_fn log = sim->log;
	void *payload = sim->log_payload;

	pthread_mutex_unlock(&sim->lock);
	if (log)
		log(payload, call, fd, result);
	return result;
}

static int open_file(struct coco_sim *sim, const char *path)
{
	enum sim_file_kind kind = SIM_FILE_SYSTEM;
	struct sim_file *file;

	if (strcmp(path, "/dev/sev") == 0)
		kind = SIM_FILE_SEV;
	else if (strncmp(path, "/dev/vfio/", strlen("/dev/vfio/")) == 0)
		return sim_open_vfio(sim);
	else if (strcmp(path, "/dev/kvm") != 0)
		return or_errno(open(path, O_RDWR | O_CLOEXEC));
	if (kind == SIM_FILE_SEV && !sim_offers_sev(sim))
		return -ENOENT;
	file = sim_file_new(sim, kind, NULL, NULL, -1);
	return file ? sim_file_open(file, true) : -ENOMEM;
}

static int platform_open(void *context, const char *path)
{
	struct coco_sim *sim = context;
	int r;

	if (foreign(sim))
		return -EIO;
	r = begin(sim, "open");
	if (!r)
		r = open_file(sim, path);
	return end(sim, "open", r, r);
}

static int platform_close(void *context, int fd)
{
	struct coco_sim *sim = context;
	int r;

	if (foreign(sim))
		return or_errno(close(fd));
	r = begin(sim, "close");
	if (!r)
		r = sim_files_close(sim, fd);
	return end(sim, "close", fd, r);
}

static int platform_dup(void *context, int fd)
{
	struct coco_sim *sim = context;
	int r;

	if (foreign(sim))
		return or_errno(fcntl(fd, F_DUPFD_CLOEXEC, 0));
	r = begin(sim, "dup");
	if (!r)
		r = sim_files_dup(sim, fd);
	return end(sim, "dup", fd, r);
}

static int platform_dup3(void *context, int fd, int number)
{
	struct coco_sim *sim = context;
	int r;

	if (foreign(sim))
		return or_errno(dup3(fd, number, O_CLOEXEC));
	r = begin(sim, "dup3");
	if (!r)
		r = sim_files_dup3(sim, fd, number);
	return end(sim, "dup3", fd, r);
}

static int platform_set_cloexec(void *context, int fd)
{
	struct coco_sim *sim = context;
	int r;

	if (foreign(sim))
		return or_errno(fcntl(fd, F_SETFD, FD_CLOEXEC));
	r = begin(sim, "set_cloexec");
	if (!r)
		r = or_errno(fcntl(fd, F_SETFD, FD_CLOEXEC));
	return end(sim, "set_cloexec", fd, r);
}

static int platform_ioctl(void *context, int fd, unsigned long request, uintptr_t argument)
{
	struct coco_sim *sim = context;
	struct sim_file *file;
	const char *name;
	int r;

	if (foreign(sim))
		return -EIO;
	begin(sim, NULL);
	file = sim_file_get(sim, fd);
	if (!file) {
		pthread_mutex_unlock(&sim->lock);
		return or_errno(ioctl(fd, request, argument));
	}
	name = sim_ioctl_name(file, request);
	r = sim_ioctl(file, request, argument);
	sim_file_put(file);
	return end(sim, name, fd, r);
}

/* vCPUs must not execute guest code out of host memory while that changes. */
static void pause_users_of(struct coco_sim *sim, const void *address, size_t size)
{
	struct sim_vm *vm = sim->vms;

	while (vm) {
		const bool uses = sim_slots_use(vm, address, size);

		if (uses && vm->in_guest) {
			/* The lock is given up meanwhile: VMs may come and go. */
			sim_run_pause(vm);
			vm = sim->vms;
			continue;
		}
		vm->memory_epoch += uses;
		vm = vm->next;
	}
}

static int platform_mmap(void *context, void *address, size_t size, int protection, int flags,
			 int fd, uint64_t offset, void **out)
{
	const struct sim_mapping_request request = {address, size, protection, flags, fd, offset};
	struct coco_sim *sim = context;
	int r;

	if (foreign(sim))
		return -EIO;
	r = begin(sim, "mmap");
	if (!r) {
		if (flags & MAP_FIXED)
			pause_users_of(sim, address, size);
		r = sim_files_mmap(sim, &request, out);
	}
	return end(sim, "mmap", fd, r);
}

static int platform_munmap(void *context, void *address, size_t size)
{
	struct coco_sim *sim = context;
	int r;

	if (foreign(sim))
		return or_errno(munmap(address, size));
	r = begin(sim, "munmap");
	if (!r) {
		pause_users_of(sim, address, size);
		r = sim_files_munmap(sim, address, size);
	}
	return end(sim, "munmap", -1, r);
}

static int platform_madvise(void *context, void *address, size_t size, int advice)
{
	struct coco_sim *sim = context;
	int r;

	if (foreign(sim))
		return or_errno(madvise(address, size, advice));
	r = begin(sim, "madvise");
	if (!r) {
		pause_users_of(sim, address, size);
		r = or_errno(madvise(address, size, advice));
	}
	return end(sim, "madvise", -1, r);
}

static int platform_fallocate(void *context, int fd, int mode, uint64_t offset, uint64_t size)
{
	struct coco_sim *sim = context;
	struct sim_file *file;
	int r;

	if (foreign(sim))
		return -EIO;
	r = begin(sim, "fallocate");
	if (r)
		return end(sim, "fallocate", fd, r);
	file = sim_file_get(sim, fd);
	if (!file)
		r = or_errno(fallocate(fd, mode, (off_t)offset, (off_t)size));
	else if (file->kind == SIM_FILE_GMEM)
		r = sim_gmem_fallocate(file, mode, offset, size);
	else
		r = -ENODEV;
	sim_file_put(file);
	return end(sim, "fallocate", fd, r);
}

static const struct coco_platform_ops operations = {
	.struct_size = sizeof(operations),
	.name = "simulator",
	.open = platform_open,
	.close = platform_close,
	.dup = platform_dup,
	.dup3 = platform_dup3,
	.set_cloexec = platform_set_cloexec,
	.ioctl = platform_ioctl,
	.mmap = platform_mmap,
	.munmap = platform_munmap,
	.madvise = platform_madvise,
	.fallocate = platform_fallocate,
};

void sim_platform_init(struct coco_sim *sim)
{
	sim->platform = (struct coco_platform){&operations, sim};
}
