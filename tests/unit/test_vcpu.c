/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What comes back from coco_vcpu_run(), and what does it cost? One thread only. */
#include "script.h"

#include <stdlib.h>

static struct fixture f;
static struct script script;
static const uint32_t techs[] = {COCO_TECH_PLAIN, COCO_TECH_SWPROTECTED};

static struct coco_vcpu *vcpu0(void)
{
	return coco_guest_vcpu(f.guest, 0);
}

static void expect_exit(uint32_t reason, uint32_t kvm_reason, uint64_t generation)
{
	struct coco_exit exit;

	expect_ok(script_run(&f, &exit), &f.error);
	ck_assert_uint_eq(exit.reason, reason);
	ck_assert_uint_eq(exit.kvm_reason, kvm_reason);
	ck_assert_uint_eq(exit.generation, generation);
}

START_TEST(exits_of_the_guest_are_the_vmms)
{
	struct kvm_run *run;

	fixture_launch(&f, techs[_i]);
	script_start(&script, &f,
		     (struct script_step[]){{.kind = SCRIPT_HLT},
					    {.kind = SCRIPT_OUT, .gpa = 0x3f8},
					    {.kind = SCRIPT_END}});
	run = coco_vcpu_kvm_run(vcpu0());
	expect_exit(COCO_EXIT_KVM, KVM_EXIT_HLT, 1);
	expect_exit(COCO_EXIT_KVM, KVM_EXIT_IO, 1);
	ck_assert_uint_eq(run->io.port, 0x3f8);
	ck_assert_uint_eq(*((uint8_t *)run + run->io.data_offset), 0x42);
	expect_exit(COCO_EXIT_KVM, KVM_EXIT_HLT, 1);
	fixture_end(&f);
}
END_TEST

START_TEST(data_for_the_guest_is_delivered_by_the_next_call)
{
	struct kvm_run *run;

	fixture_launch(&f, COCO_TECH_PLAIN);
	script_start(
		&script, &f,
		(struct script_step[]){{.kind = SCRIPT_IN, .gpa = 0x60}, {.kind = SCRIPT_END}});
	expect_exit(COCO_EXIT_KVM, KVM_EXIT_IO, 1);
	run = coco_vcpu_kvm_run(vcpu0());
	ck_assert_uint_eq(run->io.direction, KVM_EXIT_IO_IN);
	*((uint8_t *)run + run->io.data_offset) = 0x77;
	script_run_to_end(&f);
	ck_assert_uint_eq(script.results[0], 0x77);
	fixture_end(&f);
}
END_TEST

START_TEST(a_reset_leaves_nothing_to_complete)
{
	struct fake_vcpu_state *state = malloc(sizeof(*state));

	ck_assert_ptr_nonnull(state);
	fixture_launch(&f, COCO_TECH_PLAIN);
	script_start(
		&script, &f,
		(struct script_step[]){{.kind = SCRIPT_IN, .gpa = 0x60}, {.kind = SCRIPT_END}});
	expect_exit(COCO_EXIT_KVM, KVM_EXIT_IO, 1);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	ck_assert(fake_kvm_vcpu_state(f.fake, coco_vcpu_fd(vcpu0()), state));
	ck_assert_uint_eq(state->runs, 0);
	expect_exit(COCO_EXIT_KVM, KVM_EXIT_HLT, 2);
	ck_assert(fake_kvm_vcpu_state(f.fake, coco_vcpu_fd(vcpu0()), state));
	ck_assert_uint_eq(state->runs, 1);
	free(state);
	fixture_end(&f);
}
END_TEST

START_TEST(an_exit_costs_one_system_call)
{
	const unsigned rounds = 100;
	unsigned before, ran;

	fixture_launch(&f, techs[_i]);
	script_start(&script, &f, (struct script_step[]){{.kind = SCRIPT_END}});
	expect_exit(COCO_EXIT_KVM, KVM_EXIT_HLT, 1);
	before = fake_kvm_count(f.fake, NULL);
	ran = fake_kvm_count(f.fake, "KVM_RUN");
	for (unsigned i = 0; i < rounds; i++)
		expect_exit(COCO_EXIT_KVM, KVM_EXIT_HLT, 1);
	ck_assert_uint_eq(fake_kvm_count(f.fake, "KVM_RUN") - ran, rounds);
	ck_assert_uint_eq(fake_kvm_count(f.fake, NULL) - before, rounds);
	fixture_end(&f);
}
END_TEST

