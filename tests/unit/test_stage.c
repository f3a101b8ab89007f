/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Is what was staged launched next, and for as long as was said? Does what is refused change
 * nothing? Does a reset that fails leave the recipe alone, whichever call it was? Is guest memory
 * read once, and only where the guest shares it?
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "script.h"
#include "tenant.h"
#include "vmm.h"

static struct fixture f;
static struct maker firmware;
static struct coco_stage_options options;

static const struct setting {
	const char *name;
	uint32_t tech, strategy;
} settings[] = {
	{"plain", COCO_TECH_PLAIN, COCO_STRATEGY_SEQUENTIAL},
	{"plain, overlap", COCO_TECH_PLAIN, COCO_STRATEGY_OVERLAP},
	{"protected", COCO_TECH_SWPROTECTED, COCO_STRATEGY_SEQUENTIAL},
	{"protected, overlap", COCO_TECH_SWPROTECTED, COCO_STRATEGY_OVERLAP},
};

#define SETTINGS ((int)(sizeof(settings) / sizeof(settings[0])))

static void launch(uint32_t tech)
{
	fixture_launch(&f, tech);
	COCO_INIT(&options);
}

static int stage_firmware(uint8_t mark)
{
	tenant_firmware(&firmware, mark);
	expect_spoil(&f.error);
	return coco_guest_stage_bytes(f.guest, firmware.bytes, sizeof(firmware.bytes), &options,
				      NULL, &f.error);
}

/* The guest's own image has nothing at the mark: all of the ROM but its end is zero. */
static void expect_running(uint8_t mark, uint32_t running)
{
	const struct coco_guest_info info = fixture_info(&f);

	ck_assert_uint_eq(tenant_mark(&f), mark);
	ck_assert_uint_eq(info.running, running);
	if (!mark)
		fixture_expect_image(&f);
}

static void expect_staged(uint32_t staged, const char *name)
{
	const struct coco_guest_info info = fixture_info(&f);

	ck_assert_uint_eq(info.staged, staged);
	ck_assert_str_eq(info.staged_name, name);
}

START_TEST(the_next_reset_launches_it_and_those_that_follow)
{
	launch(settings[_i].tech);
	expect_ok(stage_firmware(0x51), &f.error);
	expect_staged(COCO_STAGED_STAY, "raw firmware");
	expect_running(0, COCO_STAGED_NOTHING);
	for (int i = 0; i < 3; i++) {
		fixture_reset(&f, settings[_i].strategy);
		expect_running(0x51, COCO_STAGED_STAY);
		ck_assert_str_eq(fixture_info(&f).running_name, "raw firmware");
		expect_staged(COCO_STAGED_NOTHING, "");
	}
	expect_ok(coco_guest_unstage(f.guest, 0, &f.error), &f.error);
	fixture_reset(&f, settings[_i].strategy);
	expect_running(0x51, COCO_STAGED_STAY);
	expect_ok(coco_guest_unstage(f.guest, COCO_UNSTAGE_OWN, &f.error), &f.error);
	fixture_reset(&f, settings[_i].strategy);
	expect_running(0, COCO_STAGED_NOTHING);
	ck_assert_str_eq(fixture_info(&f).running_name, "");
	fixture_end(&f);
}
END_TEST

START_TEST(once_is_once)
{
	launch(settings[_i].tech);
	options.name = "visitor";
	expect_ok(stage_firmware(0x51), &f.error);
	fixture_reset(&f, settings[_i].strategy);
	expect_running(0x51, COCO_STAGED_STAY);

	options.flags = COCO_STAGE_ONCE;
	expect_ok(stage_firmware(0x52), &f.error);
	expect_staged(COCO_STAGED_ONCE, "visitor");
	fixture_reset(&f, settings[_i].strategy);
	expect_running(0x52, COCO_STAGED_ONCE);
	expect_staged(COCO_STAGED_NOTHING, "");
	/* Back to what was there, which is not the guest's own. */
	fixture_reset(&f, settings[_i].strategy);
	expect_running(0x51, COCO_STAGED_STAY);
	fixture_end(&f);
}
END_TEST

