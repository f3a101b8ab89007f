/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void copy_name(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static void fill(struct coco_error *error, int code, uint32_t stage, const char *call,
		 const char *field, const char *format, va_list arguments)
{
	memset(error, 0, sizeof(*error));
	error->code = code;
	error->stage = stage;
	copy_name(error->call, sizeof(error->call), call);
	copy_name(error->field, sizeof(error->field), field);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
}

int coco_fail_field(struct coco_error *error, int code, const char *field, const char *format, ...)
{
	if (error) {
		va_list arguments;

		va_start(arguments, format);
		fill(error, code, COCO_STAGE_ARGUMENT, NULL, field, format, arguments);
		va_end(arguments);
	}
	return code;
}

int coco_fail_call(struct coco_error *error, int code, uint32_t stage, const char *call,
		   const char *format, ...)
{
	if (error) {
		va_list arguments;
		char reason[64] = "";
		size_t used;

		va_start(arguments, format);
		fill(error, code, stage, call, NULL, format, arguments);
		va_end(arguments);

		/* The XSI variant, chosen by the feature macro above: it always fills `reason`. */
		(void)strerror_r(-code, reason, sizeof(reason));
		used = strlen(error->text);
		snprintf(error->text + used, sizeof(error->text) - used, ": %s failed: %s", call,
			 reason);
	}
	return code;
}

int coco_fail(struct coco_error *error, int code, uint32_t stage, const char *format, ...)
{
	if (error) {
		va_list arguments;

		va_start(arguments, format);
		fill(error, code, stage, NULL, NULL, format, arguments);
		va_end(arguments);
	}
	return code;
}

int coco_fail_memory(struct coco_error *error, uint32_t stage)
{
	return coco_fail(error, -ENOMEM, stage, "out of memory");
}

const char *coco_stage_name(uint32_t stage)
{
	switch (stage) {
	case COCO_STAGE_ARGUMENT:
		return "argument";
	case COCO_STAGE_HOST:
		return "host";
	case COCO_STAGE_CREATE:
		return "create";
	case COCO_STAGE_LOAD:
		return "load";
	case COCO_STAGE_SEAL:
		return "seal";
	case COCO_STAGE_SWAP:
		return "swap";
	case COCO_STAGE_RUN:
		return "run";
	case COCO_STAGE_PARK:
		return "park";
	case COCO_STAGE_RETIRE:
		return "retire";
	default:
		return "unknown";
	}
}
