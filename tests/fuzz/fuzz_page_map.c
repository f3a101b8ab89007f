/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Does the page map answer like an array of two flags a page, whatever was set before? */
#include "core/page_map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PAGES 200 /* not a multiple of the map's words */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
	bool is_private[PAGES];
	bool decided[PAGES];
};

static uint64_t find(const bool *flags, uint64_t first, uint64_t end, bool value)
{
	while (first < end && flags[first] != value)
		first++;
	return first;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct coco_page_map map = {0};
	struct model model = {0};

	if (coco_page_map_init(&map, PAGES))
		abort();
	for (; size >= 3; data += 3, size -= 3) {
		const uint64_t first = data[0] % (PAGES + 1);
		const uint64_t end = first + data[1] % (PAGES + 1 - first);
		const bool value = data[2] & 1;

		if (data[2] & 2) {
			coco_page_map_set(&map, first, end, value);
			memset(model.is_private + first, value, end - first);
			memset(model.decided + first, 1, end - first);
		}
		assert(coco_page_map_find(&map, first, end, value) ==
		       find(model.is_private, first, end, value));
		assert(coco_page_map_find_decided(&map, first, end) ==
		       find(model.decided, first, end, true));
		if (first < PAGES)
			assert(coco_page_map_private(&map, first) == model.is_private[first]);
	}
	coco_page_map_destroy(&map);
	return 0;
}
