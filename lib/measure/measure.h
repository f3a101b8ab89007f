/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A measurement under way, and what the technologies bring to it. */
#ifndef COCO_MEASURE_MEASURE_H
#define COCO_MEASURE_MEASURE_H

#include <cocoreset/measure.h>
#include <stdbool.h>

#include "measure/content.h"
#include "measure/digest.h"
#include "measure/hash.h"

/* PAGE_INFO of SNP_LAUNCH_UPDATE (SEV-SNP firmware ABI, 8.17.2). */
#define COCO_SNP_PAGE_INFO_SIZE 0x70u
/* What one measured page of a TD adds to the stream: an add record, and 16 times record and bytes.
 */
#define COCO_TDX_RECORD_SIZE 128u
#define COCO_TDX_CHUNK_SIZE  256u
#define COCO_TDX_CHUNKS      (COCO_PAGE_SIZE / COCO_TDX_CHUNK_SIZE)
#define COCO_TDX_PAGE_SIZE                                                                         \
	(COCO_TDX_RECORD_SIZE + COCO_TDX_CHUNKS * (COCO_TDX_RECORD_SIZE + COCO_TDX_CHUNK_SIZE))

enum coco_measure_state {
	COCO_MEASURE_RUNS,     /* takes runs */
	COCO_MEASURE_VMSAS,    /* takes VMSAs only */
	COCO_MEASURE_FINISHED, /* the digest was given away */
	COCO_MEASURE_BROKEN,   /* a step failed halfway */
};

struct coco_measure {
	struct coco_measure_options options; /* start_digest: a copy in `digest` */
	const struct coco_measure_tech *tech;
	enum coco_measure_state state;
	uint32_t vcpus; /* VMSAs measured so far */
	struct coco_digest *digest;
	struct coco_content content;
	struct coco_hash stream;                         /* all but snp */
	struct coco_hash record;                         /* snp */
	unsigned char snp_info[COCO_SNP_PAGE_INFO_SIZE]; /* begins with the launch digest */
	unsigned char tdx_page[COCO_TDX_PAGE_SIZE];
};

struct coco_measure_tech {
	const char *algorithm;
	int (*begin)(struct coco_measure *measure, struct coco_error *error);
	/* A run that coco_run_check() accepts. */
	int (*add)(struct coco_measure *measure, const struct coco_page_run *run,
		   struct coco_error *error);
	int (*add_vmsa)(struct coco_measure *measure, uint64_t gpa, const unsigned char *page,
			struct coco_error *error);
	/* What was measured so far. */
	int (*value)(struct coco_measure *measure, unsigned char *out, struct coco_error *error);
};

extern const struct coco_measure_tech coco_measure_sev; /* and seves */
extern const struct coco_measure_tech coco_measure_snp;
extern const struct coco_measure_tech coco_measure_tdx;

/* coco_measure_begin() with options that were read. */
int coco_measure_open(const struct coco_measure_options *options, struct coco_measure **out,
		      struct coco_error *error);

/* coco_measure_add() for a run that is known to be right. */
int coco_measure_run(struct coco_measure *measure, const struct coco_page_run *run,
		     struct coco_error *error);

/* The runs of one section, in two passes. */
int coco_measure_tdx_section(struct coco_measure *measure, const struct coco_page_run *runs,
			     uint32_t count, struct coco_error *error);

/* The run can't be launched by this technology. */
int coco_measure_refuse(const struct coco_page_run *run, const char *technology,
			struct coco_error *error);

/*
 * Keeps a step if they are wanted. `content`: digest of the bytes, NULL if they
 * were not measured. VMSAs: `page`, else NULL.
 */
int coco_measure_step(struct coco_measure *measure, struct coco_step step,
		      const unsigned char *content, const unsigned char *page,
		      struct coco_error *error);
/* The index of a label, for steps. */
int coco_measure_label(struct coco_measure *measure, const char *label, uint32_t *out,
		       struct coco_error *error);

extern const unsigned char coco_zero_page[COCO_PAGE_SIZE];

#endif
