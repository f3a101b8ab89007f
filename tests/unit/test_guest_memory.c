/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Are regions of memory checked by name, and where do they lie in the host? */
#include "fixture.h"

#include "kvm/uapi.h"

#include <stdlib.h>
#include <sys/mman.h>

#define PAGE 4096ull

static struct fixture f;

static void init(uint32_t tech)
{
	fixture_init(&f, tech);
	expect_ok(coco_guest_new(f.host, &f.options, &f.guest, &f.error), &f.error);
	fake_kvm_transcript_clear(f.fake);
}

#define expect_refused(call, code, blamed)                                                         \
	do {                                                                                       \
		expect_failed(call, &f.error, code, blamed, #call);                                \
		ck_assert_uint_eq(f.error.stage, COCO_STAGE_ARGUMENT);                             \
		ck_assert_uint_eq(fixture_info(&f).memory_bytes, 0);                               \
	} while (0)

START_TEST(a_region_is_whole_pages_that_the_vcpus_can_address)
{
	init(COCO_TECH_PLAIN);
	expect_refused(fixture_add_memory(&f, 0, 0, NULL, 0), -EINVAL, "size");
	expect_refused(fixture_add_memory(&f, 0, 1, NULL, 0), -EINVAL, "size");
	expect_refused(fixture_add_memory(&f, 0, PAGE + 1, NULL, 0), -EINVAL, "size");
	expect_refused(fixture_add_memory(&f, 1, PAGE, NULL, 0), -EINVAL, "gpa");
	expect_refused(fixture_add_memory(&f, PAGE - 1, PAGE, NULL, 0), -EINVAL, "gpa");
	/* Wrapping. */
	expect_refused(fixture_add_memory(&f, UINT64_MAX - PAGE + 1, PAGE, NULL, 0), -EINVAL,
		       "size");
	expect_refused(fixture_add_memory(&f, UINT64_MAX - PAGE + 1, 2 * PAGE, NULL, 0), -EINVAL,
		       "size");
	expect_refused(fixture_add_memory(&f, PAGE, UINT64_MAX - PAGE + 1, NULL, 0), -EINVAL,
		       "size");
	expect_transcript(f.fake, "");
	fixture_end(&f);
}
END_TEST

START_TEST(unknown_and_contradicting_flags_are_refused)
{
	uint8_t *host = aligned_alloc(PAGE, PAGE);

	ck_assert_ptr_nonnull(host);
	init(COCO_TECH_PLAIN);
	for (unsigned bit = 3; bit < 32; bit++)
		expect_refused(fixture_add_memory(&f, 0, PAGE, NULL, 1u << bit), -EINVAL, "flags");
	expect_refused(
		fixture_add_memory(&f, 0, PAGE, NULL, COCO_MEMORY_KEEP | COCO_MEMORY_GUEST_MEMFD),
		-EINVAL, "flags");
	expect_refused(fixture_add_memory(&f, 0, PAGE, host, COCO_MEMORY_GUEST_MEMFD), -EINVAL,
		       "host");
	expect_refused(fixture_add_memory(&f, 0, PAGE, NULL, COCO_MEMORY_ANONYMOUS), -EINVAL,
		       "flags");
	expect_refused(fixture_add_memory(&f, 0, PAGE, host + 8, 0), -EINVAL, "host");
	fixture_end(&f);

	init(COCO_TECH_SWPROTECTED);
	expect_refused(fixture_add_memory(&f, 0, PAGE, NULL, COCO_MEMORY_GUEST_MEMFD), -EINVAL,
		       "flags");
	fixture_end(&f);
	free(host);
}
END_TEST

START_TEST(a_struct_of_another_version_follows_the_rules)
{
	struct {
		struct coco_memory known;
		uint8_t unknown[8];
	} newer = {.known = {.size = PAGE}};

	init(COCO_TECH_PLAIN);
	expect_error(coco_guest_add_memory(f.guest, &newer.known, &f.error), &f.error, -EINVAL,
		     "struct_size");
	newer.known.struct_size = sizeof(newer);
	newer.unknown[0] = 1;
	expect_spoil(&f.error);
	ck_assert_int_eq(coco_guest_add_memory(f.guest, &newer.known, &f.error), -E2BIG);
	newer.unknown[0] = 0;
	newer.known.reserved0 = 1;
	expect_error(coco_guest_add_memory(f.guest, &newer.known, &f.error), &f.error, -EINVAL,
		     "reserved0");
	newer.known.reserved0 = 0;
	expect_ok(coco_guest_add_memory(f.guest, &newer.known, &f.error), &f.error);
	ck_assert_uint_eq(fixture_info(&f).memory_bytes, PAGE);
	fixture_end(&f);
}
END_TEST

START_TEST(guest_memfd_must_be_one_that_the_host_can_map)
{
	init(COCO_TECH_PLAIN);
	fake_kvm_set_extension(f.fake, FAKE_SCOPE_ALL, UAPI_CAP_GUEST_MEMFD_FLAGS, 1);
	expect_spoil(&f.error);
	ck_assert_int_eq(fixture_add_memory(&f, 0, PAGE, NULL, COCO_MEMORY_GUEST_MEMFD),
			 -EOPNOTSUPP);
	ck_assert_int_eq(f.error.code, -EOPNOTSUPP);
	fake_kvm_set_extension(f.fake, FAKE_SCOPE_ALL, UAPI_CAP_GUEST_MEMFD_FLAGS, 3);
	expect_ok(fixture_add_memory(&f, 0, PAGE, NULL, COCO_MEMORY_GUEST_MEMFD), &f.error);
	fixture_end(&f);
}
END_TEST

START_TEST(regions_may_touch_but_not_overlap)
{
	static const struct {
		uint64_t gpa, size;
	} overlapping[] = {
		{4 * PAGE, 4 * PAGE}, {4 * PAGE, PAGE},     {7 * PAGE, PAGE}, {5 * PAGE, PAGE},
		{3 * PAGE, 2 * PAGE}, {7 * PAGE, 2 * PAGE}, {0, 64 * PAGE},
	};

	init(COCO_TECH_PLAIN);
	expect_ok(fixture_add_memory(&f, 4 * PAGE, 4 * PAGE, NULL, 0), &f.error);
	for (size_t i = 0; i < sizeof(overlapping) / sizeof(overlapping[0]); i++)
		expect_failed(
			fixture_add_memory(&f, overlapping[i].gpa, overlapping[i].size, NULL, 0),
			&f.error, -EEXIST, "gpa", "overlap");
	expect_ok(fixture_add_memory(&f, 3 * PAGE, PAGE, NULL, 0), &f.error);
	expect_ok(fixture_add_memory(&f, 8 * PAGE, PAGE, NULL, 0), &f.error);
	ck_assert_uint_eq(fixture_info(&f).memory_bytes, 6 * PAGE);
	fixture_end(&f);
}
END_TEST

START_TEST(there_is_room_for_512_regions_and_no_more)
{
	init(COCO_TECH_PLAIN);
	for (uint64_t i = 0; i < COCO_MEMORY_MAX_REGIONS; i++)
		expect_ok(fixture_add_memory(&f, 2 * i * PAGE, PAGE, NULL, 0), &f.error);
	expect_spoil(&f.error);
	ck_assert_int_eq(fixture_add_memory(&f, 1ull << 32, PAGE, NULL, 0), -ENOSPC);
	ck_assert_int_eq(f.error.code, -ENOSPC);
	ck_assert_uint_eq(fixture_info(&f).memory_bytes, COCO_MEMORY_MAX_REGIONS * PAGE);
	fixture_end(&f);
}
END_TEST

START_TEST(every_call_of_adding_memory_may_fail)
{
	static const uint64_t sizes[] = {PAGE, RAM_SIZE};
	const uint32_t flags[] = {0, COCO_MEMORY_GUEST_MEMFD};

	init(COCO_TECH_PLAIN);
	for (unsigned n = 1;; n++) {
		int rc;

		fake_kvm_fail(f.fake, NULL, n, ENOMEM, false);
		rc = fixture_add_memory(&f, 0, sizes[_i / 2], NULL, flags[_i % 2]);
		if (fake_kvm_failed_call(f.fake)[0] == '\0') {
			ck_assert_int_eq(rc, 0);
			ck_assert_uint_gt(n, 1);
			break;
		}
		ck_assert_int_eq(rc, -ENOMEM);
		ck_assert_int_eq(f.error.code, -ENOMEM);
		ck_assert_uint_eq(fixture_info(&f).memory_bytes, 0);
	}
	fake_kvm_fail_clear(f.fake);
	fixture_end(&f);
}
END_TEST

/* ---- host addresses ---- */

START_TEST(an_address_is_within_one_region)
{
	void *low = NULL, *high = NULL, *none = &none;

	init(COCO_TECH_PLAIN);
	expect_error(coco_guest_host_address(f.guest, 0, 1, &low, &f.error), &f.error, -EFAULT,
		     "gpa");
	expect_ok(fixture_add_memory(&f, 0, 2 * PAGE, NULL, 0), &f.error);
	expect_ok(fixture_add_memory(&f, 2 * PAGE, 2 * PAGE, NULL, 0), &f.error);
	expect_ok(coco_guest_host_address(f.guest, 0, 2 * PAGE, &low, &f.error), &f.error);
	expect_ok(coco_guest_host_address(f.guest, 5, 3, &high, &f.error), &f.error);
	ck_assert_ptr_eq(high, (char *)low + 5);
	expect_ok(coco_guest_host_address(f.guest, 4 * PAGE - 1, 1, &high, &f.error), &f.error);

	expect_error(coco_guest_host_address(f.guest, 0, 0, &none, &f.error), &f.error, -EINVAL,
		     "size");
	expect_error(coco_guest_host_address(f.guest, PAGE, 2 * PAGE, &none, &f.error), &f.error,
		     -EFAULT, "gpa");
	expect_error(coco_guest_host_address(f.guest, 4 * PAGE, 1, &none, &f.error), &f.error,
		     -EFAULT, "gpa");
	expect_error(coco_guest_host_address(f.guest, PAGE, UINT64_MAX, &none, &f.error), &f.error,
		     -EFAULT, "gpa");
	expect_error(coco_guest_host_address(f.guest, UINT64_MAX, 2, &none, &f.error), &f.error,
		     -EFAULT, "gpa");
	ck_assert_ptr_eq(none, &none);
	fixture_end(&f);
}
END_TEST

START_TEST(the_callers_own_mapping_is_the_shared_side)
{
	uint8_t *host =
		mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	void *address = NULL;

	ck_assert_ptr_ne(host, MAP_FAILED);
	fixture_init(&f, COCO_TECH_PLAIN);
	f.ram_host = host;
	fixture_guest(&f);
	fake_kvm_label_memory(f.fake, host, RAM_SIZE, "ram");
	expect_ok(coco_guest_host_address(f.guest, 5, 1, &address, &f.error), &f.error);
	ck_assert_ptr_eq(address, host + 5);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	fixture_expect_image(&f);
	ck_assert_uint_eq(host[DATA_GPA], fixture_byte(DATA_GPA));
	fixture_end(&f);
	/* It is still the caller's. */
	ck_assert_uint_eq(host[DATA_GPA], fixture_byte(DATA_GPA));
	ck_assert_int_eq(munmap(host, RAM_SIZE), 0);
}
END_TEST

/* ---- images in memory ---- */

static void launch_with_run(uint64_t gpa, uint64_t size)
{
	struct coco_page_run run;

	COCO_INIT(&run);
	run.gpa = gpa;
	run.size = size;
	run.kind = COCO_PAGE_ZERO;
	fixture_init(&f, COCO_TECH_PLAIN);
	expect_ok(coco_image_add(f.image, &run, &f.error), &f.error);
	fixture_guest(&f);
}

START_TEST(an_image_outside_of_memory_does_not_launch)
{
	static const struct {
		uint64_t gpa, size;
	} outside[] = {
		{RAM_SIZE, PAGE},
		{RAM_SIZE - PAGE, 2 * PAGE},
		{ROM_GPA - PAGE, 2 * PAGE},
		{1ull << 40, PAGE},
	};

	launch_with_run(outside[_i].gpa, outside[_i].size);
	expect_error(coco_guest_launch(f.guest, &f.error), &f.error, -EINVAL, "image");
	/* As it was: the missing region may still be added. */
	fixture_expect_state(&f, COCO_STATE_CONFIGURED, 0);
	expect_transcript(f.fake, "");
	fixture_end(&f);
}
END_TEST

START_TEST(a_guest_without_memory_does_not_launch)
{
	init(COCO_TECH_PLAIN);
	expect_error(coco_guest_launch(f.guest, &f.error), &f.error, -EINVAL, "image");
	fixture_expect_state(&f, COCO_STATE_CONFIGURED, 0);
	fixture_end(&f);
}
END_TEST

START_TEST(the_missing_region_can_be_added_and_the_launch_tried_again)
{
	launch_with_run(RAM_SIZE, PAGE);
	expect_error(coco_guest_launch(f.guest, &f.error), &f.error, -EINVAL, "image");
	expect_ok(fixture_add_memory(&f, RAM_SIZE, PAGE, NULL, 0), &f.error);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 1);
	fixture_end(&f);
}
END_TEST

