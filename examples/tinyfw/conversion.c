/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Conversions do what they should, and bad requests for them nothing. */
#include "tinyfw.h"

#define PRIVATE_PATTERN 0x7072697661746521ull
#define SHARED_PATTERN  0x7368617265642121ull

#define FIRST ((volatile uint64_t *)conversion_pages)
#define END   ((volatile uint64_t *)conversion_pages_end)
#define START ((uintptr_t)conversion_pages)

static int64_t convert_all(uint64_t attributes)
{
	return map_gpa_range(START, (uint64_t)(conversion_pages_end - conversion_pages) / PAGE,
			     attributes);
}

static void fill(uint64_t pattern)
{
	for (volatile uint64_t *word = FIRST; word < END; word++)
		*word = pattern;
}

static bool all_are(uint64_t pattern)
{
	for (volatile uint64_t *word = FIRST; word < END; word++)
		if (*word != pattern)
			return false;
	return true;
}

static bool any_is(uint64_t pattern)
{
	for (volatile uint64_t *word = FIRST; word < END; word++)
		if (*word == pattern)
			return true;
	return false;
}

/* The pages go from private to shared and back. Answers what went wrong. */
static const char *round_trip(void)
{
	if (convert_all(MAP_GPA_PRIVATE) != 0)
		return "no conversion to private";
	fill(PRIVATE_PATTERN);
	if (!all_are(PRIVATE_PATTERN))
		return "private memory does not keep what is written";
	if (convert_all(MAP_GPA_SHARED) != 0)
		return "no conversion to shared";
	if (any_is(PRIVATE_PATTERN))
		return "private data is seen in shared memory";
	fill(SHARED_PATTERN);
	if (!all_are(SHARED_PATTERN))
		return "shared memory does not keep what is written";
	if (convert_all(MAP_GPA_PRIVATE) != 0)
		return "no conversion back to private";
	if (!all_are(0))
		return "memory that turned private is not zero";
	return NULL;
}

/* What no VMM may serve. All would make shared what holds the private pattern. */
static const char *hostile_requests(void)
{
	const struct {
		uint64_t gpa, pages;
		const char *accepted;
	} requests[] = {
		{START + PAGE / 2, 1, "an unaligned address is accepted"},
		{START, 0, "a range of 0 pages is accepted"},
		{1ull << 39, 1, "a range outside of memory is accepted"},
		{START, ~0ull, "a range whose page numbers wrap is accepted"},
		/* 4096 bytes and 0 bytes, once the size is cut to 64 bits */
		{START, (1ull << 52) + 1, "a range whose size wraps is accepted"},
		{START, 1ull << 52, "a range whose size wraps to 0 is accepted"},
	};

	fill(PRIVATE_PATTERN);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (map_gpa_range(requests[i].gpa, requests[i].pages, MAP_GPA_SHARED) >= 0)
			return requests[i].accepted;
		if (!all_are(PRIVATE_PATTERN))
			return "a refused request changed memory";
	}
	return NULL;
}

void conversion_check(void)
{
	const char *wrong;

	if (!machine.has_private_memory) {
		print("tinyfw: conversions: none\n");
		return;
	}
	wrong = round_trip();
	if (!wrong)
		wrong = hostile_requests();
	if (!wrong) {
		print("tinyfw: conversions: ok\n");
		return;
	}
	print("tinyfw: conversions: FAILED: %s\n", wrong);
	check_failed();
}
