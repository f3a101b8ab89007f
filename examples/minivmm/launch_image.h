/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From the firmware file to the launch image of a technology. */
#ifndef MINIVMM_LAUNCH_IMAGE_H
#define MINIVMM_LAUNCH_IMAGE_H

#include <cocoreset/cocoreset.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "report.h"

struct launch_image {
	struct coco_image *image;
	uint64_t flash_gpa; /* where the firmware lies: it ends at 4 GiB */
	uint64_t flash_size;
};

/* False: a problem was reported. The caller gives `image` back with coco_image_unref(). */
bool launch_image_make(const struct options *options, uint32_t tech, struct report *report,
		       struct launch_image *out);

#endif
