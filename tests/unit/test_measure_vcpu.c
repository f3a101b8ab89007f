/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Initial vCPU states: VMSA pages of each VMM, and signatures of CPU models. */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <stdio.h>

#include "expect.h"

static struct coco_error error;
static uint8_t page[COCO_PAGE_SIZE];

static struct coco_measure_options options_for(uint32_t tech, uint32_t vmm)
{
	struct coco_measure_options options;

	COCO_INIT(&options);
	options.tech = tech;
	options.vmm = vmm;
	options.vcpu_signature = 0xa00f11;
	options.ap_start = 0x80b004;
	return options;
}

/* A field's value; what was looked at is zeroed, so that nothing else can be left over. */
static uint64_t take(size_t offset, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)page[offset + i] << 8 * i;
	memset(page + offset, 0, size);
	return value;
}

static void expect_segment(size_t offset, unsigned selector, unsigned attributes, uint64_t base)
{
	ck_assert_uint_eq(take(offset, 2), selector);
	ck_assert_uint_eq(take(offset + 2, 2), attributes);
	ck_assert_uint_eq(take(offset + 4, 4), 0xffff);
	ck_assert_uint_eq(take(offset + 8, 8), base);
}

struct state {
	unsigned code, stack, data, task;
	uint64_t start, rdx, pat, mxcsr, fcw, cr0, cr4, features;
};

static void expect_state(const struct coco_measure_options *options, uint32_t index,
			 const struct state *state)
{
	memset(page, 0xa5, sizeof(page));
	expect_ok(coco_vmsa_build(options, index, page, &error), &error);
	expect_segment(0x000, 0, state->data, 0);
	expect_segment(0x010, 0xf000, state->code, state->start & 0xffff0000);
	expect_segment(0x020, 0, state->stack, 0);
	expect_segment(0x030, 0, state->data, 0);
	expect_segment(0x040, 0, state->data, 0);
	expect_segment(0x050, 0, state->data, 0);
	expect_segment(0x060, 0, 0, 0);
	expect_segment(0x070, 0, 0x82, 0);
	expect_segment(0x080, 0, 0, 0);
	expect_segment(0x090, 0, state->task, 0);
	ck_assert_uint_eq(take(0x0d0, 8), 0x1000);
	ck_assert_uint_eq(take(0x148, 8), state->cr4);
	ck_assert_uint_eq(take(0x158, 8), state->cr0);
	ck_assert_uint_eq(take(0x160, 8), 0x400);
	ck_assert_uint_eq(take(0x168, 8), 0xffff0ff0);
	ck_assert_uint_eq(take(0x170, 8), 2);
	ck_assert_uint_eq(take(0x178, 8), state->start & 0xffff);
	ck_assert_uint_eq(take(0x268, 8), state->pat);
	ck_assert_uint_eq(take(0x310, 8), state->rdx);
	ck_assert_uint_eq(take(0x3b0, 8), state->features);
	ck_assert_uint_eq(take(0x3e8, 8), 1);
	ck_assert_uint_eq(take(0x408, 4), state->mxcsr);
	ck_assert_uint_eq(take(0x410, 2), state->fcw);
	for (size_t i = 0; i < sizeof(page); i++)
		ck_assert_msg(page[i] == 0, "byte 0x%zx is 0x%x", i, page[i]);
}

#define RESET     0xfffffff0u
#define AP        0x80b004u
#define PAT       0x0007040600070406u
#define SIGNATURE 0xa00f11u

