/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What processors call themselves: names, and EAX of CPUID leaf 1. */
#include <cocoreset/measure.h>

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>

/* The leaf has 4 bits for the family, and 8 more that add to it when those are all set. */
#define BASE_FAMILY_MAX 15u
#define FAMILY_MAX      (BASE_FAMILY_MAX + 255u)
#define MODEL_MAX       255u
#define STEPPING_MAX    15u

#define SIGNATURE(family, model, stepping)                                                         \
	((stepping) | ((model)&15u) << 4 |                                                         \
	 ((family) < BASE_FAMILY_MAX ? (family) : BASE_FAMILY_MAX) << 8 | ((model) >> 4) << 16 |   \
	 ((family) > BASE_FAMILY_MAX ? (family)-BASE_FAMILY_MAX : 0u) << 20)

#define NAPLES SIGNATURE(23u, 1u, 2u)
#define ROME   SIGNATURE(23u, 49u, 0u)
#define MILAN  SIGNATURE(25u, 1u, 1u)
#define GENOA  SIGNATURE(25u, 17u, 0u)
#define TURIN  SIGNATURE(26u, 0u, 0u)
#define DHYANA SIGNATURE(24u, 0u, 1u)

/* QEMU 11's models of AMD and Hygon processors that have SEV. */
static const struct model {
	const char *name;
	uint32_t signature;
} models[] = {
	{"EPYC", NAPLES},         {"EPYC-v1", NAPLES},      {"EPYC-v2", NAPLES},
	{"EPYC-v3", NAPLES},      {"EPYC-v4", NAPLES},      {"EPYC-v5", NAPLES},
	{"EPYC-IBPB", NAPLES},    {"EPYC-Rome", ROME},      {"EPYC-Rome-v1", ROME},
	{"EPYC-Rome-v2", ROME},   {"EPYC-Rome-v3", ROME},   {"EPYC-Rome-v4", ROME},
	{"EPYC-Rome-v5", ROME},   {"EPYC-Milan", MILAN},    {"EPYC-Milan-v1", MILAN},
	{"EPYC-Milan-v2", MILAN}, {"EPYC-Milan-v3", MILAN}, {"EPYC-Milan-v4", MILAN},
	{"EPYC-Genoa", GENOA},    {"EPYC-Genoa-v1", GENOA}, {"EPYC-Genoa-v2", GENOA},
	{"EPYC-Genoa-v3", GENOA}, {"EPYC-Turin", TURIN},    {"EPYC-Turin-v1", TURIN},
	{"EPYC-Turin-v2", TURIN}, {"Dhyana", DHYANA},       {"Dhyana-v1", DHYANA},
	{"Dhyana-v2", DHYANA},
};

#define MODEL_COUNT (sizeof(models) / sizeof(*models))

const char *coco_vcpu_model_name(uint32_t index)
{
	return index < MODEL_COUNT ? models[index].name : NULL;
}

int coco_vcpu_signature_from_name(const char *name, uint32_t *out, struct coco_error *error)
{
	if (!name)
		return coco_fail_field(error, -EINVAL, "name", "name is NULL");
	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	for (size_t i = 0; i < MODEL_COUNT; i++)
		if (!strcmp(models[i].name, name)) {
			*out = models[i].signature;
			return 0;
		}
	return coco_fail_field(
		error, -EINVAL, "name",
		"no CPU model \"%.64s\" is known: there are EPYC, EPYC-Rome, "
		"EPYC-Milan, EPYC-Genoa, EPYC-Turin and Dhyana, and their versions, as "
		"EPYC-Rome-v2. For others give the signature, or family, model and "
		"stepping",
		name);
}

static int check_number(uint32_t value, uint32_t most, const char *name, struct coco_error *error)
{
	if (value <= most)
		return 0;
	return coco_fail_field(error, -EINVAL, name,
			       "no processor has %s %" PRIu32 ": CPUID can say at most %" PRIu32,
			       name, value, most);
}

int coco_vcpu_signature_from_fms(uint32_t family, uint32_t model, uint32_t stepping, uint32_t *out,
				 struct coco_error *error)
{
	int r;

	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	r = check_number(family, FAMILY_MAX, "family", error);
	if (!r)
		r = check_number(model, MODEL_MAX, "model", error);
	if (!r)
		r = check_number(stepping, STEPPING_MAX, "stepping", error);
	if (!r)
		*out = SIGNATURE(family, model, stepping);
	return r;
}
