/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Resets that build the next incarnation beside the old one. Is the old one whole until it is
 * replaced, whatever fails? Do the handles mean the new one then, and is the old one given back,
 * by whom, and in which pieces?
 */
#include "conversation.h"
#include "fixture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define FREE_GPA 0x200000ull /* no page of the image */

static struct fixture f;

static const struct setting {
	const char *name;
	uint32_t tech, guest_flags, memory_flags;
} settings[] = {
	{"plain", COCO_TECH_PLAIN, 0, 0},
	{"plain in guest_memfd", COCO_TECH_PLAIN, 0, COCO_MEMORY_GUEST_MEMFD},
	{"plain, kept", COCO_TECH_PLAIN, 0, COCO_MEMORY_KEEP},
	{"protected", COCO_TECH_SWPROTECTED, 0, 0},
	{"protected, eager", COCO_TECH_SWPROTECTED, COCO_GUEST_EAGER_PRIVATE, 0},
};

#define SETTINGS ((int)(sizeof(settings) / sizeof(settings[0])))

static void launch(const struct setting *setting)
{
	fixture_init(&f, setting->tech);
	f.options.vcpus = 2;
	f.options.flags = setting->guest_flags;
	f.memory_flags = setting->memory_flags;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	fake_kvm_transcript_clear(f.fake);
}

static int try_reset(uint32_t strategy)
{
	struct coco_reset_options options;

	COCO_INIT(&options);
	options.strategy = strategy;
	expect_spoil(&f.error);
	return coco_guest_reset_with(f.guest, &options, &f.error);
}

static void await_retired(void)
{
	expect_ok(coco_guest_wait_retired(f.guest, 10000, &f.error), &f.error);
}

static uint8_t *host_address(uint64_t gpa)
{
	void *address = NULL;

	expect_ok(coco_guest_host_address(f.guest, gpa, 1, &address, &f.error), &f.error);
	return address;
}

/* ---- what the kernel is asked ---- */

#define BUILD_BESIDE                                                                               \
	"ioctl kvm KVM_CREATE_VM type=0 = vm#\n" IRQCHIP_FULL SLOT_RAM SLOT_ROM                    \
	"ioctl vm# KVM_CREATE_VCPU id=0 = vcpu#.0\n"                                               \
	"mmap vcpu#.0 size=0x3000 rw shared = map4\n"                                              \
	"madvise map4 size=0x3000 dontfork\n"                                                      \
	"ioctl vcpu#.0 KVM_SET_CPUID2 nent=48\n" RESTORE("0", SET_LAPIC("0"))
#define STEP_ASIDE                                                                                 \
	"dup vm#@vm\n"                                                                             \
	"dup vcpu#.0@vcpu0\n"
#define TAKE_OVER                                                                                  \
	"dup3 vm# -> vm (was vm1)\n"                                                               \
	"close vm#\n"                                                                              \
	"dup3 vcpu#.0 -> vcpu0 (was vcpu1.0)\n"                                                    \
	"close vcpu#.0\n"                                                                          \
	"munmap map4 size=0x3000\n"                                                                \
	"mmap vcpu#.0 size=0x3000 rw shared,fixed at run0\n"                                       \
	"madvise run0 size=0x3000 dontfork\n"
#define RETIRE                                                                                     \
	"close vcpu#.0\n"                                                                          \
	"close vm#\n"                                                                              \
	"gone vm#\n"

static void leave_it(void *payload, struct coco_guest *guest)
{
	(void)payload;
	(void)guest;
}

START_TEST(the_new_one_is_whole_before_the_old_one_is_touched)
{
	uint32_t left;

	fixture_init(&f, COCO_TECH_PLAIN);
	f.options.retire = leave_it;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	fake_kvm_transcript_clear(f.fake);
	fixture_reset(&f, COCO_STRATEGY_OVERLAP);
	fixture_expect_conversation(&f, (struct fixture_part[]){
						{2, BUILD_BESIDE},
						{1, STEP_ASIDE},
						{2, TAKE_OVER SCRUB_RAM SCRUB_ROM},
						{0, NULL},
					});
	fixture_expect_image(&f);
	fake_kvm_transcript_clear(f.fake);
	expect_ok(coco_guest_retire(f.guest, 100, &left, &f.error), &f.error);
	ck_assert_uint_eq(left, 0);
	fixture_expect_conversation(&f, (struct fixture_part[]){{1, RETIRE}, {0, NULL}});
	fixture_end(&f);
}
END_TEST

