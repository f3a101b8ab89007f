/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPOILED 0xa5

void expect_spoil(struct coco_error *error)
{
	memset(error, SPOILED, sizeof(*error));
	/* For messages of tests that fail. */
	snprintf(error->text, sizeof(error->text), "(the library wrote no text)");
}

void expect_untouched(const struct coco_error *error, const char *what)
{
	struct coco_error spoiled;

	expect_spoil(&spoiled);
	ck_assert_msg(memcmp(error, &spoiled, sizeof(spoiled)) == 0,
		      "%s went well and wrote to the error struct", what);
}

/* What holds for every error: all of it is written, and it speaks. */
static void check_filled(int rc, const struct coco_error *error, int code, const char *what)
{
	static const uint8_t zeroes[sizeof(error->reserved)];

	ck_assert_msg(rc == code, "%s: returned %d, expected %d (%s)", what, rc, code,
		      rc == 0 ? "no error" : error->text);
	ck_assert_msg(error->code == rc, "%s: returned %d, but error.code is %d", what, rc,
		      error->code);
	ck_assert_msg(memchr(error->call, 0, sizeof(error->call)) != NULL, "%s: call", what);
	ck_assert_msg(memchr(error->field, 0, sizeof(error->field)) != NULL, "%s: field", what);
	ck_assert_msg(memchr(error->text, 0, sizeof(error->text)) != NULL, "%s: text", what);
	ck_assert_msg(strlen(error->text) > 8 && error->text[0] != '(', "%s: says only '%s'", what,
		      error->text);
	ck_assert_msg(memcmp(error->reserved, zeroes, sizeof(zeroes)) == 0,
		      "%s: error.reserved is not zero", what);
	ck_assert_msg(strcmp(coco_stage_name(error->stage), "unknown") != 0, "%s: stage %u", what,
		      error->stage);
	ck_assert_msg(error->status == 0, "%s: a firmware status", what);
}

void expect_failed(int rc, const struct coco_error *error, int code, const char *blamed,
		   const char *what)
{
	check_filled(rc, error, code, what);
	ck_assert_msg(strcmp(error->field, blamed) == 0, "%s: blames '%s', expected '%s' (%s)",
		      what, error->field, blamed, error->text);
}

void expect_call_failed(int rc, const struct coco_error *error, int code, const char *system_call,
			const char *what)
{
	check_filled(rc, error, code, what);
	ck_assert_msg(strcmp(error->call, system_call) == 0,
		      "%s: names the call '%s', expected '%s' (%s)", what, error->call, system_call,
		      error->text);
}

static size_t line_length(const char *text)
{
	return strcspn(text, "\n");
}

static const char *next_line(const char *text)
{
	size_t length = line_length(text);

	return text + length + (text[length] == '\n');
}

void expect_lines(const char *what, const char *actual, const char *expected)
{
	const char *a = actual, *e = expected;

	for (unsigned line = 1; *a != '\0' || *e != '\0'; line++) {
		size_t a_length = line_length(a), e_length = line_length(e);

		if (a_length != e_length || memcmp(a, e, a_length) != 0)
			fprintf(stderr, "--- %s, all of it:\n%s---\n", what, actual);
		ck_assert_msg(a_length == e_length && memcmp(a, e, a_length) == 0,
			      "%s, line %u:\n       is '%.*s'\n expected '%.*s'", what, line,
			      (int)a_length, a, (int)e_length, e);
		a = next_line(a);
		e = next_line(e);
	}
}

void expect_transcript(struct fake_kvm *fake, const char *expected)
{
	expect_lines("transcript", fake_kvm_transcript(fake), expected);
}

void expect_no_faults(struct fake_kvm *fake)
{
	ck_assert_msg(fake_kvm_faults(fake)[0] == '\0', "the library did what it must not:\n%s",
		      fake_kvm_faults(fake));
}

void expect_clean(struct fake_kvm *fake)
{
	const char *left = fake_kvm_leftovers(fake);

	expect_no_faults(fake);
	ck_assert_msg(left[0] == '\0', "left over:\n%s", left);
	fake_kvm_free(fake);
}

Suite *expect_suite(const char *name, const TTest *const *tests)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);

	for (size_t i = 0; tests[i] != NULL; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return suite;
}

int expect_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	/* Sanitizers and threads want one process; ctest limits the time. */
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
