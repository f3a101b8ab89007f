/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef COCO_CORE_CLOCK_H
#define COCO_CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC, as everywhere in the library. */
uint64_t coco_now_ns(void);
void coco_deadline_after(uint32_t milliseconds, struct timespec *deadline);

#endif
