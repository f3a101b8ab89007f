/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "backend/sev.h"

#include "base/error.h"
#include "base/options.h"

#include <cocoreset/id_block.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#define SEV_POLICY_DEFAULT   COCO_SEV_POLICY_NODEBUG
#define SEVES_POLICY_DEFAULT (COCO_SEV_POLICY_NODEBUG | COCO_SEV_POLICY_ES)
#define SNP_POLICY_DEFAULT   (COCO_SNP_POLICY_SMT | COCO_SNP_POLICY_RESERVED_ONE)
#define FEATURE_SNP_ACTIVE   1ull
#define FEATURE_SECURE_TSC   (1ull << 9)
/* The policy's place in an ID block: SEV-SNP firmware ABI, table 75. */
#define ID_BLOCK_POLICY 88

/* `value` is of no use to the technology. */
#define REFUSE_SET(value, name, tech, error)                                                       \
	do {                                                                                       \
		if (value)                                                                         \
			return coco_fail_field((error), -EINVAL, "tech_options." name,             \
					       name " is set, which %s guests don't have", tech);  \
	} while (0)

static bool any_set(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return true;
	return false;
}

static int check_blob(const void *blob, uint32_t size, const char *field, struct coco_error *error)
{
	if (!blob != !size || size > COCO_SEV_BLOB_MAX)
		return coco_fail_field(error, -EINVAL, field,
				       "%" PRIu32 " bytes at %p: there are at most %u, and none "
				       "without a size",
				       size, blob, COCO_SEV_BLOB_MAX);
	return 0;
}

/* Bits that KVM does not let through, by a device attribute that younger kernels have. */
static int check_mask(struct coco_seam *seam, uint64_t attribute, uint64_t bits, const char *field,
		      struct coco_error *error)
{
	uint64_t mask = 0;
	struct kvm_device_attr attr = {
		.group = UAPI_GROUP_SEV,
		.attr = attribute,
		.addr = (uintptr_t)&mask,
	};

	if (coco_seam_get(seam, seam->kvm_fd, KVM_GET_DEVICE_ATTR, &attr, COCO_STAGE_ARGUMENT,
			  NULL))
		return 0;
	if (bits & ~mask)
		return coco_fail_field(error, -EINVAL, field,
				       "this kernel and firmware don't know 0x%" PRIx64
				       " of 0x%" PRIx64 ", only 0x%" PRIx64,
				       bits & ~mask, bits, mask);
	return 0;
}

static int check_not_snp(const struct coco_sev_options *options, const char *tech,
			 struct coco_error *error)
{
	int r;

	REFUSE_SET(options->id_block, "id_block", tech, error);
	REFUSE_SET(options->id_auth, "id_auth", tech, error);
	REFUSE_SET(options->auth_key_en, "auth_key_en", tech, error);
	REFUSE_SET(options->tsc_khz, "tsc_khz", tech, error);
	REFUSE_SET(options->vcek_disabled, "vcek_disabled", tech, error);
	REFUSE_SET(any_set(options->gosvw, sizeof(options->gosvw)), "gosvw", tech, error);
	REFUSE_SET(any_set(options->host_data, sizeof(options->host_data)), "host_data", tech,
		   error);
	if (options->init > COCO_SEV_INIT_LEGACY)
		return coco_fail_field(error, -EINVAL, "tech_options.init",
				       "there is no way %" PRIu32 " to create a guest",
				       options->init);
	if (options->policy > UINT32_MAX)
		return coco_fail_field(error, -EINVAL, "tech_options.policy",
				       "0x%" PRIx64 " has more than 32 bits", options->policy);
	r = check_blob(options->session, options->session_size, "tech_options.session", error);
	if (!r)
		r = check_blob(options->dh_cert, options->dh_cert_size, "tech_options.dh_cert",
			       error);
	return r;
}

static int check_vmsa_flags(const struct coco_sev_options *options, struct coco_error *error)
{
	if (options->vmsa_flags & ~(uint32_t)(COCO_VMSA_NO_MCE | COCO_VMSA_CD_NW))
		return coco_fail_field(error, -EINVAL, "tech_options.vmsa_flags",
				       "0x%" PRIx32 " has flags that say nothing of a host",
				       options->vmsa_flags);
	return 0;
}

