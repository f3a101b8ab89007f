/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The launch digest of a guest as sev_vm.c and the launches make it, and what it is held against.
 */
#include "backend/sev.h"

#include "base/error.h"

#include <cocoreset/id_block.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>

#define RESET_VECTOR 0xfffffff0u

/* What coco_sev_init_vm() and coco_sev_power_on() do, in the words of a measurement. */
static int predict(const struct coco_launch *launch, uint32_t tech, uint32_t flags,
		   struct coco_digest **out, struct coco_error *error)
{
	const struct coco_sev_config *config = launch->config;
	struct coco_measure_options options;

	COCO_INIT(&options);
	options.tech = tech;
	options.flags = flags;
	options.vcpus = launch->vcpus;
	options.vcpu_signature = coco_sev_signature(launch->cpuid);
	options.vmm = COCO_VMM_QEMU;
	options.vmsa_flags = config->options.vmsa_flags;
	if (tech == COCO_TECH_SEVES && config->legacy)
		options.vmsa_flags |= COCO_VMSA_LEGACY;
	options.sev_features = config->options.vmsa_features;
	/* Where the image says nothing, all vCPUs start alike. */
	if (!coco_image_ap_start(launch->image))
		options.ap_start = RESET_VECTOR;
	if (tech != COCO_TECH_SEV && !options.vcpu_signature)
		return coco_fail_field(error, -EINVAL, "cpuid",
				       "EAX of leaf 1 is measured, and the guest's CPUID lacks it");
	return coco_measure_image(launch->image, &options, out, error);
}

int coco_sev_predict(const struct coco_launch *launch, uint32_t flags, struct coco_digest **out,
		     struct coco_error *error)
{
	return predict(launch, COCO_TECH_SEV, flags, out, error);
}

int coco_seves_predict(const struct coco_launch *launch, uint32_t flags, struct coco_digest **out,
		       struct coco_error *error)
{
	return predict(launch, COCO_TECH_SEVES, flags, out, error);
}

int coco_snp_predict(const struct coco_launch *launch, uint32_t flags, struct coco_digest **out,
		     struct coco_error *error)
{
	return predict(launch, COCO_TECH_SNP, flags, out, error);
}

/* The firmware would refuse it too, at the launch's last step, with a number. */
int coco_snp_check_id_block(const struct coco_launch *launch, struct coco_error *error)
{
	const struct coco_sev_config *config = launch->config;
	const unsigned char *predicted = coco_digest_bytes(launch->digest, NULL);
	const struct coco_snp_id id = coco_snp_find_id(launch);
	struct coco_id_block block;
	int r;

	if (!id.block)
		return 0;
	COCO_INIT(&block);
	r = coco_id_block_parse(id.block, &block, error);
	if (!r && block.policy != config->options.policy)
		r = coco_fail_field(error, -EPERM, "policy",
				    "the ID block is for policy 0x%" PRIx64
				    ", the guest's is 0x%" PRIx64,
				    block.policy, config->options.policy);
	if (r || !memcmp(block.launch_digest, predicted, sizeof(block.launch_digest)))
		return r;
	return coco_fail_field(
		error, -EBADMSG, "tech_options.id_block",
		"the ID block is for a guest with launch digest %02x%02x%02x%02x.., this guest's "
		"will be %02x%02x%02x%02x..: other firmware, vCPUs, CPUID leaf 1 or VMSA "
		"features than its owner signed",
		block.launch_digest[0], block.launch_digest[1], block.launch_digest[2],
		block.launch_digest[3], predicted[0], predicted[1], predicted[2], predicted[3]);
}

int coco_sev_check_measure(const struct coco_launch *launch, struct coco_error *error)
{
	const struct coco_sev_config *config = launch->config;
	const struct coco_launch_result *result = launch->result;
	unsigned char expected[COCO_LAUNCH_MEASURE_SIZE];
	struct uapi_sev_status status = {0};
	struct coco_launch_measure input;
	int r;

	if (!config->tik)
		return 0;
	r = coco_sev_device_status(launch->seam, UAPI_SEV_PLATFORM_STATUS, &status, error);
	if (r)
		return r;
	COCO_INIT(&input);
	input.policy = (uint32_t)config->options.policy;
	input.api_major = status.api_major;
	input.api_minor = status.api_minor;
	input.build = status.build;
	memcpy(input.launch_digest, coco_digest_bytes(launch->digest, NULL),
	       sizeof(input.launch_digest));
	memcpy(input.mnonce, result->measure + sizeof(expected) - sizeof(input.mnonce),
	       sizeof(input.mnonce));
	memcpy(input.tik, config->tik, sizeof(input.tik));
	r = coco_measure_launch_measure(&input, expected, error);
	OPENSSL_cleanse(input.tik, sizeof(input.tik));
	if (r)
		return r;
	if (result->measure_size == sizeof(expected) &&
	    !CRYPTO_memcmp(result->measure, expected, sizeof(expected)))
		return 0;
	return coco_fail(
		error, -EBADMSG, COCO_STAGE_SEAL,
		"the firmware (API %u.%u, build %u) did not measure the launch digest that "
		"was predicted, or not for policy 0x%" PRIx32
		": is the TIK the session's? Has anything else written guest memory?",
		status.api_major, status.api_minor, status.build, input.policy);
}
