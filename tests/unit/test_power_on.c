/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Does each incarnation start from the registers that the first one powered on with? */
#include "fixture.h"

#include "kvm/uapi.h"

#include <stdlib.h>

#define TSC 0x10u
#define ALL_PARTS                                                                                  \
	(FAKE_SREGS | FAKE_REGS | FAKE_MSRS | FAKE_XSAVE | FAKE_XCRS | FAKE_LAPIC |                \
	 FAKE_MP_STATE | FAKE_EVENTS | FAKE_DEBUGREGS | FAKE_CPUID)

static struct fixture f;

static struct fake_vcpu_state *state_of(uint32_t index)
{
	struct fake_vcpu_state *state = malloc(sizeof(*state));
	int fd = coco_vcpu_fd(coco_guest_vcpu(f.guest, index));

	ck_assert_ptr_nonnull(state);
	ck_assert(fake_kvm_vcpu_state(f.fake, fd, state));
	return state;
}

#define expect_same(a, b, part) ck_assert_mem_eq(&(a)->part, &(b)->part, sizeof((a)->part))

static void expect_same_state(const struct fake_vcpu_state *a, const struct fake_vcpu_state *b,
			      uint32_t but_msr)
{
	expect_same(a, b, sregs);
	expect_same(a, b, regs);
	expect_same(a, b, xsave);
	expect_same(a, b, xcrs);
	expect_same(a, b, lapic);
	expect_same(a, b, mp_state);
	expect_same(a, b, events);
	expect_same(a, b, debugregs);
	ck_assert_uint_eq(a->msr_count, b->msr_count);
	for (uint32_t i = 0; i < a->msr_count; i++)
		if (a->msrs[i].index != TSC && a->msrs[i].index != but_msr)
			ck_assert_msg(a->msrs[i].data == b->msrs[i].data, "MSR 0x%x differs",
				      a->msrs[i].index);
}

static void launch(uint32_t tech, uint32_t vcpus)
{
	f.options.vcpus = vcpus;
	f.options.tech = tech;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
}

static const uint32_t techs[] = {COCO_TECH_PLAIN, COCO_TECH_SWPROTECTED};

START_TEST(each_part_is_captured_once_and_put_back_in_each_incarnation)
{
	struct fake_vcpu_state *first[3];

	fixture_init(&f, techs[_i]);
	fake_kvm_set_restless_power_on(f.fake, true);
	launch(techs[_i], 3);
	for (uint32_t i = 0; i < 3; i++) {
		first[i] = state_of(i);
		ck_assert_uint_eq(first[i]->regs.rdx, 0x601);
	}
	for (unsigned generation = 2; generation < 5; generation++) {
		expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
		for (uint32_t i = 0; i < 3; i++) {
			struct fake_vcpu_state *now = state_of(i);

			expect_same_state(first[i], now, 0);
			ck_assert_uint_eq(now->parts_set, ALL_PARTS);
			free(now);
		}
	}
	for (uint32_t i = 0; i < 3; i++)
		free(first[i]);
	fixture_end(&f);
}
END_TEST

START_TEST(nothing_of_the_loader_is_left_in_its_vcpu)
{
	struct fake_vcpu_state *state;

	fixture_init(&f, COCO_TECH_SWPROTECTED);
	launch(COCO_TECH_SWPROTECTED, 1);
	state = state_of(0);
	ck_assert_uint_eq(state->regs.rip, 0xfff0);
	ck_assert_uint_eq(state->regs.rdx, 0x600);
	ck_assert_uint_eq(state->regs.rflags, 2);
	ck_assert_uint_eq(state->regs.rsi | state->regs.rdi | state->regs.rcx | state->regs.rax, 0);
	ck_assert_uint_eq(state->sregs.cs.base, 0xffff0000);
	ck_assert_uint_eq(state->sregs.cr0, 0x60000010);
	ck_assert_uint_eq(state->sregs.cr3 | state->sregs.cr4 | state->sregs.efer, 0);
	ck_assert_uint_eq(state->runs, 0);
	ck_assert_uint_eq(coco_vcpu_kvm_run(coco_guest_vcpu(f.guest, 0))->immediate_exit, 0);
	free(state);
	fixture_end(&f);
}
END_TEST

START_TEST(only_the_first_vcpu_starts_by_itself)
{
	fixture_init(&f, COCO_TECH_PLAIN);
	launch(COCO_TECH_PLAIN, 3);
	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 3; i++) {
			struct fake_vcpu_state *state = state_of(i);

			ck_assert_uint_eq(state->mp_state.mp_state,
					  i == 0 ? KVM_MP_STATE_RUNNABLE
						 : KVM_MP_STATE_UNINITIALIZED);
			free(state);
		}
		expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	}
	fixture_end(&f);
}
END_TEST

START_TEST(what_a_guest_did_to_its_registers_is_undone)
{
	struct fake_vcpu_state *before, *after;
	struct kvm_regs regs = {.rip = 0x1234, .rflags = 2, .rax = 0xdead};
	const struct coco_platform *platform;

	fixture_init(&f, COCO_TECH_PLAIN);
	launch(COCO_TECH_PLAIN, 1);
	before = state_of(0);
	platform = fake_kvm_platform(f.fake);
	ck_assert_int_eq(platform->ops->ioctl(platform->context,
					      coco_vcpu_fd(coco_guest_vcpu(f.guest, 0)),
					      KVM_SET_REGS, (uintptr_t)&regs),
			 0);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	after = state_of(0);
	expect_same_state(before, after, 0);
	free(before);
	free(after);
	fixture_end(&f);
}
END_TEST

