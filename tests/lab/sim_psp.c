/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim_psp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "/sys/kernel/debug/sim_psp/"

bool sim_read_stats(struct sim_stats *stats)
{
	const struct {
		const char *word;
		long *value;
	} wanted[] = {
		{"sev_guests", &stats->sev_guests},       {"snp_guests", &stats->snp_guests},
		{"asids_bound", &stats->asids_bound},     {"rmp_guest_pages", &stats->guest_pages},
		{"rmp_fw_pages", &stats->firmware_pages},
	};
	const size_t count = sizeof(wanted) / sizeof(wanted[0]);
	FILE *file = fopen(FOLDER "stats", "r");
	char word[64];
	size_t found = 0;
	long value;

	while (file && fscanf(file, "%63s %ld", word, &value) == 2)
		for (size_t i = 0; i < count; i++)
			if (!strcmp(word, wanted[i].word)) {
				*wanted[i].value = value;
				found++;
			}
	if (file)
		fclose(file);
	return found == count;
}

bool sim_same_stats(const struct sim_stats *a, const struct sim_stats *b)
{
	return a->sev_guests == b->sev_guests && a->snp_guests == b->snp_guests &&
	       a->asids_bound == b->asids_bound && a->guest_pages == b->guest_pages &&
	       a->firmware_pages == b->firmware_pages;
}

bool sim_guest_word(bool snp, const char *name, char *word, unsigned size)
{
	FILE *file = fopen(FOLDER "guests", "r");
	const char *kind = snp ? "snp " : "sev ";
	char line[1024];
	int found = 0;

	while (file && fgets(line, sizeof(line), file)) {
		char *save = NULL;

		if (strncmp(line, kind, strlen(kind)) != 0)
			continue;
		for (char *w = strtok_r(line, " \n", &save); w; w = strtok_r(NULL, " \n", &save)) {
			if (strcmp(w, name) != 0)
				continue;
			w = strtok_r(NULL, " \n", &save);
			snprintf(word, size, "%s", w ? w : "");
			found++;
			break;
		}
	}
	if (file)
		fclose(file);
	return found == 1;
}

bool sim_inject(uint32_t command, uint32_t status, uint32_t skip, uint32_t count)
{
	FILE *file = fopen(FOLDER "inject", "w");
	bool ok;

	if (!file)
		return false;
	ok = fprintf(file, "%u %u %u %u", command, status, skip, count) > 0;
	return fclose(file) == 0 && ok;
}