START_TEST(a_run_may_lie_across_regions_that_touch)
{
	static const uint32_t techs[] = {COCO_TECH_PLAIN, COCO_TECH_SWPROTECTED};
	uint8_t *bytes = malloc(4 * PAGE), *seen = malloc(4 * PAGE);
	struct coco_page_run run;

	ck_assert(bytes != NULL && seen != NULL);
	memset(bytes, 0x77, 4 * PAGE);
	fixture_init(&f, techs[_i]);
	COCO_INIT(&run);
	run.gpa = RAM_SIZE - 2 * PAGE;
	run.size = 4 * PAGE;
	run.kind = COCO_PAGE_DATA;
	run.bytes = bytes;
	expect_ok(coco_image_add(f.image, &run, &f.error), &f.error);
	fixture_guest(&f);
	expect_ok(fixture_add_memory(&f, RAM_SIZE, RAM_SIZE, NULL, 0), &f.error);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	ck_assert(fake_kvm_read_guest(f.fake, coco_guest_vm_fd(f.guest), run.gpa, seen, 4 * PAGE));
	ck_assert_mem_eq(seen, bytes, 4 * PAGE);
	free(bytes);
	free(seen);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_region_is_whole_pages_that_the_vcpus_can_address,
		unknown_and_contradicting_flags_are_refused,
		a_struct_of_another_version_follows_the_rules,
		guest_memfd_must_be_one_that_the_host_can_map,
		regions_may_touch_but_not_overlap,
		there_is_room_for_512_regions_and_no_more,
		an_address_is_within_one_region,
		the_callers_own_mapping_is_the_shared_side,
		a_guest_without_memory_does_not_launch,
		the_missing_region_can_be_added_and_the_launch_tried_again,
		NULL,
	};
	Suite *suite = expect_suite("guest memory", tests);
	TCase *loops = tcase_create("one by one");

	tcase_add_loop_test(loops, every_call_of_adding_memory_may_fail, 0, 4);
	tcase_add_loop_test(loops, an_image_outside_of_memory_does_not_launch, 0, 4);
	tcase_add_loop_test(loops, a_run_may_lie_across_regions_that_touch, 0, 2);
	suite_add_tcase(suite, loops);
	return expect_run(suite);
}
