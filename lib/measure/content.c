/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "measure/content.h"

int coco_content_open(struct coco_content *content, const char *algorithm, struct coco_error *error)
{
	memset(content, 0, sizeof(*content));
	return coco_hash_open(&content->hash, algorithm, error);
}

void coco_content_close(struct coco_content *content)
{
	coco_hash_close(&content->hash);
}

void coco_content_forget(struct coco_content *content)
{
	content->last_page = NULL;
}

/* All bytes are 0x00: 0; all are 0xff: 1; else -1. */
static int padding_of(const unsigned char *page)
{
	uint64_t word;

	memcpy(&word, page, sizeof(word));
	if (word != 0 && word != UINT64_MAX)
		return -1;
	if (memcmp(page, page + sizeof(word), COCO_PAGE_SIZE - sizeof(word)) != 0)
		return -1;
	return word != 0;
}

static bool same_as_last(const struct coco_content *content, const unsigned char *page)
{
	return content->last_page &&
	       (content->last_page == page || !memcmp(content->last_page, page, COCO_PAGE_SIZE));
}

int coco_content_get(struct coco_content *content, const unsigned char *page,
		     const unsigned char **out, struct coco_error *error)
{
	const int padding = padding_of(page);
	struct coco_content_digest *digest = &content->last;
	int r = 0;

	if (padding >= 0) {
		digest = &content->padding[padding];
	} else {
		digest->known = same_as_last(content, page);
		content->last_page = NULL;
	}
	if (!digest->known)
		r = coco_hash_bytes(&content->hash, page, COCO_PAGE_SIZE, digest->bytes, error);
	if (r)
		return r;
	digest->known = true;
	if (padding < 0)
		content->last_page = page;
	*out = digest->bytes;
	return 0;
}

int coco_content_get_part(struct coco_content *content, const void *bytes, size_t size,
			  const unsigned char **out, struct coco_error *error)
{
	content->last_page = NULL;
	*out = content->last.bytes;
	return coco_hash_bytes(&content->hash, bytes, size, content->last.bytes, error);
}
