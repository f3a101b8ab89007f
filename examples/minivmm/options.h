/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The command line. Everything in it is checked here, once, before anything is opened. */
#ifndef MINIVMM_OPTIONS_H
#define MINIVMM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* --tech auto; the other values of options.tech are enum coco_tech. */
#define TECH_AUTO 0

/* --resets was not given: the guest may reset itself as often as it likes. */
#define RESETS_FREE UINT32_MAX

enum reset_way {
	RESET_BY_CF9,
	RESET_BY_KBD,
	RESET_BY_TRIPLE,
	RESET_BY_MIX, /* the three in turn */
};

enum reset_source {
	RESET_FROM_VCPU, /* the guest asks, its vCPU's thread resets */
	RESET_FROM_HOST, /* the guest spins, the main thread resets */
};

/* What is done when the guest gives itself up. */
enum termination_answer {
	TERMINATION_ENDS,
	TERMINATION_RESETS, /* as often as the guest may reset itself */
};

/* Choices are uint32_t, not enums, because the parser writes them by their offset. */
struct options {
	const char *firmware;
	const char *script;   /* NULL: no commands but the last one */
	const char *trace;    /* NULL: no trace file */
	const char *offer;    /* a file for the guest to bring; NULL: none */
	const char *plot;     /* NULL: no picture */
	const char *platform; /* NULL: the kernel, if it has KVM; "kvm", "sim" or "sim:KNOBS" */
	/* What the platform is told and what it measures (tech_options.h); NULL: nothing. */
	const char *id_block;
	const char *id_auth;
	const char *host_data;
	const char *mrconfigid;
	const char *mrowner;
	const char *mrownerconfig;
	/* With firmware: what that boots, measured. Without: booted as it is, by plain guests. */
	const char *kernel;
	const char *initrd;
	const char *append;
	uint32_t tech;
	uint32_t policy;         /* 0: the library's default */
	uint32_t on_termination; /* enum termination_answer */
	uint32_t memory_mib;
	uint32_t vcpus;
	uint32_t resets;
	uint32_t reset_by;    /* enum reset_way */
	uint32_t reset_on;    /* index of the vCPU that asks for the reset */
	uint32_t reset_from;  /* enum reset_source */
	uint32_t strategy;    /* enum coco_strategy */
	uint32_t scan_mib;    /* COCO_PORT_SCAN */
	uint32_t table_every; /* print the phases of each so many resets */
	uint32_t timeout_s;   /* 0: none */
	uint32_t log_level;   /* enum coco_log_level, 0: no log */
	bool author_key;      /* --id-auth has one */
	bool guest_memfd;
	bool eager;
	bool keep;
	bool pause;
	bool json;
	bool quiet;
	bool check_flat;
	bool use_stdin;
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

/* --platform asks for the simulator: its knobs; NULL: it does not. */
const char *options_simulator(const struct options *options);

/* There is a kernel, and no firmware to boot it. */
bool options_boot_kernel(const struct options *options);

/* How many resets the guest is told to ask for. */
uint32_t options_planned_resets(const struct options *options);

#endif
