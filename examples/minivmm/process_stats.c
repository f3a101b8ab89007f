/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "process_stats.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	if (!directory)
		return 0;
	uint64_t count = 0;
	for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		if (entry->d_name[0] != '.')
			count++;
	}
	closedir(directory);
	return count - 1; /* without the one that did the counting */
}

/* Plain reads: a stdio buffer would be allocated anew for each file, every time. */
static uint64_t count_maps(void)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	char buffer[4096];
	uint64_t lines = 0;
	for (ssize_t got; (got = read(fd, buffer, sizeof(buffer))) > 0;) {
		for (ssize_t i = 0; i < got; i++)
			lines += buffer[i] == '\n';
	}
	close(fd);
	return lines;
}

static uint64_t resident_kib(void)
{
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	char buffer[256];
	ssize_t got = read(fd, buffer, sizeof(buffer) - 1);
	close(fd);
	if (got <= 0)
		return 0;
	buffer[got] = '\0';
	const char *size_end = strchr(buffer, ' '); /* the second number is the resident size */
	uint64_t pages = size_end ? strtoull(size_end, NULL, 10) : 0;
	return pages * ((uint64_t)sysconf(_SC_PAGESIZE) / 1024);
}

void process_stats_read(struct process_stats *stats)
{
	stats->fds = count_fds();
	stats->maps = count_maps();
	stats->rss_kib = resident_kib();
}
