/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "vcpus.h"

#include <inttypes.h>
#include <stdio.h>

#include "message.h"

/* Where they are in the VMSA: AMD's architecture manual, volume 2, table B-4. */
static const struct {
	const char *name;
	uint16_t offset;
	uint16_t size;
} registers[REG_COUNT] = {
	[REG_SEV_FEATURES] = {"SEV_FEATURES", 0x3b0, 8},
	[REG_MXCSR] = {"MXCSR", 0x408, 4},
	[REG_FCW] = {"FCW", 0x410, 2},
	[REG_RDX] = {"RDX", 0x310, 8},
	[REG_CS_BASE] = {"CS.base", 0x018, 8},
	[REG_RIP] = {"RIP", 0x178, 8},
	[REG_CS_ATTRIBUTES] = {"CS.attributes", 0x012, 2},
	[REG_SS_ATTRIBUTES] = {"SS.attributes", 0x022, 2},
	[REG_DS_ATTRIBUTES] = {"DS.attributes", 0x032, 2},
	[REG_TR_ATTRIBUTES] = {"TR.attributes", 0x092, 2},
	[REG_G_PAT] = {"G_PAT", 0x268, 8},
	[REG_CR0] = {"CR0", 0x158, 8},
	[REG_CR4] = {"CR4", 0x148, 8},
	[REG_EFER] = {"EFER", 0x0d0, 8},
	[REG_XCR0] = {"XCR0", 0x3e8, 8},
};

const char *vcpu_register_name(enum vcpu_register reg)
{
	return registers[reg].name;
}

int vcpu_read_registers(const struct coco_measure_options *options, uint32_t index,
			struct vcpu_registers *out)
{
	unsigned char page[COCO_PAGE_SIZE];
	struct coco_error error;

	if (coco_vmsa_build(options, index, page, &error))
		return library_failed(&error);
	for (enum vcpu_register reg = 0; reg < REG_COUNT; reg++) {
		out->values[reg] = 0;
		for (unsigned i = 0; i < registers[reg].size; i++)
			out->values[reg] |= (uint64_t)page[registers[reg].offset + i] << 8 * i;
	}
	return 0;
}

static int write_page(uint32_t index, const unsigned char *page)
{
	char path[32];
	size_t written;
	FILE *file;

	snprintf(path, sizeof(path), "vmsa%" PRIu32 ".bin", index);
	file = fopen(path, "wbe");
	if (!file)
		return file_failed(path);
	written = fwrite(page, COCO_PAGE_SIZE, 1, file);
	if (fclose(file) || written != 1)
		return file_failed(path);
	return 0;
}

int vcpus_dump(const struct coco_measure_options *options)
{
	unsigned char page[COCO_PAGE_SIZE];
	struct coco_error error;
	int status = 0;

	for (uint32_t i = 0; !status && i < options->vcpus; i++) {
		if (coco_vmsa_build(options, i, page, &error))
			return library_failed(&error);
		status = write_page(i, page);
	}
	return status;
}
