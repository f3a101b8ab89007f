/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fake_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fake_file *file_new(struct fake_kvm *fake, enum fake_kind kind, struct fake_vm *vm,
			   const char *name)
{
	struct fake_file *file = calloc(1, sizeof(*file));

	(void)fake;
	if (file == NULL)
		abort();
	file->kind = kind;
	file->refs = 1;
	file->vm = vm;
	if (vm != NULL)
		vm->users++;
	snprintf(file->name, sizeof(file->name), "%s", name);
	return file;
}

struct fake_file *file_get(struct fake_file *file)
{
	file->refs++;
	return file;
}

static void vm_put(struct fake_kvm *fake, struct fake_vm *vm)
{
	struct fake_vm **at = &fake->vms;

	if (--vm->users > 0)
		return;
	fake_event(fake, "gone vm%u", vm->number);
	while (*at != vm)
		at = &(*at)->next;
	*at = vm->next;
	fake->vms_live--;
	slots_free(vm);
	range_set_clear(&vm->private_pages);
	free(vm);
}

void file_put(struct fake_kvm *fake, struct fake_file *file)
{
	if (--file->refs > 0)
		return;
	if (file->kind == FAKE_VCPU)
		vcpu_free(file->vcpu);
	if (file->kind == FAKE_GMEM) {
		slots_forget_gmem(file->vm, file->gmem);
		munmap(file->gmem->bytes, file->gmem->size);
		close(file->gmem->memory);
		free(file->gmem);
	}
	if (file->vm != NULL)
		vm_put(fake, file->vm);
	free(file);
}

struct fake_vm *vm_new(struct fake_kvm *fake, int type)
{
	struct fake_vm *vm = calloc(1, sizeof(*vm));

	if (vm == NULL)
		abort();
	vm->number = ++fake->vms_made;
	vm->type = type;
	vm->next = fake->vms;
	fake->vms = vm;
	if (++fake->vms_live > fake->vms_most)
		fake->vms_most = fake->vms_live;
	return vm;
}

struct fake_fd *fd_find(struct fake_kvm *fake, int fd)
{
	size_t index = (size_t)(fd - FAKE_FD_BASE);

	if (fd < FAKE_FD_BASE || index >= fake->fd_count || fake->fds[index].file == NULL)
		return NULL;
	return &fake->fds[index];
}

/* Numbers are never used twice, so that a stale one is always found out. */
int fd_new(struct fake_kvm *fake, struct fake_file *file, bool cloexec)
{
	size_t index = fake->fd_count++;

	fake->fds = realloc(fake->fds, fake->fd_count * sizeof(*fake->fds));
	if (fake->fds == NULL)
		abort();
	memset(&fake->fds[index], 0, sizeof(fake->fds[index]));
	fake->fds[index].file = file;
	fake->fds[index].cloexec = cloexec;
	return FAKE_FD_BASE + (int)index;
}

struct fake_vm *vm_of_fd(struct fake_kvm *fake, int fd)
{
	const struct fake_fd *entry = fd_find(fake, fd);

	return entry != NULL && entry->file->kind == FAKE_VM ? entry->file->vm : NULL;
}

void fake_kvm_label_fd(struct fake_kvm *fake, int fd, const char *label)
{
	struct fake_fd *entry;

	pthread_mutex_lock(&fake->lock);
	entry = fd_find(fake, fd);
	if (entry == NULL)
		fake_blame(fake, "descriptor %d, to be called %s, is not open", fd, label);
	else
		snprintf(entry->label, sizeof(entry->label), "%s", label);
	pthread_mutex_unlock(&fake->lock);
}

void fake_kvm_label_memory(struct fake_kvm *fake, void *address, size_t size, const char *label)
{
	pthread_mutex_lock(&fake->lock);
	fake_name_memory(fake, (uintptr_t)address, size, label);
	pthread_mutex_unlock(&fake->lock);
}

const char *fake_kvm_leftovers(struct fake_kvm *fake)
{
	struct fake_text *text = &fake->leftovers;

	pthread_mutex_lock(&fake->lock);
	text_reset(text);
	for (size_t i = 0; i < fake->fd_count; i++) {
		if (fake->fds[i].file == NULL)
			continue;
		text_add(text, "descriptor ");
		text_fd(fake, text, FAKE_FD_BASE + (int)i);
		text_add(text, "\n");
	}
	for (const struct fake_map *map = fake->maps; map != NULL; map = map->next) {
		text_add(text, "mapping of %s at ", map->file != NULL ? map->file->name : "anon");
		text_address(fake, text, map->start);
		text_add(text, " size=0x%llx\n", (unsigned long long)(map->end - map->start));
	}
	for (const struct fake_vm *vm = fake->vms; vm != NULL; vm = vm->next)
		text_add(text, "VM vm%u\n", vm->number);
	pthread_mutex_unlock(&fake->lock);
	return text_get(text);
}

unsigned fake_kvm_open_fds(struct fake_kvm *fake)
{
	unsigned open = 0;

	pthread_mutex_lock(&fake->lock);
	for (size_t i = 0; i < fake->fd_count; i++)
		open += fake->fds[i].file != NULL;
	pthread_mutex_unlock(&fake->lock);
	return open;
}

unsigned fake_kvm_live_vms(struct fake_kvm *fake)
{
	unsigned live;

	pthread_mutex_lock(&fake->lock);
	live = fake->vms_live;
	pthread_mutex_unlock(&fake->lock);
	return live;
}

unsigned fake_kvm_most_vms(struct fake_kvm *fake)
{
	unsigned most;

	pthread_mutex_lock(&fake->lock);
	most = fake->vms_most;
	pthread_mutex_unlock(&fake->lock);
	return most;
}
