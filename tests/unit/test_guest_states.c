/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What does each call do in each state? One table, as the header tells it. */
#include "fixture.h"

static struct fixture f;

/* ---- calls ---- */

static int add_memory(void)
{
	return fixture_add_memory(&f, 1ull << 33, 0x1000, NULL, 0);
}

static int launch(void)
{
	return coco_guest_launch(f.guest, &f.error);
}

static int reset(void)
{
	return coco_guest_reset(f.guest, &f.error);
}

static int park(void)
{
	return coco_guest_park(f.guest, &f.error);
}

static int resume(void)
{
	return coco_guest_resume(f.guest, &f.error);
}

static int teardown(void)
{
	return coco_guest_teardown(f.guest, &f.error);
}

/* In states where a vCPU waits, a kick makes it come back: the test would hang otherwise. */
static int run(uint32_t expected)
{
	struct coco_vcpu *vcpu = coco_guest_vcpu(f.guest, 0);
	struct coco_exit exit;
	int rc;

	if (expected == COCO_EXIT_INTERRUPTED)
		coco_vcpu_kick(vcpu);
	COCO_INIT(&exit);
	rc = coco_vcpu_run(vcpu, &exit, &f.error);
	if (rc == 0)
		ck_assert_uint_eq(exit.reason, expected);
	if (rc == 0 && expected == COCO_EXIT_KVM)
		ck_assert_uint_eq(exit.kvm_reason, KVM_EXIT_HLT);
	if (rc == 0 && expected != COCO_EXIT_KVM)
		ck_assert_uint_eq(exit.kvm_reason, 0);
	coco_vcpu_park(vcpu);
	return rc;
}

static int run_guest(void)
{
	return run(COCO_EXIT_KVM);
}

static int run_held(void)
{
	return run(COCO_EXIT_INTERRUPTED);
}

static int run_dead(void)
{
	return run(COCO_EXIT_STOPPED);
}

/* ---- ways to the states ---- */

static void to_configured(void)
{
	fixture_guest(&f);
}

static void to_runnable(void)
{
	to_configured();
	expect_ok(launch(), &f.error);
}

static void to_parked(void)
{
	to_runnable();
	expect_ok(park(), &f.error);
}

static void to_down_by_launch(void)
{
	to_configured();
	fake_kvm_fail(f.fake, "KVM_CREATE_VCPU", 1, ENOMEM, false);
	expect_call_error(launch(), &f.error, -ENOMEM, "KVM_CREATE_VCPU");
}

static void to_down_by_reset(void)
{
	to_runnable();
	fake_kvm_fail(f.fake, "KVM_CREATE_VCPU", 1, ENOMEM, false);
	expect_call_error(reset(), &f.error, -ENOMEM, "KVM_CREATE_VCPU");
}

static void to_dead(void)
{
	to_runnable();
	expect_ok(teardown(), &f.error);
}

static void to_dead_from_configured(void)
{
	to_configured();
	expect_ok(teardown(), &f.error);
}

static const struct {
	const char *name;
	void (*enter)(void);
	uint32_t state;
	uint64_t generation;
} states[] = {
	{"configured", to_configured, COCO_STATE_CONFIGURED, 0},
	{"runnable", to_runnable, COCO_STATE_RUNNABLE, 1},
	{"parked", to_parked, COCO_STATE_PARKED, 1},
	{"down by launch", to_down_by_launch, COCO_STATE_DOWN, 0},
	{"down by reset", to_down_by_reset, COCO_STATE_DOWN, 1},
	{"dead", to_dead, COCO_STATE_DEAD, 1},
	{"dead at once", to_dead_from_configured, COCO_STATE_DEAD, 0},
};

enum { CONFIGURED, RUNNABLE, PARKED, DOWN_LAUNCH, DOWN_RESET, DEAD, DEAD_AT_ONCE };

