/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* When a guest touches memory on the side where it is not: what is converted, and how much? */
#include "script.h"

#include "kvm/uapi.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PAGE 4096ull
#define AT   0x100000ull

static struct fixture f;
static struct script script;

static void launch_with(uint32_t tech, uint64_t first, uint64_t max)
{
	fixture_init(&f, tech);
	f.options.convert_first = first;
	f.options.convert_max = max;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	fake_kvm_transcript_clear(f.fake);
}

static void follow(const struct script_step *steps)
{
	script_start(&script, &f, steps);
	script_run_to_end(&f);
}

static void touch(uint64_t gpa, bool private_access)
{
	follow((struct script_step[]){
		{.kind = SCRIPT_FAULT, .gpa = gpa, .to_private = private_access},
		{.kind = SCRIPT_END}});
}

static bool is_private(uint64_t gpa)
{
	return fake_kvm_is_private(f.fake, coco_guest_vm_fd(f.guest), gpa);
}

/* The pages around `gpa` that are private, as far as they hang together. */
static void expect_range(uint64_t gpa, uint64_t start, uint64_t end)
{
	ck_assert_msg(is_private(gpa), "0x%" PRIx64 " is not private", gpa);
	while (gpa > start && is_private(gpa - PAGE))
		gpa -= PAGE;
	ck_assert_uint_eq(gpa, start);
	while (is_private(gpa))
		gpa += PAGE;
	ck_assert_uint_eq(gpa, end);
}

START_TEST(a_fault_brings_its_page_and_more)
{
	launch_with(COCO_TECH_SWPROTECTED, 4 * PAGE, 16 * PAGE);
	touch(AT, true);
	expect_range(AT, AT, AT + 4 * PAGE);
	ck_assert_uint_eq(fixture_info(&f).conversions, 1);
	fixture_end(&f);
}
END_TEST

START_TEST(by_default_it_is_two_mebibytes)
{
	launch_with(COCO_TECH_SWPROTECTED, 0, 0);
	touch(0x200000, true);
	expect_range(0x200000, 0x200000, 0x400000);
	fixture_end(&f);
}
END_TEST

START_TEST(faults_that_follow_each_other_bring_twice_as_much_each_time)
{
	uint64_t gpa = AT, sizes[] = {4, 8, 16, 16, 16};

	launch_with(COCO_TECH_SWPROTECTED, 4 * PAGE, 16 * PAGE);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		touch(gpa, true);
		gpa += sizes[i] * PAGE;
		expect_range(AT, AT, gpa);
	}
	fixture_end(&f);
}
END_TEST

START_TEST(a_single_page_is_a_size_too)
{
	launch_with(COCO_TECH_SWPROTECTED, PAGE, PAGE);
	for (uint64_t i = 0; i < 3; i++) {
		touch(AT + i * PAGE, true);
		expect_range(AT, AT, AT + (i + 1) * PAGE);
	}
	fixture_end(&f);
}
END_TEST

START_TEST(what_a_fault_brings_ends_with_its_region)
{
	launch_with(COCO_TECH_SWPROTECTED, 64 * PAGE, 64 * PAGE);
	touch(RAM_SIZE - PAGE, true);
	ck_assert(is_private(RAM_SIZE - PAGE));
	ck_assert(!is_private(RAM_SIZE));
	fixture_end(&f);
}
END_TEST

START_TEST(pages_that_the_guest_made_shared_stay_so)
{
	const uint64_t kept = AT + 2 * PAGE;

	launch_with(COCO_TECH_SWPROTECTED, 4 * PAGE, 16 * PAGE);
	follow((struct script_step[]){
		{.kind = SCRIPT_MAP, .gpa = kept, .pages = 1, .to_private = true},
		{.kind = SCRIPT_MAP, .gpa = kept, .pages = 1},
		{.kind = SCRIPT_FAULT, .gpa = AT, .to_private = true},
		{.kind = SCRIPT_END}});
	ck_assert(is_private(AT));
	ck_assert(!is_private(kept));
	fixture_end(&f);
}
END_TEST

