/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Is each bad option refused by its name, and what does a new guest hold? */
#include "fixture.h"

#include "kvm/uapi.h"

#include <stdlib.h>

static struct fixture f;

static void init(uint32_t tech)
{
	fixture_init(&f, tech);
	fake_kvm_transcript_clear(f.fake);
}

/* Making the guest fails for that option, and nothing is left of it. */
static void expect_refused(int code, const char *blamed)
{
	struct coco_guest *guest = NULL;

	expect_error(coco_guest_new(f.host, &f.options, &guest, &f.error), &f.error, code, blamed);
	ck_assert_uint_eq(f.error.stage, COCO_STAGE_ARGUMENT);
	ck_assert_ptr_null(guest);
	ck_assert_uint_eq(fake_kvm_open_fds(f.fake), 1);
	expect_transcript(f.fake, "");
}

START_TEST(the_technology_must_be_known_and_launchable)
{
	static const uint32_t unknown[] = {0, COCO_TECH_TDX + 1, UINT32_MAX};

	init(COCO_TECH_PLAIN);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		f.options.tech = unknown[i];
		expect_refused(-EINVAL, "tech");
	}
	f.options.tech = COCO_TECH_SWPROTECTED;
	fake_kvm_set_extension(f.fake, FAKE_SCOPE_ALL, UAPI_CAP_VM_TYPES, 1);
	expect_refused(-EOPNOTSUPP, "tech");
	expect_text(&f.error, "CONFIG_KVM_SW_PROTECTED_VM");
	fixture_end(&f);
}
END_TEST

START_TEST(the_host_limits_the_vcpus)
{
	init(COCO_TECH_PLAIN);
	fake_kvm_set_extension(f.fake, FAKE_SCOPE_ALL, KVM_CAP_MAX_VCPUS, 4);
	f.options.vcpus = 0;
	expect_refused(-EINVAL, "vcpus");
	f.options.vcpus = 5;
	expect_refused(-EINVAL, "vcpus");
	expect_text(&f.error, "4");
	f.options.vcpus = UINT32_MAX;
	expect_refused(-EINVAL, "vcpus");
	f.options.vcpus = 4;
	expect_ok(coco_guest_new(f.host, &f.options, &f.guest, &f.error), &f.error);
	fixture_end(&f);
}
END_TEST

START_TEST(image_irqchip_and_flags_are_checked)
{
	init(COCO_TECH_PLAIN);
	f.options.image = NULL;
	expect_refused(-EINVAL, "image");
	f.options.image = f.image;

	f.options.irqchip = COCO_IRQCHIP_FULL + 1;
	expect_refused(-EINVAL, "irqchip");
	f.options.irqchip = UINT32_MAX;
	expect_refused(-EINVAL, "irqchip");
	f.options.irqchip = COCO_IRQCHIP_SPLIT;
	f.options.ioapic_pins = 4097;
	expect_refused(-EINVAL, "ioapic_pins");
	f.options.ioapic_pins = 4096;

	for (unsigned bit = 2; bit < 32; bit++) {
		f.options.flags = COCO_GUEST_EAGER_PRIVATE | 1u << bit;
		expect_refused(-EINVAL, "flags");
	}
	f.options.flags = COCO_GUEST_EAGER_PRIVATE;
	f.options.reserved0 = 1;
	expect_refused(-EINVAL, "reserved0");
	f.options.reserved0 = 0;
	expect_ok(coco_guest_new(f.host, &f.options, &f.guest, &f.error), &f.error);
	fixture_end(&f);
}
END_TEST

START_TEST(there_must_be_a_way_to_kick)
{
	init(COCO_TECH_PLAIN);
	f.options.kick = NULL;
	expect_refused(-EINVAL, "kick_signal");
	f.options.kick_signal = -1;
	expect_refused(-EINVAL, "kick_signal");
	f.options.kick_signal = 1000;
	expect_refused(-EINVAL, "kick_signal");
	fixture_end(&f);
}
END_TEST

START_TEST(conversions_grow_by_powers_of_two)
{
	init(COCO_TECH_SWPROTECTED);
	f.options.convert_first = 1;
	expect_refused(-EINVAL, "convert_first");
	f.options.convert_first = COCO_PAGE_SIZE / 2;
	expect_refused(-EINVAL, "convert_first");
	f.options.convert_first = COCO_PAGE_SIZE + 1;
	expect_refused(-EINVAL, "convert_first");
	f.options.convert_first = 3 * COCO_PAGE_SIZE;
	expect_refused(-EINVAL, "convert_first");
	f.options.convert_first = 0;
	f.options.convert_max = 0x4000001;
	expect_refused(-EINVAL, "convert_max");
	f.options.convert_max = 0x6000000;
	expect_refused(-EINVAL, "convert_max");
	f.options.convert_first = 0x400000;
	f.options.convert_max = 0x200000;
	expect_refused(-EINVAL, "convert_max");
	fixture_end(&f);
}
END_TEST

