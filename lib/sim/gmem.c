/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* guest_memfd (virt/kvm/guest_memfd.c). */
#define _GNU_SOURCE /* FALLOC_FL_*, memfd_create */

#include "sim/gmem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/knobs.h"

uint64_t sim_gmem_flags(const struct coco_sim *sim, const struct sim_tech *tech)
{
	if (sim_quirk(sim, COCO_SIM_GMEM_PRIVATE_ONLY))
		return 0;
	if (tech && tech->private_memory)
		return UAPI_GUEST_MEMFD_FLAG_MMAP;
	return UAPI_GUEST_MEMFD_FLAG_MMAP | UAPI_GUEST_MEMFD_FLAG_INIT_SHARED;
}

bool sim_gmem_only(const struct sim_slot *slot)
{
	return slot->gmem && slot->gmem->flags & UAPI_GUEST_MEMFD_FLAG_MMAP;
}

static void forget_pages(struct sim_gmem *gmem, uint64_t first, uint64_t end)
{
	uint64_t bytes = 0;

	for (uint64_t page = first; page < end; page++)
		bytes += gmem->pages[page].present ? SIM_PAGE_SIZE : 0;
	memset(gmem->pages + first, 0, (end - first) * sizeof(*gmem->pages));
	sim_memory_uncharge(gmem->vm->sim, bytes);
	gmem->charged -= bytes;
	/* Memory that is given back is zero when it is touched again. */
	if (bytes)
		madvise(gmem->bytes + first * SIM_PAGE_SIZE, (end - first) * SIM_PAGE_SIZE,
			gmem->flags & UAPI_GUEST_MEMFD_FLAG_INIT_SHARED ? MADV_REMOVE
									: MADV_DONTNEED);
}

static void punch(struct sim_gmem *gmem, uint64_t offset, uint64_t size)
{
	struct sim_vm *vm = gmem->vm;

	if (offset >= gmem->size)
		return;
	if (size > gmem->size - offset)
		size = gmem->size - offset;
	if (vm->tech->pages_gone)
		vm->tech->pages_gone(vm, gmem, offset, size);
	forget_pages(gmem, offset / SIM_PAGE_SIZE, (offset + size) / SIM_PAGE_SIZE);
	vm->memory_epoch++;
}

static int make_present(struct sim_gmem *gmem, uint64_t page)
{
	if (!gmem->pages[page].present) {
		int r = sim_memory_charge(gmem->vm->sim, SIM_PAGE_SIZE);

		if (r)
			return r;
		gmem->charged += SIM_PAGE_SIZE;
		gmem->pages[page].present = 1;
	}
	return 0;
}

int sim_gmem_touch(struct sim_slot *slot, uint64_t gpa, uint8_t **bytes,
		   struct sim_gmem_page **page)
{
	struct sim_gmem *gmem = slot->gmem;
	uint64_t number;
	int r;

	if (!gmem)
		return -EFAULT;
	number = (slot->gmem_offset + (gpa - slot->gpa)) / SIM_PAGE_SIZE;
	r = make_present(gmem, number);
	if (r)
		return r;
	*bytes = gmem->bytes + number * SIM_PAGE_SIZE;
	*page = &gmem->pages[number];
	return 0;
}

static void free_gmem(struct sim_gmem *gmem)
{
	if (gmem->bytes)
		munmap(gmem->bytes, gmem->size);
	free(gmem->pages);
	free(gmem);
}

static void release(struct sim_file *file)
{
	struct sim_gmem *gmem = file->object;

	sim_run_pause(gmem->vm);
	punch(gmem, 0, gmem->size);
	for (struct sim_slot *slot = gmem->vm->slots; slot; slot = slot->next)
		if (slot->gmem == gmem)
			slot->gmem = NULL;
	free_gmem(gmem);
}

/*
 * What mappings of the file show: with INIT_SHARED the pages; without it a file of no length, so
 * that touching a mapping is SIGBUS, as for pages that are not shared. -1: it can't be mapped.
 */
static int make_backing(const struct uapi_create_guest_memfd *args, int *out)
{
	int fd;

	*out = -1;
	if (!(args->flags & UAPI_GUEST_MEMFD_FLAG_MMAP))
		return 0;
	fd = memfd_create("sim-gmem", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (args->flags & UAPI_GUEST_MEMFD_FLAG_INIT_SHARED && ftruncate(fd, (off_t)args->size)) {
		int r = -errno;

		close(fd);
		return r;
	}
	*out = fd;
	return 0;
}

static struct sim_gmem *make_gmem(struct sim_vm *vm, const struct uapi_create_guest_memfd *args,
				  int backing)
{
	const bool shown = args->flags & UAPI_GUEST_MEMFD_FLAG_INIT_SHARED && backing >= 0;
	struct sim_gmem *gmem = calloc(1, sizeof(*gmem));
	void *bytes;

	if (!gmem)
		return NULL;
	gmem->vm = vm;
	gmem->flags = args->flags;
	gmem->size = args->size;
	gmem->pages = calloc(args->size / SIM_PAGE_SIZE, sizeof(*gmem->pages));
	bytes = mmap(NULL, args->size, PROT_READ | PROT_WRITE,
		     shown ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		     shown ? backing : -1, 0);
	if (bytes != MAP_FAILED)
		gmem->bytes = bytes;
	if (!gmem->pages || !gmem->bytes) {
		free_gmem(gmem);
		return NULL;
	}
	return gmem;
}

int sim_create_guest_memfd(struct sim_file *vm_file, uintptr_t argument)
{
	struct sim_vm *vm = vm_file->vm;
	struct uapi_create_guest_memfd args;
	struct sim_gmem *gmem;
	int backing, r;

	if (sim_copy_in(&args, argument, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~sim_gmem_flags(vm->sim, vm->tech))
		return -EINVAL;
	if ((int64_t)args.size <= 0 || args.size % SIM_PAGE_SIZE)
		return -EINVAL;
	r = make_backing(&args, &backing);
	if (r)
		return r;
	gmem = make_gmem(vm, &args, backing);
	if (gmem)
		gmem->file = sim_file_new(vm->sim, SIM_FILE_GMEM, vm, gmem, backing);
	if (!gmem || !gmem->file) {
		if (gmem)
			free_gmem(gmem);
		if (backing >= 0)
			close(backing);
		return -ENOMEM;
	}
	gmem->file->release = release;
	/* get_unused_fd_flags(0): alone among KVM's descriptors it is not close-on-exec. */
	return sim_file_open(gmem->file, false);
}

static int allocate(struct sim_gmem *gmem, uint64_t offset, uint64_t size)
{
	if (offset + size > gmem->size)
		return -EINVAL;
	for (uint64_t page = offset / SIM_PAGE_SIZE; page < (offset + size) / SIM_PAGE_SIZE;
	     page++) {
		int r = make_present(gmem, page);

		if (r)
			return r;
	}
	return 0;
}

int sim_gmem_fallocate(struct sim_file *file, int mode, uint64_t offset, uint64_t size)
{
	struct sim_gmem *gmem = file->object;

	/* vfs_fallocate() */
	if ((int64_t)offset < 0 || (int64_t)size <= 0)
		return -EINVAL;
	if (!(mode & FALLOC_FL_KEEP_SIZE) || mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if ((int64_t)(offset + size) < 0)
		return -EFBIG;
	if (offset % SIM_PAGE_SIZE || size % SIM_PAGE_SIZE)
		return -EINVAL;
	if (!(mode & FALLOC_FL_PUNCH_HOLE))
		return allocate(gmem, offset, size);
	sim_run_pause(gmem->vm);
	punch(gmem, offset, size);
	return 0;
}
