/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "options.h"

#include <cocoreset/cocoreset.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "tech_options.h"

enum kind {
	KIND_FLAG,   /* bool, no argument */
	KIND_NUMBER, /* uint32_t from min to max */
	KIND_BITS,   /* uint32_t, hexadecimal with 0x or decimal */
	KIND_CHOICE, /* uint32_t, one of the choices' values */
	KIND_TEXT,   /* const char * */
};

struct choice {
	const char *name;
	uint32_t value;
};

struct rule {
	const char *name;
	enum kind kind;
	size_t offset;
	uint32_t min;
	uint32_t max;
	const struct choice *choices;
	const char *argument;
	const char *help;
};

static const struct choice tech_choices[] = {
	{"auto", TECH_AUTO},
	{"plain", COCO_TECH_PLAIN},
	{"swprotected", COCO_TECH_SWPROTECTED},
	{"sev", COCO_TECH_SEV},
	{"seves", COCO_TECH_SEVES},
	{"snp", COCO_TECH_SNP},
	{"tdx", COCO_TECH_TDX},
	{NULL, 0},
};

static const struct choice way_choices[] = {
	{"cf9", RESET_BY_CF9},
	{"kbd", RESET_BY_KBD},
	{"triple", RESET_BY_TRIPLE},
	{"mix", RESET_BY_MIX},
	{NULL, 0},
};

static const struct choice source_choices[] = {
	{"vcpu", RESET_FROM_VCPU},
	{"host", RESET_FROM_HOST},
	{NULL, 0},
};

static const struct choice termination_choices[] = {
	{"end", TERMINATION_ENDS},
	{"reset", TERMINATION_RESETS},
	{NULL, 0},
};

static const struct choice strategy_choices[] = {
	{"sequential", COCO_STRATEGY_SEQUENTIAL},
	{"overlap", COCO_STRATEGY_OVERLAP},
	{"auto", COCO_STRATEGY_AUTO},
	{NULL, 0},
};

static const struct choice log_choices[] = {
	{"error", COCO_LOG_ERROR},
	{"warning", COCO_LOG_WARNING},
	{"info", COCO_LOG_INFO},
	{"debug", COCO_LOG_DEBUG},
	{NULL, 0},
};

#define AT(field) offsetof(struct options, field)
#define FLAG(name, field, help)                                                                    \
	{                                                                                          \
		name, KIND_FLAG, AT(field), 0, 0, NULL, NULL, help                                 \
	}
#define TEXT(name, field, arg, help)                                                               \
	{                                                                                          \
		name, KIND_TEXT, AT(field), 0, 0, NULL, arg, help                                  \
	}
#define NUMBER(name, field, min, max, arg, help)                                                   \
	{                                                                                          \
		name, KIND_NUMBER, AT(field), min, max, NULL, arg, help                            \
	}
#define CHOICE(name, field, choices, arg, help)                                                    \
	{                                                                                          \
		name, KIND_CHOICE, AT(field), 0, 0, choices, arg, help                             \
	}

