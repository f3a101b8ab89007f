/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From the bytes of a file that a tenant brings to what a guest can be launched from. */
#ifndef COCO_CORE_STAGE_FILE_H
#define COCO_CORE_STAGE_FILE_H

#include "core/source.h"
#include "image/blob.h"

/*
 * Checks the file and makes a source of it, whose name and digest are not set. `options` are
 * complete. Looks at the recipe's immutable parts only, so that it takes no lock.
 */
int coco_stage_read(const struct coco_guest *guest, struct coco_blob *file,
		    const struct coco_stage_options *options, struct coco_source **out,
		    struct coco_error *error);

#endif
