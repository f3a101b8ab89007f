/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* TDX launches up to where the module begins: the order of commands, and what if one fails. */
#include "fixture.h"
#include "tdx_platform.h"

#include <openssl/evp.h>

static struct fixture f;
static struct tdx_platform tdx;
static struct coco_tdx_options given;

static void add_run(uint64_t gpa, uint64_t size, uint32_t kind, uint32_t flags)
{
	static const uint8_t bytes[COCO_PAGE_SIZE] = {0x5a};
	struct coco_page_run run;

	COCO_INIT(&run);
	run.gpa = gpa;
	run.size = size;
	run.kind = kind;
	run.flags = flags;
	run.bytes = kind == COCO_PAGE_DATA ? bytes : NULL;
	expect_ok(coco_image_add(f.image, &run, &f.error), &f.error);
}

static void init(void)
{
	tdx_fixture_init(&f, &tdx);
	COCO_INIT(&given);
	f.options.tech_options = &given;
}

static void end(void)
{
	fixture_end(&f);
	ck_assert(!tdx.wrong);
}

static void expect_log(const char *expected)
{
	expect_lines("commands", tdx.log, expected);
	tdx.used = 0;
	tdx.log[0] = '\0';
}

static void expect_module_error(int rc, int code, const char *call, uint64_t status)
{
	ck_assert_int_eq(rc, code);
	ck_assert_int_eq(f.error.code, code);
	ck_assert_str_eq(f.error.call, call);
	ck_assert_uint_eq(f.error.status, status);
}

static const char standard_launch[] = "bus cycle 40 ns\n"
				      "KVM_TDX_INIT_VM attributes=0x10000000 xfam=0x602e7 gpaw=48\n"
				      "KVM_TDX_INIT_VCPU rcx=0x0\n"
				      "KVM_TDX_INIT_VCPU rcx=0x0\n"
				      "KVM_TDX_INIT_MEM_REGION gpa=0x1000 pages=2 measured\n"
				      "KVM_TDX_INIT_MEM_REGION gpa=0x8000 pages=1 measured\n"
				      "KVM_TDX_INIT_MEM_REGION gpa=0xffffc000 pages=4 measured\n"
				      "KVM_TDX_FINALIZE_VM\n";

START_TEST(tdx_is_launched_and_reset_in_order)
{
	static const char launch[] = "tsc 2000000 kHz\n"
				     "bus cycle 40 ns\n"
				     "KVM_TDX_INIT_VM attributes=0x0 xfam=0xe7 gpaw=52\n"
				     "KVM_TDX_INIT_VCPU rcx=0x13000\n"
				     "KVM_TDX_INIT_VCPU rcx=0x13000\n"
				     "KVM_TDX_INIT_MEM_REGION gpa=0x1000 pages=2 measured\n"
				     "KVM_TDX_INIT_MEM_REGION gpa=0x8000 pages=1 measured\n"
				     "KVM_TDX_INIT_MEM_REGION gpa=0xffffc000 pages=4 measured\n"
				     "KVM_TDX_INIT_MEM_REGION gpa=0x10000 pages=1\n"
				     "KVM_TDX_INIT_MEM_REGION gpa=0x12000 pages=1\n"
				     "KVM_TDX_INIT_MEM_REGION gpa=0x11000 pages=1 measured\n"
				     "KVM_TDX_FINALIZE_VM\n";
	static const unsigned char pages[] = {0, 0, 0, 0, 0, 0, 0, 0x5a, 0, 0x5a};
	size_t size = 64;
	uint8_t bytes[64];

	init();
	add_run(0x10000, 0x1000, COCO_PAGE_DATA, COCO_RUN_UNMEASURED);
	add_run(0x12000, 0x1000, COCO_PAGE_ZERO, COCO_RUN_UNMEASURED);
	add_run(0x11000, 0x1000, COCO_PAGE_DATA, 0);
	expect_ok(coco_image_set_hob(f.image, 0x13000, &f.error), &f.error);
	given.pending_ve = 1;
	given.xfam = 0xe7;
	given.gpaw = 52;
	given.tsc_khz = 2000000;
	given.mrconfigid[0] = 1;
	given.mrowner[0] = 2;
	given.mrownerconfig[0] = 3;
	fixture_guest(&f);
	memset(&given, 0xff, sizeof(given)); /* the guest has a copy */
	for (int life = 0; life < 2; life++) {
		if (life)
			expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
		else
			expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
		expect_log(launch);
		ck_assert_uint_eq(fixture_info(&f).private_bytes, 0xa000);
		ck_assert_uint_eq(tdx.mrconfigid, 1);
		ck_assert_uint_eq(tdx.mrowner, 2);
		ck_assert_uint_eq(tdx.mrownerconfig, 3);
		/* The sources were the image's, and zeroes for pages of zeroes. */
		for (size_t i = 0; i < sizeof(pages); i++) {
			const uint64_t gpa =
				i < 2 ? DATA_GPA + i * 4096 : FIRMWARE_GPA + (i - 3) * 4096;
			const bool data = i < 7 && i != 2;

			ck_assert_uint_eq(tdx.page[i], data ? fixture_byte(gpa) : pages[i]);
		}
		/* The registers are the module's: nothing is read or written. */
		ck_assert_uint_eq(fake_kvm_count(f.fake, "KVM_GET_SREGS"), 0);
		ck_assert_uint_eq(fake_kvm_count(f.fake, "KVM_SET_SREGS"), 0);
		ck_assert_uint_eq(fake_kvm_count(f.fake, "KVM_SET_MSRS"), 0);
	}
	expect_error(coco_guest_get_launch_measure(f.guest, bytes, &size, &f.error), &f.error,
		     -ENODATA, "");
	end();
}
END_TEST

