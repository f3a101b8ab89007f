/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Do vCPUs start with the registers that an image gives them, is that what is measured, and is it
 * known beforehand what KVM can't do?
 */
#include <stdlib.h>

#include "fixture.h"
#include "sev_platform.h"

#include "kvm/uapi.h"

#define CS_ATTRIBUTES 0x12
#define CR4           0x148
#define CR3           0x150
#define DR7           0x160
#define RIP           0x178
#define STAR          0x200
#define G_PAT         0x268
#define RBX           0x318
#define R15           0x378
#define SEV_FEATURES  0x3b0
#define MXCSR         0x408
#define FCW           0x410

static struct coco_error error;
static struct coco_measure_options measuring;

static struct coco_image *new_image(void)
{
	struct coco_image *image;

	expect_ok(coco_image_new(&image, &error), &error);
	return image;
}

/* What KVM makes of SNP vCPUs that nothing special is known of. */
static void vmsa(uint32_t vcpu, uint8_t *page)
{
	COCO_INIT(&measuring);
	measuring.tech = COCO_TECH_SNP;
	measuring.vcpu_signature = 0x800f12;
	measuring.ap_start = 0x80b004;
	expect_ok(coco_vmsa_build(&measuring, vcpu, page, &error), &error);
}

static void add_state(struct coco_image *image, uint32_t vcpu, uint64_t gpa, const uint8_t *page)
{
	struct coco_vcpu_state state;

	COCO_INIT(&state);
	state.vcpu = vcpu;
	state.format = COCO_VCPU_STATE_VMSA;
	state.gpa = gpa;
	state.page = page;
	expect_ok(coco_image_add_vcpu_state(image, &state, &error), &error);
}

static void add_page(struct coco_image *image, uint64_t gpa, uint32_t flags)
{
	static const uint8_t bytes[COCO_PAGE_SIZE] = {1};
	struct coco_page_run run;

	COCO_INIT(&run);
	run.gpa = gpa;
	run.size = sizeof(bytes);
	run.bytes = bytes;
	run.kind = COCO_PAGE_DATA;
	run.flags = flags;
	expect_ok(coco_image_add(image, &run, &error), &error);
}

START_TEST(a_bad_state_is_refused_by_the_name_of_its_field)
{
	static const uint8_t page[COCO_PAGE_SIZE];
	const struct {
		int code;
		const char *field;
		struct coco_vcpu_state state;
	} bad[] = {
		{-EINVAL, "vcpu", {.vcpu = COCO_IMAGE_MAX_VCPUS, .format = 1, .page = page}},
		{-EINVAL, "format", {.vcpu = 1, .format = 3, .page = page}},
		{-EINVAL, "format", {.vcpu = 1, .format = COCO_VCPU_STATE_NATIVE, .page = page}},
		{-EINVAL, "gpa", {.vcpu = 1, .format = 1, .gpa = 8, .page = page}},
		{-EINVAL, "gpa", {.vcpu = 1, .format = 1, .gpa = 1ull << 52, .page = page}},
		{-EINVAL, "page", {.vcpu = 1, .format = 1}},
		{-EEXIST, "vcpu", {.vcpu = 5, .format = 1, .page = page}},
	};
	struct coco_image *image = new_image();
	struct coco_vcpu_state state;

	add_state(image, 5, COCO_VMSA_GPA, page);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		state = bad[i].state;
		state.struct_size = sizeof(state);
		expect_error(coco_image_add_vcpu_state(image, &state, &error), &error, bad[i].code,
			     bad[i].field);
	}
	ck_assert_uint_eq(coco_image_vcpu_state_count(image), 1);
	COCO_INIT(&state);
	expect_ok(coco_image_get_vcpu_state(image, 0, &state, &error), &error);
	ck_assert_uint_eq(state.vcpu, 5);
	ck_assert_uint_eq(state.gpa, COCO_VMSA_GPA);
	ck_assert_uint_eq(state.position, 0);
	ck_assert_mem_eq(state.page, page, sizeof(page));
	expect_error(coco_image_get_vcpu_state(image, 1, &state, &error), &error, -EINVAL, "index");
	coco_image_unref(image);
}
END_TEST