START_TEST(the_last_one_that_was_accepted_counts)
{
	launch(settings[_i].tech);
	expect_ok(stage_firmware(0x51), &f.error);
	options.name = "second";
	expect_ok(stage_firmware(0x52), &f.error);
	expect_staged(COCO_STAGED_STAY, "second");
	options.max_size = 1;
	expect_error(stage_firmware(0x53), &f.error, -EFBIG, "size");
	expect_staged(COCO_STAGED_STAY, "second");
	fixture_reset(&f, settings[_i].strategy);
	expect_running(0x52, COCO_STAGED_STAY);

	options.max_size = 0;
	expect_ok(stage_firmware(0x53), &f.error);
	expect_ok(coco_guest_unstage(f.guest, 0, &f.error), &f.error);
	expect_staged(COCO_STAGED_NOTHING, "");
	fixture_reset(&f, settings[_i].strategy);
	expect_running(0x52, COCO_STAGED_STAY);
	fixture_end(&f);
}
END_TEST

START_TEST(an_image_can_be_staged_as_it_is)
{
	struct coco_image *image;

	launch(settings[_i].tech);
	tenant_firmware(&firmware, 0x61);
	expect_ok(coco_image_new(&image, &f.error), &f.error);
	expect_ok(coco_image_add_firmware(image, firmware.bytes, sizeof(firmware.bytes), &f.error),
		  &f.error);
	expect_ok(coco_guest_stage_image(f.guest, image, NULL, NULL, &f.error), &f.error);
	expect_error(coco_image_set_ap_start(image, 0x1000, &f.error), &f.error, -EBUSY, "image");
	coco_image_unref(image);
	expect_staged(COCO_STAGED_STAY, "image");
	fixture_reset(&f, settings[_i].strategy);
	expect_running(0x61, COCO_STAGED_STAY);

	expect_error(coco_guest_stage_image(f.guest, NULL, NULL, NULL, &f.error), &f.error, -EINVAL,
		     "image");
	expect_ok(coco_guest_stage_image(f.guest, f.image, NULL, NULL, &f.error), &f.error);
	fixture_reset(&f, settings[_i].strategy);
	expect_running(0, COCO_STAGED_STAY);
	fixture_end(&f);
}
END_TEST

/* ---- failures */

static int reset_with(uint32_t strategy)
{
	struct coco_reset_options reset;

	COCO_INIT(&reset);
	reset.strategy = strategy;
	expect_spoil(&f.error);
	return coco_guest_reset_with(f.guest, &reset, &f.error);
}

/*
 * Each call of the reset fails in turn. Then the recipe has the old firmware, and the new one is
 * staged still: either can be had.
 */
static bool fail_nth(const struct setting *setting, unsigned n)
{
	bool failed;
	int r;

	launch(setting->tech);
	expect_ok(stage_firmware(0x51), &f.error);
	fake_kvm_fail(f.fake, NULL, n, EIO, false);
	r = reset_with(setting->strategy);
	failed = fake_kvm_failed_call(f.fake)[0] != '\0';
	fake_kvm_fail_clear(f.fake);
	if (r) {
		expect_staged(COCO_STAGED_STAY, "raw firmware");
		if (n % 2)
			expect_ok(coco_guest_unstage(f.guest, 0, &f.error), &f.error);
		fixture_reset(&f, setting->strategy);
		expect_running(n % 2 ? 0 : 0x51, n % 2 ? COCO_STAGED_NOTHING : COCO_STAGED_STAY);
	} else {
		expect_running(0x51, COCO_STAGED_STAY);
	}
	expect_staged(COCO_STAGED_NOTHING, "");
	fixture_end(&f);
	return failed;
}

START_TEST(a_reset_that_fails_leaves_the_old_firmware_in_the_recipe)
{
	unsigned n = 1;

	while (fail_nth(&settings[_i], n))
		n++;
	ck_assert_uint_gt(n, 20);
}
END_TEST

