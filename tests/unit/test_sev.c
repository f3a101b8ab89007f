/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * SEV, SEV-ES and SNP up to where the firmware begins: options, the order of commands, what is done
 * when one fails.
 */
#include "fixture.h"
#include "sev_platform.h"

#include "kvm/uapi.h"

#include <stdio.h>

static struct fixture f;
static struct sev_platform sev;
static struct coco_sev_options given;

static const uint32_t techs[] = {COCO_TECH_SEV, COCO_TECH_SEVES, COCO_TECH_SNP};
#define TECHS ((int)(sizeof(techs) / sizeof(techs[0])))

static void add_run(uint64_t gpa, uint64_t size, uint32_t kind, uint32_t flags)
{
	static const uint8_t bytes[COCO_PAGE_SIZE];
	struct coco_page_run run;

	COCO_INIT(&run);
	run.gpa = gpa;
	run.size = size;
	run.kind = kind;
	run.flags = flags;
	run.bytes = kind == COCO_PAGE_DATA || kind == COCO_PAGE_PART ? bytes : NULL;
	expect_ok(coco_image_add(f.image, &run, &f.error), &f.error);
}

/* A host with that VM types' mask, and options for two vCPUs. */
static void init_with(uint32_t tech, int types)
{
	sev_platform_fixture(&sev, &f, tech, types);
	f.options.vcpus = 2;
	COCO_INIT(&given);
	f.options.tech_options = &given;
}

static void init(uint32_t tech)
{
	init_with(tech, 0x1f);
}

