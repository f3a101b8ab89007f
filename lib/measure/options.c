/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "measure/options.h"

#include "base/error.h"
#include "base/options.h"

#include <errno.h>
#include <inttypes.h>

#define ALL_FLAGS                                                                                  \
	(COCO_MEASURE_STEPS | COCO_MEASURE_NO_VCPUS | COCO_MEASURE_TWO_PASS |                      \
	 COCO_MEASURE_VMSAS_IN_PLACE)
#define ALL_VMSA_FLAGS (COCO_VMSA_LEGACY | COCO_VMSA_NO_MCE | COCO_VMSA_CD_NW)
#define SNP_ACTIVE     1ull

static int check_common(const struct coco_measure_options *options, struct coco_error *error)
{
	if (options->tech < COCO_TECH_SEV || options->tech > COCO_TECH_TDX)
		return coco_fail_field(error, -EINVAL, "tech",
				       "there is no launch measurement of technology %" PRIu32
				       ": it has to be sev, seves, snp or tdx",
				       options->tech);
	if (options->flags & ~(uint32_t)ALL_FLAGS)
		return coco_fail_field(error, -EINVAL, "flags", "unknown flags 0x%" PRIx32,
				       options->flags);
	if (options->start_digest && options->tech != COCO_TECH_SNP)
		return coco_fail_field(error, -EINVAL, "start_digest",
				       "only SNP's launch digest can go on from another");
	return 0;
}

static int check_vmsa(const struct coco_measure_options *options, struct coco_error *error)
{
	if (options->vmm < COCO_VMM_QEMU || options->vmm > COCO_VMM_KVM)
		return coco_fail_field(error, -EINVAL, "vmm", "%" PRIu32 " is no VMM",
				       options->vmm);
	if (options->vmsa_flags & ~(uint32_t)ALL_VMSA_FLAGS)
		return coco_fail_field(error, -EINVAL, "vmsa_flags", "unknown flags 0x%" PRIx32,
				       options->vmsa_flags);
	if (options->tech == COCO_TECH_SNP && options->vmsa_flags & COCO_VMSA_LEGACY)
		return coco_fail_field(error, -EINVAL, "vmsa_flags",
				       "SNP guests are never created by KVM_SEV_ES_INIT");
	if (options->tech == COCO_TECH_SEVES && options->sev_features & SNP_ACTIVE)
		return coco_fail_field(error, -EINVAL, "sev_features",
				       "0x%" PRIx64 " says SNPActive, which SEV-ES guests are not",
				       options->sev_features);
	if (options->svsm_entry > UINT32_MAX)
		return coco_fail_field(error, -EINVAL, "svsm_entry",
				       "0x%" PRIx64 " is not below 4 GiB", options->svsm_entry);
	if (options->svsm_entry &&
	    (options->tech != COCO_TECH_SNP ||
	     (options->vmm != COCO_VMM_QEMU && options->vmm != COCO_VMM_KVM)))
		return coco_fail_field(
			error, -EINVAL, "svsm_entry",
			"only SNP guests start in an SVSM, and not under EC2 or GCE");
	if (options->ap_start > UINT32_MAX)
		return coco_fail_field(error, -EINVAL, "ap_start",
				       "0x%" PRIx64 " is not below 4 GiB", options->ap_start);
	return 0;
}

int coco_measure_read_options(struct coco_measure_options *to,
			      const struct coco_measure_options *from, struct coco_error *error)
{
	int r = coco_options_read(to, sizeof(*to), from,
				  COCO_END_OF(struct coco_measure_options, vcpus), "options",
				  error);

	if (!r)
		r = check_common(to, error);
	if (r || !coco_measure_has_vmsas(to->tech))
		return r;
	if (!to->vmm)
		to->vmm = COCO_VMM_QEMU;
	r = check_vmsa(to, error);
	if (!r && to->tech == COCO_TECH_SNP)
		to->sev_features |= SNP_ACTIVE;
	return r;
}

int coco_measure_check_vcpus(const struct coco_measure_options *options, uint32_t last,
			     struct coco_error *error)
{
	if (!coco_measure_has_vmsas(options->tech))
		return coco_fail_field(error, -EINVAL, "tech",
				       "only vCPUs of SEV-ES and SNP guests have a VMSA");
	if ((options->vmm == COCO_VMM_QEMU || options->svsm_entry) && !options->vcpu_signature)
		return coco_fail_field(error, -EINVAL, "vcpu_signature",
				       "the vCPUs' signature (EAX of CPUID leaf 1) is measured, "
				       "and there is none");
	if (last && !options->ap_start && !options->svsm_entry && options->vmm != COCO_VMM_KVM)
		return coco_fail_field(error, -EINVAL, "ap_start",
				       "where further vCPUs start is measured, and neither options "
				       "nor image say it: does the firmware have a reset block?");
	return 0;
}
