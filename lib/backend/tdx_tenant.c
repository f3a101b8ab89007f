/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Firmware that a tenant brings to TDX guests. */
#include "backend/tdx.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>

/* The attributes that IGVM's policy has words for. */
#define POLICY_ATTRIBUTES                                                                          \
	(COCO_TDX_ATTRIBUTE_DEBUG | COCO_TDX_ATTRIBUTE_SEPT_VE_DISABLE |                           \
	 COCO_TDX_ATTRIBUTE_MIGRATABLE)

int coco_tdx_check_igvm(const void *given, const struct coco_igvm_guest *file,
			struct coco_error *error)
{
	const struct coco_tdx_config *config = given;
	const uint64_t attributes = config->options.attributes & POLICY_ATTRIBUTES;

	if (file->has_policy && file->tdx_attributes != attributes)
		return coco_fail_field(error, -EPERM, "policy",
				       "the IGVM file is for TD attributes 0x%" PRIx64
				       ", the guest's are 0x%" PRIx64
				       ": files don't change them, so make one for the guest's",
				       file->tdx_attributes, attributes);
	return 0;
}

int coco_tdx_add_firmware(struct coco_image *image, const struct coco_firmware *firmware,
			  const struct coco_firmware_extras *extras, struct coco_error *error)
{
	struct coco_tdx_firmware_options options;

	if (extras->hashes)
		return coco_fail_field(error, -EOPNOTSUPP, "flags",
				       "kernel hashes are not part of a TDX guest's launch: TDX "
				       "firmware measures kernels itself");
	COCO_INIT(&options);
	options.hob = extras->hob;
	options.hob_size = extras->hob_size;
	return coco_image_add_tdx_firmware(image, firmware, &options, error);
}
