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

/* Noise enough to be none of the plaintext, and quick: whole guests go through it. */
static uint64_t stream(uint64_t seed, uint64_t number)
{
	uint64_t value = (seed + number) * 0xbf58476d1ce4e5b9ull;

	return value ^ value >> 31;
}

void sim_cipher(uint64_t key, uint64_t place, size_t offset, uint8_t *bytes, size_t size)
{
	uint64_t seed = mix(key ^ mix(place)), word;

	for (; size > 0 && offset % sizeof(word); offset++, size--)
		*bytes++ ^= (uint8_t)(stream(seed, offset / sizeof(word)) >>
				      8 * (offset % sizeof(word)));
	for (; size >= sizeof(word); offset += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		word ^= stream(seed, offset / sizeof(word));
		memcpy(bytes, &word, sizeof(word));
		bytes += sizeof(word);
	}
	for (; size > 0; offset++, size--)
		*bytes++ ^= (uint8_t)(stream(seed, offset / sizeof(word)) >>
				      8 * (offset % sizeof(word)));
}

uint64_t sim_page_checksum(const uint8_t page[4096])
{
	/* Several at a time, for none waits for the one before it then. */
	uint64_t sums[4] = {1, 2, 3, 4}, word;

	for (size_t i = 0; i < 4096; i += sizeof(sums))
		for (size_t lane = 0; lane < 4; lane++) {
			memcpy(&word, page + i + lane * sizeof(word), sizeof(word));
			word = (sums[lane] ^ word) * 0x9e3779b97f4a7c15ull;
			sums[lane] = word ^ word >> 29;
		}
	return mix(sums[0] ^ mix(sums[1] ^ mix(sums[2] ^ mix(sums[3]))));
}