static void measure(const struct coco_image *image, uint32_t vcpus, uint32_t flags, uint8_t *out)
{
	struct coco_digest *digest;

	measuring.vcpus = vcpus;
	measuring.flags = flags;
	expect_ok(coco_measure_image(image, &measuring, &digest, &error), &error);
	memcpy(out, coco_digest_bytes(digest, NULL), 48);
	coco_digest_free(digest);
}

/* Pages that say what KVM makes anyway change nothing, whether they come from the image or not. */
START_TEST(vmsas_of_an_image_are_measured_like_those_that_are_made)
{
	struct coco_image *without = new_image(), *with = new_image(), *first = new_image();
	uint8_t page[COCO_PAGE_SIZE], expected[48], digest[48];

	add_page(without, 0x1000, 0);
	add_page(with, 0x1000, 0);
	add_page(first, 0x1000, 0);
	for (uint32_t i = 0; i < 3; i++) {
		vmsa(i, page);
		add_state(with, i, COCO_VMSA_GPA, page);
		if (!i)
			add_state(first, i, COCO_VMSA_GPA, page);
	}
	measure(without, 3, 0, expected);
	measure(with, 3, 0, digest);
	ck_assert_mem_eq(digest, expected, 48);
	measure(with, 0, 0, digest); /* as many as there are */
	ck_assert_mem_eq(digest, expected, 48);
	measure(first, 3, 0, digest); /* the others as the options say */
	ck_assert_mem_eq(digest, expected, 48);
	measure(with, 0, COCO_MEASURE_VMSAS_IN_PLACE, digest);
	ck_assert_mem_eq(digest, expected, 48);
	/* Shared memory is none of the measurement's business. */
	add_page(with, 0x9000, COCO_RUN_SHARED);
	measure(with, 0, 0, digest);
	ck_assert_mem_eq(digest, expected, 48);
	coco_image_unref(without);
	coco_image_unref(with);
	coco_image_unref(first);
}
END_TEST

struct obstacle {
	uint32_t obstacles;
	const char *reason;
	uint32_t offset; /* of what is changed in vCPU 1's page */
	uint8_t value;
	uint64_t gpa;
	uint32_t vcpus; /* of the guest */
	uint64_t kernel_features;
	bool page_after;
	bool backwards;
};

static const struct obstacle obstacles[] = {
	{0, "", RBX, 7, 0, 2, 0, false, false},
	{COCO_KVM_VMSA_ADDRESS, "is at 0x803000", RBX, 0, 0x803000, 2, 0, false, false},
	{COCO_KVM_VMSA_POSITION, "comes before 1 of the page runs", RBX, 0, 0, 2, 0, true, false},
	{COCO_KVM_VMSA_ORDER, "comes after vCPU 1's", RBX, 0, 0, 2, 0, false, true},
	{COCO_KVM_VCPU_COUNT, "the guest has 1", RBX, 0, 0, 1, 0, false, false},
	{COCO_KVM_VCPU_COUNT, "no VMSA of vCPU 2", RBX, 0, 0, 3, 0, false, false},
	{COCO_KVM_REGISTER, "offset 0x200", STAR, 1, 0, 2, 0, false, false},
	{COCO_KVM_REGISTER, "CR4: KVM sets MCE", CR4, 0, 0, 2, 0, false, false},
	{COCO_KVM_REGISTER, "DR7", DR7, 1, 0, 2, 0, false, false},
	{COCO_KVM_REGISTER, "12 bits", CS_ATTRIBUTES + 1, 0xc0, 0, 2, 0, false, false},
	{COCO_KVM_FEATURES, "one value for all", SEV_FEATURES, 0x21, 0, 2, 0, false, false},
	{COCO_KVM_FEATURES, "for no others", SEV_FEATURES, 0x20, 0, 2, 0, false, false},
};

