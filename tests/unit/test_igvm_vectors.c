/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Are the platforms, entries and data of published IGVM files what other readers find in them? */
#include <cocoreset/cocoreset.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "vectors.h"

static struct coco_error error;
static struct json_object *file;

static struct json_object *list(struct json_object *expect, const char *key)
{
	struct json_object *found = vectors_get(expect, key);

	ck_assert_msg(found != NULL, "no %s", key);
	return found;
}

static struct json_object *element(struct json_object *array, size_t index)
{
	return json_object_array_get_idx(array, index);
}

static void check_info(const struct coco_igvm *igvm, struct json_object *expect)
{
	const bool arm = strcmp(vectors_text(expect, "arch"), "x64") != 0;
	struct coco_igvm_info info;

	COCO_INIT(&info);
	expect_ok(coco_igvm_get_info(igvm, &info, &error), &error);
	ck_assert_uint_eq(info.version, vectors_number(expect, "version"));
	ck_assert_uint_eq(info.arch, arm);
	ck_assert_uint_eq(info.header_offset, vectors_number(expect, "variable_header_offset"));
	ck_assert_uint_eq(info.header_size, vectors_number(expect, "variable_header_size"));
	ck_assert_uint_eq(info.size, vectors_number(expect, "total_file_size"));
	ck_assert_uint_eq(info.checksum, vectors_number(expect, "checksum"));
	ck_assert_uint_eq(info.skipped, vectors_number(expect, "optional_skipped"));
	ck_assert_int_eq(info.nonzero_padding != 0,
			 json_object_get_boolean(list(expect, "nonzero_padding")));
	ck_assert_uint_eq(info.platforms, json_object_array_length(list(expect, "platforms")));
	ck_assert_uint_eq(info.entries,
			  vectors_number(expect, "directive_count") +
				  json_object_array_length(list(expect, "initializations")));
}

static void check_platforms(const struct coco_igvm *igvm, struct json_object *expect)
{
	struct json_object *platforms = list(expect, "platforms");

	for (size_t i = 0; i < json_object_array_length(platforms); i++) {
		struct json_object *wanted = element(platforms, i);
		struct coco_igvm_platform platform;

		COCO_INIT(&platform);
		expect_ok(coco_igvm_get_platform(igvm, (uint32_t)i, &platform, &error), &error);
		ck_assert_str_eq(coco_igvm_platform_name(platform.type),
				 vectors_text(wanted, "type"));
		ck_assert_uint_eq(platform.mask, vectors_number(wanted, "mask"));
		ck_assert_uint_eq(platform.highest_vtl, vectors_number(wanted, "highest_vtl"));
		ck_assert_uint_eq(platform.version, vectors_number(wanted, "version"));
		ck_assert_uint_eq(platform.shared_gpa_boundary,
				  vectors_number(wanted, "shared_gpa_boundary"));
	}
}

/* The next entry of a type from *index on. */
static bool next_of(const struct coco_igvm *igvm, uint32_t type, uint32_t *index,
		    struct coco_igvm_entry *entry)
{
	struct coco_igvm_info info;

	COCO_INIT(&info);
	expect_ok(coco_igvm_get_info(igvm, &info, &error), &error);
	while (*index < info.entries) {
		COCO_INIT(entry);
		expect_ok(coco_igvm_get_entry(igvm, (*index)++, entry, &error), &error);
		if (entry->type == type)
			return true;
	}
	return false;
}

static void check_number(struct json_object *wanted, const char *key, uint64_t value)
{
	if (vectors_text(wanted, key))
		ck_assert_msg(value == vectors_number(wanted, key), "%s: 0x%llx, expected 0x%llx",
			      key, (unsigned long long)value,
			      (unsigned long long)vectors_number(wanted, key));
}

