/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory of SEV and SEV-ES guests: the VMM's own, encrypted in place. What the guest sees through
 * its key is kept beside it, in chunks by host address; for each page of them this holds: what the
 * guest has is what the host's bytes decrypt to. It is made so when a page is first looked at and
 * whenever the host's bytes have changed since; so a page that was never launched, or that another
 * key encrypted, is noise.
 *
 * Between looks the guest writes to its plaintext alone, and the ciphertext in host memory is out
 * of date: nobody but the guest can tell. A page that the guest writes to without its key is the
 * host's again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/sev.h"
#include "sim/sev_cipher.h"

#define CHUNK_SIZE  (2ull << 20)
#define CHUNK_PAGES (CHUNK_SIZE / SIM_PAGE_SIZE)

struct sim_sev_chunk {
	struct sim_sev_chunk *next;
	uint64_t base; /* host address */
	uint8_t *plain;
	bool encrypted[CHUNK_PAGES];
	bool written_shared[CHUNK_PAGES]; /* a vCPU may have it mapped without key, and writable */
	bool moved[CHUNK_PAGES];          /* see find_encrypted() */
	uint64_t checksum[CHUNK_PAGES];   /* of the host's bytes that `plain` belongs to */
};

static struct sim_sev_chunk *make_chunk(uint64_t base)
{
	struct sim_sev_chunk *chunk = calloc(1, sizeof(*chunk));
	void *plain;

	if (!chunk)
		return NULL;
	plain = mmap(NULL, CHUNK_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (plain == MAP_FAILED) {
		free(chunk);
		return NULL;
	}
	chunk->base = base;
	chunk->plain = plain;
	return chunk;
}

static struct sim_sev_chunk *find_chunk(const struct sim_sev_vm *sev, uint64_t address)
{
	uint64_t number = address / CHUNK_SIZE;
	struct sim_sev_chunk *chunk = sev->chunks[number % SIM_SEV_CHUNK_BUCKETS];

	while (chunk && chunk->base != number * CHUNK_SIZE)
		chunk = chunk->next;
	return chunk;
}

static struct sim_sev_chunk *get_chunk(struct sim_sev_vm *sev, uint64_t address)
{
	uint64_t number = address / CHUNK_SIZE;
	struct sim_sev_chunk **bucket = &sev->chunks[number % SIM_SEV_CHUNK_BUCKETS];
	struct sim_sev_chunk *chunk = find_chunk(sev, address);

