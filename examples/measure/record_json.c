/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "hex.h"
#include "message.h"
#include "record.h"

static void add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

static void add_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

void json_add_address(struct json_object *object, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	add_text(object, key, text);
}

void json_add_bytes(struct json_object *object, const char *key, const void *bytes, size_t size)
{
	char text[HEX_SIZE(COCO_ID_BLOCK_SIZE)];

	hex_write(bytes, size, text);
	add_text(object, key, text);
}

static struct json_object *step_json(const struct coco_digest_step *step)
{
	struct json_object *object = json_object_new_object();

	add_text(object, "type", coco_step_type_name(step->type));
	json_add_address(object, "gpa", step->gpa);
	add_number(object, "size", step->size);
	add_text(object, "label", step->label);
	if (step->vcpu != COCO_NO_VCPU)
		add_number(object, "vcpu", step->vcpu);
	if (step->has_content)
		json_add_bytes(object, "content", step->content, step->digest_size);
	json_add_bytes(object, "running", step->running, step->digest_size);
	return object;
}

static struct json_object *steps_json(const struct record *record)
{
	struct json_object *array = json_object_new_array();

	for (uint32_t i = 0; i < record->count; i++)
		json_object_array_add(array, step_json(&record->steps[i]));
	return array;
}

static struct json_object *registers_json(const struct record *record)
{
	struct json_object *array = json_object_new_array();

	for (uint32_t i = 0; i < vcpus_kinds(&record->vcpus); i++) {
		struct json_object *object = json_object_new_object();

		for (uint32_t reg = 0; coco_vmsa_register_name(reg); reg++)
			json_add_address(object, coco_vmsa_register_name(reg),
					 coco_vmsa_get_register(record->vcpus.vmsas[i], reg));
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *difference_json(const struct difference *difference)
{
	struct json_object *object = json_object_new_object();

	add_text(object, "kind", difference_name(difference->kind));
	add_number(object, "first", difference->first);
	add_number(object, "second", difference->second);
	add_text(object, "text", difference->text);
	return object;
}

struct json_object *record_to_json(const struct record *record, const struct options *options,
				   const struct difference *difference)
{
	struct json_object *root = json_object_new_object();

	add_number(root, "schema", 1);
	add_text(root, "mode", options_mode_name(record->mode));
	json_add_bytes(root, "digest", record->digest, record->size);
	if (record->has_start)
		json_add_bytes(root, "start_digest", record->start, record->size);
	if (record->vcpus.count) {
		add_text(root, "vmm_type", options_vmm_name(options->vmm));
		add_number(root, "vcpus", record->vcpus.count);
		json_object_object_add(root, "registers", registers_json(record));
	}
	if (options->explain)
		json_object_object_add(root, "steps", steps_json(record));
	if (difference)
		json_object_object_add(root, "difference", difference_json(difference));
	return root;
}

int json_print(struct json_object *root)
{
	const char *text =
		root ? json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
								    JSON_C_TO_STRING_NOSLASHESCAPE)
		     : NULL;

	if (!text) {
		json_object_put(root);
		return memory_failed();
	}
	puts(text);
	json_object_put(root);
	return 0;
}
