/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What SEV, SEV-ES and SNP guests with OVMF's tables are launched with. */
#include "image/firmware.h"

#include "base/error.h"
#include "base/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define TABLE_SIZE COCO_KERNEL_HASHES_TABLE_SIZE

struct sev_build {
	struct coco_image *image;
	const struct coco_firmware *firmware;
	struct coco_sev_firmware_options options;
	/* Bit n: there was a section of type n. */
	uint32_t seen;
};

static int add_firmware(struct sev_build *build, struct coco_error *error)
{
	const struct coco_firmware *firmware = build->firmware;
	const struct coco_image_run run = {
		.gpa = COCO_FIRMWARE_END - firmware->size,
		.size = firmware->size,
		.kind = COCO_PAGE_DATA,
		.label = "firmware",
	};

	return coco_firmware_add_run(build->image, &run, firmware->bytes, firmware->size, error);
}

static int check_hash_table_area(const struct coco_firmware_info *info, struct coco_error *error)
{
	if (!info->hash_table_gpa)
		return coco_fail_field(
			error, -EOPNOTSUPP, "hashes",
			"the firmware has no room for a table of kernel hashes, so it "
			"would not compare them: use a build for direct kernel boot");
	if (info->hash_table_size < TABLE_SIZE)
		return coco_fail_field(error, -EINVAL, "firmware",
				       "the firmware's kernel hash table area has %" PRIu32
				       " bytes, the table has %u",
				       info->hash_table_size, TABLE_SIZE);
	if (info->hash_table_gpa % COCO_PART_UNIT)
		return coco_fail_field(error, -EINVAL, "firmware",
				       "the firmware's kernel hash table area at 0x%" PRIx32
				       " is not aligned to %u bytes",
				       info->hash_table_gpa, COCO_PART_UNIT);
	if (info->hash_table_gpa % COCO_PAGE_SIZE > COCO_PAGE_SIZE - TABLE_SIZE)
		return coco_fail_field(error, -EINVAL, "firmware",
				       "a table of kernel hashes at 0x%" PRIx32
				       ", where the firmware wants it, would cross a page's end",
				       info->hash_table_gpa);
	return 0;
}

/* SEV and SEV-ES measure the table alone, after the firmware. */
static int add_hash_table(struct sev_build *build, struct coco_error *error)
{
	const struct coco_image_run run = {
		.gpa = build->firmware->info.hash_table_gpa,
		.size = TABLE_SIZE,
		.kind = COCO_PAGE_PART,
		.label = "kernel hashes",
	};
	uint8_t table[TABLE_SIZE];
	int r;

	if (!build->options.hashes)
		return 0;
	r = check_hash_table_area(&build->firmware->info, error);
	if (!r)
		r = coco_kernel_hashes_table(build->options.hashes, table, error);
	return r ? r : coco_firmware_add_run(build->image, &run, table, sizeof(table), error);
}

/* SNP measures the page that the table is in; the rest of it is 0. */
static int add_hash_page(struct sev_build *build, const struct coco_firmware_section *section,
			 struct coco_error *error)
{
	const uint32_t table_gpa = build->firmware->info.hash_table_gpa;
	const struct coco_image_run run = {
		.gpa = section->gpa,
		.size = section->size,
		.kind = COCO_PAGE_DATA,
		.label = "kernel hashes",
	};
	uint8_t page[COCO_PAGE_SIZE] = {0};
	int r;

	if (section->size != COCO_PAGE_SIZE)
		return coco_fail_field(error, -EINVAL, "firmware",
				       "the SEV metadata's section for kernel hashes has 0x%" PRIx64
				       " bytes, it should be one page",
				       section->size);
	r = check_hash_table_area(&build->firmware->info, error);
	if (r)
		return r;
	if (table_gpa - table_gpa % COCO_PAGE_SIZE != section->gpa)
		return coco_fail_field(
			error, -EINVAL, "firmware",
			"the firmware looks for kernel hashes at 0x%" PRIx32
			", but its SEV metadata have the page for them at 0x%" PRIx64,
			table_gpa, section->gpa);
	r = coco_kernel_hashes_table(build->options.hashes, page + table_gpa % COCO_PAGE_SIZE,
				     error);
	return r ? r : coco_firmware_add_run(build->image, &run, page, sizeof(page), error);
}

/* The sections that there is one of, if any. */
static int check_single(struct sev_build *build, const struct coco_firmware_section *section,
			const char *what, struct coco_error *error)
{
	const uint32_t bit = 1u << section->type;

	if (build->seen & bit)
		return coco_fail_field(error, -EINVAL, "firmware",
				       "the SEV metadata have more than one %s section", what);
	build->seen |= bit;
	return 0;
}

