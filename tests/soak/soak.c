/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Is a process that has reset a guest very often the same as before? Every so often, with nothing
 * left to give back, it is counted what the process and the kernel hold for it. What grows with
 * resets, if by a few bytes each, is far above the slack in the end.
 *
 *   soak kvm|sim FIRMWARE TECHNOLOGY STRATEGY RESETS
 */
#include <cocoreset/cocoreset.h>
#include <cocoreset/sim.h>
#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VCPUS       2
#define RAM         (16ull << 20)
#define GIB_4       (1ull << 32)
#define LAST_COUNTS 3
#define COUNTS      10 /* the first is what the others are compared with */
#define WAIT_MS     60000

/* Allocators and the kernel keep some for later, and not always the same. */
#define MAPS_SLACK     4
#define RSS_SLACK_KIB  1024
#define SLAB_SLACK_KIB 4096

struct holdings {
	uint64_t fds;
	uint64_t maps;
	uint64_t rss_kib;
	uint64_t slab_kib; /* the kernel's, of all the machine */
	uint64_t vms;      /* in the simulator, or in debugfs */
};

struct soak {
	struct coco_sim *sim; /* NULL: the kernel's KVM */
	struct coco_host *host;
	struct coco_guest *guest;
	uint32_t tech;
	uint64_t flash_size;
	uint64_t resets;
};

static void must(int result, const struct coco_error *error)
{
	if (result) {
		fprintf(stderr, "soak: %s: %s\n", coco_stage_name(error->stage), error->text);
		exit(1);
	}
}

static void on_kick(int signal)
{
	(void)signal;
}

/* --- the guest: firmware and memory, no devices */

static void load_tables(struct soak *soak, const char *path, struct coco_image *image)
{
	struct coco_sev_firmware_options sev;
	struct coco_firmware_info info;
	struct coco_firmware *firmware;
	struct coco_error error;

	must(coco_firmware_parse_file(path, &firmware, &error), &error);
	COCO_INIT(&info);
	must(coco_firmware_get_info(firmware, &info, &error), &error);
	soak->flash_size = info.size;
	COCO_INIT(&sev);
	sev.tech = soak->tech;
	if (soak->tech == COCO_TECH_TDX)
		must(coco_image_add_tdx_firmware(image, firmware, NULL, &error), &error);
	else
		must(coco_image_add_sev_firmware(image, firmware, &sev, &error), &error);
	coco_firmware_free(firmware);
}

static void load_raw(struct soak *soak, const char *path, struct coco_image *image)
{
	struct coco_page_run run;
	struct coco_error error;

	must(coco_image_add_firmware_file(image, path, &error), &error);
	COCO_INIT(&run);
	must(coco_image_get_run(image, 0, &run, &error), &error);
	soak->flash_size = run.size;
}

static void add_memory(struct soak *soak, uint64_t gpa, uint64_t size)
{
	struct coco_memory memory;
	struct coco_error error;

	COCO_INIT(&memory);
	memory.gpa = gpa;
	memory.size = size;
	must(coco_guest_add_memory(soak->guest, &memory, &error), &error);
}

static void make_guest(struct soak *soak, const char *firmware)
{
	struct coco_guest_options options;
	struct coco_image *image;
	struct coco_error error;

	must(coco_image_new(&image, &error), &error);
	if (soak->tech == COCO_TECH_PLAIN || soak->tech == COCO_TECH_SWPROTECTED)
		load_raw(soak, firmware, image);
	else
		load_tables(soak, firmware, image);
	COCO_INIT(&options);
	options.tech = soak->tech;
	options.vcpus = VCPUS;
	options.image = image;
	options.irqchip = COCO_IRQCHIP_SPLIT;
	options.kick_signal = SIGUSR1;
	must(coco_guest_new(soak->host, &options, &soak->guest, &error), &error);
	coco_image_unref(image);
	add_memory(soak, 0, RAM);
	add_memory(soak, GIB_4 - soak->flash_size, soak->flash_size);
}

static void open_host(struct soak *soak, bool simulated)
{
	struct coco_host_options options;
	struct coco_error error;

	COCO_INIT(&options);
	if (simulated) {
		must(coco_sim_new_from_text("all", &soak->sim, &error), &error);
		options.platform = coco_sim_get_platform(soak->sim);
	}
	must(coco_host_open(&options, &soak->host, &error), &error);
}

/* --- what is held */

static uint64_t count_entries(const char *path, bool folders)
{
	DIR *directory = opendir(path);
	uint64_t count = 0;

	if (!directory)
		return 0;
	for (const struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.' && (!folders || entry->d_type == DT_DIR))
			count++;
	closedir(directory);
	return count;
}

/* The number behind `key` in a file like /proc/meminfo; with no key, the number of its lines. */
static uint64_t read_number(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	uint64_t lines = 0;
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		if (key && strncmp(line, key, strlen(key)) == 0) {
			fclose(file);
			return strtoull(line + strlen(key), NULL, 10);
		}
		lines++;
	}
	if (file)
		fclose(file);
	return key ? 0 : lines;
}

