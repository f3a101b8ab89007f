/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Can KVM launch an image with the measurement that its author computed? VMSAs are the trouble: KVM
 * makes them itself, from registers that it was given, and measures them last (sev_es_sync_vmsa(),
 * snp_launch_update_vmsa() in Linux).
 */
#include "base/bytes.h"
#include "image/image.h"
#include "image/vmsa_layout.h"

#include "base/error.h"
#include "base/options.h"

#include <cocoreset/host.h>
#include <cocoreset/measure.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define SNP_ACTIVE 1ull

#define EFER_SVME  (1ull << 12)
#define CR0_ET     (1ull << 4)
#define CR0_NW_CD  (3ull << 29)
#define CR4_MCE    (1ull << 6)
#define RFLAGS_ONE 2ull
#define DR7_FIXED  0x400ull
/* VMCB segments have 12 bits of attributes. */
#define ATTRIBUTES 0x0fff

struct check {
	struct coco_kvm_check_options options;
	struct coco_kvm_check result;
};

__attribute__((format(printf, 3, 4))) static void
obstacle(struct check *check, enum coco_kvm_obstacle kind, const char *format, ...)
{
	va_list arguments;

	if (!check->result.obstacles) {
		va_start(arguments, format);
		vsnprintf(check->result.reason, sizeof(check->result.reason), format, arguments);
		va_end(arguments);
	}
	check->result.obstacles |= kind;
}

/* Ranges of a VMSA that registers come from which KVM can set. */
static const struct {
	uint16_t start, end;
} settable[] = {
	{COCO_VMSA_ES, COCO_VMSA_TR + 16},
	{COCO_VMSA_CPL, COCO_VMSA_CPL + 1},
	{COCO_VMSA_EFER, COCO_VMSA_EFER + 8},
	{COCO_VMSA_CR4, COCO_VMSA_RIP + 8},
	{COCO_VMSA_RSP, COCO_VMSA_RSP + 8},
	{COCO_VMSA_RAX, COCO_VMSA_RAX + 8},
	{COCO_VMSA_G_PAT, COCO_VMSA_G_PAT + 8},
	{COCO_VMSA_RCX, COCO_VMSA_RBX + 8},
	{COCO_VMSA_RBP, COCO_VMSA_R8 + 64},
	{COCO_VMSA_SEV_FEATURES, COCO_VMSA_SEV_FEATURES + 8},
	{COCO_VMSA_XCR0, COCO_VMSA_XCR0 + 8},
	{COCO_VMSA_MXCSR, COCO_VMSA_MXCSR + 4},
	{COCO_VMSA_FCW, COCO_VMSA_FCW + 2},
};

/* The first byte that is not 0 and belongs to none of them; COCO_PAGE_SIZE if there is none. */
static uint32_t find_unsettable(const uint8_t *page)
{
	uint32_t at = 0;

	for (size_t i = 0; i < sizeof(settable) / sizeof(*settable); i++) {
		for (; at < settable[i].start; at++)
			if (page[at])
				return at;
		at = settable[i].end;
	}
	while (at < COCO_PAGE_SIZE && !page[at])
		at++;
	return at;
}

static void check_values(struct check *check, uint32_t vcpu, const uint8_t *page)
{
	const struct {
		const char *name;
		uint32_t offset;
		uint64_t ones, zeroes;
		const char *why;
	} rules[] = {
		{"EFER", COCO_VMSA_EFER, EFER_SVME, 0, "KVM always sets SVME (0x1000)"},
		{"CR0", COCO_VMSA_CR0, CR0_ET, CR0_NW_CD,
		 "KVM always sets ET (0x10) and clears NW and CD (0x60000000)"},
		{"CR4", COCO_VMSA_CR4, CR4_MCE, 0, "KVM sets MCE (0x40) as the host has it"},
		{"RFLAGS", COCO_VMSA_RFLAGS, RFLAGS_ONE, 0, "bit 1 is always set"},
		{"DR7", COCO_VMSA_DR7, 0, ~DR7_FIXED, "KVM takes no armed breakpoints"},
		{"GDTR selector and attributes", COCO_VMSA_GDTR, 0, UINT32_MAX, "it has none"},
		{"IDTR selector and attributes", COCO_VMSA_IDTR, 0, UINT32_MAX, "it has none"},
		{"XCR0", COCO_VMSA_XCR0, 1, 0, "bit 0 is always set"},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		const uint64_t value = coco_le64(page + rules[i].offset);

		if ((value & rules[i].ones) != rules[i].ones || value & rules[i].zeroes)
			obstacle(check, COCO_KVM_REGISTER,
				 "vCPU %" PRIu32 "'s VMSA has 0x%" PRIx64 " in %s: %s", vcpu, value,
				 rules[i].name, rules[i].why);
	}
	for (uint32_t at = COCO_VMSA_ES; at <= COCO_VMSA_TR; at += 16)
		if (coco_le16(page + at + COCO_VMSA_SEGMENT_ATTRIBUTES) & ~ATTRIBUTES)
			obstacle(check, COCO_KVM_REGISTER,
				 "vCPU %" PRIu32 "'s VMSA has segment attributes of more than 12 "
				 "bits at offset 0x%" PRIx32,
				 vcpu, at);
	/* KVM derives the privilege level from SS. */
	if (page[COCO_VMSA_CPL] !=
	    (coco_le16(page + COCO_VMSA_SS + COCO_VMSA_SEGMENT_ATTRIBUTES) >> 5 & 3))
		obstacle(check, COCO_KVM_REGISTER,
			 "vCPU %" PRIu32 "'s VMSA has CPL %u, which is not that of SS", vcpu,
			 page[COCO_VMSA_CPL]);
}

