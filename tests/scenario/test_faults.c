/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What if any one system call, or any one allocation, of launch, reset, retirement or teardown
 * fails, once or from then on, for every technology and strategy? Then the state has a name, what
 * it says is so, nothing has leaked, and the same call goes well when the fault is lifted.
 */
#include "faulty.h"
#include "world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static struct world w;
static struct faulty *faulty;
static unsigned points; /* how many faults there were */

/* ---- allocations: the linker sends the library's here */

static atomic_uint allocations_left; /* until one fails; 0: none does */
static atomic_bool allocation_failed;

static bool allocation_fails(void)
{
	unsigned left = atomic_load(&allocations_left);

	while (left && !atomic_compare_exchange_weak(&allocations_left, &left, left - 1))
		;
	if (left != 1)
		return false;
	atomic_store(&allocation_failed, true);
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
	return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return allocation_fails() ? NULL : __real_realloc(old, size);
}

/* ---- kinds of faults */

enum fault_kind { CALL, CALLS, ALLOCATION, FAULT_KINDS };

/* Each call gets one of these, in turns; with "--full", each of them. */
static const int errnos[] = {EIO, ENOMEM, EINTR, EBUSY, EMFILE, ENOSPC, EFAULT};
static unsigned turn;

#define ERRNOS (sizeof(errnos) / sizeof(*errnos))

static void inject(enum fault_kind kind, unsigned nth)
{
	atomic_store(&allocation_failed, false);
	if (kind == ALLOCATION)
		atomic_store(&allocations_left, nth);
	else
		faulty_set(faulty, nth, errnos[(nth + turn) % ERRNOS], kind == CALLS);
}

/* Ends it; whether it had come to that. */
static bool lift(enum fault_kind kind)
{
	const bool struck =
		kind == ALLOCATION ? atomic_load(&allocation_failed) : faulty_struck(faulty);

	atomic_store(&allocations_left, 0);
	faulty_set(faulty, 0, 0, false);
	points += struck;
	return struck;
}

/* ---- what is to be true */

static void start(int tech)
{
	world_init(&w, tech, "");
	faulty = faulty_new(w.platform);
	w.platform = faulty_platform(faulty);
	world_guest(&w);
}

static void end(void)
{
	world_end(&w);
	faulty_free(faulty);
}

static void expect_running(uint64_t generation)
{
	world_await_retired(&w);
	world_expect_state(&w, COCO_STATE_RUNNABLE, generation);
	world_expect_whole(&w);
	ck_assert_uint_eq(world_account(&w).vms, 1);
	ck_assert_uint_eq(world_host_address(&w, WORLD_FREE_GPA)[0], 0);
}

static void expect_told(int rc, const struct coco_error *error)
{
	ck_assert_int_eq(error->code, rc);
	ck_assert_str_ne(error->text, "");
}

/* The old life is as it was, or there is none. */
static void expect_named_state(uint32_t strategy, const struct coco_sim_vm_info *before)
{
	const uint32_t state = world_info(&w).state;

	if (state == COCO_STATE_DOWN)
		return;
	ck_assert_msg(state == COCO_STATE_PARKED && strategy != COCO_STRATEGY_SEQUENTIAL,
		      "%s after %s", coco_state_name(state), faulty_what(faulty));
	ck_assert_mem_eq(world_vm(&w).key, before->key, sizeof(before->key));
	ck_assert_uint_eq(world_host_address(&w, WORLD_FREE_GPA)[0], 0x5e);
	world_expect_whole(&w);
}

/* ---- */

static bool fail_launch(int tech, enum fault_kind kind, unsigned nth)
{
	bool struck;
	int rc;

	start(tech);
	inject(kind, nth);
	expect_spoil(&w.error);
	rc = coco_guest_launch(w.guest, &w.error);
	struck = lift(kind);
	if (rc) {
		expect_told(rc, &w.error);
		ck_assert(struck);
		expect_ok(coco_guest_launch(w.guest, &w.error), &w.error);
	}
	expect_running(1);
	end();
	return struck;
}

static bool fail_reset(int tech, uint32_t strategy, enum fault_kind kind, unsigned nth)
{
	struct coco_sim_vm_info before;
	struct coco_error error;
	bool struck;
	int rc;

	start(tech);
	expect_ok(coco_guest_launch(w.guest, &w.error), &w.error);
	before = world_vm(&w);
	world_host_address(&w, WORLD_FREE_GPA)[0] = 0x5e;
	inject(kind, nth);
	rc = world_try_reset(&w, strategy);
	atomic_store(&allocations_left, 0);
	error = w.error;
	world_await_retired(&w);
	struck = lift(kind);
	if (rc) {
		expect_told(rc, &error);
		ck_assert(struck);
		expect_named_state(strategy, &before);
		world_reset(&w, strategy);
	}
	expect_running(2);
	end();
	return struck;
}

static bool fail_teardown(int tech, enum fault_kind kind, unsigned nth)
{
	bool struck;
	int rc;

	start(tech);
	expect_ok(coco_guest_launch(w.guest, &w.error), &w.error);
	inject(kind, nth);
	rc = coco_guest_teardown(w.guest, &w.error);
	struck = lift(kind);
	if (rc) {
		ck_assert(struck);
		expect_ok(coco_guest_teardown(w.guest, &w.error), &w.error);
	}
	ck_assert_uint_eq(world_info(&w).state, COCO_STATE_DEAD);
	ck_assert_uint_eq(world_account(&w).vms, 0);
	end();
	return struck;
}

#define TECH(i) ((i) % WORLD_TECHS)
#define KIND(i) ((enum fault_kind)((i) / WORLD_TECHS % FAULT_KINDS))

START_TEST(a_launch_survives_any_fault)
{
	unsigned nth = 1;

	while (fail_launch(TECH(_i), KIND(_i), nth))
		nth++;
	ck_assert_uint_gt(nth, 5);
}
END_TEST

START_TEST(a_reset_survives_any_fault)
{
	const uint32_t strategy =
		(uint32_t)(_i / WORLD_TECHS / FAULT_KINDS) + COCO_STRATEGY_OVERLAP;
	unsigned nth = 1;

	while (fail_reset(TECH(_i), strategy, KIND(_i), nth))
		nth++;
	ck_assert_uint_gt(nth, 5);
}
END_TEST

START_TEST(a_teardown_survives_any_fault)
{
	unsigned nth = 1;

	while (fail_teardown(TECH(_i), KIND(_i), nth))
		nth++;
	ck_assert_uint_ge(nth, KIND(_i) == ALLOCATION ? 1 : 5);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("faults");
	TCase *tcase = tcase_create("every call and allocation");

	tcase_add_loop_test(tcase, a_launch_survives_any_fault, 0, WORLD_TECHS * FAULT_KINDS);
	tcase_add_loop_test(tcase, a_reset_survives_any_fault, 0, 3 * WORLD_TECHS * FAULT_KINDS);
	tcase_add_loop_test(tcase, a_teardown_survives_any_fault, 0, WORLD_TECHS * FAULT_KINDS);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	const bool full = argc > 1 && !strcmp(argv[1], "--full");
	int failed = 0;

	for (turn = 0; turn < (full ? ERRNOS : 1); turn++)
		failed |= expect_run(make_suite());
	printf("%u faults\n", points);
	return failed;
}