static const struct rule rules[] = {
	TEXT("firmware", firmware, "FILE",
	     "firmware that ends at 4 GiB (this or --kernel is required); sev, seves, snp, tdx: "
	     "with OVMF's tables"),
	TEXT("platform", platform, "auto|kvm|sim[:KNOBS]",
	     "where the guest runs; KNOBS: as in coco_sim_new_from_text(); auto: the simulator "
	     "where "
	     "there is no /dev/kvm (auto)"),
	CHOICE("tech", tech, tech_choices, "auto|plain|swprotected|sev|seves|snp|tdx",
	       "technology; auto: the first of snp, tdx, swprotected, plain that can be launched"),
	NUMBER("memory", memory_mib, 1, 1u << 20, "MiB", "guest memory (32)"),
	NUMBER("vcpus", vcpus, 1, 4096, "N", "vCPUs, a thread each (1)"),
	{"policy", KIND_BITS, AT(policy), 1, UINT32_MAX, NULL, "BITS",
	 "sev, seves, snp: the guest's policy, as 0x30000"},
	TEXT("id-block", id_block, "BASE64", "snp: the ID block (cocoreset-measure id-block)"),
	TEXT("id-auth", id_auth, "BASE64", "snp: its authentication page"),
	FLAG("author-key", author_key, "snp: the authentication page has an author key"),
	TEXT("host-data", host_data, "BASE64", "snp: 32 bytes that reports show"),
	TEXT("mrconfigid", mrconfigid, "BASE64", "tdx: 48 bytes that reports show"),
	TEXT("mrowner", mrowner, "BASE64", "tdx: 48 bytes that reports show"),
	TEXT("mrownerconfig", mrownerconfig, "BASE64", "tdx: 48 bytes that reports show"),
	TEXT("kernel", kernel, "FILE",
	     "sev, seves, snp: measured, for firmware that compares it; without --firmware: a "
	     "bzImage that "
	     "a plain guest boots, and that ends with the reset after --resets"),
	TEXT("initrd", initrd, "FILE", "its initrd"),
	TEXT("append", append, "TEXT", "its command line"),
	CHOICE("on-termination", on_termination, termination_choices, "end|reset",
	       "what is done when the guest gives itself up (end)"),
	FLAG("guest-memfd", guest_memfd, "plain guest: memory from guest_memfd"),
	FLAG("eager", eager, "mark all memory private at launch"),
	FLAG("keep", keep, "keep the shared side of RAM over resets"),
	NUMBER("resets", resets, 0, 1000000, "N",
	       "tell the guest to reset N times, then to halt; a further reset is an error"),
	CHOICE("reset-by", reset_by, way_choices, "cf9|kbd|triple|mix",
	       "how the guest resets; mix: each in turn (cf9)"),
	NUMBER("reset-on", reset_on, 0, 4095, "VCPU",
	       "which vCPU of the guest asks for resets (0)"),
	CHOICE("reset-from", reset_from, source_choices, "vcpu|host",
	       "host: the guest spins and the main thread resets it (vcpu)"),
	CHOICE("strategy", strategy, strategy_choices, "sequential|overlap|auto",
	       "when the old incarnation is given back: before the next one is built, after it, or "
	       "after it if the host has room for both (sequential)"),
	FLAG("pause", pause, "park the guest around each reset from the host"),
	TEXT("offer", offer, "FILE",
	     "firmware, IGVM file or UKI in the guest's memory, for it to bring (--script bring)"),
	TEXT("script", script, "TEXT", "commands for the guest before its last one, in each life"),
	NUMBER("scan", scan_mib, 0, 1u << 20, "MiB",
	       "memory that the guest searches for old secrets (64)"),
	FLAG("stdin", use_stdin, "the guest's serial port reads stdin"),
	FLAG("json", json, "one JSON document on stdout at the end, nothing else"),
	FLAG("quiet", quiet, "no serial output and no tables, only the last line"),
	NUMBER("table-every", table_every, 1, 1000000, "N", "phases of every Nth reset only (1)"),
	TEXT("plot", plot, "FILE", "write a picture of the phases of all resets (SVG)"),
	TEXT("trace", trace, "FILE", "write Chrome trace events, which Perfetto opens"),
	CHOICE("log", log_level, log_choices, "error|warning|info|debug",
	       "the library's log on stderr, up to this level"),
	FLAG("check-flat", check_flat, "fail if fds, maps or RSS grew since reset 5"),
	NUMBER("timeout", timeout_s, 0, 86400, "S",
	       "give up after S seconds without an exit or a reset; 0: never (60)"),
	FLAG("help", help, "this text"),
	FLAG("version", version, "versions of the program's headers and of the library"),
};
#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

static enum options_verdict bad(const char *name, const char *problem)
{
	fprintf(stderr, "minivmm: --%s %s (--help lists the options)\n", name, problem);
	return OPTIONS_BAD;
}

/* Digits only: strtoul alone would take blanks, signs and trailing text. */
static bool parse_number(const char *text, uint32_t *out)
{
	if (text[0] == '\0')
		return false;
	for (const char *c = text; *c; c++) {
		if (!isdigit((unsigned char)*c))
			return false;
	}
	errno = 0;
	unsigned long long value = strtoull(text, NULL, 10);
	if (errno || value > UINT32_MAX)
		return false;
	*out = (uint32_t)value;
	return true;
}

