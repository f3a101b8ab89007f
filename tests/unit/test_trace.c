/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Do trace events tell the phases and states of launch, reset and teardown, in order? */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define MOST_EVENTS 256

static struct fixture f;

static struct {
	struct coco_trace_event events[MOST_EVENTS];
	unsigned count;
} traced;

static void take_event(void *payload, const struct coco_trace_event *event)
{
	(void)payload;
	if (traced.count < MOST_EVENTS)
		traced.events[traced.count] = *event;
	traced.count++;
}

static void make_guest(uint32_t tech)
{
	fixture_init(&f, tech);
	f.options.trace = take_event;
	fixture_guest(&f);
	memset(&traced, 0, sizeof(traced));
}

/* The events as a line of words: "begin load/2", "end load/2", "state runnable". */
static void expect_events(const char *expected)
{
	char *text = calloc(1, 64 * MOST_EVENTS);
	size_t length = 0;

	ck_assert_ptr_nonnull(text);
	ck_assert_uint_lt(traced.count, MOST_EVENTS);
	for (unsigned i = 0; i < traced.count; i++) {
		const struct coco_trace_event *event = &traced.events[i];
		unsigned generation = (unsigned)event->generation;

		ck_assert(i == 0 || event->time_ns >= traced.events[i - 1].time_ns);
		switch (event->kind) {
		case COCO_TRACE_BEGIN:
			ck_assert_uint_eq(event->state, 0);
			length += (size_t)sprintf(text + length, "begin %s/%u\n",
						  coco_phase_name(event->phase), generation);
			break;
		case COCO_TRACE_END:
			length += (size_t)sprintf(text + length, "end %s/%u",
						  coco_phase_name(event->phase), generation);
			length += (size_t)sprintf(text + length, event->result ? " %d\n" : "\n",
						  event->result);
			break;
		case COCO_TRACE_RETIRED:
			length += (size_t)sprintf(text + length, "retired/%u\n", generation);
			break;
		default:
			ck_assert_uint_eq(event->kind, COCO_TRACE_STATE);
			ck_assert_uint_eq(event->phase, 0);
			length += (size_t)sprintf(text + length, "state %s\n",
						  coco_state_name(event->state));
		}
	}
	expect_lines("trace", text, expected);
	free(text);
	traced.count = 0;
}

#define PHASE(name, generation)                                                                    \
	"begin " name "/" generation "\n"                                                          \
	"end " name "/" generation "\n"

/* `load`: into private memory, where there is any; `swap` when it is built beside an old one. */
#define BUILD(load, swap, generation)                                                              \
	PHASE("vm", generation)                                                                    \
	PHASE("memory", generation)                                                                \
	PHASE("vcpus", generation)                                                                 \
	PHASE("attributes", generation)                                                            \
	load PHASE("state", generation)                                                            \
	swap PHASE("scrub", generation) PHASE("load", generation)

/* A life's beginning by technology. */
static const struct life {
	uint32_t tech;
	const char *launch, *reset, *overlap;
} lives[] = {
	{COCO_TECH_PLAIN, BUILD("", "", "1"), BUILD("", "", "2"),
	 BUILD("", PHASE("swap", "3"), "3")},
	{COCO_TECH_SWPROTECTED, BUILD(PHASE("load", "1"), "", "1"),
	 BUILD(PHASE("load", "2"), "", "2"), BUILD(PHASE("load", "3"), PHASE("swap", "3"), "3")},
};

static const char *join(const char *before, const char *life, const char *after)
{
	static char text[4096];

	snprintf(text, sizeof(text), "%s%s%s", before, life, after);
	return text;
}

START_TEST(launch_and_reset_go_through_the_phases_of_the_header)
{
	const struct life *life = &lives[_i];

	make_guest(life->tech);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	expect_events(join(PHASE("check", "0") "state launching\n", life->launch,
			   "state runnable\n" PHASE("resume", "1")));
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	expect_events(
		join("begin park/1\n"
		     "state parked\n"
		     "end park/1\n" PHASE("check", "1") "state resetting\n" PHASE("retire", "1"),
		     life->reset, "state runnable\n" PHASE("resume", "2")));
	fixture_reset(&f, COCO_STRATEGY_OVERLAP);
	expect_ok(coco_guest_wait_retired(f.guest, 10000, &f.error), &f.error);
	expect_events(join("begin park/2\n"
			   "state parked\n"
			   "end park/2\n" PHASE("check", "2") "state resetting\n",
			   life->overlap, "state runnable\n" PHASE("resume", "3") "retired/2\n"));
	expect_ok(coco_guest_teardown(f.guest, &f.error), &f.error);
	expect_events("state parked\n"
		      "state dead\n");
	fixture_end(&f);
}
END_TEST

START_TEST(a_phase_that_fails_says_so)
{
	make_guest(COCO_TECH_PLAIN);
	fake_kvm_fail(f.fake, "KVM_SET_CPUID2", 1, EPERM, false);
	expect_call_error(coco_guest_launch(f.guest, &f.error), &f.error, -EPERM, "KVM_SET_CPUID2");
	expect_events(PHASE("check", "0") "state launching\n" PHASE("vm", "1")
			      PHASE("memory", "1") "begin vcpus/1\n"
						   "end vcpus/1 -1\n"
						   "state down\n");
	fixture_end(&f);
}
END_TEST

START_TEST(times_add_up)
{
	struct coco_guest_info info;
	uint64_t sum = 0;

	make_guest(COCO_TECH_SWPROTECTED);
	info = fixture_info(&f);
	ck_assert_uint_eq(info.total_ns, 0);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	info = fixture_info(&f);
	for (unsigned phase = 0; phase < 16; phase++) {
		sum += info.phase_ns[phase];
		if (phase == 0 || phase >= COCO_PHASE_COUNT)
			ck_assert_uint_eq(info.phase_ns[phase], 0);
	}
	/* Phases do not overlap, and all lie within the call. */
	ck_assert_uint_gt(sum, 0);
	ck_assert_uint_le(sum, info.total_ns);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_phase_that_fails_says_so,
		times_add_up,
		NULL,
	};
	Suite *suite = expect_suite("trace", tests);
	TCase *loops = tcase_create("one by one");

	tcase_add_loop_test(loops, launch_and_reset_go_through_the_phases_of_the_header, 0, 2);
	suite_add_tcase(suite, loops);
	return expect_run(suite);
}
