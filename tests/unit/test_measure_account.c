/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Measurements that somebody else made: is what was told kept, and what is malformed refused? And
 * the registers of a VMSA: can each be read and written?
 */
#include <cocoreset/cocoreset.h>
#include <errno.h>

#include "expect.h"

static struct coco_error error;
static uint8_t vmsa[COCO_PAGE_SIZE];

/* An account of a page and a vCPU. */
struct told {
	struct coco_digest_account account;
	struct coco_digest_step steps[2];
	uint8_t digest[48], start[48];
};

static void tell(struct told *told)
{
	memset(told, 0, sizeof(*told));
	memset(told->digest, 0xd1, sizeof(told->digest));
	COCO_INIT(&told->account);
	told->account.tech = COCO_TECH_SNP;
	told->account.digest = told->digest;
	told->account.digest_size = 48;
	told->account.steps = told->steps;
	told->account.step_count = 2;
	for (uint32_t i = 0; i < 2; i++) {
		struct coco_digest_step *step = &told->steps[i];

		COCO_INIT(step);
		step->gpa = i ? COCO_VMSA_GPA : 0xffffc000;
		step->size = COCO_PAGE_SIZE;
		step->type = i ? COCO_STEP_VMSA : COCO_STEP_NORMAL;
		step->vcpu = i ? 0 : COCO_NO_VCPU;
		step->digest_size = 48;
		step->has_content = 1;
		memset(step->content, 0xc0 + (int)i, 48);
		memset(step->running, 0xe0 + (int)i, 48);
	}
	strcpy(told->steps[0].label, "firmware");
	told->steps[1].vmsa = vmsa;
}

START_TEST(what_was_told_is_kept)
{
	struct told told;
	struct coco_digest *digest;
	struct coco_digest_step step;
	size_t size;

	tell(&told);
	memset(vmsa, 0x5a, sizeof(vmsa));
	expect_ok(coco_digest_from_steps(&told.account, &digest, &error), &error);
	memset(vmsa, 0, sizeof(vmsa));
	ck_assert_mem_eq(coco_digest_bytes(digest, &size), told.digest, 48);
	ck_assert_uint_eq(size, 48);
	ck_assert_uint_eq(coco_digest_tech(digest), COCO_TECH_SNP);
	ck_assert_uint_eq(coco_digest_step_count(digest), 2);
	COCO_INIT(&step);
	expect_ok(coco_digest_get_step(digest, 0, &step, &error), &error);
	ck_assert_mem_eq(&step, &told.steps[0], sizeof(step));
	expect_ok(coco_digest_get_step(digest, 1, &step, &error), &error);
	ck_assert_str_eq(step.label, "VMSA 0");
	ck_assert_uint_eq(step.vcpu, 0);
	ck_assert_uint_eq(step.running[47], 0xe1);
	ck_assert_ptr_nonnull(step.vmsa);
	ck_assert_uint_eq(((const uint8_t *)step.vmsa)[COCO_PAGE_SIZE - 1], 0x5a);
	coco_digest_free(digest);
}
END_TEST

START_TEST(steps_and_vmsas_may_be_unknown)
{
	struct coco_digest *digest, *other;
	struct coco_difference difference;
	struct told told;

	tell(&told);
	told.steps[1].vmsa = NULL;
	expect_ok(coco_digest_from_steps(&told.account, &digest, &error), &error);
	told.digest[0]++;
	told.steps[1].content[0]++;
	told.steps[1].vmsa = vmsa;
	expect_ok(coco_digest_from_steps(&told.account, &other, &error), &error);
	COCO_INIT(&difference);
	expect_ok(coco_digest_diff(digest, other, &difference, &error), &error);
	ck_assert_uint_eq(difference.kind, COCO_DIFFERENCE_REGISTERS);
	ck_assert_ptr_nonnull(strstr(difference.text, "not known of the first"));
	coco_digest_free(other);

	/* All steps alike, and the digests not. */
	told.steps[1].content[0]--;
	expect_ok(coco_digest_from_steps(&told.account, &other, &error), &error);
	expect_ok(coco_digest_diff(digest, other, &difference, &error), &error);
	ck_assert_uint_eq(difference.kind, COCO_DIFFERENCE_UNKNOWN);
	coco_digest_free(other);

	told.account.steps = NULL;
	told.account.step_count = 0;
	expect_ok(coco_digest_from_steps(&told.account, &other, &error), &error);
	ck_assert_uint_eq(coco_digest_step_count(other), 0);
	expect_error(coco_digest_diff(digest, other, &difference, &error), &error, -EINVAL,
		     "second");
	coco_digest_free(other);
	coco_digest_free(digest);
}
END_TEST

