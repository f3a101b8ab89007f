/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory that is there: not zero, or the compiler would leave the touching to calloc(). */
static void *allocate_touched(size_t size)
{
	void *memory = malloc(size);
	if (memory)
		memset(memory, 0xff, size);
	return memory;
}

static size_t incarnation_capacity(const struct options *options)
{
	if (options->resets >= REPORT_INCARNATIONS_MAX)
		return REPORT_INCARNATIONS_MAX; /* RESETS_FREE, too */
	return (size_t)options->resets + 1;
}

bool report_init(struct report *report, const struct options *options)
{
	size_t capacity = incarnation_capacity(options);

	*report = (struct report){.options = options, .tech = "none"};
	report->incarnations = allocate_touched(capacity * sizeof(*report->incarnations));
	report->text = allocate_touched(REPORT_TEXT_MAX);
	if (!report->incarnations || !report->text) {
		free(report->incarnations);
		free(report->text);
		return false;
	}
	pthread_mutex_init(&report->lock, NULL);
	return true;
}

void report_destroy(struct report *report)
{
	free(report->incarnations);
	free(report->text);
	pthread_mutex_destroy(&report->lock);
}

static void keep_line(struct report *report, const char *line)
{
	size_t size = strlen(line) + 1;

	if (report->line_count == REPORT_LINES_MAX || size > REPORT_TEXT_MAX - report->text_used) {
		report->lines_dropped++;
		return;
	}
	memcpy(report->text + report->text_used, line, size);
	report->text_used += size;
	report->line_count++;
}

void report_line(struct report *report, const char *line)
{
	pthread_mutex_lock(&report->lock);
	if (report->options->json)
		keep_line(report, line);
	else if (!report->options->quiet)
		puts(line);
	pthread_mutex_unlock(&report->lock);
}

void report_note(struct report *report, const char *text)
{
	char line[256];

	snprintf(line, sizeof(line), "minivmm: %s", text);
	report_line(report, line);
}

static void print_error(const struct coco_error *error)
{
	fprintf(stderr, ": %s", coco_stage_name(error->stage));
	if (error->call[0])
		fprintf(stderr, ": %s", error->call);
	if (error->field[0])
		fprintf(stderr, ": field %s", error->field);
	fprintf(stderr, ": %s (errno %d)", strerror(-error->code), -error->code);
	if (error->status)
		fprintf(stderr, ", firmware status 0x%" PRIx64, error->status);
	fprintf(stderr, ": %s", error->text);
}

void report_problem(struct report *report, const char *text, const struct coco_error *error)
{
	pthread_mutex_lock(&report->lock);
	fflush(stdout); /* what led to it comes before it */
	fprintf(stderr, "minivmm: %s", text);
	if (error)
		print_error(error);
	fputc('\n', stderr);
	if (!report->problem.any) {
		report->problem.any = true;
		snprintf(report->problem.text, sizeof(report->problem.text), "%s", text);
		if (error)
			report->problem.error = *error;
	}
	pthread_mutex_unlock(&report->lock);
}

bool report_has_problem(struct report *report)
{
	pthread_mutex_lock(&report->lock);
	bool any = report->problem.any;
	pthread_mutex_unlock(&report->lock);
	return any;
}

static void format_duration(char *text, size_t size, uint64_t ns)
{
	if (ns < 1000000)
		snprintf(text, size, "%.1f us", (double)ns / 1e3);
	else
		snprintf(text, size, "%.3f ms", (double)ns / 1e6);
}