/*
 * What the module makes of a page for MRTD: TDX module ABI, TDH.MEM.PAGE.ADD and TDH.MR.EXTEND,
 * which KVM calls one after the other.
 */
static void hash_page(void *payload, uint64_t gpa, const unsigned char *bytes, bool measured)
{
	static const char extend[] = "MR.EXTEND";
	unsigned char record[128] = "MEM.PAGE.ADD";

	memcpy(record + 16, &gpa, sizeof(gpa));
	ck_assert_int_eq(EVP_DigestUpdate(payload, record, sizeof(record)), 1);
	for (uint64_t offset = 0; measured && offset < 4096; offset += 256) {
		const uint64_t chunk = gpa + offset;

		memset(record, 0, sizeof(record));
		memcpy(record, extend, sizeof(extend) - 1);
		memcpy(record + 16, &chunk, sizeof(chunk));
		ck_assert_int_eq(EVP_DigestUpdate(payload, record, sizeof(record)), 1);
		ck_assert_int_eq(EVP_DigestUpdate(payload, bytes + offset, 256), 1);
	}
}

START_TEST(the_launch_is_what_was_predicted)
{
	struct coco_measure_options options;
	struct coco_digest *digest = NULL;
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	unsigned char mrtd[48], known[64];
	unsigned int length = 0;
	const uint8_t *predicted;
	size_t size;

	ck_assert_ptr_nonnull(hash);
	init();
	add_run(0x30000, 0x1000, COCO_PAGE_DATA, COCO_RUN_UNMEASURED);
	add_run(0x2f000, 0x1000, COCO_PAGE_ZERO, COCO_RUN_UNMEASURED);
	add_run(0x40000, 0x203000, COCO_PAGE_ZERO, 0);
	add_run(0x20000, 0x1000, COCO_PAGE_DATA, 0);
	fixture_guest(&f);
	tdx.pages_at_once = 100;
	tdx.added = hash_page;
	tdx.added_payload = hash;
	COCO_INIT(&options);
	options.tech = COCO_TECH_TDX;
	expect_ok(coco_measure_image(f.image, &options, &digest, &f.error), &f.error);
	predicted = coco_digest_bytes(digest, &size);
	ck_assert_uint_eq(size, sizeof(mrtd));
	for (int life = 0; life < 2; life++) {
		ck_assert_int_eq(EVP_DigestInit_ex(hash, EVP_sha384(), NULL), 1);
		if (life)
			expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
		else
			expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
		ck_assert_int_eq(EVP_DigestFinal_ex(hash, mrtd, &length), 1);
		ck_assert_mem_eq(mrtd, predicted, sizeof(mrtd));
		size = sizeof(known);
		expect_ok(coco_guest_get_digest(f.guest, known, &size, &f.error), &f.error);
		ck_assert_uint_eq(size, sizeof(mrtd));
		ck_assert_mem_eq(known, mrtd, sizeof(mrtd));
	}
	EVP_MD_CTX_free(hash);
	coco_digest_free(digest);
	end();
}
END_TEST

START_TEST(defaults_are_what_linux_guests_want)
{
	init();
	f.options.tech_options = NULL;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	expect_log(standard_launch);
	end();
}
END_TEST

START_TEST(large_runs_are_added_in_parts)
{
	init();
	add_run(0x10000, 0x201000, COCO_PAGE_ZERO, 0);
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	ck_assert_ptr_nonnull(strstr(tdx.log,
				     "KVM_TDX_INIT_MEM_REGION gpa=0x10000 pages=512 measured\n"
				     "KVM_TDX_INIT_MEM_REGION gpa=0x210000 pages=1 measured\n"));
	end();
}
END_TEST

