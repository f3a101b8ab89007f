/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Firmware that a tenant brings to SEV, SEV-ES and SNP guests. */
#include "backend/sev.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>

int coco_sev_check_igvm(const void *given, const struct coco_igvm_guest *file,
			struct coco_error *error)
{
	const struct coco_sev_config *config = given;

	if (file->has_policy && file->policy != config->options.policy)
		return coco_fail_field(error, -EPERM, "policy",
				       "the IGVM file is for policy 0x%" PRIx64
				       ", the guest's is 0x%" PRIx64
				       ": files don't change it, so make one for the guest's",
				       file->policy, config->options.policy);
	return 0;
}

static int add_firmware(struct coco_image *image, uint32_t tech,
			const struct coco_firmware *firmware,
			const struct coco_firmware_extras *extras, struct coco_error *error)
{
	struct coco_sev_firmware_options options;

	COCO_INIT(&options);
	options.tech = tech;
	options.vmm = extras->vmm;
	options.hashes = extras->hashes;
	return coco_image_add_sev_firmware(image, firmware, &options, error);
}

int coco_sev_add_firmware(struct coco_image *image, const struct coco_firmware *firmware,
			  const struct coco_firmware_extras *extras, struct coco_error *error)
{
	return add_firmware(image, COCO_TECH_SEV, firmware, extras, error);
}

int coco_seves_add_firmware(struct coco_image *image, const struct coco_firmware *firmware,
			    const struct coco_firmware_extras *extras, struct coco_error *error)
{
	return add_firmware(image, COCO_TECH_SEVES, firmware, extras, error);
}

int coco_snp_add_firmware(struct coco_image *image, const struct coco_firmware *firmware,
			  const struct coco_firmware_extras *extras, struct coco_error *error)
{
	return add_firmware(image, COCO_TECH_SNP, firmware, extras, error);
}

struct coco_snp_id coco_snp_find_id(const struct coco_launch *launch)
{
	const struct coco_sev_config *config = launch->config;
	const struct coco_image_id *id = launch->image->id;

	if (id)
		return (struct coco_snp_id){
			.block = id->block,
			.auth = id->auth,
			.author = id->author,
		};
	return (struct coco_snp_id){
		.block = config->options.id_block,
		.auth = config->options.id_auth,
		.author = config->options.auth_key_en,
	};
}
