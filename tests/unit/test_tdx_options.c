/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* TDX before a launch: what a host has, options, and the CPUID that is made of them. */
#include "fixture.h"
#include "tdx_platform.h"

#include "kvm/uapi.h"
#include "kvm/uapi_tdx.h"

#include <stdlib.h>

static struct fixture f;
static struct tdx_platform tdx;
static struct coco_tdx_options given;

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
	init();
	fake_kvm_set_extension(f.fake, FAKE_SCOPE_ALL, UAPI_CAP_VM_TYPES, 0x1f);
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
		cpuid_is_cut_to_what_the_module_lets_choose,
		leaves_that_have_to_be_there_are_asked_for,
		memory_ends_below_the_shared_bit,
		making_a_guest_may_fail_anywhere,
		module_statuses_have_names,
		NULL,
	};

	return expect_run(expect_suite("tdx options", tests));
}
