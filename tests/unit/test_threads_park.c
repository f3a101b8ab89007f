/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What if a thread does not come to rest, is busy with an exit, or is kicked? And what may
 * others do while a launch or reset is under way?
 */
#define _GNU_SOURCE
#include "vmm.h"

#include <sched.h>
#include <signal.h>

static struct fixture f;
static struct vmm vmm;

static void launch(uint32_t vcpus, uint32_t park_timeout_ms)
{
	fixture_init(&f, COCO_TECH_PLAIN);
	f.options.vcpus = vcpus;
	f.options.park_timeout_ms = park_timeout_ms;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
}

static unsigned long count_of(atomic_ulong *counter)
{
	return atomic_load(counter);
}

typedef int (*guest_fn)(struct coco_guest *guest, struct coco_error *error);

static int teardown_guest(struct coco_guest *guest, struct coco_error *error)
{
	return coco_guest_teardown(guest, error);
}

static const guest_fn parkers[] = {coco_guest_reset, coco_guest_park, teardown_guest};

/* The call gives up on that vCPU, and the guest is as it was. */
static void expect_timeout(guest_fn call, const char *who)
{
	fake_kvm_transcript_clear(f.fake);
	expect_spoil(&f.error);
	expect_failed(call(f.guest, &f.error), &f.error, -ETIMEDOUT, "", "parking");
	ck_assert_uint_eq(f.error.stage, COCO_STAGE_PARK);
	expect_text(&f.error, who);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 1);
	ck_assert_ptr_null(strstr(fake_kvm_transcript(f.fake), "vm1"));
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 1);
}

/* ---- threads that do not come ---- */

static struct {
	struct vmm *vmm;
	unsigned id;
} deaf_vcpu;

/* That vCPU does not heed kicks until the gate is open. */
static int deaf(void *payload, struct fake_kvm *fake, const struct fake_entry *entry)
{
	(void)payload;
	if (entry->id == deaf_vcpu.id && entry->vm == 1)
		vmm_wait_at_gate(deaf_vcpu.vmm);
	return fake_kvm_wait(fake, entry);
}

static void launch_deaf(unsigned id)
{
	launch(3, 20);
	deaf_vcpu.vmm = &vmm;
	deaf_vcpu.id = id;
	fake_kvm_on_run(f.fake, deaf, NULL);
}

