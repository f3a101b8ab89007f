/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads what record_to_json() wrote. Whatever else is in the file is refused, with its place. */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "hex.h"
#include "message.h"
#include "record.h"

/* The object that is being read, and what it is called in messages. */
struct reader {
	const char *path;
	struct json_object *object;
	char place[32];
};

static int malformed(const struct reader *reader, const char *key, const char *problem)
{
	complain("%s: %s%s %s: was it written by --explain --output-format json?", reader->path,
		 reader->place, key, problem);
	return STATUS_FAILED;
}

static struct json_object *get(const struct reader *reader, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(reader->object, key, &value) ||
	    !json_object_is_type(value, type))
		return NULL;
	return value;
}

static const char *get_text(const struct reader *reader, const char *key)
{
	struct json_object *value = get(reader, key, json_type_string);

	return value ? json_object_get_string(value) : NULL;
}

static int read_number(const struct reader *reader, const char *key, uint32_t *out)
{
	struct json_object *value = get(reader, key, json_type_int);
	const int64_t number = value ? json_object_get_int64(value) : -1;

	if (number < 0 || number >= UINT32_MAX)
		return malformed(reader, key, "is no number of 32 bits");
	*out = (uint32_t)number;
	return 0;
}

static int read_address(const struct reader *reader, const char *key, uint64_t *out)
{
	const char *text = get_text(reader, key);
	char *end = NULL;

	errno = 0;
	if (text && text[0] == '0' && text[1] == 'x')
		*out = strtoull(text + 2, &end, 16);
	if (!end || end == text + 2 || *end || errno)
		return malformed(reader, key, "is no \"0x..\" of 64 bits");
	return 0;
}

static int read_bytes(const struct reader *reader, const char *key, uint8_t *out, size_t size)
{
	const char *text = get_text(reader, key);

	if (!text || !hex_read(text, out, size))
		return malformed(reader, key, "is no digest of this mode in hexadecimal");
	return 0;
}

static int read_mode(const struct reader *reader, struct record *record)
{
	static const uint32_t techs[] = {
		[MODE_SEV] = COCO_TECH_SEV,
		[MODE_SEVES] = COCO_TECH_SEVES,
		[MODE_SEVES_LEGACY] = COCO_TECH_SEVES,
		[MODE_SNP] = COCO_TECH_SNP,
		[MODE_SNP_OVMF_HASH] = COCO_TECH_SNP,
		[MODE_SNP_SVSM] = COCO_TECH_SNP,
		[MODE_TDX] = COCO_TECH_TDX,
	};
	const char *name = get_text(reader, "mode");

	for (uint64_t mode = MODE_SEV; name && mode <= MODE_TDX; mode++) {
		if (strcmp(name, options_mode_name(mode)) != 0)
			continue;
		record->mode = mode;
		record->tech = techs[mode];
		record->size = record->tech <= COCO_TECH_SEVES ? 32 : 48;
		return 0;
	}
	return malformed(reader, "mode", "is no mode of this program");
}

static int read_register(const struct reader *reader, uint32_t reg, uint8_t *vmsa)
{
	const char *name = coco_vmsa_register_name(reg);
	uint64_t value = 0;
	int status = read_address(reader, name, &value);

	if (!status && coco_vmsa_set_register(vmsa, reg, value, NULL))
		return malformed(reader, name, "has more bits than the register");
	return status;
}

static int read_registers(const struct reader *reader, struct vcpus *vcpus)
{
	struct json_object *array = get(reader, "registers", json_type_array);
	const uint32_t kinds = vcpus_kinds(vcpus);
	int status = 0;

	if (!array || json_object_array_length(array) != kinds)
		return malformed(reader, "registers", "is no array for these vCPUs");
	for (uint32_t i = 0; i < kinds; i++) {
		struct reader inner = {reader->path, json_object_array_get_idx(array, i), ""};

		snprintf(inner.place, sizeof(inner.place), "registers[%u].", i);
		for (uint32_t reg = 0; !status && coco_vmsa_register_name(reg); reg++)
			status = read_register(&inner, reg, vcpus->vmsas[i]);
	}
	return status;
}

