/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The request object: does each field obey the rules that guests are promised, in this life and in
 * the next, and can a guest do anything to it but ask?
 */
#include "tenant.h"

#define FILE_GPA 0x200000ull

static struct fixture f;
static struct maker firmware;
static struct coco_fwupdate *update;
static struct coco_stage_options stage;

static void begin(uint32_t tech)
{
	struct coco_fwupdate_options options;

	fixture_launch(&f, tech);
	COCO_INIT(&options);
	COCO_INIT(&stage);
	stage.name = "a tenant's";
	options.stage = &stage;
	options.bios_size = ROM_SIZE;
	expect_ok(coco_fwupdate_new(f.guest, &options, &update, &f.error), &f.error);
}

static void end(void)
{
	coco_fwupdate_free(update);
	fixture_end(&f);
}

static void put_file(uint8_t mark)
{
	void *address;

	tenant_firmware(&firmware, mark);
	expect_ok(coco_guest_host_address(f.guest, FILE_GPA, MAKER_SIZE, &address, &f.error),
		  &f.error);
	memcpy(address, firmware.bytes, MAKER_SIZE);
}

static void put64(uint8_t *to, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get64(const uint8_t *from)
{
	uint64_t value = 0;

	for (int i = 7; i >= 0; i--)
		value = value << 8 | from[i];
	return value;
}

static int request(uint64_t size, uint64_t gpa)
{
	uint8_t blob[16];

	put64(blob, size);
	put64(blob + 8, gpa);
	expect_spoil(&f.error);
	return coco_fwupdate_write(update, COCO_FWUPDATE_BLOB, 0, blob, sizeof(blob), &f.error);
}

static int disable(uint8_t value)
{
	expect_spoil(&f.error);
	return coco_fwupdate_write(update, COCO_FWUPDATE_DISABLE, 0, &value, 1, &f.error);
}

/* What the guest reads. */
static void expect_fields(uint64_t size, uint64_t gpa, uint8_t disabled, uint32_t state, int code,
			  uint64_t generation)
{
	uint8_t value[16];

	expect_ok(coco_fwupdate_read(update, COCO_FWUPDATE_BLOB, 0, value, 16, &f.error), &f.error);
	ck_assert_uint_eq(get64(value), size);
	ck_assert_uint_eq(get64(value + 8), gpa);
	expect_ok(coco_fwupdate_read(update, COCO_FWUPDATE_DISABLE, 0, value, 1, &f.error),
		  &f.error);
	ck_assert_uint_eq(value[0], disabled);
	expect_ok(coco_fwupdate_read(update, COCO_FWUPDATE_STATUS, 0, value, 16, &f.error),
		  &f.error);
	ck_assert_uint_eq(get64(value) & UINT32_MAX, state);
	ck_assert_int_eq((int)(get64(value) >> 32), code);
	ck_assert_uint_eq(get64(value + 8), generation);
}

static void reset(void)
{
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	expect_ok(coco_fwupdate_reset(update, &f.error), &f.error);
}

static const uint32_t techs[] = {COCO_TECH_PLAIN, COCO_TECH_SWPROTECTED};

START_TEST(a_request_is_launched_and_told_of_in_the_next_life)
{
	uint8_t opaque[COCO_FWUPDATE_OPAQUE_SIZE] = {0};

	begin(techs[_i]);
	expect_fields(0, 0, 0, COCO_FWUPDATE_IDLE, 0, 0);
	memset(opaque, 0x0a, sizeof(opaque));
	expect_ok(coco_fwupdate_write(update, COCO_FWUPDATE_OPAQUE, 0, opaque, sizeof(opaque),
				      &f.error),
		  &f.error);
	expect_ok(coco_fwupdate_write(update, COCO_FWUPDATE_OPAQUE, 4090, "opaque", 6, &f.error),
		  &f.error);
	put_file(0x77);
	expect_ok(request(MAKER_SIZE, FILE_GPA), &f.error);
	expect_fields(MAKER_SIZE, FILE_GPA, 0, COCO_FWUPDATE_STAGED, 0, 1);
	ck_assert_str_eq(fixture_info(&f).staged_name, "a tenant's");
	reset();
	ck_assert_uint_eq(tenant_mark(&f), 0x77);
	expect_fields(0, 0, 0, COCO_FWUPDATE_LAUNCHED, 0, 2);
	memset(opaque, 0, sizeof(opaque));
	expect_ok(coco_fwupdate_read(update, COCO_FWUPDATE_OPAQUE, 4086, opaque, 10, &f.error),
		  &f.error);
	ck_assert_str_eq((const char *)opaque, "\n\n\n\nopaque");
	reset();
	ck_assert_uint_eq(tenant_mark(&f), 0x77);
	expect_fields(0, 0, 0, COCO_FWUPDATE_IDLE, 0, 3);
	end();
}
END_TEST

START_TEST(a_refusal_is_told_of_at_once_and_in_the_next_life)
{
	struct coco_fwupdate_info info;

	begin(COCO_TECH_PLAIN);
	expect_error(request(0x1000, 1ull << 52), &f.error, -EFAULT, "gpa");
	expect_fields(0, 0, 0, COCO_FWUPDATE_REFUSED, EFAULT, 1);
	COCO_INIT(&info);
	expect_ok(coco_fwupdate_get_info(update, &info, &f.error), &f.error);
	ck_assert_uint_eq(info.state, COCO_FWUPDATE_REFUSED);
	ck_assert_int_eq(info.refusal.code, -EFAULT);
	ck_assert_ptr_nonnull(strstr(info.refusal.text, "no memory"));
	reset();
	fixture_expect_image(&f);
	expect_fields(0, 0, 0, COCO_FWUPDATE_REFUSED, EFAULT, 1);
	reset();
	expect_fields(0, 0, 0, COCO_FWUPDATE_IDLE, 0, 3);
	end();
}
END_TEST

START_TEST(the_last_request_that_was_accepted_holds)
{
	begin(COCO_TECH_PLAIN);
	put_file(0x71);
	expect_ok(request(MAKER_SIZE, FILE_GPA), &f.error);
	expect_error(request(0x1000, FILE_GPA), &f.error, -EOPNOTSUPP, "payload");
	expect_fields(MAKER_SIZE, FILE_GPA, 0, COCO_FWUPDATE_STAGED, EOPNOTSUPP, 1);
	put_file(0x72);
	expect_ok(request(MAKER_SIZE, FILE_GPA), &f.error);
	expect_fields(MAKER_SIZE, FILE_GPA, 0, COCO_FWUPDATE_STAGED, 0, 1);
	reset();
	ck_assert_uint_eq(tenant_mark(&f), 0x72);
	/* And can be taken back. */
	put_file(0x73);
	expect_ok(request(MAKER_SIZE, FILE_GPA), &f.error);
	expect_ok(request(0, 0), &f.error);
	expect_fields(0, 0, 0, COCO_FWUPDATE_IDLE, 0, 2);
	reset();
	ck_assert_uint_eq(tenant_mark(&f), 0x72);
	end();
}
END_TEST

START_TEST(disabled_is_disabled_until_the_next_life)
{
	begin(COCO_TECH_PLAIN);
	put_file(0x71);
	expect_ok(disable(0), &f.error);
	expect_ok(request(MAKER_SIZE, FILE_GPA), &f.error);
	expect_ok(disable(3), &f.error);
	expect_fields(0, 0, 1, COCO_FWUPDATE_IDLE, 0, 1);
	expect_error(disable(0), &f.error, -EPERM, "field");
	expect_error(request(MAKER_SIZE, FILE_GPA), &f.error, -EPERM, "field");
	expect_error(request(0, 0), &f.error, -EPERM, "field");
	expect_ok(coco_fwupdate_write(update, COCO_FWUPDATE_OPAQUE, 0, "x", 1, &f.error), &f.error);
	reset();
	fixture_expect_image(&f);
	expect_fields(0, 0, 0, COCO_FWUPDATE_IDLE, 0, 2);
	put_file(0x71);
	expect_ok(request(MAKER_SIZE, FILE_GPA), &f.error);
	reset();
	ck_assert_uint_eq(tenant_mark(&f), 0x71);
	end();
}
END_TEST

static const struct access {
	uint32_t field;
	uint64_t offset;
	size_t size;
	int read, write;
} accesses[] = {
	{COCO_FWUPDATE_FIELDS, 0, 1, -EINVAL, -EINVAL},
	{UINT32_MAX, 0, 1, -EINVAL, -EINVAL},
	{COCO_FWUPDATE_CAP, 0, 8, 0, -EPERM},
	{COCO_FWUPDATE_CAP, 0, 9, -EINVAL, -EINVAL},
	{COCO_FWUPDATE_CAP, 8, 0, 0, -EPERM},
	{COCO_FWUPDATE_BIOS_SIZE, 7, 1, 0, -EPERM},
	{COCO_FWUPDATE_STATUS, 0, 16, 0, -EPERM},
	{COCO_FWUPDATE_STATUS, 1, 16, -EINVAL, -EINVAL},
	{COCO_FWUPDATE_BLOB, 0, 8, 0, -EINVAL},
	{COCO_FWUPDATE_BLOB, 8, 8, 0, -EINVAL},
	{COCO_FWUPDATE_BLOB, 0, 17, -EINVAL, -EINVAL},
	{COCO_FWUPDATE_BLOB, 17, 0, -EINVAL, -EINVAL},
	{COCO_FWUPDATE_DISABLE, 1, 1, -EINVAL, -EINVAL},
	{COCO_FWUPDATE_DISABLE, 0, 0, 0, -EINVAL},
	{COCO_FWUPDATE_OPAQUE, 4095, 1, 0, 0},
	{COCO_FWUPDATE_OPAQUE, 4095, 2, -EINVAL, -EINVAL},
	{COCO_FWUPDATE_OPAQUE, 4096, 0, 0, 0},
	{COCO_FWUPDATE_OPAQUE, UINT64_MAX, 2, -EINVAL, -EINVAL},
	{COCO_FWUPDATE_OPAQUE, 1, SIZE_MAX, -EINVAL, -EINVAL},
};

START_TEST(what_the_guest_says_is_checked)
{
	const struct access *row = &accesses[_i];
	uint8_t bytes[64];

	begin(COCO_TECH_PLAIN);
	memset(bytes, 0xee, sizeof(bytes));
	ck_assert_int_eq(
		coco_fwupdate_write(update, row->field, row->offset, bytes, row->size, &f.error),
		row->write);
	ck_assert_int_eq(
		coco_fwupdate_read(update, row->field, row->offset, bytes, row->size, &f.error),
		row->read);
	ck_assert_uint_eq(bytes[sizeof(bytes) - 1], 0xee);
	ck_assert_uint_eq(fixture_info(&f).staged, COCO_STAGED_NOTHING);
	end();
}
END_TEST

START_TEST(fields_have_names_and_sizes)
{
	struct coco_fwupdate_options options;
	struct coco_fwupdate_field_info info;
	uint8_t value[8];

	begin(COCO_TECH_PLAIN);
	COCO_INIT(&info);
	expect_ok(coco_fwupdate_get_field(COCO_FWUPDATE_OPAQUE, &info, &f.error), &f.error);
	ck_assert_str_eq(info.name, "etc/vmfwupdate/opaque-blob");
	ck_assert_uint_eq(info.size, 4096);
	ck_assert_uint_eq(info.writable, 1);
	expect_error(coco_fwupdate_get_field(6, &info, &f.error), &f.error, -EINVAL, "field");
	expect_ok(coco_fwupdate_read(update, COCO_FWUPDATE_CAP, 0, value, 8, &f.error), &f.error);
	ck_assert_uint_eq(get64(value), COCO_FWUPDATE_CAP_IGVM);
	expect_ok(coco_fwupdate_read(update, COCO_FWUPDATE_BIOS_SIZE, 0, value, 8, &f.error),
		  &f.error);
	ck_assert_uint_eq(get64(value), ROM_SIZE);
	coco_fwupdate_free(update);
	coco_fwupdate_free(NULL);

	stage.kinds = 1u << COCO_PAYLOAD_FIRMWARE;
	COCO_INIT(&options);
	options.stage = &stage;
	expect_error(coco_fwupdate_new(NULL, &options, &update, &f.error), &f.error, -EINVAL,
		     "guest");
	expect_error(coco_fwupdate_new(f.guest, &options, NULL, &f.error), &f.error, -EINVAL,
		     "out");
	expect_error(coco_fwupdate_reset(NULL, &f.error), &f.error, -EINVAL, "update");
	expect_ok(coco_fwupdate_new(f.guest, &options, &update, &f.error), &f.error);
	expect_ok(coco_fwupdate_read(update, COCO_FWUPDATE_CAP, 0, value, 8, &f.error), &f.error);
	ck_assert_uint_eq(get64(value), 0);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fwupdate");
	TCase *tcase = tcase_create("all");

	tcase_add_loop_test(tcase, a_request_is_launched_and_told_of_in_the_next_life, 0, 2);
	tcase_add_test(tcase, a_refusal_is_told_of_at_once_and_in_the_next_life);
	tcase_add_test(tcase, the_last_request_that_was_accepted_holds);
	tcase_add_test(tcase, disabled_is_disabled_until_the_next_life);
	tcase_add_loop_test(tcase, what_the_guest_says_is_checked, 0,
			    sizeof(accesses) / sizeof(accesses[0]));
	tcase_add_test(tcase, fields_have_names_and_sizes);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