static int check_sev(struct coco_seam *seam, struct coco_sev_options *options,
		     struct coco_error *error)
{
	(void)seam;
	REFUSE_SET(options->vmsa_features, "vmsa_features", "sev", error);
	REFUSE_SET(options->ghcb_version, "ghcb_version", "sev", error);
	REFUSE_SET(options->vmsa_flags, "vmsa_flags", "sev", error);
	if (!options->policy)
		options->policy = SEV_POLICY_DEFAULT;
	if (options->policy & COCO_SEV_POLICY_ES)
		return coco_fail_field(error, -EINVAL, "tech_options.policy",
				       "0x%" PRIx64 " requires SEV-ES: make a seves guest",
				       options->policy);
	return check_not_snp(options, "sev", error);
}

static int check_seves(struct coco_seam *seam, struct coco_sev_options *options,
		       struct coco_error *error)
{
	int r = check_not_snp(options, "seves", error);

	if (r)
		return r;
	if (!options->policy)
		options->policy = SEVES_POLICY_DEFAULT;
	if (!(options->policy & COCO_SEV_POLICY_ES))
		return coco_fail_field(error, -EINVAL, "tech_options.policy",
				       "0x%" PRIx64 " lacks COCO_SEV_POLICY_ES, without which "
				       "the firmware makes no SEV-ES guest",
				       options->policy);
	if (options->ghcb_version > 2)
		return coco_fail_field(error, -EINVAL, "tech_options.ghcb_version",
				       "there is no GHCB protocol version %" PRIu32,
				       options->ghcb_version);
	r = check_vmsa_flags(options, error);
	if (r)
		return r;
	return check_mask(seam, UAPI_SEV_ATTR_VMSA_FEATURES, options->vmsa_features,
			  "tech_options.vmsa_features", error);
}

static int check_id_block(const struct coco_sev_options *options, struct coco_error *error)
{
	uint64_t policy;

	if (!options->id_block != !options->id_auth)
		return coco_fail_field(error, -EINVAL, "tech_options.id_auth",
				       "ID block and ID authentication page go together");
	if (options->auth_key_en > 1 || (options->auth_key_en && !options->id_block))
		return coco_fail_field(error, -EINVAL, "tech_options.auth_key_en",
				       "%" PRIu32 ": it is 0, or 1 with an ID block",
				       options->auth_key_en);
	if (!options->id_block)
		return 0;
	memcpy(&policy, (const unsigned char *)options->id_block + ID_BLOCK_POLICY, sizeof(policy));
	if (policy != options->policy)
		return coco_fail_field(error, -EINVAL, "tech_options.id_block",
				       "the ID block is for policy 0x%" PRIx64
				       ", the guest's is 0x%" PRIx64,
				       policy, options->policy);
	return 0;
}

static int check_snp(struct coco_seam *seam, struct coco_sev_options *options,
		     struct coco_error *error)
{
	int r;

	REFUSE_SET(options->init, "init", "snp", error);
	REFUSE_SET(options->session || options->session_size, "session", "snp", error);
	REFUSE_SET(options->dh_cert || options->dh_cert_size, "dh_cert", "snp", error);
	REFUSE_SET(options->tik, "tik", "snp", error);
	REFUSE_SET(options->secret, "secret", "snp", error);
	if (!options->policy)
		options->policy = SNP_POLICY_DEFAULT;
	if (!(options->policy & COCO_SNP_POLICY_RESERVED_ONE))
		return coco_fail_field(error, -EINVAL, "tech_options.policy",
				       "0x%" PRIx64 " lacks bit 17, which is always 1",
				       options->policy);
	if (options->ghcb_version && options->ghcb_version != 2)
		return coco_fail_field(error, -EINVAL, "tech_options.ghcb_version",
				       "SNP guests speak GHCB protocol version 2, not %" PRIu32,
				       options->ghcb_version);
	if (options->vcek_disabled > 1)
		return coco_fail_field(error, -EINVAL, "tech_options.vcek_disabled",
				       "%" PRIu32 " is neither 0 nor 1", options->vcek_disabled);
	if (options->vmsa_features & FEATURE_SNP_ACTIVE)
		return coco_fail_field(error, -EINVAL, "tech_options.vmsa_features",
				       "bit 0 (SNPActive) is set by KVM itself");
	if (options->tsc_khz && !(options->vmsa_features & FEATURE_SECURE_TSC))
		return coco_fail_field(error, -EINVAL, "tech_options.tsc_khz",
				       "%" PRIu32
				       " kHz, without Secure TSC (bit 9) in vmsa_features",
				       options->tsc_khz);
	r = check_vmsa_flags(options, error);
	if (!r)
		r = check_id_block(options, error);
	if (!r)
		r = check_mask(seam, UAPI_SEV_ATTR_SNP_POLICY, options->policy,
			       "tech_options.policy", error);
	if (!r)
		r = check_mask(seam, UAPI_SEV_ATTR_VMSA_FEATURES, options->vmsa_features,
			       "tech_options.vmsa_features", error);
	return r;
}

