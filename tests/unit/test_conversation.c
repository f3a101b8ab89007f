/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What exactly does the library ask of the kernel, and in which order, when a guest is made,
 * launched, reset and given back? In particular: what is closed, and when is the old VM gone?
 */
#include "conversation.h"
#include "fixture.h"

static struct fixture f;

static void launch(void)
{
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
}

static void reset(void)
{
	fake_kvm_transcript_clear(f.fake);
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
}

#define PLAIN_BUILD(capture)                                                                       \
	CREATE_VM("0")                                                                             \
	IRQCHIP_FULL SLOT_RAM SLOT_ROM CREATE_VCPU("0") capture RESTORE("0", SET_LAPIC("0"))       \
		SCRUB_RAM SCRUB_ROM

START_TEST(a_plain_guest_is_launched_and_reset_by_the_same_calls)
{
	fixture_init(&f, COCO_TECH_PLAIN);
	launch();
	fixture_expect_conversation(&f,
				    (struct fixture_part[]){
					    {1, PLAIN_BUILD(MSR_LIST CAPTURE("0", GET_LAPIC("0")))},
					    {0, NULL},
				    });
	reset();
	fixture_expect_conversation(&f, (struct fixture_part[]){
						{1, RETIRE_VCPU("0") RETIRE_VM},
						{2, PLAIN_BUILD("")},
						{0, NULL},
					});
	reset();
	fixture_expect_conversation(&f, (struct fixture_part[]){
						{2, RETIRE_VCPU("0") RETIRE_VM},
						{3, PLAIN_BUILD("")},
						{0, NULL},
					});
	fixture_end(&f);
}
END_TEST

#define GMEM_BUILD(capture)                                                                        \
	CREATE_VM("0")                                                                             \
	IRQCHIP_SPLIT SLOT_RAM_GMEM SLOT_ROM CREATE_VCPU("0") CREATE_VCPU("1")                     \
		capture RESTORE("0", SET_LAPIC("0")) RESTORE("1", SET_LAPIC("1")) SCRUB_ROM
#define GMEM_RETIRE RETIRE_VCPU("0") RETIRE_VCPU("1") RETIRE_GMEM_MAP RETIRE_GMEM("0") RETIRE_VM

START_TEST(plain_memory_in_a_guest_memfd_is_new_in_each_incarnation)
{
	fixture_init(&f, COCO_TECH_PLAIN);
	f.options.vcpus = 2;
	f.options.irqchip = COCO_IRQCHIP_SPLIT;
	f.options.ioapic_pins = 24;
	f.memory_flags = COCO_MEMORY_GUEST_MEMFD;
	launch();
	fixture_expect_conversation(&f,
				    (struct fixture_part[]){
					    {1, GMEM_BUILD(MSR_LIST CAPTURE("0", GET_LAPIC("0"))
								   CAPTURE("1", GET_LAPIC("1")))},
					    {0, NULL},
				    });
	fixture_expect_image(&f);
	reset();
	fixture_expect_conversation(&f, (struct fixture_part[]){
						{1, GMEM_RETIRE},
						{2, GMEM_BUILD("")},
						{0, NULL},
					});
	fixture_expect_image(&f);
	fixture_end(&f);
}
END_TEST

#define PRIVATE_BUILD(mark, capture)                                                               \
	CREATE_VM("1")                                                                             \
	EXIT_HYPERCALLS IRQCHIP_FULL SLOTS_PRIVATE CREATE_VCPU("0")                                \
		capture mark LOADER RESTORE("0", SET_LAPIC("0")) SCRUB_RAM SCRUB_ROM
#define PRIVATE_RETIRE RETIRE_VCPU("0") RETIRE_GMEM("0") RETIRE_GMEM("1") RETIRE_VM

START_TEST(a_protected_guest_is_loaded_by_a_vcpu_whose_registers_are_put_back)
{
	fixture_init(&f, COCO_TECH_SWPROTECTED);
	launch();
	fixture_expect_conversation(
		&f, (struct fixture_part[]){
			    {1, PRIVATE_BUILD(MARK_IMAGE, MSR_LIST CAPTURE("0", GET_LAPIC("0")))},
			    {0, NULL},
		    });
	fixture_expect_image(&f);
	reset();
	fixture_expect_conversation(&f, (struct fixture_part[]){
						{1, PRIVATE_RETIRE},
						{2, PRIVATE_BUILD(MARK_IMAGE, "")},
						{0, NULL},
					});
	fixture_expect_image(&f);
	fixture_end(&f);
}
END_TEST

START_TEST(an_eager_guest_marks_all_its_memory_instead_of_the_image)
{
	fixture_init(&f, COCO_TECH_SWPROTECTED);
	f.options.flags = COCO_GUEST_EAGER_PRIVATE;
	launch();
	fixture_expect_conversation(
		&f, (struct fixture_part[]){
			    {1, PRIVATE_BUILD(MARK_ALL, MSR_LIST CAPTURE("0", GET_LAPIC("0")))},
			    {0, NULL},
		    });
	fixture_expect_image(&f);
	reset();
	fixture_expect_conversation(&f, (struct fixture_part[]){
						{1, PRIVATE_RETIRE},
						{2, PRIVATE_BUILD(MARK_ALL, "")},
						{0, NULL},
					});
	fixture_expect_image(&f);
	fixture_end(&f);
}
END_TEST