/* 0: allowed, and leads to `state`. -EBUSY: refused, and nothing changes. */
static const struct {
	const char *name;
	int (*call)(void);
	int in;
	int rc;
	uint32_t state;
	uint64_t builds; /* incarnations that it adds */
} table[] = {
	{"add_memory", add_memory, CONFIGURED, 0, COCO_STATE_CONFIGURED, 0},
	{"add_memory", add_memory, RUNNABLE, -EBUSY, 0, 0},
	{"add_memory", add_memory, PARKED, -EBUSY, 0, 0},
	{"add_memory", add_memory, DOWN_LAUNCH, -EBUSY, 0, 0},
	{"add_memory", add_memory, DOWN_RESET, -EBUSY, 0, 0},
	{"add_memory", add_memory, DEAD, -EBUSY, 0, 0},

	{"launch", launch, CONFIGURED, 0, COCO_STATE_RUNNABLE, 1},
	{"launch", launch, RUNNABLE, -EBUSY, 0, 0},
	{"launch", launch, PARKED, -EBUSY, 0, 0},
	{"launch", launch, DOWN_LAUNCH, 0, COCO_STATE_RUNNABLE, 1},
	{"launch", launch, DOWN_RESET, 0, COCO_STATE_RUNNABLE, 1},
	{"launch", launch, DEAD, -EBUSY, 0, 0},
	{"launch", launch, DEAD_AT_ONCE, -EBUSY, 0, 0},

	{"reset", reset, CONFIGURED, -EBUSY, 0, 0},
	{"reset", reset, RUNNABLE, 0, COCO_STATE_RUNNABLE, 1},
	{"reset", reset, PARKED, 0, COCO_STATE_PARKED, 1},
	{"reset", reset, DOWN_LAUNCH, 0, COCO_STATE_RUNNABLE, 1},
	{"reset", reset, DOWN_RESET, 0, COCO_STATE_RUNNABLE, 1},
	{"reset", reset, DEAD, -EBUSY, 0, 0},

	{"park", park, CONFIGURED, -EBUSY, 0, 0},
	{"park", park, RUNNABLE, 0, COCO_STATE_PARKED, 0},
	{"park", park, PARKED, 0, COCO_STATE_PARKED, 0},
	{"park", park, DOWN_LAUNCH, -EBUSY, 0, 0},
	{"park", park, DOWN_RESET, -EBUSY, 0, 0},
	{"park", park, DEAD, -EBUSY, 0, 0},

	{"resume", resume, CONFIGURED, -EBUSY, 0, 0},
	{"resume", resume, RUNNABLE, 0, COCO_STATE_RUNNABLE, 0},
	{"resume", resume, PARKED, 0, COCO_STATE_RUNNABLE, 0},
	{"resume", resume, DOWN_LAUNCH, -EBUSY, 0, 0},
	{"resume", resume, DOWN_RESET, -EBUSY, 0, 0},
	{"resume", resume, DEAD, -EBUSY, 0, 0},

	{"teardown", teardown, CONFIGURED, 0, COCO_STATE_DEAD, 0},
	{"teardown", teardown, RUNNABLE, 0, COCO_STATE_DEAD, 0},
	{"teardown", teardown, PARKED, 0, COCO_STATE_DEAD, 0},
	{"teardown", teardown, DOWN_LAUNCH, 0, COCO_STATE_DEAD, 0},
	{"teardown", teardown, DOWN_RESET, 0, COCO_STATE_DEAD, 0},
	{"teardown", teardown, DEAD, 0, COCO_STATE_DEAD, 0},
	{"teardown", teardown, DEAD_AT_ONCE, 0, COCO_STATE_DEAD, 0},

	{"vcpu_run", run_guest, CONFIGURED, -EBUSY, 0, 0},
	{"vcpu_run", run_guest, RUNNABLE, 0, COCO_STATE_RUNNABLE, 0},
	{"vcpu_run", run_held, RUNNABLE, 0, COCO_STATE_RUNNABLE, 0},
	{"vcpu_run", run_held, PARKED, 0, COCO_STATE_PARKED, 0},
	{"vcpu_run", run_held, DOWN_LAUNCH, 0, COCO_STATE_DOWN, 0},
	{"vcpu_run", run_held, DOWN_RESET, 0, COCO_STATE_DOWN, 0},
	{"vcpu_run", run_dead, DEAD, 0, COCO_STATE_DEAD, 0},
	{"vcpu_run", run_dead, DEAD_AT_ONCE, 0, COCO_STATE_DEAD, 0},
};

static int halt(void *payload, struct fake_kvm *fake, const struct fake_entry *entry)
{
	(void)payload;
	(void)fake;
	return fake_exit_hlt(entry->run);
}

static const uint32_t techs[] = {COCO_TECH_PLAIN, COCO_TECH_SWPROTECTED};

static void try_in_state(size_t i, uint32_t tech)
{
	int in = table[i].in;
	uint32_t state = table[i].rc == 0 ? table[i].state : states[in].state;
	int rc;

	fixture_init(&f, tech);
	fake_kvm_on_run(f.fake, halt, NULL);
	states[in].enter();
	fixture_expect_state(&f, states[in].state, states[in].generation);
	fake_kvm_transcript_clear(f.fake);

	expect_spoil(&f.error);
	rc = table[i].call();
	ck_assert_msg(rc == table[i].rc, "%s in %s: %d (%s)", table[i].name, states[in].name, rc,
		      f.error.text);
	if (rc == -EBUSY) {
		expect_failed(rc, &f.error, -EBUSY, "state", table[i].name);
		ck_assert_uint_eq(f.error.stage, COCO_STAGE_ARGUMENT);
		expect_transcript(f.fake, "");
		expect_text(&f.error, coco_state_name(states[in].state));
	}
	fixture_expect_state(&f, state, states[in].generation + table[i].builds);
	if (state == COCO_STATE_DOWN || state == COCO_STATE_DEAD) {
		ck_assert_uint_eq(fixture_info(&f).open_objects, 0);
		ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 0);
	}
	fixture_end(&f);
}

