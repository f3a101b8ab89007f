/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "options.h"

#include <cocoreset/cocoreset.h>
#include <stdarg.h>
#include <stdio.h>

#include "igvm.h"
#include "message.h"
#include "options_rules.h"

/* clang-format off */
static const struct choice mode_choices[] = {
	{"sev", MODE_SEV},
	{"seves", MODE_SEVES},
	{"seves-legacy", MODE_SEVES_LEGACY},
	{"snp", MODE_SNP},
	{"snp:ovmf-hash", MODE_SNP_OVMF_HASH},
	{"snp:svsm", MODE_SNP_SVSM},
	{"tdx", MODE_TDX},
	{NULL, 0},
};

static const struct choice vmm_choices[] = {
	{"QEMU", COCO_VMM_QEMU},
	{"ec2", COCO_VMM_EC2},
	{"gce", COCO_VMM_GCE},
	{"kvm", COCO_VMM_KVM},
	{NULL, 0},
};

static const struct choice format_choices[] = {
	{"hex", FORMAT_HEX},
	{"base64", FORMAT_BASE64},
	{"json", FORMAT_JSON},
	{NULL, 0},
};

static const struct choice order_choices[] = {
	{"single-pass", false},
	{"two-pass", true},
	{NULL, 0},
};

#define MEASURE (1u << COMMAND_MEASURE)
#define ID_AUTH (1u << COMMAND_ID_AUTH)
#define ID      (ID_AUTH | 1u << COMMAND_ID_BLOCK)
#define ANY     (MEASURE | ID)

#define SEVES (1u << MODE_SEVES | 1u << MODE_SEVES_LEGACY)
#define SNP   (1u << MODE_SNP)
#define SVSM  (1u << MODE_SNP_SVSM)
#define TDX   (1u << MODE_TDX)
#define ALL   (~0u)
/*
 * What a mode of SEV does not measure, it does not look at, as in sev-snp-measure: its command lines
 * are to work here. With TDX there are none to keep working.
 */
#define SEV   (ALL & ~TDX)

#define AT(field) offsetof(struct options, field)
#define FLAG(field)                   KIND_FLAG, AT(field), 0, 0, NULL, NULL
#define NUMBER(field, min, max, arg)  KIND_NUMBER, AT(field), min, max, NULL, arg
#define HEX(field, arg)               KIND_HEX, AT(field), 0, UINT64_MAX, NULL, arg
#define CHOICE(field, choices, arg)   KIND_CHOICE, AT(field), 0, 0, choices, arg
#define BYTES(field, arg)                                                                          \
	KIND_BYTES, AT(field), 0, sizeof(((struct options *)NULL)->field), NULL, arg
#define PATH(field)                   KIND_PATH, AT(field), 0, 0, NULL, "PATH"
#define TEXT(field, arg)              KIND_TEXT, AT(field), 0, 0, NULL, arg

