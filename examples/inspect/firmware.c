/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Raw firmware: its tables, and what it measures to. */
#include "inspect.h"

static void put_sections(struct json_object *to, const char *key,
			 const struct coco_firmware *firmware, uint32_t table, uint32_t count)
{
	struct json_object *sections = json_object_new_array();

	for (uint32_t i = 0; i < count; i++) {
		struct json_object *object = json_object_new_object();
		struct coco_firmware_section section;

		COCO_INIT(&section);
		if (coco_firmware_get_section(firmware, table, i, &section, NULL))
			break;
		put_address(object, "gpa", section.gpa);
		put_address(object, "size", section.size);
		put_number(object, "type", section.type);
		if (table == COCO_FIRMWARE_TDX) {
			put_address(object, "file_offset", section.file_offset);
			put_address(object, "file_size", section.file_size);
			put_number(object, "attributes", section.attributes);
		}
		json_object_array_add(sections, object);
	}
	json_object_object_add(to, key, sections);
}

/* vCPUs are measured with SEV-ES and SNP, and a file does not know how many there will be. */
static void put_launch(struct json_object *to, const struct coco_firmware *firmware, uint32_t tech)
{
	const char *key = tech == COCO_TECH_SEV || tech == COCO_TECH_TDX
				  ? "launch_digest"
				  : "launch_digest_before_vcpus";
	struct json_object *object = json_object_new_object();
	struct coco_sev_firmware_options how;
	struct coco_image *image = NULL;
	struct coco_error error;
	int r = coco_image_new(&image, &error);

	COCO_INIT(&how);
	how.tech = tech;
	if (!r)
		r = tech == COCO_TECH_TDX
			    ? coco_image_add_tdx_firmware(image, firmware, NULL, &error)
			    : coco_image_add_sev_firmware(image, firmware, &how, &error);
	put_text(object, "technology", coco_tech_name(tech));
	if (r)
		put_text(object, key, error.text);
	else
		put_digest(object, key, image, tech, 0);
	json_object_array_add(to, object);
	coco_image_unref(image);
}

int inspect_firmware(const void *bytes, size_t size, struct json_object *to,
		     struct coco_error *error)
{
	struct json_object *launches;
	struct coco_firmware_info info;
	struct coco_firmware *firmware;
	int r = coco_firmware_parse(bytes, size, &firmware, error);

	if (r)
		return r;
	COCO_INIT(&info);
	r = coco_firmware_get_info(firmware, &info, error);
	if (info.has_reset_block)
		put_address(to, "ap_reset_address", info.ap_reset_address);
	if (info.hash_table_gpa)
		put_address(to, "kernel_hashes", info.hash_table_gpa);
	if (info.secret_area_gpa)
		put_address(to, "secret_area", info.secret_area_gpa);
	put_sections(to, "sev_sections", firmware, COCO_FIRMWARE_SEV, info.sev_sections);
	put_sections(to, "tdx_sections", firmware, COCO_FIRMWARE_TDX, info.tdx_sections);
	launches = json_object_new_array();
	for (uint32_t tech = COCO_TECH_SEV; tech <= COCO_TECH_TDX; tech++)
		put_launch(launches, firmware, tech);
	json_object_object_add(to, "launches", launches);
	coco_firmware_free(firmware);
	return r;
}
