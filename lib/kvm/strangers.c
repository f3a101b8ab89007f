/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE /* dirfd */

#include "kvm/strangers.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct list {
	struct coco_seam *seam;
	char *text;
	size_t size;
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void append(struct list *list, const char *format, ...)
{
	va_list arguments;
	int length;

	if (list->used >= list->size)
		return;
	va_start(arguments, format);
	length = vsnprintf(list->text + list->used, list->size - list->used, format, arguments);
	va_end(arguments);
	list->used += length > 0 ? (size_t)length : 0;
}

/* "anon_inode:kvm-vcpu:3" and "anon_inode:[kvm-gmem]" without what is around the name. */
static const char *kvm_name(const char *path, int *length)
{
	const char *name = strstr(path, "kvm-");

	if (strncmp(path, "anon_inode:", sizeof("anon_inode:") - 1) != 0 && *path != '/')
		return NULL;
	if (name)
		*length = (int)strcspn(name, "]\n");
	return name;
}

static bool in_ledger(struct coco_seam *seam, int fd, uintptr_t address)
{
	bool found = false;

	pthread_mutex_lock(&seam->ledger.lock);
	for (const struct coco_kvm_object *o = seam->ledger.first; o && !found; o = o->next)
		found = fd >= 0 ? o->fd == fd || o->number == fd
				: o->address && (uintptr_t)o->address == address;
	pthread_mutex_unlock(&seam->ledger.lock);
	return found;
}

static void list_descriptors(struct list *list)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		const int fd = atoi(entry->d_name);
		const char *name;
		char path[64];
		ssize_t size;
		int length;

		size = readlinkat(dirfd(folder), entry->d_name, path, sizeof(path) - 1);
		if (size <= 0)
			continue;
		path[size] = '\0';
		name = kvm_name(path, &length);
		if (name && !in_ledger(list->seam, fd, 0))
			append(list, "%sfd %d (%.*s)", list->used ? ", " : "", fd, length, name);
	}
	if (folder)
		closedir(folder);
}

static void list_mappings(struct list *list)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char *line = NULL;
	size_t room = 0;

	while (maps && getline(&line, &room, maps) > 0) {
		const uintptr_t address = strtoull(line, NULL, 16);
		const char *path = strstr(line, "anon_inode:");
		const char *name;
		int length;

		name = path ? kvm_name(path, &length) : NULL;
		if (name && !in_ledger(list->seam, -1, address))
			append(list, "%smapping at 0x%" PRIxPTR " (%.*s)", list->used ? ", " : "",
			       address, length, name);
	}
	free(line);
	if (maps)
		fclose(maps);
}

void coco_strangers_describe(struct coco_seam *seam, char *text, size_t size)
{
	struct list list = {.seam = seam, .text = text, .size = size};

	*text = '\0';
	list_descriptors(&list);
	list_mappings(&list);
}