START_TEST(a_failed_overlap_goes_on_in_the_old_firmware)
{
	launch(COCO_TECH_SWPROTECTED);
	expect_ok(stage_firmware(0x51), &f.error);
	fake_kvm_fail(f.fake, "KVM_SET_CPUID2", 1, EIO, false);
	ck_assert_int_eq(reset_with(COCO_STRATEGY_OVERLAP), -EIO);
	fake_kvm_fail_clear(f.fake);
	fixture_expect_state(&f, COCO_STATE_PARKED, 1);
	expect_running(0, COCO_STAGED_NOTHING);
	expect_staged(COCO_STAGED_STAY, "raw firmware");
	expect_ok(coco_guest_resume(f.guest, &f.error), &f.error);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 1);
	fixture_end(&f);
}
END_TEST

/* ---- what is refused */

static int refuse(void *payload, const struct coco_stage_offer *offer)
{
	ck_assert_ptr_eq(payload, &f);
	ck_assert_uint_eq(offer->kind, COCO_PAYLOAD_FIRMWARE);
	ck_assert_uint_eq(offer->size, MAKER_SIZE);
	ck_assert_uint_eq(offer->is_uki, 0);
	ck_assert_str_eq(offer->name, "raw firmware");
	ck_assert_uint_eq(coco_image_run_count(offer->image), 1);
	ck_assert_ptr_null(offer->digest);
	return -EXDEV;
}

static const struct bad_options {
	int code;
	const char *field;
	struct coco_stage_options options;
} bad_options[] = {
	{-EINVAL, "flags", {.flags = 0x8}},
	{-EINVAL, "reserved0", {.reserved0 = 1}},
	{-EINVAL,
	 "name",
	 {.name = "0123456789012345678901234567890123456789012345678901234567890123"}},
	{-EINVAL, "chids", {.chid_count = 1}},
	{-EINVAL, "chids", {.chids = &f}},
	{-EINVAL, "firmware_id", {.chids = &f, .chid_count = 1, .firmware_id = "x"}},
	{-EINVAL, "flags", {.flags = COCO_STAGE_KERNEL_HASHES}},
	{-EPERM, "techs", {.techs = 1u << COCO_TECH_SNP}},
	{-EPERM, "kinds", {.kinds = 1u << COCO_PAYLOAD_IGVM | 1u << COCO_PAYLOAD_PE}},
	{-EFBIG, "size", {.max_size = MAKER_SIZE - 1}},
	{-EXDEV, "accept", {.accept = refuse, .accept_payload = &f}},
};

START_TEST(bad_options_are_refused_by_their_names)
{
	const struct bad_options *row = &bad_options[_i];

	launch(COCO_TECH_PLAIN);
	expect_ok(stage_firmware(0x51), &f.error);
	options = row->options;
	options.struct_size = sizeof(options);
	expect_error(stage_firmware(0x52), &f.error, row->code, row->field);
	options.struct_size = 7;
	expect_error(stage_firmware(0x52), &f.error, -EINVAL, "struct_size");
	expect_error(coco_guest_unstage(f.guest, 2, &f.error), &f.error, -EINVAL, "flags");
	fixture_reset(&f, 0);
	expect_running(0x51, COCO_STAGED_STAY);
	fixture_end(&f);
}
END_TEST