START_TEST(handles_stay_over_overlapping_resets)
{
	uint8_t *ram;
	int vm;

	launch(&settings[_i]);
	vm = coco_guest_vm_fd(f.guest);
	ram = host_address(0);
	for (uint64_t generation = 2; generation < 8; generation++) {
		struct coco_guest_info info;

		ram[FREE_GPA] = 0x5e;
		fixture_reset(&f, COCO_STRATEGY_OVERLAP);
		fixture_expect_state(&f, COCO_STATE_RUNNABLE, generation);
		ck_assert_int_eq(coco_guest_vm_fd(f.guest), vm);
		ck_assert_ptr_eq(host_address(0), ram);
		ck_assert_uint_eq(ram[FREE_GPA],
				  settings[_i].memory_flags == COCO_MEMORY_KEEP ? 0x5e : 0);
		fixture_expect_image(&f);
		info = fixture_info(&f);
		ck_assert_uint_eq(info.strategy, COCO_STRATEGY_OVERLAP);
		ck_assert_int_eq(info.fallback_code, 0);
	}
	ck_assert_uint_gt(fake_kvm_most_vms(f.fake), 1);
	/* Two that wait, one that runs, one that is built. */
	ck_assert_uint_le(fake_kvm_most_vms(f.fake), 4);
	await_retired();
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 1);
	ck_assert_uint_eq(fixture_info(&f).retiring, 0);
	fixture_end(&f);
}
END_TEST

/* ---- failures ---- */

static void expect_old_life(void)
{
	fixture_expect_state(&f, COCO_STATE_PARKED, 1);
	fixture_expect_image(&f);
	ck_assert_uint_eq(host_address(FREE_GPA)[0], 0x5e);
}

/* Whether the failed call comes after the old incarnation has been replaced. */
static bool was_replaced(void)
{
	const char *text = fake_kvm_transcript(f.fake);
	const char *scrub = strstr(text, "dontneed");

	return scrub != NULL;
}

/* A close that fails has closed all the same, and pages go with their file at the latest. */
static bool may_be_ignored(const char *call)
{
	return strcmp(call, "close") == 0 || strcmp(call, "fallocate") == 0;
}

/* Fails the nth call of an overlapping reset; returns whether there was one. */
static bool fail_nth(const struct setting *setting, unsigned n, bool sticky)
{
	const char *call;
	bool failed;
	int rc;

	launch(setting);
	host_address(FREE_GPA)[0] = 0x5e;
	fake_kvm_fail(f.fake, NULL, n, EIO, sticky);
	rc = try_reset(COCO_STRATEGY_OVERLAP);
	await_retired();
	call = fake_kvm_failed_call(f.fake);
	failed = call[0] != '\0';
	if (!failed || rc == 0) {
		ck_assert_int_eq(rc, 0);
		ck_assert(!failed || may_be_ignored(call));
	} else if (fixture_info(&f).state == COCO_STATE_PARKED) {
		ck_assert_int_eq(rc, -EIO);
		fake_kvm_fail_clear(f.fake);
		expect_old_life();
		/* Unless what was built can't be given back, either: the next reset begins with it.
		 */
		ck_assert_uint_le(fake_kvm_live_vms(f.fake), sticky ? 2 : 1);
	} else {
		/* With every later call failing there may be no way back to the old one, either. */
		ck_assert(sticky || was_replaced());
		fixture_expect_state(&f, COCO_STATE_DOWN, 1);
	}
	fake_kvm_fail_clear(f.fake);
	if (rc) {
		fixture_reset(&f, COCO_STRATEGY_OVERLAP);
		await_retired();
	}
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 2);
	fixture_expect_image(&f);
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 1);
	expect_no_faults(f.fake);
	if (fixture_info(&f).retiring)
		ck_abort_msg("something waits to be retired");
	fixture_end(&f);
	return failed;
}

