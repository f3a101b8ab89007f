/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Digests of pages' contents. Firmware is mostly padding: of OVMF's 1024 pages, 843 are all 0xff. A
 * page that is padding, or the same as the one before, is not hashed again.
 */
#ifndef COCO_MEASURE_CONTENT_H
#define COCO_MEASURE_CONTENT_H

#include <cocoreset/base.h>
#include <cocoreset/measure.h>
#include <stdbool.h>

#include "measure/hash.h"

struct coco_content_digest {
	bool known;
	unsigned char bytes[COCO_DIGEST_MAX_SIZE];
};

struct coco_content {
	struct coco_hash hash;
	struct coco_content_digest padding[2]; /* of 0x00, of 0xff */
	struct coco_content_digest last;
	const unsigned char *last_page;
};

int coco_content_open(struct coco_content *content, const char *algorithm,
		      struct coco_error *error);
void coco_content_close(struct coco_content *content);

/* Pages that were seen so far may change or go away from here on. */
void coco_content_forget(struct coco_content *content);

/* The page's digest; *out is valid until the next call. */
int coco_content_get(struct coco_content *content, const unsigned char *page,
		     const unsigned char **out, struct coco_error *error);
/* For bytes that are less than a page. */
int coco_content_get_part(struct coco_content *content, const void *bytes, size_t size,
			  const unsigned char **out, struct coco_error *error);

#endif