static void check_features(struct check *check, uint32_t vcpu, const uint8_t *page)
{
	const uint64_t features = coco_le64(page + COCO_VMSA_SEV_FEATURES);
	const bool active = features & SNP_ACTIVE;
	const uint64_t unknown = features & ~SNP_ACTIVE & ~check->options.kernel_features;

	if (active != (check->options.tech == COCO_TECH_SNP))
		obstacle(check, COCO_KVM_FEATURES,
			 "vCPU %" PRIu32 "'s VMSA has SEV_FEATURES 0x%" PRIx64
			 ": bit 0 is set for SNP guests and for no others",
			 vcpu, features);
	if (features != check->result.features)
		obstacle(check, COCO_KVM_FEATURES,
			 "vCPU %" PRIu32 "'s VMSA has SEV_FEATURES 0x%" PRIx64
			 ", the first one's 0x%" PRIx64 ": KVM has one value for all",
			 vcpu, features, check->result.features);
	if (check->options.kernel_features && unknown)
		obstacle(check, COCO_KVM_FEATURES,
			 "SEV_FEATURES 0x%" PRIx64 " has bits 0x%" PRIx64
			 " that this kernel does not take",
			 features, unknown);
}

static void check_vmsa(struct check *check, const struct coco_image *image, uint32_t index)
{
	const struct coco_image_vcpu *state = &image->states[index];
	const uint8_t *page = state->page;
	const uint32_t bad = find_unsettable(page);

	if (state->gpa != COCO_VMSA_GPA)
		obstacle(check, COCO_KVM_VMSA_ADDRESS,
			 "vCPU %" PRIu32 "'s VMSA is at 0x%" PRIx64
			 ", KVM measures all of them at 0x%llx",
			 state->vcpu, state->gpa, COCO_VMSA_GPA);
	if (state->position < image->count)
		obstacle(check, COCO_KVM_VMSA_POSITION,
			 "vCPU %" PRIu32 "'s VMSA comes before %" PRIu32
			 " of the page runs, KVM measures VMSAs last",
			 state->vcpu, image->count - state->position);
	if (index && state->vcpu < state[-1].vcpu)
		obstacle(check, COCO_KVM_VMSA_ORDER,
			 "vCPU %" PRIu32 "'s VMSA comes after vCPU %" PRIu32
			 "'s, KVM measures them in the vCPUs' order",
			 state->vcpu, state[-1].vcpu);
	if (bad < COCO_PAGE_SIZE)
		obstacle(check, COCO_KVM_REGISTER,
			 "vCPU %" PRIu32 "'s VMSA has a value at offset 0x%" PRIx32
			 ", which KVM does not take from the VMM",
			 state->vcpu, bad);
	check_values(check, state->vcpu, page);
	check_features(check, state->vcpu, page);
}

/* With as many states as vCPUs, one is missing if one is beyond the last vCPU. */
static void check_count(struct check *check, const struct coco_image *image)
{
	const uint32_t vcpus = check->options.vcpus ? check->options.vcpus : image->state_count;
	uint32_t missing = 0;

	while (missing < vcpus && coco_image_find_vcpu(image, missing))
		missing++;
	if (image->state_count > vcpus)
		obstacle(check, COCO_KVM_VCPU_COUNT,
			 "the image has VMSAs of %" PRIu32 " vCPUs, the guest has %" PRIu32,
			 image->state_count, vcpus);
	else if (missing < vcpus)
		obstacle(check, COCO_KVM_VCPU_COUNT,
			 "the image has no VMSA of vCPU %" PRIu32
			 ", for which KVM measures one all the same",
			 missing);
}

int coco_image_check_kvm(const struct coco_image *image,
			 const struct coco_kvm_check_options *options, struct coco_kvm_check *out,
			 struct coco_error *error)
{
	struct check check = {0};
	int r;

	if (!image)
		return coco_fail_field(error, -EINVAL, "image", "image is NULL");
	r = coco_options_read(&check.options, sizeof(check.options), options,
			      COCO_END_OF(struct coco_kvm_check_options, vcpus), "options", error);
	if (r)
		return r;
	if (!coco_tech_name(check.options.tech))
		return coco_fail_field(error, -EINVAL, "tech", "there is no technology %" PRIu32,
				       check.options.tech);
	check.result.vcpus = image->state_count;
	if (image->state_count && image->states[0].format == COCO_VCPU_STATE_VMSA) {
		const uint8_t *first = image->states[0].page;

		check.result.features = coco_le64(first + COCO_VMSA_SEV_FEATURES);
		for (uint32_t i = 0; i < image->state_count; i++)
			check_vmsa(&check, image, i);
		check_count(&check, image);
	}
	return coco_result_write(out, &check.result, sizeof(check.result),
				 COCO_END_OF(struct coco_kvm_check, vcpus), "check", error);
}