	if (chunk)
		return chunk;
	chunk = make_chunk(number * CHUNK_SIZE);
	if (chunk) {
		chunk->next = *bucket;
		*bucket = chunk;
	}
	return chunk;
}

void sim_sev_free_chunks(struct sim_sev_vm *sev)
{
	for (size_t i = 0; i < SIM_SEV_CHUNK_BUCKETS; i++)
		while (sev->chunks[i]) {
			struct sim_sev_chunk *chunk = sev->chunks[i];

			sev->chunks[i] = chunk->next;
			munmap(chunk->plain, CHUNK_SIZE);
			free(chunk);
		}
}

struct page {
	struct sim_sev_chunk *chunk;
	size_t index;
	uint64_t address; /* of the page, in host memory */
	uint8_t *plain;
};

static int find_page(struct sim_sev_vm *sev, uint64_t address, struct page *page)
{
	page->chunk = get_chunk(sev, address);
	if (!page->chunk)
		return -ENOMEM;
	page->index = address % CHUNK_SIZE / SIM_PAGE_SIZE;
	page->address = address / SIM_PAGE_SIZE * SIM_PAGE_SIZE;
	page->plain = page->chunk->plain + page->index * SIM_PAGE_SIZE;
	return 0;
}

/* The page as the guest's key has it; what is promised at the top holds when it returns. */
static int get_encrypted(struct sim_sev_vm *sev, uint64_t address, struct page *page)
{
	uint8_t bytes[SIM_PAGE_SIZE];
	uint64_t checksum;
	int r = find_page(sev, address, page);

	if (!r)
		r = sim_copy_in(bytes, page->address, sizeof(bytes));
	if (r)
		return r;
	checksum = sim_page_checksum(bytes);
	if (page->chunk->encrypted[page->index] && page->chunk->checksum[page->index] == checksum)
		return 0;
	memcpy(page->plain, bytes, sizeof(bytes));
	sim_cipher(sev->key, page->address, 0, page->plain, SIM_PAGE_SIZE);
	page->chunk->encrypted[page->index] = true;
	page->chunk->moved[page->index] = false;
	page->chunk->checksum[page->index] = checksum;
	/* From now on a write without the key has to be seen. */
	if (page->chunk->written_shared[page->index]) {
		page->chunk->written_shared[page->index] = false;
		sev->vm->memory_epoch++;
	}
	return 0;
}

/* The guest's bytes in that range of a page are new: so is their ciphertext. */
static int put_ciphertext(struct sim_sev_vm *sev, struct page *page, uint64_t offset, uint64_t size)
{
	uint8_t bytes[SIM_PAGE_SIZE];
	int r;

	memcpy(bytes, page->plain + offset, size);
	sim_cipher(sev->key, page->address, offset, bytes, size);
	r = sim_copy_out(page->address + offset, bytes, size);
	if (!r)
		r = sim_copy_in(bytes, page->address, sizeof(bytes));
	if (!r)
		page->chunk->checksum[page->index] = sim_page_checksum(bytes);
	return r;
}

/* Calls for each page's part of a range. */
static int each_page(struct sim_sev_vm *sev, uint64_t address, uint64_t size, uint8_t *buffer,
		     int (*part)(struct sim_sev_vm *sev, uint64_t address, uint64_t size,
				 uint8_t *buffer))
{
	int r = 0;

	while (size && !r) {
		uint64_t in_page = SIM_PAGE_SIZE - address % SIM_PAGE_SIZE;
		uint64_t now = size < in_page ? size : in_page;

		r = part(sev, address, now, buffer);
		address += now;
		size -= now;
		buffer += now;
	}
	return r;
}

static int read_part(struct sim_sev_vm *sev, uint64_t address, uint64_t size, uint8_t *buffer)
{
	struct page page;
	int r = get_encrypted(sev, address, &page);

	if (!r)
		memcpy(buffer, page.plain + address % SIM_PAGE_SIZE, size);
	return r;
}

int sim_sev_read_plain(struct sim_sev_vm *sev, uint64_t address, void *out, uint64_t size)
{
	return each_page(sev, address, size, out, read_part);
}

static int write_part(struct sim_sev_vm *sev, uint64_t address, uint64_t size, uint8_t *buffer)
{
	uint64_t offset = address % SIM_PAGE_SIZE;
	struct page page;
	int r = get_encrypted(sev, address, &page);

	if (r)
		return r;
	memcpy(page.plain + offset, buffer, size);
	return put_ciphertext(sev, &page, offset, size);
}

int sim_sev_write_plain(struct sim_sev_vm *sev, uint64_t address, const void *in, uint64_t size)
{
	union {
		const void *in;
		uint8_t *buffer; /* only read by write_part() */
	} source = {.in = in};

	return each_page(sev, address, size, source.buffer, write_part);
}

/* --- what the guest's CPU sees */

static void fail(struct sim_memory *out, int error)
{
	out->backing = SIM_BACKING_ERROR;
	out->error = error;
}

static bool is_pinned(const struct sim_sev_vm *sev, uint64_t address)
{
	for (const struct sim_sev_region *region = sev->regions; region; region = region->next)
		if (address - region->address < region->size)
			return true;
	return false;
}

/*
 * A page that is not pinned may be moved by the kernel at any time, and at its new place the
 * ciphertext decrypts to something else. Here that happens always, and at once.
 */
static void find_encrypted(struct sim_sev_vm *sev, uint64_t address, struct sim_memory *out)
{
	struct page page;
	int r = get_encrypted(sev, address, &page);

	if (r) {
		fail(out, r);
		return;
	}
	if (!is_pinned(sev, address) && !page.chunk->moved[page.index]) {
		sim_cipher(~sev->key, page.address, 0, page.plain, SIM_PAGE_SIZE);
		page.chunk->moved[page.index] = true;
	}
	out->backing = SIM_BACKING_RAM;
	out->host = page.plain + address % SIM_PAGE_SIZE;
}

/* Without the key: readable, and writable from the moment on when the page is no longer the
 * guest's. */
static void find_shared(struct sim_sev_vm *sev, uint64_t address, enum sim_access access,
			struct sim_memory *out)
{
	struct page page;
	uint8_t byte;
	int r = find_page(sev, address, &page);

	if (!r)
		r = sim_copy_in(&byte, address, sizeof(byte));
	if (r) {
		fail(out, r);
		return;
	}
	out->backing = SIM_BACKING_RAM;
	out->host = (uint8_t *)(uintptr_t)address;
	if (page.chunk->encrypted[page.index] && access == SIM_WRITE) {
		page.chunk->encrypted[page.index] = false;
		sev->vm->memory_epoch++;
	}
	if (page.chunk->encrypted[page.index])
		out->writable = false;
	else
		page.chunk->written_shared[page.index] = out->writable;
}

void sim_sev_find_memory(struct sim_vcpu *vcpu, uint64_t gpa, bool private, enum sim_access access,
			 struct sim_memory *out)
{
	struct sim_sev_vm *sev = sim_sev_vm(vcpu->vm);
	struct sim_slot *slot = sim_slot_find(vcpu->vm, gpa);
	uint64_t address;

	*out = (struct sim_memory){0};
	if (!slot || (access == SIM_WRITE && (slot->flags & KVM_MEM_READONLY))) {
		out->backing = SIM_BACKING_MMIO;
		return;
	}
	address = (uintptr_t)slot->host + (gpa - slot->gpa);
	out->size = SIM_PAGE_SIZE - gpa % SIM_PAGE_SIZE;
	out->writable = !(slot->flags & KVM_MEM_READONLY);
	/* APM volume 2, 15.34.5: instructions are always fetched with the key. */
	if (private || access == SIM_FETCH)
		find_encrypted(sev, address, out);
	else
		find_shared(sev, address, access, out);
}

bool sim_sev_is_hidden(const struct sim_vm *vm, uint64_t gpa)
{
	const struct sim_slot *slot = sim_slot_find(vm, gpa);
	const struct sim_sev_chunk *chunk;
	uint64_t address;

	if (!slot)
		return false;
	address = (uintptr_t)slot->host + (gpa - slot->gpa);
	chunk = find_chunk(sim_sev_vm(vm), address);
	return chunk && chunk->encrypted[address % CHUNK_SIZE / SIM_PAGE_SIZE];
}