START_TEST(files_that_are_none_are_refused)
{
	static const uint8_t capsule[0x2000] = {0xed, 0xd5, 0xcb, 0x6d, 0x2d, 0xe8, 0x44, 0x4c,
						0xbd, 0xa1, 0x71, 0x94, 0x19, 0x9a, 0xd9, 0x2a};
	static const uint8_t zeroes[0x2000];
	struct coco_image *image;

	launch(COCO_TECH_PLAIN);
	expect_ok(stage_firmware(0x51), &f.error);
	expect_error(coco_guest_stage_bytes(f.guest, zeroes, 0, NULL, NULL, &f.error), &f.error,
		     -EOPNOTSUPP, "payload");
	expect_error(coco_guest_stage_bytes(f.guest, NULL, 1, NULL, NULL, &f.error), &f.error,
		     -EINVAL, "bytes");
	expect_error(coco_guest_stage_bytes(f.guest, zeroes, sizeof(zeroes), NULL, NULL, &f.error),
		     &f.error, -EOPNOTSUPP, "payload");
	expect_error(
		coco_guest_stage_bytes(f.guest, capsule, sizeof(capsule), NULL, NULL, &f.error),
		&f.error, -EOPNOTSUPP, "payload");
	expect_text(&f.error, "UEFI capsule");
	/* What a launch would refuse. */
	expect_ok(coco_image_new(&image, &f.error), &f.error);
	expect_ok(coco_image_add_firmware(image, zeroes, sizeof(zeroes), &f.error), &f.error);
	expect_ok(
		coco_image_add(image,
			       &(struct coco_page_run){.struct_size = sizeof(struct coco_page_run),
						       .gpa = RAM_SIZE,
						       .size = COCO_PAGE_SIZE,
						       .kind = COCO_PAGE_ZERO},
			       &f.error),
		&f.error);
	expect_error(coco_guest_stage_image(f.guest, image, NULL, NULL, &f.error), &f.error,
		     -EINVAL, "image");
	coco_image_unref(image);
	fixture_reset(&f, 0);
	expect_running(0x51, COCO_STAGED_STAY);
	fixture_end(&f);
}
END_TEST

START_TEST(not_before_the_first_launch_and_not_after_the_last)
{
	fixture_init(&f, COCO_TECH_PLAIN);
	fixture_guest(&f);
	COCO_INIT(&options);
	expect_error(stage_firmware(1), &f.error, -EBUSY, "state");
	expect_error(coco_guest_stage_from_guest(f.guest, 0, 1, NULL, NULL, &f.error), &f.error,
		     -EBUSY, "state");
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	expect_ok(stage_firmware(1), &f.error);
	expect_ok(coco_guest_teardown(f.guest, &f.error), &f.error);
	expect_error(stage_firmware(1), &f.error, -EBUSY, "state");
	expect_error(coco_guest_stage_image(f.guest, f.image, NULL, NULL, &f.error), &f.error,
		     -EBUSY, "state");
	expect_error(coco_guest_unstage(f.guest, 0, &f.error), &f.error, -EBUSY, "state");
	fixture_end(&f);
}
END_TEST

START_TEST(a_guest_that_is_down_can_be_given_other_firmware)
{
	launch(COCO_TECH_PLAIN);
	fake_kvm_fail(f.fake, "KVM_CREATE_VM", 1, EIO, false);
	ck_assert_int_eq(coco_guest_reset(f.guest, &f.error), -EIO);
	fixture_expect_state(&f, COCO_STATE_DOWN, 1);
	expect_ok(stage_firmware(0x51), &f.error);
	expect_error(coco_guest_stage_from_guest(f.guest, 0, 1, NULL, NULL, &f.error), &f.error,
		     -EBUSY, "state");
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	fixture_label(&f);
	expect_running(0x51, COCO_STAGED_STAY);
	fixture_end(&f);
}
END_TEST

/* ---- files */

static int make_file(const void *bytes, size_t size)
{
	FILE *file = tmpfile();

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
	ck_assert_int_eq(fflush(file), 0);
	return fileno(file);
}

START_TEST(a_file_is_read_from_its_beginning)
{
	int pipes[2], fd;

	launch(COCO_TECH_PLAIN);
	tenant_firmware(&firmware, 0x71);
	fd = make_file(firmware.bytes, sizeof(firmware.bytes));
	expect_ok(coco_guest_stage_file(f.guest, fd, NULL, NULL, &f.error), &f.error);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), sizeof(firmware.bytes));
	fixture_reset(&f, 0);
	expect_running(0x71, COCO_STAGED_STAY);

	ck_assert_int_eq(pipe(pipes), 0);
	expect_error(coco_guest_stage_file(f.guest, pipes[0], NULL, NULL, &f.error), &f.error,
		     -EINVAL, "fd");
	expect_call_error(coco_guest_stage_file(f.guest, -1, NULL, NULL, &f.error), &f.error,
			  -EBADF, "fstat");
	options.max_size = 0x8000;
	expect_error(coco_guest_stage_file(f.guest, fd, &options, NULL, &f.error), &f.error, -EFBIG,
		     "size");
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
	fixture_end(&f);
}
END_TEST

