/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "igvm.h"

#include <cocoreset/cocoreset.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "hex.h"
#include "message.h"

struct igvm_options {
	const char *path;
	uint32_t tech; /* 0: not given */
	uint32_t zero_pages;
	uint32_t vcpus;
	uint32_t vcpu_signature;
	bool file_order;
	bool exact;
	bool base64;
};

enum {
	OPT_IGVM = 1,
	OPT_PLATFORM,
	OPT_ZERO_PAGES,
	OPT_VMSAS,
	OPT_VCPUS,
	OPT_VCPU_SIG,
	OPT_EXACT,
	OPT_OUTPUT_FORMAT,
};

static const struct option long_options[] = {
	{"igvm", required_argument, NULL, OPT_IGVM},
	{"platform", required_argument, NULL, OPT_PLATFORM},
	{"zero-pages", required_argument, NULL, OPT_ZERO_PAGES},
	{"vmsas", required_argument, NULL, OPT_VMSAS},
	{"vcpus", required_argument, NULL, OPT_VCPUS},
	{"vcpu-sig", required_argument, NULL, OPT_VCPU_SIG},
	{"exact", no_argument, NULL, OPT_EXACT},
	{"output-format", required_argument, NULL, OPT_OUTPUT_FORMAT},
	{NULL, 0, NULL, 0},
};

void igvm_print_help(void)
{
	puts("cocoreset-measure --igvm FILE --platform snp|seves|sev|tdx|native [OPTION]...\n"
	     "        Predicts the measurement of a guest that is launched from an IGVM file.\n\n"
	     "  --zero-pages spec|kvm\n"
	     "        snp: pages without data are pages of zeroes, or SNP's zero pages (spec)\n"
	     "  --vmsas kvm|file\n"
	     "        measure VMSAs as KVM does, or where the file has them (kvm)\n"
	     "  --exact\n"
	     "        fail if KVM can't reach the digest that the file stands for\n"
	     "  --vcpus, --vcpu-sig, --output-format\n"
	     "        as for firmware; vCPUs: those that the file has registers of\n");
}

bool igvm_wanted(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--igvm") || !strncmp(argv[i], "--igvm=", 7))
			return true;
	return false;
}

static bool bad(const char *option, const char *text)
{
	complain("--%s does not take \"%s\" (--help lists the options)", option, text);
	return false;
}

static bool set_number(const char *option, const char *text, uint32_t *out)
{
	char *end;
	const unsigned long long value = strtoull(text, &end, 0);

	if (end == text || *end || text[0] == '-' || !value || value > UINT32_MAX)
		return bad(option, text);
	*out = (uint32_t)value;
	return true;
}

/* The index of the word, from 0; -1 if it is none of them. */
static int find_word(const char *text, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(text, words[i]))
			return i;
	return -1;
}

static bool set_choice(const char *option, const char *text, const char *const *words, int *out)
{
	*out = find_word(text, words);
	return *out >= 0 || bad(option, text);
}

static bool set_platform(struct igvm_options *options, const char *text)
{
	options->tech = !strcmp(text, "native") ? COCO_TECH_PLAIN : coco_tech_from_name(text);
	if (!options->tech || options->tech == COCO_TECH_SWPROTECTED ||
	    (options->tech == COCO_TECH_PLAIN && strcmp(text, "native") != 0))
		return bad("platform", text);
	return true;
}

static bool set_option(struct igvm_options *options, int option)
{
	static const char *const zero_pages[] = {"spec", "kvm", NULL};
	static const char *const orders[] = {"kvm", "file", NULL};
	static const char *const formats[] = {"hex", "base64", NULL};
	int choice = 0;
	bool good = true;

	switch (option) {
	case OPT_IGVM:
		options->path = optarg;
		return true;
	case OPT_PLATFORM:
		return set_platform(options, optarg);
	case OPT_ZERO_PAGES:
		good = set_choice("zero-pages", optarg, zero_pages, &choice);
		options->zero_pages = choice ? COCO_IGVM_ZERO_PAGES_KVM : COCO_IGVM_ZERO_PAGES_SPEC;
		return good;
	case OPT_VMSAS:
		good = set_choice("vmsas", optarg, orders, &choice);
		options->file_order = choice;
		return good;
	case OPT_OUTPUT_FORMAT:
		good = set_choice("output-format", optarg, formats, &choice);
		options->base64 = choice;
		return good;
	case OPT_VCPUS:
		return set_number("vcpus", optarg, &options->vcpus);
	case OPT_VCPU_SIG:
		return set_number("vcpu-sig", optarg, &options->vcpu_signature);
	case OPT_EXACT:
		options->exact = true;
		return true;
	default:
		return false;
	}
}

static bool parse(struct igvm_options *options, int argc, char **argv)
{
	int option;

	*options = (struct igvm_options){0};
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == '?') {
			complain("\"%s\" is no option of --igvm, or wants an argument (--help "
				 "lists the options)",
				 argv[optind - 1]);
			return false;
		}
		if (!set_option(options, option))
			return false;
	}
	if (optind < argc) {
		complain("unexpected argument \"%s\" (--help lists the options)", argv[optind]);
		return false;
	}
	if (!options->tech)
		complain("--platform is required by --igvm (--help lists the options)");
	return options->tech != 0;
}

static int load(struct coco_image *image, const struct igvm_options *options,
		struct coco_error *error)
{
	struct coco_igvm_load_options how;
	struct coco_igvm *igvm;
	int r = coco_igvm_parse_file(options->path, NULL, &igvm, error);

	if (r)
		return r;
	COCO_INIT(&how);
	how.tech = options->tech;
	how.flags = options->exact ? COCO_IGVM_EXACT : 0;
	how.zero_pages = options->zero_pages;
	how.vcpus = options->vcpus;
	r = coco_image_add_igvm(image, igvm, &how, NULL, error);
	coco_igvm_free(igvm);
	return r;
}

static int measure(const struct coco_image *image, const struct igvm_options *options,
		   struct coco_digest **out, struct coco_error *error)
{
	struct coco_measure_options how;

	COCO_INIT(&how);
	how.tech = options->tech;
	how.vcpus = options->vcpus;
	how.vcpu_signature = options->vcpu_signature;
	how.flags = options->file_order ? COCO_MEASURE_VMSAS_IN_PLACE : 0;
	return coco_measure_image(image, &how, out, error);
}

static int print(const struct coco_digest *digest, bool base64)
{
	char text[HEX_SIZE(COCO_DIGEST_MAX_SIZE)];
	struct coco_error error;
	size_t size;
	const uint8_t *bytes = coco_digest_bytes(digest, &size);

	if (!base64)
		hex_write(bytes, size, text);
	else if (coco_base64_encode(bytes, size, text, sizeof(text), &error))
		return library_failed(&error);
	puts(text);
	return STATUS_OK;
}

int igvm_run(int argc, char **argv)
{
	struct coco_digest *digest = NULL;
	struct coco_image *image = NULL;
	struct igvm_options options;
	struct coco_error error;
	int r, status;

	if (!parse(&options, argc, argv))
		return STATUS_COMMAND_LINE;
	r = coco_image_new(&image, &error);
	if (!r)
		r = load(image, &options, &error);
	if (!r && options.tech == COCO_TECH_PLAIN) {
		coco_image_unref(image);
		complain("%s can be loaded, but native guests have no launch measurement",
			 options.path);
		return STATUS_FAILED;
	}
	if (!r)
		r = measure(image, &options, &digest, &error);
	status = r ? library_failed(&error) : print(digest, options.base64);
	coco_digest_free(digest);
	coco_image_unref(image);
	return status;
}