static enum options_verdict set_number(const struct rule *rule, uint32_t *field, const char *text)
{
	uint32_t value;
	if (!parse_number(text, &value) || value < rule->min || value > rule->max) {
		char problem[160];
		snprintf(problem, sizeof(problem), "wants a number from %u to %u, not \"%.40s\"",
			 rule->min, rule->max, text);
		return bad(rule->name, problem);
	}
	*field = value;
	return OPTIONS_RUN;
}

static enum options_verdict set_bits(const struct rule *rule, uint32_t *field, const char *text)
{
	const bool hex = strncmp(text, "0x", 2) == 0 && isxdigit((unsigned char)text[2]);
	char *end = NULL;

	errno = 0;
	if (!hex)
		return set_number(rule, field, text);
	unsigned long long value = strtoull(text, &end, 16);
	if (errno || *end || value == 0 || value > UINT32_MAX) {
		char problem[160];
		snprintf(problem, sizeof(problem), "wants bits as 0x30000, not \"%.40s\"", text);
		return bad(rule->name, problem);
	}
	*field = (uint32_t)value;
	return OPTIONS_RUN;
}

static enum options_verdict set_choice(const struct rule *rule, uint32_t *field, const char *text)
{
	for (const struct choice *choice = rule->choices; choice->name; choice++) {
		if (strcmp(choice->name, text) == 0) {
			*field = choice->value;
			return OPTIONS_RUN;
		}
	}
	char problem[160];
	snprintf(problem, sizeof(problem), "wants %s, not \"%.40s\"", rule->argument, text);
	return bad(rule->name, problem);
}

static enum options_verdict set(struct options *options, const struct rule *rule, const char *text)
{
	void *field = (char *)options + rule->offset;

	switch (rule->kind) {
	case KIND_FLAG:
		return bad(rule->name, "takes no argument");
	case KIND_NUMBER:
		return set_number(rule, field, text);
	case KIND_BITS:
		return set_bits(rule, field, text);
	case KIND_CHOICE:
		return set_choice(rule, field, text);
	case KIND_TEXT:
		if (text[0] == '\0')
			return bad(rule->name, "wants an argument that is not empty");
		*(const char **)field = text;
		return OPTIONS_RUN;
	}
	return OPTIONS_BAD;
}

static const struct rule *find_rule(const char *name, size_t length)
{
	for (size_t i = 0; i < RULE_COUNT; i++) {
		if (strlen(rules[i].name) == length && memcmp(rules[i].name, name, length) == 0)
			return &rules[i];
	}
	return NULL;
}

/* Takes argv[*index] and, where the option wants an argument, the element after it. */
static enum options_verdict parse_one(struct options *options, int argc, char **argv, int *index)
{
	const char *word = argv[*index];
	if (strncmp(word, "--", 2) != 0) {
		fprintf(stderr, "minivmm: unexpected argument \"%s\" (--help lists the options)\n",
			word);
		return OPTIONS_BAD;
	}
	const char *name = word + 2;
	const char *equals = strchr(name, '=');
	const struct rule *rule = find_rule(name, equals ? (size_t)(equals - name) : strlen(name));
	if (!rule) {
		fprintf(stderr, "minivmm: unknown option \"%s\" (--help lists the options)\n",
			word);
		return OPTIONS_BAD;
	}
	if (equals)
		return set(options, rule, equals + 1);
	if (rule->kind == KIND_FLAG) {
		*(bool *)((char *)options + rule->offset) = true;
		return OPTIONS_RUN;
	}
	if (*index + 1 >= argc)
		return bad(rule->name, "wants an argument");
	*index += 1;
	return set(options, rule, argv[*index]);
}

const char *options_simulator(const struct options *options)
{
	const char *platform = options->platform ? options->platform : "auto";

	if (strcmp(platform, "auto") == 0)
		return access("/dev/kvm", R_OK | W_OK) == 0 ? NULL : "all";
	if (strcmp(platform, "sim") == 0)
		return "all";
	return strncmp(platform, "sim:", 4) == 0 ? platform + 4 : NULL;
}

