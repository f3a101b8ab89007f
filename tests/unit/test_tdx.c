/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * TDX up to where the module begins: options, CPUID, the order of commands, what is done when one
 * fails.
 */
#include "fixture.h"
#include "tdx_platform.h"

#include "kvm/uapi.h"
#include "kvm/uapi_tdx.h"

#include <stdlib.h>

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

static void init_with(int types)
{
	fixture_init(&f, COCO_TECH_TDX);
	tdx_platform_init(&tdx, fake_kvm_platform(f.fake));
	fake_kvm_set_extension(f.fake, FAKE_SCOPE_ALL, UAPI_CAP_VM_TYPES, types);
	fake_kvm_set_extension(f.fake, FAKE_SCOPE_ALL, UAPI_CAP_APIC_BUS_CYCLES_NS, 1);
	fake_kvm_set_extension(f.fake, UAPI_VM_TYPE_TDX, KVM_CAP_MAX_VCPUS, 96);
	fixture_reopen(&f, &tdx.platform, NULL, NULL);
	f.options.vcpus = 2;
	f.options.irqchip = COCO_IRQCHIP_SPLIT;
	COCO_INIT(&given);
	f.options.tech_options = &given;
}

static void init(void)
{
	init_with(0x21);
}

static void end(void)
{
	fixture_end(&f);
	ck_assert(!tdx.wrong);
}

static void end_without_guest(void)
{
	coco_image_unref(f.image);
	coco_host_close(f.host);
	expect_clean(f.fake);
	ck_assert(!tdx.wrong);
}

static void expect_refused(const char *field, const char *word)
{
	struct coco_guest *guest = NULL;

	expect_error(coco_guest_new(f.host, &f.options, &guest, &f.error), &f.error, -EINVAL,
		     field);
	expect_text(&f.error, word);
	ck_assert_ptr_null(guest);
	COCO_INIT(&given);
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

START_TEST(bad_options_are_refused)
{
	init();
	given.attributes = COCO_TDX_ATTRIBUTE_DEBUG;
	expect_refused("tech_options.attributes", "0x1 of 0x10000001, only 0x10000000");
	given.xfam = 0x600e7 | 1ull << 40;
	expect_refused("tech_options.xfam", "0x10000000000");
	given.pending_ve = 2;
	expect_refused("tech_options.pending_ve", "2");
	given.pending_ve = 1;
	given.attributes = COCO_TDX_ATTRIBUTE_SEPT_VE_DISABLE;
	expect_refused("tech_options.pending_ve", "SEPT_VE_DISABLE");
	given.gpaw = 47;
	expect_refused("tech_options.gpaw", "47");
	given.reserved0 = 1;
	expect_refused("tech_options.reserved0", "reserved0");
	given.struct_size = 8;
	expect_refused("struct_size", "tech_options");
	end();
}
END_TEST

START_TEST(tsc_frequencies_are_the_modules)
{
	static const uint32_t bad[] = {1, 75000, 99999, 2100001, 10025000, UINT32_MAX};
	static const struct {
		uint32_t host, given;
		const char *log;
	} cases[] = {
		{2100000, 0, ""},
		{2112345, 0, "tsc 2100000 kHz\n"},
		{2100000, 100000, "tsc 100000 kHz\n"},
		{2112345, 10000000, "tsc 10000000 kHz\n"},
		{0, 0, ""},
	};

	init();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		given.tsc_khz = bad[i];
		expect_refused("tech_options.tsc_khz", "25000");
	}
	end();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const size_t length = strlen(cases[i].log);

		init();
		tdx.tsc_khz = cases[i].host;
		given.tsc_khz = cases[i].given;
		fixture_guest(&f);
		expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
		/* Before the module samples it, at INIT_VM. */
		ck_assert_int_eq(strncmp(tdx.log, cases[i].log, length), 0);
		ck_assert_ptr_null(strstr(tdx.log + length, "tsc"));
		end();
	}
}
END_TEST