START_TEST(each_call_does_in_each_state_what_the_header_says)
{
	try_in_state((size_t)_i / 2, techs[_i % 2]);
}
END_TEST

START_TEST(questions_are_answered_in_each_state)
{
	int before[2];
	struct kvm_run *page;
	struct coco_vcpu *vcpu;
	void *address = NULL;

	fixture_init(&f, COCO_TECH_SWPROTECTED);
	fake_kvm_on_run(f.fake, halt, NULL);
	states[_i].enter();
	vcpu = coco_guest_vcpu(f.guest, 0);
	ck_assert_ptr_nonnull(vcpu);
	before[0] = coco_guest_vm_fd(f.guest);
	before[1] = coco_vcpu_fd(vcpu);
	page = coco_vcpu_kvm_run(vcpu);
	ck_assert(before[0] >= 0 && before[1] >= 0 && page != NULL);
	expect_ok(coco_guest_host_address(f.guest, 0, RAM_SIZE, &address, &f.error), &f.error);
	ck_assert_ptr_nonnull(address);
	ck_assert_uint_eq(coco_guest_generation(f.guest), states[_i].generation);
	ck_assert_uint_eq(fixture_info(&f).memory_bytes, RAM_SIZE + ROM_SIZE);
	coco_vcpu_park(vcpu);
	coco_vcpu_kick(vcpu);
	ck_assert_int_eq(coco_guest_vm_fd(f.guest), before[0]);
	ck_assert_int_eq(coco_vcpu_fd(vcpu), before[1]);
	ck_assert_ptr_eq(coco_vcpu_kvm_run(vcpu), page);
	fixture_end(&f);
}
END_TEST

START_TEST(a_parked_guest_stays_parked_over_resets_until_it_is_resumed)
{
	fixture_init(&f, COCO_TECH_PLAIN);
	fake_kvm_on_run(f.fake, halt, NULL);
	to_parked();
	expect_ok(reset(), &f.error);
	fixture_expect_state(&f, COCO_STATE_PARKED, 2);
	/* Also over one that fails. */
	fake_kvm_fail(f.fake, "KVM_CREATE_VM", 1, ENOMEM, false);
	expect_call_error(reset(), &f.error, -ENOMEM, "KVM_CREATE_VM");
	fixture_expect_state(&f, COCO_STATE_DOWN, 2);
	expect_ok(reset(), &f.error);
	fixture_expect_state(&f, COCO_STATE_PARKED, 3);
	expect_ok(resume(), &f.error);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 3);
	expect_ok(run_guest(), &f.error);
	expect_ok(reset(), &f.error);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 4);
	fixture_end(&f);
}
END_TEST

START_TEST(info_of_other_sizes_follows_the_rules)
{
	struct coco_guest_info info = {0};

	fixture_launch(&f, COCO_TECH_PLAIN);
	expect_error(coco_guest_get_info(f.guest, &info, &f.error), &f.error, -EINVAL,
		     "struct_size");
	memset(&info, 0xee, sizeof(info));
	info.struct_size = offsetof(struct coco_guest_info, generation);
	expect_ok(coco_guest_get_info(f.guest, &info, &f.error), &f.error);
	ck_assert_uint_eq(info.state, COCO_STATE_RUNNABLE);
	ck_assert_uint_eq(info.tech, COCO_TECH_PLAIN);
	ck_assert_uint_eq(info.generation, 0xeeeeeeeeeeeeeeee);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_parked_guest_stays_parked_over_resets_until_it_is_resumed,
		info_of_other_sizes_follows_the_rules,
		NULL,
	};
	Suite *suite = expect_suite("guest states", tests);
	TCase *loops = tcase_create("call by state");

	tcase_add_loop_test(loops, each_call_does_in_each_state_what_the_header_says, 0,
			    2 * (int)(sizeof(table) / sizeof(table[0])));
	tcase_add_loop_test(loops, questions_are_answered_in_each_state, 0,
			    (int)(sizeof(states) / sizeof(states[0])));
	suite_add_tcase(suite, loops);
	return expect_run(suite);
}
