/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The launch digest that a guest knows before it is launched: is it that of what is launched, and
 * is it held against everything that tells of another?
 */
#include "fixture.h"
#include "sev_platform.h"

#include <stdlib.h>

static struct fixture f;
static struct sev_platform sev;
static struct coco_sev_options given;

static const uint32_t techs[] = {COCO_TECH_SEV, COCO_TECH_SEVES, COCO_TECH_SNP};
#define TECHS     ((int)(sizeof(techs) / sizeof(techs[0])))
#define SIGNATURE 0x600 /* the fake's */
#define AP_START  0xfff0b004u

static void init(uint32_t tech)
{
	sev_platform_fixture(&sev, &f, tech, 0x1f);
	f.options.vcpus = 3;
	COCO_INIT(&given);
	f.options.tech_options = &given;
}

static void end(void)
{
	fixture_end(&f);
	ck_assert(!sev.wrong);
}

/* What the guest should predict, by hand. */
static struct coco_measure_options by_hand(void)
{
	struct coco_measure_options options;

	COCO_INIT(&options);
	options.tech = f.options.tech;
	options.vcpus = 3;
	options.vcpu_signature = SIGNATURE;
	options.ap_start = AP_START;
	return options;
}

static void expect_predicted(const struct coco_measure_options *options)
{
	struct coco_digest *expected, *predicted;
	size_t size, expected_size;

	expect_ok(coco_measure_image(f.image, options, &expected, &f.error), &f.error);
	expect_ok(coco_guest_predict(f.guest, 0, &predicted, &f.error), &f.error);
	coco_digest_bytes(expected, &expected_size);
	coco_digest_bytes(predicted, &size);
	ck_assert_uint_eq(size, expected_size);
	ck_assert_mem_eq(coco_digest_bytes(predicted, NULL), coco_digest_bytes(expected, NULL),
			 size);
	ck_assert_uint_eq(coco_digest_tech(predicted), options->tech);
	ck_assert_uint_eq(coco_digest_step_count(predicted), 0);
	coco_digest_free(predicted);
	coco_digest_free(expected);
}

static struct coco_digest *predict_steps(void)
{
	struct coco_digest *digest;

	expect_ok(coco_guest_predict(f.guest, COCO_MEASURE_STEPS, &digest, &f.error), &f.error);
	ck_assert_uint_gt(coco_digest_step_count(digest), 0);
	return digest;
}

/* The incarnation has the digest that is predicted. */
static void expect_kept(void)
{
	struct coco_digest *predicted = predict_steps();
	uint8_t kept[64] = {0};
	size_t size = 31, expected;

	coco_digest_bytes(predicted, &expected);
	expect_error(coco_guest_get_digest(f.guest, kept, &size, &f.error), &f.error, -EINVAL,
		     "size");
	size = sizeof(kept);
	expect_ok(coco_guest_get_digest(f.guest, kept, &size, &f.error), &f.error);
	ck_assert_uint_eq(size, expected);
	ck_assert_mem_eq(kept, coco_digest_bytes(predicted, NULL), size);
	coco_digest_free(predicted);
}

START_TEST(what_is_launched_is_predicted)
{
	const struct coco_measure_options options = (init(techs[_i]), by_hand());
	uint8_t bytes[64];
	size_t size = sizeof(bytes);

	expect_ok(coco_image_set_ap_start(f.image, AP_START, &f.error), &f.error);
	fixture_guest(&f);
	expect_predicted(&options);
	expect_error(coco_guest_get_digest(f.guest, bytes, &size, &f.error), &f.error, -EBUSY,
		     "state");
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	expect_kept();
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	expect_kept();
	expect_predicted(&options);
	expect_ok(coco_guest_teardown(f.guest, &f.error), &f.error);
	expect_error(coco_guest_get_digest(f.guest, bytes, &size, &f.error), &f.error, -EBUSY,
		     "state");
	expect_predicted(&options);
	end();
}
END_TEST

