/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The vCPUs' initial registers. */
#ifndef MEASURE_VCPUS_H
#define MEASURE_VCPUS_H

#include <cocoreset/cocoreset.h>

/* The VMSAs of the first vCPU and of all others, which are alike. */
struct vcpus {
	uint32_t count;
	uint8_t vmsas[2][COCO_PAGE_SIZE];
};

/* How many kinds of vCPUs there are. */
static inline uint32_t vcpus_kinds(const struct vcpus *vcpus)
{
	return vcpus->count < 2 ? vcpus->count : 2;
}

/* These return 0 or what the program is to return: a message was printed. */
int vcpus_build(struct vcpus *vcpus, const struct coco_measure_options *options);
/* Writes the VMSA of each vCPU to vmsa0.bin, vmsa1.bin, ... in the working directory. */
int vcpus_dump(const struct vcpus *vcpus);

#endif