/* NULL stays NULL. */
static int copy(const void *bytes, size_t size, void **own, struct coco_error *error)
{
	if (!bytes)
		return 0;
	*own = malloc(size);
	if (!*own)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	memcpy(*own, bytes, size);
	return 0;
}

static int take_copies(struct coco_sev_config *config, struct coco_error *error)
{
	struct coco_sev_options *options = &config->options;
	int r;

	r = copy(options->session, options->session_size, &config->session, error);
	if (!r)
		r = copy(options->dh_cert, options->dh_cert_size, &config->dh_cert, error);
	if (!r)
		r = copy(options->id_block, COCO_ID_BLOCK_SIZE, &config->id_block, error);
	if (!r)
		r = copy(options->id_auth, COCO_ID_AUTH_SIZE, &config->id_auth, error);
	if (!r)
		r = copy(options->tik, COCO_SEV_TIK_SIZE, &config->tik, error);
	options->session = config->session;
	options->dh_cert = config->dh_cert;
	options->id_block = config->id_block;
	options->id_auth = config->id_auth;
	options->tik = config->tik;
	return r;
}

static int choose_init(struct coco_seam *seam, struct coco_sev_config *config, uint32_t type,
		       struct coco_error *error)
{
	const struct coco_sev_options *options = &config->options;

	config->vm_type = type;
	if (options->init == COCO_SEV_INIT_AUTO) {
		int r = coco_sev_has_vm_type(seam, type, error);

		if (r < 0)
			return r;
		config->legacy = !r;
	} else {
		config->legacy = options->init == COCO_SEV_INIT_LEGACY;
	}
	if (!config->legacy)
		return 0;
	config->vm_type = 0;
	if (options->vmsa_features || options->ghcb_version > 1)
		return coco_fail_field(error, -EINVAL,
				       options->vmsa_features ? "tech_options.vmsa_features"
							      : "tech_options.ghcb_version",
				       "KVM_SEV_ES_INIT, by which this guest is created, takes no "
				       "VMSA features and speaks GHCB protocol version 1");
	return 0;
}

static int configure(struct coco_seam *seam, const void *given, uint32_t type,
		     int (*check)(struct coco_seam *seam, struct coco_sev_options *options,
				  struct coco_error *error),
		     void **out, struct coco_error *error)
{
	struct coco_sev_config *config = calloc(1, sizeof(*config));
	int r = 0;

	if (!config)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	if (given)
		r = coco_options_read(&config->options, sizeof(config->options), given,
				      COCO_END_OF(struct coco_sev_options, policy), "tech_options",
				      error);
	if (!r && (config->options.reserved0 || config->options.reserved1))
		r = coco_fail_field(error, -EINVAL, "tech_options.reserved0",
				    "reserved0 or reserved1 is not 0");
	if (!r)
		r = check(seam, &config->options, error);
	if (!r)
		r = choose_init(seam, config, type, error);
	if (!r)
		r = take_copies(config, error);
	if (r)
		coco_sev_free_config(config);
	else
		*out = config;
	return r;
}

int coco_sev_configure(struct coco_seam *seam, const void *given, void **out,
		       struct coco_error *error)
{
	return configure(seam, given, UAPI_VM_TYPE_SEV, check_sev, out, error);
}

int coco_seves_configure(struct coco_seam *seam, const void *given, void **out,
			 struct coco_error *error)
{
	return configure(seam, given, UAPI_VM_TYPE_SEVES, check_seves, out, error);
}

int coco_snp_configure(struct coco_seam *seam, const void *given, void **out,
		       struct coco_error *error)
{
	return configure(seam, given, UAPI_VM_TYPE_SNP, check_snp, out, error);
}

void coco_sev_free_config(void *given)
{
	struct coco_sev_config *config = given;

	if (!config)
		return;
	free(config->session);
	free(config->dh_cert);
	free(config->id_block);
	free(config->id_auth);
	if (config->tik)
		OPENSSL_cleanse(config->tik, COCO_SEV_TIK_SIZE);
	free(config->tik);
	free(config);
}

uint64_t coco_sev_vm_type(const void *config)
{
	return ((const struct coco_sev_config *)config)->vm_type;
}