START_TEST(what_kvm_can_not_reach_is_known_before)
{
	const struct obstacle *row = &obstacles[_i];
	struct coco_kvm_check_options options;
	struct coco_image *image = new_image();
	uint8_t pages[2][COCO_PAGE_SIZE];
	struct coco_kvm_check check;

	for (uint32_t i = 0; i < 2; i++)
		vmsa(i, pages[i]);
	pages[1][row->offset] = row->value;
	add_page(image, 0x1000, 0);
	for (uint32_t i = 0; i < 2; i++) {
		const uint32_t vcpu = row->backwards ? 1 - i : i;

		add_state(image, vcpu, vcpu && row->gpa ? row->gpa : COCO_VMSA_GPA, pages[vcpu]);
	}
	if (row->page_after)
		add_page(image, 0x2000, 0);
	COCO_INIT(&options);
	COCO_INIT(&check);
	options.tech = COCO_TECH_SNP;
	options.vcpus = row->vcpus;
	expect_ok(coco_image_check_kvm(image, &options, &check, &error), &error);
	ck_assert_msg(check.obstacles & row->obstacles || check.obstacles == row->obstacles,
		      "0x%x: %s", check.obstacles, check.reason);
	ck_assert_int_eq(check.obstacles == 0, row->obstacles == 0);
	ck_assert_msg(strstr(check.reason, row->reason) != NULL, "%s", check.reason);
	ck_assert_uint_eq(check.vcpus, 2);
	coco_image_unref(image);
}
END_TEST

START_TEST(features_are_compared_with_the_kernels)
{
	struct coco_kvm_check_options options;
	struct coco_image *image = new_image();
	uint8_t page[COCO_PAGE_SIZE];
	struct coco_kvm_check check;

	vmsa(0, page);
	page[SEV_FEATURES] = 0x29;
	add_state(image, 0, COCO_VMSA_GPA, page);
	COCO_INIT(&options);
	COCO_INIT(&check);
	options.tech = COCO_TECH_SNP;
	expect_ok(coco_image_check_kvm(image, &options, &check, &error), &error);
	ck_assert_uint_eq(check.obstacles, 0);
	ck_assert_uint_eq(check.features, 0x29);
	options.kernel_features = 0x220;
	expect_ok(coco_image_check_kvm(image, &options, &check, &error), &error);
	ck_assert_uint_eq(check.obstacles, COCO_KVM_FEATURES);
	ck_assert_ptr_nonnull(strstr(check.reason, "bits 0x8"));
	options.tech = 77;
	expect_error(coco_image_check_kvm(image, &options, &check, &error), &error, -EINVAL,
		     "tech");
	coco_image_unref(image);
}
END_TEST

/* --- a guest on the fake kernel */

static struct fixture f;

static struct fake_vcpu_state *state_of(uint32_t index)
{
	struct fake_vcpu_state *state = malloc(sizeof(*state));
	const int fd = coco_vcpu_fd(coco_guest_vcpu(f.guest, index));

	ck_assert_ptr_nonnull(state);
	ck_assert(fake_kvm_vcpu_state(f.fake, fd, state));
	return state;
}

