/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "launch_image.h"

#include "memory_map.h"

/* What the guest's firmware compares its kernel with. */
static int read_hashes(const struct options *options, struct coco_kernel_hashes *hashes,
		       struct coco_error *error)
{
	return coco_kernel_hashes_from_files(options->kernel, options->initrd, options->append,
					     hashes, error);
}

static int add_sev_firmware(const struct options *options, uint32_t tech,
			    const struct coco_firmware *firmware, struct coco_image *image,
			    struct coco_error *error)
{
	struct coco_sev_firmware_options sev;
	struct coco_kernel_hashes hashes;

	COCO_INIT(&sev);
	sev.tech = tech;
	if (options->kernel) {
		int r = read_hashes(options, &hashes, error);
		if (r)
			return r;
		sev.hashes = &hashes;
	}
	return coco_image_add_sev_firmware(image, firmware, &sev, error);
}

/* The firmware's own tables say what else is launched with it. */
static int add_firmware(const struct options *options, uint32_t tech,
			const struct coco_firmware *firmware, struct launch_image *out,
			struct coco_error *error)
{
	struct coco_firmware_info info;
	int r;

	COCO_INIT(&info);
	r = coco_firmware_get_info(firmware, &info, error);
	if (r)
		return r;
	out->flash_size = info.size;
	out->flash_gpa = HIGH_MEMORY_BASE - info.size;
	if (tech == COCO_TECH_TDX)
		return coco_image_add_tdx_firmware(out->image, firmware, NULL, error);
	return add_sev_firmware(options, tech, firmware, out->image, error);
}

static int load_with_tables(const struct options *options, uint32_t tech, struct launch_image *out,
			    struct coco_error *error)
{
	struct coco_firmware *firmware;
	int r = coco_firmware_parse_file(options->firmware, &firmware, error);

	if (r)
		return r;
	r = add_firmware(options, tech, firmware, out, error);
	coco_firmware_free(firmware);
	return r;
}

static int load_raw(const struct options *options, struct launch_image *out,
		    struct coco_error *error)
{
	struct coco_page_run run;
	int r = coco_image_add_firmware_file(out->image, options->firmware, error);

	COCO_INIT(&run);
	if (!r)
		r = coco_image_get_run(out->image, 0, &run, error);
	if (r)
		return r;
	out->flash_gpa = run.gpa;
	out->flash_size = run.size;
	return 0;
}

bool launch_image_make(const struct options *options, uint32_t tech, struct report *report,
		       struct launch_image *out)
{
	struct coco_error error;
	int r;

	*out = (struct launch_image){0};
	r = coco_image_new(&out->image, &error);
	if (!r)
		r = tech == COCO_TECH_PLAIN || tech == COCO_TECH_SWPROTECTED
			    ? load_raw(options, out, &error)
			    : load_with_tables(options, tech, out, &error);
	if (!r)
		return true;
	report_problem(report, "load the firmware", &error);
	coco_image_unref(out->image);
	return false;
}
