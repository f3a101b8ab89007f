/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef COCO_MEASURE_OPTIONS_H
#define COCO_MEASURE_OPTIONS_H

#include <cocoreset/measure.h>
#include <stdbool.h>

/* Reads and checks them, and fills defaults in. All but `vcpus` and `ap_start`, which depend. */
int coco_measure_read_options(struct coco_measure_options *to,
			      const struct coco_measure_options *from, struct coco_error *error);

/*
 * Do the options tell the VMSAs of the vCPUs up to index `last`? For technologies that measure
 * VMSAs only.
 */
int coco_measure_check_vcpus(const struct coco_measure_options *options, uint32_t last,
			     struct coco_error *error);

static inline bool coco_measure_has_vmsas(uint32_t tech)
{
	return tech == COCO_TECH_SEVES || tech == COCO_TECH_SNP;
}

#endif
