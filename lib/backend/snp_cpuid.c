/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * SNP's CPUID page: SEV-SNP firmware ABI, 8.17.2.6. The firmware compares it with what the
 * processor can do, and corrects what a guest must not be told.
 */
#include "backend/sev.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define MAX_ENTRIES       256 /* KVM_MAX_CPUID_ENTRIES */
#define LEAF_XSTATE       0xd
#define XCR0_X87          1u    /* XCR0 after a reset */
#define XSAVE_LEGACY_SIZE 0x240 /* XSAVE area with x87 and SSE only */

/* NULL on failure. The caller frees it. */
static struct kvm_cpuid2 *read_cpuid(const struct coco_launch *launch, int *result,
				     struct coco_error *error)
{
	struct kvm_cpuid2 *cpuid;

	cpuid = calloc(1, sizeof(*cpuid) + MAX_ENTRIES * sizeof(cpuid->entries[0]));
	if (!cpuid) {
		*result = coco_fail_memory(error, COCO_STAGE_LOAD);
		return NULL;
	}
	cpuid->nent = MAX_ENTRIES;
	*result = coco_seam_get(launch->seam, launch->vcpu_fds[0], KVM_GET_CPUID2, cpuid,
				COCO_STAGE_LOAD, error);
	if (*result) {
		free(cpuid);
		cpuid = NULL;
	}
	return cpuid;
}

/* The guest reads 0 from a leaf that the table has not got, too. */
static bool is_empty(const struct kvm_cpuid_entry2 *entry)
{
	return !entry->eax && !entry->ebx && !entry->ecx && !entry->edx;
}

static void fill_entry(struct uapi_snp_cpuid_entry *to, const struct kvm_cpuid_entry2 *from)
{
	*to = (struct uapi_snp_cpuid_entry){
		.eax_in = from->function,
		.ecx_in = from->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX ? from->index : 0,
		.eax = from->eax,
		.ebx = from->ebx,
		.ecx = from->ecx,
		.edx = from->edx,
	};
	/* EBX of these depends on XCR0 and XSS: the table is for those after a reset. */
	if (to->eax_in == LEAF_XSTATE && to->ecx_in <= 1) {
		to->xcr0_in = XCR0_X87;
		if (to->ebx)
			to->ebx = XSAVE_LEGACY_SIZE;
	}
}

int coco_snp_cpuid_fill(const struct coco_launch *launch, void *page, struct coco_error *error)
{
	struct uapi_snp_cpuid_table *table = page;
	int r;
	struct kvm_cpuid2 *cpuid = read_cpuid(launch, &r, error);

	if (!cpuid)
		return r;
	memset(page, 0, COCO_PAGE_SIZE);
	for (uint32_t i = 0; !r && i < cpuid->nent; i++) {
		if (is_empty(&cpuid->entries[i]))
			continue;
		if (table->count == UAPI_SNP_CPUID_MAX)
			r = coco_fail(error, -E2BIG, COCO_STAGE_LOAD,
				      "the vCPUs' CPUID has more than the %d leaves that SNP's "
				      "CPUID page takes: leave some out of the options' cpuid",
				      UAPI_SNP_CPUID_MAX);
		else
			fill_entry(&table->entries[table->count++], &cpuid->entries[i]);
	}
	free(cpuid);
	return r;
}

static bool differs(const struct uapi_snp_cpuid_entry *a, const struct uapi_snp_cpuid_entry *b)
{
	return memcmp(a, b, sizeof(*a)) != 0;
}

int coco_snp_cpuid_refused(const struct coco_sev_step *step, int code, uint32_t status,
			   const void *submitted, const void *corrected, struct coco_error *error)
{
	const struct uapi_snp_cpuid_table *ours = submitted, *theirs = corrected;
	uint32_t i = 0;

	while (i < ours->count && !differs(&ours->entries[i], &theirs->entries[i]))
		i++;
	if (i == ours->count)
		return coco_sev_fail(step, code, status, error);
	coco_fail_call(error, code, step->stage, step->call,
		       "firmware status 0x%02" PRIx32 " %s: CPUID leaf 0x%" PRIx32
		       ", subleaf 0x%" PRIx32 " says what this processor can't do for a guest; "
		       "take eax 0x%" PRIx32 ", ebx 0x%" PRIx32 ", ecx 0x%" PRIx32
		       ", edx 0x%" PRIx32 " out of the options' cpuid",
		       status, coco_sev_status_name(status), ours->entries[i].eax_in,
		       ours->entries[i].ecx_in, ours->entries[i].eax ^ theirs->entries[i].eax,
		       ours->entries[i].ebx ^ theirs->entries[i].ebx,
		       ours->entries[i].ecx ^ theirs->entries[i].ecx,
		       ours->entries[i].edx ^ theirs->entries[i].edx);
	if (error)
		error->status = status;
	return code;
}
