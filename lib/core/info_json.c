/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A guest's info as JSON. */
#include <cocoreset/guest.h>
#include <cocoreset/host.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"

struct writer {
	char *out;
	size_t size;
	size_t used; /* what it would be if there were room for it */
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *writer, const char *format,
						      ...)
{
	const size_t at = writer->used < writer->size ? writer->used : writer->size;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(writer->out + at, writer->size - at, format, arguments);
	va_end(arguments);
	writer->used += length > 0 ? (size_t)length : 0;
}

/* RFC 8259, section 7. Error texts may quote what others chose: any byte may be in them. */
static void put_text(struct writer *writer, const char *text)
{
	put(writer, "\"");
	for (; *text; text++) {
		const unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			put(writer, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			put(writer, "\\u%04x", c);
		else
			put(writer, "%c", c);
	}
	put(writer, "\"");
}

/* The key is given with its separator. */
static void put_bytes(struct writer *writer, const char *key, const uint8_t *bytes, uint32_t size)
{
	if (!size) {
		put(writer, "%snull", key);
		return;
	}
	put(writer, "%s\"", key);
	for (uint32_t i = 0; i < size; i++)
		put(writer, "%02x", bytes[i]);
	put(writer, "\"");
}

static const char *strategy_name(uint32_t strategy)
{
	switch (strategy) {
	case COCO_STRATEGY_OVERLAP:
		return "\"overlap\"";
	case COCO_STRATEGY_SEQUENTIAL:
		return "\"sequential\"";
	default:
		return "null";
	}
}

/* The last launch or reset. */
static void put_last(struct writer *writer, const struct coco_guest_info *info)
{
	const char *separator = "";

	put(writer, ",\"last\":{\"strategy\":%s,\"total_ns\":%" PRIu64 ",\"phases_ns\":{",
	    strategy_name(info->strategy), info->total_ns);
	for (uint32_t phase = 1; phase < COCO_PHASE_COUNT; phase++) {
		if (!info->phase_ns[phase])
			continue;
		put(writer, "%s\"%s\":%" PRIu64, separator, coco_phase_name(phase),
		    info->phase_ns[phase]);
		separator = ",";
	}
	put(writer, "},\"fallback\":");
	if (info->fallback_code) {
		put(writer, "{\"errno\":%" PRId32 ",\"text\":", -info->fallback_code);
		put_text(writer, info->fallback);
		put(writer, "}}");
	} else {
		put(writer, "null}");
	}
}

static void put_info(struct writer *writer, const struct coco_guest_info *info)
{
	put(writer,
	    "{\"state\":\"%s\",\"tech\":\"%s\",\"generation\":%" PRIu64 ",\"vcpus\":%" PRIu32
	    ",\"open_objects\":%" PRIu32 ",\"memory_bytes\":%" PRIu64 ",\"private_bytes\":%" PRIu64
	    ",\"conversions\":%" PRIu64,
	    coco_state_name(info->state), coco_tech_name(info->tech), info->generation, info->vcpus,
	    info->open_objects, info->memory_bytes, info->private_bytes, info->conversions);
	put_last(writer, info);
	put(writer, ",\"retiring\":{\"incarnations\":%" PRIu32 ",\"bytes\":%" PRIu64 "}",
	    info->retiring, info->retiring_bytes);
	put(writer, ",\"not_replayed\":%" PRIu64 ",\"running\":", info->not_replayed);
	put_text(writer, info->running_name);
	put(writer, ",\"staged\":");
	if (info->staged == COCO_STAGED_NOTHING)
		put(writer, "null");
	else
		put_text(writer, info->staged_name);
	put_bytes(writer, ",\"digest\":", info->digest, info->digest_size);
	put_bytes(writer, ",\"launch_measure\":", info->launch_measure, info->launch_measure_size);
	put(writer, "}");
}

int coco_guest_info_json(const struct coco_guest_info *info, char *out, size_t size,
			 struct coco_error *error)
{
	struct writer writer = {.out = out, .size = size};
	struct coco_guest_info given = {0};
	int r;

	if (!info || !out)
		return coco_fail_field(error, -EINVAL, info ? "out" : "info", "%s is NULL",
				       info ? "out" : "info");
	r = coco_options_read(&given, sizeof(given), info,
			      COCO_END_OF(struct coco_guest_info, state), "info", error);
	if (r)
		return r;
	/* They may come from anywhere. */
	if (given.digest_size > sizeof(given.digest) ||
	    given.launch_measure_size > sizeof(given.launch_measure))
		return coco_fail_field(error, -EINVAL, "digest_size",
				       "digests of %" PRIu32 " and %" PRIu32
				       " bytes have no room in the struct",
				       given.digest_size, given.launch_measure_size);
	given.fallback[sizeof(given.fallback) - 1] = '\0';
	given.running_name[sizeof(given.running_name) - 1] = '\0';
	given.staged_name[sizeof(given.staged_name) - 1] = '\0';
	put_info(&writer, &given);
	if (writer.used < size)
		return 0;
	return coco_fail_field(error, -EINVAL, "size", "%zu bytes of room for %zu", size,
			       writer.used + 1);
}
