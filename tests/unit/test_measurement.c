/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Is an image measured once, however often it is launched, and another image again? */
#include "core/guest.h"
#include "core/measurement.h"

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

static void expect_asked(struct coco_guest *guest, unsigned predicted, unsigned checked)
{
	expect_ok(coco_measurement_predict(guest, &error), &error);
	ck_assert_uint_eq(predictions, predicted);
	ck_assert_uint_eq(checks, checked);
	ck_assert_uint_eq(coco_digest_bytes(guest->recipe.digest, NULL)[0], predicted);
}

START_TEST(an_image_is_measured_once)
{
	const struct coco_backend backend = {.name = "made up", .predict = predict, .check = check};
	struct coco_guest guest = {.recipe = {.backend = &backend, .vcpus = 2}};
	struct coco_image *first, *second;

	pthread_mutex_init(&guest.lock, NULL);
	expect_ok(coco_image_new(&first, &error), &error);
	expect_ok(coco_image_new(&second, &error), &error);

	/* A failure is no answer. */
	guest.recipe.image = first;
	answer = -EIO;
	ck_assert_int_eq(coco_measurement_predict(&guest, &error), -EIO);
	ck_assert_ptr_null(guest.recipe.digest);
	ck_assert_uint_eq(checks, 0);
	answer = 0;
	expect_asked(&guest, 2, 1);
	expect_asked(&guest, 2, 2);

	/* Another image, even where the first one's only other reference is gone. */
	guest.recipe.image = second;
	coco_image_unref(first);
	expect_asked(&guest, 3, 3);
	expect_asked(&guest, 3, 4);

	coco_digest_free(guest.recipe.digest);
	coco_image_unref(guest.recipe.digest_image);
	coco_image_unref(second);
	pthread_mutex_destroy(&guest.lock);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {an_image_is_measured_once, NULL};

	return expect_run(expect_suite("measurement", tests));
}
