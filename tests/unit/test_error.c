/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Do the library's names and its version say what the headers say? */
#include <cocoreset/cocoreset.h>

#include "expect.h"

START_TEST(stages_have_the_names_of_the_header)
{
	static const char *const names[] = {"argument", "host", "create", "load",  "seal",
					    "swap",     "run",  "park",   "retire"};

	for (uint32_t stage = COCO_STAGE_ARGUMENT; stage <= COCO_STAGE_RETIRE; stage++)
		ck_assert_str_eq(coco_stage_name(stage), names[stage - 1]);
	ck_assert_str_eq(coco_stage_name(0), "unknown");
	ck_assert_str_eq(coco_stage_name(COCO_STAGE_RETIRE + 1), "unknown");
	ck_assert_str_eq(coco_stage_name(UINT32_MAX), "unknown");
}
END_TEST

START_TEST(phases_have_the_names_of_the_header)
{
	static const char *const names[] = {"park", "check",  "retire", "scrub",
					    "vm",   "memory", "vcpus",  "attributes",
					    "load", "state",  "seal",   "resume"};

	ck_assert_uint_eq(COCO_PHASE_COUNT, COCO_PHASE_LISTENERS + 1);
	for (uint32_t phase = COCO_PHASE_PARK; phase <= COCO_PHASE_RESUME; phase++)
		ck_assert_str_eq(coco_phase_name(phase), names[phase - 1]);
	ck_assert_str_eq(coco_phase_name(0), "unknown");
	ck_assert_str_eq(coco_phase_name(COCO_PHASE_COUNT), "unknown");
	ck_assert_str_eq(coco_phase_name(UINT32_MAX), "unknown");
}
END_TEST

START_TEST(states_have_the_names_of_the_header)
{
	static const char *const names[] = {"configured", "launching", "runnable", "parked",
					    "resetting",  "down",      "dead"};

	for (uint32_t state = COCO_STATE_CONFIGURED; state <= COCO_STATE_DEAD; state++)
		ck_assert_str_eq(coco_state_name(state), names[state - 1]);
	ck_assert_str_eq(coco_state_name(0), "unknown");
	ck_assert_str_eq(coco_state_name(COCO_STATE_DEAD + 1), "unknown");
	ck_assert_str_eq(coco_state_name(UINT32_MAX), "unknown");
}
END_TEST

START_TEST(technologies_are_found_by_the_name_they_have)
{
	ck_assert_str_eq(coco_tech_name(COCO_TECH_PLAIN), "plain");
	ck_assert_str_eq(coco_tech_name(COCO_TECH_SWPROTECTED), "swprotected");
	ck_assert_ptr_null(coco_tech_name(0));
	ck_assert_ptr_null(coco_tech_name(COCO_TECH_TDX + 1));
	ck_assert_ptr_null(coco_tech_name(UINT32_MAX));

	ck_assert_uint_eq(coco_tech_from_name("plain"), COCO_TECH_PLAIN);
	ck_assert_uint_eq(coco_tech_from_name("swprotected"), COCO_TECH_SWPROTECTED);
	ck_assert_uint_eq(coco_tech_from_name(""), 0);
	ck_assert_uint_eq(coco_tech_from_name("Plain"), 0);
	ck_assert_uint_eq(coco_tech_from_name("plai"), 0);
	ck_assert_uint_eq(coco_tech_from_name("plain "), 0);
}
END_TEST

START_TEST(the_linked_library_is_of_the_headers_version)
{
	ck_assert_uint_eq(coco_version(),
			  COCO_VERSION_MAJOR << 16 | COCO_VERSION_MINOR << 8 | COCO_VERSION_PATCH);
}
END_TEST

START_TEST(the_error_struct_keeps_its_layout)
{
	ck_assert_uint_eq(sizeof(struct coco_error), 512);
	ck_assert_uint_eq(offsetof(struct coco_error, status), 8);
	ck_assert_uint_eq(offsetof(struct coco_error, call), 16);
	ck_assert_uint_eq(offsetof(struct coco_error, field), 64);
	ck_assert_uint_eq(offsetof(struct coco_error, text), 112);
	ck_assert_uint_eq(offsetof(struct coco_error, reserved), 448);
}
END_TEST

START_TEST(the_trace_event_keeps_its_layout)
{
	ck_assert_uint_eq(sizeof(struct coco_trace_event), 64);
	ck_assert_uint_eq(offsetof(struct coco_trace_event, reserved), 32);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		stages_have_the_names_of_the_header,
		phases_have_the_names_of_the_header,
		states_have_the_names_of_the_header,
		technologies_are_found_by_the_name_they_have,
		the_linked_library_is_of_the_headers_version,
		the_error_struct_keeps_its_layout,
		the_trace_event_keeps_its_layout,
		NULL,
	};

	return expect_run(expect_suite("error", tests));
}
