/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/page_map.h"

#include <errno.h>
#include <stdlib.h>

#define BITS 64

int coco_page_map_init(struct coco_page_map *map, uint64_t pages)
{
	size_t words = (size_t)((pages + BITS - 1) / BITS);

	/* calloc takes large zeroed blocks from the kernel: untouched parts stay unpopulated. */
	map->private_bits = calloc(words, sizeof(*map->private_bits));
	map->decided_bits = calloc(words, sizeof(*map->decided_bits));
	map->pages = pages;
	if (!map->private_bits || !map->decided_bits) {
		coco_page_map_destroy(map);
		return -ENOMEM;
	}
	return 0;
}

void coco_page_map_destroy(struct coco_page_map *map)
{
	free(map->private_bits);
	free(map->decided_bits);
	map->private_bits = NULL;
	map->decided_bits = NULL;
	map->pages = 0;
}

static bool test(const uint64_t *bits, uint64_t page)
{
	return bits[page / BITS] >> (page % BITS) & 1;
}

/* The bits of [first, end) that lie in first's word. */
static uint64_t word_mask(uint64_t first, uint64_t end)
{
	uint64_t mask = UINT64_MAX << (first % BITS);

	if (end / BITS == first / BITS)
		mask &= ~(UINT64_MAX << (end % BITS));
	return mask;
}

static uint64_t next_word(uint64_t page)
{
	return (page / BITS + 1) * BITS;
}

static void assign(uint64_t *bits, uint64_t first, uint64_t end, bool value)
{
	for (uint64_t page = first; page < end; page = next_word(page)) {
		uint64_t mask = word_mask(page, end);

		if (value)
			bits[page / BITS] |= mask;
		else
			bits[page / BITS] &= ~mask;
	}
}

static uint64_t find(const uint64_t *bits, uint64_t first, uint64_t end, bool value)
{
	for (uint64_t page = first; page < end; page = next_word(page)) {
		uint64_t word = bits[page / BITS];
		uint64_t hits = (value ? word : ~word) & word_mask(page, end);

		if (hits)
			return page / BITS * BITS + (uint64_t)__builtin_ctzll(hits);
	}
	return end;
}

bool coco_page_map_private(const struct coco_page_map *map, uint64_t page)
{
	return test(map->private_bits, page);
}

void coco_page_map_set(struct coco_page_map *map, uint64_t first, uint64_t end, bool to_private)
{
	assign(map->private_bits, first, end, to_private);
	assign(map->decided_bits, first, end, true);
}

uint64_t coco_page_map_find(const struct coco_page_map *map, uint64_t first, uint64_t end,
			    bool is_private)
{
	return find(map->private_bits, first, end, is_private);
}

uint64_t coco_page_map_find_decided(const struct coco_page_map *map, uint64_t first, uint64_t end)
{
	return find(map->decided_bits, first, end, true);
}
