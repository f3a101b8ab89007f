/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The secret that each life leaves all over its memory and that the next one
 * must not find: a pattern of 32 bytes, then the number of the incarnation.
 * Secrets are aligned to 64 bytes, so only every 64th byte is looked at.
 */
#include "tinyfw.h"

#define SECRET_WORDS 4
#define SECRET_ALIGN 64
#define SECRET_EVERY (256 * KIB)

/*
 * The pattern is the XOR of the two. It is neither in the image nor, the work
 * area being left out, in memory that is searched, but where it was written.
 */
static const uint64_t mask[SECRET_WORDS] = {0x9d3c61f0a5b2874e, 0x17e8d24b6f90c3a5,
					    0xc2057be98d41f63a, 0x5ab96e1308f7d42c};
static const uint64_t masked[SECRET_WORDS] = {0x3e81f75d02c96ab4, 0xd86a0f93b1e4275c,
					      0x6719c8a24efd53b0, 0x84f2350edb9c6177};

static bool written;

static uint64_t pattern(unsigned word)
{
	uint64_t value = mask[word];

	/* Or the compiler would have the XOR done and in the image. */
	__asm__("" : "+r"(value));
	return value ^ masked[word];
}

/* After this life has written its own, only secrets of other lives are old. */
static bool is_old_secret(const volatile uint64_t *place)
{
	for (unsigned i = 1; i < SECRET_WORDS; i++)
		if (place[i] != pattern(i))
			return false;
	return !written || place[SECRET_WORDS] != machine.incarnation;
}

/* `view`: what is added to addresses. */
static const volatile uint64_t *find_old_secret(uint64_t view)
{
	const uint64_t first = pattern(0);

	for (uint64_t at = (uintptr_t)own_memory_end; at < machine.search_end; at += SECRET_ALIGN) {
		const volatile uint64_t *place = word_at(at + view);

		if (*place == first && is_old_secret(place))
			return place;
	}
	return NULL;
}

static bool reported(const char *where, uint64_t view)
{
	const volatile uint64_t *found = find_old_secret(view);

	if (!found)
		return false;
	print("tinyfw: old secret found%s: yes at 0x%lx, of incarnation %lu\n", where,
	      (uint64_t)(uintptr_t)found - view, found[SECRET_WORDS]);
	check_failed();
	return true;
}

void secret_search_shared(void)
{
	if (!reported(" in shared memory", shared_view(0)))
		print("tinyfw: old secret found in shared memory: no\n");
}

void secret_search(void)
{
	if (!reported("", 0))
		print("tinyfw: old secret found: no (%lu MiB searched)\n",
		      machine.search_end / MIB);
}

/* Offsets vary from place to place and are never at the start of a page, where
 * `touch` writes. */
void secret_write(void)
{
	uint64_t places = 0;

	for (uint64_t block = (uintptr_t)own_memory_end; block + SECRET_EVERY <= machine.search_end;
	     block += SECRET_EVERY) {
		uint64_t offset = (places * 0x13580) % SECRET_EVERY | SECRET_ALIGN;
		volatile uint64_t *place = word_at(block + offset);

		for (unsigned i = 0; i < SECRET_WORDS; i++)
			place[i] = pattern(i);
		place[SECRET_WORDS] = machine.incarnation;
		places++;
	}
	written = true;
	print("tinyfw: new secret written: %lu places\n", places);
}
