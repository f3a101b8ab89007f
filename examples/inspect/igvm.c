/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* IGVM files: platforms, entries, and for each technology what is launched and what it measures to.
 */
#include "inspect.h"

#include <errno.h>
#include <stdbool.h>

static void put_info(struct json_object *to, const struct coco_igvm_info *info)
{
	put_number(to, "version", info->version);
	put_text(to, "architecture", info->arch ? "aarch64" : "x64");
	put_address(to, "checksum", info->checksum);
	put_number(to, "pages", info->pages);
	if (info->skipped)
		put_number(to, "optional_entries_skipped", info->skipped);
	if (info->nonzero_padding)
		put_number(to, "entries_with_nonzero_padding", info->nonzero_padding);
	if (info->unknown_flags)
		put_number(to, "pages_with_unknown_flags", info->unknown_flags);
	if (info->undeclared_masks)
		put_number(to, "entries_for_undeclared_platforms", info->undeclared_masks);
}

static void put_platforms(struct json_object *to, const struct coco_igvm *igvm, uint32_t count)
{
	struct json_object *platforms = json_object_new_array();

	for (uint32_t i = 0; i < count; i++) {
		struct json_object *object = json_object_new_object();
		struct coco_igvm_platform platform;

		COCO_INIT(&platform);
		if (coco_igvm_get_platform(igvm, i, &platform, NULL))
			break;
		put_text(object, "type", coco_igvm_platform_name(platform.type));
		put_address(object, "mask", platform.mask);
		put_number(object, "highest_vtl", platform.highest_vtl);
		put_address(object, "shared_gpa_boundary", platform.shared_gpa_boundary);
		json_object_array_add(platforms, object);
	}
	json_object_object_add(to, "platforms", platforms);
}

static bool is_listed(uint32_t type)
{
	return type != COCO_IGVM_PAGE_DATA;
}

/* Pages are too many: they are in the runs of what is launched. */
static void put_entries(struct json_object *to, const struct coco_igvm *igvm, uint32_t count)
{
	struct json_object *entries = json_object_new_array();
	uint32_t pages = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct json_object *object;
		struct coco_igvm_entry entry;

		COCO_INIT(&entry);
		if (coco_igvm_get_entry(igvm, i, &entry, NULL))
			break;
		if (!is_listed(entry.type)) {
			pages++;
			continue;
		}
		object = json_object_new_object();
		put_text(object, "type", coco_igvm_entry_name(entry.type));
		put_address(object, "mask", entry.mask);
		put_number(object, "index", entry.index);
		put_address(object, "gpa", entry.gpa);
		put_address(object, "size", entry.size);
		put_address(object, "position", entry.position);
		put_address(object, "policy", entry.policy);
		json_object_array_add(entries, object);
	}
	put_number(to, "page_entries", pages);
	json_object_object_add(to, "entries", entries);
}

static void put_id_block(struct json_object *to, const struct coco_igvm *igvm)
{
	uint8_t block[COCO_ID_BLOCK_SIZE], auth[COCO_ID_AUTH_SIZE];
	struct coco_id_block fields;
	struct coco_error error;
	uint32_t author;
	int r = coco_igvm_get_id_block(igvm, block, auth, &author, &error);

	COCO_INIT(&fields);
	if (!r)
		r = coco_id_block_parse(block, &fields, &error);
	if (!r)
		put_hex(to, "id_block_digest", fields.launch_digest, sizeof(fields.launch_digest));
	if (!r)
		r = coco_id_block_verify(block, auth, author, NULL, &error);
	put_text(to, "id_block", r ? error.text : "signed");
}

static void put_guest(struct json_object *to, const struct coco_igvm *igvm, uint32_t tech,
		      const struct coco_igvm_guest *guest)
{
	if (guest->has_policy)
		put_address(to, "policy", guest->policy);
	if (tech == COCO_TECH_TDX)
		put_address(to, "td_attributes", guest->tdx_attributes);
	if (tech == COCO_TECH_SEVES || tech == COCO_TECH_SNP)
		put_address(to, "sev_features", guest->sev_features);
	put_number(to, "vcpu_contexts", guest->contexts);
	put_address(to, "memory_end", guest->memory_end);
	if (guest->relocation)
		put_text(to, "relocation", "allowed, and not done");
	if (guest->has_id_block)
		put_id_block(to, igvm);
}

