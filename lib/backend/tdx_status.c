/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Status values of the TDX module: TDX module ABI, "Interface Function Completion Status Codes".
 * Bits 32 to 63 are the status, the others its details, for some the number of an operand.
 */
#include "backend/tdx.h"

#include <stddef.h>

#define DEFECT "a defect of this library or the kernel"
#define MASK   0xffffffff00000000ull

static const struct {
	uint64_t status;
	const char *name;
	const char *advice;
} statuses[] = {
	{0x0000081500000000, "KEY_CONFIGURED", "the guest's key was set up already: " DEFECT},
	{0x0000082100000000, "NO_HKID_READY_TO_WBCACHE", "no released key waits for its caches"},
	{0x4000000100000000, "NON_RECOVERABLE_VCPU", "the vCPU is lost: reset the guest"},
	{0x4000000200000000, "NON_RECOVERABLE_TD", "the guest is lost: reset it"},
	{0x6000000500000000, "NON_RECOVERABLE_TD_NON_ACCESSIBLE",
	 "the guest is lost, its memory may be damaged: see the kernel's log, reset the guest"},
	{0x6000000700000000, "NON_RECOVERABLE_TD_WRONG_APIC_MODE",
	 "the guest has left x2APIC mode and is lost: reset it"},
	{0x8000000300000000, "INTERRUPTED_RESUMABLE", "an interrupt came: try again"},
	{0x8000020000000000, "OPERAND_BUSY", "something else holds what it needs: try again"},
	{0x8000020100000000, "PREVIOUS_TLB_EPOCH_BUSY", "vCPUs have stale translations: try again"},
	{0x8000020200000000, "SYS_BUSY", "the module is busy, with an update perhaps: try again"},
	{0x8000020300000000, "RND_NO_ENTROPY", "the processor is short of entropy: try again"},
	{0x8000070200000000, "VCPU_NOT_ASSOCIATED", "the vCPU is on no processor: " DEFECT},
	{0x8000080000000000, "KEY_GENERATION_FAILED",
	 "no key could be made, for lack of entropy: try again"},
	{0x8000082400000000, "FLUSHVP_NOT_DONE", "a vCPU is still on a processor: " DEFECT},
	{0xc000010000000000, "OPERAND_INVALID", "the module does not take this value"},
	{0xc000030000000000, "PAGE_METADATA_INCORRECT",
	 "a page is not in the state that the command needs: " DEFECT},
	{0xc000081100000000, "KEY_STATE_INCORRECT", "the guest's key is at another step: " DEFECT},
	{0xc0000b0000000000, "EPT_WALK_FAILED", "no page table for this page: " DEFECT},
	{0xc0000b0d00000000, "EPT_ENTRY_STATE_INCORRECT",
	 "the page is not in the state that the command needs: was it added twice?"},
	{0xc0000c0200000000, "METADATA_FIELD_NOT_READABLE", "this module has no such field"},
};

/* What OPERAND_INVALID and OPERAND_BUSY are about. */
static const struct {
	uint32_t id;
	const char *text;
} operands[] = {
	{0x01, " (RCX)"},
	{0x40, " (ATTRIBUTES)"},
	{0x41, " (XFAM)"},
	{0x42, " (EXEC_CONTROLS)"},
	{0x43, " (EPTP_CONTROLS: the width of addresses)"},
	{0x44, " (MAX_VCPUS)"},
	{0x45, " (CPUID_CONFIG: the options' cpuid; leaf and bits are in the kernel's log)"},
	{0x46, " (TSC_FREQUENCY)"},
	{0x80, " (TDR)"},
	{0x92, " (SEPT)"},
	{0xa9, " (TD_EPOCH)"},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

const char *coco_tdx_status_name(uint64_t status)
{
	if (!(status & MASK))
		return "SUCCESS";
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (statuses[i].status == (status & MASK))
			return statuses[i].name;
	return "unknown";
}

const char *coco_tdx_status_advice(uint64_t status)
{
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (statuses[i].status == (status & MASK))
			return statuses[i].advice;
	return "see Intel's documents of the TDX module";
}

const char *coco_tdx_status_operand(uint64_t status)
{
	for (size_t i = 0; i < COUNT(operands); i++)
		if (operands[i].id == (uint32_t)status)
			return operands[i].text;
	return "";
}