const struct rule option_rules[OPT_COUNT] = {
	[OPT_MODE] = {"mode", CHOICE(mode, mode_choices,
		"sev|seves|seves-legacy|snp|snp:ovmf-hash|snp:svsm|tdx"), ANY, ALL,
		"what is launched (required; id-block and id-auth: snp)"},
	[OPT_VCPUS] = {"vcpus", NUMBER(vcpus, 1, COCO_MEASURE_MAX_VCPUS, "N"), ANY, SEV,
		"how many vCPUs (required for seves, seves-legacy, snp, snp:svsm)"},
	[OPT_VCPU_TYPE] = {"vcpu-type", KIND_PATH, AT(vcpu_type), 0, 0, NULL, "NAME", ANY, SEV,
		"QEMU's CPU model, as EPYC-Milan-v2"},
	[OPT_VCPU_SIG] = {"vcpu-sig", NUMBER(vcpu_signature, 1, UINT32_MAX, "N"), ANY, SEV,
		"instead: the vCPUs' signature, as 0x800f12"},
	[OPT_VCPU_FAMILY] = {"vcpu-family", NUMBER(vcpu_family, 0, 270, "N"), ANY, SEV,
		"instead: family, model and stepping"},
	[OPT_VCPU_MODEL] = {"vcpu-model", NUMBER(vcpu_model, 0, 255, "N"), ANY, SEV, ""},
	[OPT_VCPU_STEPPING] = {"vcpu-stepping", NUMBER(vcpu_stepping, 0, 15, "N"), ANY, SEV, ""},
	[OPT_VMM_TYPE] = {"vmm-type", CHOICE(vmm, vmm_choices, "QEMU|ec2|gce|kvm"), ANY, SEV,
		"whose initial registers (QEMU); kvm: a VMM that sets none"},
	[OPT_OVMF] = {"ovmf", PATH(ovmf), ANY, ALL, "the firmware (required)"},
	[OPT_KERNEL] = {"kernel", PATH(kernel), ANY, SEV, "kernel of a direct boot"},
	[OPT_INITRD] = {"initrd", PATH(initrd), ANY, SEV, "its initrd"},
	[OPT_APPEND] = {"append", TEXT(append, "TEXT"), ANY, SEV, "its command line"},
	[OPT_GUEST_FEATURES] = {"guest-features", HEX(guest_features, "HEX"), ANY, SEV,
		"snp: SEV_FEATURES (0x1)"},
	[OPT_SEV_FEATURES] = {"sev-features", HEX(sev_features, "HEX"), ANY, SEVES,
		"seves, seves-legacy: SEV_FEATURES (0x0)"},
	[OPT_SNP_OVMF_HASH] = {"snp-ovmf-hash", BYTES(snp_ovmf_hash, "HEX"), ANY, SNP,
		"snp: what --mode snp:ovmf-hash printed for the real firmware"},
	[OPT_SVSM] = {"svsm", PATH(svsm), ANY, SVSM, "snp:svsm: the SVSM (required)"},
	[OPT_VARS_SIZE] = {"vars-size", NUMBER(vars_size, 1, UINT32_MAX, "N"), ANY, SVSM,
		"snp:svsm: bytes of the variables, below which the SVSM lies"},
	[OPT_VARS_FILE] = {"vars-file", PATH(vars_file), ANY, SVSM,
		"snp:svsm: instead: the variables, of which only the size counts"},
	[OPT_PAGE_ORDER] = {"page-order", CHOICE(two_pass, order_choices, "single-pass|two-pass"),
		MEASURE, TDX, "tdx: two-pass: kernels before Linux 6.16 (single-pass)"},
	[OPT_OUTPUT_FORMAT] = {"output-format", CHOICE(format, format_choices, "hex|base64|json"),
		ANY, ALL, "of the result (hex; id-block and id-auth: base64)"},
	[OPT_DUMP_VMSA] = {"dump-vmsa", FLAG(dump_vmsa), MEASURE, SEVES | SNP | SVSM,
		"seves, seves-legacy, snp, snp:svsm: write the vCPUs' VMSAs to vmsa0.bin, ..."},
	[OPT_EXPLAIN] = {"explain", FLAG(explain), MEASURE, ALL, "show the steps to the result"},
	[OPT_DIFF] = {"diff", KIND_PATH, AT(diff), 0, 0, NULL, "FILE.json", MEASURE, ALL,
		"say why the result is not that of FILE.json, from --explain in JSON"},
	[OPT_DIGEST] = {"digest", BYTES(digest, "HEX"), ID, ALL,
		"the launch digest, instead of all options that measure one"},
	[OPT_ID_KEY] = {"id-key", KIND_PATH, AT(id_key), 0, 0, NULL, "PATH|URI", ID, ALL,
		"private key that signs the ID block (required for id-auth)"},
	[OPT_AUTHOR_KEY] = {"author-key", KIND_PATH, AT(author_key), 0, 0, NULL, "PATH|URI", ID, ALL,
		"private key that signs the ID key"},
	[OPT_FAMILY_ID] = {"family-id", BYTES(family_id, "HEX"), ID, ALL, "16 bytes (zeroes)"},
	[OPT_IMAGE_ID] = {"image-id", BYTES(image_id, "HEX"), ID, ALL, "16 bytes (zeroes)"},
	[OPT_GUEST_SVN] = {"guest-svn", NUMBER(guest_svn, 0, UINT32_MAX, "N"), ID, ALL,
		"security version (0)"},
	[OPT_POLICY] = {"policy", NUMBER(policy, 1, UINT64_MAX, "N"), ID, ALL,
		"the launch's policy (0x30000)"},
	[OPT_VERBOSE] = {"verbose", FLAG(verbose), MEASURE, ALL, "-v: a sentence around the result"},
	[OPT_HELP] = {"help", FLAG(help), ANY, ALL, "-h: this text"},
	[OPT_VERSION] = {"version", FLAG(version), ANY, ALL, "versions of program and library"},
};
/* clang-format on */

static const char *choice_name(const struct choice *choice, uint64_t value)
{
	for (; choice->name; choice++)
		if (choice->value == value)
			return choice->name;
	return "none";
}

