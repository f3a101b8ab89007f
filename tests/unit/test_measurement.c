/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Is what a guest is launched from measured once, however often that is? */
#include "core/guest.h"
#include "core/measurement.h"
#include "core/source.h"

#include "expect.h"

#include <errno.h>

static struct coco_error error;
static unsigned predictions, checks;
static int answer; /* what predict() returns */

static int predict(const struct coco_launch *launch, uint32_t flags, struct coco_digest **out,
		   struct coco_error *failure)
{
	static uint8_t bytes[48];
	struct coco_digest_account account;

	ck_assert_uint_eq(flags, 0);
	ck_assert_uint_eq(launch->vcpus, 2);
	predictions++;
	if (answer)
		return answer;
	bytes[0] = (uint8_t)predictions;
	COCO_INIT(&account);
	account.tech = COCO_TECH_SNP;
	account.digest = bytes;
	account.digest_size = sizeof(bytes);
	return coco_digest_from_steps(&account, out, failure);
}

static int check(const struct coco_launch *launch, struct coco_error *failure)
{
	(void)failure;
	checks++;
	ck_assert_ptr_nonnull(launch->digest);
	return 0;
}

static void expect_asked(struct coco_guest *guest, struct coco_source *source, unsigned predicted,
			 unsigned checked)
{
	expect_ok(coco_measurement_predict(guest, source, &error), &error);
	ck_assert_uint_eq(predictions, predicted);
	ck_assert_uint_eq(checks, checked);
	ck_assert_uint_eq(coco_digest_bytes(source->digest, NULL)[0], predicted);
}

START_TEST(a_source_is_measured_once)
{
	const struct coco_backend backend = {.name = "made up", .predict = predict, .check = check};
	struct coco_guest guest = {.recipe = {.backend = &backend, .vcpus = 2}};
	struct coco_source *first, *second;
	struct coco_image *image;

	pthread_mutex_init(&guest.lock, NULL);
	expect_ok(coco_image_new(&image, &error), &error);
	expect_ok(coco_source_new(image, &first, &error), &error);
	expect_ok(coco_source_new(image, &second, &error), &error);
	coco_image_unref(image);

	/* A failure is no answer. */
	answer = -EIO;
	ck_assert_int_eq(coco_measurement_predict(&guest, first, &error), -EIO);
	ck_assert_ptr_null(first->digest);
	ck_assert_uint_eq(checks, 0);
	answer = 0;
	expect_asked(&guest, first, 2, 1);
	expect_asked(&guest, first, 2, 2);
	coco_source_unref(first);
	expect_asked(&guest, second, 3, 3);
	expect_asked(&guest, second, 3, 4);
	coco_source_unref(second);
	pthread_mutex_destroy(&guest.lock);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {a_source_is_measured_once, NULL};

	return expect_run(expect_suite("measurement", tests));
}