static bool is_platform(const char *text)
{
	return strcmp(text, "auto") == 0 || strcmp(text, "kvm") == 0 || strcmp(text, "sim") == 0 ||
	       strncmp(text, "sim:", 4) == 0;
}

bool options_boot_kernel(const struct options *options)
{
	return options->kernel && !options->firmware;
}

/* What is wrong with options that are each fine but do not go together. */
static enum options_verdict check_together(const struct options *options)
{
	if (!options->firmware &&
	    (!options->kernel || (options->tech != TECH_AUTO && options->tech != COCO_TECH_PLAIN)))
		return bad("firmware", "is required; only plain guests boot a --kernel without");
	if (options->platform && !is_platform(options->platform))
		return bad("platform", "wants auto, kvm, sim or sim:KNOBS");
	if (options->guest_memfd && options->keep)
		return bad("keep", "can't keep memory from --guest-memfd, which is always new");
	const char *name;
	const char *problem =
		options_boot_kernel(options) ? NULL : tech_options_check(options, &name);
	if (problem)
		return bad(name, problem);
	if (options->author_key && !options->id_auth)
		return bad("author-key", "needs --id-auth");
	if (options->guest_memfd && options->tech != TECH_AUTO && options->tech != COCO_TECH_PLAIN)
		return bad("guest-memfd", "is for plain guests; others have one in any case");
	if (options->pause && options->reset_from != RESET_FROM_HOST)
		return bad("pause", "needs --reset-from host");
	if (options->reset_on >= options->vcpus)
		return bad("reset-on", "names a vCPU that --vcpus does not reach");
	if (options->reset_on && options->reset_from == RESET_FROM_HOST)
		return bad("reset-on", "does not go with --reset-from host");
	if (options->check_flat && options_planned_resets(options) <= FLAT_FIRST_RESET)
		return bad("check-flat", "compares with reset 5, so it needs --resets 6 or more");
	/* A guest that runs while its VMM is measured touches memory, which counts as RSS. */
	if (options->check_flat && options->reset_from == RESET_FROM_HOST && !options->pause)
		return bad("check-flat", "with --reset-from host needs --pause");
	return OPTIONS_RUN;
}

static void print_help(void)
{
	printf("cocoreset-minivmm --firmware FILE [OPTION]...\n"
	       "Boots a guest from firmware and resets it in place.\n\n");
	for (size_t i = 0; i < RULE_COUNT; i++) {
		printf("  --%s%s%s\n        %s\n", rules[i].name, rules[i].argument ? " " : "",
		       rules[i].argument ? rules[i].argument : "", rules[i].help);
	}
	printf("\nExit status: the guest's own; 1 if it reported failures or something failed;\n"
	       "2 a mistake on the command line; 3 a guest without progress (--timeout).\n");
}

static void print_version(void)
{
	uint32_t library = coco_version();
	printf("cocoreset-minivmm %d.%d.%d (libcocoreset %u.%u.%u)\n", COCO_VERSION_MAJOR,
	       COCO_VERSION_MINOR, COCO_VERSION_PATCH, library >> 16, library >> 8 & 0xff,
	       library & 0xff);
}

enum options_verdict options_parse(struct options *options, int argc, char **argv)
{
	*options = (struct options){
		.memory_mib = 32,
		.vcpus = 1,
		.resets = RESETS_FREE,
		.scan_mib = 64,
		.table_every = 1,
		.timeout_s = 60,
	};
	for (int i = 1; i < argc; i++) {
		enum options_verdict verdict = parse_one(options, argc, argv, &i);
		if (verdict != OPTIONS_RUN)
			return verdict;
	}
	if (options->help)
		print_help();
	else if (options->version)
		print_version();
	if (options->help || options->version)
		return OPTIONS_DONE;
	enum options_verdict verdict = check_together(options);
	if (options_boot_kernel(options))
		options->tech = COCO_TECH_PLAIN;
	return verdict;
}

uint32_t options_planned_resets(const struct options *options)
{
	return options->resets == RESETS_FREE ? 0 : options->resets;
}
