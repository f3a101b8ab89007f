/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What does a measurement cost beside the hashing that nobody can avoid? tests/bench/measure runs
 * it.
 *
 * usage: measure_bench ROUNDS [FIRMWARE]
 *
 * Without firmware it makes a file that is as padded as OVMF. Two limits:
 * "stream": libcrypto over as many blocks as have to be hashed, each distinct page once, in one
 * digest. "messages": the digests that the measurement consists of, from bytes that lie ready. For
 * snp that is one for each distinct page and one for each page's record; for the others it is the
 * stream.
 */
#include <cocoreset/cocoreset.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGES       1024u
#define RECORD_SIZE 0x70u
/* What SHA-384 makes of a record and a page: whole blocks of 128 bytes, with padding. */
#define RECORD_BLOCKS 256u
#define PAGE_BLOCKS   (COCO_PAGE_SIZE + 128u)
#define TDX_PAGE      6272u
#define TDX_ADD       128u
#define MAX_ROUNDS    1000u

static const char *program, *firmware_path;
static bool firmware_made;

/* What has to be hashed. */
struct work {
	uint8_t *bytes; /* one after the other */
	size_t size;
	size_t page_count, record_count; /* snp: how `bytes` is divided */
};

static void check(int r, const struct coco_error *error)
{
	if (!r)
		return;
	fprintf(stderr, "measure_bench: %s\n", error->text);
	exit(EXIT_FAILURE);
}

static void *allocate(size_t size)
{
	void *bytes = calloc(1, size);

	if (!bytes)
		abort();
	return bytes;
}

static void write_file(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");

	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file))
		abort();
}

/* As padded as OVMF of 2026: of 1024 pages, 843 are 0xff and the rest all differ. */
static void make_firmware(const char *path)
{
	const size_t size = (size_t)PAGES * COCO_PAGE_SIZE;
	uint8_t *bytes = allocate(size);
	uint32_t random = 1;

	memset(bytes, 0xff, size);
	for (size_t i = 843 * (size_t)COCO_PAGE_SIZE; i < size; i++) {
		random = random * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(random >> 24);
	}
	write_file(path, bytes, size);
	free(bytes);
}

static void add_made(struct coco_image *image, uint32_t tech)
{
	struct coco_page_run run;
	struct coco_error error;

	check(coco_image_add_firmware_file(image, firmware_path, &error), &error);
	COCO_INIT(&run);
	run.gpa = 0x800000;
	run.size = 0x20000;
	run.kind = COCO_PAGE_ZERO;
	run.flags = tech == COCO_TECH_TDX ? COCO_RUN_UNMEASURED : 0;
	if (tech == COCO_TECH_SNP || tech == COCO_TECH_TDX)
		check(coco_image_add(image, &run, &error), &error);
}

static struct coco_image *make_image(uint32_t tech)
{
	struct coco_sev_firmware_options options;
	struct coco_firmware *firmware;
	struct coco_image *image;
	struct coco_error error;

	check(coco_image_new(&image, &error), &error);
	if (firmware_made) {
		add_made(image, tech);
		return image;
	}
	check(coco_firmware_parse_file(firmware_path, &firmware, &error), &error);
	COCO_INIT(&options);
	options.tech = tech;
	if (tech == COCO_TECH_TDX)
		check(coco_image_add_tdx_firmware(image, firmware, NULL, &error), &error);
	else
		check(coco_image_add_sev_firmware(image, firmware, &options, &error), &error);
	coco_firmware_free(firmware);
	return image;
}

static struct coco_measure_options options_for(uint32_t tech, uint32_t vcpus)
{
	struct coco_measure_options options;

	COCO_INIT(&options);
	options.tech = tech;
	options.vcpus = vcpus;
	options.vcpu_signature = 0xa00f11;
	options.ap_start = 0x80b004;
	return options;
}

static void measure(const struct coco_image *image, const struct coco_measure_options *options)
{
	struct coco_digest *digest;
	struct coco_error error;

	check(coco_measure_image(image, options, &digest, &error), &error);
	coco_digest_free(digest);
}

static int by_contents(const void *first, const void *second)
{
	return memcmp(first, second, COCO_PAGE_SIZE);
}

static size_t keep_distinct(uint8_t *pages, size_t count)
{
	size_t kept = 0;

	qsort(pages, count, COCO_PAGE_SIZE, by_contents);
	for (size_t i = 0; i < count; i++)
		if (!kept ||
		    by_contents(pages + (kept - 1) * COCO_PAGE_SIZE, pages + i * COCO_PAGE_SIZE))
			memmove(pages + kept++ * COCO_PAGE_SIZE, pages + i * COCO_PAGE_SIZE,
				COCO_PAGE_SIZE);
	return kept;
}

static void add_vmsas(struct work *work, const struct coco_measure_options *options, uint32_t count)
{
	struct coco_error error;

	for (uint32_t i = 0; i < count; i++, work->size += COCO_PAGE_SIZE)
		check(coco_vmsa_build(options, i, work->bytes + work->size, &error), &error);
}