static void end(void)
{
	fixture_end(&f);
	ck_assert_uint_eq(sev.opens, sev.closes);
	ck_assert_uint_le(sev.opens, 1);
	ck_assert(!sev.wrong);
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

START_TEST(plain_guests_have_no_options_of_their_own)
{
	init(COCO_TECH_PLAIN);
	expect_refused("tech_options", "plain");
	end();
}
END_TEST

static int no_secret(void *payload, uint32_t index, const void *measure, size_t size,
		     struct coco_sev_secret *secret)
{
	(void)payload;
	(void)index;
	(void)measure;
	(void)size;
	(void)secret;
	return 0;
}

START_TEST(what_a_technology_lacks_is_refused_by_name)
{
	static const uint8_t blob[COCO_ID_AUTH_SIZE];
	const bool snp = techs[_i] == COCO_TECH_SNP;

	init(techs[_i]);
	if (snp) {
		given.init = COCO_SEV_INIT_LEGACY;
		expect_refused("tech_options.init", "snp");
		given.session = blob;
		expect_refused("tech_options.session", "snp");
		given.dh_cert_size = 1;
		expect_refused("tech_options.dh_cert", "snp");
		given.tik = blob;
		expect_refused("tech_options.tik", "snp");
		given.secret = no_secret;
		expect_refused("tech_options.secret", "snp");
	} else {
		given.id_block = blob;
		expect_refused("tech_options.id_block", "id_block");
		given.id_auth = blob;
		expect_refused("tech_options.id_auth", "id_auth");
		given.auth_key_en = 1;
		expect_refused("tech_options.auth_key_en", "auth_key_en");
		given.tsc_khz = 1;
		expect_refused("tech_options.tsc_khz", "tsc_khz");
		given.vcek_disabled = 1;
		expect_refused("tech_options.vcek_disabled", "vcek_disabled");
		given.gosvw[15] = 1;
		expect_refused("tech_options.gosvw", "gosvw");
		given.host_data[31] = 1;
		expect_refused("tech_options.host_data", "host_data");
	}
	end();
}
END_TEST

START_TEST(bad_options_of_sev_are_refused)
{
	static const uint8_t blob[16];

	init(COCO_TECH_SEV);
	given.policy = COCO_SEV_POLICY_ES;
	expect_refused("tech_options.policy", "seves");
	given.policy = 1ull << 32;
	expect_refused("tech_options.policy", "32 bits");
	given.vmsa_features = 0x20;
	expect_refused("tech_options.vmsa_features", "sev");
	given.ghcb_version = 1;
	expect_refused("tech_options.ghcb_version", "sev");
	given.init = COCO_SEV_INIT_LEGACY + 1;
	expect_refused("tech_options.init", "3");
	given.vmsa_flags = COCO_VMSA_NO_MCE;
	expect_refused("tech_options.vmsa_flags", "sev");
	given.reserved0 = 1;
	expect_refused("tech_options.reserved0", "0");
	given.session = blob;
	expect_refused("tech_options.session", "0 bytes");
	given.session_size = 16;
	expect_refused("tech_options.session", "16 bytes");
	given.dh_cert = blob;
	given.dh_cert_size = COCO_SEV_BLOB_MAX + 1;
	expect_refused("tech_options.dh_cert", "16385 bytes");
	given.struct_size = 8;
	expect_refused("struct_size", "tech_options");
	end();
}
END_TEST

START_TEST(bad_options_of_seves_are_refused)
{
	init(COCO_TECH_SEVES);
	given.policy = COCO_SEV_POLICY_NODEBUG;
	expect_refused("tech_options.policy", "COCO_SEV_POLICY_ES");
	given.vmsa_features = 0x220;
	expect_refused("tech_options.vmsa_features", "0x200 of 0x220, only 0x20");
	given.ghcb_version = 3;
	expect_refused("tech_options.ghcb_version", "3");
	given.vmsa_flags = COCO_VMSA_LEGACY;
	expect_refused("tech_options.vmsa_flags", "0x1");
	given.init = COCO_SEV_INIT_LEGACY;
	given.vmsa_features = 0x20;
	expect_refused("tech_options.vmsa_features", "KVM_SEV_ES_INIT");
	given.init = COCO_SEV_INIT_LEGACY;
	given.ghcb_version = 2;
	expect_refused("tech_options.ghcb_version", "KVM_SEV_ES_INIT");
	end();
}
END_TEST

START_TEST(bad_options_of_snp_are_refused)
{
	static uint8_t block[COCO_ID_BLOCK_SIZE], auth[COCO_ID_AUTH_SIZE];

	init(COCO_TECH_SNP);
	given.policy = COCO_SNP_POLICY_SMT;
	expect_refused("tech_options.policy", "bit 17");
	given.policy = COCO_SNP_POLICY_RESERVED_ONE | 1ull << 25;
	expect_refused("tech_options.policy", "0x2000000");
	given.ghcb_version = 1;
	expect_refused("tech_options.ghcb_version", "1");
	given.vmsa_features = 1;
	expect_refused("tech_options.vmsa_features", "SNPActive");
	given.vmsa_features = 0x40;
	expect_refused("tech_options.vmsa_features", "0x40");
	given.vmsa_flags = 8;
	expect_refused("tech_options.vmsa_flags", "0x8");
	given.tsc_khz = 2000000;
	given.vmsa_features = 0x20;
	expect_refused("tech_options.tsc_khz", "Secure TSC");
	given.reserved1 = 1;
	expect_refused("tech_options.reserved0", "reserved1");
	given.vcek_disabled = 2;
	expect_refused("tech_options.vcek_disabled", "2");
	given.id_block = block;
	expect_refused("tech_options.id_auth", "go together");
	given.id_auth = auth;
	expect_refused("tech_options.id_auth", "go together");
	given.auth_key_en = 1;
	expect_refused("tech_options.auth_key_en", "ID block");
	given.id_block = block;
	given.id_auth = auth;
	expect_refused("tech_options.id_block", "policy 0x0");
	end();
}
END_TEST

START_TEST(a_host_says_what_it_lacks)
{
	struct coco_tech_info info;

	COCO_INIT(&info);
	init_with(techs[_i], 1);
	expect_ok(coco_host_probe(f.host, techs[_i], &info, &f.error), &f.error);
	/* SEV and SEV-ES have a way without a VM type. */
	ck_assert_uint_eq(info.launchable, techs[_i] != COCO_TECH_SNP);
	sev.uninitialized = true;
	expect_ok(coco_host_probe(f.host, techs[_i], &info, &f.error), &f.error);
	ck_assert_uint_eq(info.launchable, 0);
	ck_assert_ptr_nonnull(strstr(info.reason, "KVM offers no"));
	coco_image_unref(f.image);
	coco_host_close(f.host);
	expect_clean(f.fake);

	/* Some of the types, but not this one. */
	init_with(techs[_i], techs[_i] == COCO_TECH_SEV ? 0x19 : 0x5);
	expect_ok(coco_host_probe(f.host, techs[_i], &info, &f.error), &f.error);
	ck_assert_uint_eq(info.launchable, 0);
	ck_assert_ptr_nonnull(strstr(info.reason, "KVM offers"));
	coco_image_unref(f.image);
	coco_host_close(f.host);
	expect_clean(f.fake);

	init(techs[_i]);
	sev.no_device = true;
	expect_ok(coco_host_probe(f.host, techs[_i], &info, &f.error), &f.error);
	ck_assert_uint_eq(info.launchable, 0);
	ck_assert_ptr_nonnull(strstr(info.reason, "/dev/sev"));
	sev.no_device = false;
	sev.no_es = true;
	expect_ok(coco_host_probe(f.host, techs[_i], &info, &f.error), &f.error);
	ck_assert_uint_eq(info.launchable, techs[_i] != COCO_TECH_SEVES);
	sev.no_es = false;
	expect_ok(coco_host_probe(f.host, techs[_i], &info, &f.error), &f.error);
	ck_assert_uint_eq(info.launchable, 1);
	ck_assert_uint_eq(info.private_memory, 1);
	ck_assert_uint_eq(info.max_vcpus, 1024);
	coco_image_unref(f.image);
	coco_host_close(f.host);
	expect_clean(f.fake);
	ck_assert_uint_eq(sev.opens, 1);
	ck_assert_uint_eq(sev.closes, 1);
}
END_TEST

START_TEST(a_host_says_which_firmware_it_has)
{
	struct coco_tech_info info;

	init(techs[_i]);
	COCO_INIT(&info);
	expect_ok(coco_host_probe(f.host, techs[_i], &info, &f.error), &f.error);
	ck_assert_uint_eq(info.firmware_major, 1);
	ck_assert_uint_eq(info.firmware_minor, 55);
	ck_assert_uint_eq(info.firmware_build, techs[_i] == COCO_TECH_SNP ? 43 : 29);
	coco_image_unref(f.image);
	coco_host_close(f.host);
	expect_clean(f.fake);
}
END_TEST

static void expect_log(const char *expected)
{
	expect_lines("commands", sev.log, expected);
	sev.used = 0;
	sev.log[0] = '\0';
}

START_TEST(snp_is_launched_and_reset_in_order)
{
	static const char launch[] =
		"KVM_SEV_INIT2 features=0x20 ghcb=2\n"
		"KVM_SEV_SNP_LAUNCH_START policy=0x30000\n"
		"KVM_SEV_SNP_LAUNCH_UPDATE type=1 gpa=0x1000 size=0x2000\n"
		"KVM_SEV_SNP_LAUNCH_UPDATE type=3 gpa=0x8000 size=0x1000\n"
		"KVM_SEV_SNP_LAUNCH_UPDATE type=1 gpa=0xffffc000 size=0x4000\n"
		"KVM_SEV_SNP_LAUNCH_UPDATE type=4 gpa=0x10000 size=0x1000\n"
		"KVM_SEV_SNP_LAUNCH_UPDATE type=5 gpa=0x11000 size=0x1000\n"
		"KVM_SEV_SNP_LAUNCH_UPDATE type=6 gpa=0x12000 size=0x1000\n"
		"KVM_SEV_SNP_LAUNCH_UPDATE type=4 gpa=0x13000 size=0x1000\n"
		"KVM_SEV_SNP_LAUNCH_FINISH id_block=0 auth_key=0 vcek=1 host_data=5c\n";
	size_t size = 64;
	uint8_t bytes[64];

	init(COCO_TECH_SNP);
	add_run(0x10000, 0x1000, COCO_PAGE_DATA, COCO_RUN_UNMEASURED);
	add_run(0x11000, 0x1000, COCO_PAGE_SECRETS, 0);
	add_run(0x12000, 0x1000, COCO_PAGE_CPUID, 0);
	add_run(0x13000, 0x1000, COCO_PAGE_ZERO, COCO_RUN_UNMEASURED);
	given.vmsa_features = 0x20;
	given.ghcb_version = 2;
	given.vcek_disabled = 1;
	given.host_data[0] = 0x5c;
	fixture_guest(&f);
	memset(&given, 0xff, sizeof(given)); /* the guest has a copy */
	for (int life = 0; life < 2; life++) {
		if (life)
			expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
		else
			expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
		expect_log(launch);
		ck_assert_uint_eq(fixture_info(&f).private_bytes, 0xb000);
	}
	expect_error(coco_guest_get_launch_measure(f.guest, bytes, &size, &f.error), &f.error,
		     -ENODATA, "");
	end();
}
END_TEST

START_TEST(sev_and_seves_are_launched_in_order)
{
	static const char launch[] = "%s\n"
				     "KVM_SEV_LAUNCH_START policy=0x%x session=16 dh=0\n"
				     "register size=0x400000\n"
				     "register size=0x10000\n"
				     "KVM_SEV_LAUNCH_UPDATE_DATA size=0x2000\n"
				     "KVM_SEV_LAUNCH_UPDATE_DATA size=0x1000\n"
				     "KVM_SEV_LAUNCH_UPDATE_DATA size=0x4000\n"
				     "KVM_SEV_LAUNCH_UPDATE_DATA size=0xb0\n"
				     "%s"
				     "KVM_SEV_LAUNCH_MEASURE size=48\n"
				     "KVM_SEV_LAUNCH_FINISH\n";
	static const struct {
		uint32_t tech, init, policy;
		int types;
		const char *begin, *vmsas;
	} cases[] = {
		{COCO_TECH_SEV, 0, 1, 0x1f, "KVM_SEV_INIT2 features=0x0 ghcb=0", ""},
		{COCO_TECH_SEVES, 0, 5, 0x1f, "KVM_SEV_INIT2 features=0x0 ghcb=0",
		 "KVM_SEV_LAUNCH_UPDATE_VMSA\n"},
		{COCO_TECH_SEV, 0, 1, 1, "KVM_SEV_INIT", ""},
		{COCO_TECH_SEVES, COCO_SEV_INIT_LEGACY, 5, 0x1f, "KVM_SEV_ES_INIT",
		 "KVM_SEV_LAUNCH_UPDATE_VMSA\n"},
	};
	static const uint8_t session[16];
	char expected[1024];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[64];
		size_t size = 47;

		init_with(cases[i].tech, cases[i].types);
		add_run(0x10010, 0xb0, COCO_PAGE_PART, 0);
		given.init = cases[i].init;
		given.session = session;
		given.session_size = sizeof(session);
		fixture_guest(&f);
		expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
		snprintf(expected, sizeof(expected), launch, cases[i].begin, cases[i].policy,
			 cases[i].vmsas);
		expect_log(expected);
		expect_error(coco_guest_get_launch_measure(f.guest, bytes, &size, &f.error),
			     &f.error, -EINVAL, "size");
		size = sizeof(bytes);
		expect_ok(coco_guest_get_launch_measure(f.guest, bytes, &size, &f.error), &f.error);
		ck_assert_uint_eq(size, COCO_LAUNCH_MEASURE_SIZE);
		ck_assert_uint_eq(bytes[47], 0x4d);
		expect_ok(coco_guest_teardown(f.guest, &f.error), &f.error);
		expect_error(coco_guest_get_launch_measure(f.guest, bytes, &size, &f.error),
			     &f.error, -EBUSY, "state");
		end();
	}
}
END_TEST

