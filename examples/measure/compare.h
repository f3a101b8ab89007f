/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef MEASURE_COMPARE_H
#define MEASURE_COMPARE_H

#include "record.h"

__attribute__((format(printf, 3, 4))) void say(struct difference *out, uint32_t kind,
					       const char *format, ...);

/* Why the VMSAs of the same vCPU are not alike. */
void compare_vmsas(const struct record *first, const struct coco_digest_step *one,
		   const struct record *second, const struct coco_digest_step *two,
		   struct difference *out);

#endif
