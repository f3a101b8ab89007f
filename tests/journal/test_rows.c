/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Each row of the journal's table: does what a VMM has set there come back in the next VM, however
 * that is made, whether it was told before the launch or on the VM itself?
 */
#include "rows.h"
#include "snapshot.h"

#include "journal/rules.h"

#include <stdio.h>
#include <stdlib.h>

static struct rig rig;

static void make_pit(const struct row *row)
{
	const struct kvm_pit_config pit = {0};

	if (row->when & ROW_PIT)
		rig_vm(&rig, KVM_CREATE_PIT2, &pit);
}

static char *take_bare(const struct row *row)
{
	char *bare;

	rig_launch(&rig);
	make_pit(row);
	bare = snapshot_take(&rig);
	rig_end(&rig);
	return bare;
}

static void expect_kept(const struct row *row, const char *when)
{
	char *set = snapshot_take(&rig), what[96];

	snprintf(what, sizeof(what), "%s, %s, sequential", row->name, when);
	rig_reset(&rig, COCO_STRATEGY_SEQUENTIAL);
	snapshot_expect_same(set, snapshot_take(&rig), what);
	set = snapshot_take(&rig);
	snprintf(what, sizeof(what), "%s, %s, overlapping", row->name, when);
	rig_reset(&rig, COCO_STRATEGY_OVERLAP);
	snapshot_expect_same(set, snapshot_take(&rig), what);
	ck_assert_uint_eq(rig.reports, 0);
}

static void expect_made(const struct row *row)
{
	const int r = row_make(row, &rig);

	ck_assert_msg(r >= 0, "%s: %s", row->name, rig.error.text);
}

/* One that changes nothing would come back all the same. */
static void expect_seen(const struct row *row, const char *bare)
{
	char *set = snapshot_take(&rig);

	/* An empty one, and the only one that could be set. */
	if (row->request != KVM_ENABLE_CAP || strcmp(row->name, "KVM_CAP_VM_DISABLE_NX_HUGE_PAGES"))
		ck_assert_msg(!snapshot_same(set, bare), "%s changes nothing", row->name);
	free(set);
}

START_TEST(what_is_told_before_the_launch_is_there_in_every_life)
{
	const struct row *row = &rows[_i];
	char *bare;

	if (!(row->when & ROW_EARLY) || row->when & ROW_UNSEEN)
		return;
	bare = take_bare(row);
	rig_init(&rig);
	rig_guest(&rig);
	make_pit(row);
	expect_made(row);
	expect_ok(coco_guest_launch(rig.guest, &rig.error), &rig.error);
	expect_seen(row, bare);
	expect_kept(row, "told before the launch");
	rig_end(&rig);
	free(bare);
}
END_TEST

START_TEST(what_is_set_on_the_vm_is_there_in_the_next)
{
	const struct row *row = &rows[_i];
	char *bare;

	if (!(row->when & ROW_LATE) || row->when & ROW_UNSEEN)
		return;
	bare = take_bare(row);
	rig_launch(&rig);
	make_pit(row);
	expect_made(row);
	expect_seen(row, bare);
	expect_kept(row, "set on the VM");
	rig_end(&rig);
	free(bare);
}
END_TEST

/* Where the order matters KVM refuses the wrong one. */
START_TEST(all_of_them_at_once_in_either_order)
{
	rig_init(&rig);
	rig_guest(&rig);
	for (size_t i = 0; i < row_count; i++) {
		const struct row *row = &rows[_i ? row_count - 1 - i : i];

		/* One PIT, one ring, and CPUID that all else is made for. */
		if (!(row->when & ROW_EARLY) || row->when & ROW_UNSEEN ||
		    row->request == KVM_CREATE_PIT || row->request == KVM_SET_CPUID ||
		    !strcmp(row->name, "KVM_CAP_DIRTY_LOG_RING"))
			continue;
		expect_made(row);
	}
	expect_ok(coco_guest_launch(rig.guest, &rig.error), &rig.error);
	expect_kept(&rows[0], _i ? "all, backwards" : "all, forwards");
	rig_end(&rig);
}
END_TEST

static bool keeps(const struct coco_rule *rule)
{
	return rule->kind == COCO_RULE_SET || rule->kind == COCO_RULE_OR ||
	       rule->kind == COCO_RULE_ADD || rule->kind == COCO_RULE_EACH;
}

START_TEST(every_rule_that_keeps_something_has_a_row)
{
	const struct coco_rule *rules;
	size_t count;

	rules = coco_rules(&count);
	for (size_t i = 0; i < count; i++) {
		bool found = rules[i].scope == COCO_SCOPE_DEVICE; /* test_state.c */

		for (size_t j = 0; j < row_count; j++)
			found |= !strcmp(rows[j].name, rules[i].name) &&
				 rows[j].vcpu == (rules[i].scope == COCO_SCOPE_VCPU);
		ck_assert_msg(found || !keeps(&rules[i]), "%s has no row", rules[i].name);
	}
}
END_TEST

START_TEST(every_rule_is_the_only_one_for_its_request)
{
	const struct coco_rule *rules;
	size_t count;

	rules = coco_rules(&count);
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(coco_rule_find(rules[i].scope, rules[i].request, rules[i].cap) ==
				      &rules[i],
			      "%s has another rule before it", rules[i].name);
}
END_TEST

/* What is the library's own is refused; what only asks, or passes, leaves no trace. */
START_TEST(rules_that_keep_nothing)
{
	const struct coco_rule *rules;
	char *bare;
	size_t count;

	rig_launch(&rig);
	bare = snapshot_take(&rig);
	rules = coco_rules(&count);
	for (size_t i = 0; i < count; i++) {
		struct kvm_enable_cap cap = {.cap = rules[i].cap};

		if (rules[i].kind != COCO_RULE_OWN)
			continue;
		if (rules[i].scope == COCO_SCOPE_VM)
			expect_error(coco_vm_ioctl(rig.guest, rules[i].request, (uintptr_t)&cap,
						   &rig.error),
				     &rig.error, -EPERM, "request");
		else
			expect_error(coco_vcpu_ioctl(coco_guest_vcpu(rig.guest, 0),
						     rules[i].request, (uintptr_t)&cap, &rig.error),
				     &rig.error, -EPERM, "request");
	}
	snapshot_expect_same(bare, snapshot_take(&rig), "refused");
	ck_assert_uint_eq(rig.reports, 0);
	rig_end(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("journal rows");
	TCase *tcase = tcase_create("rows");

	tcase_set_timeout(tcase, 0);
	tcase_add_loop_test(tcase, what_is_told_before_the_launch_is_there_in_every_life, 0,
			    (int)row_count);
	tcase_add_loop_test(tcase, what_is_set_on_the_vm_is_there_in_the_next, 0, (int)row_count);
	tcase_add_loop_test(tcase, all_of_them_at_once_in_either_order, 0, 2);
	tcase_add_test(tcase, every_rule_that_keeps_something_has_a_row);
	tcase_add_test(tcase, every_rule_is_the_only_one_for_its_request);
	tcase_add_test(tcase, rules_that_keep_nothing);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
