/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What minivmm tells: the guest's serial lines, a table for each incarnation, problems, and at
 * the end a summary line or a JSON document. Everything may be called from any thread.
 *
 * What is kept for the end is kept in memory that is allocated and touched at the start, with
 * an upper bound: a talkative guest can't make it grow, and it does not disturb --check-flat.
 */
#ifndef MINIVMM_REPORT_H
#define MINIVMM_REPORT_H

#include <cocoreset/cocoreset.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "process_stats.h"

#define REPORT_INCARNATIONS_MAX 20000
#define REPORT_LINES_MAX        20000
#define REPORT_TEXT_MAX         (1u << 20)

/* --check-flat compares the last reset with this one: by then everything is warm. */
#define FLAT_FIRST_RESET 5
/* Allocator and stack pages, and the kernel's own inexact count, come and go by this much. */
#define FLAT_RSS_SLACK_KIB 256

#define MEASUREMENT_KEY_SIZE 8

/* What is measured of an incarnation; sizes of 0: nothing. */
struct measurement {
	uint8_t digest[COCO_DIGEST_MAX_SIZE]; /* predicted, and compared where the platform tells */
	size_t digest_size;
	uint8_t launch[COCO_LAUNCH_MEASURE_SIZE]; /* SEV, SEV-ES: what the platform says of it */
	size_t launch_size;
	uint8_t key[MEASUREMENT_KEY_SIZE]; /* the simulator's: what tells this memory key from
					      others */
	size_t key_size;
};

struct incarnation {
	uint64_t generation;
	uint64_t total_ns; /* what it took to build */
	uint64_t phase_ns[COCO_PHASE_COUNT];
	uint64_t objects;
	uint64_t private_bytes;     /* when it began */
	uint64_t private_bytes_end; /* when it ended */
	uint64_t conversions;       /* in all its life */
	struct process_stats stats; /* when it began */
	struct measurement measurement;
};

/* The first thing that went wrong. */
struct problem {
	bool any;
	char text[256];
	struct coco_error error; /* code 0: the problem is not the library's */
};

struct report {
	pthread_mutex_t lock;
	const struct options *options;
	const char *tech;

	struct incarnation *incarnations;
	size_t incarnation_count;
	uint64_t incarnations_dropped;
	struct incarnation latest;
	struct process_stats flat_reference; /* at reset FLAT_FIRST_RESET */

	char *text; /* serial lines, each with a NUL at its end */
	size_t text_used;
	size_t line_count;
	uint64_t lines_dropped;

	struct problem problem;
};

/* How it all ended. */
struct summary {
	const char *outcome; /* "halted", "interrupted", "stalled", "failed" */
	uint64_t failures;   /* that the guest reported */
	uint64_t leaked_objects;
	int exit_status;
};

/* Borrows the options. False: no memory. */
bool report_init(struct report *report, const struct options *options);
void report_destroy(struct report *report);

void report_line(struct report *report, const char *line);

/* What is worth knowing and no problem. It stands among the guest's lines. */
void report_note(struct report *report, const char *text);

/* Prints a problem and keeps it if it is the first. `error` may be NULL. */
void report_problem(struct report *report, const char *text, const struct coco_error *error);
bool report_has_problem(struct report *report);

/* After a launch or reset. Once for each generation, whichever thread is first. */
void report_life_begins(struct report *report, const struct coco_guest_info *info,
			const struct measurement *measurement);
/* Before a reset, and at the end. */
void report_life_ends(struct report *report, const struct coco_guest_info *info);

/* Has anything grown since reset FLAT_FIRST_RESET? Reports it as a problem if so. */
void report_check_flat(struct report *report);

/* The last line, or the JSON document. False: stdout can't be written. */
bool report_finish(struct report *report, const struct summary *summary);

/* The bytes as hexadecimal; `out` has room for twice as many and a NUL. */
void report_hex(const uint8_t *bytes, size_t size, char *out);

/* report_json.c */
bool report_print_json(const struct report *report, const struct summary *summary);

#endif