START_TEST(option_structs_of_other_versions_follow_the_rules)
{
	struct {
		struct coco_guest_options known;
		uint8_t unknown[16];
	} newer = {0};

	init(COCO_TECH_PLAIN);
	f.options.struct_size = 0;
	expect_refused(-EINVAL, "struct_size");
	f.options.struct_size = offsetof(struct coco_guest_options, vcpus);
	expect_refused(-EINVAL, "struct_size");
	newer.known = f.options;
	newer.known.struct_size = sizeof(newer);
	newer.unknown[15] = 1;
	expect_spoil(&f.error);
	ck_assert_int_eq(coco_guest_new(f.host, &newer.known, &f.guest, &f.error), -E2BIG);
	newer.unknown[15] = 0;
	expect_ok(coco_guest_new(f.host, &newer.known, &f.guest, &f.error), &f.error);
	fixture_end(&f);
}
END_TEST

START_TEST(a_new_guest_holds_numbers_and_addresses_and_no_vm)
{
	int numbers[4];
	struct kvm_run *runs[4];

	init(COCO_TECH_PLAIN);
	f.options.vcpus = 3;
	expect_ok(coco_guest_new(f.host, &f.options, &f.guest, &f.error), &f.error);
	ck_assert_uint_eq(fake_kvm_most_vms(f.fake), 0);
	/* The host's own, the VM's, and one a vCPU. */
	ck_assert_uint_eq(fake_kvm_open_fds(f.fake), 5);
	numbers[3] = coco_guest_vm_fd(f.guest);
	for (uint32_t i = 0; i < 3; i++) {
		struct coco_vcpu *vcpu = coco_guest_vcpu(f.guest, i);

		ck_assert_ptr_nonnull(vcpu);
		ck_assert_uint_eq(coco_vcpu_index(vcpu), i);
		numbers[i] = coco_vcpu_fd(vcpu);
		runs[i] = coco_vcpu_kvm_run(vcpu);
		ck_assert_ptr_nonnull(runs[i]);
		for (uint32_t j = 0; j < i; j++)
			ck_assert(runs[i] != runs[j] && numbers[i] != numbers[j]);
		ck_assert_int_ne(numbers[i], numbers[3]);
	}
	ck_assert_ptr_null(coco_guest_vcpu(f.guest, 3));
	ck_assert_ptr_null(coco_guest_vcpu(f.guest, UINT32_MAX));
	fixture_expect_state(&f, COCO_STATE_CONFIGURED, 0);
	ck_assert_uint_eq(fixture_info(&f).vcpus, 3);
	ck_assert_uint_eq(fixture_info(&f).tech, COCO_TECH_PLAIN);
	ck_assert_uint_eq(fixture_info(&f).open_objects, 0);
	fixture_end(&f);
}
END_TEST

START_TEST(every_call_of_making_a_guest_may_fail)
{
	unsigned n;

	init(COCO_TECH_SWPROTECTED);
	f.options.vcpus = 2;
	for (n = 1;; n++) {
		int rc;

		fake_kvm_fail(f.fake, NULL, n, ENOMEM, false);
		expect_spoil(&f.error);
		rc = coco_guest_new(f.host, &f.options, &f.guest, &f.error);
		if (fake_kvm_failed_call(f.fake)[0] == '\0') {
			ck_assert_int_eq(rc, 0);
			break;
		}
		ck_assert_msg(rc == -ENOMEM, "%s failed, and the guest was made: %d",
			      fake_kvm_failed_call(f.fake), rc);
		ck_assert_int_eq(f.error.code, -ENOMEM);
		ck_assert_ptr_null(f.guest);
		ck_assert_uint_eq(fake_kvm_open_fds(f.fake), 1);
	}
	ck_assert_uint_gt(n, 5);
	fake_kvm_fail_clear(f.fake);
	fixture_end(&f);
}
END_TEST

START_TEST(a_guest_outlives_the_callers_host)
{
	init(COCO_TECH_PLAIN);
	expect_ok(coco_guest_new(f.host, &f.options, &f.guest, &f.error), &f.error);
	coco_host_close(f.host);
	f.host = NULL;
	expect_ok(fixture_add_memory(&f, 0, RAM_SIZE, NULL, 0), &f.error);
	expect_ok(fixture_add_memory(&f, ROM_GPA, ROM_SIZE, NULL, 0), &f.error);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	fixture_expect_image(&f);
	fixture_end(&f);
}
END_TEST