START_TEST(other_kinds_of_pages_are_refused)
{
	init();
	add_run(0x10000, 0x1000, COCO_PAGE_CPUID, 0);
	fixture_guest(&f);
	expect_error(coco_guest_launch(f.guest, &f.error), &f.error, -EINVAL, "image");
	expect_text(&f.error, "cpuid");
	fixture_expect_state(&f, COCO_STATE_CONFIGURED, 0);
	end();
}
END_TEST

START_TEST(partial_progress_and_signals_are_gone_on_from)
{
	static const int codes[] = {EINTR, EAGAIN, EBUSY};
	static const char pages[] =
		"KVM_TDX_INIT_MEM_REGION gpa=0x1000 pages=1 measured failed\n"
		"KVM_TDX_INIT_MEM_REGION gpa=0x2000 pages=1 measured\n"
		"KVM_TDX_INIT_MEM_REGION gpa=0x8000 pages=1 measured\n"
		"KVM_TDX_INIT_MEM_REGION gpa=0xffffc000 pages=1 measured failed\n"
		"KVM_TDX_INIT_MEM_REGION gpa=0xffffd000 pages=1 measured failed\n"
		"KVM_TDX_INIT_MEM_REGION gpa=0xffffe000 pages=1 measured failed\n"
		"KVM_TDX_INIT_MEM_REGION gpa=0xfffff000 pages=1 measured\n"
		"KVM_TDX_FINALIZE_VM\n";

	init();
	fixture_guest(&f);
	tdx.pages_at_once = 1;
	tdx.page_errno = codes[_i];
	tdx.fail_nth = 4;
	tdx.fail_count = 62;
	tdx.fail_errno = codes[_i];
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	ck_assert_uint_eq(tdx.fail_count, 0);
	ck_assert_str_eq(strstr(tdx.log, "KVM_TDX_INIT_MEM"), pages);

	/* Without end it is an error that says where. */
	tdx.fail_nth = 5;
	tdx.fail_count = 100;
	expect_error(coco_guest_reset(f.guest, &f.error), &f.error, -codes[_i], "");
	ck_assert_uint_eq(tdx.fail_count, 100 - 64);
	ck_assert_str_eq(f.error.call, "KVM_TDX_INIT_MEM_REGION");
	expect_text(&f.error, "0x2000");
	fixture_expect_state(&f, COCO_STATE_DOWN, 1);
	end();
}
END_TEST

START_TEST(what_asks_to_be_tried_again_is)
{
	static const struct {
		unsigned int nth;
		int code;
		const char *call;
		uint64_t status;
	} cases[] = {
		{1, EAGAIN, "KVM_TDX_INIT_VM", 0},
		{7, EBUSY, "KVM_TDX_FINALIZE_VM", 0x8000020000000080},
	};

	init();
	fixture_guest(&f);
	tdx.fail_nth = cases[_i].nth;
	tdx.fail_count = 62;
	tdx.fail_errno = cases[_i].code;
	tdx.fail_status = cases[_i].status; /* which has to be 0 again at the next try */
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	ck_assert_str_eq(tdx.failed, cases[_i].call);
	expect_log(standard_launch);

	tdx.fail_nth = cases[_i].nth;
	tdx.fail_count = 63;
	expect_module_error(coco_guest_reset(f.guest, &f.error), -cases[_i].code, cases[_i].call,
			    cases[_i].status);
	expect_text(&f.error, "try again");
	end();
}
END_TEST

START_TEST(a_reset_may_overlap_if_there_are_keys_for_two)
{
	static const struct {
		int code;
		uint64_t status;
		bool falls_back;
	} cases[] = {
		{ENOSPC, 0, true},
		{EBUSY, 0, true},
		{EINVAL, 0xc000010000000041, false},
		{EIO, 0, false},
	};

	init();
	f.options.strategy = COCO_STRATEGY_AUTO;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	tdx.used = 0;
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	expect_log(standard_launch);
	ck_assert_uint_eq(fake_kvm_most_vms(f.fake), 2);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint64_t generation = coco_guest_generation(f.guest);

		tdx.fail_nth = 1;
		tdx.fail_errno = cases[i].code;
		tdx.fail_status = cases[i].status;
		expect_spoil(&f.error);
		ck_assert_int_eq(coco_guest_reset(f.guest, &f.error),
				 cases[i].falls_back ? 0 : -cases[i].code);
		if (cases[i].falls_back) {
			fixture_expect_state(&f, COCO_STATE_RUNNABLE, generation + 1);
			ck_assert_int_eq(fixture_info(&f).fallback_code, -cases[i].code);
		} else {
			/* In its old life, which is whole. */
			fixture_expect_state(&f, COCO_STATE_PARKED, generation);
		}
	}
	end();
}
END_TEST

