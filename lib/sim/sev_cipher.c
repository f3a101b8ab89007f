/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/sev_cipher.h"

#include <string.h>

/* The finalizer of splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
 * generators"). */
static uint64_t mix(uint64_t value)
{
	value += 0x9e3779b97f4a7c15ull;
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
	value = (value ^ value >> 27) * 0x94d049bb133111ebull;
	return value ^ value >> 31;
}

void sim_cipher(uint64_t key, uint64_t place, size_t offset, uint8_t *bytes, size_t size)
{
	uint64_t seed = mix(key ^ mix(place)), word;

	while (size) {
		size_t at = offset % sizeof(word);
		size_t count = sizeof(word) - at < size ? sizeof(word) - at : size;
		uint64_t stream = mix(seed ^ offset / sizeof(word)) >> 8 * at;

		word = 0;
		memcpy(&word, bytes, count);
		word ^= stream;
		memcpy(bytes, &word, count);
		bytes += count;
		offset += count;
		size -= count;
	}
}

uint64_t sim_page_checksum(const uint8_t page[4096])
{
	uint64_t sum = 0, word;

	for (size_t i = 0; i < 4096; i += sizeof(word)) {
		memcpy(&word, page + i, sizeof(word));
		sum = mix(sum ^ word);
	}
	return sum;
}