/* ---- from the guest's memory */

#define FILE_GPA 0x200000ull

static uint8_t *host_address(uint64_t gpa)
{
	void *address = NULL;

	expect_ok(coco_guest_host_address(f.guest, gpa, 1, &address, &f.error), &f.error);
	return address;
}

static void write_file(uint8_t mark)
{
	tenant_firmware(&firmware, mark);
	memcpy(host_address(FILE_GPA), firmware.bytes, sizeof(firmware.bytes));
}

static int stage_from(uint64_t gpa, uint64_t size)
{
	expect_spoil(&f.error);
	return coco_guest_stage_from_guest(f.guest, gpa, size, &options, NULL, &f.error);
}

static int rewrite(void *payload, const struct coco_stage_offer *offer)
{
	(void)payload;
	(void)offer;
	memset(host_address(FILE_GPA), 0xff, sizeof(firmware.bytes));
	return 0;
}

START_TEST(the_copy_is_launched_whatever_the_guest_writes_meanwhile)
{
	launch(settings[_i].tech);
	write_file(0x81);
	options.accept = rewrite;
	expect_ok(stage_from(FILE_GPA, sizeof(firmware.bytes)), &f.error);
	fixture_reset(&f, settings[_i].strategy);
	expect_running(0x81, COCO_STAGED_STAY);
	fixture_end(&f);
}
END_TEST

static const struct range {
	uint64_t gpa, size;
	int code;
	const char *field;
} ranges[] = {
	{FILE_GPA, 0, -EINVAL, "size"},
	{FILE_GPA, 0x4000001, -EFBIG, "size"},
	{FILE_GPA, UINT64_MAX, -EFBIG, "size"},
	{UINT64_MAX - 0xfff, 0x2000, -EOVERFLOW, "size"},
	{UINT64_MAX, 1, -EOVERFLOW, "size"},
	{UINT64_MAX, 2, -EOVERFLOW, "size"},
	{RAM_SIZE, 0x1000, -EFAULT, "gpa"},
	{1ull << 52, 0x1000, -EFAULT, "gpa"},
	{RAM_SIZE - 0x1000, 0x1001, -EFAULT, "size"},
	{ROM_GPA + ROM_SIZE - 1, 2, -EFAULT, "size"},
	/* In private memory, in part of it, and up to a byte of it. */
	{DATA_GPA, 0x1000, -EACCES, "gpa"},
	{DATA_GPA - 1, 2, -EACCES, "gpa"},
	{FIRMWARE_GPA - 0x1000, 0x1001, -EACCES, "gpa"},
	/* Shared, and no firmware. */
	{FILE_GPA, 1, -EOPNOTSUPP, "payload"},
	{RAM_SIZE - 1, 1, -EOPNOTSUPP, "payload"},
};

START_TEST(ranges_that_are_not_shared_memory_are_refused)
{
	launch(COCO_TECH_SWPROTECTED);
	expect_ok(stage_firmware(0x51), &f.error);
	expect_error(stage_from(ranges[_i].gpa, ranges[_i].size), &f.error, ranges[_i].code,
		     ranges[_i].field);
	expect_staged(COCO_STAGED_STAY, "raw firmware");
	fixture_end(&f);
}
END_TEST

START_TEST(touching_regions_are_two)
{
	launch(COCO_TECH_PLAIN);
	fixture_end(&f);
	fixture_init(&f, COCO_TECH_PLAIN);
	COCO_INIT(&options);
	fixture_guest(&f);
	expect_ok(fixture_add_memory(&f, RAM_SIZE, 0x10000, NULL, 0), &f.error);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	expect_error(stage_from(RAM_SIZE - 0x8000, 0x10000), &f.error, -EFAULT, "size");
	expect_text(&f.error, "ends at 0x400000");
	fixture_end(&f);
}
END_TEST