START_TEST(a_signal_that_is_the_vmms_own_interrupts)
{
	fixture_launch(&f, COCO_TECH_PLAIN);
	script_start(&script, &f,
		     (struct script_step[]){{.kind = SCRIPT_CODE, .code = -EINTR},
					    {.kind = SCRIPT_CODE, .code = -EINTR},
					    {.kind = SCRIPT_END}});
	expect_exit(COCO_EXIT_INTERRUPTED, 0, 1);
	expect_exit(COCO_EXIT_INTERRUPTED, 0, 1);
	expect_exit(COCO_EXIT_KVM, KVM_EXIT_HLT, 1);
	fixture_end(&f);
}
END_TEST

START_TEST(a_vcpu_that_was_woken_is_entered_again)
{
	fixture_launch(&f, COCO_TECH_PLAIN);
	script_start(&script, &f,
		     (struct script_step[]){{.kind = SCRIPT_CODE, .code = -EAGAIN},
					    {.kind = SCRIPT_CODE, .code = -EAGAIN},
					    {.kind = SCRIPT_END}});
	expect_exit(COCO_EXIT_KVM, KVM_EXIT_HLT, 1);
	fixture_end(&f);
}
END_TEST

START_TEST(an_errno_of_kvm_run_is_an_error_and_no_end)
{
	static const int codes[] = {EIO, EFAULT, ENOMEM, EINVAL, ENOEXEC};
	struct coco_exit exit;
	int code = -codes[_i];

	fixture_launch(&f, COCO_TECH_PLAIN);
	script_start(&script, &f,
		     (struct script_step[]){{.kind = SCRIPT_CODE, .code = code},
					    {.kind = SCRIPT_CODE, .code = code},
					    {.kind = SCRIPT_END}});
	expect_call_error(script_run(&f, &exit), &f.error, code, "KVM_RUN");
	ck_assert_uint_eq(f.error.stage, COCO_STAGE_RUN);
	expect_text(&f.error, "vCPU 0");
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 1);
	/* It may be reset, or run again. */
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	expect_call_error(script_run(&f, &exit), &f.error, code, "KVM_RUN");
	expect_exit(COCO_EXIT_KVM, KVM_EXIT_HLT, 2);
	fixture_end(&f);
}
END_TEST

START_TEST(kicks_before_a_run_count_as_one)
{
	fixture_launch(&f, techs[_i]);
	script_start(&script, &f, (struct script_step[]){{.kind = SCRIPT_END}});
	for (unsigned i = 0; i < 3; i++)
		coco_vcpu_kick(vcpu0());
	expect_exit(COCO_EXIT_INTERRUPTED, 0, 1);
	expect_exit(COCO_EXIT_KVM, KVM_EXIT_HLT, 1);
	/* One that came while an exit was handled, too. */
	coco_vcpu_kick(vcpu0());
	expect_exit(COCO_EXIT_INTERRUPTED, 0, 1);
	expect_exit(COCO_EXIT_KVM, KVM_EXIT_HLT, 1);
	fixture_end(&f);
}
END_TEST

START_TEST(a_kick_reaches_its_vcpu_only)
{
	struct coco_exit exit;

	fixture_init(&f, COCO_TECH_PLAIN);
	f.options.vcpus = 2;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	script_start(&script, &f, (struct script_step[]){{.kind = SCRIPT_END}});
	coco_vcpu_kick(vcpu0());
	COCO_INIT(&exit);
	expect_ok(coco_vcpu_run(coco_guest_vcpu(f.guest, 1), &exit, &f.error), &f.error);
	ck_assert_uint_eq(exit.reason, COCO_EXIT_KVM);
	expect_exit(COCO_EXIT_INTERRUPTED, 0, 1);
	fixture_end(&f);
}
END_TEST

