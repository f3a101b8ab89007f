/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <inttypes.h>

#include "compare.h"

static uint32_t kind_of(enum vcpu_register reg)
{
	switch (reg) {
	case REG_SEV_FEATURES:
		return COCO_DIFFERENCE_FEATURES;
	case REG_MXCSR:
	case REG_FCW:
		return COCO_DIFFERENCE_FPU;
	case REG_RDX:
		return COCO_DIFFERENCE_SIGNATURE;
	case REG_CS_BASE:
	case REG_RIP:
		return COCO_DIFFERENCE_AP_START;
	default:
		return COCO_DIFFERENCE_REGISTERS;
	}
}

static const char *reason_of(uint32_t kind)
{
	switch (kind) {
	case COCO_DIFFERENCE_FEATURES:
		return "other SEV features (--guest-features, --sev-features), as DebugSwap (0x20)";
	case COCO_DIFFERENCE_FPU:
		return "--mode seves on one side and seves-legacy on the other, or another VMM "
		       "(--vmm-type)";
	case COCO_DIFFERENCE_SIGNATURE:
		return "another CPU model (--vcpu-type, --vcpu-sig), or another VMM (--vmm-type)";
	case COCO_DIFFERENCE_AP_START:
		return "firmware that starts further vCPUs elsewhere, or another VMM (--vmm-type)";
	default:
		return "another VMM (--vmm-type)";
	}
}

void compare_vmsas(const struct record *first, const struct coco_digest_step *one,
		   const struct record *second, const struct coco_digest_step *two,
		   struct difference *out)
{
	const struct vcpu_registers *a = &first->registers[one->vcpu > 0];
	const struct vcpu_registers *b = &second->registers[two->vcpu > 0];
	enum vcpu_register reg = 0;

	if (one->gpa != two->gpa) {
		say(out, COCO_DIFFERENCE_ADDRESS,
		    "the VMSA of vCPU %" PRIu32 " is at 0x%" PRIx64 ", now at 0x%" PRIx64,
		    one->vcpu, one->gpa, two->gpa);
		return;
	}
	while (reg < REG_COUNT && a->values[reg] == b->values[reg])
		reg++;
	if (reg == REG_COUNT)
		say(out, COCO_DIFFERENCE_REGISTERS,
		    "vCPU %" PRIu32 " has another VMSA, in a register that FILE.json does not tell",
		    one->vcpu);
	else
		say(out, kind_of(reg),
		    "vCPU %" PRIu32 ": %s is 0x%" PRIx64 ", now 0x%" PRIx64 ". Likely: %s",
		    one->vcpu, vcpu_register_name(reg), a->values[reg], b->values[reg],
		    reason_of(kind_of(reg)));
}
