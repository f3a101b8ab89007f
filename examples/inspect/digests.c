/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "inspect.h"

void put_digest(struct json_object *to, const char *key, const struct coco_image *image,
		uint32_t tech, uint32_t flags)
{
	struct coco_measure_options options;
	struct coco_digest *digest;
	struct coco_error error;
	const uint8_t *bytes;
	size_t size;

	COCO_INIT(&options);
	options.tech = tech;
	options.flags = flags;
	if (!coco_image_vcpu_state_count(image))
		options.flags |= COCO_MEASURE_NO_VCPUS;
	if (coco_measure_image(image, &options, &digest, &error)) {
		put_text(to, key, error.text);
		return;
	}
	bytes = coco_digest_bytes(digest, &size);
	put_hex(to, key, bytes, size);
	coco_digest_free(digest);
}

static const char *kind_name(uint32_t kind)
{
	static const char *const names[] = {
		[COCO_PAGE_DATA] = "data",       [COCO_PAGE_ZERO] = "zero",
		[COCO_PAGE_SECRETS] = "secrets", [COCO_PAGE_CPUID] = "CPUID",
		[COCO_PAGE_PART] = "part",
	};

	return kind < sizeof(names) / sizeof(*names) && names[kind] ? names[kind] : "?";
}

static const char *flag_name(const struct coco_page_run *run)
{
	if (run->flags & COCO_RUN_SHARED)
		return "shared";
	return run->flags & COCO_RUN_UNMEASURED ? "unmeasured" : "";
}

void put_runs(struct json_object *to, const struct coco_image *image)
{
	struct json_object *runs = json_object_new_array();

	for (uint32_t i = 0; i < coco_image_run_count(image); i++) {
		struct json_object *object = json_object_new_object();
		struct coco_page_run run;

		COCO_INIT(&run);
		if (coco_image_get_run(image, i, &run, NULL))
			break;
		put_address(object, "gpa", run.gpa);
		put_address(object, "size", run.size);
		put_text(object, "kind", kind_name(run.kind));
		put_text(object, "flags", flag_name(&run));
		put_text(object, "label", run.label);
		json_object_array_add(runs, object);
	}
	json_object_object_add(to, "runs", runs);
}
