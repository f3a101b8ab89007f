/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "vcpus.h"

#include <inttypes.h>
#include <stdio.h>

#include "message.h"

int vcpus_build(struct vcpus *vcpus, const struct coco_measure_options *options)
{
	struct coco_error error;

	vcpus->count = options->vcpus;
	for (uint32_t i = 0; i < vcpus_kinds(vcpus); i++)
		if (coco_vmsa_build(options, i, vcpus->vmsas[i], &error))
			return library_failed(&error);
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

int vcpus_dump(const struct vcpus *vcpus)
{
	int status = 0;

	for (uint32_t i = 0; !status && i < vcpus->count; i++)
		status = write_page(i, vcpus->vmsas[i > 0]);
	return status;
}
