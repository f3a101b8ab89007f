/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Conversions do what they should, and bad requests for them nothing. */
#include "cpu.h"
#include "tinyfw.h"

#define PRIVATE_PATTERN 0x7072697661746521ull
#define SHARED_PATTERN  0x7368617265642121ull

#define START ((uintptr_t)conversion_pages)
#define SIZE  ((uint64_t)(conversion_pages_end - conversion_pages))

#define CACHE_LINE 64

static int64_t convert_all(bool private)
{
	return convert(START, SIZE / PAGE, private);
}

/* The caches may tell the two views apart: what one has written is not there for the other. */
static void flush(uint64_t start)
{
	for (uint64_t at = start; at < start + SIZE; at += CACHE_LINE)
		cpu_flush_line(at);
}

/* The pages in one of their views, from `start` on. */
static void fill(uint64_t start, uint64_t pattern)
{
	for (uint64_t at = start; at < start + SIZE; at += sizeof(uint64_t))
		*word_at(at) = pattern;
	flush(start);
}

static bool all_are(uint64_t start, uint64_t pattern)
{
	for (uint64_t at = start; at < start + SIZE; at += sizeof(uint64_t))
		if (*word_at(at) != pattern)
			return false;
	flush(start);
	return true;
}

static bool any_is(uint64_t start, uint64_t pattern)
{
	for (uint64_t at = start; at < start + SIZE; at += sizeof(uint64_t))
		if (*word_at(at) == pattern)
			return true;
	flush(start);
	return false;
}

/* SEV, SEV-ES and SNP: what is left of the shared data under the guest's key, which is noise. */
static bool is_as_new(void)
{
	if (platform.tech == TECH_NONE || platform.tech == TECH_TDX)
		return all_are(START, 0);
	return !any_is(START, SHARED_PATTERN) && !any_is(START, PRIVATE_PATTERN);
}

/* The pages go from private to shared and back. Answers what went wrong. */
static const char *round_trip(void)
{
	const uint64_t shared = shared_view(START);
	static bool private; /* from the second time on */

	if (!private && convert_all(true) != 0)
		return "no conversion to private";
	private = true;
	fill(START, PRIVATE_PATTERN);
	if (!all_are(START, PRIVATE_PATTERN))
		return "private memory does not keep what is written";
	if (convert_all(false) != 0)
		return "no conversion to shared";
	if (any_is(shared, PRIVATE_PATTERN))
		return "private data is seen in shared memory";
	fill(shared, SHARED_PATTERN);
	if (!all_are(shared, SHARED_PATTERN))
		return "shared memory does not keep what is written";
	if (convert_all(true) != 0)
		return "no conversion back to private";
	if (!is_as_new())
		return "memory that turned private has old data in it";
	return NULL;
}

/* Who can ask for it: each as 1 << TECH_*. */
#define BY_HYPERCALL (1u << TECH_NONE)
#define BY_ADDRESS   (1u << TECH_NONE | 1u << TECH_TDX)
#define BY_ANY       (1u << TECH_NONE | 1u << TECH_TDX | 1u << TECH_SNP)

/* What no VMM may serve. All would make shared what holds the private pattern. */
static const char *hostile_requests(void)
{
	const struct {
		uint64_t gpa, pages;
		uint32_t by;
		const char *accepted;
	} requests[] = {
		{START + PAGE / 2, 1, BY_ADDRESS, "an unaligned address is accepted"},
		{START, 0, BY_ADDRESS, "a range of 0 pages is accepted"},
		{1ull << 36, 1, BY_ANY, "a range outside of memory is accepted"},
		{START, ~0ull, BY_ADDRESS, "a range whose page numbers wrap is accepted"},
		/* 4096 bytes and 0 bytes, once the size is cut to 64 bits */
		{START, (1ull << 52) + 1, BY_HYPERCALL, "a range whose size wraps is accepted"},
		{START, 1ull << 52, BY_HYPERCALL, "a range whose size wraps to 0 is accepted"},
	};

	fill(START, PRIVATE_PATTERN);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (!(requests[i].by & 1u << platform.tech))
			continue;
		if (request_conversion(requests[i].gpa, requests[i].pages, false) >= 0)
			return requests[i].accepted;
		if (!all_are(START, PRIVATE_PATTERN))
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