/* Each entry of `type` is what the array says, and there are as many. */
static void check_list(const struct coco_igvm *igvm, struct json_object *expect, const char *key,
		       uint32_t type)
{
	struct json_object *array = list(expect, key);
	struct coco_igvm_entry entry;
	uint32_t index = 0;

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *wanted = element(array, i);

		ck_assert_msg(next_of(igvm, type, &index, &entry), "%s: only %zu", key, i);
		check_number(wanted, "index", entry.index);
		check_number(wanted, "mask", entry.mask);
		check_number(wanted, "gpa", entry.gpa);
		if (type != COCO_IGVM_PARAMETER_INSERT)
			check_number(wanted, "size", entry.size);
		check_number(wanted, "vp", entry.index);
		check_number(wanted, "bytes", entry.file_size);
		if (vectors_get(wanted, "initial_data"))
			ck_assert_int_eq(entry.file_offset != 0,
					 json_object_get_boolean(list(wanted, "initial_data")));
	}
	ck_assert_msg(!next_of(igvm, type, &index, &entry), "more %s than expected", key);
}

static void check_counts(const struct coco_igvm *igvm, struct json_object *expect)
{
	json_object_object_foreach(list(expect, "directive_counts"), name, count)
	{
		struct coco_igvm_entry entry;
		struct coco_igvm_info info;
		uint32_t found = 0;

		COCO_INIT(&info);
		expect_ok(coco_igvm_get_info(igvm, &info, &error), &error);
		for (uint32_t i = 0; i < info.entries; i++) {
			COCO_INIT(&entry);
			expect_ok(coco_igvm_get_entry(igvm, i, &entry, &error), &error);
			found += strcmp(coco_igvm_entry_name(entry.type), name) == 0;
		}
		ck_assert_msg(found == (uint32_t)json_object_get_int(count), "%u entries %s", found,
			      name);
	}
}

static void check_initializations(const struct coco_igvm *igvm, struct json_object *expect)
{
	struct json_object *array = list(expect, "initializations");

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct coco_igvm_entry entry;

		COCO_INIT(&entry);
		expect_ok(coco_igvm_get_entry(igvm, (uint32_t)i, &entry, &error), &error);
		ck_assert_str_eq(coco_igvm_entry_name(entry.type),
				 vectors_text(element(array, i), "type"));
		check_number(element(array, i), "mask", entry.mask);
		check_number(element(array, i), "policy", entry.policy);
		check_number(element(array, i), "gpa", entry.gpa);
		check_number(element(array, i), "size", entry.size);
		check_number(element(array, i), "vp", entry.index);
		if (entry.type == COCO_IGVM_RELOCATABLE_REGION)
			check_number(element(array, i), "flags", entry.flags);
	}
}

static void check_parameters(const struct coco_igvm *igvm, struct json_object *expect)
{
	struct json_object *array = list(expect, "parameters");
	struct coco_igvm_info info;
	size_t found = 0;

	COCO_INIT(&info);
	expect_ok(coco_igvm_get_info(igvm, &info, &error), &error);
	for (uint32_t i = 0; i < info.entries; i++) {
		struct coco_igvm_entry entry;
		struct json_object *wanted = element(array, found);

		COCO_INIT(&entry);
		expect_ok(coco_igvm_get_entry(igvm, i, &entry, &error), &error);
		if (!wanted ||
		    strcmp(coco_igvm_entry_name(entry.type), vectors_text(wanted, "type")) != 0)
			continue;
		ck_assert_uint_eq(entry.index, vectors_number(wanted, "index"));
		ck_assert_uint_eq(entry.position, vectors_number(wanted, "offset"));
		found++;
	}
	ck_assert_uint_eq(found, json_object_array_length(array));
}

