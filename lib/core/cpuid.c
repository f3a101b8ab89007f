/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/cpuid.h"

#include "base/error.h"
#include "base/range.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* KVM_MAX_CPUID_ENTRIES: longer lists are refused. */
#define MAX_ENTRIES 256

static size_t size_of(uint32_t entries)
{
	return sizeof(struct kvm_cpuid2) + entries * sizeof(struct kvm_cpuid_entry2);
}

int coco_cpuid_new(struct coco_seam *seam, const struct kvm_cpuid2 *given, struct kvm_cpuid2 **out,
		   struct coco_error *error)
{
	const uint32_t entries = given ? given->nent : MAX_ENTRIES;
	struct kvm_cpuid2 *cpuid;
	int r = 0;

	if (entries > MAX_ENTRIES)
		return coco_fail_field(error, -EINVAL, "cpuid",
				       "%" PRIu32 " CPUID entries, KVM takes at most %d", entries,
				       MAX_ENTRIES);
	cpuid = calloc(1, size_of(entries));
	if (!cpuid)
		return coco_fail_memory(error, COCO_STAGE_HOST);
	if (given) {
		memcpy(cpuid, given, size_of(entries));
	} else {
		cpuid->nent = entries;
		r = coco_seam_get(seam, seam->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid,
				  COCO_STAGE_HOST, error);
	}
	if (r < 0)
		free(cpuid);
	else
		*out = cpuid;
	return r;
}

uint64_t coco_cpuid_gpa_end(const struct kvm_cpuid2 *cpuid)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		/* AMD APM volume 3, E.4.7; Intel SDM volume 2, CPUID. */
		uint32_t bits = cpuid->entries[i].eax & 0xff;

		if (cpuid->entries[i].function == 0x80000008 && bits >= 36 && bits <= 52)
			return 1ull << bits;
	}
	return 1ull << 36; /* what processors without the leaf have */
}

static void set_apic_id(struct kvm_cpuid_entry2 *entry, uint32_t apic_id)
{
	switch (entry->function) {
	case 0x1:
		entry->ebx = (entry->ebx & 0x00ffffff) | (apic_id & 0xff) << 24;
		break;
	case 0xb:
	case 0x1f:
		entry->edx = apic_id;
		break;
	case 0x8000001e:
		entry->eax = apic_id;
		break;
	default:
		break;
	}
}

int coco_cpuid_set(struct coco_guest *guest, int vcpu_fd, uint32_t apic_id,
		   struct coco_error *error)
{
	const struct kvm_cpuid2 *recipe = guest->recipe.cpuid;
	struct kvm_cpuid2 *cpuid = malloc(size_of(recipe->nent));
	int r;

	if (!cpuid)
		return coco_fail_memory(error, COCO_STAGE_CREATE);
	memcpy(cpuid, recipe, size_of(recipe->nent));
	for (uint32_t i = 0; i < cpuid->nent; i++)
		set_apic_id(&cpuid->entries[i], apic_id);
	r = coco_seam_set(guest->seam, vcpu_fd, KVM_SET_CPUID2, cpuid, COCO_STAGE_CREATE, error);
	free(cpuid);
	return r;
}
