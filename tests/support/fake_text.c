/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include "fake_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void text_vadd(struct fake_text *text, const char *format, va_list args)
{
	va_list copy;
	int length;

	va_copy(copy, args);
	length = vsnprintf(NULL, 0, format, copy);
	va_end(copy);
	if (length < 0)
		abort();
	if (text->length + (size_t)length + 1 > text->room) {
		text->room = 2 * (text->length + (size_t)length + 1);
		text->bytes = realloc(text->bytes, text->room);
		if (text->bytes == NULL)
			abort();
	}
	vsnprintf(text->bytes + text->length, (size_t)length + 1, format, args);
	text->length += (size_t)length;
}

void text_add(struct fake_text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vadd(text, format, args);
	va_end(args);
}

void text_reset(struct fake_text *text)
{
	text->length = 0;
	if (text->bytes != NULL)
		text->bytes[0] = '\0';
}

void text_free(struct fake_text *text)
{
	free(text->bytes);
	memset(text, 0, sizeof(*text));
}

const char *text_get(struct fake_text *text)
{
	return text->bytes != NULL ? text->bytes : "";
}

void fake_blame(struct fake_kvm *fake, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vadd(&fake->faults, format, args);
	va_end(args);
	text_add(&fake->faults, "\n");
}

void fake_event(struct fake_kvm *fake, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vadd(&fake->events, format, args);
	va_end(args);
	text_add(&fake->events, "\n");
}

/* The name that begins nearest below the address: the latest made of those that contain it. */
static const struct fake_name *find_name(const struct fake_kvm *fake, uintptr_t address)
{
	const struct fake_name *best = NULL;

	for (const struct fake_name *name = fake->names; name != NULL; name = name->next)
		if (address >= name->start && address < name->end &&
		    (best == NULL || name->start > best->start))
			best = name;
	return best;
}

void text_address(struct fake_kvm *fake, struct fake_text *text, uintptr_t address)
{
	const struct fake_name *name = find_name(fake, address);

	if (address == 0)
		text_add(text, "0");
	else if (name == NULL)
		text_add(text, "elsewhere");
	else if (address == name->start)
		text_add(text, "%s", name->text);
	else
		text_add(text, "%s+0x%llx", name->text,
			 (unsigned long long)(address - name->start));
}

void text_fd(struct fake_kvm *fake, struct fake_text *text, int fd)
{
	const struct fake_fd *entry = fd_find(fake, fd);

	if (entry == NULL) {
		text_add(text, "fd?%d", fd);
		return;
	}
	text_add(text, "%s", entry->file->name);
	if (entry->label[0] != '\0')
		text_add(text, "@%s", entry->label);
}

void text_protection(struct fake_text *text, int protection, int flags)
{
	static const struct {
		int flag;
		const char *name;
	} names[] = {{MAP_NORESERVE, "noreserve"},
		     {MAP_FIXED, "fixed"},
		     {MAP_POPULATE, "populate"},
		     {MAP_HUGETLB, "hugetlb"}};

	text_add(text, " %s%s%s", protection == PROT_NONE ? "none" : "",
		 (protection & PROT_READ) != 0 ? "r" : "",
		 (protection & PROT_WRITE) != 0 ? "w" : "");
	text_add(text, " %s", (flags & MAP_TYPE) == MAP_PRIVATE ? "private" : "shared");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((flags & names[i].flag) != 0)
			text_add(text, ",%s", names[i].name);
}

void fake_name_memory(struct fake_kvm *fake, uintptr_t start, size_t size, const char *text)
{
	struct fake_name *name = calloc(1, sizeof(*name));

	if (name == NULL)
		abort();
	name->start = start;
	name->end = start + size;
	if (text != NULL)
		snprintf(name->text, sizeof(name->text), "%s", text);
	else
		snprintf(name->text, sizeof(name->text), "map%u", ++fake->maps_named);
	name->next = fake->names;
	fake->names = name;
}

void fake_forget_memory(struct fake_kvm *fake, uintptr_t start, uintptr_t end)
{
	struct fake_name **at = &fake->names;

	while (*at != NULL) {
		struct fake_name *name = *at;

		if (name->start >= start && name->end <= end) {
			*at = name->next;
			free(name);
		} else {
			at = &name->next;
		}
	}
}

const char *fake_kvm_transcript(struct fake_kvm *fake)
{
	const char *text;

	pthread_mutex_lock(&fake->lock);
	text = text_get(&fake->transcript);
	pthread_mutex_unlock(&fake->lock);
	return text;
}

void fake_kvm_transcript_clear(struct fake_kvm *fake)
{
	pthread_mutex_lock(&fake->lock);
	text_reset(&fake->transcript);
	pthread_mutex_unlock(&fake->lock);
}

void fake_kvm_show_queries(struct fake_kvm *fake, bool show)
{
	pthread_mutex_lock(&fake->lock);
	fake->show_queries = show;
	pthread_mutex_unlock(&fake->lock);
}

void fake_kvm_stop_transcript(struct fake_kvm *fake)
{
	pthread_mutex_lock(&fake->lock);
	fake->silent = true;
	pthread_mutex_unlock(&fake->lock);
}

const char *fake_kvm_faults(struct fake_kvm *fake)
{
	const char *text;

	pthread_mutex_lock(&fake->lock);
	text = text_get(&fake->faults);
	pthread_mutex_unlock(&fake->lock);
	return text;
}