START_TEST(what_the_options_change_is_predicted)
{
	struct coco_measure_options options;

	/* Without an AP start all vCPUs start where the first does. */
	init(COCO_TECH_SNP);
	given.vmsa_features = 0x20;
	given.vmsa_flags = COCO_VMSA_NO_MCE;
	fixture_guest(&f);
	options = by_hand();
	options.ap_start = 0xfffffff0;
	options.sev_features = 0x21;
	options.vmsa_flags = COCO_VMSA_NO_MCE;
	expect_predicted(&options);
	end();

	init(COCO_TECH_SEVES);
	expect_ok(coco_image_set_ap_start(f.image, AP_START, &f.error), &f.error);
	given.init = COCO_SEV_INIT_LEGACY;
	fixture_guest(&f);
	options = by_hand();
	options.vmsa_flags = COCO_VMSA_LEGACY;
	expect_predicted(&options);
	end();
}
END_TEST

START_TEST(a_cpuid_without_leaf_1_is_refused_before_anything_is_touched)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + sizeof(cpuid->entries[0]));

	ck_assert_ptr_nonnull(cpuid);
	cpuid->nent = 1;
	cpuid->entries[0].function = 0x80000008;
	cpuid->entries[0].eax = 0x3030;
	init(COCO_TECH_SNP);
	f.options.cpuid = cpuid;
	fixture_guest(&f);
	free(cpuid);
	expect_error(coco_guest_launch(f.guest, &f.error), &f.error, -EINVAL, "cpuid");
	expect_text(&f.error, "leaf 1");
	fixture_expect_state(&f, COCO_STATE_CONFIGURED, 0);
	ck_assert_str_eq(sev.log, "");
	end();
}
END_TEST

START_TEST(what_is_not_measured_is_not_predicted)
{
	struct coco_digest *digest;
	uint8_t bytes[64];
	size_t size = sizeof(bytes);

	fixture_launch(&f, _i ? COCO_TECH_SWPROTECTED : COCO_TECH_PLAIN);
	expect_error(coco_guest_predict(f.guest, 0, &digest, &f.error), &f.error, -ENODATA, "");
	expect_error(coco_guest_get_digest(f.guest, bytes, &size, &f.error), &f.error, -ENODATA,
		     "");
	expect_error(coco_guest_get_digest(f.guest, NULL, &size, &f.error), &f.error, -EINVAL,
		     "out");
	expect_error(coco_guest_get_digest(f.guest, bytes, NULL, &f.error), &f.error, -EINVAL,
		     "size");
	expect_error(coco_guest_predict(f.guest, 0, NULL, &f.error), &f.error, -EINVAL, "out");
	expect_error(coco_guest_predict(f.guest, COCO_MEASURE_NO_VCPUS, &digest, &f.error),
		     &f.error, -EINVAL, "flags");
	fixture_end(&f);
}
END_TEST

#define MAX_STEPS 32

/* The digest, with its steps if `steps`, as a platform tells it that changed step `index`. */
static struct coco_digest *tell(const struct coco_digest *digest, bool steps, uint32_t index)
{
	struct coco_digest_step list[MAX_STEPS];
	struct coco_digest_account account;
	struct coco_digest *told;
	uint8_t bytes[COCO_DIGEST_MAX_SIZE];
	size_t size;

	memcpy(bytes, coco_digest_bytes(digest, &size), sizeof(bytes));
	COCO_INIT(&account);
	account.tech = coco_digest_tech(digest);
	account.digest = bytes;
	account.digest_size = (uint32_t)size;
	if (steps) {
		account.steps = list;
		account.step_count = coco_digest_step_count(digest);
		ck_assert_uint_le(account.step_count, MAX_STEPS);
	}
	for (uint32_t i = 0; i < account.step_count; i++) {
		COCO_INIT(&list[i]);
		expect_ok(coco_digest_get_step(digest, i, &list[i], &f.error), &f.error);
	}
	bytes[0] ^= index < MAX_STEPS;
	if (index < account.step_count)
		list[index].content[3] ^= 1;
	expect_ok(coco_digest_from_steps(&account, &told, &f.error), &f.error);
	return told;
}

