/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Every technology, from launch over resets by each strategy to teardown, on a strict platform: the
 * same measurement each time, another key each time, the same handles, and nothing left behind.
 */
#include "world.h"

#include <errno.h>
#include <stdio.h>

#define LIVES 8

static struct world w;

/* Loops run over technologies and strategies. */
#define TECH(i)     ((i) % WORLD_TECHS)
#define STRATEGY(i) ((uint32_t)((i) / WORLD_TECHS) + COCO_STRATEGY_OVERLAP)
#define PRODUCT     (3 * WORLD_TECHS)

static void expect_new_key(const uint8_t keys[][32], unsigned count)
{
	for (unsigned i = 0; w.tech->encrypted && i + 1 < count; i++)
		ck_assert_mem_ne(keys[i], keys[count - 1], 32);
}

START_TEST(lives_are_alike_but_for_their_keys)
{
	static const uint8_t none[32];
	uint8_t keys[LIVES][32], first[64];
	struct kvm_run *run;
	uint8_t *ram;
	int vm, vcpu;

	world_launch(&w, TECH(_i), "");
	vm = coco_guest_vm_fd(w.guest);
	vcpu = coco_vcpu_fd(coco_guest_vcpu(w.guest, 1));
	run = coco_vcpu_kvm_run(coco_guest_vcpu(w.guest, 1));
	ram = world_host_address(&w, 0);
	memcpy(first, world_vm(&w).digest, sizeof(first));
	for (unsigned life = 0; life < LIVES; life++) {
		const struct coco_sim_vm_info info = world_vm(&w);

		world_expect_state(&w, COCO_STATE_RUNNABLE, life + 1);
		world_expect_whole(&w);
		ck_assert_mem_eq(info.digest, first, sizeof(first));
		memcpy(keys[life], info.key, sizeof(keys[life]));
		ck_assert_int_eq(memcmp(info.key, none, sizeof(none)) != 0, w.tech->encrypted);
		expect_new_key(keys, life + 1);
		ck_assert_int_eq(coco_guest_vm_fd(w.guest), vm);
		ck_assert_int_eq(coco_vcpu_fd(coco_guest_vcpu(w.guest, 1)), vcpu);
		ck_assert_ptr_eq(coco_vcpu_kvm_run(coco_guest_vcpu(w.guest, 1)), run);
		ck_assert_ptr_eq(world_host_address(&w, 0), ram);
		ck_assert_uint_eq(ram[WORLD_FREE_GPA], 0);
		ram[WORLD_FREE_GPA] = 0x5e;
		if (life + 1 < LIVES)
			world_reset(&w, STRATEGY(_i));
	}
	world_await_retired(&w);
	ck_assert_uint_eq(world_account(&w).vms, 1);
	expect_ok(coco_guest_teardown(w.guest, &w.error), &w.error);
	ck_assert_uint_eq(world_account(&w).vms, 0);
	world_end(&w);
}
END_TEST

START_TEST(nothing_grows_from_life_to_life)
{
	struct coco_sim_account early, late;

	world_launch(&w, TECH(_i), "");
	for (unsigned life = 0; life < 5; life++)
		world_reset(&w, STRATEGY(_i));
	world_await_retired(&w);
	early = world_account(&w);
	for (unsigned life = 0; life < 50; life++)
		world_reset(&w, STRATEGY(_i));
	world_await_retired(&w);
	late = world_account(&w);
	late.calls = early.calls;
	ck_assert_mem_eq(&early, &late, sizeof(early));
	world_end(&w);
}
END_TEST

/* One ASID of each kind and one key id: two lives can't be there at once. */
static const char *const one_key = "sev_asids=2,sev_min_asid=2,tdx_keys=1";

START_TEST(one_key_is_enough_for_sequential_resets)
{
	world_launch(&w, _i, one_key);
	for (uint64_t generation = 2; generation < 8; generation++) {
		world_reset(&w, COCO_STRATEGY_SEQUENTIAL);
		world_expect_state(&w, COCO_STATE_RUNNABLE, generation);
		world_expect_whole(&w);
	}
	world_end(&w);
}
END_TEST

START_TEST(without_a_second_key_overlap_leaves_the_old_life_whole)
{
	struct coco_sim_vm_info before;

	world_launch(&w, _i, one_key);
	before = world_vm(&w);
	world_host_address(&w, WORLD_FREE_GPA)[0] = 0x5e;
	if (!w.tech->encrypted) {
		world_reset(&w, COCO_STRATEGY_OVERLAP);
		world_end(&w);
		return;
	}
	ck_assert_int_eq(world_try_reset(&w, COCO_STRATEGY_OVERLAP), -w.tech->shortage);
	ck_assert_str_eq(w.error.call, w.tech->vm_call);
	world_await_retired(&w);
	world_expect_state(&w, COCO_STATE_PARKED, 1);
	ck_assert_mem_eq(world_vm(&w).key, before.key, sizeof(before.key));
	ck_assert_uint_eq(world_host_address(&w, WORLD_FREE_GPA)[0], 0x5e);
	world_expect_whole(&w);
	expect_ok(coco_guest_resume(w.guest, &w.error), &w.error);
	world_expect_state(&w, COCO_STATE_RUNNABLE, 1);
	world_reset(&w, COCO_STRATEGY_SEQUENTIAL);
	world_expect_whole(&w);
	world_end(&w);
}
END_TEST

START_TEST(auto_does_with_one_key_and_says_why)
{
	struct coco_guest_info info;

	world_launch(&w, _i, one_key);
	world_reset(&w, COCO_STRATEGY_AUTO);
	info = world_info(&w);
	ck_assert_uint_eq(info.strategy,
			  w.tech->encrypted ? COCO_STRATEGY_SEQUENTIAL : COCO_STRATEGY_OVERLAP);
	ck_assert_int_eq(info.fallback_code, w.tech->encrypted ? -w.tech->shortage : 0);
	ck_assert_int_eq(info.fallback[0] != '\0', w.tech->encrypted);
	world_expect_state(&w, COCO_STATE_RUNNABLE, 2);
	world_expect_whole(&w);
	world_end(&w);
}
END_TEST

START_TEST(the_host_tells_how_many_keys_are_taken)
{
	struct coco_tech_info info;

	world_launch(&w, _i, "");
	COCO_INIT(&info);
	expect_ok(coco_host_probe(w.host, w.tech->tech, &info, &w.error), &w.error);
	ck_assert_uint_eq(info.launchable, 1);
	ck_assert_str_eq(info.reason, "");
	world_end(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lives");
	TCase *tcase = tcase_create("by technology");

	tcase_add_loop_test(tcase, lives_are_alike_but_for_their_keys, 0, PRODUCT);
	tcase_add_loop_test(tcase, nothing_grows_from_life_to_life, 0, PRODUCT);
	tcase_add_loop_test(tcase, one_key_is_enough_for_sequential_resets, 0, WORLD_TECHS);
	tcase_add_loop_test(tcase, without_a_second_key_overlap_leaves_the_old_life_whole, 0,
			    WORLD_TECHS);
	tcase_add_loop_test(tcase, auto_does_with_one_key_and_says_why, 0, WORLD_TECHS);
	tcase_add_loop_test(tcase, the_host_tells_how_many_keys_are_taken, 0, WORLD_TECHS);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