static void put(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void add_native(uint32_t vcpu)
{
	uint8_t page[COCO_PAGE_SIZE] = {0};
	struct coco_vcpu_state state;

	put(page, 0x1111, 8);               /* RAX */
	put(page + 32, 0x18fa8, 8);         /* RSP */
	put(page + 120, 0xf00f, 8);         /* R15 */
	put(page + 128, 0x10002, 8);        /* RIP */
	put(page + 136, 2, 8);              /* RFLAGS */
	put(page + 158, 0x37, 2);           /* GDT limit */
	put(page + 160, 0x9000, 8);         /* GDT base */
	put(page + 168, 0xa09b0008, 4);     /* code: 64-bit */
	put(page + 176, 0xffffffff, 4);     /* its limit */
	put(page + 180, 0xc0930010, 4);     /* data */
	put(page + 192, 0x123456789000, 8); /* GS base */
	put(page + 200, 0x80000031, 8);     /* CR0 */
	put(page + 208, 0x1c000, 8);        /* CR3 */
	put(page + 216, 0x60, 8);           /* CR4 */
	put(page + 224, 0xd00, 8);          /* EFER */
	COCO_INIT(&state);
	state.vcpu = vcpu;
	state.format = COCO_VCPU_STATE_NATIVE;
	state.page = page;
	expect_ok(coco_image_add_vcpu_state(f.image, &state, &error), &error);
}

static void check_native(const struct fake_vcpu_state *state)
{
	ck_assert_uint_eq(state->regs.rax, 0x1111);
	ck_assert_uint_eq(state->regs.rsp, 0x18fa8);
	ck_assert_uint_eq(state->regs.r15, 0xf00f);
	ck_assert_uint_eq(state->regs.rip, 0x10002);
	ck_assert_uint_eq(state->regs.rflags, 2);
	ck_assert_uint_eq(state->sregs.gdt.base, 0x9000);
	ck_assert_uint_eq(state->sregs.gdt.limit, 0x37);
	ck_assert_uint_eq(state->sregs.cs.selector, 8);
	ck_assert_uint_eq(state->sregs.cs.type, 0xb);
	ck_assert_uint_eq(state->sregs.cs.l, 1);
	ck_assert_uint_eq(state->sregs.cs.db, 0);
	ck_assert_uint_eq(state->sregs.cs.g, 1);
	ck_assert_uint_eq(state->sregs.cs.limit, 0xffffffff);
	ck_assert_uint_eq(state->sregs.ss.selector, 0x10);
	ck_assert_uint_eq(state->sregs.fs.db, 1);
	ck_assert_uint_eq(state->sregs.gs.base, 0x123456789000);
	ck_assert_uint_eq(state->sregs.cr0, 0x80000031);
	ck_assert_uint_eq(state->sregs.cr3, 0x1c000);
	ck_assert_uint_eq(state->sregs.efer, 0xd00);
}

/* And the same in the next life. */
START_TEST(a_native_context_is_what_a_vcpu_starts_with)
{
	static const uint32_t techs[] = {COCO_TECH_PLAIN, COCO_TECH_SWPROTECTED};
	struct fake_vcpu_state *state;

	fixture_init(&f, techs[_i]);
	f.options.vcpus = 2;
	add_native(0);
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	for (int life = 0; life < 2; life++) {
		state = state_of(0);
		check_native(state);
		free(state);
		state = state_of(1);
		ck_assert_uint_ne(state->regs.rip, 0x10002);
		free(state);
		expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	}
	fixture_end(&f);
}
END_TEST

START_TEST(states_for_others_are_refused_before_anything_is_touched)
{
	static const uint8_t page[COCO_PAGE_SIZE];

	fixture_init(&f, COCO_TECH_PLAIN);
	add_native(1);
	fixture_guest(&f);
	expect_error(coco_guest_launch(f.guest, &f.error), &f.error, -EINVAL, "image");
	expect_text(&f.error, "of vCPU 1, the guest has 1");
	fixture_expect_state(&f, COCO_STATE_CONFIGURED, 0);
	fixture_end(&f);

	fixture_init(&f, COCO_TECH_PLAIN);
	add_state(f.image, 0, COCO_VMSA_GPA, page);
	fixture_guest(&f);
	expect_error(coco_guest_launch(f.guest, &f.error), &f.error, -EINVAL, "image");
	expect_text(&f.error, "plain guests don't have");
	fixture_end(&f);
}
END_TEST

START_TEST(shared_runs_stay_shared)
{
	uint8_t byte = 0;

	fixture_init(&f, COCO_TECH_SWPROTECTED);
	add_page(f.image, 0x20000, COCO_RUN_SHARED);
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	ck_assert(!fake_kvm_is_private(f.fake, coco_guest_vm_fd(f.guest), 0x20000));
	ck_assert(fake_kvm_is_private(f.fake, coco_guest_vm_fd(f.guest), DATA_GPA));
	ck_assert(fake_kvm_read_guest(f.fake, coco_guest_vm_fd(f.guest), 0x20000, &byte, 1));
	ck_assert_uint_eq(byte, 1);
	fixture_end(&f);

	fixture_init(&f, COCO_TECH_SWPROTECTED);
	add_page(f.image, 0x20000, COCO_RUN_SHARED);
	f.options.flags = COCO_GUEST_EAGER_PRIVATE;
	fixture_guest(&f);
	expect_error(coco_guest_launch(f.guest, &f.error), &f.error, -EINVAL, "flags");
	fixture_end(&f);
}
END_TEST

/* --- and one with a secure processor */

static struct sev_platform sev;
static struct coco_sev_options sev_options;

static void init_snp(void)
{
	struct coco_host_options options;

	fixture_init(&f, COCO_TECH_SNP);
	coco_host_close(f.host);
	sev_platform_init(&sev, fake_kvm_platform(f.fake));
	fake_kvm_set_extension(f.fake, FAKE_SCOPE_ALL, UAPI_CAP_VM_TYPES, 0x1f);
	COCO_INIT(&options);
	options.platform = &sev.platform;
	expect_ok(coco_host_open(&options, &f.host, &f.error), &f.error);
	COCO_INIT(&sev_options);
	f.options.tech_options = &sev_options;
}

START_TEST(a_vmsa_is_what_an_snp_vcpu_starts_with)
{
	struct fake_vcpu_state *state;
	uint8_t page[COCO_PAGE_SIZE];

	init_snp();
	vmsa(0, page);
	put(page + RIP, 0x1234, 8);
	put(page + CR3, 0x5000, 8);
	put(page + RBX, 0xb0b0, 8);
	put(page + R15, 0x1515, 8);
	put(page + G_PAT, 0x0007010600070106, 8);
	put(page + MXCSR, 0x1f00, 4);
	put(page + FCW, 0x27f, 2);
	page[SEV_FEATURES] = 0x21;
	add_state(f.image, 0, COCO_VMSA_GPA, page);
	sev_options.vmsa_features = 0x20;
	sev.vmsa_features = 0x20;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	state = state_of(0);
	ck_assert_uint_eq(state->regs.rip, 0x1234);
	ck_assert_uint_eq(state->regs.rbx, 0xb0b0);
	ck_assert_uint_eq(state->regs.r15, 0x1515);
	ck_assert_uint_eq(state->sregs.cr3, 0x5000);
	ck_assert_uint_eq(state->sregs.cs.base, 0xffff0000);
	ck_assert_uint_eq(state->sregs.cs.type, 0xb);
	/* SVME is KVM's own. */
	ck_assert_uint_eq(state->sregs.efer, 0);
	ck_assert_uint_eq(state->debugregs.dr7, 0x400);
	for (uint32_t i = 0; i < state->msr_count; i++)
		if (state->msrs[i].index == 0x277)
			ck_assert_uint_eq(state->msrs[i].data, 0x0007010600070106);
	ck_assert_mem_eq(state->xsave, page + FCW, 2);
	ck_assert_mem_eq(state->xsave + 24, page + MXCSR, 4);
	ck_assert_uint_eq(state->xsave[512] & 3, 3);
	free(state);
	fixture_end(&f);
}
END_TEST

START_TEST(sev_features_have_to_be_in_the_options)
{
	uint8_t page[COCO_PAGE_SIZE];

	init_snp();
	vmsa(0, page);
	page[SEV_FEATURES] = 0x21;
	add_state(f.image, 0, COCO_VMSA_GPA, page);
	fixture_guest(&f);
	expect_error(coco_guest_launch(f.guest, &f.error), &f.error, -EINVAL, "vmsa_features");
	expect_text(&f.error, "has SEV features 0x20");
	fixture_expect_state(&f, COCO_STATE_CONFIGURED, 0);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image vcpus");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, a_bad_state_is_refused_by_the_name_of_its_field);
	tcase_add_test(tcase, vmsas_of_an_image_are_measured_like_those_that_are_made);
	tcase_add_loop_test(tcase, what_kvm_can_not_reach_is_known_before, 0,
			    sizeof(obstacles) / sizeof(*obstacles));
	tcase_add_test(tcase, features_are_compared_with_the_kernels);
	tcase_add_loop_test(tcase, a_native_context_is_what_a_vcpu_starts_with, 0, 2);
	tcase_add_test(tcase, states_for_others_are_refused_before_anything_is_touched);
	tcase_add_test(tcase, shared_runs_stay_shared);
	tcase_add_test(tcase, a_vmsa_is_what_an_snp_vcpu_starts_with);
	tcase_add_test(tcase, sev_features_have_to_be_in_the_options);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
