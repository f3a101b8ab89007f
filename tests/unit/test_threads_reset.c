/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Do vCPU threads go through resets without noticing, wherever the reset comes from? */
#include "vmm.h"

#include <sched.h>

static struct fixture f;
static struct vmm vmm;
static const uint32_t techs[] = {COCO_TECH_PLAIN, COCO_TECH_SWPROTECTED};

static void launch(uint32_t tech, uint32_t vcpus)
{
	fixture_init(&f, tech);
	f.options.vcpus = vcpus;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
}

static void reset(void)
{
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
}

static void expect_no_exits(uint32_t vcpus)
{
	for (uint32_t i = 0; i < vcpus; i++) {
		ck_assert_uint_eq(atomic_load(&vmm.workers[i].exits), 0);
		ck_assert_uint_eq(atomic_load(&vmm.workers[i].interrupted), 0);
	}
}

START_TEST(threads_in_the_guest_go_on_in_the_next_incarnation)
{
	launch(techs[_i], 4);
	vmm_start(&vmm, &f, 4, NULL);
	for (unsigned generation = 1; generation <= 10; generation++) {
		/* All four are inside KVM_RUN of this incarnation. */
		fake_kvm_await_waiting(f.fake, generation, 4);
		fixture_expect_state(&f, COCO_STATE_RUNNABLE, generation);
		reset();
	}
	fake_kvm_await_waiting(f.fake, 11, 4);
	expect_no_exits(4);
	ck_assert_uint_eq(fake_kvm_most_vms(f.fake), 1);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

START_TEST(vcpus_that_no_thread_ever_ran_are_not_waited_for)
{
	launch(techs[_i], 4);
	vmm_start(&vmm, &f, 0, NULL);
	vmm_start_one(&vmm, 2, NULL);
	fake_kvm_await_waiting(f.fake, 1, 1);
	reset();
	fake_kvm_await_waiting(f.fake, 2, 1);
	reset();
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

/* ---- from a vCPU's thread ---- */

static int out_in_the_first_life(void *payload, struct fake_kvm *fake,
				 const struct fake_entry *entry)
{
	const unsigned *resets = payload;

	if (entry->id == 0 && entry->vm <= *resets)
		return fake_exit_out(entry->run, 0xcf9, 6);
	return fake_kvm_wait(fake, entry);
}

static bool reset_at_out(struct worker *worker, const struct coco_exit *exit)
{
	if (exit->reason == COCO_EXIT_KVM && exit->kvm_reason == KVM_EXIT_IO)
		worker->rc = coco_guest_reset(worker->vmm->f->guest, &worker->error);
	return worker->rc == 0;
}

START_TEST(a_vcpus_own_thread_may_reset_between_two_runs)
{
	unsigned resets = 5;

	launch(techs[_i], 3);
	fake_kvm_on_run(f.fake, out_in_the_first_life, &resets);
	vmm_start(&vmm, &f, 3, reset_at_out);
	fake_kvm_await_waiting(f.fake, resets + 1, 3);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, resets + 1);
	ck_assert_uint_eq(atomic_load(&vmm.workers[0].exits), resets);
	ck_assert_uint_eq(atomic_load(&vmm.workers[1].exits), 0);
	ck_assert_uint_eq(fake_kvm_most_vms(f.fake), 1);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

static int out_everywhere_once(void *payload, struct fake_kvm *fake, const struct fake_entry *entry)
{
	(void)payload;
	if (entry->vm == 1)
		return fake_exit_out(entry->run, 0xcf9, 6);
	return fake_kvm_wait(fake, entry);
}

static atomic_uint arrived;

/* Nobody asks before all have an exit to handle. */
static bool reset_together(struct worker *worker, const struct coco_exit *exit)
{
	if (exit->reason == COCO_EXIT_KVM && exit->kvm_reason == KVM_EXIT_IO) {
		atomic_fetch_add(&arrived, 1);
		while (atomic_load(&arrived) < 4)
			sched_yield();
	}
	return reset_at_out(worker, exit);
}

START_TEST(all_vcpus_may_ask_at_once_and_nobody_waits_for_ever)
{
	launch(COCO_TECH_PLAIN, 4);
	atomic_store(&arrived, 0);
	fake_kvm_on_run(f.fake, out_everywhere_once, NULL);
	vmm_start(&vmm, &f, 4, reset_together);
	fake_kvm_await_waiting(f.fake, 2, 4);
	/* Those that came while a reset was under way had that one. */
	ck_assert_uint_ge(coco_guest_generation(f.guest), 2);
	ck_assert_uint_le(coco_guest_generation(f.guest), 5);
	for (uint32_t i = 0; i < 4; i++)
		ck_assert_uint_eq(atomic_load(&vmm.workers[i].exits), 1);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

/* ---- two at once ---- */

START_TEST(two_resets_at_once_are_one)
{
	struct caller first, second;

	launch(techs[_i], 2);
	vmm_start(&vmm, &f, 2, NULL);
	fake_kvm_await_waiting(f.fake, 1, 2);
	fake_kvm_hold(f.fake, "KVM_CREATE_VM");
	caller_start(&first, f.guest, coco_guest_reset);
	fake_kvm_await_held(f.fake);
	fixture_expect_state(&f, COCO_STATE_RESETTING, 1);
	caller_start(&second, f.guest, coco_guest_reset);
	vmm_await_sleep(&second.tid);
	ck_assert(!atomic_load(&second.done));
	fake_kvm_release(f.fake);
	ck_assert_int_eq(caller_join(&first), 0);
	ck_assert_int_eq(caller_join(&second), 0);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 2);
	fake_kvm_await_waiting(f.fake, 2, 2);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

START_TEST(two_resets_at_once_fail_alike)
{
	struct caller first, second;

	launch(COCO_TECH_PLAIN, 2);
	vmm_start(&vmm, &f, 2, NULL);
	fake_kvm_await_waiting(f.fake, 1, 2);
	fake_kvm_hold(f.fake, "KVM_CREATE_VM");
	fake_kvm_fail(f.fake, "KVM_CREATE_VCPU", 2, ENOMEM, false);
	caller_start(&first, f.guest, coco_guest_reset);
	fake_kvm_await_held(f.fake);
	caller_start(&second, f.guest, coco_guest_reset);
	vmm_await_sleep(&second.tid);
	fake_kvm_release(f.fake);
	expect_call_failed(caller_join(&first), &first.error, -ENOMEM, "KVM_CREATE_VCPU", "first");
	expect_call_failed(caller_join(&second), &second.error, -ENOMEM, "KVM_CREATE_VCPU",
			   "second");
	fixture_expect_state(&f, COCO_STATE_DOWN, 1);
	reset();
	fake_kvm_await_waiting(f.fake, 2, 2);
	expect_no_exits(2);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

/* ---- parked, down, dead ---- */

START_TEST(a_parked_guest_is_reset_and_stays_parked)
{
	launch(techs[_i], 2);
	vmm_start(&vmm, &f, 2, NULL);
	fake_kvm_await_waiting(f.fake, 1, 2);
	expect_ok(coco_guest_park(f.guest, &f.error), &f.error);
	fixture_expect_state(&f, COCO_STATE_PARKED, 1);
	reset();
	fixture_expect_state(&f, COCO_STATE_PARKED, 2);
	for (uint32_t i = 0; i < 2; i++)
		vmm_await_sleep(&vmm.workers[i].tid);
	ck_assert_uint_eq(fake_kvm_count_waiting(f.fake), 0);
	expect_ok(coco_guest_resume(f.guest, &f.error), &f.error);
	fake_kvm_await_waiting(f.fake, 2, 2);
	expect_no_exits(2);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

START_TEST(park_and_resume_keep_the_incarnation)
{
	launch(techs[_i], 3);
	vmm_start(&vmm, &f, 3, NULL);
	for (unsigned round = 0; round < 5; round++) {
		fake_kvm_await_waiting(f.fake, 1, 3);
		expect_ok(coco_guest_park(f.guest, &f.error), &f.error);
		ck_assert_uint_eq(fake_kvm_count_waiting(f.fake), 0);
		expect_ok(coco_guest_park(f.guest, &f.error), &f.error);
		expect_ok(coco_guest_resume(f.guest, &f.error), &f.error);
		expect_ok(coco_guest_resume(f.guest, &f.error), &f.error);
	}
	fake_kvm_await_waiting(f.fake, 1, 3);
	expect_no_exits(3);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 1);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

START_TEST(threads_wait_over_a_reset_that_fails)
{
	launch(techs[_i], 3);
	vmm_start(&vmm, &f, 3, NULL);
	fake_kvm_await_waiting(f.fake, 1, 3);
	for (unsigned n = 1; n <= 3; n++) {
		fake_kvm_fail(f.fake, "KVM_CREATE_VCPU", n, EIO, false);
		expect_call_error(coco_guest_reset(f.guest, &f.error), &f.error, -EIO,
				  "KVM_CREATE_VCPU");
		fixture_expect_state(&f, COCO_STATE_DOWN, 1);
		ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 0);
	}
	expect_no_exits(3);
	reset();
	fake_kvm_await_waiting(f.fake, 4, 3);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 2);
	expect_no_exits(3);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

START_TEST(a_guest_that_failed_to_reset_is_torn_down_with_its_threads_inside)
{
	launch(techs[_i], 2);
	vmm_start(&vmm, &f, 2, NULL);
	fake_kvm_await_waiting(f.fake, 1, 2);
	fake_kvm_fail(f.fake, "KVM_CREATE_VM", 1, EIO, false);
	expect_call_error(coco_guest_reset(f.guest, &f.error), &f.error, -EIO, "KVM_CREATE_VM");
	vmm_stop(&vmm);
	fixture_expect_state(&f, COCO_STATE_DEAD, 1);
	fixture_end(&f);
}
END_TEST

START_TEST(teardown_stops_threads_wherever_they_are)
{
	launch(techs[_i], 4);
	vmm_start(&vmm, &f, 4, NULL);
	fake_kvm_await_waiting(f.fake, 1, 4);
	if (_i == 1)
		expect_ok(coco_guest_park(f.guest, &f.error), &f.error);
	vmm_stop(&vmm);
	expect_no_exits(4);
	fixture_end(&f);
}
END_TEST

static bool leave(struct worker *worker, const struct coco_exit *exit)
{
	(void)exit;
	coco_vcpu_park(worker->vcpu);
	return false;
}

START_TEST(another_thread_may_take_a_vcpu_over)
{
	launch(COCO_TECH_PLAIN, 1);
	vmm_start(&vmm, &f, 0, NULL);
	for (unsigned generation = 1; generation < 5; generation++) {
		vmm_start_one(&vmm, 0, leave);
		fake_kvm_await_waiting(f.fake, generation, 1);
		reset();
		fake_kvm_await_waiting(f.fake, generation + 1, 1);
		coco_vcpu_kick(coco_guest_vcpu(f.guest, 0));
		vmm_join_one(&vmm, 0);
		ck_assert_uint_eq(vmm.workers[0].reason, COCO_EXIT_INTERRUPTED);
		ck_assert_uint_eq(atomic_load(&vmm.workers[0].generation), generation + 1);
	}
	fixture_end(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("threads: reset");
	TCase *tcase = tcase_create("reset");

	tcase_add_loop_test(tcase, threads_in_the_guest_go_on_in_the_next_incarnation, 0, 2);
	tcase_add_loop_test(tcase, vcpus_that_no_thread_ever_ran_are_not_waited_for, 0, 2);
	tcase_add_loop_test(tcase, a_vcpus_own_thread_may_reset_between_two_runs, 0, 2);
	tcase_add_test(tcase, all_vcpus_may_ask_at_once_and_nobody_waits_for_ever);
	tcase_add_loop_test(tcase, two_resets_at_once_are_one, 0, 2);
	tcase_add_test(tcase, two_resets_at_once_fail_alike);
	tcase_add_loop_test(tcase, a_parked_guest_is_reset_and_stays_parked, 0, 2);
	tcase_add_loop_test(tcase, park_and_resume_keep_the_incarnation, 0, 2);
	tcase_add_loop_test(tcase, threads_wait_over_a_reset_that_fails, 0, 2);
	tcase_add_loop_test(
		tcase, a_guest_that_failed_to_reset_is_torn_down_with_its_threads_inside, 0, 2);
	tcase_add_loop_test(tcase, teardown_stops_threads_wherever_they_are, 0, 2);
	tcase_add_test(tcase, another_thread_may_take_a_vcpu_over);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
