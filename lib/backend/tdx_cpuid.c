/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A TDX guest's CPUID is the module's: most of it is fixed, some bits can be chosen at
 * KVM_TDX_INIT_VM. What KVM_SET_CPUID2 gives the vCPUs is what KVM believes, and has to agree.
 */
#include "backend/tdx.h"

#include "base/error.h"
#include "base/range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define LEAF_FEATURES     0x1u
#define LEAF_KVM_FEATURES 0x40000001u
#define LEAF_EXTENDED     0x80000000u
#define LEAF_ADDRESSES    0x80000008u
#define FEATURES_X2APIC   (1u << 21) /* ECX */
/* EAX of LEAF_ADDRESSES: how many bits of guest physical addresses are of use. */
#define GPAW_SHIFT 16
#define GPAW_MASK  (0xffu << GPAW_SHIFT)
/*
 * What a guest can use whose memory and MSRs KVM has no access to: NOP_IO_DELAY, PV_UNHALT,
 * PV_SEND_IPI, POLL_CONTROL, PV_SCHED_YIELD and MSI_EXT_DEST_ID (kvm/x86/cpuid.rst).
 */
#define KVM_FEATURES_USABLE (1u << 1 | 1u << 7 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 15)

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid2 *cpuid, uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];

		if (entry->function == function &&
		    (!(entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || entry->index == index))
			return entry;
	}
	return NULL;
}

static void choose_width(struct coco_tdx_config *config, struct kvm_cpuid_entry2 *addresses)
{
	struct coco_tdx_options *options = &config->options;

	if (!options->gpaw)
		options->gpaw = (addresses->eax & GPAW_MASK) >> GPAW_SHIFT > 48 ? 52 : 48;
	config->shared_bit = 1ull << (options->gpaw - 1);
	addresses->eax = (addresses->eax & ~GPAW_MASK) | options->gpaw << GPAW_SHIFT;
}

/* What KVM_TDX_INIT_VM, KVM_TDX_INIT_VCPU and the first KVM_RUN look for in it. */
static int adjust(struct coco_tdx_config *config, struct kvm_cpuid2 *cpuid,
		  struct coco_error *error)
{
	struct kvm_cpuid_entry2 *const features = find(cpuid, LEAF_FEATURES, 0);
	struct kvm_cpuid_entry2 *const kvm = find(cpuid, LEAF_KVM_FEATURES, 0);
	struct kvm_cpuid_entry2 *const extended = find(cpuid, LEAF_EXTENDED, 0);
	struct kvm_cpuid_entry2 *const addresses = find(cpuid, LEAF_ADDRESSES, 0);

	if (!features || !extended || !addresses || extended->eax < LEAF_ADDRESSES)
		return coco_fail_field(error, -EINVAL, "cpuid",
				       "leaf 0x%x is missing, which TDX guests can't do without",
				       !features ? LEAF_FEATURES
				       : !extended || extended->eax < LEAF_ADDRESSES
					       ? LEAF_EXTENDED
					       : LEAF_ADDRESSES);
	/* A TD has it, whatever the VMM says. */
	features->ecx |= FEATURES_X2APIC;
	if (kvm)
		kvm->eax &= KVM_FEATURES_USABLE;
	choose_width(config, addresses);
	return 0;
}

/*
 * Each leaf that the module lets a VMM choose, with the bits of it that can be chosen: KVM takes
 * such a list only. Its capabilities come without flags, and without them KVM gives all subleaves
 * the first one's values.
 */
static int make_init(struct coco_tdx_config *config, struct kvm_cpuid2 *cpuid,
		     struct coco_error *error)
{
	const struct uapi_tdx_capabilities *capabilities = config->capabilities;
	const struct coco_tdx_options *options = &config->options;
	struct uapi_tdx_init_vm *init;

	init = calloc(1, sizeof(*init) + capabilities->nent * sizeof(init->entries[0]));
	if (!init)
		return coco_fail_memory(error, COCO_STAGE_ARGUMENT);
	init->attributes = options->attributes;
	init->xfam = options->xfam;
	memcpy(init->mrconfigid, options->mrconfigid, sizeof(init->mrconfigid));
	memcpy(init->mrowner, options->mrowner, sizeof(init->mrowner));
	memcpy(init->mrownerconfig, options->mrownerconfig, sizeof(init->mrownerconfig));
	init->nent = capabilities->nent;
	for (uint32_t i = 0; i < capabilities->nent; i++) {
		const struct kvm_cpuid_entry2 *mask = &capabilities->entries[i];
		const struct kvm_cpuid_entry2 *wanted = find(cpuid, mask->function, mask->index);
		struct kvm_cpuid_entry2 *entry = &init->entries[i];

		entry->function = mask->function;
		entry->index = mask->index;
		entry->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
		if (!wanted)
			continue;
		entry->eax = wanted->eax & mask->eax;
		entry->ebx = wanted->ebx & mask->ebx;
		entry->ecx = wanted->ecx & mask->ecx;
		entry->edx = wanted->edx & mask->edx;
	}
	config->init = init;
	return 0;
}

int coco_tdx_configure_cpuid(void *given, struct kvm_cpuid2 *cpuid, uint64_t *gpa_end,
			     struct coco_error *error)
{
	struct coco_tdx_config *config = given;
	int r = adjust(config, cpuid, error);

	if (r)
		return r;
	*gpa_end = coco_min(*gpa_end, config->shared_bit);
	return make_init(config, cpuid, error);
}
