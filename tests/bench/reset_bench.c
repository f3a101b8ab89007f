/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What does a reset cost beside its system calls, and what do the strategies cost? On a real KVM;
 * see tests/bench/reset. Prints one line of figures for each guest: medians in microseconds.
 *
 *   reset_bench ROUNDS [FILE]     FILE: where figures for the picture go, as group|label|us
 */
#define _GNU_SOURCE
#include "recorder.h"

#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MOST_ROUNDS 1000
#define FIRMWARE    0x10000u

struct setting {
	uint32_t tech;
	uint32_t vcpus;
	uint64_t mib;
	uint32_t flags;
};

/* What a reset by hand copies: as the library's loader for private memory, and to the shared side.
 */
struct copies {
	void *shared;
	bool private_memory;
};

struct bench {
	FILE *figures;
	struct recorder *recorder;
	struct coco_host *host;
	struct coco_guest *guest;
	struct coco_image *image;
	int rounds;
};

static void must(int result, const struct coco_error *error)
{
	if (result) {
		fprintf(stderr, "reset_bench: %s\n", error->text);
		exit(1);
	}
}

static void kick(void *payload, struct coco_vcpu *vcpu)
{
	(void)payload;
	(void)vcpu;
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return values[count / 2];
}

static uint8_t firmware[FIRMWARE];

static void make_image(struct bench *bench)
{
	struct coco_error error;
	struct coco_page_run run;

	memset(firmware, 0xf4, sizeof(firmware));
	must(coco_image_new(&bench->image, &error), &error);
	COCO_INIT(&run);
	run.gpa = 0x100000000ull - FIRMWARE;
	run.size = FIRMWARE;
	run.kind = COCO_PAGE_DATA;
	run.bytes = firmware;
	must(coco_image_add(bench->image, &run, &error), &error);
}

static void add_memory(struct bench *bench, uint64_t gpa, uint64_t size)
{
	struct coco_memory memory;
	struct coco_error error;

	COCO_INIT(&memory);
	memory.gpa = gpa;
	memory.size = size;
	must(coco_guest_add_memory(bench->guest, &memory, &error), &error);
}

/* Memory below 3 GiB and above 4 GiB, as on a PC. Returns what launching took. */
static double launch(struct bench *bench, const struct setting *setting)
{
	const uint64_t size = setting->mib << 20, low = size < 3ull << 30 ? size : 3ull << 30;
	struct coco_guest_options options;
	struct coco_error error;
	double start;

	COCO_INIT(&options);
	options.tech = setting->tech;
	options.vcpus = setting->vcpus;
	options.image = bench->image;
	options.irqchip = COCO_IRQCHIP_SPLIT;
	options.flags = setting->flags;
	options.kick = kick;
	must(coco_guest_new(bench->host, &options, &bench->guest, &error), &error);
	add_memory(bench, 0, low);
	if (size > low)
		add_memory(bench, 4ull << 30, size - low);
	add_memory(bench, 0x100000000ull - FIRMWARE, FIRMWARE);
	start = now_us();
	must(coco_guest_launch(bench->guest, &error), &error);
	return now_us() - start;
}

static void reset(struct bench *bench, uint32_t strategy)
{
	struct coco_reset_options options;
	struct coco_error error;

	COCO_INIT(&options);
	options.strategy = strategy;
	must(coco_guest_reset_with(bench->guest, &options, &error), &error);
}

static double time_reset(struct bench *bench, uint32_t strategy)
{
	const double start = now_us();

	reset(bench, strategy);
	return now_us() - start;
}

/* The system calls, and the image's bytes: nobody can do without these. */
static double time_replay(struct bench *bench, const struct copies *copies)
{
	static uint8_t window[FIRMWARE];
	const double start = now_us();

	recorder_replay(bench->recorder);
	if (copies->private_memory)
		memcpy(window, firmware, FIRMWARE);
	memcpy(copies->shared, firmware, FIRMWARE);
	return now_us() - start;
}

