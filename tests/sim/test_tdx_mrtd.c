/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * MRTD as the simulated platform accumulates it (section 10 of the TDX reference), against the
 * vectors: each section of a firmware is put in by plain ioctls, with none of the library's code in
 * between.
 */
#include <stdlib.h>
#include <string.h>

#include "td.h"
#include "vectors.h"

#define EXTEND   1u /* TDVF section attributes */
#define NO_PAGES 2u

static struct json_object *file;

static void digest(struct td *td, uint8_t out[48])
{
	struct coco_sim_vm_info info = {.struct_size = sizeof(info)};
	struct coco_error error;

	expect_ok(coco_sim_get_vm_info(td->sim, td->vm, &info, &error), &error);
	ck_assert_uint_eq(info.digest_size, 48);
	memcpy(out, info.digest, 48);
}

/* A slot of its own; TDVF sections do not overlap. */
static void add_slot(struct td *td, uint32_t number, uint64_t gpa, uint64_t size,
		     const uint8_t *memory)
{
	struct uapi_create_guest_memfd gmem = {.size = size};
	int fd = td_ioctl(td, td->vm, UAPI_CREATE_GUEST_MEMFD, (uintptr_t)&gmem);
	struct uapi_memory_region2 slot = {
		.slot = number,
		.flags = UAPI_MEM_GUEST_MEMFD,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)memory,
		.guest_memfd = (uint32_t)fd,
	};

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(td_ioctl(td, td->vm, UAPI_SET_USER_MEMORY_REGION2, (uintptr_t)&slot), 0);
	ck_assert_int_eq(td_set_private(td, gpa, size, true), 0);
}

static void add_section(struct td *td, uint32_t number, struct json_object *section,
			const uint8_t *firmware, size_t firmware_size)
{
	uint64_t size = vectors_number(section, "memory_data_size");
	uint64_t raw = vectors_number(section, "raw_data_size");
	uint64_t offset = vectors_number(section, "data_offset");
	uint64_t attributes = vectors_number(section, "attributes");
	struct uapi_tdx_init_mem_region region = {
		.gpa = vectors_number(section, "memory_address"),
		.nr_pages = size / 4096,
	};
	uint8_t *memory;

	if (attributes & NO_PAGES || !size)
		return;
	ck_assert(offset <= firmware_size && raw <= firmware_size - offset);
	memory = aligned_alloc(4096, size);
	ck_assert_ptr_nonnull(memory);
	memset(memory, 0, size);
	memcpy(memory, firmware + offset, raw);
	region.source_addr = (uintptr_t)memory;
	add_slot(td, number, region.gpa, size, memory);
	ck_assert_int_eq(td_init_region(td, td->vcpus[0], &region,
					attributes & EXTEND ? UAPI_TDX_MEASURE : 0),
			 0);
	ck_assert_uint_eq(region.nr_pages, 0);
	free(memory);
}

static void drop_first_slot(struct td *td)
{
	struct uapi_memory_region2 none = {.flags = UAPI_MEM_GUEST_MEMFD};

	ck_assert_int_eq(td_ioctl(td, td->vm, UAPI_SET_USER_MEMORY_REGION2, (uintptr_t)&none), 0);
}

START_TEST(vector)
{
	struct json_object *given = vectors_at(file, _i);
	struct json_object *sections = vectors_get(given, "sections");
	const bool single_pass = !strcmp(vectors_text(given, "page_order"), "single-pass");
	uint8_t before[48], after[48], expected[48];
	uint8_t *firmware;
	struct td td;
	size_t size;

	/* Malformed firmware is a loader's matter. */
	if (!sections)
		return;
	firmware = vectors_firmware(file, vectors_text(given, "firmware"), &size);
	if (!firmware) {
		vectors_skip(file, _i);
		return;
	}
	td_open(&td, 4);
	td_reach(&td, TD_V1_C1);
	drop_first_slot(&td);
	for (size_t i = 0; i < json_object_array_length(sections); i++)
		add_section(&td, (uint32_t)i, json_object_array_get_idx(sections, i), firmware,
			    size);
	digest(&td, before);
	ck_assert_int_eq(td_command(&td, td.vm, UAPI_TDX_FINALIZE_VM, 0, 0), 0);
	digest(&td, after);
	ck_assert_mem_eq(before, after, 48);
	vectors_hex(given, "expected", expected, 48);
	/* KVM extends page by page, so the order of kernels before mainline gives another digest.
	 */
	if (single_pass)
		vectors_expect_hex(vectors_text(given, "id"), after, 48,
				   vectors_text(given, "expected"));
	else
		ck_assert_mem_ne(after, expected, 48);
	free(firmware);
	td_close(&td);
}
END_TEST

