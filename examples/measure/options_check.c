/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Options that are each fine: do they go together, and are they all? */
#include <cocoreset/cocoreset.h>
#include <inttypes.h>

#include "message.h"
#include "options_rules.h"

#define SNP_ACTIVE 1u

#define BIT(option)           (1ull << (option))
#define FAMILY_MODEL_STEPPING (BIT(OPT_VCPU_FAMILY) | BIT(OPT_VCPU_MODEL) | BIT(OPT_VCPU_STEPPING))
#define SIGNATURES            (BIT(OPT_VCPU_TYPE) | BIT(OPT_VCPU_SIG) | FAMILY_MODEL_STEPPING)
/* What a launch digest is measured from. */
#define MEASURING                                                                                  \
	(SIGNATURES | BIT(OPT_VCPUS) | BIT(OPT_VMM_TYPE) | BIT(OPT_OVMF) | BIT(OPT_KERNEL) |       \
	 BIT(OPT_INITRD) | BIT(OPT_APPEND) | BIT(OPT_GUEST_FEATURES) | BIT(OPT_SNP_OVMF_HASH))

/* The first of the options in `mask` that was given; OPT_COUNT if none was. */
static enum option first_given(const struct options *options, uint64_t mask)
{
	enum option option = 0;

	while (option < OPT_COUNT && !(options->given & mask & BIT(option)))
		option++;
	return option;
}

static enum options_verdict check_command(const struct options *options)
{
	for (enum option i = 0; i < OPT_COUNT; i++) {
		if (!options_given(options, i) || option_rules[i].commands >> options->command & 1)
			continue;
		if (options->command == COMMAND_MEASURE)
			return bad(i, "is for id-block and id-auth");
		return bad(i, "is not for id-block and id-auth");
	}
	return OPTIONS_RUN;
}

static enum options_verdict check_mode(struct options *options)
{
	if (!options->mode && options->command != COMMAND_MEASURE)
		options->mode = MODE_SNP;
	if (!options->mode)
		return bad(OPT_MODE, "is required");
	if (options->command != COMMAND_MEASURE && options->mode != MODE_SNP)
		return bad(OPT_MODE, "has to be snp: only SNP has ID blocks");
	for (enum option i = 0; i < OPT_COUNT; i++)
		if (options_given(options, i) && !(option_rules[i].modes >> options->mode & 1))
			return bad(i, "does not go with --mode %s",
				   options_mode_name(options->mode));
	return OPTIONS_RUN;
}

static enum options_verdict check_digest(const struct options *options)
{
	const enum option other = first_given(options, MEASURING);

	if (other != OPT_COUNT)
		return bad(OPT_DIGEST, "excludes --%s, which is to measure one",
			   option_rules[other].name);
	return OPTIONS_RUN;
}

static enum options_verdict check_kernel(const struct options *options)
{
	if (options->kernel)
		return OPTIONS_RUN;
	if (options->initrd)
		return bad(OPT_INITRD, "needs --kernel");
	if (options->append && options->append[0])
		return bad(OPT_APPEND, "needs --kernel");
	return OPTIONS_RUN;
}

/* Two ways of the same, of which one would be ignored. */
static enum options_verdict check_signatures(const struct options *options)
{
	const enum option first = first_given(options, SIGNATURES);
	uint64_t others = SIGNATURES & ~BIT(first);

	if (BIT(first) & FAMILY_MODEL_STEPPING)
		others &= ~FAMILY_MODEL_STEPPING;
	if (first != OPT_COUNT && first_given(options, others) != OPT_COUNT)
		return bad(first_given(options, others), "excludes --%s", option_rules[first].name);
	if (!(options->given & FAMILY_MODEL_STEPPING))
		return OPTIONS_RUN;
	for (enum option i = OPT_VCPU_FAMILY; i <= OPT_VCPU_STEPPING; i++)
		if (!options_given(options, i))
			return bad(i, "is missing: a family, a model and a stepping go together");
	return OPTIONS_RUN;
}

static enum options_verdict take_signature(struct options *options)
{
	struct coco_error error;
	uint32_t signature = (uint32_t)options->vcpu_signature;
	int r = 0;