static void find_copies(struct bench *bench, const struct setting *setting, struct copies *copies)
{
	struct coco_error error;

	copies->private_memory = setting->tech == COCO_TECH_SWPROTECTED;
	must(coco_guest_host_address(bench->guest, 0x100000000ull - FIRMWARE, FIRMWARE,
				     &copies->shared, &error),
	     &error);
}

static void add_figure(struct bench *bench, const char *group, const struct setting *setting,
		       const char *side, double us)
{
	if (bench->figures)
		fprintf(bench->figures, "%s|%s, %u vCPUs, %llu MiB, %s|%.0f\n", group,
			coco_tech_name(setting->tech), setting->vcpus,
			(unsigned long long)setting->mib, side, us);
}

/* What the phases of the last resets took. */
struct phases {
	double us[COCO_PHASE_COUNT][MOST_ROUNDS];
};

static void take_phases(struct bench *bench, struct phases *phases, int round)
{
	struct coco_guest_info info;
	struct coco_error error;

	COCO_INIT(&info);
	must(coco_guest_get_info(bench->guest, &info, &error), &error);
	for (int phase = 1; phase < COCO_PHASE_COUNT; phase++)
		phases->us[phase][round] = (double)info.phase_ns[phase] / 1e3;
}

static void print_phases(struct phases *phases, const char *strategy, int rounds)
{
	printf("  %-10s", strategy);
	for (uint32_t phase = 1; phase < COCO_PHASE_COUNT; phase++) {
		const double us = median(phases->us[phase], rounds);

		if (us >= 1)
			printf(" %s %.0f", coco_phase_name(phase), us);
	}
	printf("\n");
}

/* In turns and in both orders: what one leaves to the kernel's workers is done beside the next. */
static void compare_resets(struct bench *bench, const struct setting *setting)
{
	static double library[MOST_ROUNDS], bare[MOST_ROUNDS], overlap[MOST_ROUNDS];
	static struct phases sequential_phases, overlap_phases;
	struct coco_error error;
	struct copies copies;
	double by_library, by_hand, beside;

	(void)launch(bench, setting);
	find_copies(bench, setting, &copies);
	reset(bench, COCO_STRATEGY_SEQUENTIAL);
	recorder_record(bench->recorder, true);
	reset(bench, COCO_STRATEGY_SEQUENTIAL);
	recorder_record(bench->recorder, false);
	for (int i = 0; i < bench->rounds; i++) {
		if (i % 2)
			bare[i] = time_replay(bench, &copies);
		library[i] = time_reset(bench, COCO_STRATEGY_SEQUENTIAL);
		take_phases(bench, &sequential_phases, i);
		if (i % 2 == 0)
			bare[i] = time_replay(bench, &copies);
	}
	for (int i = 0; i < bench->rounds; i++) {
		overlap[i] = time_reset(bench, COCO_STRATEGY_OVERLAP);
		take_phases(bench, &overlap_phases, i);
		must(coco_guest_wait_retired(bench->guest, 60000, &error), &error);
	}
	by_library = median(library, bench->rounds);
	by_hand = median(bare, bench->rounds);
	beside = median(overlap, bench->rounds);
	printf("%-12s %5u %6llu MiB %6u calls %9.0f us %9.0f us %6.3f %9.0f us\n",
	       coco_tech_name(setting->tech), setting->vcpus, (unsigned long long)setting->mib,
	       recorder_count(bench->recorder), by_hand, by_library, by_library / by_hand, beside);
	print_phases(&sequential_phases, "sequential", bench->rounds);
	print_phases(&overlap_phases, "overlap", bench->rounds);
	add_figure(bench, "A reset, by hand and by the library", setting, "by hand", by_hand);
	add_figure(bench, "A reset, by hand and by the library", setting, "sequential", by_library);
	add_figure(bench, "A reset, by hand and by the library", setting, "overlap", beside);
	coco_guest_free(bench->guest);
}

