/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE /* dup3, MAP_FIXED_NOREPLACE, memfd_create */

#include "sim/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/vm_config.h"

/* A range of addresses where a simulated file is mapped. */
struct mapping {
	uintptr_t start;
	uintptr_t end;
	struct sim_file *file;
	struct mapping *next;
};

struct sim_files {
	struct sim_file **numbers; /* by descriptor number */
	size_t size;
	struct mapping *mappings;
	int anchor; /* what descriptors are duplicates of */
};

int sim_files_new(struct coco_sim *sim)
{
	struct sim_files *files = calloc(1, sizeof(*files));

	if (!files)
		return -ENOMEM;
	files->anchor = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (files->anchor < 0) {
		int r = -errno;

		free(files);
		return r;
	}
	sim->files = files;
	return 0;
}

/* Their references go; the lock may be given up meanwhile (release of a guest_memfd). */
static void drop_mappings(struct mapping *gone)
{
	while (gone) {
		struct mapping *next = gone->next;

		sim_file_put(gone->file);
		free(gone);
		gone = next;
	}
}

void sim_files_free(struct coco_sim *sim)
{
	struct sim_files *files = sim->files;

	if (!files)
		return;
	for (const struct mapping *m = files->mappings; m; m = m->next)
		munmap((void *)m->start, m->end - m->start);
	drop_mappings(files->mappings);
	files->mappings = NULL;
	for (size_t fd = 0; fd < files->size; fd++)
		if (files->numbers[fd])
			sim_files_close(sim, (int)fd);
	close(files->anchor);
	free(files->numbers);
	free(files);
	sim->files = NULL;
}

/* --- files */

struct sim_file *sim_file_new(struct coco_sim *sim, enum sim_file_kind kind, struct sim_vm *vm,
			      void *object, int backing)
{
	struct sim_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	*file = (struct sim_file){
		.kind = kind,
		.references = 1,
		.sim = sim,
		.vm = vm,
		.object = object,
		.backing = backing,
	};
	if (vm)
		vm->references++;
	return file;
}

struct sim_file *sim_file_get(struct coco_sim *sim, int fd)
{
	struct sim_files *files = sim->files;

	if (fd < 0 || (size_t)fd >= files->size || !files->numbers[fd])
		return NULL;
	files->numbers[fd]->references++;
	return files->numbers[fd];
}

int sim_file_of_argument(struct coco_sim *sim, int fd, struct sim_file **out)
{
	*out = sim_file_get(sim, fd);
	if (!*out && fcntl(fd, F_GETFD) < 0)
		return -EBADF;
	return 0;
}

void sim_file_put(struct sim_file *file)
{
	if (!file || --file->references)
		return;
	if (file->release)
		file->release(file);
	if (file->backing >= 0)
		close(file->backing);
	if (file->vm)
		sim_vm_put(file->vm);
	free(file);
}

/* --- numbers */

static int make_room(struct sim_files *files, int fd)
{
	size_t size = files->size ? files->size : 64;
	struct sim_file **numbers;

	if ((size_t)fd < files->size)
		return 0;
	while (size <= (size_t)fd)
		size *= 2;
	numbers = realloc(files->numbers, size * sizeof(*numbers));
	if (!numbers)
		return -ENOMEM;
	memset(numbers + files->size, 0, (size - files->size) * sizeof(*numbers));
	files->numbers = numbers;
	files->size = size;
	return 0;
}