START_TEST(a_failure_leaves_the_old_life_whole)
{
	unsigned n = 1;

	while (fail_nth(&settings[_i / 2], n, _i % 2))
		n++;
	ck_assert_uint_gt(n, 30);
}
END_TEST

START_TEST(after_a_failure_the_old_life_goes_on)
{
	launch(&settings[_i]);
	host_address(FREE_GPA)[0] = 0x5e;
	fake_kvm_fail(f.fake, "KVM_SET_CPUID2", 2, EPERM, false);
	expect_call_error(try_reset(COCO_STRATEGY_OVERLAP), &f.error, -EPERM, "KVM_SET_CPUID2");
	await_retired();
	expect_old_life();
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 1);
	expect_ok(coco_guest_resume(f.guest, &f.error), &f.error);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 1);
	ck_assert_uint_eq(host_address(FREE_GPA)[0], 0x5e);
	/* And can be replaced, or given up. */
	fake_kvm_fail(f.fake, "KVM_CREATE_VM", 1, EPERM, false);
	ck_assert_int_eq(try_reset(COCO_STRATEGY_OVERLAP), -EPERM);
	expect_ok(coco_guest_teardown(f.guest, &f.error), &f.error);
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 0);
	fixture_end(&f);
}
END_TEST

/* ---- auto ---- */

static const struct shortage {
	const char *call;
	unsigned nth;
	int code;
	bool falls_back;
} shortages[] = {
	{"KVM_CREATE_VM", 1, ENOMEM, true},
	{"KVM_CREATE_VCPU", 2, EMFILE, true},
	{"KVM_CREATE_VCPU", 1, ENFILE, true},
	{"dup", 1, EMFILE, true},
	{"mmap", 1, ENOMEM, true},
	{"KVM_CREATE_VM", 1, EPERM, false},
	{"KVM_SET_SREGS", 1, EINVAL, false},
	{"KVM_CREATE_VCPU", 1, EBUSY, false},
};

#define SHORTAGES ((int)(sizeof(shortages) / sizeof(shortages[0])))

START_TEST(auto_is_sequential_when_the_host_is_short)
{
	const struct shortage *shortage = &shortages[_i];
	struct coco_guest_info info;
	int rc;

	launch(&settings[0]);
	fake_kvm_fail(f.fake, shortage->call, shortage->nth, shortage->code, false);
	rc = try_reset(COCO_STRATEGY_AUTO);
	await_retired();
	info = fixture_info(&f);
	if (!shortage->falls_back) {
		ck_assert_int_eq(rc, -shortage->code);
		fixture_expect_state(&f, COCO_STATE_PARKED, 1);
		ck_assert_uint_eq(info.strategy, COCO_STRATEGY_OVERLAP);
	} else {
		expect_ok(rc, &f.error);
		fixture_expect_state(&f, COCO_STATE_RUNNABLE, 2);
		fixture_expect_image(&f);
		ck_assert_uint_eq(info.strategy, COCO_STRATEGY_SEQUENTIAL);
		ck_assert_int_eq(info.fallback_code, -shortage->code);
		ck_assert_str_ne(info.fallback, "");
		/* The next one overlaps again. */
		fixture_reset(&f, COCO_STRATEGY_AUTO);
		info = fixture_info(&f);
		ck_assert_uint_eq(info.strategy, COCO_STRATEGY_OVERLAP);
		ck_assert_int_eq(info.fallback_code, 0);
		ck_assert_str_eq(info.fallback, "");
	}
	fixture_end(&f);
}
END_TEST

/* ---- retiring ---- */

static unsigned wanted;

static void count_wanted(void *payload, struct coco_guest *guest)
{
	ck_assert_ptr_eq(payload, &wanted);
	ck_assert_ptr_nonnull(guest);
	wanted++;
}

static void launch_with_executor(uint32_t tech, uint32_t flags, uint32_t max_retiring)
{
	fixture_init(&f, tech);
	f.options.flags = flags;
	f.options.strategy = COCO_STRATEGY_OVERLAP;
	f.options.retire = count_wanted;
	f.options.retire_payload = &wanted;
	f.options.max_retiring = max_retiring;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	wanted = 0;
}

