/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The arguments of options, one at a time. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "options_rules.h"

/* Digits only: strtoull alone would take blanks, signs and trailing text. */
static bool parse_digits(const char *text, int base, uint64_t *out)
{
	if (text[0] == '\0')
		return false;
	for (const char *c = text; *c; c++) {
		if (base == 16 ? !isxdigit((unsigned char)*c) : !isdigit((unsigned char)*c))
			return false;
	}
	errno = 0;
	*out = strtoull(text, NULL, base);
	return errno == 0;
}

static bool has_hex_prefix(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

static enum options_verdict set_number(enum option option, uint64_t *field, const char *text)
{
	const struct rule *rule = &option_rules[option];
	const bool hex = has_hex_prefix(text);
	uint64_t value;

	if (!parse_digits(hex ? text + 2 : text, hex ? 16 : 10, &value) || value < rule->min ||
	    value > rule->max)
		return bad(option, "wants a number from %" PRIu64 " to %" PRIu64 ", not \"%.40s\"",
			   rule->min, rule->max, text);
	*field = value;
	return OPTIONS_RUN;
}

static enum options_verdict set_hex(enum option option, uint64_t *field, const char *text)
{
	uint64_t value;

	if (!parse_digits(has_hex_prefix(text) ? text + 2 : text, 16, &value))
		return bad(option, "wants a hexadecimal number of at most 64 bits, not \"%.40s\"",
			   text);
	*field = value;
	return OPTIONS_RUN;
}

static enum options_verdict set_choice(enum option option, uint64_t *field, const char *text)
{
	for (const struct choice *choice = option_rules[option].choices; choice->name; choice++) {
		if (strcmp(choice->name, text) == 0) {
			*field = choice->value;
			return OPTIONS_RUN;
		}
	}
	return bad(option, "wants %s, not \"%.40s\"", option_rules[option].argument, text);
}

enum options_verdict set_value(struct options *options, enum option option, const char *text)
{
	const struct rule *rule = &option_rules[option];
	void *field = (char *)options + rule->offset;

	switch (rule->kind) {
	case KIND_FLAG:
		break;
	case KIND_NUMBER:
		return set_number(option, field, text);
	case KIND_HEX:
		return set_hex(option, field, text);
	case KIND_CHOICE:
		return set_choice(option, field, text);
	case KIND_BYTES:
		if (!hex_read(text, field, rule->max))
			return bad(option,
				   "wants %" PRIu64 " bytes as %" PRIu64
				   " hexadecimal digits, not \"%.100s\"",
				   rule->max, 2 * rule->max, text);
		return OPTIONS_RUN;
	case KIND_PATH:
		if (text[0] == '\0')
			return bad(option, "wants an argument that is not empty");
		*(const char **)field = text;
		return OPTIONS_RUN;
	case KIND_TEXT:
		*(const char **)field = text;
		return OPTIONS_RUN;
	}
	return OPTIONS_BAD;
}