START_TEST(a_page_that_was_asked_to_be_shared_while_it_was_stays_so)
{
	launch_with(COCO_TECH_SWPROTECTED, 4 * PAGE, 16 * PAGE);
	follow((struct script_step[]){{.kind = SCRIPT_MAP, .gpa = AT + PAGE, .pages = 1},
				      {.kind = SCRIPT_FAULT, .gpa = AT, .to_private = true},
				      {.kind = SCRIPT_END}});
	ck_assert(is_private(AT));
	ck_assert(!is_private(AT + PAGE));
	fixture_end(&f);
}
END_TEST

START_TEST(a_shared_access_to_private_memory_brings_its_page_only)
{
	launch_with(COCO_TECH_SWPROTECTED, 0, 0);
	touch(DATA_GPA, false);
	ck_assert(!is_private(DATA_GPA));
	ck_assert(is_private(DATA_GPA + PAGE));
	ck_assert_uint_eq(fixture_info(&f).private_bytes,
			  DATA_SIZE + ZERO_SIZE + FIRMWARE_SIZE - PAGE);
	fixture_end(&f);
}
END_TEST

START_TEST(an_address_inside_of_a_page_means_the_page)
{
	launch_with(COCO_TECH_SWPROTECTED, PAGE, PAGE);
	touch(AT + 0x123, true);
	expect_range(AT, AT, AT + PAGE);
	fixture_end(&f);
}
END_TEST

static void expect_fault_error(uint64_t gpa, bool private_access)
{
	struct coco_exit exit;
	int rc;

	script_start(&script, &f,
		     (struct script_step[]){
			     {.kind = SCRIPT_FAULT, .gpa = gpa, .to_private = private_access},
			     {.kind = SCRIPT_END}});
	rc = script_run(&f, &exit);
	ck_assert_int_eq(rc, -EFAULT);
	ck_assert_int_eq(f.error.code, -EFAULT);
	ck_assert_uint_eq(f.error.stage, COCO_STAGE_RUN);
	expect_text(&f.error, "vCPU 0");
	/* The VMM may run it again. */
	script_run_to_end(&f);
}

START_TEST(memory_that_is_not_there_is_an_error)
{
	static const uint64_t nowhere[] = {RAM_SIZE,   0x80000000, ROM_GPA - PAGE,
					   1ull << 32, 1ull << 52, UINT64_MAX};

	launch_with(COCO_TECH_SWPROTECTED, 0, 0);
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		expect_fault_error(nowhere[i], true);
		expect_fault_error(nowhere[i], false);
	}
	ck_assert_uint_eq(fixture_info(&f).conversions, 0);
	fixture_end(&f);
}
END_TEST

static int refuse(void *payload, const struct coco_conversion *conversion)
{
	const int *answer = payload;

	return conversion->done ? 0 : *answer;
}

START_TEST(a_listener_that_refuses_stops_a_guest_that_just_touched)
{
	struct coco_exit exit;
	int answer = -EBUSY;

	fixture_init(&f, COCO_TECH_SWPROTECTED);
	f.options.converted = refuse;
	f.options.convert_payload = &answer;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	script_start(&script, &f,
		     (struct script_step[]){{.kind = SCRIPT_FAULT, .gpa = AT, .to_private = true},
					    {.kind = SCRIPT_FAULT, .gpa = AT, .to_private = true},
					    {.kind = SCRIPT_END}});
	ck_assert_int_eq(script_run(&f, &exit), -EACCES);
	ck_assert_int_eq(f.error.code, -EACCES);
	ck_assert_uint_eq(f.error.stage, COCO_STAGE_RUN);
	ck_assert(!is_private(AT));
	answer = 0;
	script_run_to_end(&f);
	ck_assert(is_private(AT));
	fixture_end(&f);
}
END_TEST

START_TEST(plain_memory_has_no_private_side)
{
	launch_with(COCO_TECH_PLAIN, 0, 0);
	expect_fault_error(AT, true);
	expect_fault_error(AT, false);
	fixture_end(&f);
}
END_TEST

static int fault_for_ever(void *payload, struct fake_kvm *fake, const struct fake_entry *entry)
{
	(void)payload;
	(void)fake;
	return fake_exit_memory_fault(entry->run, AT, PAGE, true);
}

START_TEST(a_fault_that_nothing_helps_against_ends)
{
	struct coco_exit exit;

	launch_with(COCO_TECH_SWPROTECTED, PAGE, PAGE);
	fake_kvm_on_run(f.fake, fault_for_ever, NULL);
	ck_assert_int_eq(script_run(&f, &exit), -EFAULT);
	ck_assert_int_eq(f.error.code, -EFAULT);
	ck_assert_uint_eq(fixture_info(&f).conversions, 1);
	fixture_end(&f);
}
END_TEST