START_TEST(the_secure_tsc_has_a_frequency)
{
	init(COCO_TECH_SNP);
	sev.vmsa_features = 0x220;
	given.vmsa_features = 0x200;
	given.tsc_khz = 2100000;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	ck_assert_ptr_eq(strstr(sev.log, "tsc khz=2100000\n"
					 "KVM_SEV_INIT2 features=0x200 ghcb=0\n"),
			 sev.log);
	end();
}
END_TEST

START_TEST(sev_loads_nothing_unmeasured)
{
	init(techs[_i]);
	add_run(0x10000, 0x1000, COCO_PAGE_DATA, COCO_RUN_UNMEASURED);
	fixture_guest(&f);
	if (techs[_i] == COCO_TECH_SNP) {
		expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	} else {
		expect_error(coco_guest_launch(f.guest, &f.error), &f.error, -EINVAL, "image");
		expect_text(&f.error, "unmeasured");
		fixture_expect_state(&f, COCO_STATE_CONFIGURED, 0);
	}
	end();
}
END_TEST

START_TEST(vcpus_start_as_the_architecture_says)
{
	struct fake_vcpu_state state;

	init(COCO_TECH_SNP);
	expect_ok(coco_image_set_ap_start(f.image, 0xfff0b004, &f.error), &f.error);
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	for (uint32_t i = 0; i < 2; i++) {
		const int fd = coco_vcpu_fd(coco_guest_vcpu(f.guest, i));

		ck_assert(fake_kvm_vcpu_state(f.fake, fd, &state));
		ck_assert_uint_eq(state.sregs.cs.type, 0xb);
		ck_assert_uint_eq(state.sregs.ss.type, 0x3);
		ck_assert_uint_eq(state.sregs.gs.type, 0x3);
		ck_assert_uint_eq(state.sregs.tr.type, 0xb);
		ck_assert_uint_eq(state.sregs.cs.base, i ? 0xfff00000 : 0xffff0000);
		ck_assert_uint_eq(state.regs.rip, i ? 0xb004 : 0xfff0);
	}
	end();
}
END_TEST

