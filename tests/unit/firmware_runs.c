/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "firmware_runs.h"

#include "expect.h"

#include <inttypes.h>
#include <stdio.h>

struct coco_page_run run_at(const struct coco_image *image, uint32_t index)
{
	struct coco_page_run run;
	struct coco_error error;

	COCO_INIT(&run);
	expect_ok(coco_image_get_run(image, index, &run, &error), &error);
	return run;
}

static const char *kind_text(uint32_t kind)
{
	static const char *const names[] = {"?", "data", "zero", "secrets", "cpuid", "part"};

	return kind < sizeof(names) / sizeof(*names) ? names[kind] : "?";
}

const char *runs_text(const struct coco_image *image)
{
	static char text[4096];
	size_t used = 0;

	text[0] = 0;
	for (uint32_t i = 0; i < coco_image_run_count(image); i++) {
		const struct coco_page_run run = run_at(image, i);

		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%" PRIx64 "+%" PRIx64 " %s %s%s%s\n", run.gpa, run.size,
					 kind_text(run.kind), run.label,
					 run.flags & COCO_RUN_UNMEASURED ? " unmeasured" : "",
					 run.flags & COCO_RUN_SHARED ? " shared" : "");
		ck_assert_uint_lt(used, sizeof(text));
	}
	return text;
}
