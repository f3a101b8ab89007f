/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What this process holds, from /proc: the numbers that must not grow over resets. */
#ifndef MINIVMM_PROCESS_STATS_H
#define MINIVMM_PROCESS_STATS_H

#include <stdint.h>

struct process_stats {
	uint64_t fds;     /* open descriptors */
	uint64_t maps;    /* memory mappings */
	uint64_t rss_kib; /* resident memory */
};

/* A number that can't be found out is 0. */
void process_stats_read(struct process_stats *stats);

#endif