	if (options->vcpu_type)
		r = coco_vcpu_signature_from_name(options->vcpu_type, &signature, &error);
	if (r)
		return bad(OPT_VCPU_TYPE, "is wrong: %s", error.text);
	if (options->given & FAMILY_MODEL_STEPPING)
		r = coco_vcpu_signature_from_fms(
			(uint32_t)options->vcpu_family, (uint32_t)options->vcpu_model,
			(uint32_t)options->vcpu_stepping, &signature, &error);
	if (r)
		return bad(OPT_VCPU_FAMILY, "is wrong: %s", error.text);
	options->vcpu_signature = signature;
	return OPTIONS_RUN;
}

static enum options_verdict check_vcpus(struct options *options)
{
	const char *mode = options_mode_name(options->mode);

	if (!options_has_vcpus(options->mode))
		return OPTIONS_RUN;
	if (!options->vcpus)
		return bad(OPT_VCPUS, "is required by --mode %s", mode);
	if ((options->vmm == COCO_VMM_QEMU || options->mode == MODE_SNP_SVSM) &&
	    !options->vcpu_signature)
		return bad(OPT_VCPU_TYPE,
			   "(or --vcpu-sig, or --vcpu-family, --vcpu-model and --vcpu-stepping) is "
			   "required by --mode %s",
			   mode);
	if (options->mode == MODE_SNP && !(options->guest_features & SNP_ACTIVE))
		return bad(OPT_GUEST_FEATURES,
			   "wants bit 0 (SNPActive), which KVM always sets, not 0x%" PRIx64,
			   options->guest_features);
	if (options->mode != MODE_SNP && options->guest_features & ~(uint64_t)SNP_ACTIVE)
		complain("note: --guest-features is not looked at with --mode %s%s", mode,
			 options->mode == MODE_SNP_SVSM ? "" : "; --sev-features is");
	if (options->mode != MODE_SNP && options->sev_features & SNP_ACTIVE)
		return bad(OPT_SEV_FEATURES,
			   "must not have bit 0 (SNPActive), which is SNP's: 0x%" PRIx64,
			   options->sev_features);
	return OPTIONS_RUN;
}

static enum options_verdict check_svsm(const struct options *options)
{
	if (options->mode != MODE_SNP_SVSM)
		return OPTIONS_RUN;
	if (!options->svsm)
		return bad(OPT_SVSM, "is required by --mode snp:svsm");
	if (!options->vars_size && !options->vars_file)
		return bad(OPT_VARS_SIZE, "(or --vars-file) is required by --mode snp:svsm");
	if (options->vmm != COCO_VMM_QEMU && options->vmm != COCO_VMM_KVM)
		return bad(OPT_VMM_TYPE, "can't be %s with --mode snp:svsm",
			   options_vmm_name(options->vmm));
	return OPTIONS_RUN;
}

static enum options_verdict check_output(const struct options *options)
{
	const bool json = options->format == FORMAT_JSON;

	if (options->verbose && json)
		return bad(OPT_VERBOSE, "does not go with --output-format json");
	if (options->command == COMMAND_ID_AUTH && !options->id_key)
		return bad(OPT_ID_KEY, "is required by id-auth");
	if (options->author_key && !options->id_key)
		return bad(OPT_AUTHOR_KEY, "needs --id-key, the key that it signs");
	return OPTIONS_RUN;
}

static enum options_verdict check_measuring(struct options *options)
{
	enum options_verdict verdict = OPTIONS_RUN;

	if (!options->ovmf)
		verdict = bad(OPT_OVMF, "is required%s",
			      options->command == COMMAND_MEASURE ? "" : ", or --digest");
	if (verdict == OPTIONS_RUN)
		verdict = check_kernel(options);
	if (verdict == OPTIONS_RUN)
		verdict = check_signatures(options);
	if (verdict == OPTIONS_RUN)
		verdict = take_signature(options);
	if (verdict == OPTIONS_RUN)
		verdict = check_vcpus(options);
	if (verdict == OPTIONS_RUN)
		verdict = check_svsm(options);
	return verdict;
}

enum options_verdict check_together(struct options *options)
{
	enum options_verdict verdict = check_command(options);

	if (verdict == OPTIONS_RUN)
		verdict = check_mode(options);
	if (verdict == OPTIONS_RUN)
		verdict = check_output(options);
	if (verdict != OPTIONS_RUN)
		return verdict;
	return options_given(options, OPT_DIGEST) ? check_digest(options)
						  : check_measuring(options);
}
