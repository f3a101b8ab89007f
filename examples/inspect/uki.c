/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* UKIs: sections, hardware ids, and the firmware that they carry, looked into as well. */
#include "inspect.h"

static void put_sections(struct json_object *to, const struct coco_uki *uki, uint32_t count)
{
	struct json_object *sections = json_object_new_array();

	for (uint32_t i = 0; i < count; i++) {
		struct json_object *object = json_object_new_object();
		struct coco_uki_section section;

		COCO_INIT(&section);
		if (coco_uki_get_section(uki, i, &section, NULL))
			break;
		put_text(object, "name", section.name);
		if (section.profile == COCO_UKI_BASE)
			put_text(object, "profile", "base");
		else
			put_number(object, "profile", section.profile);
		put_address(object, "offset", section.raw_offset);
		put_number(object, "size", section.size);
		json_object_array_add(sections, object);
	}
	json_object_object_add(to, "sections", sections);
}

static void put_hwids(struct json_object *to, const struct coco_uki *uki, uint32_t count)
{
	struct json_object *hwids = json_object_new_array();

	for (uint32_t i = 0; i < count; i++) {
		struct json_object *object = json_object_new_object();
		struct coco_uki_hwid hwid;

		COCO_INIT(&hwid);
		if (coco_uki_get_hwid(uki, i, &hwid, NULL))
			break;
		put_guid(object, "chid", hwid.chid);
		put_text(object, "type",
			 hwid.type == COCO_HWID_FIRMWARE ? "firmware" : "device tree");
		put_text(object, "name", hwid.name);
		put_text(object, "id", hwid.id);
		json_object_array_add(hwids, object);
	}
	json_object_object_add(to, "hwids", hwids);
}

static void put_firmwares(struct json_object *to, const struct coco_uki *uki, uint32_t count)
{
	struct json_object *firmwares = json_object_new_array();

	for (uint32_t i = 0; i < count; i++) {
		struct json_object *object = json_object_new_object();
		struct coco_uki_firmware firmware;
		struct coco_error error;

		COCO_INIT(&firmware);
		if (coco_uki_get_firmware(uki, i, &firmware, NULL))
			break;
		put_text(object, "id", firmware.id);
		put_number(object, "section", firmware.section);
		/* No UKI within a UKI: that could go on. */
		if (coco_payload_check(firmware.kind, &error) ||
		    inspect_bytes(firmware.bytes, firmware.size, object, &error)) {
			put_text(object, "kind", coco_payload_kind_name(firmware.kind));
			put_text(object, "error", error.text);
		}
		json_object_array_add(firmwares, object);
	}
	json_object_object_add(to, "firmwares", firmwares);
}

static void put_hashes(struct json_object *to, const struct coco_uki *uki, uint32_t profiles)
{
	struct json_object *all = json_object_new_array();

	for (uint32_t i = 0; i < (profiles ? profiles : 1); i++) {
		struct json_object *object = json_object_new_object();
		struct coco_kernel_hashes hashes;
		struct coco_error error;

		put_number(object, "profile", i);
		if (coco_kernel_hashes_from_uki(uki, i, &hashes, &error)) {
			put_text(object, "kernel", error.text);
		} else {
			put_hex(object, "kernel", hashes.kernel, sizeof(hashes.kernel));
			put_hex(object, "initrd", hashes.initrd, sizeof(hashes.initrd));
			put_hex(object, "cmdline", hashes.cmdline, sizeof(hashes.cmdline));
		}
		json_object_array_add(all, object);
	}
	json_object_object_add(to, "kernel_hashes", all);
}

int inspect_uki(const void *bytes, size_t size, struct json_object *to, struct coco_error *error)
{
	struct coco_uki_info info;
	struct coco_uki *uki;
	int r = coco_uki_parse(bytes, size, &uki, error);

	if (r)
		return r;
	COCO_INIT(&info);
	r = coco_uki_get_info(uki, &info, error);
	put_text(to, "role", info.is_uki ? "UKI" : info.is_addon ? "add-on" : "other EFI program");
	put_address(to, "machine", info.machine);
	put_number(to, "profiles", info.profiles);
	put_sections(to, uki, info.sections);
	put_hwids(to, uki, info.hwids);
	put_firmwares(to, uki, info.firmwares);
	if (info.is_uki)
		put_hashes(to, uki, info.profiles);
	coco_uki_free(uki);
	return r;
}
