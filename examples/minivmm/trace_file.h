/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes the library's trace events as Chrome trace events, which Perfetto opens. */
#ifndef MINIVMM_TRACE_FILE_H
#define MINIVMM_TRACE_FILE_H

#include <cocoreset/cocoreset.h>
#include <stdbool.h>
#include <stdio.h>

struct trace_file {
	FILE *file; /* NULL: not tracing */
	uint64_t origin_ns;
	uint64_t last_ns;
	bool any;        /* an event was written */
	bool state_open; /* a state was begun and not ended */
};

/* False: the file can't be written (errno). */
bool trace_file_open(struct trace_file *trace, const char *path);

/* A coco_trace_fn; the payload is the struct trace_file. The library calls it one at a time. */
void trace_file_event(void *payload, const struct coco_trace_event *event);

/* Ends the document. False: something was not written. */
bool trace_file_close(struct trace_file *trace);

#endif