START_TEST(eagerness_changes_nothing_for_a_plain_guest)
{
	fixture_init(&f, COCO_TECH_PLAIN);
	f.options.flags = COCO_GUEST_EAGER_PRIVATE;
	launch();
	fixture_expect_conversation(&f,
				    (struct fixture_part[]){
					    {1, PLAIN_BUILD(MSR_LIST CAPTURE("0", GET_LAPIC("0")))},
					    {0, NULL},
				    });
	fixture_end(&f);
}
END_TEST

START_TEST(without_an_irqchip_no_local_apic_is_asked_for)
{
	fixture_init(&f, COCO_TECH_PLAIN);
	f.options.irqchip = COCO_IRQCHIP_NONE;
	launch();
	fixture_expect_conversation(
		&f, (struct fixture_part[]){
			    {1, CREATE_VM("0") SLOT_RAM SLOT_ROM CREATE_VCPU("0") MSR_LIST CAPTURE(
					"0", "") RESTORE("0", "") SCRUB_RAM SCRUB_ROM},
			    {0, NULL},
		    });
	fixture_end(&f);
}
END_TEST

START_TEST(memory_that_is_kept_is_scrubbed_only_where_the_image_goes)
{
	fixture_init(&f, COCO_TECH_PLAIN);
	f.memory_flags = COCO_MEMORY_KEEP;
	launch();
	reset();
	fixture_expect_conversation(
		&f, (struct fixture_part[]){
			    {1, RETIRE_VCPU("0") RETIRE_VM},
			    {2, CREATE_VM("0") IRQCHIP_FULL SLOT_RAM SLOT_ROM CREATE_VCPU("0")
					RESTORE("0", SET_LAPIC("0")) SCRUB_IMAGE_IN_RAM SCRUB_ROM},
			    {0, NULL},
		    });
	fixture_end(&f);
}
END_TEST

START_TEST(teardown_gives_the_incarnation_back_and_free_the_handles)
{
	fixture_launch(&f, COCO_TECH_SWPROTECTED);
	expect_ok(coco_guest_teardown(f.guest, &f.error), &f.error);
	fixture_expect_conversation(&f, (struct fixture_part[]){
						{1, PRIVATE_RETIRE},
						{0, NULL},
					});
	fake_kvm_transcript_clear(f.fake);
	expect_ok(coco_guest_teardown(f.guest, &f.error), &f.error);
	expect_transcript(f.fake, "");
	coco_guest_free(f.guest);
	f.guest = NULL;
	expect_transcript(f.fake, "munmap run0 size=0x3000\n"
				  "close kvm@vcpu0\n"
				  "close kvm@vm\n"
				  "munmap map2 size=0x200000\n"
				  "munmap map3 size=0x600000\n"
				  "munmap rom size=0x10000\n");
	fixture_end(&f);
}
END_TEST

START_TEST(free_gives_back_what_was_not_torn_down)
{
	fixture_launch(&f, COCO_TECH_SWPROTECTED);
	coco_guest_free(f.guest);
	coco_guest_free(NULL);
	f.guest = NULL;
	fixture_expect_conversation(&f, (struct fixture_part[]){
						{1, PRIVATE_RETIRE},
						{0, "munmap run0 size=0x3000\n"
						    "close kvm@vcpu0\n"
						    "close kvm@vm\n"
						    "munmap map2 size=0x200000\n"
						    "munmap map3 size=0x600000\n"
						    "munmap rom size=0x10000\n"},
						{0, NULL},
					});
	fixture_end(&f);
}
END_TEST

START_TEST(the_old_vm_is_gone_before_the_new_one_is_created)
{
	static const uint32_t techs[] = {COCO_TECH_PLAIN, COCO_TECH_SWPROTECTED};

	fixture_launch(&f, techs[_i]);
	for (unsigned n = 2; n < 12; n++) {
		expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
		ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 1);
		fixture_expect_state(&f, COCO_STATE_RUNNABLE, n);
	}
	ck_assert_uint_eq(fake_kvm_most_vms(f.fake), 1);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_plain_guest_is_launched_and_reset_by_the_same_calls,
		plain_memory_in_a_guest_memfd_is_new_in_each_incarnation,
		a_protected_guest_is_loaded_by_a_vcpu_whose_registers_are_put_back,
		an_eager_guest_marks_all_its_memory_instead_of_the_image,
		eagerness_changes_nothing_for_a_plain_guest,
		without_an_irqchip_no_local_apic_is_asked_for,
		memory_that_is_kept_is_scrubbed_only_where_the_image_goes,
		teardown_gives_the_incarnation_back_and_free_the_handles,
		free_gives_back_what_was_not_torn_down,
		NULL,
	};
	Suite *suite = expect_suite("conversation", tests);
	TCase *loops = tcase_create("one by one");

	tcase_add_loop_test(loops, the_old_vm_is_gone_before_the_new_one_is_created, 0, 2);
	suite_add_tcase(suite, loops);
	return expect_run(suite);
}