START_TEST(a_kick_before_the_launch_is_not_lost)
{
	struct coco_exit exit;

	fixture_init(&f, COCO_TECH_PLAIN);
	fixture_guest(&f);
	script_start(&script, &f, (struct script_step[]){{.kind = SCRIPT_END}});
	coco_vcpu_kick(vcpu0());
	expect_error(script_run(&f, &exit), &f.error, -EBUSY, "state");
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	expect_exit(COCO_EXIT_INTERRUPTED, 0, 1);
	expect_exit(COCO_EXIT_KVM, KVM_EXIT_HLT, 1);
	fixture_end(&f);
}
END_TEST

START_TEST(the_exit_struct_may_be_of_another_version)
{
	struct {
		struct coco_exit known;
		uint8_t unknown[32];
	} newer;
	struct coco_exit exit;

	fixture_launch(&f, COCO_TECH_PLAIN);
	script_start(&script, &f, (struct script_step[]){{.kind = SCRIPT_END}});
	memset(&exit, 0xee, sizeof(exit));
	exit.struct_size = 0;
	expect_error(coco_vcpu_run(vcpu0(), &exit, &f.error), &f.error, -EINVAL, "struct_size");
	ck_assert_uint_eq(fake_kvm_count(f.fake, "KVM_RUN"), 0);
	exit.struct_size = offsetof(struct coco_exit, generation);
	expect_ok(coco_vcpu_run(vcpu0(), &exit, &f.error), &f.error);
	ck_assert_uint_eq(exit.reason, COCO_EXIT_KVM);
	ck_assert_uint_eq(exit.kvm_reason, KVM_EXIT_HLT);
	ck_assert_uint_eq(exit.generation, 0xeeeeeeeeeeeeeeee);
	memset(&newer, 0xee, sizeof(newer));
	newer.known.struct_size = sizeof(newer);
	expect_ok(coco_vcpu_run(vcpu0(), &newer.known, &f.error), &f.error);
	ck_assert_uint_eq(newer.known.kvm_reason, KVM_EXIT_HLT);
	for (size_t i = 0; i < sizeof(newer.unknown); i++)
		ck_assert_uint_eq(newer.unknown[i], 0);
	fixture_end(&f);
}
END_TEST

START_TEST(a_dead_guest_stops_its_vcpus_each_time)
{
	fixture_launch(&f, techs[_i]);
	expect_ok(coco_guest_teardown(f.guest, &f.error), &f.error);
	fake_kvm_transcript_clear(f.fake);
	for (unsigned i = 0; i < 3; i++) {
		struct coco_exit exit;

		expect_ok(script_run(&f, &exit), &f.error);
		ck_assert_uint_eq(exit.reason, COCO_EXIT_STOPPED);
		coco_vcpu_kick(vcpu0());
	}
	expect_transcript(f.fake, "");
	fixture_end(&f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		data_for_the_guest_is_delivered_by_the_next_call,
		a_reset_leaves_nothing_to_complete,
		a_signal_that_is_the_vmms_own_interrupts,
		a_vcpu_that_was_woken_is_entered_again,
		a_kick_reaches_its_vcpu_only,
		a_kick_before_the_launch_is_not_lost,
		the_exit_struct_may_be_of_another_version,
		NULL,
	};
	Suite *suite = expect_suite("vcpu", tests);
	TCase *loops = tcase_create("one by one");

	tcase_add_loop_test(loops, exits_of_the_guest_are_the_vmms, 0, 2);
	tcase_add_loop_test(loops, an_exit_costs_one_system_call, 0, 2);
	tcase_add_loop_test(loops, an_errno_of_kvm_run_is_an_error_and_no_end, 0, 5);
	tcase_add_loop_test(loops, kicks_before_a_run_count_as_one, 0, 2);
	tcase_add_loop_test(loops, a_dead_guest_stops_its_vcpus_each_time, 0, 2);
	suite_add_tcase(suite, loops);
	return expect_run(suite);
}
