/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where guest memory lies: from 0 up to 3 GiB, what is left from 4 GiB on, firmware below that. */
#ifndef MINIVMM_MEMORY_MAP_H
#define MINIVMM_MEMORY_MAP_H

#include "options.h"

#define LOW_MEMORY_MAX   (UINT64_C(3) << 30)
#define HIGH_MEMORY_BASE (UINT64_C(4) << 30)
/* The file of --offer, in memory that the guest shares with the host. */
#define OFFER_BASE (UINT64_C(0xd0000000))
#define OFFER_MAX  (UINT64_C(16) << 20)

static inline uint64_t low_memory_size(const struct options *options)
{
	uint64_t size = (uint64_t)options->memory_mib << 20;
	return size < LOW_MEMORY_MAX ? size : LOW_MEMORY_MAX;
}

static inline uint64_t high_memory_size(const struct options *options)
{
	return ((uint64_t)options->memory_mib << 20) - low_memory_size(options);
}

#endif