START_TEST(the_irqchip_has_to_be_split)
{
	init();
	f.options.irqchip = COCO_IRQCHIP_NONE;
	expect_refused("irqchip", "COCO_IRQCHIP_NONE");
	f.options.irqchip = COCO_IRQCHIP_FULL;
	expect_refused("irqchip", "COCO_IRQCHIP_FULL");
	end();
}
END_TEST

START_TEST(a_host_says_what_it_lacks)
{
	struct coco_tech_info info;

	COCO_INIT(&info);
	init_with(0x1f);
	expect_ok(coco_host_probe(f.host, COCO_TECH_TDX, &info, &f.error), &f.error);
	ck_assert_uint_eq(info.launchable, 0);
	ck_assert_uint_eq(info.private_memory, 1);
	ck_assert_ptr_nonnull(strstr(info.reason, "tdx=1"));
	ck_assert_uint_eq(fake_kvm_count(f.fake, "KVM_CREATE_VM"), 0);
	end_without_guest();

	init();
	fake_kvm_set_extension(f.fake, FAKE_SCOPE_ALL, KVM_CAP_EXIT_HYPERCALL, 0);
	expect_ok(coco_host_probe(f.host, COCO_TECH_TDX, &info, &f.error), &f.error);
	ck_assert_uint_eq(info.launchable, 0);
	ck_assert_ptr_nonnull(strstr(info.reason, "KVM_CAP_EXIT_HYPERCALL"));
	end_without_guest();

	init();
	fake_kvm_fail(f.fake, "KVM_CREATE_VM", 1, ENOMEM, false);
	expect_ok(coco_host_probe(f.host, COCO_TECH_TDX, &info, &f.error), &f.error);
	ck_assert_uint_eq(info.launchable, 0);
	ck_assert_ptr_nonnull(strstr(info.reason, "empty TDX VM"));
	/* The limit is that of such a VM, not the host's. */
	expect_ok(coco_host_probe(f.host, COCO_TECH_TDX, &info, &f.error), &f.error);
	ck_assert_uint_eq(info.launchable, 1);
	ck_assert_uint_eq(info.max_vcpus, 96);
	ck_assert_str_eq(info.reason, "");
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 0);
	end_without_guest();
}
END_TEST

START_TEST(the_cgroup_tells_how_many_keys_there_are)
{
	static char long_text[4096];
	static const struct {
		const char *capacity, *current;
		uint32_t keys, used;
	} cases[] = {
		{"tdx 31\n", "tdx 5\n", 31, 5},
		{"sev 10\nsev_es 5\ntdx 31", "sev 0\nsev_es 0\ntdx 31", 31, 31},
		{NULL, NULL, 0, 0},
		{"tdx 31\n", NULL, 0, 0},
		{NULL, "tdx 5\n", 0, 0},
		{"", "", 0, 0},
		{"xtdx 3\ntdxx 4\n", "tdx 5\n", 0, 0},
		{"tdx \n", "tdx 5\n", 0, 0},
		{"tdx x\n", "tdx 5\n", 0, 0},
		{"tdx 4294967296\n", "tdx 5\n", 0, 0},
		{"tdx 99999999999999999999999\n", "tdx 5\n", 0, 0},
		{long_text, "tdx 5\n", 0, 0},
	};
	struct coco_tech_info info;

	memset(long_text, 'x', sizeof(long_text) - 1);
	init();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		COCO_INIT(&info);
		tdx.capacity = cases[i].capacity;
		tdx.current = cases[i].current;
		expect_ok(coco_host_probe(f.host, COCO_TECH_TDX, &info, &f.error), &f.error);
		ck_assert_uint_eq(info.launchable, 1);
		ck_assert_uint_eq(info.keys, cases[i].keys);
		ck_assert_uint_eq(info.keys_used, cases[i].used);
	}
	end_without_guest();
}
END_TEST