START_TEST(a_vmm_retires_by_itself_in_steps)
{
	uint32_t left = 1;
	unsigned steps = 0;
	uint64_t bytes;

	launch_with_executor(COCO_TECH_SWPROTECTED, COCO_GUEST_EAGER_PRIVATE, 0);
	bytes = fixture_info(&f).private_bytes;
	ck_assert_uint_eq(bytes, RAM_SIZE + ROM_SIZE);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	ck_assert_uint_eq(wanted, 1);
	ck_assert_uint_eq(fixture_info(&f).retiring, 1);
	ck_assert_uint_eq(fixture_info(&f).retiring_bytes, bytes);
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 2);
	while (left) {
		const uint64_t before = fixture_info(&f).retiring_bytes;

		expect_ok(coco_guest_retire(f.guest, 1, &left, &f.error), &f.error);
		ck_assert_uint_le(fixture_info(&f).retiring_bytes, before);
		steps++;
	}
	/* Two regions' memory, their files, the vCPU, the VM. */
	ck_assert_uint_eq(steps, 6);
	ck_assert_uint_eq(fixture_info(&f).retiring_bytes, 0);
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 1);
	fixture_expect_image(&f);
	fixture_end(&f);
}
END_TEST

START_TEST(resets_wait_when_too_much_waits)
{
	launch_with_executor(COCO_TECH_SWPROTECTED, 0, 3);
	for (unsigned n = 1; n < 10; n++) {
		expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
		ck_assert_uint_eq(fixture_info(&f).retiring, n < 3 ? n : 3);
		ck_assert_uint_eq(fake_kvm_live_vms(f.fake), n < 3 ? n + 1 : 4);
	}
	/* A sequential one needs all of them gone, and so does teardown. */
	fixture_reset(&f, COCO_STRATEGY_SEQUENTIAL);
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 1);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	expect_ok(coco_guest_teardown(f.guest, &f.error), &f.error);
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 0);
	fixture_end(&f);
}
END_TEST

START_TEST(resets_wait_for_memory_that_waits)
{
	fixture_init(&f, COCO_TECH_SWPROTECTED);
	f.options.flags = COCO_GUEST_EAGER_PRIVATE;
	f.options.strategy = COCO_STRATEGY_OVERLAP;
	f.options.retire = leave_it;
	f.options.max_retiring = 100;
	f.options.max_retiring_bytes = 2 * (RAM_SIZE + ROM_SIZE);
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	for (unsigned n = 1; n < 8; n++) {
		expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
		/* What waits beforehand is within the budget; this reset's own comes on top. */
		ck_assert_uint_le(fixture_info(&f).retiring_bytes, 3 * (RAM_SIZE + ROM_SIZE));
	}
	fixture_end(&f);
}
END_TEST

START_TEST(a_guest_can_be_freed_while_old_lives_wait)
{
	launch_with_executor(COCO_TECH_SWPROTECTED, 0, 5);
	for (unsigned n = 0; n < 4; n++)
		expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	fixture_end(&f);
}
END_TEST

/* ---- memory at a reset ---- */

#define MARK(gpa) (host_address(gpa)[0] = 0x5e)

static void expect_kept(uint64_t gpa, bool kept)
{
	ck_assert_msg((host_address(gpa)[0] == 0x5e) == kept, "0x%" PRIx64 " is%s kept", gpa,
		      kept ? " not" : "");
}

static void reset_memory(uint32_t strategy, uint32_t memory, const struct coco_range *keep,
			 uint32_t count)
{
	struct coco_reset_options options;

	COCO_INIT(&options);
	options.strategy = strategy;
	options.memory = memory;
	options.keep = keep;
	options.keep_count = count;
	expect_ok(coco_guest_reset_with(f.guest, &options, &f.error), &f.error);
}

