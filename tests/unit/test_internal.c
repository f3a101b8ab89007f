/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Do the private parts with arithmetic in them answer like something simpler does? */
#include <linux/kvm.h>

#include "base/range.h"
#include "core/cpuid.h"
#include "core/page_map.h"
#include "expect.h"

#include <stdlib.h>

/* ---- page map ---- */

#define PAGES 200u /* three words and a bit */

struct model {
	bool is_private[PAGES], decided[PAGES];
};

static uint64_t model_find(const bool *pages, uint64_t first, uint64_t end, bool value)
{
	while (first < end && pages[first] != value)
		first++;
	return first;
}

/* Check's assertions are slow: one for all answers. */
static void compare(const struct coco_page_map *map, const struct model *model, uint64_t from)
{
	unsigned wrong = 0;

	for (uint64_t page = 0; page < PAGES; page++)
		wrong += coco_page_map_private(map, page) != model->is_private[page];
	for (uint64_t end = from; end <= PAGES; end++) {
		for (int value = 0; value < 2; value++)
			wrong += coco_page_map_find(map, from, end, value) !=
				 model_find(model->is_private, from, end, value);
		wrong += coco_page_map_find_decided(map, from, end) !=
			 model_find(model->decided, from, end, true);
	}
	ck_assert_uint_eq(wrong, 0);
}

START_TEST(a_page_map_sets_any_range_and_no_other_page)
{
	const uint64_t first = (uint64_t)_i;

	for (uint64_t end = first; end <= PAGES; end++) {
		struct coco_page_map map = {0};
		struct model model = {0};

		ck_assert_int_eq(coco_page_map_init(&map, PAGES), 0);
		coco_page_map_set(&map, first, end, true);
		for (uint64_t page = first; page < end; page++)
			model.is_private[page] = model.decided[page] = true;
		compare(&map, &model, first > 0 ? first - 1 : 0);
		/* Every other part of it back again. */
		coco_page_map_set(&map, first + (end - first) / 2, end, false);
		for (uint64_t page = first + (end - first) / 2; page < end; page++)
			model.is_private[page] = false;
		compare(&map, &model, 0);
		coco_page_map_destroy(&map);
	}
}
END_TEST

START_TEST(a_page_map_may_be_given_back_twice)
{
	struct coco_page_map map = {0};

	coco_page_map_destroy(&map);
	ck_assert_int_eq(coco_page_map_init(&map, 1), 0);
	ck_assert(!coco_page_map_private(&map, 0));
	coco_page_map_destroy(&map);
	coco_page_map_destroy(&map);
	ck_assert_ptr_null(map.private_bits);
}
END_TEST

/* ---- ranges ---- */

START_TEST(a_valid_range_is_whole_pages_below_2_to_the_52)
{
	const uint64_t end = COCO_GPA_END, page = COCO_PAGE_SIZE;

	ck_assert(coco_page_range_valid(0, page));
	ck_assert(coco_page_range_valid(0, end));
	ck_assert(coco_page_range_valid(end - page, page));
	ck_assert(!coco_page_range_valid(0, 0));
	ck_assert(!coco_page_range_valid(page, end));
	ck_assert(!coco_page_range_valid(end, page));
	ck_assert(!coco_page_range_valid(1, page));
	ck_assert(!coco_page_range_valid(0, page - 1));
	ck_assert(!coco_page_range_valid(UINT64_MAX - page + 1, page));
	ck_assert(!coco_page_range_valid(page, UINT64_MAX - page + 1));
}
END_TEST

START_TEST(ranges_that_touch_do_not_overlap)
{
	for (uint64_t a = 0; a < 6; a++)
		for (uint64_t a_size = 1; a_size < 4; a_size++)
			for (uint64_t b = 0; b < 6; b++)
				for (uint64_t b_size = 1; b_size < 4; b_size++) {
					bool overlap = false;

					for (uint64_t i = a; i < a + a_size; i++)
						overlap = overlap || (i >= b && i < b + b_size);
					ck_assert(coco_ranges_overlap(a, a_size, b, b_size) ==
						  overlap);
				}
}
END_TEST

START_TEST(alignment_goes_up_and_down)
{
	ck_assert_uint_eq(coco_align_down(0x1fff, 0x1000), 0x1000);
	ck_assert_uint_eq(coco_align_down(0x1000, 0x1000), 0x1000);
	ck_assert_uint_eq(coco_align_up(0x1000, 0x1000), 0x1000);
	ck_assert_uint_eq(coco_align_up(0x1001, 0x1000), 0x2000);
	ck_assert_uint_eq(coco_align_up(0, 0x1000), 0);
}
END_TEST

/* ---- CPUID ---- */

START_TEST(physical_addresses_are_as_wide_as_cpuid_says)
{
	static const struct {
		uint32_t function, eax;
		uint64_t end;
	} cases[] = {
		{0x80000008, 0x3028, 1ull << 40}, {0x80000008, 0x3034, 1ull << 52},
		{0x80000008, 36, 1ull << 36},     {0x80000008, 0, 1ull << 36},
		{0x80000008, 0xff, 1ull << 36},   {0x80000007, 48, 1ull << 36},
	};
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + 2 * sizeof(cpuid->entries[0]));

	ck_assert_ptr_nonnull(cpuid);
	ck_assert_uint_eq(coco_cpuid_gpa_end(cpuid), 1ull << 36);
	cpuid->nent = 2;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cpuid->entries[1].function = cases[i].function;
		cpuid->entries[1].eax = cases[i].eax;
		ck_assert_uint_eq(coco_cpuid_gpa_end(cpuid), cases[i].end);
	}
	free(cpuid);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_page_map_may_be_given_back_twice,
		a_valid_range_is_whole_pages_below_2_to_the_52,
		ranges_that_touch_do_not_overlap,
		alignment_goes_up_and_down,
		physical_addresses_are_as_wide_as_cpuid_says,
		NULL,
	};
	Suite *suite = expect_suite("internal", tests);
	TCase *loops = tcase_create("page map");

	tcase_add_loop_test(loops, a_page_map_sets_any_range_and_no_other_page, 0, 140);
	suite_add_tcase(suite, loops);
	return expect_run(suite);
}