void report_hex(const uint8_t *bytes, size_t size, char *out)
{
	out[0] = '\0';
	for (size_t i = 0; i < size; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static void print_bytes(const char *what, const uint8_t *bytes, size_t size)
{
	char hex[2 * COCO_DIGEST_MAX_SIZE + 1];

	if (size == 0)
		return;
	report_hex(bytes, size, hex);
	printf("   %s %s\n", what, hex);
}

static void print_table(const struct incarnation *life)
{
	char time[32];

	format_duration(time, sizeof(time), life->total_ns);
	if (life->generation == 1)
		printf("== launch -> incarnation 1 in %s\n", time);
	else
		printf("== reset %" PRIu64 " -> incarnation %" PRIu64 " in %s\n",
		       life->generation - 1, life->generation, time);

	int column = 0;
	for (uint32_t phase = 1; phase < COCO_PHASE_COUNT; phase++) {
		format_duration(time, sizeof(time), life->phase_ns[phase]);
		printf("   %-10s %11s", coco_phase_name(phase), time);
		if (++column % 4 == 0)
			putchar('\n');
	}
	if (column % 4)
		putchar('\n');
	printf("   fds %" PRIu64 ", maps %" PRIu64 ", rss %" PRIu64 " KiB, objects %" PRIu64
	       ", private %" PRIu64 " KiB\n",
	       life->stats.fds, life->stats.maps, life->stats.rss_kib, life->objects,
	       life->private_bytes / 1024);
	print_bytes("launch digest", life->measurement.digest, life->measurement.digest_size);
	print_bytes("launch measure", life->measurement.launch, life->measurement.launch_size);
	print_bytes("memory key", life->measurement.key, life->measurement.key_size);
	fflush(stdout);
}

static bool table_is_due(const struct options *options, uint64_t generation)
{
	return !options->json && !options->quiet && (generation - 1) % options->table_every == 0;
}

static void keep_incarnation(struct report *report, const struct incarnation *life)
{
	if (report->incarnation_count < incarnation_capacity(report->options))
		report->incarnations[report->incarnation_count++] = *life;
	else
		report->incarnations_dropped++;
}

void report_life_begins(struct report *report, const struct coco_guest_info *info,
			const struct measurement *measurement)
{
	pthread_mutex_lock(&report->lock);
	if (info->generation > report->latest.generation) {
		struct incarnation life = {
			.generation = info->generation,
			.total_ns = info->total_ns,
			.objects = info->open_objects,
			.private_bytes = info->private_bytes,
			.measurement = *measurement,
		};
		memcpy(life.phase_ns, info->phase_ns, sizeof(life.phase_ns));
		process_stats_read(&life.stats);
		report->latest = life;
		if (life.generation - 1 == FLAT_FIRST_RESET)
			report->flat_reference = life.stats;
		keep_incarnation(report, &life);
		if (table_is_due(report->options, life.generation))
			print_table(&life);
	}
	pthread_mutex_unlock(&report->lock);
}

void report_life_ends(struct report *report, const struct coco_guest_info *info)
{
	pthread_mutex_lock(&report->lock);
	if (report->incarnation_count > 0) {
		struct incarnation *life = &report->incarnations[report->incarnation_count - 1];
		/* It may be another one's end: kept incarnations are the first ones. */
		if (life->generation == info->generation) {
			life->conversions = info->conversions;
			life->private_bytes_end = info->private_bytes;
		}
	}
	pthread_mutex_unlock(&report->lock);
}

void report_check_flat(struct report *report)
{
	const struct process_stats *then = &report->flat_reference;
	const struct process_stats *now = &report->latest.stats;
	uint64_t resets = report->latest.generation ? report->latest.generation - 1 : 0;

	if (resets <= FLAT_FIRST_RESET) {
		report_problem(report, "--check-flat: the guest was not reset often enough", NULL);
		return;
	}
	char figures[224];
	snprintf(figures, sizeof(figures),
		 "reset %d -> %" PRIu64 ": fds %" PRIu64 " -> %" PRIu64 ", maps %" PRIu64
		 " -> %" PRIu64 ", rss %" PRIu64 " -> %" PRIu64 " KiB (slack %d)",
		 FLAT_FIRST_RESET, resets, then->fds, now->fds, then->maps, now->maps,
		 then->rss_kib, now->rss_kib, FLAT_RSS_SLACK_KIB);
	/* libunicorn 2.0, by which the simulator executes guests, loses memory in each life. */
	const bool memory_counts = !options_simulator(report->options);
	const bool more_memory =
		now->maps > then->maps || now->rss_kib > then->rss_kib + FLAT_RSS_SLACK_KIB;
	if (now->fds > then->fds || (memory_counts && more_memory)) {
		char text[256];
		snprintf(text, sizeof(text), "--check-flat: not flat: %s", figures);
		report_problem(report, text, NULL);
	} else if (!report->options->json) {
		printf("minivmm: flat: %s\n", figures);
	}
}

static int compare_times(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

static void print_reset_times(const struct report *report)
{
	size_t count = report->incarnation_count;
	uint64_t *times = count > 1 ? malloc(count * sizeof(*times)) : NULL;
	if (!times)
		return;

	size_t resets = 0;
	for (size_t i = 0; i < count; i++) {
		if (report->incarnations[i].generation > 1)
			times[resets++] = report->incarnations[i].total_ns;
	}
	qsort(times, resets, sizeof(*times), compare_times);

	char shortest[32], median[32], longest[32];
	format_duration(shortest, sizeof(shortest), times[0]);
	format_duration(median, sizeof(median), times[resets / 2]);
	format_duration(longest, sizeof(longest), times[resets - 1]);
	printf(" (%s, median %s, to %s)", shortest, median, longest);
	free(times);
}

static void print_last_line(const struct report *report, const struct summary *summary)
{
	uint64_t generation = report->latest.generation;

	printf("minivmm: %s, %s, %" PRIu64 " resets", summary->outcome, report->tech,
	       generation ? generation - 1 : 0);
	print_reset_times(report);
	printf(", %" PRIu64 " failures, exit status %d\n", summary->failures, summary->exit_status);
}

bool report_finish(struct report *report, const struct summary *summary)
{
	pthread_mutex_lock(&report->lock);
	bool ok = true;
	if (report->options->json)
		ok = report_print_json(report, summary);
	else
		print_last_line(report, summary);
	pthread_mutex_unlock(&report->lock);
	return ok && fflush(stdout) == 0 && !ferror(stdout);
}
