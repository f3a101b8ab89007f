/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Does an image find every overlap and no other? Asked with random runs, and answered by a model
 * that looks at every page. COCO_SEED repeats a run of this test.
 */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "expect.h"

#define PAGES    4096u
#define ATTEMPTS 3000u

static struct coco_error error;
static uint64_t seed, state;

static uint64_t next_random(void)
{
	/* xorshift64*: any state but 0 will do. */
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

struct model {
	bool taken[PAGES];
	uint32_t count;
	uint64_t first[ATTEMPTS];
	uint64_t length[ATTEMPTS];
};

static bool model_add(struct model *model, uint64_t first, uint64_t length)
{
	for (uint64_t page = first; page < first + length; page++)
		if (model->taken[page])
			return false;
	for (uint64_t page = first; page < first + length; page++)
		model->taken[page] = true;
	model->first[model->count] = first;
	model->length[model->count++] = length;
	return true;
}

static void compare_runs(const struct coco_image *image, const struct model *model)
{
	ck_assert_uint_eq(coco_image_run_count(image), model->count);
	for (uint32_t i = 0; i < model->count; i++) {
		struct coco_page_run run;

		COCO_INIT(&run);
		expect_ok(coco_image_get_run(image, i, &run, &error), &error);
		ck_assert_uint_eq(run.gpa, model->first[i] * COCO_PAGE_SIZE);
		ck_assert_uint_eq(run.size, model->length[i] * COCO_PAGE_SIZE);
	}
}

/* `longest`: short runs fill memory densely, long ones collide most of the time. */
static void compare_with_model(uint64_t longest)
{
	struct model *model = calloc(1, sizeof(*model));
	struct coco_image *image = NULL;

	ck_assert_ptr_nonnull(model);
	expect_ok(coco_image_new(&image, &error), &error);
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		uint64_t length = 1 + next_random() % longest;
		uint64_t first = next_random() % (PAGES - length + 1);
		struct coco_page_run run;
		int rc;

		COCO_INIT(&run);
		run.gpa = first * COCO_PAGE_SIZE;
		run.size = length * COCO_PAGE_SIZE;
		run.kind = COCO_PAGE_ZERO;
		rc = coco_image_add(image, &run, NULL);
		if (model_add(model, first, length))
			ck_assert_msg(rc == 0, "seed %" PRIu64 ", run %u: %d for free pages", seed,
				      i, rc);
		else
			ck_assert_msg(rc == -EEXIST, "seed %" PRIu64 ", run %u: %d for an overlap",
				      seed, i, rc);
	}
	compare_runs(image, model);
	coco_image_unref(image);
	free(model);
}

START_TEST(random_runs_overlap_where_a_model_says_so)
{
	static const uint64_t longest[] = {1, 2, 8, 64, 1024};

	compare_with_model(longest[_i]);
}
END_TEST

int main(void)
{
	const char *given = getenv("COCO_SEED");
	Suite *suite = suite_create("image overlap");
	TCase *tcase = tcase_create("model");

	seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	state = seed | 1ull << 63;
	printf("COCO_SEED=%" PRIu64 "\n", seed);
	tcase_add_loop_test(tcase, random_runs_overlap_where_a_model_says_so, 0, 5);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
