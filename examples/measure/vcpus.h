/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The vCPUs' initial registers, as their VMSAs have them. */
#ifndef MEASURE_VCPUS_H
#define MEASURE_VCPUS_H

#include <cocoreset/cocoreset.h>

/* In the order in which a difference tells most: what options say comes first. */
enum vcpu_register {
	REG_SEV_FEATURES,
	REG_MXCSR,
	REG_FCW,
	REG_RDX,
	REG_CS_BASE,
	REG_RIP,
	REG_CS_ATTRIBUTES,
	REG_SS_ATTRIBUTES,
	REG_DS_ATTRIBUTES,
	REG_TR_ATTRIBUTES,
	REG_G_PAT,
	REG_CR0,
	REG_CR4,
	REG_EFER,
	REG_XCR0,
	REG_COUNT,
};

/* The registers that launches differ in. */
struct vcpu_registers {
	uint64_t values[REG_COUNT];
};

const char *vcpu_register_name(enum vcpu_register reg);

/* The vCPU's registers; those of vCPU 1 are those of all further ones. */
int vcpu_read_registers(const struct coco_measure_options *options, uint32_t index,
			struct vcpu_registers *out);

/* Writes the VMSA of each vCPU to vmsa0.bin, vmsa1.bin, ... in the working directory. */
int vcpus_dump(const struct coco_measure_options *options);

#endif
