/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The VMSA page: registers of an SEV-ES or SNP vCPU, as they are measured. */
#ifndef COCO_MEASURE_VMSA_H
#define COCO_MEASURE_VMSA_H

#include <cocoreset/measure.h>

/* Writes the page of the first vCPU, or of all others. The options are checked. */
void coco_vmsa_write(const struct coco_measure_options *options, uint32_t index,
		     unsigned char page[COCO_PAGE_SIZE]);

/* A field of the VMSA that can be told apart from others. */
struct coco_vmsa_field {
	const char *name;
	uint16_t offset;
	uint16_t size; /* bytes, at most 8 */
	uint32_t kind; /* enum coco_difference_kind that it stands for */
};

/*
 * The first field in which two pages differ, by how much it tells: the fields that
 * are an option come before the others. NULL if what differs is none of them.
 */
const struct coco_vmsa_field *coco_vmsa_compare(const unsigned char *first,
						const unsigned char *second);
uint64_t coco_vmsa_get(const unsigned char *page, const struct coco_vmsa_field *field);

#endif
