/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Check, and what our tests say with it. */
#ifndef EXPECT_H
#define EXPECT_H

#include <check.h>

#include <cocoreset/error.h>

#include "fake_kvm.h"

/* An error struct whose bytes are all wrong: a call that fails has to write every one. */
void expect_spoil(struct coco_error *error);

/* The call went well, and left the error alone. */
#define expect_ok(call, error)                                                                     \
	do {                                                                                       \
		int expect_rc;                                                                     \
		expect_spoil(error);                                                               \
		expect_rc = (call);                                                                \
		ck_assert_msg(expect_rc == 0, "%s: %d, %s", #call, expect_rc, (error)->text);      \
		expect_untouched(error, #call);                                                    \
	} while (0)

/* The call failed with that errno, and blames that argument ("": none in particular). */
#define expect_error(call, error, code, blamed)                                                    \
	do {                                                                                       \
		int expect_rc;                                                                     \
		expect_spoil(error);                                                               \
		expect_rc = (call);                                                                \
		expect_failed(expect_rc, error, code, blamed, #call);                              \
	} while (0)

/* The call failed because a system call of that name did. */
#define expect_call_error(call, error, code, system_call)                                          \
	do {                                                                                       \
		int expect_rc;                                                                     \
		expect_spoil(error);                                                               \
		expect_rc = (call);                                                                \
		expect_call_failed(expect_rc, error, code, system_call, #call);                    \
	} while (0)

/* The error's text has that word in it. */
#define expect_text(error, word)                                                                   \
	ck_assert_msg(strstr((error)->text, word) != NULL, "'%s' is not in: %s", word,             \
		      (error)->text)

void expect_untouched(const struct coco_error *error, const char *what);
void expect_failed(int rc, const struct coco_error *error, int code, const char *blamed,
		   const char *what);
void expect_call_failed(int rc, const struct coco_error *error, int code, const char *system_call,
			const char *what);

/* The fake was asked exactly this since the last fake_kvm_transcript_clear(). */
void expect_transcript(struct fake_kvm *fake, const char *expected);
/* Texts of many lines, compared line by line. */
void expect_lines(const char *what, const char *actual, const char *expected);

/* Nothing is open, nothing was done wrong. Frees the fake. */
void expect_clean(struct fake_kvm *fake);
/* Nothing was done wrong so far. */
void expect_no_faults(struct fake_kvm *fake);

/* Runs a suite in this process and returns main()'s value. */
int expect_run(Suite *suite);

/* A suite of one test case, from an array of tests that ends with NULL. */
Suite *expect_suite(const char *name, const TTest *const *tests);

#endif