START_TEST(each_vmm_has_its_state)
{
	const struct state qemu = {0x9b, 0x93,   0x93,  0x8b, RESET, SIGNATURE,
				   PAT,  0x1f80, 0x37f, 0x10, 0x40,  1};
	const struct state ec2 = {0x9a, 0x92, 0x93, 0x83, RESET, 0x600, PAT, 0, 0, 0x10, 0x40, 1};
	const struct state gce = {0x9b,    0x93, 0x93, 0x8b, RESET, 0x600,
				  0x70106, 0,    0,    0x10, 0x40,  1};
	const struct state kvm = {0x9a, 0x92,   0x92,  0x83, RESET, 0x600,
				  PAT,  0x1f80, 0x37f, 0x10, 0x40,  1};
	const struct state states[] = {qemu, qemu, ec2, gce, kvm};

	for (uint32_t vmm = 0; vmm < 5; vmm++) {
		struct coco_measure_options options = options_for(COCO_TECH_SNP, vmm);
		struct state state = states[vmm];

		expect_state(&options, 0, &state);
		if (vmm != COCO_VMM_KVM)
			state.start = AP;
		if (vmm == COCO_VMM_EC2)
			state.code = 0x9b;
		expect_state(&options, 1, &state);
		expect_state(&options, 4095, &state);
	}
}
END_TEST

START_TEST(options_are_in_the_state)
{
	struct state state = {0x9b, 0x93,   0x93,  0x8b, RESET, SIGNATURE,
			      PAT,  0x1f80, 0x37f, 0x10, 0x40,  0};
	struct coco_measure_options options = options_for(COCO_TECH_SEVES, COCO_VMM_QEMU);

	expect_state(&options, 0, &state);
	state.features = options.sev_features = 0x20;
	expect_state(&options, 0, &state);
	options.vmsa_flags = COCO_VMSA_LEGACY;
	state.mxcsr = state.fcw = 0;
	expect_state(&options, 0, &state);
	options.vmsa_flags |= COCO_VMSA_NO_MCE;
	state.cr4 = 0;
	expect_state(&options, 0, &state);
	options.vmsa_flags |= COCO_VMSA_CD_NW;
	state.cr0 = 0x60000010;
	expect_state(&options, 0, &state);
	/* The high half of the address is CS' base. */
	options.ap_start = 0xffffb004;
	state.start = 0xffffb004;
	expect_state(&options, 1, &state);
	/* SNPActive is always set. */
	options = options_for(COCO_TECH_SNP, COCO_VMM_QEMU);
	options.sev_features = 0x200;
	options.ap_start = 0;
	state = (struct state){0x9b, 0x93,   0x93,  0x8b, RESET, SIGNATURE,
			       PAT,  0x1f80, 0x37f, 0x10, 0x40,  0x201};
	expect_state(&options, 0, &state);
}
END_TEST

START_TEST(a_state_that_is_not_told_is_refused)
{
	struct coco_measure_options options = options_for(COCO_TECH_SNP, COCO_VMM_QEMU);

	options.ap_start = 0;
	expect_error(coco_vmsa_build(&options, 1, page, &error), &error, -EINVAL, "ap_start");
	options.vmm = COCO_VMM_KVM;
	expect_ok(coco_vmsa_build(&options, 1, page, &error), &error);
	options = options_for(COCO_TECH_SNP, COCO_VMM_QEMU);
	options.vcpu_signature = 0;
	expect_error(coco_vmsa_build(&options, 0, page, &error), &error, -EINVAL, "vcpu_signature");
	options = options_for(COCO_TECH_TDX, 0);
	expect_error(coco_vmsa_build(&options, 0, page, &error), &error, -EINVAL, "tech");
	options = options_for(COCO_TECH_SEV, 0);
	expect_error(coco_vmsa_build(&options, 0, page, &error), &error, -EINVAL, "tech");
	options = options_for(COCO_TECH_SNP, 0);
	expect_error(coco_vmsa_build(&options, 0, NULL, &error), &error, -EINVAL, "out");
	expect_error(coco_vmsa_build(NULL, 0, page, &error), &error, -EINVAL, "options");
}
END_TEST

