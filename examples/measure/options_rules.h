/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the three files of the command line's parser share. */
#ifndef MEASURE_OPTIONS_RULES_H
#define MEASURE_OPTIONS_RULES_H

#include <stddef.h>

#include "options.h"

enum kind {
	KIND_FLAG,   /* bool, no argument */
	KIND_NUMBER, /* uint64_t from min to max, decimal or 0x.. */
	KIND_HEX,    /* uint64_t, hexadecimal with or without 0x */
	KIND_CHOICE, /* uint64_t, one of the choices' values */
	KIND_BYTES,  /* uint8_t[max], hexadecimal */
	KIND_PATH,   /* const char *, not empty */
	KIND_TEXT,   /* const char * */
};

struct choice {
	const char *name;
	uint64_t value;
};

struct rule {
	const char *name;
	enum kind kind;
	size_t offset;
	uint64_t min;
	uint64_t max;
	const struct choice *choices;
	const char *argument;
	unsigned commands; /* bit n: enum command n takes it */
	unsigned modes;    /* bit n: enum mode n takes it */
	const char *help;
};

/* By enum option. */
extern const struct rule option_rules[OPT_COUNT];

/* Prints "--NAME problem". Always OPTIONS_BAD. */
__attribute__((format(printf, 2, 3))) enum options_verdict bad(enum option option,
							       const char *format, ...);

/* Puts the argument of an option where it belongs. */
enum options_verdict set_value(struct options *options, enum option option, const char *text);

/*
 * Finds what is wrong with options that are each fine but do not go together, and what is missing.
 * Fills in what follows from the others.
 */
enum options_verdict check_together(struct options *options);

#endif
