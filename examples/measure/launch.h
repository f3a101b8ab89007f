/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From the command line to a measurement. */
#ifndef MEASURE_LAUNCH_H
#define MEASURE_LAUNCH_H

#include <cocoreset/cocoreset.h>

#include "options.h"
#include "vcpus.h"

struct launch {
	struct coco_digest *digest;
	/* What it was measured with, complete. */
	struct coco_measure_options options;
	struct vcpus vcpus;
};

/*
 * Measures what the options describe, with all steps if `steps`. 0, or what the program is to
 * return: a message was printed. launch_free() afterwards in any case.
 */
int launch_measure(struct launch *launch, const struct options *options, bool steps);
void launch_free(struct launch *launch);

#endif