START_TEST(models_have_signatures)
{
	/* As QEMU 11 has them. */
	static const struct {
		const char *name;
		uint32_t family, model, stepping, signature, versions;
	} models[] = {
		{"EPYC", 23, 1, 2, 0x800f12, 5},       {"EPYC-Rome", 23, 49, 0, 0x830f10, 5},
		{"EPYC-Milan", 25, 1, 1, 0xa00f11, 4}, {"EPYC-Genoa", 25, 17, 0, 0xa10f10, 3},
		{"EPYC-Turin", 26, 0, 0, 0xb00f00, 2}, {"Dhyana", 24, 0, 1, 0x900f01, 2},
	};
	uint32_t signature = 0, known = 1;

	for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++) {
		expect_ok(coco_vcpu_signature_from_fms(models[i].family, models[i].model,
						       models[i].stepping, &signature, &error),
			  &error);
		ck_assert_uint_eq(signature, models[i].signature);
		expect_ok(coco_vcpu_signature_from_name(models[i].name, &signature, &error),
			  &error);
		ck_assert_uint_eq(signature, models[i].signature);
		for (uint32_t version = 1; version <= models[i].versions; version++) {
			char name[32];

			snprintf(name, sizeof(name), "%s-v%u", models[i].name, version);
			expect_ok(coco_vcpu_signature_from_name(name, &signature, &error), &error);
			ck_assert_uint_eq(signature, models[i].signature);
		}
		known += 1 + models[i].versions;
	}
	expect_ok(coco_vcpu_signature_from_name("EPYC-IBPB", &signature, &error), &error);
	ck_assert_uint_eq(signature, 0x800f12);
	ck_assert_ptr_nonnull(coco_vcpu_model_name(known - 1));
	ck_assert_ptr_null(coco_vcpu_model_name(known));
	ck_assert_ptr_null(coco_vcpu_model_name(UINT32_MAX));
	for (uint32_t i = 0; i < known; i++)
		expect_ok(
			coco_vcpu_signature_from_name(coco_vcpu_model_name(i), &signature, &error),
			&error);
}
END_TEST

START_TEST(other_models_are_unknown)
{
	static const char *const names[] = {"",      "epyc", "EPYC-v6",
					    "EPYC-", "host", "EPYC-Milan-v5"};
	uint32_t signature = 7;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		expect_error(coco_vcpu_signature_from_name(names[i], &signature, &error), &error,
			     -EINVAL, "name");
	expect_error(coco_vcpu_signature_from_name(NULL, &signature, &error), &error, -EINVAL,
		     "name");
	expect_error(coco_vcpu_signature_from_name("EPYC", NULL, &error), &error, -EINVAL, "out");
	ck_assert_uint_eq(signature, 7);
}
END_TEST

START_TEST(signatures_go_to_the_limits_of_cpuid)
{
	uint32_t signature = 7;

	expect_error(coco_vcpu_signature_from_fms(271, 0, 0, &signature, &error), &error, -EINVAL,
		     "family");
	expect_error(coco_vcpu_signature_from_fms(0, 256, 0, &signature, &error), &error, -EINVAL,
		     "model");
	expect_error(coco_vcpu_signature_from_fms(0, 0, 16, &signature, &error), &error, -EINVAL,
		     "stepping");
	expect_error(coco_vcpu_signature_from_fms(0, 0, 0, NULL, &error), &error, -EINVAL, "out");
	ck_assert_uint_eq(signature, 7);
	expect_ok(coco_vcpu_signature_from_fms(270, 255, 15, &signature, &error), &error);
	ck_assert_uint_eq(signature, 0x0fff0fff);
	expect_ok(coco_vcpu_signature_from_fms(6, 0x3a, 9, &signature, &error), &error);
	ck_assert_uint_eq(signature, 0x306a9);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		each_vmm_has_its_state,
		options_are_in_the_state,
		a_state_that_is_not_told_is_refused,
		models_have_signatures,
		other_models_are_unknown,
		signatures_go_to_the_limits_of_cpuid,
		NULL,
	};

	return expect_run(expect_suite("measure_vcpu", tests));
}