static const struct {
	uint32_t unreadable, unwritable;
} bad_msrs[] = {
	{0x3b, 0},           {0, 0x3b},      {0x4b564d01, 0}, {0, 0x4b564d00},
	{0x174, 0xc0000080}, {0x1a0, 0x1a0}, {0x175, 0x176},  {0xc0000102, 0x3b},
};

START_TEST(an_msr_that_is_refused_does_not_keep_the_others_back)
{
	uint32_t unreadable = bad_msrs[_i].unreadable;
	struct fake_vcpu_state *first, *second;

	fixture_init(&f, COCO_TECH_PLAIN);
	fake_kvm_set_bad_msrs(f.fake, unreadable, bad_msrs[_i].unwritable);
	fake_kvm_set_restless_power_on(f.fake, true);
	launch(COCO_TECH_PLAIN, 2);
	first = state_of(1);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	second = state_of(1);
	/* The one that differs from VM to VM is the last in the list. */
	expect_same_state(first, second, unreadable);
	free(first);
	free(second);
	fixture_end(&f);
}
END_TEST

START_TEST(more_msrs_than_fit_in_a_call_are_all_put_back)
{
	static const unsigned counts[] = {239, 240, 241, 600};
	struct fake_vcpu_state *first, *second;

	fixture_init(&f, COCO_TECH_PLAIN);
	fake_kvm_set_more_msrs(f.fake, counts[_i]);
	fake_kvm_set_restless_power_on(f.fake, true);
	launch(COCO_TECH_PLAIN, 2);
	first = state_of(1);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	second = state_of(1);
	/* The one that differs from VM to VM is the last in the list. */
	expect_same_state(first, second, 0);
	free(first);
	free(second);
	fixture_end(&f);
}
END_TEST

START_TEST(an_msr_that_is_refused_later_fails_the_reset)
{
	struct fake_vcpu_state *first, *second;

	fixture_init(&f, COCO_TECH_PLAIN);
	fake_kvm_set_restless_power_on(f.fake, true);
	launch(COCO_TECH_PLAIN, 1);
	first = state_of(0);
	/* The one that differs from VM to VM. */
	fake_kvm_set_bad_msrs(f.fake, 0, 0x4b564d01);
	expect_spoil(&f.error);
	ck_assert_int_lt(coco_guest_reset(f.guest, &f.error), 0);
	ck_assert_int_lt(f.error.code, 0);
	expect_text(&f.error, "0x4b564d01");
	fixture_expect_state(&f, COCO_STATE_DOWN, 1);
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 0);
	fake_kvm_set_bad_msrs(f.fake, 0, 0);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 2);
	/* That it was refused once does not mean that it is left out from then on. */
	second = state_of(0);
	expect_same_state(first, second, 0);
	free(first);
	free(second);
	fixture_end(&f);
}
END_TEST

START_TEST(large_xsave_state_is_taken_whole)
{
	static const int sizes[] = {4096, 4160, 8192, 12288};
	struct fake_vcpu_state *first, *second;

	fixture_init(&f, COCO_TECH_PLAIN);
	fake_kvm_set_extension(f.fake, FAKE_SCOPE_ALL, KVM_CAP_XSAVE2, sizes[_i]);
	fake_kvm_set_restless_power_on(f.fake, true);
	launch(COCO_TECH_PLAIN, 1);
	first = state_of(0);
	ck_assert_uint_eq(first->xsave[sizes[_i] - 1], 1);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	second = state_of(0);
	ck_assert_uint_eq(second->xsave[sizes[_i] - 1], 1);
	expect_same_state(first, second, 0);
	free(first);
	free(second);
	fixture_end(&f);
}
END_TEST

START_TEST(a_kernel_without_xsave2_is_served)
{
	struct fake_vcpu_state *state;

	fixture_init(&f, COCO_TECH_PLAIN);
	fake_kvm_set_extension(f.fake, FAKE_SCOPE_ALL, KVM_CAP_XSAVE2, 0);
	fake_kvm_set_restless_power_on(f.fake, true);
	launch(COCO_TECH_PLAIN, 1);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	state = state_of(0);
	ck_assert_uint_eq(state->xsave[4095], 1);
	free(state);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		nothing_of_the_loader_is_left_in_its_vcpu,    only_the_first_vcpu_starts_by_itself,
		what_a_guest_did_to_its_registers_is_undone,  a_kernel_without_xsave2_is_served,
		an_msr_that_is_refused_later_fails_the_reset, NULL,
	};
	Suite *suite = expect_suite("power-on", tests);
	TCase *loops = tcase_create("one by one");

	tcase_add_loop_test(loops, each_part_is_captured_once_and_put_back_in_each_incarnation, 0,
			    2);
	tcase_add_loop_test(loops, an_msr_that_is_refused_does_not_keep_the_others_back, 0,
			    (int)(sizeof(bad_msrs) / sizeof(bad_msrs[0])));
	tcase_add_loop_test(loops, more_msrs_than_fit_in_a_call_are_all_put_back, 0, 4);
	tcase_add_loop_test(loops, large_xsave_state_is_taken_whole, 0, 4);
	suite_add_tcase(suite, loops);
	return expect_run(suite);
}
