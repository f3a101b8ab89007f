/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The text that stands for options on command lines: "snp:sev_asids=4,fail=KVM_CREATE_VM@2/12/0".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/knobs.h"
#include "sim/sim.h"

#define MOST_FAULTS 16u

struct fault {
	const char *call;
	uint64_t nth;
	uint64_t error_code;
	uint64_t status;
};

struct parsed {
	struct coco_sim_options options;
	struct fault faults[MOST_FAULTS];
	size_t fault_count;
};

static const struct {
	const char *name;
	size_t offset;
	size_t size;
} numbers[] = {
#define NUMBER(field)                                                                              \
	{                                                                                          \
#field, offsetof(struct coco_sim_options, field),                                  \
			sizeof(((struct coco_sim_options *)NULL)->field)                           \
	}
	NUMBER(sev_asids), NUMBER(sev_min_asid), NUMBER(sev_snp_max_asid),
	NUMBER(tdx_keys),  NUMBER(max_vcpus),    NUMBER(cpus),
	NUMBER(memory),    NUMBER(latency_ns),   NUMBER(seed),
#undef NUMBER
};

static const struct {
	const char *name;
	uint32_t bit;
} quirks[] = {
	{"irqfd_shared", COCO_SIM_IRQFD_SHARED},
	{"gmem_private_only", COCO_SIM_GMEM_PRIVATE_ONLY},
	{"sev_hiding", COCO_SIM_SEV_HIDING},
};

static const struct {
	const char *name;
	uint32_t techs;
} names[] = {
	{"all", 0},
	{"plain", 1u << COCO_TECH_PLAIN},
	{"swprotected", 1u << COCO_TECH_SWPROTECTED},
	{"sev", 1u << COCO_TECH_SEV},
	{"seves", 1u << COCO_TECH_SEVES},
	{"snp", 1u << COCO_TECH_SNP},
	{"tdx", 1u << COCO_TECH_TDX},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static int refuse(struct coco_error *error, const char *what, const char *text)
{
	return coco_fail_field(error, -EINVAL, "text", "in the simulator's text, '%s' is %s", text,
			       what);
}

/* A number as in C, with a suffix for binary multiples. *end is what follows it. */
static bool parse_number(const char *text, uint64_t *out, const char **end)
{
	unsigned shift = 0;
	char *after;

	/* strtoull() takes signs and spaces. */
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &after, 0);
	if (errno)
		return false;
	if (*after == 'K')
		shift = 10;
	else if (*after == 'M')
		shift = 20;
	else if (*after == 'G')
		shift = 30;
	if (shift && *out >> (64 - shift))
		return false;
	*out <<= shift;
	*end = shift ? after + 1 : after;
	return true;
}

static bool parse_whole(const char *text, uint64_t *out)
{
	const char *end;

	return parse_number(text, out, &end) && *end == 0;
}

/* CALL@N/ERRNO/STATUS; N, ERRNO and STATUS are numbers, STATUS may be left out. */
static int parse_fault(struct parsed *parsed, char *value, struct coco_error *error)
{
	struct fault *fault = &parsed->faults[parsed->fault_count];
	char *at = strchr(value, '@');
	const char *end;

	if (parsed->fault_count == MOST_FAULTS)
		return refuse(error, "one fault more than can be given", value);
	if (!at || at == value)
		return refuse(error, "no CALL@N/ERRNO/STATUS", value);
	*at = 0;
	fault->call = value;
	if (!parse_number(at + 1, &fault->nth, &end) || !fault->nth || *end != '/' ||
	    !parse_number(end + 1, &fault->error_code, &end) || !fault->error_code ||
	    fault->error_code > 4095)
		return refuse(error, "no N/ERRNO/STATUS", at + 1);
	if (*end == '/' && !parse_number(end + 1, &fault->status, &end))
		return refuse(error, "no status", end);
	if (*end)
		return refuse(error, "more than N/ERRNO/STATUS", at + 1);
	parsed->fault_count++;
	return 0;
}

static int parse_field(struct parsed *parsed, const char *key, const char *text,
		       struct coco_error *error)
{
	uint64_t value;

	if (!parse_whole(text, &value))
		return refuse(error, "no number", text);
	for (size_t i = 0; i < COUNT_OF(quirks); i++)
		if (strcmp(key, quirks[i].name) == 0) {
			if (value > 1)
				return refuse(error, "neither 0 nor 1", text);
			if (value)
				parsed->options.quirks |= quirks[i].bit;
			return 0;
		}
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		if (strcmp(key, numbers[i].name) != 0)
			continue;
		if (numbers[i].size == sizeof(uint32_t) && value > UINT32_MAX)
			return refuse(error, "too large", text);
		/* Little-endian, as all x86 is. */
		memcpy((uint8_t *)&parsed->options + numbers[i].offset, &value, numbers[i].size);
		return 0;
	}
	return refuse(error, "no key that it knows", key);
}

static int parse_item(struct parsed *parsed, char *item, struct coco_error *error)
{
	char *value = strchr(item, '=');

	if (!value)
		return refuse(error, "no KEY=VALUE", item);
	*value++ = 0;
	return strcmp(item, "fail") == 0 ? parse_fault(parsed, value, error)
					 : parse_field(parsed, item, value, error);
}

static int parse(struct parsed *parsed, char *text, struct coco_error *error)
{
	char *items = strchr(text, ':');
	char *rest = NULL;
	size_t i = 0;
	int r = 0;

	if (items)
		*items++ = 0;
	while (i < COUNT_OF(names) && strcmp(names[i].name, text) != 0)
		i++;
	if (i == COUNT_OF(names))
		return refuse(error, "no technology, and not 'all'", text);
	parsed->options.techs = names[i].techs;
	for (char *item = items ? strtok_r(items, ",", &rest) : NULL; item && !r;
	     item = strtok_r(NULL, ",", &rest))
		r = parse_item(parsed, item, error);
	return r;
}

static int make(const struct parsed *parsed, struct coco_sim **out, struct coco_error *error)
{
	struct coco_sim *sim;
	int r = coco_sim_new(&parsed->options, &sim, error);

	for (size_t i = 0; !r && i < parsed->fault_count; i++) {
		const struct fault *fault = &parsed->faults[i];

		if (coco_sim_fail(sim, fault->call, fault->nth, 1, -(int)fault->error_code,
				  fault->status)) {
			coco_sim_free(sim);
			r = coco_fail_memory(error, COCO_STAGE_HOST);
		}
	}
	if (!r)
		*out = sim;
	return r;
}

int coco_sim_new_from_text(const char *text, struct coco_sim **out, struct coco_error *error)
{
	struct parsed parsed = {.options.struct_size = sizeof(parsed.options)};
	char *copy;
	int r;

	if (!text)
		return coco_fail_field(error, -EINVAL, "text", "text is NULL");
	copy = strdup(text);
	if (!copy)
		return coco_fail_memory(error, COCO_STAGE_HOST);
	r = parse(&parsed, copy, error);
	if (!r)
		r = make(&parsed, out, error);
	free(copy);
	return r;
}
