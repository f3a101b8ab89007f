/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The command line. Everything in it is checked here, once, before any file is opened. */
#ifndef MEASURE_OPTIONS_H
#define MEASURE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum command {
	COMMAND_MEASURE,
	COMMAND_ID_BLOCK,
	COMMAND_ID_AUTH,
};

enum mode {
	MODE_NONE, /* not given */
	MODE_SEV,
	MODE_SEVES,
	MODE_SEVES_LEGACY,
	MODE_SNP,
	MODE_SNP_OVMF_HASH,
	MODE_SNP_SVSM,
	MODE_TDX,
};

enum output_format {
	FORMAT_HEX,
	FORMAT_BASE64,
	FORMAT_JSON,
};

/* Each option; also its bit in options.given. */
enum option {
	OPT_MODE,
	OPT_VCPUS,
	OPT_VCPU_TYPE,
	OPT_VCPU_SIG,
	OPT_VCPU_FAMILY,
	OPT_VCPU_MODEL,
	OPT_VCPU_STEPPING,
	OPT_VMM_TYPE,
	OPT_OVMF,
	OPT_KERNEL,
	OPT_INITRD,
	OPT_APPEND,
	OPT_GUEST_FEATURES,
	OPT_SEV_FEATURES,
	OPT_SNP_OVMF_HASH,
	OPT_SVSM,
	OPT_VARS_SIZE,
	OPT_VARS_FILE,
	OPT_PAGE_ORDER,
	OPT_OUTPUT_FORMAT,
	OPT_DUMP_VMSA,
	OPT_EXPLAIN,
	OPT_DIFF,
	OPT_DIGEST,
	OPT_ID_KEY,
	OPT_AUTHOR_KEY,
	OPT_FAMILY_ID,
	OPT_IMAGE_ID,
	OPT_GUEST_SVN,
	OPT_POLICY,
	OPT_VERBOSE,
	OPT_HELP,
	OPT_VERSION,
	OPT_COUNT,
};

/* Numbers and choices are uint64_t, because the parser writes them by their offset. */
struct options {
	uint64_t given; /* bit n: enum option n was there */
	enum command command;

	uint64_t mode; /* enum mode */
	const char *ovmf;
	const char *kernel;
	const char *initrd;
	const char *append;
	uint64_t vcpus;
	const char *vcpu_type;
	uint64_t vcpu_signature; /* after parsing, whichever way it was given; 0: it was not */
	uint64_t vcpu_family;
	uint64_t vcpu_model;
	uint64_t vcpu_stepping;
	uint64_t vmm; /* enum coco_vmm */
	uint64_t guest_features;
	uint64_t sev_features;
	uint8_t snp_ovmf_hash[48];
	const char *svsm;
	uint64_t vars_size;
	const char *vars_file;
	uint64_t two_pass; /* --page-order */

	uint8_t digest[48];
	const char *id_key;
	const char *author_key;
	uint8_t family_id[16];
	uint8_t image_id[16];
	uint64_t guest_svn;
	uint64_t policy;

	uint64_t format; /* enum output_format */
	const char *diff;
	bool dump_vmsa;
	bool explain;
	bool verbose;
	bool help;
	bool version;
};

enum options_verdict {
	OPTIONS_RUN,  /* go on */
	OPTIONS_DONE, /* --help or --version was answered */
	OPTIONS_BAD,  /* a message was printed */
};

/* Fills `options`, which points into argv afterwards. */
enum options_verdict options_parse(struct options *options, int argc, char **argv);

static inline bool options_given(const struct options *options, enum option option)
{
	return options->given >> option & 1;
}

/* A mode as it is written on the command line. */
const char *options_mode_name(uint64_t mode);

/* A VMM as it is written on the command line. */
const char *options_vmm_name(uint64_t vmm);

/* Whether a mode measures vCPUs. */
static inline bool options_has_vcpus(uint64_t mode)
{
	return mode == MODE_SEVES || mode == MODE_SEVES_LEGACY || mode == MODE_SNP ||
	       mode == MODE_SNP_SVSM;
}

#endif