START_TEST(a_fault_that_another_vcpu_answered_is_simply_tried_again)
{
	launch_with(COCO_TECH_SWPROTECTED, PAGE, PAGE);
	follow((struct script_step[]){
		{.kind = SCRIPT_MAP, .gpa = AT, .pages = 1, .to_private = true},
		{.kind = SCRIPT_FAULT, .gpa = AT, .to_private = true},
		{.kind = SCRIPT_END}});
	ck_assert_uint_eq(fixture_info(&f).conversions, 1);
	fixture_end(&f);
}
END_TEST

/* ---- against a model ---- */

static uint64_t state;

static uint64_t next_random(uint64_t limit)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull % limit;
}

/* Pages of "ram" and two more: requests may reach over its end. */
#define MODEL_PAGES (RAM_SIZE / PAGE + 2)

static void random_requests(bool *model, struct script_step *steps, bool *granted, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t first = next_random(MODEL_PAGES), pages = 1 + next_random(64);

		steps[i] = (struct script_step){.kind = SCRIPT_MAP,
						.gpa = first * PAGE,
						.pages = pages,
						.to_private = next_random(2) == 0};
		granted[i] = first + pages <= RAM_SIZE / PAGE;
		for (uint64_t page = first; granted[i] && page < first + pages; page++)
			model[page] = steps[i].to_private;
	}
	steps[count].kind = SCRIPT_END;
}

static void compare_with_model(const bool *model)
{
	uint64_t private_bytes = FIRMWARE_SIZE;

	for (uint64_t page = 0; page < MODEL_PAGES; page++) {
		if (is_private(page * PAGE) != model[page])
			ck_abort_msg("page %" PRIu64 " is %s", page,
				     model[page] ? "not private" : "private");
		private_bytes += model[page] ? PAGE : 0;
	}
	ck_assert_uint_eq(fixture_info(&f).private_bytes, private_bytes);
}

START_TEST(random_requests_lead_where_a_model_says)
{
	const char *given = getenv("COCO_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	bool *model = calloc(MODEL_PAGES, sizeof(*model));

	ck_assert_ptr_nonnull(model);
	printf("COCO_SEED=%" PRIu64 "\n", seed);
	state = seed | 1ull << 63;
	launch_with(COCO_TECH_SWPROTECTED, 0, 0);
	for (uint64_t page = 0; page < MODEL_PAGES; page++)
		model[page] = (page * PAGE >= DATA_GPA && page * PAGE < DATA_GPA + DATA_SIZE) ||
			      page * PAGE == ZERO_GPA;
	for (unsigned round = 0; round < 50; round++) {
		struct script_step steps[SCRIPT_MAX];
		bool granted[SCRIPT_MAX];

		random_requests(model, steps, granted, SCRIPT_MAX - 2);
		follow(steps);
		for (unsigned i = 0; i < SCRIPT_MAX - 2; i++)
			ck_assert_msg((script.results[i] == 0) == granted[i],
				      "0x%" PRIx64 ", %" PRIu64 " pages: answered %" PRId64,
				      steps[i].gpa, steps[i].pages, (int64_t)script.results[i]);
		compare_with_model(model);
	}
	free(model);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_fault_brings_its_page_and_more,
		by_default_it_is_two_mebibytes,
		faults_that_follow_each_other_bring_twice_as_much_each_time,
		a_single_page_is_a_size_too,
		what_a_fault_brings_ends_with_its_region,
		pages_that_the_guest_made_shared_stay_so,
		a_page_that_was_asked_to_be_shared_while_it_was_stays_so,
		a_shared_access_to_private_memory_brings_its_page_only,
		an_address_inside_of_a_page_means_the_page,
		memory_that_is_not_there_is_an_error,
		a_listener_that_refuses_stops_a_guest_that_just_touched,
		plain_memory_has_no_private_side,
		a_fault_that_nothing_helps_against_ends,
		a_fault_that_another_vcpu_answered_is_simply_tried_again,
		random_requests_lead_where_a_model_says,
		NULL,
	};

	return expect_run(expect_suite("convert fault", tests));
}