START_TEST(what_the_guest_has_made_private_can_not_be_read)
{
	struct script script;

	launch(COCO_TECH_SWPROTECTED);
	script_start(&script, &f,
		     (const struct script_step[]){
			     {.kind = SCRIPT_MAP,
			      .gpa = FILE_GPA + 0x8000,
			      .pages = 1,
			      .to_private = true},
			     {.kind = SCRIPT_HLT},
			     {.kind = SCRIPT_MAP, .gpa = FILE_GPA + 0x8000, .pages = 1},
			     {.kind = SCRIPT_END},
		     });
	ck_assert_int_eq(
		script_run(&f, &(struct coco_exit){.struct_size = sizeof(struct coco_exit)}), 0);
	expect_error(stage_from(FILE_GPA, sizeof(firmware.bytes)), &f.error, -EACCES, "gpa");
	script_run_to_end(&f);
	write_file(0x82);
	expect_ok(stage_from(FILE_GPA, sizeof(firmware.bytes)), &f.error);
	fixture_end(&f);
}
END_TEST

/* ---- while a reset is under way */

START_TEST(a_reset_that_is_under_way_is_left_alone)
{
	struct caller caller;

	launch(COCO_TECH_PLAIN);
	expect_ok(stage_firmware(0x51), &f.error);
	fake_kvm_hold(f.fake, "KVM_CREATE_VM");
	caller_start(&caller, f.guest, coco_guest_reset);
	fake_kvm_await_held(f.fake);
	/* The request of a life that is over. */
	expect_error(stage_from(FILE_GPA, 0x1000), &f.error, -EBUSY, "state");
	/* And the VMM's own, for the life after the next. */
	if (_i)
		expect_ok(coco_guest_unstage(f.guest, COCO_UNSTAGE_OWN, &f.error), &f.error);
	else
		expect_ok(stage_firmware(0x52), &f.error);
	fake_kvm_release(f.fake);
	ck_assert_int_eq(caller_join(&caller), 0);
	expect_running(0x51, COCO_STAGED_STAY);
	expect_staged(_i ? COCO_STAGED_NOTHING : COCO_STAGED_STAY, _i ? "" : "raw firmware");
	fixture_reset(&f, 0);
	expect_running(_i ? 0x51 : 0x52, COCO_STAGED_STAY);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stage");
	TCase *tcase = tcase_create("all");

	tcase_set_timeout(tcase, 0);
	tcase_add_loop_test(tcase, the_next_reset_launches_it_and_those_that_follow, 0, SETTINGS);
	tcase_add_loop_test(tcase, once_is_once, 0, SETTINGS);
	tcase_add_loop_test(tcase, the_last_one_that_was_accepted_counts, 0, SETTINGS);
	tcase_add_loop_test(tcase, an_image_can_be_staged_as_it_is, 0, SETTINGS);
	tcase_add_loop_test(tcase, a_reset_that_fails_leaves_the_old_firmware_in_the_recipe, 0,
			    SETTINGS);
	tcase_add_test(tcase, a_failed_overlap_goes_on_in_the_old_firmware);
	tcase_add_loop_test(tcase, bad_options_are_refused_by_their_names, 0,
			    sizeof(bad_options) / sizeof(bad_options[0]));
	tcase_add_test(tcase, files_that_are_none_are_refused);
	tcase_add_test(tcase, not_before_the_first_launch_and_not_after_the_last);
	tcase_add_test(tcase, a_guest_that_is_down_can_be_given_other_firmware);
	tcase_add_test(tcase, a_file_is_read_from_its_beginning);
	tcase_add_loop_test(tcase, the_copy_is_launched_whatever_the_guest_writes_meanwhile, 0,
			    SETTINGS);
	tcase_add_loop_test(tcase, ranges_that_are_not_shared_memory_are_refused, 0,
			    sizeof(ranges) / sizeof(ranges[0]));
	tcase_add_test(tcase, touching_regions_are_two);
	tcase_add_test(tcase, what_the_guest_has_made_private_can_not_be_read);
	tcase_add_loop_test(tcase, a_reset_that_is_under_way_is_left_alone, 0, 2);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
