/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The files that tenants bring. Is what they hold what is launched and measured? Is a file that
 * asks for what the guest is not refused, by name, and is the old one next still?
 */
#include <stdlib.h>

#include "sev_platform.h"
#include "tdx_platform.h"
#include "tenant.h"

static struct fixture f;
static struct sev_platform sev;
static struct tdx_platform tdx;
static struct coco_sev_options sev_options;
static struct coco_stage_options options;
static struct maker firmware, other_firmware;
static struct igvm_maker igvm;
static struct uki_maker uki;
static struct coco_digest *digest;

static void launch(uint32_t tech)
{
	COCO_INIT(&options);
	COCO_INIT(&sev_options);
	switch (tech) {
	case COCO_TECH_SEV:
	case COCO_TECH_SEVES:
	case COCO_TECH_SNP:
		sev_platform_fixture(&sev, &f, tech, 0x1f);
		f.options.tech_options = &sev_options;
		break;
	case COCO_TECH_TDX:
		tdx_fixture_init(&f, &tdx);
		break;
	default:
		fixture_init(&f, tech);
	}
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
}

static int stage(const void *bytes, size_t size)
{
	digest = (struct coco_digest *)1;
	expect_spoil(&f.error);
	return coco_guest_stage_bytes(f.guest, bytes, size, &options, &digest, &f.error);
}

static int stage_igvm(void)
{
	igvm_end(&igvm);
	return stage(igvm.bytes, igvm.size);
}

static int stage_uki(void)
{
	return stage(uki.bytes, uki.size);
}

static void expect_refused(int r, int code, const char *field, const char *word)
{
	expect_failed(r, &f.error, code, field, "staging");
	expect_text(&f.error, word);
	ck_assert_ptr_eq(digest, (struct coco_digest *)1);
	ck_assert_uint_eq(fixture_info(&f).staged, COCO_STAGED_NOTHING);
}

static void expect_name(const char *name)
{
	ck_assert_str_eq(fixture_info(&f).staged_name, name);
}

/* What was told when it was staged is what is predicted, and what the next life has. */
static void expect_told(void)
{
	struct coco_digest *predicted;
	uint8_t before[64], after[64];
	size_t size = sizeof(before), expected;

	ck_assert_ptr_nonnull(digest);
	coco_digest_bytes(digest, &expected);
	expect_ok(coco_guest_get_digest(f.guest, before, &size, &f.error), &f.error);
	ck_assert_mem_ne(before, coco_digest_bytes(digest, NULL), expected);
	expect_ok(coco_guest_predict(f.guest, 0, &predicted, &f.error), &f.error);
	ck_assert_mem_eq(coco_digest_bytes(predicted, NULL), coco_digest_bytes(digest, NULL),
			 expected);
	coco_digest_free(predicted);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	size = sizeof(after);
	expect_ok(coco_guest_get_digest(f.guest, after, &size, &f.error), &f.error);
	ck_assert_uint_eq(size, expected);
	ck_assert_mem_eq(after, coco_digest_bytes(digest, NULL), size);
	coco_digest_free(digest);
}

/* --- raw firmware */

/* The digest is that of `firmware`, made an image and measured by hand. */
static void expect_by_hand(uint32_t tech, const struct coco_kernel_hashes *hashes)
{
	struct coco_measure_options measuring;
	struct coco_sev_firmware_options how;
	struct coco_firmware *parsed;
	struct coco_digest *expected;
	struct coco_image *image;

	expect_ok(coco_firmware_parse(firmware.bytes, sizeof(firmware.bytes), &parsed, &f.error),
		  &f.error);
	expect_ok(coco_image_new(&image, &f.error), &f.error);
	COCO_INIT(&measuring);
	measuring.tech = tech;
	if (tech == COCO_TECH_TDX) {
		expect_ok(coco_image_add_tdx_firmware(image, parsed, NULL, &f.error), &f.error);
	} else {
		COCO_INIT(&how);
		how.tech = tech;
		how.hashes = hashes;
		expect_ok(coco_image_add_sev_firmware(image, parsed, &how, &f.error), &f.error);
		measuring.vcpus = 1;
		measuring.vcpu_signature = 0x600;
		measuring.ap_start = 0xffffb004;
	}
	expect_ok(coco_measure_image(image, &measuring, &expected, &f.error), &f.error);
	ck_assert_mem_eq(coco_digest_bytes(digest, NULL), coco_digest_bytes(expected, NULL), 32);
	coco_digest_free(expected);
	coco_image_unref(image);
	coco_firmware_free(parsed);
}

