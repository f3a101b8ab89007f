/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Listeners: are all of them told, in order, whatever fails? Do those that had accepted take it
 * back in reverse, and only they?
 */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

static struct rig rig;
static char heard[8192];

static struct party {
	const char *name;
	int32_t priority;
	uint32_t refuses; /* the event that it refuses; 0: none */
} parties[] = {
	{.name = "b", .priority = 1}, {.name = "c", .priority = 5}, {.name = "a", .priority = -3}};

static void write_down(const char *what, const struct party *party,
		       const struct coco_occasion *occasion)
{
	const size_t used = strlen(heard);

	snprintf(heard + used, sizeof(heard) - used, "%s%s:%s%s%llu ", what, party->name,
		 coco_event_name(occasion->event),
		 occasion->event == COCO_EVENT_VCPU_READY ? (occasion->vcpu ? "/1@" : "/0@") : "@",
		 (unsigned long long)occasion->generation);
}

static int listen(void *payload, const struct coco_occasion *occasion)
{
	struct party *party = payload;

	write_down("", party, occasion);
	return party->refuses == occasion->event ? -EACCES : 0;
}

static void undo(void *payload, const struct coco_occasion *occasion)
{
	write_down("-", payload, occasion);
}

static void add(struct party *party, uint32_t events)
{
	struct coco_listener listener;

	COCO_INIT(&listener);
	listener.name = party->name;
	listener.events = events;
	listener.priority = party->priority;
	listener.listen = listen;
	listener.undo = undo;
	listener.payload = party;
	expect_ok(coco_guest_add_listener(rig.guest, &listener, &rig.error), &rig.error);
}

static uint32_t mask(uint32_t event)
{
	return 1u << event;
}

static void set_up(uint32_t events)
{
	heard[0] = '\0';
	rig_init(&rig);
	rig_guest(&rig);
	for (size_t i = 0; i < 3; i++) {
		parties[i].refuses = 0;
		add(&parties[i], events);
	}
}

static int reset(uint32_t strategy)
{
	struct coco_reset_options options;

	COCO_INIT(&options);
	options.strategy = strategy;
	return coco_guest_reset_with(rig.guest, &options, &rig.error);
}

static void expect_heard(const char *expected)
{
	ck_assert_str_eq(heard, expected);
	heard[0] = '\0';
}

START_TEST(by_phase_then_by_priority)
{
	set_up(mask(COCO_EVENT_VM_READY) | mask(COCO_EVENT_SEALED) | mask(COCO_EVENT_RESUMED));
	expect_ok(coco_guest_launch(rig.guest, &rig.error), &rig.error);
	expect_heard("a:vm_ready@1 b:vm_ready@1 c:vm_ready@1 a:sealed@1 b:sealed@1 c:sealed@1 "
		     "a:resumed@1 b:resumed@1 c:resumed@1 ");
	rig_reset(&rig, COCO_STRATEGY_OVERLAP);
	expect_heard("a:vm_ready@2 b:vm_ready@2 c:vm_ready@2 a:sealed@2 b:sealed@2 c:sealed@2 "
		     "a:resumed@2 b:resumed@2 c:resumed@2 ");
	rig_end(&rig);
}
END_TEST

START_TEST(one_listener_hears_of_everything)
{
	heard[0] = '\0';
	rig_init(&rig);
	rig_guest(&rig);
	parties[0].refuses = 0;
	add(&parties[0], 0x1fe);
	expect_ok(coco_guest_launch(rig.guest, &rig.error), &rig.error);
	expect_heard("b:vm_ready@1 b:vcpu_ready/0@1 b:vcpu_ready/1@1 b:swapped@1 b:sealed@1 "
		     "b:resumed@1 ");
	rig_reset(&rig, COCO_STRATEGY_SEQUENTIAL);
	expect_heard("b:before_reset@1 b:retired@1 b:vm_ready@2 b:vcpu_ready/0@2 "
		     "b:vcpu_ready/1@2 b:swapped@2 b:sealed@2 b:resumed@2 ");
	rig_end(&rig);
}
END_TEST

START_TEST(a_veto_leaves_the_guest_running)
{
	set_up(mask(COCO_EVENT_BEFORE_RESET) | mask(COCO_EVENT_FAILED));
	expect_ok(coco_guest_launch(rig.guest, &rig.error), &rig.error);
	parties[1].refuses = COCO_EVENT_BEFORE_RESET;
	ck_assert_int_eq(reset(COCO_STRATEGY_OVERLAP), -EACCES);
	expect_text(&rig.error, "\"c\" refuses at before_reset");
	expect_heard("a:before_reset@1 b:before_reset@1 c:before_reset@1 -b:before_reset@1 "
		     "-a:before_reset@1 a:failed@2 b:failed@2 c:failed@2 ");
	ck_assert_uint_eq(rig_info(&rig).state, COCO_STATE_RUNNABLE);
	ck_assert_uint_eq(coco_guest_generation(rig.guest), 1);
	parties[1].refuses = 0;
	expect_ok(reset(COCO_STRATEGY_OVERLAP), &rig.error);
	expect_heard("a:before_reset@1 b:before_reset@1 c:before_reset@1 ");
	rig_end(&rig);
}
END_TEST