/* All data pages; how many further pages are there, for tdx what they add. */
static struct work work_for(const struct coco_image *image,
			    const struct coco_measure_options *options)
{
	struct work work = {.bytes = allocate(64u << 20)};
	const bool snp = options->tech == COCO_TECH_SNP, tdx = options->tech == COCO_TECH_TDX;
	struct coco_page_run run;
	struct coco_error error;

	COCO_INIT(&run);
	for (uint32_t i = 0; i < coco_image_run_count(image); i++) {
		const bool measured = (check(coco_image_get_run(image, i, &run, &error), &error),
				       !(run.flags & COCO_RUN_UNMEASURED));

		work.record_count += run.size / COCO_PAGE_SIZE;
		if (tdx) {
			work.size += run.size / COCO_PAGE_SIZE * (measured ? TDX_PAGE : TDX_ADD);
		} else if (run.bytes) {
			memcpy(work.bytes + work.size, run.bytes, run.size);
			work.size += run.size;
		}
	}
	if (options->tech == COCO_TECH_SEVES)
		add_vmsas(&work, options, options->vcpus);
	if (!snp)
		return work;
	add_vmsas(&work, options, options->vcpus < 2 ? options->vcpus : 2);
	work.record_count += options->vcpus;
	work.page_count = keep_distinct(work.bytes, work.size / COCO_PAGE_SIZE);
	work.size = work.page_count * PAGE_BLOCKS + work.record_count * RECORD_BLOCKS;
	return work;
}

static void hash(EVP_MD_CTX *context, const EVP_MD *md, const uint8_t *bytes, size_t size)
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (!EVP_DigestInit_ex2(context, md, NULL) || !EVP_DigestUpdate(context, bytes, size) ||
	    !EVP_DigestFinal_ex(context, digest, NULL))
		abort();
}

static void hash_work(const struct work *work, EVP_MD_CTX *context, const EVP_MD *md, bool messages)
{
	const uint8_t *bytes = work->bytes;

	if (!messages || !work->page_count) {
		hash(context, md, work->bytes, work->size);
		return;
	}
	for (size_t i = 0; i < work->page_count; i++, bytes += COCO_PAGE_SIZE)
		hash(context, md, bytes, COCO_PAGE_SIZE);
	for (size_t i = 0; i < work->record_count; i++, bytes += RECORD_SIZE)
		hash(context, md, bytes, RECORD_SIZE);
}

static double now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int by_value(const void *first, const void *second)
{
	const double a = *(const double *)first, b = *(const double *)second;

	return (a > b) - (a < b);
}

static double median(double *times, unsigned count)
{
	qsort(times, count, sizeof(*times), by_value);
	return times[count / 2];
}

static EVP_MD *fetch(uint32_t tech)
{
	const bool long_digest = tech == COCO_TECH_SNP || tech == COCO_TECH_TDX;
	EVP_MD *md = EVP_MD_fetch(NULL, long_digest ? "SHA2-384" : "SHA2-256", NULL);

	if (!md)
		abort();
	return md;
}

/*
 * Inside the library: measurement and limits take turns, so that noise is the same for all. The
 * measurement's time.
 */
static double bench_library(uint32_t tech, uint32_t vcpus, unsigned rounds)
{
	static double whole[MAX_ROUNDS], stream[MAX_ROUNDS], messages[MAX_ROUNDS];
	struct coco_measure_options options = options_for(tech, vcpus);
	struct coco_image *image = make_image(tech);
	struct work work = work_for(image, &options);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_MD *md = fetch(tech);
	double w, s, m;

	for (unsigned i = 0; i < rounds; i++) {
		double start = now_us(), measured, streamed;

		measure(image, &options);
		measured = now_us();
		hash_work(&work, context, md, false);
		streamed = now_us();
		hash_work(&work, context, md, true);
		messages[i] = now_us() - streamed;
		stream[i] = streamed - measured;
		whole[i] = measured - start;
	}
	w = median(whole, rounds);
	s = median(stream, rounds);
	m = median(messages, rounds);
	printf("library  %-6s %5u  %9.0f %9.0f %6.2f %9.0f %6.2f\n", coco_tech_name(tech), vcpus, w,
	       s, w / s, m, w / m);
	EVP_MD_free(md);
	EVP_MD_CTX_free(context);
	free(work.bytes);
	coco_image_unref(image);
	return w;
}

static double microseconds(const struct timeval *time)
{
	return (double)time->tv_sec * 1e6 + (double)time->tv_usec;
}

/* One life of this program. Adds its user time to *user; returns user and system time. */
static double live(const char *mode, uint32_t tech, uint32_t vcpus, const char *path, double *user)
{
	char tech_text[16], vcpus_text[16];
	struct rusage usage;
	int status;
	pid_t child;

	snprintf(tech_text, sizeof(tech_text), "%u", tech);
	snprintf(vcpus_text, sizeof(vcpus_text), "%u", vcpus);
	child = fork();
	if (!child) {
		execl(program, program, mode, tech_text, vcpus_text, path, (char *)NULL);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child || status)
		abort();
	*user += microseconds(&usage.ru_utime);
	return microseconds(&usage.ru_utime) + microseconds(&usage.ru_stime);
}