START_TEST(a_vcpu_that_does_not_come_is_named)
{
	launch_deaf(1);
	/* Only its thread: the other two are at rest for certain. */
	vmm_start(&vmm, &f, 0, NULL);
	vmm_start_one(&vmm, 1, NULL);
	vmm_await_gate(&vmm);
	expect_timeout(parkers[_i], "vCPU 1");
	vmm_open_gate(&vmm);
	fake_kvm_await_waiting(f.fake, 1, 1);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

START_TEST(after_a_timeout_the_others_run_on)
{
	launch_deaf(0);
	vmm_start(&vmm, &f, 3, NULL);
	vmm_await_gate(&vmm);
	fake_kvm_await_waiting(f.fake, 1, 2);
	expect_timeout(parkers[_i], "vCPU");
	/* They are inside again, or still. */
	fake_kvm_await_waiting(f.fake, 1, 2);
	vmm_open_gate(&vmm);
	fake_kvm_await_waiting(f.fake, 1, 3);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(count_of(&vmm.workers[i].exits), 0);
		ck_assert_uint_eq(count_of(&vmm.workers[i].interrupted), 0);
	}
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

/* ---- threads that handle an exit ---- */

static int out_once(void *payload, struct fake_kvm *fake, const struct fake_entry *entry)
{
	(void)payload;
	if (entry->vm == 1 && entry->id == 0)
		return fake_exit_out(entry->run, 0x3f8, 1);
	return fake_kvm_wait(fake, entry);
}

static bool handle_slowly(struct worker *worker, const struct coco_exit *exit)
{
	if (exit->reason == COCO_EXIT_KVM) {
		vmm_wait_at_gate(worker->vmm);
		/* What was read from kvm_run is still there. */
		if (coco_vcpu_kvm_run(worker->vcpu)->io.port != 0x3f8)
			atomic_fetch_add(&worker->wrong, 1);
	}
	return true;
}

static bool park_then_handle(struct worker *worker, const struct coco_exit *exit)
{
	if (exit->reason == COCO_EXIT_KVM) {
		coco_vcpu_park(worker->vcpu);
		vmm_wait_at_gate(worker->vmm);
	}
	return true;
}

START_TEST(a_thread_that_handles_an_exit_is_waited_for)
{
	struct caller caller;

	launch(2, 60000);
	fake_kvm_on_run(f.fake, out_once, NULL);
	vmm_start(&vmm, &f, 2, handle_slowly);
	vmm_await_gate(&vmm);
	fake_kvm_await_waiting(f.fake, 1, 1);
	caller_start(&caller, f.guest, coco_guest_reset);
	vmm_await_sleep(&caller.tid);
	ck_assert(!atomic_load(&caller.done));
	ck_assert_uint_eq(coco_guest_generation(f.guest), 1);
	vmm_open_gate(&vmm);
	ck_assert_int_eq(caller_join(&caller), 0);
	fake_kvm_await_waiting(f.fake, 2, 2);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

static guest_fn own_call;
static atomic_bool own_call_done;

static bool call_slowly(struct worker *worker, const struct coco_exit *exit)
{
	if (exit->reason == COCO_EXIT_KVM) {
		vmm_wait_at_gate(worker->vmm);
		worker->rc = own_call(worker->vmm->f->guest, &worker->error);
		atomic_store(&own_call_done, true);
	}
	return worker->rc == 0;
}

START_TEST(a_thread_that_waits_for_a_reset_in_a_call_of_its_own_is_not_waited_for)
{
	static const guest_fn calls[] = {coco_guest_reset, coco_guest_park, coco_guest_resume};
	struct caller caller;

	launch(2, 60000);
	own_call = calls[_i];
	atomic_store(&own_call_done, false);
	fake_kvm_on_run(f.fake, out_once, NULL);
	vmm_start(&vmm, &f, 2, call_slowly);
	vmm_await_gate(&vmm);
	fake_kvm_await_waiting(f.fake, 1, 1);
	caller_start(&caller, f.guest, coco_guest_reset);
	vmm_await_sleep(&caller.tid);
	ck_assert(!atomic_load(&caller.done));
	/* It has an exit, and its call waits for the reset that waits for it. */
	vmm_open_gate(&vmm);
	ck_assert_int_eq(caller_join(&caller), 0);
	ck_assert_uint_eq(coco_guest_generation(f.guest), 2);
	while (!atomic_load(&own_call_done))
		sched_yield();
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

START_TEST(a_thread_that_handles_an_exit_too_long_is_named)
{
	launch(2, 20);
	fake_kvm_on_run(f.fake, out_once, NULL);
	vmm_start(&vmm, &f, 2, handle_slowly);
	vmm_await_gate(&vmm);
	expect_timeout(parkers[_i], "vCPU 0");
	vmm_open_gate(&vmm);
	/* After that it is entered again, with the exit completed. */
	while (atomic_load(&vmm.workers[0].exits) < 2)
		sched_yield();
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

START_TEST(a_thread_that_says_it_is_done_is_not_waited_for)
{
	launch(2, 60000);
	fake_kvm_on_run(f.fake, out_once, NULL);
	vmm_start(&vmm, &f, 2, park_then_handle);
	vmm_await_gate(&vmm);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 2);
	vmm_open_gate(&vmm);
	fake_kvm_await_waiting(f.fake, 2, 2);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

/* ---- kicks ---- */

static bool stop_at_interrupt(struct worker *worker, const struct coco_exit *exit)
{
	(void)worker;
	return exit->reason != COCO_EXIT_INTERRUPTED;
}

START_TEST(a_kick_brings_a_vcpu_out_of_the_guest)
{
	launch(2, 0);
	vmm_start(&vmm, &f, 2, stop_at_interrupt);
	fake_kvm_await_waiting(f.fake, 1, 2);
	coco_vcpu_kick(coco_guest_vcpu(f.guest, 1));
	vmm_join_one(&vmm, 1);
	ck_assert_uint_eq(vmm.workers[1].reason, COCO_EXIT_INTERRUPTED);
	ck_assert_uint_eq(count_of(&vmm.workers[0].interrupted), 0);
	/* Nothing of the kick is left for the next thread. */
	vmm_start_one(&vmm, 1, NULL);
	fake_kvm_await_waiting(f.fake, 1, 2);
	vmm_stop(&vmm);
	ck_assert_uint_eq(count_of(&vmm.workers[1].interrupted), 0);
	fixture_end(&f);
}
END_TEST

START_TEST(a_kick_wakes_a_vcpu_that_waits_for_its_guest)
{
	launch(1, 0);
	if (_i == 0) {
		expect_ok(coco_guest_park(f.guest, &f.error), &f.error);
	} else {
		fake_kvm_fail(f.fake, "KVM_CREATE_VM", 1, EIO, false);
		expect_call_error(coco_guest_reset(f.guest, &f.error), &f.error, -EIO,
				  "KVM_CREATE_VM");
	}
	vmm_start(&vmm, &f, 1, stop_at_interrupt);
	vmm_await_sleep(&vmm.workers[0].tid);
	coco_vcpu_kick(coco_guest_vcpu(f.guest, 0));
	vmm_join_one(&vmm, 0);
	ck_assert_uint_eq(vmm.workers[0].reason, COCO_EXIT_INTERRUPTED);
	fixture_end(&f);
}
END_TEST

static void *kick_again_and_again(void *payload)
{
	atomic_bool *stop = payload;

	while (!atomic_load(stop))
		coco_vcpu_kick(coco_guest_vcpu(f.guest, 0));
	return NULL;
}

START_TEST(kicks_and_entries_may_race_while_there_is_no_vm)
{
	atomic_bool stop = false;
	pthread_t kicker;

	launch(1, 0);
	fake_kvm_fail(f.fake, "KVM_CREATE_VM", 1, EIO, false);
	expect_call_error(coco_guest_reset(f.guest, &f.error), &f.error, -EIO, "KVM_CREATE_VM");
	ck_assert_int_eq(pthread_create(&kicker, NULL, kick_again_and_again, &stop), 0);
	for (unsigned i = 0; i < 20000; i++) {
		struct coco_exit exit;

		COCO_INIT(&exit);
		ck_assert_int_eq(coco_vcpu_run(coco_guest_vcpu(f.guest, 0), &exit, NULL), 0);
		ck_assert_uint_eq(exit.reason, COCO_EXIT_INTERRUPTED);
	}
	atomic_store(&stop, true);
	ck_assert_int_eq(pthread_join(kicker, NULL), 0);
	fixture_end(&f);
}
END_TEST

START_TEST(kicks_may_race_with_resets)
{
	static const uint32_t techs[] = {COCO_TECH_PLAIN, COCO_TECH_SWPROTECTED};
	atomic_bool stop = false;
	pthread_t kicker;

	fixture_init(&f, techs[_i]);
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	fake_kvm_stop_transcript(f.fake);
	vmm_start(&vmm, &f, 1, NULL);
	ck_assert_int_eq(pthread_create(&kicker, NULL, kick_again_and_again, &stop), 0);
	for (unsigned i = 0; i < 50; i++)
		expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	atomic_store(&stop, true);
	ck_assert_int_eq(pthread_join(kicker, NULL), 0);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 51);
	fake_kvm_await_waiting(f.fake, 51, 1);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

/* The kick for parking and an exit of the guest come at the same time: the exit wins. */
static int exit_when_kicked(void *payload, struct fake_kvm *fake, const struct fake_entry *entry)
{
	(void)payload;
	if (entry->vm == 1) {
		(void)fake_kvm_wait(fake, entry);
		return fake_exit_out(entry->run, 0x3f8, 1);
	}
	/* In the next life the first thing that comes is a signal of the VMM's own. */
	if (entry->count == 1) {
		entry->run->exit_reason = KVM_EXIT_INTR;
		return -EINTR;
	}
	return fake_kvm_wait(fake, entry);
}

START_TEST(a_signal_after_a_reset_is_not_taken_for_the_kick_before_it)
{
	launch(1, 0);
	fake_kvm_on_run(f.fake, exit_when_kicked, NULL);
	vmm_start(&vmm, &f, 1, NULL);
	fake_kvm_await_waiting(f.fake, 1, 1);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	fake_kvm_await_waiting(f.fake, 2, 1);
	ck_assert_uint_eq(count_of(&vmm.workers[0].exits), 1);
	ck_assert_uint_eq(count_of(&vmm.workers[0].interrupted), 1);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

START_TEST(one_thread_runs_a_vcpu_at_a_time)
{
	struct coco_exit exit;

	launch(1, 0);
	vmm_start(&vmm, &f, 1, NULL);
	for (unsigned round = 0; round < 2; round++) {
		if (round == 0)
			fake_kvm_await_waiting(f.fake, 1, 1);
		else
			expect_ok(coco_guest_park(f.guest, &f.error), &f.error);
		COCO_INIT(&exit);
		expect_error(coco_vcpu_run(coco_guest_vcpu(f.guest, 0), &exit, &f.error), &f.error,
			     -EBUSY, "vcpu");
	}
	ck_assert_uint_eq(count_of(&vmm.workers[0].interrupted), 0);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

/* ---- by signal ---- */

static atomic_uint signals;

static void count_signal(int number)
{
	(void)number;
	atomic_fetch_add(&signals, 1);
}

static void install(int number, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	ck_assert_int_eq(sigaction(number, &action, NULL), 0);
}

static int wait_for_signal(void *payload, struct fake_kvm *fake, const struct fake_entry *entry)
{
	(void)payload;
	return fake_kvm_wait_signal(fake, entry);
}

START_TEST(a_signal_kicks_as_well)
{
	install(SIGUSR1, count_signal, 0);
	atomic_store(&signals, 0);
	fixture_init(&f, COCO_TECH_PLAIN);
	f.options.vcpus = 3;
	f.options.kick = NULL;
	f.options.kick_signal = SIGUSR1;
	fixture_guest(&f);
	fake_kvm_on_run(f.fake, wait_for_signal, NULL);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	vmm_start(&vmm, &f, 3, NULL);
	for (unsigned generation = 1; generation < 4; generation++) {
		fake_kvm_await_waiting(f.fake, generation, 3);
		expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
		ck_assert_uint_ge(atomic_load(&signals), 3 * generation);
	}
	vmm_stop(&vmm);
	fixture_end(&f);
	install(SIGUSR1, SIG_DFL, 0);
}
END_TEST

START_TEST(a_signal_that_cannot_kick_is_refused)
{
	static const struct {
		void (*handler)(int);
		int flags;
	} bad[] = {{SIG_DFL, 0}, {SIG_IGN, 0}, {count_signal, SA_RESTART}};

	fixture_init(&f, COCO_TECH_PLAIN);
	f.options.kick = NULL;
	f.options.kick_signal = SIGUSR1;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		install(SIGUSR1, bad[i].handler, bad[i].flags);
		expect_error(coco_guest_new(f.host, &f.options, &f.guest, &f.error), &f.error,
			     -EINVAL, "kick_signal");
	}
	install(SIGUSR1, SIG_DFL, 0);
	fixture_end(&f);
}
END_TEST

/* ---- while a launch or reset is under way ---- */

/* Lets the call that is held go on, with another behind it, and tells how that one ended. */
static int call_behind(struct caller *first, guest_fn second)
{
	struct caller caller;

	caller_start(&caller, f.guest, second);
	vmm_await_sleep(&caller.tid);
	ck_assert(!atomic_load(&caller.done));
	fake_kvm_release(f.fake);
	ck_assert_int_eq(caller_join(first), 0);
	(void)caller_join(&caller);
	f.error = caller.error;
	return caller.rc;
}

static const struct {
	guest_fn second;
	int after_launch, after_reset;
	uint32_t state;
} behind[] = {
	{coco_guest_launch, -EBUSY, -EBUSY, COCO_STATE_RUNNABLE},
	{coco_guest_park, 0, 0, COCO_STATE_PARKED},
	{coco_guest_resume, 0, 0, COCO_STATE_RUNNABLE},
	{teardown_guest, 0, 0, COCO_STATE_DEAD},
};

START_TEST(other_calls_wait_for_a_launch_and_see_its_outcome)
{
	struct caller caller;
	struct coco_exit exit;
	int rc;

	fixture_init(&f, COCO_TECH_PLAIN);
	fixture_guest(&f);
	fake_kvm_hold(f.fake, "KVM_CREATE_VCPU");
	caller_start(&caller, f.guest, coco_guest_launch);
	fake_kvm_await_held(f.fake);
	/* These do not wait. */
	fixture_expect_state(&f, COCO_STATE_LAUNCHING, 0);
	COCO_INIT(&exit);
	expect_error(coco_vcpu_run(coco_guest_vcpu(f.guest, 0), &exit, &f.error), &f.error, -EBUSY,
		     "state");
	rc = call_behind(&caller, behind[_i].second);
	ck_assert_int_eq(rc, behind[_i].after_launch);
	if (rc != 0)
		expect_failed(rc, &f.error, -EBUSY, "state", "the second call");
	fixture_expect_state(&f, behind[_i].state, 1);
	fixture_end(&f);
}
END_TEST

START_TEST(other_calls_wait_for_a_reset_and_see_its_outcome)
{
	struct caller caller;
	int rc;

	launch(2, 0);
	vmm_start(&vmm, &f, 1, NULL);
	fake_kvm_await_waiting(f.fake, 1, 1);
	fake_kvm_hold(f.fake, "KVM_CREATE_VCPU");
	caller_start(&caller, f.guest, coco_guest_reset);
	fake_kvm_await_held(f.fake);
	fixture_expect_state(&f, COCO_STATE_RESETTING, 1);
	ck_assert_uint_eq(coco_guest_generation(f.guest), 1);
	rc = call_behind(&caller, behind[_i].second);
	ck_assert_int_eq(rc, behind[_i].after_reset);
	fixture_expect_state(&f, behind[_i].state, 2);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

START_TEST(a_thread_that_comes_during_a_reset_goes_into_the_new_incarnation)
{
	struct caller caller;

	launch(2, 0);
	vmm_start(&vmm, &f, 0, NULL);
	fake_kvm_hold(f.fake, "KVM_CREATE_VCPU");
	caller_start(&caller, f.guest, coco_guest_reset);
	fake_kvm_await_held(f.fake);
	vmm_start_one(&vmm, 0, NULL);
	vmm_await_sleep(&vmm.workers[0].tid);
	ck_assert_uint_eq(fake_kvm_count_waiting(f.fake), 0);
	fake_kvm_release(f.fake);
	ck_assert_int_eq(caller_join(&caller), 0);
	fake_kvm_await_waiting(f.fake, 2, 1);
	vmm_stop(&vmm);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_thread_that_handles_an_exit_is_waited_for,
		a_thread_that_says_it_is_done_is_not_waited_for,
		a_kick_brings_a_vcpu_out_of_the_guest,
		kicks_and_entries_may_race_while_there_is_no_vm,
		a_signal_after_a_reset_is_not_taken_for_the_kick_before_it,
		one_thread_runs_a_vcpu_at_a_time,
		a_signal_kicks_as_well,
		a_signal_that_cannot_kick_is_refused,
		a_thread_that_comes_during_a_reset_goes_into_the_new_incarnation,
		NULL,
	};
	Suite *suite = expect_suite("threads: park", tests);
	TCase *loops = tcase_create("one by one");

	tcase_add_loop_test(loops, a_vcpu_that_does_not_come_is_named, 0, 3);
	tcase_add_loop_test(loops, after_a_timeout_the_others_run_on, 0, 3);
	tcase_add_loop_test(loops, a_thread_that_handles_an_exit_too_long_is_named, 0, 3);
	tcase_add_loop_test(loops,
			    a_thread_that_waits_for_a_reset_in_a_call_of_its_own_is_not_waited_for,
			    0, 3);
	tcase_add_loop_test(loops, a_kick_wakes_a_vcpu_that_waits_for_its_guest, 0, 2);
	tcase_add_loop_test(loops, kicks_may_race_with_resets, 0, 2);
	tcase_add_loop_test(loops, other_calls_wait_for_a_launch_and_see_its_outcome, 0, 4);
	tcase_add_loop_test(loops, other_calls_wait_for_a_reset_and_see_its_outcome, 0, 4);
	suite_add_tcase(suite, loops);
	return expect_run(suite);
}