START_TEST(a_platform_that_measured_something_else_is_found_out)
{
	struct coco_digest *predicted, *told;
	struct coco_difference difference;

	init(techs[_i]);
	fixture_guest(&f);
	predicted = predict_steps();
	told = tell(predicted, true, MAX_STEPS);
	expect_error(coco_guest_verify_digest(f.guest, told, NULL, &f.error), &f.error, -EBUSY,
		     "state");
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	COCO_INIT(&difference);
	difference.kind = COCO_DIFFERENCE_UNKNOWN;
	expect_ok(coco_guest_verify_digest(f.guest, told, &difference, &f.error), &f.error);
	ck_assert_uint_eq(difference.kind, COCO_DIFFERENCE_NONE);
	coco_digest_free(told);

	told = tell(predicted, true, 1);
	expect_error(coco_guest_verify_digest(f.guest, told, &difference, &f.error), &f.error,
		     -EBADMSG, "measured");
	ck_assert_uint_eq(difference.kind, COCO_DIFFERENCE_CONTENTS);
	ck_assert_uint_eq(difference.first, 1);
	expect_text(&f.error, "0x2000");
	expect_text(&f.error, difference.text);
	coco_digest_free(told);

	told = tell(predicted, false, 0);
	expect_error(coco_guest_verify_digest(f.guest, told, &difference, &f.error), &f.error,
		     -EBADMSG, "measured");
	ck_assert_uint_eq(difference.kind, COCO_DIFFERENCE_UNKNOWN);
	expect_error(coco_guest_verify_digest(f.guest, told, NULL, &f.error), &f.error, -EBADMSG,
		     "measured");
	expect_error(coco_guest_verify_digest(f.guest, NULL, NULL, &f.error), &f.error, -EINVAL,
		     "measured");
	coco_digest_free(told);
	coco_digest_free(predicted);
	end();
}
END_TEST

START_TEST(a_measurement_of_another_technology_is_refused)
{
	static const uint8_t bytes[48];
	struct coco_digest_account account;
	struct coco_digest *told;

	init(COCO_TECH_SNP);
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	COCO_INIT(&account);
	account.tech = COCO_TECH_TDX;
	account.digest = bytes;
	account.digest_size = sizeof(bytes);
	expect_ok(coco_digest_from_steps(&account, &told, &f.error), &f.error);
	expect_error(coco_guest_verify_digest(f.guest, told, NULL, &f.error), &f.error, -EINVAL,
		     "measured");
	expect_text(&f.error, "tdx");
	coco_digest_free(told);
	end();
}
END_TEST

/* An ID block for this guest, or for one whose digest differs in that bit. */
static void sign(uint8_t bit, uint8_t *out)
{
	struct coco_measure_options options = by_hand();
	struct coco_id_block block;
	struct coco_digest *digest;

	COCO_INIT(&block);
	expect_ok(coco_measure_image(f.image, &options, &digest, &f.error), &f.error);
	memcpy(block.launch_digest, coco_digest_bytes(digest, NULL), sizeof(block.launch_digest));
	block.launch_digest[47] ^= bit;
	expect_ok(coco_id_block_build(&block, out, &f.error), &f.error);
	coco_digest_free(digest);
}

START_TEST(an_id_block_for_another_guest_is_refused_before_anything_is_touched)
{
	static const uint8_t auth[COCO_ID_AUTH_SIZE];
	uint8_t block[COCO_ID_BLOCK_SIZE];

	init(COCO_TECH_SNP);
	expect_ok(coco_image_set_ap_start(f.image, AP_START, &f.error), &f.error);
	sign(_i ? 0x80 : 0, block);
	given.id_block = block;
	given.id_auth = auth;
	fixture_guest(&f);
	if (_i) {
		expect_error(coco_guest_launch(f.guest, &f.error), &f.error, -EBADMSG,
			     "tech_options.id_block");
		expect_text(&f.error, "launch digest");
		fixture_expect_state(&f, COCO_STATE_CONFIGURED, 0);
		ck_assert_str_eq(sev.log, "");
	} else {
		expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
		expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	}
	end();
}
END_TEST