static void put_kvm(struct json_object *to, const struct coco_image *image, uint32_t tech)
{
	struct coco_kvm_check_options options;
	struct coco_kvm_check check;
	struct coco_error error;

	COCO_INIT(&options);
	COCO_INIT(&check);
	options.tech = tech;
	if (coco_image_check_kvm(image, &options, &check, &error))
		put_text(to, "kvm", error.text);
	else
		put_text(to, "kvm", check.obstacles ? check.reason : "reaches the file's digest");
}

static int load(struct coco_image **out, const struct coco_igvm *igvm, uint32_t tech,
		uint32_t zero_pages, struct coco_error *error)
{
	struct coco_igvm_load_options options;
	int r = coco_image_new(out, error);

	COCO_INIT(&options);
	options.tech = tech;
	options.zero_pages = zero_pages;
	return r ? r : coco_image_add_igvm(*out, igvm, &options, NULL, error);
}

static void put_zero_pages_digest(struct json_object *to, const struct coco_igvm *igvm)
{
	struct coco_image *image = NULL;
	struct coco_error error;

	if (load(&image, igvm, COCO_TECH_SNP, COCO_IGVM_ZERO_PAGES_KVM, &error))
		put_text(to, "launch_digest_zero_pages_kvm", error.text);
	else
		put_digest(to, "launch_digest_zero_pages_kvm", image, COCO_TECH_SNP, 0);
	coco_image_unref(image);
}

static void put_launch(struct json_object *to, const struct coco_igvm *igvm, uint32_t tech)
{
	struct json_object *object;
	struct coco_image *image = NULL;
	struct coco_igvm_guest guest;
	struct coco_error error;
	int r;

	COCO_INIT(&guest);
	r = coco_igvm_get_guest(igvm, tech, &guest, &error);
	if (r == -EOPNOTSUPP)
		return;
	object = json_object_new_object();
	json_object_array_add(to, object);
	put_text(object, "technology", coco_tech_name(tech));
	if (!r) {
		put_guest(object, igvm, tech, &guest);
		r = load(&image, igvm, tech, COCO_IGVM_ZERO_PAGES_SPEC, &error);
	}
	if (r) {
		put_text(object, "error", error.text);
	} else {
		if (tech != COCO_TECH_PLAIN) {
			put_digest(object, "file_digest", image, tech, COCO_MEASURE_VMSAS_IN_PLACE);
			put_digest(object, "launch_digest", image, tech, 0);
			put_kvm(object, image, tech);
		}
		if (tech == COCO_TECH_SNP)
			put_zero_pages_digest(object, igvm);
		put_runs(object, image);
	}
	coco_image_unref(image);
}

int inspect_igvm(const void *bytes, size_t size, struct json_object *to, struct coco_error *error)
{
	static const uint32_t techs[] = {COCO_TECH_PLAIN, COCO_TECH_SEV, COCO_TECH_SEVES,
					 COCO_TECH_SNP, COCO_TECH_TDX};
	struct json_object *launches;
	struct coco_igvm_info info;
	struct coco_igvm *igvm;
	int r = coco_igvm_parse(bytes, size, NULL, &igvm, error);

	if (r)
		return r;
	COCO_INIT(&info);
	r = coco_igvm_get_info(igvm, &info, error);
	put_info(to, &info);
	put_platforms(to, igvm, info.platforms);
	put_entries(to, igvm, info.entries);
	launches = json_object_new_array();
	for (size_t i = 0; i < sizeof(techs) / sizeof(*techs); i++)
		put_launch(launches, igvm, techs[i]);
	json_object_object_add(to, "launches", launches);
	coco_igvm_free(igvm);
	return r;
}