static void time_launches(struct bench *bench, const struct setting *setting, double *first)
{
	static double all[MOST_ROUNDS], slots[MOST_ROUNDS];
	struct coco_guest_info info;
	struct coco_error error;
	double without_slots;

	for (int i = 0; i < bench->rounds; i++) {
		all[i] = launch(bench, setting);
		COCO_INIT(&info);
		must(coco_guest_get_info(bench->guest, &info, &error), &error);
		slots[i] = (double)info.phase_ns[COCO_PHASE_MEMORY] / 1e3;
		all[i] -= slots[i];
		coco_guest_free(bench->guest);
	}
	without_slots = median(all, bench->rounds);
	if (*first == 0)
		*first = without_slots;
	printf("%-12s %-9s %7llu MiB %9.0f us %9.0f us %6.2f\n", coco_tech_name(setting->tech),
	       setting->flags & COCO_GUEST_EAGER_PRIVATE ? "eager" : "on demand",
	       (unsigned long long)setting->mib, median(slots, bench->rounds), without_slots,
	       without_slots / *first);
	add_figure(bench, "A launch, without the memory slots", setting,
		   setting->flags & COCO_GUEST_EAGER_PRIVATE ? "all marked" : "marked on demand",
		   without_slots);
}

static const struct setting resets[] = {
	{COCO_TECH_PLAIN, 1, 64, 0},       {COCO_TECH_PLAIN, 4, 64, 0},
	{COCO_TECH_PLAIN, 4, 2048, 0},     {COCO_TECH_SWPROTECTED, 1, 64, 0},
	{COCO_TECH_SWPROTECTED, 4, 64, 0},
};
static const struct setting launches[] = {
	{COCO_TECH_SWPROTECTED, 1, 1024, 0},
	{COCO_TECH_SWPROTECTED, 1, 16384, 0},
	{COCO_TECH_SWPROTECTED, 1, 262144, 0},
	{COCO_TECH_SWPROTECTED, 1, 1024, COCO_GUEST_EAGER_PRIVATE},
	{COCO_TECH_SWPROTECTED, 1, 16384, COCO_GUEST_EAGER_PRIVATE},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool has(struct bench *bench, uint32_t tech)
{
	struct coco_tech_info info;
	struct coco_error error;

	COCO_INIT(&info);
	must(coco_host_probe(bench->host, tech, &info, &error), &error);
	return info.launchable;
}

int main(int argc, char **argv)
{
	struct bench bench = {.recorder = recorder_new(), .rounds = argc > 1 ? atoi(argv[1]) : 50};
	struct coco_host_options options;
	struct coco_error error;
	double first = 0;

	if (bench.rounds < 1 || bench.rounds > MOST_ROUNDS)
		return 2;
	if (argc > 2) {
		bench.figures = fopen(argv[2], "ae");
		if (!bench.figures)
			return 1;
	}
	COCO_INIT(&options);
	options.platform = recorder_platform(bench.recorder);
	must(coco_host_open(&options, &bench.host, &error), &error);
	make_image(&bench);
	printf("%-12s %5s %10s %12s %12s %12s %6s %12s\n", "resets", "vCPUs", "memory", "",
	       "by hand", "sequential", "ratio", "overlap");
	for (size_t i = 0; i < COUNT(resets); i++)
		if (has(&bench, resets[i].tech))
			compare_resets(&bench, &resets[i]);
	printf("\n%-12s %-9s %11s %12s %12s %6s\n", "launches", "marking", "memory", "slots",
	       "the rest", "ratio");
	bench.rounds = bench.rounds < 9 ? bench.rounds : 9;
	for (size_t i = 0; i < COUNT(launches); i++)
		if (has(&bench, launches[i].tech))
			time_launches(&bench, &launches[i], &first);
	coco_image_unref(bench.image);
	coco_host_close(bench.host);
	return bench.figures && fclose(bench.figures) ? 1 : 0;
}