int sim_file_open(struct sim_file *file, bool close_on_exec)
{
	struct sim_files *files = file->sim->files;
	int fd = fcntl(files->anchor, close_on_exec ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
	int r = fd < 0 ? -errno : make_room(files, fd);

	if (r) {
		if (fd >= 0)
			close(fd);
		sim_file_put(file);
		return r;
	}
	files->numbers[fd] = file;
	return fd;
}

/* What is at a number now goes. */
static void clear_number(struct sim_files *files, int fd)
{
	struct sim_file *file;

	if (fd < 0 || (size_t)fd >= files->size)
		return;
	file = files->numbers[fd];
	files->numbers[fd] = NULL;
	sim_file_put(file);
}

int sim_files_close(struct coco_sim *sim, int fd)
{
	int r = close(fd);

	if (r < 0)
		r = -errno;
	clear_number(sim->files, fd);
	return r;
}

int sim_files_dup(struct coco_sim *sim, int fd)
{
	struct sim_file *file = sim_file_get(sim, fd);
	int copy;

	if (file)
		return sim_file_open(file, true);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return copy < 0 ? -errno : copy;
}

int sim_files_dup3(struct coco_sim *sim, int fd, int number)
{
	struct sim_files *files = sim->files;
	struct sim_file *file = sim_file_get(sim, fd);
	int r = 0;

	/* In this order nothing needs to be taken back: room for a number does no harm. */
	if (number >= 0 && file)
		r = make_room(files, number);
	if (!r) {
		do {
			r = dup3(fd, number, O_CLOEXEC);
		} while (r < 0 && errno == EINTR);
		if (r < 0)
			r = -errno;
	}
	if (r < 0) {
		sim_file_put(file);
		return r;
	}
	clear_number(files, number);
	if (file)
		files->numbers[number] = file;
	return number;
}

/* --- mappings */

/* Takes a reference of its own on `file`. */
static void add_mapping(struct sim_files *files, struct mapping *mapping, uintptr_t start,
			uintptr_t end, struct sim_file *file)
{
	*mapping = (struct mapping){start, end, file, files->mappings};
	file->references++;
	files->mappings = mapping;
}

/*
 * Nothing of ours is mapped at these addresses any more. What was goes to *gone, for
 * drop_mappings() once the table is whole again. Where they are a hole in a mapping, the part
 * behind it becomes a mapping of its own, made of *spare; there is one such hole at most.
 */
static void clear_mappings(struct sim_files *files, uintptr_t start, uintptr_t end,
			   struct mapping **spare, struct mapping **gone)
{
	struct mapping **at = &files->mappings;

	while (*at) {
		struct mapping *mapping = *at;

		if (mapping->end <= start || mapping->start >= end) {
			at = &mapping->next;
		} else if (mapping->start < start) {
			uintptr_t old_end = mapping->end;

			mapping->end = start;
			at = &mapping->next;
			if (old_end > end && *spare) {
				add_mapping(files, *spare, end, old_end, mapping->file);
				*spare = NULL;
			}
		} else if (mapping->end > end) {
			mapping->start = end;
			at = &mapping->next;
		} else {
			*at = mapping->next;
			mapping->next = *gone;
			*gone = mapping;
		}
	}
}

static uintptr_t page_end(uintptr_t start, size_t size)
{
	return (start + size + SIM_PAGE_SIZE - 1) / SIM_PAGE_SIZE * SIM_PAGE_SIZE;
}

static int map_fd(const struct sim_mapping_request *request, int fd, void **out)
{
	void *mapped = mmap(request->address, request->size, request->protection, request->flags,
			    fd, (off_t)request->offset);

	if (mapped == MAP_FAILED)
		return -errno;
	*out = mapped;
	return 0;
}

/* The coalesced ring is the VM's: one page that all of its vCPUs' mappings show. */
static int map_ring(const struct sim_mapping_request *request, const struct sim_file *file,
		    void *mapped)
{
	const uint64_t ring = (uint64_t)KVM_COALESCED_MMIO_PAGE_OFFSET * SIM_PAGE_SIZE;
	struct sim_mapping_request part = *request;
	void *ignored;

	if (request->offset > ring || request->offset + request->size <= ring)
		return 0;
	part.address = (uint8_t *)mapped + (ring - request->offset);
	part.size = SIM_PAGE_SIZE;
	part.flags |= MAP_FIXED;
	part.offset = 0;
	return map_fd(&part, file->vm->config->ring_backing, &ignored);
}

static int map_simulated(const struct sim_mapping_request *request, const struct sim_file *file,
			 void **out)
{
	int r;

	/* Files that can't be mapped, a guest_memfd without GUEST_MEMFD_FLAG_MMAP among them. */
	if (file->backing < 0)
		return -ENODEV;
	if (file->kind == SIM_FILE_GMEM && !(request->flags & MAP_SHARED))
		return -EINVAL;
	r = map_fd(request, file->backing, out);
	if (!r && file->kind == SIM_FILE_VCPU)
		r = map_ring(request, file, *out);
	return r;
}

int sim_files_mmap(struct coco_sim *sim, const struct sim_mapping_request *request, void **out)
{
	struct sim_file *file =
		sim_file_get(sim, request->flags & MAP_ANONYMOUS ? -1 : request->fd);
	struct mapping *mapping = calloc(1, sizeof(*mapping));
	struct mapping *spare = calloc(1, sizeof(*spare));
	struct mapping *gone = NULL;
	void *mapped = NULL;
	int r = -ENOMEM;

	if (mapping && spare)
		r = file ? map_simulated(request, file, &mapped)
			 : map_fd(request, request->fd, &mapped);
	if (!r) {
		uintptr_t start = (uintptr_t)mapped;
		uintptr_t end = page_end(start, request->size);

		clear_mappings(sim->files, start, end, &spare, &gone);
		if (file) {
			add_mapping(sim->files, mapping, start, end, file);
			mapping = NULL;
		}
		*out = mapped;
	}
	free(mapping);
	free(spare);
	drop_mappings(gone);
	sim_file_put(file);
	return r;
}

int sim_files_munmap(struct coco_sim *sim, void *address, size_t size)
{
	struct mapping *spare = calloc(1, sizeof(*spare));
	struct mapping *gone = NULL;
	int r = 0;

	if (!spare)
		return -ENOMEM;
	if (munmap(address, size))
		r = -errno;
	else
		clear_mappings(sim->files, (uintptr_t)address, page_end((uintptr_t)address, size),
			       &spare, &gone);
	free(spare);
	drop_mappings(gone);
	return r;
}

/* --- accounts */

uint32_t sim_files_numbers(const struct coco_sim *sim)
{
	uint32_t count = 0;

	for (size_t fd = 0; fd < sim->files->size; fd++)
		count += sim->files->numbers[fd] != NULL;
	return count;
}

uint32_t sim_files_mappings(const struct coco_sim *sim)
{
	uint32_t count = 0;

	for (const struct mapping *m = sim->files->mappings; m; m = m->next)
		count++;
	return count;
}

void sim_files_of_vm(const struct coco_sim *sim, const struct sim_vm *vm,
		     void (*each)(void *payload, const struct sim_file *file, bool mapping),
		     void *payload)
{
	for (size_t fd = 0; fd < sim->files->size; fd++)
		if (sim->files->numbers[fd] && sim->files->numbers[fd]->vm == vm)
			each(payload, sim->files->numbers[fd], false);
	for (const struct mapping *m = sim->files->mappings; m; m = m->next)
		if (m->file->vm == vm)
			each(payload, m->file, true);
}