static int add_page(struct sev_build *build, const struct coco_firmware_section *section,
		    struct coco_image_run *run, uint32_t kind, struct coco_error *error)
{
	int r = check_single(build, section, coco_page_kind_name(kind), error);

	if (r)
		return r;
	if (section->size != COCO_PAGE_SIZE)
		return coco_fail_field(error, -EINVAL, "firmware",
				       "the SEV metadata's %s section has 0x%" PRIx64
				       " bytes, it should be one page",
				       coco_page_kind_name(kind), section->size);
	run->kind = kind;
	return coco_firmware_add_run(build->image, run, NULL, 0, error);
}

static int add_zeroes(struct sev_build *build, struct coco_image_run *run, const char *label,
		      uint32_t flags, struct coco_error *error)
{
	snprintf(run->label, sizeof(run->label), "%s", label);
	run->flags = flags;
	return coco_firmware_add_run(build->image, run, NULL, 0, error);
}

/* What QEMU does not know, it loads as zeroes; of the others it is not known what they do. */
static int add_unknown(struct sev_build *build, const struct coco_firmware_section *section,
		       struct coco_image_run *run, struct coco_error *error)
{
	char label[COCO_LABEL_SIZE];

	if (build->options.vmm == COCO_VMM_EC2 || build->options.vmm == COCO_VMM_GCE)
		return coco_fail_field(error, -EOPNOTSUPP, "firmware",
				       "the SEV metadata have a section of type %" PRIu32
				       ", and what this VMM makes of it is not known",
				       section->type);
	snprintf(label, sizeof(label), "section of type %" PRIu32, section->type);
	return add_zeroes(build, run, label, 0, error);
}

static int add_section(struct sev_build *build, const struct coco_firmware_section *section,
		       struct coco_error *error)
{
	struct coco_image_run run = {
		.gpa = section->gpa,
		.size = section->size,
		.kind = COCO_PAGE_ZERO,
	};
	int r;

	switch (section->type) {
	case COCO_SEV_SECTION_MEMORY:
		return add_zeroes(build, &run, "SEC memory",
				  build->options.vmm == COCO_VMM_GCE ? COCO_RUN_UNMEASURED : 0,
				  error);
	case COCO_SEV_SECTION_SECRETS:
		memcpy(run.label, "secrets", sizeof("secrets"));
		return add_page(build, section, &run, COCO_PAGE_SECRETS, error);
	case COCO_SEV_SECTION_CPUID:
		memcpy(run.label, "CPUID", sizeof("CPUID"));
		return add_page(build, section, &run, COCO_PAGE_CPUID, error);
	case COCO_SEV_SECTION_SVSM_CAA:
		return add_zeroes(build, &run, "SVSM calling area", 0, error);
	case COCO_SEV_SECTION_KERNEL_HASHES:
		r = check_single(build, section, "kernel hashes", error);
		if (r)
			return r;
		return build->options.hashes
			       ? add_hash_page(build, section, error)
			       : add_zeroes(build, &run, "no kernel hashes", 0, error);
	default:
		return add_unknown(build, section, &run, error);
	}
}

/* The sections whose turn it is: EC2 launches the CPUID page after all others. */
static int add_sections(struct sev_build *build, bool deferred, struct coco_error *error)
{
	const bool ec2 = build->options.vmm == COCO_VMM_EC2;
	int r = 0;

	for (uint32_t i = 0; !r && i < build->firmware->info.sev_sections; i++) {
		struct coco_firmware_section section;

		coco_sev_section_get(build->firmware, i, &section);
		if (section.size && (ec2 && section.type == COCO_SEV_SECTION_CPUID) == deferred)
			r = add_section(build, &section, error);
	}
	return r;
}

static int add_snp(struct sev_build *build, struct coco_error *error)
{
	int r;

	if (!build->firmware->info.has_sev_metadata)
		return coco_fail_field(error, -EOPNOTSUPP, "firmware",
				       "the firmware has no SEV metadata: it can be launched with "
				       "SEV and SEV-ES, not with SNP");
	r = add_firmware(build, error);
	if (!r)
		r = add_sections(build, false, error);
	if (!r)
		r = add_sections(build, true, error);
	if (!r && build->options.hashes && !(build->seen & 1u << COCO_SEV_SECTION_KERNEL_HASHES))
		r = coco_fail_field(
			error, -EOPNOTSUPP, "hashes",
			"the firmware's SEV metadata have no section for kernel hashes, "
			"so it would not compare them: use a build for direct kernel "
			"boot");
	return r;
}

