/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef COCO_BASE_LOG_H
#define COCO_BASE_LOG_H

#include <cocoreset/trace.h>

/* Where a host's log lines go. */
struct coco_log {
	coco_log_fn write;
	void *payload;
};

void coco_log(const struct coco_log *log, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