START_TEST(malformed_accounts_are_refused)
{
	struct coco_digest *digest;
	struct told told;

#define BAD(field, value, blamed, word)                                                            \
	do {                                                                                       \
		tell(&told);                                                                       \
		told.field = (value);                                                              \
		expect_error(coco_digest_from_steps(&told.account, &digest, &error), &error,       \
			     -EINVAL, blamed);                                                     \
		expect_text(&error, word);                                                         \
	} while (0)

	BAD(account.struct_size, 16, "struct_size", "account");
	BAD(account.tech, COCO_TECH_PLAIN, "tech", "1");
	BAD(account.tech, 0, "tech", "0");
	BAD(account.tech, COCO_TECH_SEV, "digest_size", "those of sev have 32");
	BAD(account.digest_size, 47, "digest_size", "47 bytes");
	BAD(account.digest, NULL, "digest", "NULL");
	BAD(account.steps, NULL, "steps", "NULL");
	BAD(account.reserved0, 1, "reserved0", "0");
	BAD(steps[0].struct_size, 8, "struct_size", "steps");
	BAD(steps[1].struct_size, sizeof(told.steps[1]) + 8, "steps", "step 1");
	BAD(steps[1].type, 7, "steps", "type 7");
	BAD(steps[0].digest_size, 32, "steps", "32 bytes, not 48");
	BAD(steps[0].vcpu, 0, "steps", "NORMAL, can't be of a vCPU");
	BAD(steps[0].vmsa, vmsa, "steps", "NORMAL, can't be of a vCPU");
	BAD(steps[1].vcpu, COCO_NO_VCPU, "steps", "VMSA, needs a vCPU");
#undef BAD
	tell(&told);
	told.account.tech = COCO_TECH_TDX;
	told.account.start_digest = told.start;
	expect_error(coco_digest_from_steps(&told.account, &digest, &error), &error, -EINVAL,
		     "start_digest");
	expect_error(coco_digest_from_steps(NULL, &digest, &error), &error, -EINVAL, "account");
	expect_error(coco_digest_from_steps(&told.account, NULL, &error), &error, -EINVAL, "out");
}
END_TEST

START_TEST(a_label_without_an_end_is_cut)
{
	struct coco_digest_step step;
	struct coco_digest *digest;
	struct told told;

	tell(&told);
	memset(told.steps[0].label, 'x', sizeof(told.steps[0].label));
	expect_ok(coco_digest_from_steps(&told.account, &digest, &error), &error);
	COCO_INIT(&step);
	expect_ok(coco_digest_get_step(digest, 0, &step, &error), &error);
	ck_assert_uint_gt(strnlen(step.label, sizeof(step.label)), 0);
	ck_assert_uint_lt(strnlen(step.label, sizeof(step.label)), sizeof(step.label));
	coco_digest_free(digest);
}
END_TEST

START_TEST(registers_are_read_and_written)
{
	struct coco_measure_options options;
	uint32_t count = 0;

	COCO_INIT(&options);
	options.tech = COCO_TECH_SNP;
	options.vcpu_signature = 0x800f12;
	expect_ok(coco_vmsa_build(&options, 0, vmsa, &error), &error);
	for (; coco_vmsa_register_name(count); count++) {
		const char *name = coco_vmsa_register_name(count);

		if (!strcmp(name, "RDX"))
			ck_assert_uint_eq(coco_vmsa_get_register(vmsa, count), 0x800f12);
		if (!strcmp(name, "CS.base"))
			ck_assert_uint_eq(coco_vmsa_get_register(vmsa, count), 0xffff0000);
		expect_ok(coco_vmsa_set_register(vmsa, count, count + 1, &error), &error);
	}
	ck_assert_uint_ge(count, 15);
	/* None of them overlaps another. */
	for (uint32_t i = 0; i < count; i++)
		ck_assert_uint_eq(coco_vmsa_get_register(vmsa, i), i + 1);
	ck_assert_uint_eq(coco_vmsa_get_register(vmsa, count), 0);
	ck_assert_uint_eq(coco_vmsa_get_register(NULL, 0), 0);
	expect_error(coco_vmsa_set_register(vmsa, count, 0, &error), &error, -EINVAL, "index");
	expect_error(coco_vmsa_set_register(NULL, 0, 0, &error), &error, -EINVAL, "page");
	for (uint32_t i = 0; i < count; i++)
		if (!strcmp(coco_vmsa_register_name(i), "FCW"))
			expect_error(coco_vmsa_set_register(vmsa, i, 0x10000, &error), &error,
				     -EINVAL, "value");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_was_told_is_kept,          steps_and_vmsas_may_be_unknown,
		malformed_accounts_are_refused, a_label_without_an_end_is_cut,
		registers_are_read_and_written, NULL,
	};

	return expect_run(expect_suite("measure_account", tests));
}
