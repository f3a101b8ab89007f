/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "launch.h"

#include <inttypes.h>
#include <sys/stat.h>

#include "message.h"

static uint32_t tech_of(uint64_t mode)
{
	switch (mode) {
	case MODE_SEV:
		return COCO_TECH_SEV;
	case MODE_SEVES:
	case MODE_SEVES_LEGACY:
		return COCO_TECH_SEVES;
	case MODE_TDX:
		return COCO_TECH_TDX;
	default:
		return COCO_TECH_SNP;
	}
}

static void fill_options(struct launch *launch, const struct options *options, bool steps)
{
	struct coco_measure_options *to = &launch->options;

	COCO_INIT(to);
	to->tech = tech_of(options->mode);
	to->flags = steps ? COCO_MEASURE_STEPS : 0;
	if (options->mode == MODE_SNP_OVMF_HASH)
		to->flags |= COCO_MEASURE_NO_VCPUS;
	if (options->two_pass)
		to->flags |= COCO_MEASURE_TWO_PASS;
	if (options_given(options, OPT_SNP_OVMF_HASH))
		to->start_digest = options->snp_ovmf_hash;
	if (!options_has_vcpus(options->mode))
		return;
	to->vcpus = (uint32_t)options->vcpus;
	to->vcpu_signature = (uint32_t)options->vcpu_signature;
	to->vmm = (uint32_t)options->vmm;
	to->vmsa_flags = options->mode == MODE_SEVES_LEGACY ? COCO_VMSA_LEGACY : 0;
	/* An SVSM has none but SNPActive, which is always there. */
	if (options->mode != MODE_SNP_SVSM)
		to->sev_features =
			options->mode == MODE_SNP ? options->guest_features : options->sev_features;
}

static int add_sev(struct coco_image *image, const struct coco_firmware *firmware,
		   const struct launch *launch, const struct options *options,
		   struct coco_error *error)
{
	struct coco_sev_firmware_options how;
	struct coco_kernel_hashes hashes;
	int r = 0;

	COCO_INIT(&how);
	how.tech = launch->options.tech;
	how.vmm = launch->options.vmm;
	if (options->kernel) {
		r = coco_kernel_hashes_from_files(options->kernel, options->initrd, options->append,
						  &hashes, error);
		how.hashes = &hashes;
	}
	return r ? r : coco_image_add_sev_firmware(image, firmware, &how, error);
}

/* The SVSM lies below the firmware's variables, and those below the firmware's code. */
static int add_svsm(struct coco_image *image, const struct options *options, uint64_t vars_size,
		    uint64_t *entry, struct coco_error *error)
{
	struct coco_firmware *svsm = NULL;
	struct coco_page_run code;
	int r;

	COCO_INIT(&code);
	r = coco_image_add_firmware_file(image, options->ovmf, error);
	if (!r)
		r = coco_image_get_run(image, 0, &code, error);
	if (!r)
		r = coco_firmware_parse_file(options->svsm, &svsm, error);
	if (!r)
		r = coco_image_add_svsm(image, svsm, code.gpa - vars_size, entry, error);
	coco_firmware_free(svsm);
	return r;
}

static int fill_image(struct coco_image *image, struct launch *launch,
		      const struct options *options, uint64_t vars_size, struct coco_error *error)
{
	struct coco_firmware *firmware = NULL;
	int r;

	if (options->mode == MODE_SNP_OVMF_HASH)
		return coco_image_add_firmware_file(image, options->ovmf, error);
	if (options->mode == MODE_SNP_SVSM)
		return add_svsm(image, options, vars_size, &launch->options.svsm_entry, error);
	r = coco_firmware_parse_file(options->ovmf, &firmware, error);
	if (r)
		return r;
	if (options->mode == MODE_TDX)
		r = coco_image_add_tdx_firmware(image, firmware, NULL, error);
	else
		r = add_sev(image, firmware, launch, options, error);
	coco_firmware_free(firmware);
	return r;
}

static int find_vars_size(const struct options *options, uint64_t *out)
{
	struct stat file;

	*out = options->vars_size;
	if (!options->vars_file)
		return 0;
	if (stat(options->vars_file, &file))
		return file_failed(options->vars_file);
	if (options->vars_size && options->vars_size != (uint64_t)file.st_size) {
		complain("--vars-size is %" PRIu64 ", and %s has %jd bytes", options->vars_size,
			 options->vars_file, (intmax_t)file.st_size);
		return STATUS_FAILED;
	}
	*out = (uint64_t)file.st_size;
	return 0;
}

int launch_measure(struct launch *launch, const struct options *options, bool steps)
{
	struct coco_image *image = NULL;
	struct coco_error error;
	uint64_t vars_size;
	int r;

	launch->digest = NULL;
	r = find_vars_size(options, &vars_size);
	if (r)
		return r;
	fill_options(launch, options, steps);
	r = coco_image_new(&image, &error);
	if (!r)
		r = fill_image(image, launch, options, vars_size, &error);
	if (!r) {
		launch->options.ap_start = coco_image_ap_start(image);
		r = coco_measure_image(image, &launch->options, &launch->digest, &error);
	}
	coco_image_unref(image);
	return r ? library_failed(&error) : vcpus_build(&launch->vcpus, &launch->options);
}

void launch_free(struct launch *launch)
{
	coco_digest_free(launch->digest);
	launch->digest = NULL;
}