/* Each event that can be refused, by the one in the middle. */
START_TEST(who_accepted_takes_it_back)
{
	const uint32_t event = (uint32_t)_i;
	const uint32_t strategies[] = {COCO_STRATEGY_OVERLAP, COCO_STRATEGY_SEQUENTIAL};
	char expected[256];

	for (size_t i = 0; i < 2; i++) {
		const char *name = coco_event_name(event);
		const char *vcpu = event == COCO_EVENT_VCPU_READY ? "/0" : "";

		set_up(mask(event) | mask(COCO_EVENT_FAILED));
		expect_ok(coco_guest_launch(rig.guest, &rig.error), &rig.error);
		heard[0] = '\0';
		parties[0].refuses = event;
		ck_assert_int_eq(reset(strategies[i]), -EACCES);
		snprintf(expected, sizeof(expected),
			 "a:%s%s@2 b:%s%s@2 -a:%s%s@2 a:failed@2 b:failed@2 c:failed@2 ", name,
			 vcpu, name, vcpu, name, vcpu);
		expect_heard(expected);
		/* It is in one piece: with its old VM, or without one. */
		parties[0].refuses = 0;
		expect_ok(reset(strategies[i]), &rig.error);
		ck_assert_uint_eq(rig_info(&rig).state, rig_info(&rig).state == COCO_STATE_PARKED
								? COCO_STATE_PARKED
								: COCO_STATE_RUNNABLE);
		rig_end(&rig);
	}
}
END_TEST

START_TEST(a_later_step_that_fails_is_taken_back_in_reverse)
{
	set_up(mask(COCO_EVENT_VM_READY) | mask(COCO_EVENT_FAILED) | mask(COCO_EVENT_BEFORE_RESET));
	expect_ok(coco_guest_launch(rig.guest, &rig.error), &rig.error);
	heard[0] = '\0';
	ck_assert_int_eq(coco_sim_fail(rig.sim, "KVM_CREATE_VCPU", 2, 1, -ENOMEM, 0), 0);
	ck_assert_int_eq(reset(COCO_STRATEGY_OVERLAP), -ENOMEM);
	expect_heard("a:before_reset@1 b:before_reset@1 c:before_reset@1 "
		     "a:vm_ready@2 b:vm_ready@2 c:vm_ready@2 "
		     "-c:vm_ready@2 -b:vm_ready@2 -a:vm_ready@2 "
		     "-c:before_reset@1 -b:before_reset@1 -a:before_reset@1 "
		     "a:failed@2 b:failed@2 c:failed@2 ");
	/* Short of memory: the overlapping attempt is taken back before the next begins. */
	ck_assert_int_eq(coco_sim_fail(rig.sim, "KVM_CREATE_VCPU", 1, 1, -ENOMEM, 0), 0);
	expect_ok(reset(COCO_STRATEGY_AUTO), &rig.error);
	expect_heard("a:before_reset@1 b:before_reset@1 c:before_reset@1 "
		     "a:vm_ready@2 b:vm_ready@2 c:vm_ready@2 "
		     "-c:vm_ready@2 -b:vm_ready@2 -a:vm_ready@2 "
		     "a:vm_ready@2 b:vm_ready@2 c:vm_ready@2 ");
	rig_end(&rig);
}
END_TEST

START_TEST(what_is_ignored_is_told_to_all)
{
	set_up(mask(COCO_EVENT_RESUMED) | mask(COCO_EVENT_RETIRED));
	parties[2].refuses = COCO_EVENT_RESUMED;
	parties[0].refuses = COCO_EVENT_RETIRED;
	expect_ok(coco_guest_launch(rig.guest, &rig.error), &rig.error);
	expect_heard("a:resumed@1 b:resumed@1 c:resumed@1 ");
	rig_end(&rig);
}
END_TEST

START_TEST(listeners_are_added_and_removed_by_name)
{
	struct coco_listener listener;

	set_up(mask(COCO_EVENT_RESUMED));
	COCO_INIT(&listener);
	expect_error(coco_guest_add_listener(rig.guest, &listener, &rig.error), &rig.error, -EINVAL,
		     "name");
	listener.name = "a";
	expect_error(coco_guest_add_listener(rig.guest, &listener, &rig.error), &rig.error, -EINVAL,
		     "listen");
	listener.listen = listen;
	listener.payload = &parties[0];
	listener.events = 1;
	expect_error(coco_guest_add_listener(rig.guest, &listener, &rig.error), &rig.error, -EINVAL,
		     "events");
	listener.events = 2;
	expect_error(coco_guest_add_listener(rig.guest, &listener, &rig.error), &rig.error, -EEXIST,
		     "name");
	expect_ok(coco_guest_remove_listener(rig.guest, "b", &rig.error), &rig.error);
	expect_error(coco_guest_remove_listener(rig.guest, "b", &rig.error), &rig.error, -ENOENT,
		     "name");
	expect_ok(coco_guest_launch(rig.guest, &rig.error), &rig.error);
	expect_heard("a:resumed@1 c:resumed@1 ");
	rig_end(&rig);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		by_phase_then_by_priority,
		one_listener_hears_of_everything,
		a_veto_leaves_the_guest_running,
		a_later_step_that_fails_is_taken_back_in_reverse,
		what_is_ignored_is_told_to_all,
		listeners_are_added_and_removed_by_name,
		NULL,
	};
	Suite *suite = expect_suite("listeners", tests);
	TCase *refusals = tcase_create("refusals");

	tcase_add_loop_test(refusals, who_accepted_takes_it_back, COCO_EVENT_VM_READY,
			    COCO_EVENT_SEALED + 1);
	suite_add_tcase(suite, refusals);
	return expect_run(suite);
}
