/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Launch images as text, one run a line, so that tests can say what they expect. */
#ifndef FIRMWARE_RUNS_H
#define FIRMWARE_RUNS_H

#include <cocoreset/image.h>

/* "gpa+size kind label", with " unmeasured" or " shared" where it applies. The text is static. */
const char *runs_text(const struct coco_image *image);

/* Run `index`, which there must be. */
struct coco_page_run run_at(const struct coco_image *image, uint32_t index);

#endif