/* ---- CPUID ---- */

static const struct kvm_cpuid_entry2 *find_leaf(const struct fake_vcpu_state *state, uint32_t leaf,
						uint32_t index)
{
	for (uint32_t i = 0; i < state->cpuid_count; i++)
		if (state->cpuid[i].function == leaf && state->cpuid[i].index == index)
			return &state->cpuid[i];
	ck_abort_msg("no CPUID leaf 0x%x", leaf);
	return NULL;
}

static void expect_apic_ids(struct fake_vcpu_state *state, uint32_t id)
{
	int fd = coco_vcpu_fd(coco_guest_vcpu(f.guest, id));

	ck_assert(fake_kvm_vcpu_state(f.fake, fd, state));
	ck_assert_uint_eq(find_leaf(state, 1, 0)->ebx >> 24, id & 0xff);
	ck_assert_uint_eq(find_leaf(state, 0xb, 0)->edx, id);
	ck_assert_uint_eq(find_leaf(state, 0xb, 1)->edx, id);
	ck_assert_uint_eq(find_leaf(state, 0x1f, 0)->edx, id);
	ck_assert_uint_eq(find_leaf(state, 0x8000001e, 0)->eax, id);
	/* What is beside the APIC id stays. */
	ck_assert_uint_eq(find_leaf(state, 1, 0)->ebx & 0xffffff, 0x000800);
	ck_assert_uint_eq(find_leaf(state, 1, 0)->eax, 0x600);
	ck_assert_uint_eq(find_leaf(state, 0xb, 0)->ecx, 0x100);
	ck_assert_uint_eq(find_leaf(state, 0x80000008, 0)->eax, 0x3030);
}

START_TEST(each_vcpu_has_its_apic_id_in_its_cpuid)
{
	static const uint32_t ids[] = {0, 1, 255, 256, 299};
	struct fake_vcpu_state *state = malloc(sizeof(*state));

	ck_assert_ptr_nonnull(state);
	init(COCO_TECH_PLAIN);
	f.options.vcpus = 300;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		expect_apic_ids(state, ids[i]);
	free(state);
	fixture_end(&f);
}
END_TEST

START_TEST(the_kernels_cpuid_may_have_any_length)
{
	static const unsigned counts[] = {16, 100, 101, 255, 256};
	struct fake_vcpu_state *state = malloc(sizeof(*state));

	ck_assert_ptr_nonnull(state);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		init(COCO_TECH_PLAIN);
		fake_kvm_set_cpuid_count(f.fake, counts[i]);
		fixture_guest(&f);
		expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
		expect_apic_ids(state, 0);
		ck_assert_uint_eq(state->cpuid_count, counts[i]);
		fixture_end(&f);
	}
	free(state);
}
END_TEST

START_TEST(the_callers_cpuid_is_copied)
{
	struct fake_vcpu_state *state = malloc(sizeof(*state));
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + 2 * sizeof(cpuid->entries[0]));

	ck_assert(state != NULL && cpuid != NULL);
	init(COCO_TECH_PLAIN);
	cpuid->nent = 2;
	cpuid->entries[0].function = 1;
	cpuid->entries[0].ebx = 0xff123456;
	cpuid->entries[0].edx = 0x11111111;
	cpuid->entries[1].function = 0x80000008;
	cpuid->entries[1].eax = 40;
	f.options.cpuid = cpuid;
	fixture_guest(&f);
	memset(cpuid, 0xff, sizeof(*cpuid) + 2 * sizeof(cpuid->entries[0]));
	free(cpuid);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	ck_assert(fake_kvm_vcpu_state(f.fake, coco_vcpu_fd(coco_guest_vcpu(f.guest, 0)), state));
	ck_assert_uint_eq(state->cpuid_count, 2);
	ck_assert_uint_eq(state->cpuid[0].ebx, 0x00123456);
	ck_assert_uint_eq(state->cpuid[0].edx, 0x11111111);
	free(state);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_technology_must_be_known_and_launchable,
		the_host_limits_the_vcpus,
		image_irqchip_and_flags_are_checked,
		there_must_be_a_way_to_kick,
		conversions_grow_by_powers_of_two,
		option_structs_of_other_versions_follow_the_rules,
		a_new_guest_holds_numbers_and_addresses_and_no_vm,
		every_call_of_making_a_guest_may_fail,
		a_guest_outlives_the_callers_host,
		each_vcpu_has_its_apic_id_in_its_cpuid,
		the_kernels_cpuid_may_have_any_length,
		the_callers_cpuid_is_copied,
		NULL,
	};

	return expect_run(expect_suite("guest options", tests));
}
