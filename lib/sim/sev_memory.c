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

/* As far as one answer goes: to look at a page costs, and so does each range of the CPU's view. */
#define LONGEST_RUN (64 * (uint64_t)SIM_PAGE_SIZE)

enum page_flag {
	PAGE_ENCRYPTED = 1u << 0,
	PAGE_WRITABLE_SHARED = 1u << 1, /* a vCPU may have it mapped without key, and writable */
	PAGE_READ_SHARED = 1u << 2,     /* a vCPU has looked at it without key */
	PAGE_MOVED = 1u << 3,           /* see find_encrypted() */
	PAGE_AHEAD = 1u << 4, /* encrypted only because it is beside one that the guest wanted */
};

struct sim_sev_chunk {
	struct sim_sev_chunk *next;
	uint64_t base; /* host address */
	uint8_t *plain;
	uint8_t flags[CHUNK_PAGES];     /* enum page_flag */
	uint64_t checksum[CHUNK_PAGES]; /* of the host's bytes that `plain` belongs to */
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
	uint8_t *flags;
};

static int find_page(struct sim_sev_vm *sev, uint64_t address, struct page *page)
{
	page->chunk = get_chunk(sev, address);
	if (!page->chunk)
		return -ENOMEM;
	page->index = address % CHUNK_SIZE / SIM_PAGE_SIZE;
	page->address = address / SIM_PAGE_SIZE * SIM_PAGE_SIZE;
	page->plain = page->chunk->plain + page->index * SIM_PAGE_SIZE;
	page->flags = &page->chunk->flags[page->index];
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
	if (*page->flags & PAGE_ENCRYPTED && page->chunk->checksum[page->index] == checksum)
		return 0;
	memcpy(page->plain, bytes, sizeof(bytes));
	sim_cipher(sev->key, page->address, 0, page->plain, SIM_PAGE_SIZE);
	/* From now on a write without the key has to be seen. */
	if (*page->flags & PAGE_WRITABLE_SHARED)
		sev->vm->memory_epoch++;
	*page->flags &= (uint8_t) ~(PAGE_WRITABLE_SHARED | PAGE_MOVED);
	*page->flags |= PAGE_ENCRYPTED;
	page->chunk->checksum[page->index] = checksum;
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

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void fail(struct sim_memory *out, int error)
{
	out->backing = SIM_BACKING_ERROR;
	out->error = error;
}

/* Bytes from there on that are pinned. */
static uint64_t pinned_run(const struct sim_sev_vm *sev, uint64_t address)
{
	for (const struct sim_sev_region *region = sev->regions; region; region = region->next)
		if (address - region->address < region->size)
			return region->address + region->size - address;
	return 0;
}

/*
 * Pages after the first that the guest sees alike: with the key those too that it has not asked
 * for yet, but none that it shares.
 */
static bool join_encrypted(struct sim_sev_vm *sev, uint64_t address)
{
	struct page page;
	bool ahead;

	if (find_page(sev, address, &page) || *page.flags & (PAGE_WRITABLE_SHARED | PAGE_MOVED))
		return false;
	ahead = !(*page.flags & PAGE_ENCRYPTED);
	if (get_encrypted(sev, address, &page))
		return false;
	if (ahead)
		*page.flags |= PAGE_AHEAD;
	return true;
}

/*
 * A page that is not pinned may be moved by the kernel at any time, and at its new place the
 * ciphertext decrypts to something else. Here that happens always, and at once.
 */
static void find_encrypted(struct sim_vcpu *vcpu, uint64_t address, uint64_t limit,
			   struct sim_memory *out)
{
	struct sim_sev_vm *sev = sim_sev_vm(vcpu->vm);
	const uint64_t pinned = pinned_run(sev, address);
	struct page page;
	int r = find_page(sev, address, &page);

	/* A probe is of what was just looked at. */
	if (!r && !(vcpu->probing && *page.flags & PAGE_ENCRYPTED))
		r = get_encrypted(sev, address, &page);
	if (r) {
		fail(out, r);
		return;
	}
	if (!pinned && !(*page.flags & PAGE_MOVED)) {
		sim_cipher(~sev->key, page.address, 0, page.plain, SIM_PAGE_SIZE);
		*page.flags |= PAGE_MOVED;
	}
	*page.flags &= (uint8_t)~PAGE_AHEAD;
	out->backing = SIM_BACKING_RAM;
	out->host = page.plain + address % SIM_PAGE_SIZE;
	/* Plaintext is contiguous within its chunk. */
	limit = smaller(smaller(limit, LONGEST_RUN),
			smaller(pinned, CHUNK_SIZE - address % CHUNK_SIZE));
	while (vcpu->wants_run && out->size + SIM_PAGE_SIZE <= limit &&
	       join_encrypted(sev, address + out->size))
		out->size += SIM_PAGE_SIZE;
}

static bool is_readable(uint64_t address)
{
	uint8_t byte;

	return sim_copy_in(&byte, address, sizeof(byte)) == 0;
}

static bool join_shared(struct sim_sev_vm *sev, uint64_t address, bool writable)
{
	struct page page;

	if (find_page(sev, address, &page) || !is_readable(address) ||
	    ((*page.flags & PAGE_WRITABLE_SHARED) != 0) != writable)
		return false;
	*page.flags |= PAGE_READ_SHARED;
	return true;
}

/* Without the key: readable, and writable from the moment on when the page is no longer the
 * guest's. */
static void find_shared(struct sim_vcpu *vcpu, uint64_t address, uint64_t limit,
			enum sim_access access, struct sim_memory *out)
{
	struct sim_sev_vm *sev = sim_sev_vm(vcpu->vm);
	struct page page;
	int r = find_page(sev, address, &page);

	if (!r && !is_readable(address))
		r = -EFAULT;
	if (r) {
		fail(out, r);
		return;
	}
	out->backing = SIM_BACKING_RAM;
	out->host = (uint8_t *)(uintptr_t)address;
	if (access == SIM_WRITE && *page.flags & PAGE_ENCRYPTED) {
		*page.flags &= (uint8_t) ~(PAGE_ENCRYPTED | PAGE_AHEAD);
		sev->vm->memory_epoch++;
	}
	if (access == SIM_WRITE && out->writable)
		*page.flags |= PAGE_WRITABLE_SHARED;
	out->writable = *page.flags & PAGE_WRITABLE_SHARED;
	*page.flags |= PAGE_READ_SHARED;
	limit = smaller(limit, LONGEST_RUN);
	while (vcpu->wants_run && out->size + SIM_PAGE_SIZE <= limit &&
	       join_shared(sev, address + out->size, out->writable))
		out->size += SIM_PAGE_SIZE;
}

void sim_sev_find_memory(struct sim_vcpu *vcpu, uint64_t gpa, bool private, enum sim_access access,
			 struct sim_memory *out)
{
	struct sim_slot *slot = sim_slot_find(vcpu->vm, gpa);
	uint64_t address, limit;

	*out = (struct sim_memory){0};
	if (!slot || (access == SIM_WRITE && (slot->flags & KVM_MEM_READONLY))) {
		out->backing = SIM_BACKING_MMIO;
		return;
	}
	address = (uintptr_t)slot->host + (gpa - slot->gpa);
	limit = slot->size - (gpa - slot->gpa);
	out->size = SIM_PAGE_SIZE - gpa % SIM_PAGE_SIZE;
	out->writable = !(slot->flags & KVM_MEM_READONLY);
	/* APM volume 2, 15.34.5: instructions are always fetched with the key. */
	if (private || access == SIM_FETCH)
		find_encrypted(vcpu, address, limit, out);
	else
		find_shared(vcpu, address, limit, access, out);
}

bool sim_sev_is_hidden(const struct sim_vm *vm, uint64_t gpa)
{
	const struct sim_slot *slot = sim_slot_find(vm, gpa);
	const struct sim_sev_chunk *chunk;
	uint64_t address;
	uint8_t flags;

	if (!slot)
		return false;
	address = (uintptr_t)slot->host + (gpa - slot->gpa);
	chunk = find_chunk(sim_sev_vm(vm), address);
	if (!chunk)
		return false;
	flags = chunk->flags[address % CHUNK_SIZE / SIM_PAGE_SIZE];
	return flags & PAGE_ENCRYPTED && !(flags & PAGE_AHEAD && flags & PAGE_READ_SHARED);
}
