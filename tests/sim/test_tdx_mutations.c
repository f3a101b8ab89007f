/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A launch with a call left out, made twice, or made too early: either a call fails, or the guest
 * does not come up, or its measurement is another. What the reference (3.1) leaves free passes.
 */
#include <string.h>

#include "td_guest.h"

static int split_irqchip(struct td_guest *guest)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};

	return td_ioctl(&guest->td, guest->td.vm, KVM_ENABLE_CAP, (uintptr_t)&cap);
}

static int init_vm(struct td_guest *guest)
{
	return td_init_vm(&guest->td);
}

static int private_image(struct td_guest *guest)
{
	return td_set_private(&guest->td, TD_GUEST_BASE, TD_GUEST_SIZE, true);
}

static int create_vcpu(struct td_guest *guest)
{
	int fd = td_create_vcpu(&guest->td, 0);

	return fd < 0 ? fd : 0;
}

static int set_cpuid(struct td_guest *guest)
{
	return td_set_cpuid(&guest->td, guest->td.vcpus[0], true);
}

static int init_vcpu(struct td_guest *guest)
{
	return td_command(&guest->td, guest->td.vcpus[0], UAPI_TDX_INIT_VCPU, 0, 0);
}

static int finalize(struct td_guest *guest)
{
	return td_command(&guest->td, guest->td.vm, UAPI_TDX_FINALIZE_VM, 0, 0);
}

static const struct {
	const char *name;
	int (*call)(struct td_guest *guest);
} steps[] = {
	{"split irqchip", split_irqchip}, {"INIT_VM", init_vm},
	{"slot", td_guest_add_slot},      {"attributes", private_image},
	{"CREATE_VCPU", create_vcpu},     {"SET_CPUID2", set_cpuid},
	{"INIT_VCPU", init_vcpu},         {"INIT_MEM_REGION", td_guest_load},
	{"FINALIZE_VM", finalize},
};

#define STEPS ((int)(sizeof(steps) / sizeof(steps[0])))

/* What happened: every call went well, the guest came up, and this was measured. */
struct outcome {
	bool all_well;
	bool up;
	uint8_t digest[64];
};

/* The steps in that order; -1: nothing. */
static struct outcome launch(const int *order, int count)
{
	struct coco_sim_vm_info info = {.struct_size = sizeof(info)};
	struct outcome out = {.all_well = true};
	struct coco_error error;
	struct td_guest guest;

	td_guest_begin(&guest);
	for (int i = 0; i < count; i++)
		if (order[i] >= 0 && steps[order[i]].call(&guest))
			out.all_well = false;
	if (guest.td.vcpus[0] >= 0) {
		ck_assert_int_eq(td_guest_map_run(&guest, 0), 0);
		out.up = td_guest_run(&guest, 0) == 0 && td_guest_done(&guest, 0);
	}
	expect_ok(coco_sim_get_vm_info(guest.td.sim, guest.td.vm, &info, &error), &error);
	memcpy(out.digest, info.digest, sizeof(out.digest));
	td_guest_close(&guest);
	return out;
}

static bool same(const int *order, int count)
{
	int proper[STEPS];
	struct outcome expected, actual = launch(order, count);

	for (int i = 0; i < STEPS; i++)
		proper[i] = i;
	expected = launch(proper, STEPS);
	ck_assert(expected.all_well && expected.up);
	return actual.all_well && actual.up && !memcmp(actual.digest, expected.digest, 64);
}

START_TEST(left_out)
{
	int order[STEPS];

	for (int i = 0; i < STEPS; i++)
		order[i] = i == _i ? -1 : i;
	ck_assert_msg(!same(order, STEPS), "3.1 nobody misses %s", steps[_i].name);
}
END_TEST

/* Attributes and CPUID may be set again to what they are. */
START_TEST(twice)
{
	const bool harmless = steps[_i].call == private_image || steps[_i].call == set_cpuid;
	int order[STEPS + 1];

	for (int i = 0; i <= STEPS; i++)
		order[i] = i <= _i ? i : i - 1;
	ck_assert_msg(same(order, STEPS + 1) == harmless, "3.1 %s twice", steps[_i].name);
}
END_TEST

/* Each with the one after it: up to the vCPU's CPUID that order is free. */
START_TEST(swapped)
{
	const bool harmless = _i < 4;
	int order[STEPS];

	for (int i = 0; i < STEPS; i++)
		order[i] = i == _i ? i + 1 : i == _i + 1 ? _i : i;
	ck_assert_msg(same(order, STEPS) == harmless, "3.1 %s after %s", steps[_i].name,
		      steps[_i + 1].name);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tdx_mutations");
	TCase *tests = tcase_create("tdx_mutations");

	tcase_add_loop_test(tests, left_out, 0, STEPS);
	tcase_add_loop_test(tests, twice, 0, STEPS);
	tcase_add_loop_test(tests, swapped, 0, STEPS - 1);
	suite_add_tcase(suite, tests);
	return expect_run(suite);
}
