/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Filling struct coco_error: each helper returns `code`, so that callers can return it on. */
#ifndef COCO_BASE_ERROR_H
#define COCO_BASE_ERROR_H

#include <cocoreset/error.h>

/* The caller's argument `field` (or the state, "state") is at fault. */
int coco_fail_field(struct coco_error *error, int code, const char *field, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* System call `call` failed with `code` while doing what the text says. */
int coco_fail_call(struct coco_error *error, int code, uint32_t stage, const char *call,
		   const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Anything else. */
int coco_fail(struct coco_error *error, int code, uint32_t stage, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

int coco_fail_memory(struct coco_error *error, uint32_t stage);

#endif
