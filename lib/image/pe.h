/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The headers of a PE file (PE format specification; UEFI 2.10, 2.1.1): as much as UKIs need. */
#ifndef COCO_IMAGE_PE_H
#define COCO_IMAGE_PE_H

#include <cocoreset/error.h>
#include <stdbool.h>

struct coco_pe {
	const uint8_t *bytes;
	size_t size;
	uint32_t machine;
	uint32_t optional_magic;
	uint32_t subsystem;
	uint32_t sections;
	size_t table; /* where the section headers are */
};

struct coco_pe_section {
	char name[9];
	uint32_t address;
	uint32_t virtual_size;
	uint32_t raw_offset;
	uint32_t raw_size;
	const uint8_t *bytes;
	uint32_t size; /* of the contents */
};

/* Begins like a PE file. */
bool coco_pe_is(const uint8_t *bytes, size_t size);

/* Checks the headers and all sections. Errors: -EBADMSG. `bytes` must stay. */
int coco_pe_parse(const uint8_t *bytes, size_t size, uint32_t max_sections, struct coco_pe *out,
		  struct coco_error *error);

/* A section by an index that is below the count. */
void coco_pe_get(const struct coco_pe *pe, uint32_t index, struct coco_pe_section *out);

#endif
