/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

/* json-c takes the values over. */
static void add_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static void add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

/* Nothing if there are none. */
static void add_bytes(struct json_object *object, const char *key, const uint8_t *bytes,
		      size_t size)
{
	char hex[2 * COCO_DIGEST_MAX_SIZE + 1];

	if (size == 0)
		return;
	report_hex(bytes, size, hex);
	add_text(object, key, hex);
}

static struct json_object *incarnation_json(const struct incarnation *life)
{
	struct json_object *object = json_object_new_object();
	struct json_object *phases = json_object_new_object();

	for (uint32_t phase = 1; phase < COCO_PHASE_COUNT; phase++)
		add_number(phases, coco_phase_name(phase), life->phase_ns[phase]);
	add_number(object, "generation", life->generation);
	add_number(object, "total_ns", life->total_ns);
	json_object_object_add(object, "phases_ns", phases);
	add_number(object, "fds", life->stats.fds);
	add_number(object, "maps", life->stats.maps);
	add_number(object, "rss_kib", life->stats.rss_kib);
	add_number(object, "objects", life->objects);
	add_number(object, "private_bytes", life->private_bytes);
	add_number(object, "private_bytes_end", life->private_bytes_end);
	add_number(object, "conversions", life->conversions);
	add_bytes(object, "launch_digest", life->measurement.digest, life->measurement.digest_size);
	add_bytes(object, "launch_measure", life->measurement.launch,
		  life->measurement.launch_size);
	add_bytes(object, "memory_key", life->measurement.key, life->measurement.key_size);
	return object;
}

static struct json_object *incarnations_json(const struct report *report)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < report->incarnation_count; i++)
		json_object_array_add(array, incarnation_json(&report->incarnations[i]));
	return array;
}

static struct json_object *serial_json(const struct report *report)
{
	struct json_object *array = json_object_new_array();
	const char *line = report->text;

	for (size_t i = 0; i < report->line_count; i++) {
		json_object_array_add(array, json_object_new_string(line));
		line += strlen(line) + 1;
	}
	return array;
}

static struct json_object *problem_json(const struct problem *problem)
{
	if (!problem->any)
		return NULL; /* JSON's null */

	struct json_object *object = json_object_new_object();
	add_text(object, "text", problem->text);
	if (problem->error.code) {
		add_text(object, "stage", coco_stage_name(problem->error.stage));
		add_text(object, "call", problem->error.call);
		add_text(object, "field", problem->error.field);
		add_number(object, "errno", (uint64_t)-problem->error.code);
		add_number(object, "status", problem->error.status);
		add_text(object, "sentence", problem->error.text);
	}
	return object;
}

bool report_print_json(const struct report *report, const struct summary *summary)
{
	const struct options *options = report->options;
	uint64_t generation = report->latest.generation;
	struct json_object *root = json_object_new_object();

	add_text(root, "tech", report->tech);
	add_number(root, "vcpus", options->vcpus);
	add_number(root, "memory_mib", options->memory_mib);
	add_number(root, "resets", generation ? generation - 1 : 0);
	json_object_object_add(root, "incarnations", incarnations_json(report));
	add_number(root, "incarnations_dropped", report->incarnations_dropped);
	json_object_object_add(root, "serial", serial_json(report));
	add_number(root, "serial_dropped", report->lines_dropped);
	add_number(root, "failures", summary->failures);
	add_number(root, "leaked_objects", summary->leaked_objects);
	json_object_object_add(root, "problem", problem_json(&report->problem));
	add_text(root, "outcome", summary->outcome);
	add_number(root, "exit_status", (uint64_t)summary->exit_status);

	int style =
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE;
	const char *text = json_object_to_json_string_ext(root, style);
	bool ok = text && puts(text) >= 0;
	json_object_put(root);
	return ok;
}