START_TEST(raw_firmware_is_launched_as_its_technology_does_it)
{
	static const uint32_t techs[] = {COCO_TECH_SEV, COCO_TECH_SEVES, COCO_TECH_SNP,
					 COCO_TECH_TDX};

	launch(techs[_i]);
	tenant_firmware(&firmware, 0x31);
	expect_ok(stage(firmware.bytes, sizeof(firmware.bytes)), &f.error);
	expect_by_hand(techs[_i], NULL);
	expect_told();
	fixture_end(&f);
}
END_TEST

START_TEST(firmware_that_its_technology_can_not_use_is_refused)
{
	launch(COCO_TECH_SNP);
	maker_init(&firmware);
	expect_refused(stage(firmware.bytes, sizeof(firmware.bytes)), -EOPNOTSUPP, "firmware",
		       "SEV metadata");
	maker_ovmf(&firmware); /* whose sections lie beyond the guest's memory */
	expect_refused(stage(firmware.bytes, sizeof(firmware.bytes)), -EINVAL, "image",
		       "coco_guest_add_memory");
	fixture_end(&f);
}
END_TEST

/* The second firmware's vCPUs start where it says. */
START_TEST(other_vcpus_start_where_the_new_firmware_says)
{
	struct fake_vcpu_state *state = malloc(sizeof(*state));

	ck_assert_ptr_nonnull(state);
	COCO_INIT(&options);
	COCO_INIT(&sev_options);
	sev_platform_fixture(&sev, &f, COCO_TECH_SNP, 0x1f);
	f.options.tech_options = &sev_options;
	f.options.vcpus = 2;
	expect_ok(coco_image_set_ap_start(f.image, 0xfff01234, &f.error), &f.error);
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	tenant_firmware(&firmware, 0x31);
	expect_ok(stage(firmware.bytes, sizeof(firmware.bytes)), &f.error);
	for (int life = 0; life < 2; life++) {
		ck_assert(fake_kvm_vcpu_state(f.fake, coco_vcpu_fd(coco_guest_vcpu(f.guest, 1)),
					      state));
		ck_assert_uint_eq(state->regs.rip, life ? 0xb004 : 0x1234);
		ck_assert_uint_eq(state->sregs.cs.base, life ? 0xffff0000 : 0xfff00000);
		if (!life)
			expect_told();
	}
	free(state);
	fixture_end(&f);
}
END_TEST

static int reset_with(uint32_t strategy)
{
	struct coco_reset_options reset;

	COCO_INIT(&reset);
	reset.strategy = strategy;
	expect_spoil(&f.error);
	return coco_guest_reset_with(f.guest, &reset, &f.error);
}

static void expect_digest(const uint8_t *expected)
{
	uint8_t digest_now[64];
	size_t size = sizeof(digest_now);

	expect_ok(coco_guest_get_digest(f.guest, digest_now, &size, &f.error), &f.error);
	ck_assert_mem_eq(digest_now, expected, size);
}

/* The firmware refuses one command of the launch after the other. */
START_TEST(a_launch_that_the_platform_refuses_leaves_the_old_firmware)
{
	const uint32_t strategy = _i ? COCO_STRATEGY_OVERLAP : COCO_STRATEGY_SEQUENTIAL;
	uint8_t old[64];
	size_t size = sizeof(old);
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		launch(COCO_TECH_SNP);
		size = sizeof(old);
		expect_ok(coco_guest_get_digest(f.guest, old, &size, &f.error), &f.error);
		tenant_firmware(&firmware, 0x31);
		expect_ok(stage(firmware.bytes, sizeof(firmware.bytes)), &f.error);
		sev.fail_nth = n;
		sev.fail_status = 0x16; /* or KVM is asked again */
		sev.fail_errno = EIO;
		failed = reset_with(strategy) != 0;
		sev.fail_nth = 0;
		ck_assert(failed || n > 5);
		if (failed) {
			ck_assert_uint_eq(fixture_info(&f).staged, COCO_STAGED_STAY);
			if (_i)
				expect_digest(old);
			if (n % 2)
				expect_ok(coco_guest_unstage(f.guest, 0, &f.error), &f.error);
			ck_assert_int_eq(reset_with(strategy), 0);
		}
		expect_digest(failed && n % 2 ? old : coco_digest_bytes(digest, NULL));
		coco_digest_free(digest);
		fixture_end(&f);
	}
}
END_TEST