static uint64_t count_vms(const struct soak *soak)
{
	struct coco_sim_account account;

	if (!soak->sim)
		return count_entries("/sys/kernel/debug/kvm", true);
	COCO_INIT(&account);
	if (coco_sim_get_account(soak->sim, &account, NULL))
		return 0;
	return account.vms;
}

static struct holdings count(const struct soak *soak)
{
	malloc_trim(0); /* what is free is not held */
	return (struct holdings){
		.fds = count_entries("/proc/self/fd", false),
		.maps = read_number("/proc/self/maps", NULL),
		.rss_kib = read_number("/proc/self/status", "VmRSS:"),
		.slab_kib = soak->sim ? 0 : read_number("/proc/meminfo", "Slab:"),
		.vms = count_vms(soak),
	};
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The last ones at their lowest: what grows is in all of them, what comes and goes is not. */
static bool has_grown(const struct holdings counts[COUNTS])
{
	const struct holdings *first = &counts[0];
	struct holdings last = counts[COUNTS - 1];

	for (int i = COUNTS - LAST_COUNTS; i < COUNTS; i++) {
		last.fds = least(last.fds, counts[i].fds);
		last.maps = least(last.maps, counts[i].maps);
		last.rss_kib = least(last.rss_kib, counts[i].rss_kib);
		last.slab_kib = least(last.slab_kib, counts[i].slab_kib);
		last.vms = least(last.vms, counts[i].vms);
	}
	return last.fds > first->fds || last.vms > first->vms ||
	       last.maps > first->maps + MAPS_SLACK ||
	       last.rss_kib > first->rss_kib + RSS_SLACK_KIB ||
	       last.slab_kib > first->slab_kib + SLAB_SLACK_KIB;
}

static void print(const struct soak *soak, uint64_t resets, const struct holdings *now)
{
	printf("%-11s %8" PRIu64 " resets: fds %" PRIu64 ", maps %" PRIu64 ", rss %" PRIu64
	       " KiB, slab %" PRIu64 " KiB, VMs %" PRIu64 "\n",
	       coco_tech_name(soak->tech), resets, now->fds, now->maps, now->rss_kib, now->slab_kib,
	       now->vms);
	fflush(stdout);
}

/* --- the run */

/* As far as the guest gets without its VMM: it has pages of its own, and a first exit. */
static void live(struct soak *soak)
{
	struct coco_error error;
	struct coco_exit exit;

	COCO_INIT(&exit);
	must(coco_vcpu_run(coco_guest_vcpu(soak->guest, 0), &exit, &error), &error);
}

/* False: something has grown. */
static bool run(struct soak *soak, uint32_t strategy)
{
	struct coco_reset_options options;
	struct holdings counts[COUNTS];
	struct coco_error error;
	uint64_t done = 0;

	COCO_INIT(&options);
	options.strategy = strategy;
	must(coco_guest_launch(soak->guest, &error), &error);
	for (int i = 0; i < COUNTS; i++) {
		for (; done < soak->resets * (uint64_t)(i + 1) / COUNTS; done++) {
			live(soak);
			must(coco_guest_reset_with(soak->guest, &options, &error), &error);
		}
		must(coco_guest_wait_retired(soak->guest, WAIT_MS, &error), &error);
		counts[i] = count(soak);
		print(soak, done, &counts[i]);
	}
	return !has_grown(counts);
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_kick};
	struct soak soak = {0};
	uint32_t strategy;
	bool flat;

	if (argc != 6) {
		fprintf(stderr, "usage: soak kvm|sim FIRMWARE TECHNOLOGY STRATEGY RESETS\n");
		return 2;
	}
	sigaction(SIGUSR1, &action, NULL);
	open_host(&soak, strcmp(argv[1], "sim") == 0);
	soak.tech = coco_tech_from_name(argv[3]);
	strategy =
		strcmp(argv[4], "overlap") == 0 ? COCO_STRATEGY_OVERLAP : COCO_STRATEGY_SEQUENTIAL;
	soak.resets = strtoull(argv[5], NULL, 10);
	make_guest(&soak, argv[2]);
	flat = run(&soak, strategy);
	printf("%s, %s: %s\n", argv[3], argv[4], flat ? "flat" : "NOT FLAT");
	coco_guest_free(soak.guest);
	coco_host_close(soak.host);
	coco_sim_free(soak.sim);
	return flat ? 0 : 1;
}