START_TEST(partial_progress_and_signals_are_gone_on_from)
{
	init(COCO_TECH_SNP);
	fixture_guest(&f);
	sev.pages_at_once = 1;
	sev.fail_nth = 3;
	sev.fail_count = 62;
	sev.fail_errno = EIO;
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	expect_log("KVM_SEV_INIT2 features=0x0 ghcb=0\n"
		   "KVM_SEV_SNP_LAUNCH_START policy=0x30000\n"
		   "KVM_SEV_SNP_LAUNCH_UPDATE type=1 gpa=0x1000 size=0x1000\n"
		   "KVM_SEV_SNP_LAUNCH_UPDATE type=1 gpa=0x2000 size=0x1000\n"
		   "KVM_SEV_SNP_LAUNCH_UPDATE type=3 gpa=0x8000 size=0x1000\n"
		   "KVM_SEV_SNP_LAUNCH_UPDATE type=1 gpa=0xffffc000 size=0x1000\n"
		   "KVM_SEV_SNP_LAUNCH_UPDATE type=1 gpa=0xffffd000 size=0x1000\n"
		   "KVM_SEV_SNP_LAUNCH_UPDATE type=1 gpa=0xffffe000 size=0x1000\n"
		   "KVM_SEV_SNP_LAUNCH_UPDATE type=1 gpa=0xfffff000 size=0x1000\n"
		   "KVM_SEV_SNP_LAUNCH_FINISH id_block=0 auth_key=0 vcek=0 host_data=00\n");
	sev.fail_nth = 3;
	sev.fail_count = 100;
	expect_error(coco_guest_reset(f.guest, &f.error), &f.error, -EIO, "");
	ck_assert_uint_eq(sev.fail_count, 100 - 64);
	ck_assert_uint_eq(f.error.status, 0);
	expect_text(&f.error, "0x1000");
	fixture_expect_state(&f, COCO_STATE_DOWN, 1);
	end();
}
END_TEST