const char *options_mode_name(uint64_t mode)
{
	return choice_name(mode_choices, mode);
}

const char *options_vmm_name(uint64_t vmm)
{
	return choice_name(vmm_choices, vmm);
}

enum options_verdict bad(enum option option, const char *format, ...)
{
	char problem[448];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(problem, sizeof(problem), format, arguments);
	va_end(arguments);
	complain("--%s %s (--help lists the options)", option_rules[option].name, problem);
	return OPTIONS_BAD;
}

/* OPT_COUNT: there is no such option. */
static enum option find_option(const char *word)
{
	const size_t length = strcspn(word, "=");

	if (!strcmp(word, "-v"))
		return OPT_VERBOSE;
	if (!strcmp(word, "-h"))
		return OPT_HELP;
	if (strncmp(word, "--", 2) != 0)
		return OPT_COUNT;
	for (enum option i = 0; i < OPT_COUNT; i++) {
		const char *name = option_rules[i].name;

		if (strlen(name) == length - 2 && !memcmp(name, word + 2, length - 2))
			return i;
	}
	return OPT_COUNT;
}

/* Takes argv[*index] and, where the option wants an argument, the element after it. */
static enum options_verdict parse_one(struct options *options, int argc, char **argv, int *index)
{
	const char *word = argv[*index];
	const char *equals = strchr(word, '=');
	const enum option option = find_option(word);

	if (option == OPT_COUNT) {
		complain("%s \"%s\" (--help lists the options)",
			 word[0] == '-' ? "unknown option" : "unexpected argument", word);
		return OPTIONS_BAD;
	}
	options->given |= 1ull << option;
	if (option_rules[option].kind == KIND_FLAG) {
		if (equals)
			return bad(option, "takes no argument");
		*(bool *)((char *)options + option_rules[option].offset) = true;
		return OPTIONS_RUN;
	}
	if (equals)
		return set_value(options, option, equals + 1);
	if (*index + 1 >= argc)
		return bad(option, "wants an argument");
	word = argv[++*index];
	/* An option here is one whose argument was forgotten. */
	if (find_option(word) != OPT_COUNT)
		return bad(option, "wants an argument before %s", word);
	return set_value(options, option, word);
}

static void print_help(void)
{
	puts("cocoreset-measure --mode MODE --ovmf PATH [OPTION]...\n"
	     "        Predicts a guest's launch measurement.\n"
	     "cocoreset-measure id-block|id-auth [OPTION]...\n"
	     "        Makes SNP's ID block, or signs one, in the form that QEMU takes.\n");
	igvm_print_help();
	puts("The others:\n");
	for (enum option i = 0; i < OPT_COUNT; i++) {
		const struct rule *rule = &option_rules[i];

		printf("  --%s%s%s\n", rule->name, rule->argument ? " " : "",
		       rule->argument ? rule->argument : "");
		if (rule->help[0])
			printf("        %s\n", rule->help);
	}
	puts("\nExit status: 1 if something failed, 2 for a mistake on the command line,\n"
	     "3 if --diff found a difference.");
}

static void print_version(void)
{
	const uint32_t library = coco_version();

	printf("cocoreset-measure %d.%d.%d (libcocoreset %u.%u.%u)\n", COCO_VERSION_MAJOR,
	       COCO_VERSION_MINOR, COCO_VERSION_PATCH, library >> 16, library >> 8 & 0xff,
	       library & 0xff);
}

/* A word in the first place that is no option. */
static int take_command(struct options *options, int argc, char **argv)
{
	if (argc < 2)
		return 1;
	if (!strcmp(argv[1], "id-block"))
		options->command = COMMAND_ID_BLOCK;
	else if (!strcmp(argv[1], "id-auth"))
		options->command = COMMAND_ID_AUTH;
	else
		return 1;
	options->format = FORMAT_BASE64;
	return 2;
}

enum options_verdict options_parse(struct options *options, int argc, char **argv)
{
	*options = (struct options){
		.vmm = COCO_VMM_QEMU,
		.guest_features = 1,
		.policy = COCO_ID_BLOCK_DEFAULT_POLICY,
	};
	for (int i = take_command(options, argc, argv); i < argc; i++) {
		const enum options_verdict verdict = parse_one(options, argc, argv, &i);

		if (verdict != OPTIONS_RUN)
			return verdict;
	}
	if (options->help)
		print_help();
	else if (options->version)
		print_version();
	if (options->help || options->version)
		return OPTIONS_DONE;
	return check_together(options);
}