/* LAUNCH_MEASURE of the guest, by firmware and an owner who share this TIK. */
static void answer(const uint8_t *tik)
{
	struct coco_launch_measure input;
	struct coco_digest *digest = predict_steps();

	COCO_INIT(&input);
	input.policy = f.options.tech == COCO_TECH_SEV
			       ? COCO_SEV_POLICY_NODEBUG
			       : COCO_SEV_POLICY_NODEBUG | COCO_SEV_POLICY_ES;
	input.api_major = 1;
	input.api_minor = 55;
	input.build = 29;
	memcpy(input.launch_digest, coco_digest_bytes(digest, NULL), sizeof(input.launch_digest));
	memset(input.mnonce, 0x6e, sizeof(input.mnonce));
	memcpy(input.tik, tik, sizeof(input.tik));
	expect_ok(coco_measure_launch_measure(&input, sev.measure, &f.error), &f.error);
	coco_digest_free(digest);
}

START_TEST(launch_measure_is_compared_where_the_tik_is_known)
{
	uint8_t tik[COCO_SEV_TIK_SIZE], other[COCO_SEV_TIK_SIZE];

	memset(tik, 0x71, sizeof(tik));
	memset(other, 0x72, sizeof(other));
	init(techs[_i]);
	given.tik = tik;
	fixture_guest(&f);
	memset(tik, 0, sizeof(tik)); /* the guest has a copy */
	answer(other);
	expect_error(coco_guest_launch(f.guest, &f.error), &f.error, -EBADMSG, "");
	ck_assert_uint_eq(f.error.stage, COCO_STAGE_SEAL);
	expect_text(&f.error, "1.55");
	fixture_expect_state(&f, COCO_STATE_DOWN, 0);
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 0);
	ck_assert_ptr_null(strstr(sev.log, "LAUNCH_FINISH"));

	memset(tik, 0x71, sizeof(tik));
	answer(tik);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 2);
	end();
}
END_TEST

/* ---- secrets ---- */

static uint8_t header[COCO_SEV_SECRET_HEADER_SIZE] = {0xa1}, payload[32] = {0xb2};

struct owner {
	struct coco_sev_secret secret; /* gives this one */
	uint32_t count;                /* so often */
	uint32_t asked;
	int refuse; /* returns this instead */
};

static int give_secret(void *data, uint32_t index, const void *measure, size_t size,
		       struct coco_sev_secret *secret)
{
	struct owner *owner = data;

	owner->asked++;
	ck_assert_uint_eq(size, COCO_LAUNCH_MEASURE_SIZE);
	ck_assert_mem_eq(measure, sev.measure, size);
	ck_assert_uint_eq(secret->struct_size, sizeof(*secret));
	if (owner->refuse)
		return owner->refuse;
	*secret = owner->secret;
	return index < owner->count;
}

static struct owner new_owner(void)
{
	return (struct owner){
		.secret = {.struct_size = sizeof(struct coco_sev_secret),
			   .gpa = 0x3010,
			   .header = header,
			   .payload = payload,
			   .payload_size = sizeof(payload)},
		.count = 2,
	};
}