static void check_page_run(struct json_object *wanted, const struct coco_igvm_entry *first,
			   uint64_t end)
{
	static const char *const kinds[] = {"normal", "secrets", "cpuid", "cpuid_xf"};
	struct json_object *names = list(wanted, "flags");
	uint32_t flags = 0;

	for (size_t i = 0; i < json_object_array_length(names); i++) {
		const char *name = json_object_get_string(element(names, i));

		flags |= strcmp(name, "unmeasured") == 0 ? COCO_IGVM_PAGE_UNMEASURED
							 : COCO_IGVM_PAGE_SHARED;
	}
	ck_assert_str_eq(kinds[first->kind], vectors_text(wanted, "kind"));
	ck_assert_uint_eq(first->flags, flags);
	ck_assert_uint_eq(first->mask, vectors_number(wanted, "mask"));
	ck_assert_int_eq(first->file_offset != 0,
			 json_object_get_boolean(list(wanted, "has_data")));
	ck_assert_uint_eq(first->gpa, vectors_number(wanted, "start"));
	ck_assert_uint_eq(end, vectors_number(wanted, "end"));
}

static bool continues(const struct coco_igvm_entry *first, const struct coco_igvm_entry *next,
		      uint64_t end)
{
	return next->gpa == end && next->kind == first->kind && next->flags == first->flags &&
	       next->mask == first->mask && !next->file_offset == !first->file_offset;
}

static void check_page_runs(const struct coco_igvm *igvm, struct json_object *expect)
{
	struct json_object *array = list(expect, "page_runs");
	struct coco_igvm_entry first, next;
	uint32_t index = 0;
	size_t run = 0;
	uint64_t end;
	bool more = next_of(igvm, COCO_IGVM_PAGE_DATA, &index, &next);

	while (more) {
		first = next;
		end = first.gpa;
		do {
			end += next.size;
			more = next_of(igvm, COCO_IGVM_PAGE_DATA, &index, &next);
		} while (more && continues(&first, &next, end));
		ck_assert_uint_lt(run, json_object_array_length(array));
		check_page_run(element(array, run++), &first, end);
	}
	ck_assert_uint_eq(run, json_object_array_length(array));
}

static void check_contexts(const struct coco_igvm *igvm, const uint8_t *bytes,
			   struct json_object *expect)
{
	struct json_object *array = list(expect, "vp_contexts");
	struct coco_igvm_entry entry;
	uint32_t index = 0;

	check_list(igvm, expect, "vp_contexts", COCO_IGVM_VP_CONTEXT);
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		uint8_t digest[48];
		uint64_t size = vectors_number(element(array, i), "bytes");

		ck_assert(next_of(igvm, COCO_IGVM_VP_CONTEXT, &index, &entry));
		ck_assert(EVP_Digest(bytes + entry.file_offset, size, digest, NULL, EVP_sha384(),
				     NULL));
		vectors_expect_hex("context", digest, sizeof(digest),
				   vectors_text(element(array, i), "sha384"));
	}
}

START_TEST(structure)
{
	struct json_object *vector = element(list(file, "files"), (size_t)_i);
	struct json_object *expect = list(vector, "expect");
	struct coco_igvm *igvm;
	size_t size;
	uint8_t *bytes = vectors_packed(vector, &size);

	if (!bytes) {
		printf("skipped: %s, for want of COCO_VECTOR_FILES\n",
		       vectors_text(vector, "name"));
		return;
	}
	expect_ok(coco_igvm_parse(bytes, size, NULL, &igvm, &error), &error);
	check_info(igvm, expect);
	check_platforms(igvm, expect);
	check_initializations(igvm, expect);
	check_counts(igvm, expect);
	check_page_runs(igvm, expect);
	check_list(igvm, expect, "parameter_areas", COCO_IGVM_PARAMETER_AREA);
	check_parameters(igvm, expect);
	check_list(igvm, expect, "inserts", COCO_IGVM_PARAMETER_INSERT);
	check_list(igvm, expect, "required_memory", COCO_IGVM_REQUIRED_MEMORY);
	check_list(igvm, expect, "error_ranges", COCO_IGVM_ERROR_RANGE);
	check_contexts(igvm, bytes, expect);
	coco_igvm_free(igvm);
	free(bytes);
}
END_TEST

int main(void)
{
	int failed;

	file = vectors_load_of("igvm.json", "files");
	failed = expect_run(vectors_suite_of("igvm files", file, "files", "name", structure->fn));
	json_object_put(file);
	return failed;
}