/* --- IGVM files */

static void put(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static const uint32_t platforms[][2] = {
	{COCO_TECH_PLAIN, COCO_IGVM_NATIVE}, {COCO_TECH_SWPROTECTED, COCO_IGVM_NATIVE},
	{COCO_TECH_SEV, COCO_IGVM_SEV},      {COCO_TECH_SEVES, COCO_IGVM_SEVES},
	{COCO_TECH_SNP, COCO_IGVM_SNP},      {COCO_TECH_TDX, COCO_IGVM_TDX},
};

START_TEST(an_igvm_file_is_launched)
{
	const uint32_t tech = platforms[_i][0];

	launch(tech);
	tenant_igvm(&igvm, platforms[_i][1], 0x41);
	expect_ok(stage_igvm(), &f.error);
	expect_name("IGVM");
	if (tech == COCO_TECH_PLAIN || tech == COCO_TECH_SWPROTECTED) {
		ck_assert_ptr_null(digest);
		expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
		ck_assert_uint_eq(tenant_mark(&f), 0x41);
	} else {
		expect_told();
	}
	fixture_end(&f);
}
END_TEST

START_TEST(registers_of_an_igvm_file_are_those_of_its_lives_only)
{
	struct fake_vcpu_state *state = malloc(sizeof(*state));
	uint8_t page[COCO_PAGE_SIZE] = {0};

	ck_assert_ptr_nonnull(state);
	launch(COCO_TECH_PLAIN);
	tenant_igvm(&igvm, COCO_IGVM_NATIVE, 0x41);
	put(page + 128, 0x10002, 8); /* RIP */
	put(page + 136, 2, 8);       /* RFLAGS */
	put(page + 200, 0x31, 8);    /* CR0 */
	igvm_context(&igvm, 0, 1, igvm_page_of(&igvm, page), 0);
	options.flags = COCO_STAGE_ONCE;
	for (int life = 0; life < 3; life++) {
		ck_assert(fake_kvm_vcpu_state(f.fake, coco_vcpu_fd(coco_guest_vcpu(f.guest, 0)),
					      state));
		if (life == 1)
			ck_assert_uint_eq(state->regs.rip, 0x10002);
		else
			ck_assert_uint_eq(state->regs.rip, 0xfff0);
		ck_assert_int_eq(state->sregs.cr0 == 0x31, life == 1);
		if (!life)
			expect_ok(stage_igvm(), &f.error);
		expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	}
	free(state);
	fixture_end(&f);
}
END_TEST

START_TEST(a_policy_that_is_not_the_guests_is_refused)
{
	launch(COCO_TECH_SNP);
	tenant_igvm(&igvm, COCO_IGVM_SNP, 0x41);
	igvm_begin(&igvm);
	igvm_platform(&igvm, COCO_IGVM_SNP, 1);
	igvm_policy(&igvm, 0xb0000, 1); /* with DEBUG */
	igvm_page(&igvm, ROM_GPA, 1, igvm_data(&igvm, 1, 1), 0, COCO_IGVM_PAGE_NORMAL);
	expect_refused(stage_igvm(), -EPERM, "policy", "0xb0000");
	igvm_begin(&igvm);
	igvm_platform(&igvm, COCO_IGVM_SNP, 1);
	igvm_policy(&igvm, 0x30000, 1);
	igvm_page(&igvm, ROM_GPA, 1, igvm_data(&igvm, 1, 1), 0, COCO_IGVM_PAGE_NORMAL);
	expect_ok(stage_igvm(), &f.error);
	expect_told();
	fixture_end(&f);

	launch(COCO_TECH_TDX);
	igvm_begin(&igvm);
	igvm_platform(&igvm, COCO_IGVM_TDX, 1);
	igvm_policy(&igvm, 3, 1); /* SEPT_VE_DISABLE and DEBUG */
	igvm_page(&igvm, ROM_GPA, 1, igvm_data(&igvm, 1, 1), 0, COCO_IGVM_PAGE_NORMAL);
	expect_refused(stage_igvm(), -EPERM, "policy", "TD attributes");
	fixture_end(&f);
}
END_TEST

static void vmsa(uint32_t features, uint8_t *page)
{
	struct coco_measure_options measuring;

	COCO_INIT(&measuring);
	measuring.tech = COCO_TECH_SNP;
	measuring.vcpu_signature = 0x600;
	measuring.sev_features = features;
	expect_ok(coco_vmsa_build(&measuring, 0, page, &f.error), &f.error);
}

START_TEST(what_kvm_can_not_reach_is_refused_unless_it_may_be_inexact)
{
	uint8_t page[COCO_PAGE_SIZE];
	uint32_t offset;

	launch(COCO_TECH_SNP);
	vmsa(1, page);
	/* A VMSA that is said to lie in guest memory. */
	tenant_igvm(&igvm, COCO_IGVM_SNP, 0x41);
	offset = igvm_page_of(&igvm, page);
	igvm_context(&igvm, 0x200000, 1, offset, 0);
	expect_refused(stage_igvm(), -EOPNOTSUPP, "igvm", "is at 0x200000");
	options.flags = COCO_STAGE_INEXACT;
	expect_ok(stage_igvm(), &f.error);
	expect_told();
	/* SEV_FEATURES that the guest has not got. */
	vmsa(0x21, page);
	tenant_igvm(&igvm, COCO_IGVM_SNP, 0x42);
	igvm_context(&igvm, COCO_VMSA_GPA, 1, igvm_page_of(&igvm, page), 0);
	expect_refused(stage_igvm(), -EINVAL, "vmsa_features", "0x20");
	fixture_end(&f);
}
END_TEST

START_TEST(files_for_others_and_of_others_are_refused)
{
	static const uint8_t page[COCO_PAGE_SIZE];

	launch(COCO_TECH_PLAIN);
	tenant_igvm(&igvm, COCO_IGVM_SNP, 0x41);
	expect_refused(stage_igvm(), -EOPNOTSUPP, "tech", "SNP");
	tenant_igvm(&igvm, COCO_IGVM_NATIVE, 0x41);
	igvm_context(&igvm, 0, 1, igvm_page_of(&igvm, page), 1);
	options.max_vcpus = 2;
	expect_refused(stage_igvm(), -EINVAL, "vcpus", "1");
	tenant_igvm(&igvm, COCO_IGVM_NATIVE, 0x41);
	igvm_context(&igvm, 0, 1, igvm_page_of(&igvm, page), 0);
	igvm_context(&igvm, 0, 1, igvm_page_of(&igvm, page), 1);
	options.max_vcpus = 0;
	expect_refused(stage_igvm(), -EFBIG, "max_vcpus", "of 2 vCPUs");
	tenant_igvm(&igvm, COCO_IGVM_NATIVE, 0x41);
	igvm_required(&igvm, RAM_SIZE - 0x1000, 1, 0x2000);
	expect_refused(stage_igvm(), -EINVAL, "memory", "");
	tenant_igvm(&igvm, COCO_IGVM_NATIVE, 0x41);
	igvm_page(&igvm, RAM_SIZE, 1, 0, 0, COCO_IGVM_PAGE_NORMAL);
	expect_refused(stage_igvm(), -EINVAL, "image", "coco_guest_add_memory");
	/* No more than the guest's memory, and that not twice. */
	tenant_igvm(&igvm, COCO_IGVM_NATIVE, 0x41);
	igvm_area(&igvm, 0, 1ull << 40, 0);
	expect_refused(stage_igvm(), -EFBIG, "max_pages", "");
	fixture_end(&f);
}
END_TEST

START_TEST(the_memory_map_is_the_guests)
{
	uint8_t map[0x60];

	launch(COCO_TECH_PLAIN);
	tenant_igvm(&igvm, COCO_IGVM_NATIVE, 0x41);
	igvm_area(&igvm, 0, 0x1000, 0);
	igvm_parameter(&igvm, COCO_IGVM_MEMORY_MAP, 0, 0);
	igvm_parameter(&igvm, COCO_IGVM_COMMAND_LINE, 0, 0x100);
	igvm_insert(&igvm, 0x3000, 1, 0);
	options.cmdline = "quiet";
	expect_ok(stage_igvm(), &f.error);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	ck_assert(fake_kvm_read_guest(f.fake, coco_guest_vm_fd(f.guest), 0x3000, map, sizeof(map)));
	ck_assert_uint_eq(map[8] | map[9] << 8, RAM_SIZE / COCO_PAGE_SIZE);
	ck_assert_uint_eq(map[24] | map[25] << 8 | map[26] << 16, ROM_GPA / COCO_PAGE_SIZE);
	ck_assert_uint_eq(map[32], ROM_SIZE / COCO_PAGE_SIZE);
	ck_assert_uint_eq(map[56] | map[57], 0); /* the end */
	ck_assert(fake_kvm_read_guest(f.fake, coco_guest_vm_fd(f.guest), 0x3100, map, 6));
	ck_assert_str_eq((const char *)map, "quiet");
	fixture_end(&f);
}
END_TEST

/* --- UKIs */

START_TEST(a_uki_carries_either)
{
	launch(COCO_TECH_PLAIN);
	tenant_firmware(&firmware, 0x31);
	tenant_igvm(&igvm, COCO_IGVM_NATIVE, 0x41);
	igvm_end(&igvm);
	uki_begin(&uki);
	uki_section(&uki, ".linux", "kernel", 6);
	uki_firmware(&uki, "raw one", firmware.bytes, sizeof(firmware.bytes));
	expect_ok(stage_uki(), &f.error);
	expect_name("UKI, raw firmware, raw one");
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	ck_assert_uint_eq(tenant_mark(&f), 0x31);

	uki_firmware(&uki, "igvm", igvm.bytes, igvm.size);
	expect_refused(stage_uki(), -EINVAL, "chids", "2 firmwares");
	options.firmware_id = "none";
	expect_refused(stage_uki(), -ENOENT, "firmware_id", "\"none\"");
	options.firmware_id = "igvm";
	expect_ok(stage_uki(), &f.error);
	expect_name("UKI, IGVM, igvm");
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	ck_assert_uint_eq(tenant_mark(&f), 0x41);

	/* Ids are the tenant's: what is shown of them is harmless. */
	uki_begin(&uki);
	uki_section(&uki, ".linux", "kernel", 6);
	uki_firmware(&uki, "\033[2J\377 and so on, and on, and on, and on, and on", firmware.bytes,
		     sizeof(firmware.bytes));
	options.firmware_id = NULL;
	expect_ok(stage_uki(), &f.error);
	expect_name("UKI, raw firmware, ?[2J? and so on, and on, and on,");
	expect_ok(coco_guest_unstage(f.guest, 0, &f.error), &f.error);

	uki_begin(&uki);
	uki_section(&uki, ".linux", "kernel", 6);
	uki_firmware(&uki, "igvm", igvm.bytes, igvm.size);
	options.kinds = 1u << COCO_PAYLOAD_PE | 1u << COCO_PAYLOAD_FIRMWARE;
	expect_refused(stage_uki(), -EPERM, "kinds", "IGVM");
	options.profile = 1;
	expect_refused(stage_uki(), -EINVAL, "profile", "");
	fixture_end(&f);
}
END_TEST

START_TEST(firmware_is_picked_by_hardware_id)
{
	static const char chids[2 * COCO_CHID_SIZE] = "0123456789abcdefFEDCBA9876543210";
	uint8_t table[28 * 3 + 8] = {0};

	launch(COCO_TECH_PLAIN);
	tenant_firmware(&firmware, 0x31);
	tenant_firmware(&other_firmware, 0x32);
	put(table, 2u << 28 | 28, 4);
	memcpy(table + 4, chids + COCO_CHID_SIZE, COCO_CHID_SIZE);
	put(table + 24, 56, 4);
	memcpy(table + 56, "other", 6);
	uki_begin(&uki);
	uki_section(&uki, ".linux", "kernel", 6);
	uki_section(&uki, ".hwids", table, sizeof(table));
	uki_firmware(&uki, "one", firmware.bytes, sizeof(firmware.bytes));
	uki_firmware(&uki, "other", other_firmware.bytes, sizeof(other_firmware.bytes));
	options.chids = chids;
	options.chid_count = 1;
	expect_refused(stage_uki(), -ENOENT, "chids", "");
	options.chid_count = 2;
	expect_ok(stage_uki(), &f.error);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	ck_assert_uint_eq(tenant_mark(&f), 0x32);
	fixture_end(&f);
}
END_TEST

START_TEST(a_direct_boot_of_the_ukis_kernel_is_measured)
{
	struct coco_kernel_hashes hashes;
	struct coco_digest *without;
	struct coco_uki *parsed;

	launch(COCO_TECH_SNP);
	tenant_firmware(&firmware, 0x31);
	uki_begin(&uki);
	uki_section(&uki, ".linux", "kernel", 6);
	uki_section(&uki, ".cmdline", "quiet", 5);
	uki_firmware(&uki, "one", firmware.bytes, sizeof(firmware.bytes));
	expect_ok(stage_uki(), &f.error);
	without = digest;
	options.flags = COCO_STAGE_KERNEL_HASHES;
	expect_ok(stage_uki(), &f.error);
	ck_assert_mem_ne(coco_digest_bytes(without, NULL), coco_digest_bytes(digest, NULL), 48);
	coco_digest_free(without);
	expect_ok(coco_uki_parse(uki.bytes, uki.size, &parsed, &f.error), &f.error);
	expect_ok(coco_kernel_hashes_from_uki(parsed, 0, &hashes, &f.error), &f.error);
	coco_uki_free(parsed);
	expect_by_hand(COCO_TECH_SNP, &hashes);
	expect_told();
	expect_ok(coco_guest_unstage(f.guest, COCO_UNSTAGE_OWN, &f.error), &f.error);
	/* In an IGVM file all that is measured is there already. */
	tenant_igvm(&igvm, COCO_IGVM_SNP, 0x41);
	igvm_end(&igvm);
	uki_begin(&uki);
	uki_section(&uki, ".linux", "kernel", 6);
	uki_firmware(&uki, "one", igvm.bytes, igvm.size);
	expect_refused(stage_uki(), -EOPNOTSUPP, "flags", "raw firmware");
	fixture_end(&f);

	launch(COCO_TECH_PLAIN);
	options.flags = COCO_STAGE_KERNEL_HASHES;
	uki_begin(&uki);
	uki_section(&uki, ".linux", "kernel", 6);
	uki_firmware(&uki, "one", firmware.bytes, sizeof(firmware.bytes));
	expect_refused(stage_uki(), -EOPNOTSUPP, "flags", "plain");
	fixture_end(&f);
}
END_TEST

START_TEST(a_uki_without_firmware_is_refused)
{
	static const uint8_t junk[0x1000];

	launch(COCO_TECH_PLAIN);
	uki_begin(&uki);
	uki_section(&uki, ".linux", "kernel", 6);
	expect_refused(stage_uki(), -ENOENT, "firmware", ".efifw");
	uki_firmware(&uki, "junk", junk, sizeof(junk));
	expect_refused(stage_uki(), -EOPNOTSUPP, "payload", "neither");
	fixture_end(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stage files");
	TCase *tcase = tcase_create("all");

	tcase_set_timeout(tcase, 0);
	tcase_add_loop_test(tcase, raw_firmware_is_launched_as_its_technology_does_it, 0, 4);
	tcase_add_test(tcase, firmware_that_its_technology_can_not_use_is_refused);
	tcase_add_loop_test(tcase, a_launch_that_the_platform_refuses_leaves_the_old_firmware, 0,
			    2);
	tcase_add_test(tcase, other_vcpus_start_where_the_new_firmware_says);
	tcase_add_loop_test(tcase, an_igvm_file_is_launched, 0,
			    sizeof(platforms) / sizeof(platforms[0]));
	tcase_add_test(tcase, registers_of_an_igvm_file_are_those_of_its_lives_only);
	tcase_add_test(tcase, a_policy_that_is_not_the_guests_is_refused);
	tcase_add_test(tcase, what_kvm_can_not_reach_is_refused_unless_it_may_be_inexact);
	tcase_add_test(tcase, files_for_others_and_of_others_are_refused);
	tcase_add_test(tcase, the_memory_map_is_the_guests);
	tcase_add_test(tcase, a_uki_carries_either);
	tcase_add_test(tcase, firmware_is_picked_by_hardware_id);
	tcase_add_test(tcase, a_direct_boot_of_the_ukis_kernel_is_measured);
	tcase_add_test(tcase, a_uki_without_firmware_is_refused);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
