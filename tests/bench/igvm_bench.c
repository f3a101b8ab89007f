/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Reading IGVM files. Two things take turns, each with a file that is in the page cache; times are
 * the process's, user and system: limit    the file is read into memory and hashed with SHA-384, in
 * one go library  the file is parsed, made a launch image, and that is measured for SNP `parse` is
 * the library's part without the measurement: what is added to reading and hashing. Of two kinds of
 * files: one whose pages are all different, and one as firmware is, with stretches of padding that
 * the file has once.
 */
#include <cocoreset/cocoreset.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void check(int r, const struct coco_error *error)
{
	if (!r)
		return;
	fprintf(stderr, "igvm_bench: %s\n", error->text);
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int write_to(void *payload, const void *bytes, size_t size)
{
	return fwrite(bytes, 1, size, payload) == size ? 0 : -5;
}

static void fill(uint8_t *bytes, size_t size, int padded)
{
	uint64_t state = 1;

	for (size_t i = 0; i < size; i += sizeof(state)) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		memcpy(bytes + i, &state, sizeof(state));
	}
	/* One page in eight, and a stretch in the middle. */
	for (size_t i = 0; padded && i < size; i += COCO_PAGE_SIZE)
		if (i / COCO_PAGE_SIZE % 8 == 7 || (i > size / 4 && i < size / 2))
			memset(bytes + i, 0xff, COCO_PAGE_SIZE);
}

static void make_file(const char *path, size_t size, int padded)
{
	struct coco_igvm_write_options options;
	struct coco_error error;
	struct coco_image *image;
	struct coco_page_run run;
	uint8_t *bytes = malloc(size);
	FILE *file = fopen(path, "wb");

	if (!bytes || !file)
		die(path);
	fill(bytes, size, padded);
	COCO_INIT(&run);
	run.gpa = 0x100000;
	run.size = size;
	run.bytes = bytes;
	run.kind = COCO_PAGE_DATA;
	check(coco_image_new(&image, &error), &error);
	check(coco_image_add(image, &run, &error), &error);
	COCO_INIT(&options);
	options.tech = COCO_TECH_SNP;
	options.vcpus = 1;
	options.vcpu_signature = 0x800f12;
	check(coco_image_write_igvm(image, &options, write_to, file, &error), &error);
	if (fclose(file))
		die(path);
	coco_image_unref(image);
	free(bytes);
}

static double time_limit(const char *path)
{
	const double start = now();
	uint8_t digest[48];
	struct stat status;
	uint8_t *bytes;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status))
		die(path);
	bytes = malloc((size_t)status.st_size);
	if (!bytes || read(fd, bytes, (size_t)status.st_size) != status.st_size)
		die(path);
	close(fd);
	if (!EVP_Digest(bytes, (size_t)status.st_size, digest, NULL, EVP_sha384(), NULL))
		die("EVP_Digest");
	free(bytes);
	return now() - start;
}

static double time_library(const char *path, double *parse)
{
	struct coco_igvm_load_options options;
	struct coco_measure_options measuring;
	const double start = now();
	struct coco_digest *digest;
	struct coco_error error;
	struct coco_image *image;
	struct coco_igvm *igvm;

	COCO_INIT(&options);
	options.tech = COCO_TECH_SNP;
	check(coco_igvm_parse_file(path, NULL, &igvm, &error), &error);
	check(coco_image_new(&image, &error), &error);
	check(coco_image_add_igvm(image, igvm, &options, NULL, &error), &error);
	coco_igvm_free(igvm);
	*parse = now() - start;
	COCO_INIT(&measuring);
	measuring.tech = COCO_TECH_SNP;
	check(coco_measure_image(image, &measuring, &digest, &error), &error);
	coco_digest_free(digest);
	coco_image_unref(image);
	return now() - start;
}

static int compare(const void *first, const void *second)
{
	const double a = *(const double *)first, b = *(const double *)second;

	return (a > b) - (a < b);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return values[count / 2];
}

static void bench(const char *name, const char *path, int rounds)
{
	double *limits = calloc(3 * (size_t)rounds, sizeof(double));
	double *parses = limits + rounds, *libraries = parses + rounds;
	double limit, parse, library;

	if (!limits)
		die("calloc");
	for (int i = 0; i < rounds; i++) {
		limits[i] = time_limit(path);
		libraries[i] = time_library(path, &parses[i]);
	}
	limit = median(limits, rounds);
	parse = median(parses, rounds);
	library = median(libraries, rounds);
	printf("%-12s limit %7.1f ms   parse %7.1f ms   library %7.1f ms   library/limit %.2f\n",
	       name, limit, parse, library, library / limit);
	free(limits);
}

int main(int argc, char **argv)
{
	const int rounds = argc > 1 ? atoi(argv[1]) : 31;
	const size_t size = (argc > 2 ? strtoul(argv[2], NULL, 0) : 64) << 20;
	char path[] = "/tmp/igvm-bench-XXXXXX";
	const int fd = mkstemp(path);

	if (fd < 0 || rounds < 1 || !size)
		die("igvm_bench");
	close(fd);
	make_file(path, size, 0);
	bench("all differ", path, rounds);
	make_file(path, size, 1);
	bench("padded", path, rounds);
	unlink(path);
	return 0;
}