START_TEST(capabilities_of_any_size_are_read)
{
	struct coco_tech_info info;

	COCO_INIT(&info);
	init();
	/* More than the first room, and KVM does not say how many. */
	for (uint32_t i = tdx.leaf_count; i < TDX_PLATFORM_LEAVES; i++)
		tdx.leaves[i] = (struct kvm_cpuid_entry2){.function = 0x100 + i};
	tdx.leaf_count = TDX_PLATFORM_LEAVES;
	expect_ok(coco_host_probe(f.host, COCO_TECH_TDX, &info, &f.error), &f.error);
	ck_assert_uint_eq(info.launchable, 1);
	/* Without an end to it. */
	tdx.leaf_count = 1000;
	expect_ok(coco_host_probe(f.host, COCO_TECH_TDX, &info, &f.error), &f.error);
	ck_assert_uint_eq(info.launchable, 0);
	ck_assert_ptr_nonnull(strstr(info.reason, "asking"));
	end_without_guest();
}
END_TEST

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

static struct kvm_cpuid2 *cpuid; /* of the tests that give one */

static void give_cpuid(void)
{
	static const struct kvm_cpuid_entry2 entries[] = {
		{.function = 1, .eax = 0xc06f2, .ecx = 0x80000001},
		{.function = 7, .flags = 1, .ebx = 1u << 4 | 1u << 11 | 9, .ecx = 0x420},
		{.function = 0xd, .index = 2, .flags = 1, .eax = 0x100, .ebx = 0x240},
		{.function = 0xd, .index = 5, .flags = 1, .eax = 0x40},
		{.function = 0x40000001, .eax = 0xffffffff},
		{.function = 0x80000000, .eax = 0x80000008},
		{.function = 0x80000008, .eax = 0x00343934},
		{.function = 0x80000001, .eax = 1},
	};

	if (cpuid == NULL)
		cpuid = malloc(sizeof(*cpuid) + sizeof(entries));
	ck_assert_ptr_nonnull(cpuid);
	cpuid->nent = sizeof(entries) / sizeof(entries[0]);
	memcpy(cpuid->entries, entries, sizeof(entries));
	f.options.cpuid = cpuid;
}

static void take_cpuid(void)
{
	free(cpuid);
	cpuid = NULL;
}

START_TEST(cpuid_is_cut_to_what_the_module_lets_choose)
{
	init();
	give_cpuid();
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	/* The fake refuses what is not configurable, HLE, RTM, WAITPKG, and a list with more. */
	ck_assert_uint_eq(tdx.told_count, 6);
	ck_assert_uint_eq(tdx_platform_told(&tdx, 1, 0)->eax, 0xc06f2 & 0xfff3fff);
	ck_assert_uint_eq(tdx_platform_told(&tdx, 1, 0)->ecx, 0x80000000);
	ck_assert_uint_eq(tdx_platform_told(&tdx, 7, 0)->ebx, 9);
	ck_assert_uint_eq(tdx_platform_told(&tdx, 7, 0)->ecx, 0x400);
	/* Each subleaf has its own, though capabilities have no flags; one is not in the list. */
	ck_assert_uint_eq(tdx_platform_told(&tdx, 0xd, 2)->eax, 0x100);
	ck_assert_uint_eq(tdx_platform_told(&tdx, 0xd, 2)->ebx, 0);
	ck_assert_uint_eq(tdx_platform_told(&tdx, 0xd, 5)->eax, 0);
	ck_assert_uint_eq(tdx_platform_told(&tdx, 0xd, 30)->eax, 0);
	/* The width is 52, as it says; the vCPUs are told the same. */
	ck_assert_uint_eq(tdx_platform_told(&tdx, 0x80000008, 0)->eax, 0x340034);
	ck_assert_uint_eq(tdx.cpuid_width, 52);
	/* What takes the host's hand in guest memory is not offered. */
	ck_assert_uint_eq(tdx.cpuid_kvm, 0xb882);
	take_cpuid();
	end();
}
END_TEST

