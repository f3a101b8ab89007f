/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Firmware status values: SEV API chapter 5 and SEV-SNP firmware ABI chapter 7, as numbered in
 * Linux 7.2's include/uapi/linux/psp-sev.h.
 */
#include "backend/sev.h"

#include <stddef.h>

#define DEFECT "a defect of this library or the kernel"

static const struct {
	uint32_t status;
	const char *name;
	const char *advice;
} statuses[] = {
	{0x01, "INVALID_PLATFORM_STATE",
	 "the firmware is not initialized: reload ccp and kvm_amd, see the kernel's log"},
	{0x02, "INVALID_GUEST_STATE", "the launch is not at this step: " DEFECT},
	{0x03, "INVALID_CONFIG", "the platform is not set up for this: see its firmware setup"},
	{0x04, "INVALID_LEN", "a length that the firmware does not take"},
	{0x05, "ALREADY_OWNED", "the platform has an owner already"},
	{0x06, "INVALID_CERTIFICATE", "dh_cert is not a certificate for this platform"},
	{0x07, "POLICY_FAILURE",
	 "host and policy don't fit: minimum version, SMT, debugging, or the ID block's policy"},
	{0x08, "INACTIVE", "the guest's key is not active: " DEFECT},
	{0x09, "INVALID_ADDRESS", "an address that the firmware does not take"},
	{0x0a, "BAD_SIGNATURE", "the signature of the ID block or its key is wrong"},
	{0x0b, "BAD_MEASUREMENT",
	 "the launch is not the one that was signed: compare with coco_measure_image(), or check "
	 "the session"},
	{0x0c, "ASID_OWNED", "another guest has the ASID: is some VM not given back yet?"},
	{0x0d, "INVALID_ASID",
	 "the ASID is not of the range for this kind of guest: does the policy fit?"},
	{0x0e, "WBINVD_REQUIRED", "caches were not flushed after the ASID's last use"},
	{0x0f, "DFFLUSH_REQUIRED", "the data fabric was not flushed after the ASID's last use"},
	{0x10, "INVALID_GUEST", "the firmware knows no such guest"},
	{0x11, "INVALID_COMMAND", "this firmware is too old for the command: update it"},
	{0x12, "ACTIVE", "the guest's key is active already: " DEFECT},
	{0x13, "HWSEV_RET_PLATFORM", "a hardware error that affects the platform"},
	{0x14, "HWSEV_RET_UNSAFE", "a hardware error: the platform must be power cycled"},
	{0x15, "UNSUPPORTED", "this firmware or processor can't do that"},
	{0x16, "INVALID_PARAM", "a parameter that this firmware does not take"},
	{0x17, "RESOURCE_LIMIT", "the firmware is out of guest contexts: tear another guest down"},
	{0x18, "SECURE_DATA_INVALID", "the firmware's stored secrets are damaged"},
	{0x19, "INVALID_PAGE_SIZE", "page sizes of memory and RMP differ"},
	{0x1a, "INVALID_PAGE_STATE", "a page is not in the state that the command needs"},
	{0x1b, "INVALID_MDATA_ENTRY", "invalid metadata of a swapped page"},
	{0x1c, "INVALID_PAGE_OWNER", "a page belongs to another guest"},
	{0x1d, "AEAD_OFLOW", "the message counter has overflowed"},
	{0x1f, "EXIT_RING_BUFFER", "the command ring was left"},
	{0x20, "RMP_INIT_REQUIRED", "the RMP is not initialized: see the kernel's log"},
	{0x21, "BAD_SVN", "the firmware's security version is too low: update it"},
	{0x22, "BAD_VERSION", "the firmware's version is too low: update it"},
	{0x23, "SHUTDOWN_REQUIRED", "the firmware must be shut down first: reload ccp"},
	{0x24, "UPDATE_FAILED", "the update of the firmware failed"},
	{0x25, "RESTORE_REQUIRED", "the firmware must be restored first"},
	{0x26, "RMP_INITIALIZATION_FAILED", "the RMP could not be initialized: reboot the host"},
	{0x27, "INVALID_KEY", "a key that is not there, or not valid"},
	{0x28, "SHUTDOWN_INCOMPLETE", "the firmware's shutdown is not complete"},
	{0x30, "INCORRECT_BUFFER_LENGTH", "a buffer of the wrong size"},
	{0x31, "EXPAND_BUFFER_LENGTH_REQUEST", "a larger buffer is needed"},
	{0x32, "SPDM_REQUEST", "the firmware wants to talk to a device"},
	{0x33, "SPDM_ERROR", "a device answered with an error"},
	{0x3a, "IN_USE", "what the command needs is in use"},
	{UINT32_MAX, "NO_FW_CALL", "the kernel has not asked the firmware: see its log"},
};

#define STATUS_COUNT (sizeof(statuses) / sizeof(*statuses))

const char *coco_sev_status_name(uint64_t status)
{
	if (!status)
		return "SUCCESS";
	for (size_t i = 0; i < STATUS_COUNT; i++)
		if (statuses[i].status == status)
			return statuses[i].name;
	return "unknown";
}

const char *coco_sev_status_advice(uint32_t status)
{
	for (size_t i = 0; i < STATUS_COUNT; i++)
		if (statuses[i].status == status)
			return statuses[i].advice;
	return "see AMD's documents of the firmware";
}