static void two_pages(bool swapped, bool cut, uint32_t flags, uint8_t out[48])
{
	struct uapi_tdx_init_mem_region regions[2];
	struct td td;

	td_open(&td, 4);
	td_reach(&td, TD_V1_C1);
	memset(td.shared, 1, 4096);
	memset(td.shared + 4096, 2, 4096);
	ck_assert_int_eq(td_set_private(&td, TD_MEMORY_GPA, 8192, true), 0);
	for (int i = 0; i < 2; i++) {
		uint64_t at = (uint64_t)(swapped ? 1 - i : i) * 4096;

		regions[i] = (struct uapi_tdx_init_mem_region){(uintptr_t)td.shared + at,
							       TD_MEMORY_GPA + at, 1};
	}
	if (!cut)
		regions[0].nr_pages = 2;
	for (int i = 0; i < (cut ? 2 : 1); i++)
		ck_assert_int_eq(td_init_region(&td, td.vcpus[0], &regions[i], flags), 0);
	ck_assert_int_eq(td_command(&td, td.vm, UAPI_TDX_FINALIZE_VM, 0, 0), 0);
	digest(&td, out);
	td_close(&td);
}

/* 10: splitting a region changes nothing; order does, and so does a page that is not measured
 * (pitfall 9). */
START_TEST(order_and_cuts)
{
	uint8_t whole[48], cut[48], swapped[48], added[48], added_swapped[48];

	two_pages(false, false, UAPI_TDX_MEASURE, whole);
	two_pages(false, true, UAPI_TDX_MEASURE, cut);
	two_pages(true, true, UAPI_TDX_MEASURE, swapped);
	two_pages(false, true, 0, added);
	two_pages(true, true, 0, added_swapped);
	ck_assert_mem_eq(whole, cut, 48);
	ck_assert_mem_ne(whole, swapped, 48);
	ck_assert_mem_ne(whole, added, 48);
	ck_assert_mem_ne(added, added_swapped, 48);
}
END_TEST

/* Each TD has a key of its own, under the same key id, too. */
START_TEST(keys)
{
	struct coco_sim_vm_info first = {.struct_size = sizeof(first)};
	struct coco_sim_vm_info second = {.struct_size = sizeof(second)};
	struct coco_error error;
	struct td td;

	td_open(&td, 1);
	ck_assert_int_eq(td_init_vm(&td), 0);
	expect_ok(coco_sim_get_vm_info(td.sim, td.vm, &first, &error), &error);
	td.platform->ops->close(td.platform->context, td.gmem);
	td.platform->ops->close(td.platform->context, td.vm);
	td.vm = td_ioctl(&td, td.kvm, KVM_CREATE_VM, UAPI_VM_TYPE_TDX);
	ck_assert_int_ge(td.vm, 0);
	ck_assert_int_eq(td_init_vm(&td), 0);
	expect_ok(coco_sim_get_vm_info(td.sim, td.vm, &second, &error), &error);
	ck_assert_mem_ne(first.key, second.key, sizeof(first.key));
	td_close(&td);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("order");
	Suite *suite;
	int rc;

	file = vectors_load("tdx-mrtd.json");
	suite = vectors_suite("tdx_mrtd", file, vector->fn);
	tcase_add_test(tests, order_and_cuts);
	tcase_add_test(tests, keys);
	suite_add_tcase(suite, tests);
	rc = expect_run(suite);
	json_object_put(file);
	return rc;
}