static int add_all(struct sev_build *build, struct coco_error *error)
{
	int r;

	if (build->options.tech == COCO_TECH_SNP)
		return add_snp(build, error);
	r = add_firmware(build, error);
	return r ? r : add_hash_table(build, error);
}

static int check_svsm(const struct coco_firmware *svsm, uint64_t end, struct coco_error *error)
{
	const struct coco_firmware_info *info = &svsm->info;

	if (!info->has_svsm_info)
		return coco_fail_field(
			error, -EOPNOTSUPP, "svsm",
			"the file is no SVSM: its table does not say where it starts");
	if (!info->has_sev_metadata)
		return coco_fail_field(error, -EOPNOTSUPP, "svsm", "the SVSM has no SEV metadata");
	if (end % COCO_PAGE_SIZE || end > COCO_FIRMWARE_END || svsm->size > end)
		return coco_fail_field(error, -EINVAL, "end",
				       "an SVSM of %zu bytes can't end at 0x%" PRIx64
				       ": that is no page, or too low, or above 4 GiB",
				       svsm->size, end);
	if (svsm->size % COCO_PAGE_SIZE)
		return coco_fail_field(error, -EINVAL, "svsm",
				       "the SVSM has %zu bytes, which are no whole pages",
				       svsm->size);
	if (info->svsm_info_offset >= svsm->size)
		return coco_fail_field(error, -EINVAL, "svsm",
				       "the SVSM starts at 0x%" PRIx32 ", and has 0x%zx bytes",
				       info->svsm_info_offset, svsm->size);
	return 0;
}

int coco_image_add_svsm(struct coco_image *image, const struct coco_firmware *svsm, uint64_t end,
			uint64_t *entry, struct coco_error *error)
{
	struct sev_build build = {.image = image, .firmware = svsm};
	struct coco_image_run run = {.kind = COCO_PAGE_DATA, .label = "SVSM"};
	uint32_t count;
	int r;

	if (!svsm || !entry)
		return coco_fail_field(error, -EINVAL, svsm ? "entry" : "svsm", "%s is NULL",
				       svsm ? "entry" : "svsm");
	r = check_svsm(svsm, end, error);
	if (!r)
		r = coco_image_check_open(image, error);
	if (r)
		return r;
	count = image->count;
	run.gpa = end - svsm->size;
	run.size = svsm->size;
	r = coco_firmware_add_run(image, &run, svsm->bytes, svsm->size, error);
	if (!r)
		r = add_sections(&build, false, error);
	if (r)
		coco_image_cut(image, count);
	else
		*entry = run.gpa + svsm->info.svsm_info_offset;
	return r;
}

static int check_options(const struct coco_sev_firmware_options *options, struct coco_error *error)
{
	switch (options->tech) {
	case COCO_TECH_SEV:
	case COCO_TECH_SEVES:
	case COCO_TECH_SNP:
		break;
	default:
		return coco_fail_field(error, -EINVAL, "tech",
				       "technology %" PRIu32 " is none of SEV, SEV-ES and SNP",
				       options->tech);
	}
	switch (options->vmm) {
	case 0:
	case COCO_VMM_QEMU:
	case COCO_VMM_EC2:
	case COCO_VMM_GCE:
	case COCO_VMM_KVM:
		return 0;
	default:
		return coco_fail_field(error, -EINVAL, "vmm", "there is no VMM %" PRIu32,
				       options->vmm);
	}
}

int coco_image_add_sev_firmware(struct coco_image *image, const struct coco_firmware *firmware,
				const struct coco_sev_firmware_options *options,
				struct coco_error *error)
{
	struct sev_build build = {.image = image, .firmware = firmware};
	uint32_t count;
	int r;

	if (!firmware)
		return coco_fail_field(error, -EINVAL, "firmware", "firmware is NULL");
	r = coco_options_read(&build.options, sizeof(build.options), options,
			      COCO_END_OF(struct coco_sev_firmware_options, tech), "options",
			      error);
	if (!r)
		r = check_options(&build.options, error);
	if (!r)
		r = coco_image_check_open(image, error);
	if (r)
		return r;

	count = image->count;
	r = add_all(&build, error);
	if (r) {
		coco_image_cut(image, count);
		return r;
	}
	if (build.options.tech != COCO_TECH_SEV)
		image->ap_start = firmware->info.ap_reset_address;
	return 0;
}
