/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "offer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "memory_map.h"

static bool fail(struct vm *vm, const char *what)
{
	char text[256];

	snprintf(text, sizeof(text), "%s %s: %s", what, vm->options->offer, strerror(errno));
	report_problem(vm->report, text, NULL);
	return false;
}

/* The whole file into zeroed memory, and its size. */
static bool read_offer(struct vm *vm, FILE *file)
{
	struct offer *offer = &vm->offer;

	offer->mapping =
		mmap(NULL, OFFER_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (offer->mapping == MAP_FAILED) {
		offer->mapping = NULL;
		return fail(vm, "map memory for");
	}
	offer->size = fread(offer->mapping, 1, OFFER_MAX, file);
	if (ferror(file))
		return fail(vm, "read");
	errno = offer->size == OFFER_MAX ? EFBIG : EINVAL;
	return offer->size > 0 && offer->size < OFFER_MAX ? true : fail(vm, "offer");
}

bool offer_add(struct vm *vm)
{
	struct coco_memory memory;
	struct coco_error error;
	bool ok;

	if (!vm->options->offer)
		return true;
	FILE *file = fopen(vm->options->offer, "rbe");
	if (!file)
		return fail(vm, "open");
	ok = read_offer(vm, file);
	fclose(file);
	if (!ok)
		return false;
	COCO_INIT(&memory);
	memory.gpa = OFFER_BASE;
	memory.size = OFFER_MAX;
	memory.host = vm->offer.mapping;
	memory.flags = COCO_MEMORY_KEEP | COCO_MEMORY_ANONYMOUS;
	if (coco_guest_add_memory(vm->guest, &memory, &error)) {
		report_problem(vm->report, "add memory for --offer", &error);
		return false;
	}
	return true;
}

void offer_release(struct vm *vm)
{
	if (vm->offer.mapping)
		munmap(vm->offer.mapping, OFFER_MAX);
	vm->offer.mapping = NULL;
}