START_TEST(listed_ranges_are_kept_but_for_the_image)
{
	/* In no order, at ends, over image pages, and touching. */
	static const struct coco_range keep[] = {
		{0x300000, 0x2000}, {0x0, 0x3000},     {0x302000, 0x1000},
		{0x3ff000, 0x1000}, {ROM_GPA, 0x1000},
	};

	launch(&settings[_i / 2 * 3]);
	MARK(0x0);
	MARK(0x3000);
	MARK(0x2ff000);
	MARK(0x300000);
	MARK(0x301000);
	MARK(0x302000);
	MARK(0x303000);
	MARK(0x3ff000);
	MARK(ROM_GPA);
	MARK(ROM_GPA + 0x1000);
	reset_memory(_i % 2 ? COCO_STRATEGY_OVERLAP : COCO_STRATEGY_SEQUENTIAL,
		     COCO_RESET_MEMORY_SCRUB, keep, 5);
	expect_kept(0x0, true);
	expect_kept(0x3000, false);
	expect_kept(0x2ff000, false);
	expect_kept(0x300000, true);
	expect_kept(0x301000, true);
	expect_kept(0x302000, true);
	expect_kept(0x303000, false);
	expect_kept(0x3ff000, true);
	expect_kept(ROM_GPA, true);
	expect_kept(ROM_GPA + 0x1000, false);
	fixture_expect_image(&f);
	/* For this reset only. */
	reset_memory(COCO_STRATEGY_DEFAULT, COCO_RESET_MEMORY_KEEP, NULL, 0);
	expect_kept(0x300000, true);
	expect_kept(0x0, true);
	fixture_expect_image(&f);
	reset_memory(COCO_STRATEGY_DEFAULT, COCO_RESET_MEMORY_DEFAULT, NULL, 0);
	expect_kept(0x300000, false);
	fixture_end(&f);
}
END_TEST

static const struct refusal {
	struct coco_range keep[2];
	uint32_t count, memory, strategy;
	const char *field;
} refusals[] = {
	{{{0x1000, 0}}, 1, 0, 0, "keep"},
	{{{0x1001, 0x1000}}, 1, 0, 0, "keep"},
	{{{0x1000, 0x1001}}, 1, 0, 0, "keep"},
	{{{0x3ff000, 0x2000}}, 1, 0, 0, "keep"},
	{{{UINT64_MAX - 0xfff, 0x2000}}, 1, 0, 0, "keep"},
	{{{0x1000, 0x2000}, {0x2000, 0x1000}}, 2, 0, 0, "keep"},
	{{{0x1000, 0x1000}}, COCO_RESET_KEEP_MAX + 1, 0, 0, "keep_count"},
	{{{0}}, 0, 3, 0, "memory"},
	{{{0}}, 0, 0, 4, "strategy"},
};

#define REFUSALS ((int)(sizeof(refusals) / sizeof(refusals[0])))

START_TEST(bad_wishes_are_refused_and_the_guest_runs_on)
{
	const struct refusal *refusal = &refusals[_i];
	struct coco_reset_options options;

	launch(&settings[0]);
	COCO_INIT(&options);
	options.strategy = refusal->strategy;
	options.memory = refusal->memory;
	options.keep = refusal->keep;
	options.keep_count = refusal->count;
	expect_error(coco_guest_reset_with(f.guest, &options, &f.error), &f.error, -EINVAL,
		     refusal->field);
	options.keep = NULL;
	options.keep_count = 1;
	ck_assert_int_eq(coco_guest_reset_with(f.guest, &options, &f.error), -EINVAL);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 1);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_new_one_is_whole_before_the_old_one_is_touched,
		a_vmm_retires_by_itself_in_steps,
		resets_wait_when_too_much_waits,
		resets_wait_for_memory_that_waits,
		a_guest_can_be_freed_while_old_lives_wait,
		NULL,
	};
	Suite *suite = expect_suite("overlap", tests);
	TCase *loops = tcase_create("one by one");

	tcase_add_loop_test(loops, handles_stay_over_overlapping_resets, 0, SETTINGS);
	tcase_add_loop_test(loops, a_failure_leaves_the_old_life_whole, 0, 2 * SETTINGS);
	tcase_add_loop_test(loops, after_a_failure_the_old_life_goes_on, 0, SETTINGS);
	tcase_add_loop_test(loops, auto_is_sequential_when_the_host_is_short, 0, SHORTAGES);
	tcase_add_loop_test(loops, listed_ranges_are_kept_but_for_the_image, 0, 4);
	tcase_add_loop_test(loops, bad_wishes_are_refused_and_the_guest_runs_on, 0, REFUSALS);
	suite_add_tcase(suite, loops);
	return expect_run(suite);
}
