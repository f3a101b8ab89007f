/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A measurement and the steps that led to it. */
#ifndef COCO_MEASURE_DIGEST_H
#define COCO_MEASURE_DIGEST_H

#include <cocoreset/measure.h>
#include <stdbool.h>

#define COCO_NO_INDEX UINT32_MAX

struct coco_step {
	uint64_t gpa;
	uint32_t size;
	uint16_t type;
	uint16_t has_content;
	uint32_t label; /* index of `labels`, COCO_NO_INDEX: none */
	uint32_t vcpu;  /* COCO_NO_VCPU: none */
	uint32_t vmsa;  /* index of `vmsas`, for VMSAs; COCO_NO_INDEX: not known */
	unsigned char content[COCO_DIGEST_MAX_SIZE];
	unsigned char running[COCO_DIGEST_MAX_SIZE];
};

struct coco_digest {
	uint32_t tech;
	uint32_t size;
	unsigned char bytes[COCO_DIGEST_MAX_SIZE];
	bool has_start;
	unsigned char start[COCO_DIGEST_MAX_SIZE];
	bool keep_steps;
	struct coco_step *steps;
	uint32_t count;
	uint32_t capacity;
	char (*labels)[COCO_LABEL_SIZE];
	uint32_t label_count;
	unsigned char (*vmsas)[COCO_PAGE_SIZE]; /* those that differ from the one before */
	uint32_t vmsa_count;
};

/* A copy without the steps. The caller frees *out. */
int coco_digest_copy(const struct coco_digest *digest, struct coco_digest **out,
		     struct coco_error *error);
/* Room for so many steps more. */
int coco_digest_reserve(struct coco_digest *digest, uint64_t more, struct coco_error *error);
/* Appends a copy. */
int coco_digest_keep(struct coco_digest *digest, const struct coco_step *step,
		     struct coco_error *error);
/* Finds or appends; *out is the index. NULL and "": none. */
int coco_digest_keep_label(struct coco_digest *digest, const char *label, uint32_t *out,
			   struct coco_error *error);
int coco_digest_keep_vmsa(struct coco_digest *digest, const void *page, uint32_t *out,
			  struct coco_error *error);
/* The VMSA that a step measures; NULL: it measures none, or which one is not known. */
const unsigned char *coco_digest_vmsa(const struct coco_digest *digest,
				      const struct coco_step *step);

#endif