START_TEST(leaves_that_have_to_be_there_are_asked_for)
{
	static const struct {
		uint32_t entry, eax;
		const char *word;
	} cases[] = {
		{0, 0, "leaf 0x1 "},
		{5, 0x80000007, "leaf 0x80000000 "},
		{5, 0, "leaf 0x80000000 "},
		{6, 0, "leaf 0x80000008 "},
	};

	init();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		give_cpuid();
		if (cases[i].eax)
			cpuid->entries[cases[i].entry].eax = cases[i].eax;
		else
			cpuid->entries[cases[i].entry].function = 0x99;
		expect_refused("cpuid", cases[i].word);
	}
	take_cpuid();
	end();
}
END_TEST

START_TEST(memory_ends_below_the_shared_bit)
{
	init();
	f.options.cpuid = NULL;
	fixture_guest(&f);
	expect_ok(fixture_add_memory(&f, (1ull << 47) - 0x1000, 0x1000, NULL, 0), &f.error);
	ck_assert_int_eq(fixture_add_memory(&f, 1ull << 47, 0x1000, NULL, 0), -EINVAL);
	ck_assert_str_eq(f.error.field, "size");
	expect_text(&f.error, "0x800000000000");
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

START_TEST(making_a_guest_may_fail_anywhere)
{
	bool more = true;

	for (unsigned n = 1; more; n++) {
		struct coco_guest *guest = NULL;
		int rc;

		init();
		fake_kvm_fail(f.fake, NULL, n, EIO, false);
		rc = coco_guest_new(f.host, &f.options, &guest, &f.error);
		more = fake_kvm_failed_call(f.fake)[0] != '\0';
		ck_assert(rc != 0 || guest != NULL);
		fake_kvm_fail_clear(f.fake);
		coco_guest_free(guest);
		ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 0);
		end_without_guest();
	}
}
END_TEST

START_TEST(module_statuses_have_names)
{
	ck_assert_str_eq(coco_tdx_status_name(0), "SUCCESS");
	ck_assert_str_eq(coco_tdx_status_name(0x8000020000000092), "OPERAND_BUSY");
	ck_assert_str_eq(coco_tdx_status_name(0xc000010000000000), "OPERAND_INVALID");
	ck_assert_str_eq(coco_tdx_status_name(0x8000020300000000), "RND_NO_ENTROPY");
	ck_assert_str_eq(coco_tdx_status_name(0x6000000700000123),
			 "NON_RECOVERABLE_TD_WRONG_APIC_MODE");
	ck_assert_str_eq(coco_tdx_status_name(0xc0000fff00000000), "unknown");
	ck_assert_str_eq(coco_tdx_status_name(UINT64_MAX), "unknown");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		bad_options_are_refused,
		tsc_frequencies_are_the_modules,
		the_irqchip_has_to_be_split,
		a_host_says_what_it_lacks,
		the_cgroup_tells_how_many_keys_there_are,
		capabilities_of_any_size_are_read,
		tdx_is_launched_and_reset_in_order,
		defaults_are_what_linux_guests_want,
		large_runs_are_added_in_parts,
		other_kinds_of_pages_are_refused,
		cpuid_is_cut_to_what_the_module_lets_choose,
		leaves_that_have_to_be_there_are_asked_for,
		memory_ends_below_the_shared_bit,
		failures_are_said_in_words,
		any_command_may_fail,
		any_system_call_may_fail,
		making_a_guest_may_fail_anywhere,
		module_statuses_have_names,
		NULL,
	};
	Suite *suite = expect_suite("tdx", tests);
	TCase *loops = tcase_create("loops");

	tcase_add_loop_test(loops, partial_progress_and_signals_are_gone_on_from, 0, 3);
	tcase_add_loop_test(loops, what_asks_to_be_tried_again_is, 0, 2);
	suite_add_tcase(suite, loops);
	return expect_run(suite);
}
