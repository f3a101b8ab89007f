/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trace_file.h"

#include <inttypes.h>

/* Perfetto shows a track for each thread id: one for what is done, one for what the guest is. */
enum track { TRACK_PHASES = 1, TRACK_STATE = 2 };

static void name_track(struct trace_file *trace, enum track track, const char *name)
{
	fprintf(trace->file,
		"%s{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":%d,"
		"\"args\":{\"name\":\"%s\"}}",
		trace->any ? ",\n" : "", track, name);
	trace->any = true;
}

bool trace_file_open(struct trace_file *trace, const char *path)
{
	*trace = (struct trace_file){.file = fopen(path, "we")};
	if (!trace->file)
		return false;
	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", trace->file);
	name_track(trace, TRACK_PHASES, "phases");
	name_track(trace, TRACK_STATE, "state");
	return true;
}

/* The caller adds the arguments, if any, and the closing brace. */
static void begin_event(struct trace_file *trace, char kind, enum track track, const char *name)
{
	uint64_t ns = trace->last_ns - trace->origin_ns;

	/* Microseconds are the format's unit. */
	fprintf(trace->file,
		",\n{\"ph\":\"%c\",\"pid\":1,\"tid\":%d,\"ts\":%" PRIu64 ".%03" PRIu64
		",\"name\":\"%s\"",
		kind, track, ns / 1000, ns % 1000, name);
}

static void end_state(struct trace_file *trace)
{
	if (!trace->state_open)
		return;
	begin_event(trace, 'E', TRACK_STATE, "");
	fputs("}", trace->file);
	trace->state_open = false;
}

void trace_file_event(void *payload, const struct coco_trace_event *event)
{
	struct trace_file *trace = payload;

	if (!trace->file) /* the guest is freed after the document was ended */
		return;
	if (trace->origin_ns == 0)
		trace->origin_ns = event->time_ns;
	trace->last_ns = event->time_ns;

	switch (event->kind) {
	case COCO_TRACE_BEGIN:
		begin_event(trace, 'B', TRACK_PHASES, coco_phase_name(event->phase));
		break;
	case COCO_TRACE_END:
		begin_event(trace, 'E', TRACK_PHASES, coco_phase_name(event->phase));
		break;
	case COCO_TRACE_STATE:
		end_state(trace);
		begin_event(trace, 'B', TRACK_STATE, coco_state_name(event->state));
		trace->state_open = true;
		break;
	default:
		return;
	}
	fprintf(trace->file, ",\"args\":{\"generation\":%" PRIu64 ",\"result\":%" PRId32 "}}",
		event->generation, event->result);
}

bool trace_file_close(struct trace_file *trace)
{
	if (!trace->file)
		return true;
	end_state(trace);
	fputs("\n]}\n", trace->file);
	bool written = !ferror(trace->file);
	if (fclose(trace->file) != 0)
		written = false;
	trace->file = NULL;
	return written;
}