static void print_process(const char *what, uint32_t tech, uint32_t vcpus, double whole,
			  double limit)
{
	printf("%-8s %-6s %5u  %9.0f %9.0f %6.2f\n", what, coco_tech_name(tech), vcpus, whole,
	       limit, whole / limit);
}

/*
 * Whole processes: from a firmware file to its digest, and from a file of its blocks to theirs. The
 * kernel tells user from system time by its ticks, which says something about many lives only: a
 * mean. The measurement's user and system time.
 */
static double bench_process(uint32_t tech, uint32_t vcpus, unsigned rounds, const char *work_path)
{
	static double whole[MAX_ROUNDS], limit[MAX_ROUNDS];
	const char *mode = firmware_made ? "made" : "once";
	struct coco_measure_options options = options_for(tech, vcpus);
	struct coco_image *image = make_image(tech);
	struct work work = work_for(image, &options);
	double user = 0, limit_user = 0, both;

	write_file(work_path, work.bytes, work.size);
	free(work.bytes);
	coco_image_unref(image);
	for (unsigned i = 0; i < rounds; i++) {
		whole[i] = live(mode, tech, vcpus, firmware_path, &user);
		limit[i] = live("limit", tech, vcpus, work_path, &limit_user);
	}
	print_process("user", tech, vcpus, user / rounds, limit_user / rounds);
	both = median(whole, rounds);
	print_process("process", tech, vcpus, both, median(limit, rounds));
	return both;
}

static int live_once(uint32_t tech, uint32_t vcpus)
{
	struct coco_measure_options options = options_for(tech, vcpus);
	struct coco_image *image = make_image(tech);

	measure(image, &options);
	coco_image_unref(image);
	return EXIT_SUCCESS;
}

static int live_limit(uint32_t tech, const char *path)
{
	static uint8_t buffer[65536];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_MD *md = fetch(tech);
	FILE *file = fopen(path, "rb");
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t n;

	if (!file || !EVP_DigestInit_ex2(context, md, NULL))
		abort();
	while ((n = fread(buffer, 1, sizeof(buffer), file)) != 0)
		if (!EVP_DigestUpdate(context, buffer, n))
			abort();
	if (!EVP_DigestFinal_ex(context, digest, NULL))
		abort();
	fclose(file);
	EVP_MD_free(md);
	EVP_MD_CTX_free(context);
	return EXIT_SUCCESS;
}

static void bench(unsigned rounds, const char *work_path)
{
	static const uint32_t vcpus[] = {1, 64, 512};
	double library[3], process[3];

	printf("%-8s %-6s %5s  %9s %9s %6s %9s %6s\n", "", "tech", "vCPUs", "us", "stream", "ratio",
	       "messages", "ratio");
	for (size_t i = 0; i < sizeof(vcpus) / sizeof(*vcpus); i++) {
		library[i] = bench_library(COCO_TECH_SNP, vcpus[i], rounds);
		bench_library(COCO_TECH_SEVES, vcpus[i], rounds);
	}
	bench_library(COCO_TECH_SEV, 1, rounds);
	bench_library(COCO_TECH_TDX, 1, rounds);
	for (size_t i = 0; i < sizeof(vcpus) / sizeof(*vcpus); i++)
		process[i] = bench_process(COCO_TECH_SNP, vcpus[i], rounds, work_path);
	bench_process(COCO_TECH_TDX, 1, rounds, work_path);
	printf("snp, 512 vCPUs against 64: library %.2f, process %.2f\n", library[2] / library[1],
	       process[2] / process[1]);
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/measure-bench-XXXXXX", made_path[64], work_path[64];
	const char *mode = argc > 1 ? argv[1] : "";
	const unsigned rounds = (unsigned)strtoul(mode, NULL, 10);

	program = argv[0];
	if (argc == 5) {
		const uint32_t tech = (uint32_t)strtoul(argv[2], NULL, 10);

		firmware_path = argv[4];
		firmware_made = !strcmp(mode, "made");
		return strcmp(mode, "limit") ? live_once(tech, (uint32_t)strtoul(argv[3], NULL, 10))
					     : live_limit(tech, argv[4]);
	}
	if (!rounds || rounds > MAX_ROUNDS || !mkdtemp(folder)) {
		fprintf(stderr, "usage: measure_bench ROUNDS [FIRMWARE], 1 to %u rounds\n",
			MAX_ROUNDS);
		return EXIT_FAILURE;
	}
	snprintf(made_path, sizeof(made_path), "%s/firmware", folder);
	snprintf(work_path, sizeof(work_path), "%s/work", folder);
	firmware_made = argc < 3;
	firmware_path = firmware_made ? made_path : argv[2];
	if (firmware_made)
		make_firmware(made_path);
	bench(rounds, work_path);
	if (firmware_made)
		unlink(made_path);
	unlink(work_path);
	rmdir(folder);
	return EXIT_SUCCESS;
}
