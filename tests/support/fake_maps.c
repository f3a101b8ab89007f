/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Mappings. They are real ones, since the library reads and writes through them; the table
 * here knows what each belongs to and what it keeps alive.
 */
#define _GNU_SOURCE
#include "fake_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PAGE  4096u
#define LARGE 0x200000u

static void map_insert(struct fake_kvm *fake, uintptr_t start, uintptr_t end,
		       struct fake_file *file)
{
	struct fake_map *map = calloc(1, sizeof(*map));

	if (map == NULL)
		abort();
	*map = (struct fake_map){start, end, file, fake->maps};
	if (file != NULL)
		file_get(file);
	fake->maps = map;
}

static bool mapped_whole(const struct fake_kvm *fake, uintptr_t start, uintptr_t end)
{
	bool found = true;

	while (found && start < end) {
		found = false;
		for (const struct fake_map *map = fake->maps; map != NULL; map = map->next) {
			if (start < map->start || start >= map->end)
				continue;
			start = map->end;
			found = true;
			break;
		}
	}
	return found;
}

static void drop_run_mapping(struct fake_kvm *fake, struct fake_file *file, uintptr_t start)
{
	struct fake_vcpu *vcpu = file->vcpu;

	if (file->kind != FAKE_VCPU || (uintptr_t)vcpu->mapped != start)
		return;
	if (vcpu->running)
		fake_blame(fake, "the run mapping of %s was taken away during KVM_RUN", file->name);
	vcpu->mapped = NULL;
}

/* Takes [start, end) out of the table; the parts of mappings outside of it stay. */
static void maps_cut(struct fake_kvm *fake, uintptr_t start, uintptr_t end)
{
	struct fake_map **at = &fake->maps;
	struct fake_map *cut = NULL;

	while (*at != NULL) {
		struct fake_map *map = *at;

		if (map->end <= start || map->start >= end) {
			at = &map->next;
			continue;
		}
		*at = map->next;
		map->next = cut;
		cut = map;
	}
	while (cut != NULL) {
		struct fake_map *map = cut;

		cut = map->next;
		if (map->start < start)
			map_insert(fake, map->start, start, map->file);
		if (map->end > end)
			map_insert(fake, end, map->end, map->file);
		if (map->file != NULL) {
			if (map->start >= start)
				drop_run_mapping(fake, map->file, map->start);
			file_put(fake, map->file);
		}
		free(map);
	}
}

void maps_free(struct fake_kvm *fake)
{
	while (fake->maps != NULL) {
		uintptr_t start = fake->maps->start, end = fake->maps->end;

		munmap((void *)start, end - start);
		maps_cut(fake, start, end);
	}
}

/* What the kernel says to mapping a file; *memory is what to map in its place. */
static int check_file(struct fake_call *call, size_t size, int flags, uint64_t offset, int *memory)
{
	const struct fake_gmem *gmem = call->file->gmem;

	if (call->file->kind == FAKE_VCPU) {
		*memory = call->file->vcpu->memory;
		if (size != FAKE_RUN_SIZE || offset != 0)
			fake_blame(call->fake, "a run mapping of 0x%zx bytes at 0x%llx", size,
				   (unsigned long long)offset);
		return size > FAKE_RUN_SIZE ? -EINVAL : 0;
	}
	if (call->file->kind != FAKE_GMEM)
		return -ENODEV;
	*memory = gmem->memory;
	if ((gmem->flags & 1) == 0)
		return -ENODEV;
	if ((flags & MAP_TYPE) == MAP_PRIVATE)
		return -EINVAL;
	return offset + size > gmem->size ? -EINVAL : 0;
}

/*
 * Finds room one page above a multiple of 2 MiB, so that what a caller does to align a mapping is
 * the same each time.
 */
static uintptr_t place(size_t size)
{
	size_t whole = (size + PAGE - 1) / PAGE * PAGE, room = whole + 2 * LARGE;
	void *found =
		mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t start = (uintptr_t)found, at = (start + LARGE - 1) / LARGE * LARGE + PAGE;

	if (found == MAP_FAILED)
		return 0;
	munmap(found, at - start);
	munmap((void *)(at + whole), start + room - at - whole);
	return at;
}

static void *map_real(const struct fake_call *call, uintptr_t address, size_t size, int protection,
		      int flags, int memory, uint64_t offset)
{
	const struct fake_file *file = call->file;

	/* A store to a guest_memfd that is not shared with the host would be a SIGBUS. */
	if (file != NULL && file->kind == FAKE_GMEM && (file->gmem->flags & 2) == 0)
		protection = PROT_NONE;
	if (address == 0)
		address = place(size);
	if (address == 0)
		return MAP_FAILED;
	return mmap((void *)address, size, protection, flags | MAP_FIXED, memory, (off_t)offset);
}

