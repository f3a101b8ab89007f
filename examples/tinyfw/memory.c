/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which memory is private, and touching it. */
#include "tinyfw.h"

#define TOUCH_START MIB

/* Memory from own_memory_end up to here is private. */
static uint64_t private_end;

/* Converts up to `end` in steps that end at multiples of `chunk` bytes. */
bool memory_make_private(uint64_t end, uint64_t chunk)
{
	if (!machine.has_private_memory)
		return true;
	if (private_end == 0)
		private_end = (uintptr_t)own_memory_end;
	while (private_end < end) {
		uint64_t step_end = min(end, (private_end / chunk + 1) * chunk);
		int64_t result = convert(private_end, (step_end - private_end) / PAGE, true);

		if (result != 0) {
			print("tinyfw: FAILED: no conversion of 0x%lx to private: error %lu\n",
			      private_end, (uint64_t)-result);
			check_failed();
			return false;
		}
		private_end = step_end;
	}
	return true;
}

static void touch_pages(uint64_t start, uint64_t end)
{
	for (uint64_t page = start; page < end; page += PAGE)
		*word_at(page) = page;
}

void memory_touch(uint64_t mib, uint64_t chunk)
{
	uint64_t end = min(TOUCH_START + mib * MIB, machine.memory_end);
	uint64_t touched;

	for (uint64_t page = TOUCH_START; page < end;) {
		uint64_t step_end = min(end, (page / chunk + 1) * chunk);

		if (!memory_make_private(step_end, chunk))
			return;
		touch_pages(page, step_end);
		page = step_end;
	}
	touched = end > TOUCH_START ? (end - TOUCH_START) / MIB : 0;
	if (touched < mib)
		print("tinyfw: touched %lu MiB of %lu, there is no more memory\n", touched, mib);
	else
		print("tinyfw: touched %lu MiB\n", touched);
}