START_TEST(failures_are_said_in_words)
{
	static const struct {
		unsigned int nth;
		int code;
		uint64_t status;
		const char *call, *word;
	} cases[] = {
		{1, ENOSPC, 0, "KVM_TDX_INIT_VM", "key ids"},
		{1, EBUSY, 0, "KVM_TDX_INIT_VM", "misc.max"},
		{1, EINVAL, 0, "KVM_TDX_INIT_VM", "CPUID"},
		{1, EIO, 0, "KVM_TDX_INIT_VM", "CPU online"},
		{1, ENOMEM, 0, "KVM_TDX_INIT_VM", "log"},
		{1, EINVAL, 0xc000010000000041, "KVM_TDX_INIT_VM", "OPERAND_INVALID (XFAM)"},
		{1, EINVAL, 0xc000010000000045, "KVM_TDX_INIT_VM", "CPUID_CONFIG"},
		{1, EINVAL, 0xc0000fff00000000, "KVM_TDX_INIT_VM", "0xc0000fff00000000 unknown"},
		{2, EINVAL, 0, "KVM_TDX_INIT_VCPU", "x2APIC"},
		{2, EIO, 0, "KVM_TDX_INIT_VCPU", "log"},
		{4, EINVAL, 0, "KVM_TDX_INIT_MEM_REGION", "private memory"},
		{4, EFAULT, 0, "KVM_TDX_INIT_MEM_REGION", "guest_memfd"},
		{4, EHWPOISON, 0, "KVM_TDX_INIT_MEM_REGION", "defective"},
		{4, ENOMEM, 0, "KVM_TDX_INIT_MEM_REGION", "out of memory"},
		{5, EIO, 0, "KVM_TDX_INIT_MEM_REGION", "0x8000: the page is there already"},
		{4, EOPNOTSUPP, 0, "KVM_TDX_INIT_MEM_REGION", "not asked"},
		{7, EIO, 0x4000000200000000, "KVM_TDX_FINALIZE_VM", "NON_RECOVERABLE_TD,"},
		{7, EINVAL, 0, "KVM_TDX_FINALIZE_VM", "not asked"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		init();
		fixture_guest(&f);
		tdx.fail_nth = cases[i].nth;
		tdx.fail_errno = cases[i].code;
		tdx.fail_status = cases[i].status;
		expect_module_error(coco_guest_launch(f.guest, &f.error), -cases[i].code,
				    cases[i].call, cases[i].status);
		expect_text(&f.error, cases[i].word);
		fixture_expect_state(&f, COCO_STATE_DOWN, 0);
		end();
	}
}
END_TEST

START_TEST(any_command_may_fail)
{
	bool more = true;

	for (unsigned n = 1; more; n++) {
		const uint64_t generation = n % 2;
		int rc;

		init();
		fixture_guest(&f);
		if (generation)
			expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
		tdx.fail_nth = (n + 1) / 2;
		tdx.fail_errno = EIO;
		tdx.failed = NULL;
		expect_spoil(&f.error);
		rc = generation ? coco_guest_reset(f.guest, &f.error)
				: coco_guest_launch(f.guest, &f.error);
		more = tdx.failed != NULL;
		if (more) {
			ck_assert_int_eq(rc, -EIO);
			ck_assert_str_eq(f.error.call, tdx.failed);
			fixture_expect_state(&f, COCO_STATE_DOWN, generation);
			ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 0);
			ck_assert_uint_eq(fixture_info(&f).open_objects, 0);
			expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
		} else {
			ck_assert_int_eq(rc, 0);
		}
		fixture_expect_state(&f, COCO_STATE_RUNNABLE, generation + 1);
		end();
	}
}
END_TEST

START_TEST(any_system_call_may_fail)
{
	bool more = true;

	for (unsigned n = 1; more; n++) {
		int rc;

		init();
		fixture_guest(&f);
		fake_kvm_fail(f.fake, NULL, n, EIO, false);
		rc = coco_guest_launch(f.guest, &f.error);
		more = fake_kvm_failed_call(f.fake)[0] != '\0';
		fake_kvm_fail_clear(f.fake);
		if (rc) {
			fixture_expect_state(&f, COCO_STATE_DOWN, 0);
			ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 0);
			expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
		}
		fixture_expect_state(&f, COCO_STATE_RUNNABLE, 1);
		end();
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		tdx_is_launched_and_reset_in_order,
		the_launch_is_what_was_predicted,
		defaults_are_what_linux_guests_want,
		large_runs_are_added_in_parts,
		other_kinds_of_pages_are_refused,
		a_reset_may_overlap_if_there_are_keys_for_two,
		failures_are_said_in_words,
		any_command_may_fail,
		any_system_call_may_fail,
		NULL,
	};
	Suite *suite = expect_suite("tdx", tests);
	TCase *loops = tcase_create("loops");

	tcase_add_loop_test(loops, partial_progress_and_signals_are_gone_on_from, 0, 3);
	tcase_add_loop_test(loops, what_asks_to_be_tried_again_is, 0, 2);
	suite_add_tcase(suite, loops);
	return expect_run(suite);
}