int fake_op_mmap(void *context, void *address, size_t size, int protection, int flags, int fd,
		 uint64_t offset, void **out)
{
	uintptr_t at = (uintptr_t)address;
	struct fake_call call;
	const struct fake_fd *entry;
	int rc = 0, memory = -1;
	bool fixed = (flags & MAP_FIXED) != 0;

	call_begin(&call, context, "mmap");
	entry = fd_find(call.fake, fd);
	call.file = entry != NULL ? entry->file : NULL;
	text_add(&call.line, "mmap %s size=0x%zx",
		 entry != NULL ? entry->file->name
		 : fd == -1    ? "anon"
			       : "fd?",
		 size);
	text_protection(&call.line, protection, flags);
	if (fixed) {
		text_add(&call.line, " at ");
		text_address(call.fake, &call.line, at);
	}
	if (call_fails(&call, &rc))
		return call_end(&call, rc);
	if (fixed && (at % PAGE != 0 || !mapped_whole(call.fake, at, at + size))) {
		fake_blame(call.fake, "MAP_FIXED over memory that is not the caller's");
		return call_end(&call, -EINVAL);
	}
	if (fd == -1 ? (flags & MAP_ANONYMOUS) == 0 : entry == NULL)
		rc = -EBADF;
	else if (size == 0)
		rc = -EINVAL;
	else if (entry != NULL)
		rc = check_file(&call, size, flags, offset, &memory);
	if (rc != 0)
		return call_end(&call, rc);
	*out = map_real(&call, at, size, protection, flags, memory, offset);
	if (*out == MAP_FAILED)
		return call_end(&call, -errno);
	at = (uintptr_t)*out;
	size = (size + PAGE - 1) / PAGE * PAGE;
	maps_cut(call.fake, at, at + size);
	map_insert(call.fake, at, at + size, call.file);
	if (call.file != NULL && call.file->kind == FAKE_VCPU)
		call.file->vcpu->mapped = *out;
	if (!fixed) {
		fake_name_memory(call.fake, at, size, NULL);
		text_add(&call.line, " = map%u", call.fake->maps_named);
	}
	return call_end(&call, 0);
}

int fake_op_munmap(void *context, void *address, size_t size)
{
	uintptr_t at = (uintptr_t)address;
	struct fake_call call;
	int rc;

	call_begin(&call, context, "munmap");
	text_add(&call.line, "munmap ");
	text_address(call.fake, &call.line, at);
	text_add(&call.line, " size=0x%zx", size);
	if (call_fails(&call, &rc))
		return call_end(&call, rc);
	size = (size + PAGE - 1) / PAGE * PAGE;
	if (at % PAGE != 0 || size == 0 || !mapped_whole(call.fake, at, at + size)) {
		fake_blame(call.fake, "munmap of memory that is not the caller's");
		return call_end(&call, -EINVAL);
	}
	if (munmap(address, size) != 0)
		return call_end(&call, -errno);
	maps_cut(call.fake, at, at + size);
	fake_forget_memory(call.fake, at, at + size);
	return call_end(&call, 0);
}

static const char *advice_name(int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
		return "dontneed";
	case MADV_REMOVE:
		return "remove";
	case MADV_DONTFORK:
		return "dontfork";
	case MADV_HUGEPAGE:
		return "hugepage";
	case MADV_DONTDUMP:
		return "dontdump";
	case MADV_FREE:
		return "free";
	case 23: /* MADV_POPULATE_WRITE */
		return "populate_write";
	default:
		return "other";
	}
}

int fake_op_madvise(void *context, void *address, size_t size, int advice)
{
	struct fake_call call;
	int rc;

	call_begin(&call, context, "madvise");
	text_add(&call.line, "madvise ");
	text_address(call.fake, &call.line, (uintptr_t)address);
	text_add(&call.line, " size=0x%zx %s", size, advice_name(advice));
	if (call_fails(&call, &rc))
		return call_end(&call, rc);
	return call_end(&call, madvise(address, size, advice) == 0 ? 0 : -errno);
}

int fake_op_fallocate(void *context, int fd, int mode, uint64_t offset, uint64_t size)
{
	struct fake_call call;
	const struct fake_fd *entry;
	const struct fake_gmem *gmem;
	int rc;

	call_begin(&call, context, "fallocate");
	text_add(&call.line, "fallocate ");
	text_fd(call.fake, &call.line, fd);
	text_add(&call.line, " %s offset=0x%llx size=0x%llx",
		 mode == (FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE) ? "punch" : "allocate",
		 (unsigned long long)offset, (unsigned long long)size);
	if (call_fails(&call, &rc))
		return call_end(&call, rc);
	entry = fd_find(call.fake, fd);
	if (entry == NULL || entry->file->kind != FAKE_GMEM) {
		fake_blame(call.fake, "fallocate on descriptor %d, which is no guest_memfd", fd);
		return call_end(&call, -EBADF);
	}
	gmem = entry->file->gmem;
	if ((mode & FALLOC_FL_KEEP_SIZE) == 0 ||
	    (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) != 0)
		return call_end(&call, -EOPNOTSUPP);
	if (size == 0 || (offset | size) % PAGE != 0 || offset + size < offset ||
	    offset + size > gmem->size)
		return call_end(&call, -EINVAL);
	rc = fallocate(gmem->memory, mode, (off_t)offset, (off_t)size) == 0 ? 0 : -errno;
	return call_end(&call, rc);
}

uint64_t fake_kvm_gmem_allocated(struct fake_kvm *fake, int vm_fd)
{
	const struct fake_vm *vm;
	uint64_t total = 0;

	pthread_mutex_lock(&fake->lock);
	vm = vm_of_fd(fake, vm_fd);
	for (size_t i = 0; i < fake->fd_count; i++) {
		const struct fake_file *file = fake->fds[i].file;
		struct stat status;

		if (file != NULL && file->kind == FAKE_GMEM && file->vm == vm &&
		    fstat(file->gmem->memory, &status) == 0)
			total += (uint64_t)status.st_blocks * 512;
	}
	pthread_mutex_unlock(&fake->lock);
	return total;
}