/* 0: there is no such type. */
static uint32_t step_type(const char *name)
{
	for (uint32_t type = COCO_STEP_NORMAL; type <= COCO_STEP_EXTEND; type++)
		if (strcmp(coco_step_type_name(type), name) == 0 && strcmp(name, "unknown") != 0)
			return type;
	return 0;
}

static int read_step(const struct reader *reader, const struct record *record,
		     struct coco_digest_step *step)
{
	const char *type = get_text(reader, "type"), *label = get_text(reader, "label");
	int status;

	COCO_INIT(step);
	step->digest_size = record->size;
	step->type = type ? step_type(type) : 0;
	step->vcpu = COCO_NO_VCPU;
	if (!step->type)
		return malformed(reader, "type", "is no type of a step");
	if (!label || strlen(label) >= sizeof(step->label))
		return malformed(reader, "label", "is no label");
	memcpy(step->label, label, strlen(label));
	status = read_address(reader, "gpa", &step->gpa);
	if (!status)
		status = read_number(reader, "size", &step->size);
	if (!status && step->type == COCO_STEP_VMSA) {
		status = read_number(reader, "vcpu", &step->vcpu);
		step->vmsa = record->vcpus.vmsas[step->vcpu > 0];
	}
	step->has_content = json_object_object_get_ex(reader->object, "content", NULL);
	if (!status && step->has_content)
		status = read_bytes(reader, "content", step->content, record->size);
	return status ? status : read_bytes(reader, "running", step->running, record->size);
}

static int read_steps(const struct reader *reader, struct record *record)
{
	struct json_object *array = get(reader, "steps", json_type_array);
	const size_t count = array ? json_object_array_length(array) : 0;
	int status = 0;

	if (!count || count >= UINT32_MAX)
		return malformed(reader, "steps", "is no array of steps");
	record->steps = calloc(count, sizeof(*record->steps));
	if (!record->steps)
		return memory_failed();
	record->count = (uint32_t)count;
	for (uint32_t i = 0; !status && i < record->count; i++) {
		struct reader inner = {reader->path, json_object_array_get_idx(array, i), ""};

		snprintf(inner.place, sizeof(inner.place), "steps[%u].", i);
		status = read_step(&inner, record, &record->steps[i]);
	}
	return status;
}

static int read_record(const struct reader *reader, struct record *record)
{
	int status = read_mode(reader, record);

	record->has_start = json_object_object_get_ex(reader->object, "start_digest", NULL);
	if (!status)
		status = read_bytes(reader, "digest", record->digest, record->size);
	if (!status && record->has_start)
		status = read_bytes(reader, "start_digest", record->start, record->size);
	if (!status && options_has_vcpus(record->mode))
		status = read_number(reader, "vcpus", &record->vcpus.count);
	if (!status && record->vcpus.count)
		status = read_registers(reader, &record->vcpus);
	return status ? status : read_steps(reader, record);
}

static int open_document(const char *path, struct json_object **out)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return file_failed(path);
	*out = json_object_from_fd(fileno(file));
	fclose(file);
	if (*out)
		return 0;
	complain("%s: it is no JSON document: was it written by --explain --output-format json?",
		 path);
	return STATUS_FAILED;
}

int record_load(struct record *record, const char *path)
{
	struct reader reader = {.path = path};
	uint32_t schema;
	int status = open_document(path, &reader.object);

	*record = (struct record){0};
	if (status)
		return status;
	status = read_number(&reader, "schema", &schema);
	if (!status && schema != 1)
		status = malformed(&reader, "schema", "is not 1");
	if (!status)
		status = read_record(&reader, record);
	json_object_put(reader.object);
	return status;
}