START_TEST(a_corrected_cpuid_page_names_the_leaf)
{
	init(COCO_TECH_SNP);
	add_run(0x12000, 0x1000, COCO_PAGE_CPUID, 0);
	fixture_guest(&f);
	sev.refused_ecx = 0x20;
	expect_spoil(&f.error);
	ck_assert_int_eq(coco_guest_launch(f.guest, &f.error), -EIO);
	ck_assert_uint_eq(f.error.status, 0x16);
	ck_assert_str_eq(f.error.call, "KVM_SEV_SNP_LAUNCH_UPDATE");
	expect_text(&f.error, "leaf 0x1,");
	expect_text(&f.error, "ecx 0x20,");
	end();
}
END_TEST

START_TEST(any_command_may_fail)
{
	bool more = true;

	for (unsigned n = 1; more; n++) {
		const uint64_t generation = n % 2;
		int rc;

		init(techs[_i]);
		fixture_guest(&f);
		if (generation)
			expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
		sev.fail_nth = (n + 1) / 2;
		sev.fail_errno = EIO;
		sev.fail_status = 0x07;
		expect_spoil(&f.error);
		rc = generation ? coco_guest_reset(f.guest, &f.error)
				: coco_guest_launch(f.guest, &f.error);
		more = sev.failed != NULL;
		if (more) {
			ck_assert_int_eq(rc, -EIO);
			ck_assert_str_eq(f.error.call, sev.failed);
			ck_assert_uint_eq(f.error.status, 0x07);
			expect_text(&f.error, coco_sev_status_name(0x07));
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

		init(techs[_i]);
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

START_TEST(no_asid_is_said_in_words)
{
	init(techs[_i]);
	fixture_guest(&f);
	sev.fail_nth = 1;
	sev.fail_errno = EBUSY;
	expect_call_error(coco_guest_launch(f.guest, &f.error), &f.error, -EBUSY, "KVM_SEV_INIT2");
	ck_assert_uint_eq(f.error.status, 0);
	expect_text(&f.error, "ASIDs");
	end();
}
END_TEST

START_TEST(firmware_statuses_have_names)
{
	ck_assert_str_eq(coco_sev_status_name(0), "SUCCESS");
	ck_assert_str_eq(coco_sev_status_name(0x0b), "BAD_MEASUREMENT");
	ck_assert_str_eq(coco_sev_status_name(0x3a), "IN_USE");
	ck_assert_str_eq(coco_sev_status_name(UINT32_MAX), "NO_FW_CALL");
	ck_assert_str_eq(coco_sev_status_name(0x1e), "unknown");
	ck_assert_str_eq(coco_sev_status_name(UINT64_MAX), "unknown");
}
END_TEST

int main(void)
{
	const TTest *const once[] = {
		plain_guests_have_no_options_of_their_own,
		bad_options_of_sev_are_refused,
		bad_options_of_seves_are_refused,
		bad_options_of_snp_are_refused,
		snp_is_launched_and_reset_in_order,
		sev_and_seves_are_launched_in_order,
		vcpus_start_as_the_architecture_says,
		the_secure_tsc_has_a_frequency,
		partial_progress_and_signals_are_gone_on_from,
		a_corrected_cpuid_page_names_the_leaf,
		firmware_statuses_have_names,
		NULL,
	};
	Suite *suite = expect_suite("sev", once);
	TCase *each = tcase_create("each technology");

	tcase_add_loop_test(each, what_a_technology_lacks_is_refused_by_name, 0, TECHS);
	tcase_add_loop_test(each, a_host_says_what_it_lacks, 0, TECHS);
	tcase_add_loop_test(each, a_host_says_which_firmware_it_has, 0, TECHS);
	tcase_add_loop_test(each, sev_loads_nothing_unmeasured, 0, TECHS);
	tcase_add_loop_test(each, any_command_may_fail, 0, TECHS);
	tcase_add_loop_test(each, any_system_call_may_fail, 0, TECHS);
	tcase_add_loop_test(each, no_asid_is_said_in_words, 0, TECHS);
	suite_add_tcase(suite, each);
	return expect_run(suite);
}