START_TEST(secrets_go_in_between_measure_and_finish)
{
	struct owner owner = new_owner();
	const char *log;
	void *place;

	init(techs[_i]);
	given.secret = give_secret;
	given.secret_payload = &owner;
	owner.secret.guest_size = 48;
	fixture_guest(&f);
	expect_ok(coco_guest_host_address(f.guest, 0x3010, 48, &place, &f.error), &f.error);
	for (int life = 0; life < 2; life++) {
		sev.used = 0;
		owner.asked = 0;
		if (life)
			expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
		else
			expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
		log = strstr(sev.log, "KVM_SEV_LAUNCH_MEASURE");
		ck_assert_ptr_nonnull(log);
		ck_assert_str_eq(log, "KVM_SEV_LAUNCH_MEASURE size=48\n"
				      "KVM_SEV_LAUNCH_SECRET header=52:a1 payload=32:b2 guest=48\n"
				      "KVM_SEV_LAUNCH_SECRET header=52:a1 payload=32:b2 guest=48\n"
				      "KVM_SEV_LAUNCH_FINISH\n");
		ck_assert_ptr_eq(sev.secret_place, place);
		ck_assert_uint_eq(owner.asked, 3);
	}
	end();
}
END_TEST

START_TEST(an_owner_may_refuse)
{
	struct owner owner = new_owner();

	init(COCO_TECH_SEV);
	given.secret = give_secret;
	given.secret_payload = &owner;
	fixture_guest(&f);
	owner.refuse = -EKEYREJECTED;
	expect_error(coco_guest_launch(f.guest, &f.error), &f.error, -EKEYREJECTED, "");
	expect_text(&f.error, "secret");
	fixture_expect_state(&f, COCO_STATE_DOWN, 0);
	ck_assert_ptr_null(strstr(sev.log, "LAUNCH_FINISH"));
	owner.refuse = 0;
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	end();
}
END_TEST

START_TEST(malformed_secrets_are_refused)
{
	const struct owner good = new_owner();
	struct owner owner = good;

#define BAD(field, value, name)                                                                    \
	do {                                                                                       \
		owner = good;                                                                      \
		owner.field = (value);                                                             \
		expect_error(coco_guest_launch(f.guest, &f.error), &f.error, -EINVAL, name);       \
		fixture_expect_state(&f, COCO_STATE_DOWN, 0);                                      \
	} while (0)

	init(COCO_TECH_SEVES);
	given.secret = give_secret;
	given.secret_payload = &owner;
	fixture_guest(&f);
	BAD(secret.header, NULL, "secret.header");
	BAD(secret.payload, NULL, "secret.payload");
	BAD(secret.payload_size, 0, "secret.payload_size");
	BAD(secret.payload_size, COCO_SEV_BLOB_MAX + 1, "secret.payload_size");
	BAD(secret.gpa, RAM_SIZE - 31, "secret.gpa");
	BAD(secret.gpa, RAM_SIZE, "secret.gpa");
	BAD(secret.gpa, UINT64_MAX - 15, "secret.gpa");
	BAD(secret.guest_size, UINT32_MAX, "secret.gpa");
	BAD(count, UINT32_MAX, "secret");
	end();
#undef BAD
}
END_TEST

int main(void)
{
	const TTest *const once[] = {
		what_the_options_change_is_predicted,
		a_cpuid_without_leaf_1_is_refused_before_anything_is_touched,
		a_measurement_of_another_technology_is_refused,
		an_owner_may_refuse,
		malformed_secrets_are_refused,
		NULL,
	};
	Suite *suite = expect_suite("launch digest", once);
	TCase *each = tcase_create("each");

	tcase_add_loop_test(each, what_is_launched_is_predicted, 0, TECHS);
	tcase_add_loop_test(each, what_is_not_measured_is_not_predicted, 0, 2);
	tcase_add_loop_test(each, a_platform_that_measured_something_else_is_found_out, 0, TECHS);
	tcase_add_loop_test(
		each, an_id_block_for_another_guest_is_refused_before_anything_is_touched, 0, 2);
	/* SEV and SEV-ES only. */
	tcase_add_loop_test(each, launch_measure_is_compared_where_the_tik_is_known, 0, 2);
	tcase_add_loop_test(each, secrets_go_in_between_measure_and_finish, 0, 2);
	suite_add_tcase(suite, each);
	return expect_run(suite);
}
