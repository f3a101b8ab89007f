/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What translated blocks of code looked like when they ran last. */
#include <stdlib.h>
#include <string.h>

#include "sim/cpu_internal.h"

#define FIRST_SIZE 512u

/* An odd number with bits all over: 2^64 divided by the golden ratio. */
#define MULTIPLIER 0x9e3779b97f4a7c15ull

uint64_t sim_block_sum(uint64_t sum, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		const size_t part = size < 8 ? size : 8;
		uint64_t word = 0;

		memcpy(&word, bytes, part);
		sum = (sum ^ word) * MULTIPLIER;
		sum ^= sum >> 29;
		bytes += part;
		size -= part;
	}
	return sum;
}

static struct sim_block *slot_of(const struct sim_blocks *blocks, uint64_t linear)
{
	uint64_t at = linear * MULTIPLIER >> 32;

	for (;; at++) {
		struct sim_block *block = &blocks->table[at & (blocks->size - 1)];

		if (!block->used || block->linear == linear)
			return block;
	}
}

static bool grow(struct sim_blocks *blocks)
{
	struct sim_blocks larger = {.size = blocks->size ? blocks->size * 2 : FIRST_SIZE};

	larger.table = calloc(larger.size, sizeof(*larger.table));
	if (!larger.table)
		return false;
	for (uint32_t i = 0; i < blocks->size; i++)
		if (blocks->table[i].used)
			*slot_of(&larger, blocks->table[i].linear) = blocks->table[i];
	larger.count = blocks->count;
	free(blocks->table);
	*blocks = larger;
	return true;
}

bool sim_blocks_same(struct sim_blocks *blocks, uint64_t linear, uint64_t sum)
{
	struct sim_block *block;
	bool same;

	if (blocks->count >= blocks->size / 2 && !grow(blocks) && blocks->count + 1 >= blocks->size)
		return true;
	block = slot_of(blocks, linear);
	same = !block->used || block->sum == sum;
	blocks->count += !block->used;
	*block = (struct sim_block){.linear = linear, .sum = sum, .used = true};
	return same;
}

void sim_blocks_free(struct sim_blocks *blocks)
{
	free(blocks->table);
	*blocks = (struct sim_blocks){0};
}
