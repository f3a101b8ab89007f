/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * When a guest asks for memory to change sides: is what it may have granted, is what it may not
 * refused, and is the other side emptied?
 */
#include "script.h"

#include "kvm/uapi.h"

#include <sys/mman.h>

#define PAGE 4096ull
/* Between the image's pages and the end of "ram". */
#define FREE_GPA 0x100000ull
/* What the standard guest starts with. */
#define IMAGE_PRIVATE (DATA_SIZE + ZERO_SIZE + FIRMWARE_SIZE)

static struct fixture f;
static struct script script;

/* ---- the listener ---- */

static struct {
	struct coco_conversion heard[SCRIPT_MAX];
	unsigned count;
	int answer_before, answer_after;
	unsigned refuse_at; /* the how manieth before is answered so; 0: each */
	unsigned before;
} listener;

static int converted(void *payload, const struct coco_conversion *conversion)
{
	(void)payload;
	if (listener.count < SCRIPT_MAX)
		listener.heard[listener.count] = *conversion;
	listener.count++;
	if (conversion->done != 0)
		return listener.answer_after;
	listener.before++;
	if (listener.refuse_at != 0 && listener.before != listener.refuse_at)
		return 0;
	return listener.answer_before;
}

static void expect_heard(unsigned index, uint64_t gpa, uint64_t size, bool to_private, bool done)
{
	static const uint8_t zeroes[sizeof(listener.heard[0].reserved)];
	const struct coco_conversion *heard = &listener.heard[index];

	ck_assert_uint_lt(index, listener.count);
	ck_assert_uint_eq(heard->gpa, gpa);
	ck_assert_uint_eq(heard->size, size);
	ck_assert_uint_eq(heard->to_private, to_private);
	ck_assert_uint_eq(heard->done, done);
	ck_assert_mem_eq(heard->reserved, zeroes, sizeof(zeroes));
}

/* ---- guests ---- */

static void launch(void)
{
	memset(&listener, 0, sizeof(listener));
	fixture_init(&f, COCO_TECH_SWPROTECTED);
	f.options.converted = converted;
	fixture_guest(&f);
	expect_ok(fixture_add_memory(&f, RAM_SIZE, 0x10000, NULL, 0), &f.error);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	/* Loading is nobody's conversion. */
	ck_assert_uint_eq(listener.count, 0);
	fake_kvm_transcript_clear(f.fake);
}

static void follow(const struct script_step *steps)
{
	script_start(&script, &f, steps);
	script_run_to_end(&f);
}

static void expect_private(uint64_t bytes, uint64_t conversions)
{
	struct coco_guest_info info = fixture_info(&f);

	ck_assert_uint_eq(info.private_bytes, bytes);
	ck_assert_uint_eq(info.conversions, conversions);
	ck_assert_uint_eq(fake_kvm_private_bytes(f.fake, coco_guest_vm_fd(f.guest)), bytes);
}

static uint8_t *host_address(uint64_t gpa)
{
	void *address = NULL;

	expect_ok(coco_guest_host_address(f.guest, gpa, 1, &address, &f.error), &f.error);
	return address;
}

/* ---- good requests ---- */

START_TEST(a_page_goes_to_the_private_side_and_back)
{
	launch();
	host_address(FREE_GPA)[0] = 0x5e;
	follow((struct script_step[]){
		{.kind = SCRIPT_MAP, .gpa = FREE_GPA, .pages = 1, .to_private = true},
		{.kind = SCRIPT_END}});
	ck_assert_uint_eq(script.results[0], 0);
	expect_transcript(f.fake, "ioctl vcpu1.0 KVM_RUN = exit 3\n"
				  "ioctl vm1 KVM_SET_MEMORY_ATTRIBUTES gpa=0x100000 size=0x1000 "
				  "attributes=8\n"
				  "madvise ram+0x100000 size=0x1000 dontneed\n"
				  "ioctl vcpu1.0 KVM_RUN = exit 5\n");
	expect_private(IMAGE_PRIVATE + PAGE, 1);
	/* What was on the shared side is gone. */
	ck_assert_uint_eq(host_address(FREE_GPA)[0], 0);

	fake_kvm_transcript_clear(f.fake);
	ck_assert(fake_kvm_write_guest(f.fake, coco_guest_vm_fd(f.guest), FREE_GPA, "x", 1));
	follow((struct script_step[]){{.kind = SCRIPT_MAP, .gpa = FREE_GPA, .pages = 1},
				      {.kind = SCRIPT_END}});
	ck_assert_uint_eq(script.results[0], 0);
	expect_transcript(f.fake, "ioctl vcpu1.0 KVM_RUN = exit 3\n"
				  "ioctl vm1 KVM_SET_MEMORY_ATTRIBUTES gpa=0x100000 size=0x1000 "
				  "attributes=0\n"
				  "fallocate gmem1.0 punch offset=0x100000 size=0x1000\n"
				  "ioctl vcpu1.0 KVM_RUN = exit 5\n");
	expect_private(IMAGE_PRIVATE, 2);
	fixture_end(&f);
}
END_TEST

START_TEST(neither_side_keeps_what_the_other_has)
{
	int vm;
	uint64_t allocated;
	uint8_t byte = 0xff;

	launch();
	vm = coco_guest_vm_fd(f.guest);
	allocated = fake_kvm_gmem_allocated(f.fake, vm);
	for (unsigned round = 0; round < 3; round++) {
		memset(host_address(FREE_GPA), 0x5e, 16 * PAGE);
		follow((struct script_step[]){
			{.kind = SCRIPT_MAP, .gpa = FREE_GPA, .pages = 16, .to_private = true},
			{.kind = SCRIPT_END}});
		/* A private page begins empty, and its shared twin is. */
		ck_assert(fake_kvm_read_guest(f.fake, vm, FREE_GPA + 5 * PAGE, &byte, 1));
		ck_assert_uint_eq(byte, 0);
		ck_assert_uint_eq(host_address(FREE_GPA + 5 * PAGE)[0], 0);
		ck_assert(fake_kvm_write_guest(f.fake, vm, FREE_GPA + 5 * PAGE, "secret", 6));
		ck_assert_uint_eq(host_address(FREE_GPA + 5 * PAGE)[0], 0);
		follow((struct script_step[]){{.kind = SCRIPT_MAP, .gpa = FREE_GPA, .pages = 16},
					      {.kind = SCRIPT_END}});
		ck_assert(fake_kvm_read_guest(f.fake, vm, FREE_GPA + 5 * PAGE, &byte, 1));
		ck_assert_uint_eq(byte, 0);
		ck_assert_uint_eq(fake_kvm_gmem_allocated(f.fake, vm), allocated);
	}
	expect_private(IMAGE_PRIVATE, 6);
	fixture_end(&f);
}
END_TEST

START_TEST(the_callers_memory_is_emptied_too)
{
	static const int flags[] = {MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS,
				    MAP_PRIVATE | MAP_ANONYMOUS};
	uint8_t *host = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, flags[_i], -1, 0);

	ck_assert_ptr_ne(host, MAP_FAILED);
	memset(&listener, 0, sizeof(listener));
	fixture_init(&f, COCO_TECH_SWPROTECTED);
	f.ram_host = host;
	f.memory_flags = _i == 2 ? COCO_MEMORY_ANONYMOUS : 0;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	memset(host + FREE_GPA, 0x5e, 4 * PAGE);
	follow((struct script_step[]){
		{.kind = SCRIPT_MAP, .gpa = FREE_GPA + PAGE, .pages = 2, .to_private = true},
		{.kind = SCRIPT_END}});
	ck_assert_uint_eq(script.results[0], 0);
	ck_assert_uint_eq(host[FREE_GPA + PAGE - 1], 0x5e);
	ck_assert_uint_eq(host[FREE_GPA + PAGE], 0);
	ck_assert_uint_eq(host[FREE_GPA + 3 * PAGE - 1], 0);
	ck_assert_uint_eq(host[FREE_GPA + 3 * PAGE], 0x5e);
	fixture_end(&f);
	ck_assert_int_eq(munmap(host, RAM_SIZE), 0);
}
END_TEST

START_TEST(what_is_on_the_right_side_already_is_left_alone)
{
	launch();
	/* 0x0000 to 0xffff: the image's data and its page of zeroes are private already. */
	follow((struct script_step[]){
		{.kind = SCRIPT_MAP, .gpa = 0, .pages = 16, .to_private = true},
		{.kind = SCRIPT_END}});
	expect_transcript(f.fake,
			  "ioctl vcpu1.0 KVM_RUN = exit 3\n"
			  "ioctl vm1 KVM_SET_MEMORY_ATTRIBUTES gpa=0x0 size=0x1000 attributes=8\n"
			  "madvise ram size=0x1000 dontneed\n"
			  "ioctl vm1 KVM_SET_MEMORY_ATTRIBUTES gpa=0x3000 size=0x5000 "
			  "attributes=8\n"
			  "madvise ram+0x3000 size=0x5000 dontneed\n"
			  "ioctl vm1 KVM_SET_MEMORY_ATTRIBUTES gpa=0x9000 size=0x7000 "
			  "attributes=8\n"
			  "madvise ram+0x9000 size=0x7000 dontneed\n"
			  "ioctl vcpu1.0 KVM_RUN = exit 5\n");
	fixture_expect_image(&f);
	expect_private(16 * PAGE + FIRMWARE_SIZE, 3);

	/* The same again is granted and nothing happens. */
	fake_kvm_transcript_clear(f.fake);
	follow((struct script_step[]){
		{.kind = SCRIPT_MAP, .gpa = 0, .pages = 16, .to_private = true},
		{.kind = SCRIPT_END}});
	ck_assert_uint_eq(script.results[0], 0);
	expect_transcript(f.fake, "ioctl vcpu1.0 KVM_RUN = exit 3\n"
				  "ioctl vcpu1.0 KVM_RUN = exit 5\n");
	ck_assert_uint_eq(listener.count, 6);
	fixture_end(&f);
}
END_TEST

START_TEST(a_request_may_cross_regions_that_touch)
{
	launch();
	follow((struct script_step[]){
		{.kind = SCRIPT_MAP, .gpa = RAM_SIZE - 2 * PAGE, .pages = 4, .to_private = true},
		{.kind = SCRIPT_END}});
	ck_assert_uint_eq(script.results[0], 0);
	expect_private(IMAGE_PRIVATE + 4 * PAGE, 2);
	expect_heard(0, RAM_SIZE - 2 * PAGE, 2 * PAGE, true, false);
	expect_heard(1, RAM_SIZE - 2 * PAGE, 2 * PAGE, true, true);
	expect_heard(2, RAM_SIZE, 2 * PAGE, true, false);
	expect_heard(3, RAM_SIZE, 2 * PAGE, true, true);
	fixture_end(&f);
}
END_TEST

START_TEST(whole_regions_can_be_converted)
{
	launch();
	follow((struct script_step[]){
		{.kind = SCRIPT_MAP, .gpa = 0, .pages = RAM_SIZE / PAGE + 16, .to_private = true},
		{.kind = SCRIPT_MAP, .gpa = ROM_GPA, .pages = ROM_SIZE / PAGE, .to_private = true},
		{.kind = SCRIPT_END}});
	ck_assert_uint_eq(script.results[0] | script.results[1], 0);
	ck_assert_uint_eq(fixture_info(&f).private_bytes, RAM_SIZE + 0x10000 + ROM_SIZE);
	ck_assert_uint_eq(fixture_info(&f).memory_bytes, RAM_SIZE + 0x10000 + ROM_SIZE);
	fixture_expect_image(&f);
	follow((struct script_step[]){
		{.kind = SCRIPT_MAP, .gpa = 0, .pages = RAM_SIZE / PAGE + 16},
		{.kind = SCRIPT_MAP, .gpa = ROM_GPA, .pages = ROM_SIZE / PAGE},
		{.kind = SCRIPT_END}});
	ck_assert_uint_eq(script.results[0] | script.results[1], 0);
	ck_assert_uint_eq(fixture_info(&f).private_bytes, 0);
	ck_assert_uint_eq(fake_kvm_gmem_allocated(f.fake, coco_guest_vm_fd(f.guest)), 0);
	fixture_end(&f);
}
END_TEST

START_TEST(page_size_hints_in_the_request_do_not_matter)
{
	launch();
	follow((struct script_step[]){
		{.kind = SCRIPT_MAP,
		 .gpa = FREE_GPA,
		 .pages = 1,
		 .to_private = true,
		 .attributes = 1},
		{.kind = SCRIPT_MAP, .gpa = FREE_GPA, .pages = 1, .attributes = 2},
		{.kind = SCRIPT_END}});
	ck_assert_uint_eq(script.results[0] | script.results[1], 0);
	expect_private(IMAGE_PRIVATE, 2);
	fixture_end(&f);
}
END_TEST

/* ---- hostile requests ---- */

static const struct {
	const char *name;
	uint64_t gpa, pages;
} hostile[] = {
	{"unaligned", FREE_GPA + 1, 1},
	{"unaligned, large", FREE_GPA + 2048, 16},
	{"no page", FREE_GPA, 0},
	{"no page, nowhere", UINT64_MAX, 0},
	{"in the hole", 0x80000000, 1},
	{"from the hole into memory", ROM_GPA - PAGE, 2},
	{"from memory into the hole", RAM_SIZE + 0x10000 - PAGE, 2},
	{"over the hole", RAM_SIZE, (ROM_GPA + ROM_SIZE - RAM_SIZE) / PAGE},
	{"all addresses", 0, 1ull << 40},
	{"beyond the end of memory", 1ull << 32, 1},
	{"beyond all addresses", 1ull << 52, 1},
	{"at the end of 64 bits", UINT64_MAX - PAGE + 1, 1},
	{"over the end of 64 bits", UINT64_MAX - PAGE + 1, 2},
	{"bytes that wrap to 0", FREE_GPA, 1ull << 52},
	{"bytes that wrap to a page", FREE_GPA, (1ull << 52) + 1},
	{"bytes that wrap to less", 2 * FREE_GPA, UINT64_MAX - FREE_GPA / PAGE + 1},
	{"all ones", UINT64_MAX, UINT64_MAX},
	{"the most pages", 0, UINT64_MAX},
};

START_TEST(a_hostile_request_is_refused_and_changes_nothing)
{
	bool to_private = _i % 2 == 0;

	launch();
	follow((struct script_step[]){{.kind = SCRIPT_MAP,
				       .gpa = hostile[_i / 2].gpa,
				       .pages = hostile[_i / 2].pages,
				       .to_private = to_private},
				      {.kind = SCRIPT_END}});
	ck_assert_msg(script.results[0] != 0, "%s: granted", hostile[_i / 2].name);
	expect_transcript(f.fake, "ioctl vcpu1.0 KVM_RUN = exit 3\n"
				  "ioctl vcpu1.0 KVM_RUN = exit 5\n");
	expect_private(IMAGE_PRIVATE, 0);
	ck_assert_uint_eq(listener.count, 0);
	fixture_end(&f);
}
END_TEST

START_TEST(other_hypercalls_are_the_vmms)
{
	struct coco_exit exit;

	launch();
	script_start(
		&script, &f,
		(struct script_step[]){{.kind = SCRIPT_HYPERCALL, .gpa = 9}, {.kind = SCRIPT_END}});
	expect_ok(script_run(&f, &exit), &f.error);
	ck_assert_uint_eq(exit.reason, COCO_EXIT_KVM);
	ck_assert_uint_eq(exit.kvm_reason, KVM_EXIT_HYPERCALL);
	coco_vcpu_kvm_run(coco_guest_vcpu(f.guest, 0))->hypercall.ret = 77;
	script_run_to_end(&f);
	ck_assert_uint_eq(script.results[0], 77);
	expect_private(IMAGE_PRIVATE, 0);
	fixture_end(&f);
}
END_TEST

/* ---- the listener, and failures ---- */

START_TEST(the_listener_hears_before_and_after)
{
	launch();
	listener.answer_after = -EPERM; /* ignored */
	follow((struct script_step[]){
		{.kind = SCRIPT_MAP, .gpa = FREE_GPA, .pages = 3, .to_private = true},
		{.kind = SCRIPT_MAP, .gpa = FREE_GPA + PAGE, .pages = 1},
		{.kind = SCRIPT_END}});
	ck_assert_uint_eq(script.results[0] | script.results[1], 0);
	ck_assert_uint_eq(listener.count, 4);
	expect_heard(0, FREE_GPA, 3 * PAGE, true, false);
	expect_heard(1, FREE_GPA, 3 * PAGE, true, true);
	expect_heard(2, FREE_GPA + PAGE, PAGE, false, false);
	expect_heard(3, FREE_GPA + PAGE, PAGE, false, true);
	expect_private(IMAGE_PRIVATE + 2 * PAGE, 2);
	fixture_end(&f);
}
END_TEST

START_TEST(a_listener_that_refuses_is_told_to_the_guest)
{
	launch();
	host_address(FREE_GPA)[0] = 0x5e;
	listener.answer_before = -EBUSY;
	follow((struct script_step[]){
		{.kind = SCRIPT_MAP, .gpa = FREE_GPA, .pages = 1, .to_private = true},
		{.kind = SCRIPT_END}});
	ck_assert_uint_ne(script.results[0], 0);
	expect_transcript(f.fake, "ioctl vcpu1.0 KVM_RUN = exit 3\n"
				  "ioctl vcpu1.0 KVM_RUN = exit 5\n");
	ck_assert_uint_eq(listener.count, 1);
	ck_assert_uint_eq(host_address(FREE_GPA)[0], 0x5e);
	expect_private(IMAGE_PRIVATE, 0);
	fixture_end(&f);
}
END_TEST

START_TEST(a_request_that_is_refused_in_part_is_refused)
{
	launch();
	listener.answer_before = -EBUSY;
	listener.refuse_at = 2;
	follow((struct script_step[]){
		{.kind = SCRIPT_MAP, .gpa = RAM_SIZE - 2 * PAGE, .pages = 4, .to_private = true},
		{.kind = SCRIPT_END}});
	ck_assert_uint_ne(script.results[0], 0);
	/* What came before the refusal stays. */
	expect_private(IMAGE_PRIVATE + 2 * PAGE, 1);
	ck_assert(!fake_kvm_is_private(f.fake, coco_guest_vm_fd(f.guest), RAM_SIZE));
	/* The guest may ask again. */
	listener.answer_before = 0;
	follow((struct script_step[]){
		{.kind = SCRIPT_MAP, .gpa = RAM_SIZE - 2 * PAGE, .pages = 4, .to_private = true},
		{.kind = SCRIPT_END}});
	ck_assert_uint_eq(script.results[0], 0);
	ck_assert_uint_eq(fixture_info(&f).private_bytes, IMAGE_PRIVATE + 4 * PAGE);
	fixture_end(&f);
}
END_TEST

START_TEST(a_conversion_whose_calls_fail_has_not_happened)
{
	const bool to_private = _i % 2 == 0;
	const char *const calls[] = {"KVM_SET_MEMORY_ATTRIBUTES",
				     to_private ? "madvise" : "fallocate"};
	const uint64_t gpa = to_private ? FREE_GPA : DATA_GPA;
	struct coco_exit exit;

	launch();
	host_address(FREE_GPA)[0] = 0x5e;
	script_start(&script, &f,
		     (struct script_step[]){
			     {.kind = SCRIPT_MAP, .gpa = gpa, .pages = 1, .to_private = to_private},
			     {.kind = SCRIPT_MAP, .gpa = gpa, .pages = 1, .to_private = to_private},
			     {.kind = SCRIPT_END}});
	fake_kvm_fail(f.fake, calls[_i / 2], 1, ENOMEM, false);
	expect_call_error(script_run(&f, &exit), &f.error, -ENOMEM, calls[_i / 2]);
	ck_assert_uint_eq(f.error.stage, COCO_STAGE_RUN);
	expect_private(IMAGE_PRIVATE, 0);
	if (to_private)
		ck_assert_uint_eq(host_address(FREE_GPA)[0], 0x5e);
	else
		fixture_expect_image(&f);
	/* The guest is told, may run on, and may ask again. */
	script_run_to_end(&f);
	ck_assert_uint_ne(script.results[0], 0);
	ck_assert_uint_eq(script.results[1], 0);
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, 1);
	fixture_end(&f);
}
END_TEST

START_TEST(conversions_of_the_last_life_are_forgotten)
{
	launch();
	follow((struct script_step[]){
		{.kind = SCRIPT_MAP, .gpa = FREE_GPA, .pages = 8, .to_private = true},
		{.kind = SCRIPT_MAP, .gpa = DATA_GPA, .pages = 1},
		{.kind = SCRIPT_END}});
	coco_vcpu_park(coco_guest_vcpu(f.guest, 0));
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	expect_private(IMAGE_PRIVATE, 0);
	fixture_expect_image(&f);
	ck_assert_uint_eq(listener.count, 4);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_page_goes_to_the_private_side_and_back,
		neither_side_keeps_what_the_other_has,
		what_is_on_the_right_side_already_is_left_alone,
		a_request_may_cross_regions_that_touch,
		whole_regions_can_be_converted,
		page_size_hints_in_the_request_do_not_matter,
		other_hypercalls_are_the_vmms,
		the_listener_hears_before_and_after,
		a_listener_that_refuses_is_told_to_the_guest,
		a_request_that_is_refused_in_part_is_refused,
		conversions_of_the_last_life_are_forgotten,
		NULL,
	};
	Suite *suite = expect_suite("convert", tests);
	TCase *loops = tcase_create("one by one");

	tcase_add_loop_test(loops, a_hostile_request_is_refused_and_changes_nothing, 0,
			    2 * (int)(sizeof(hostile) / sizeof(hostile[0])));
	tcase_add_loop_test(loops, the_callers_memory_is_emptied_too, 0, 3);
	tcase_add_loop_test(loops, a_conversion_whose_calls_fail_has_not_happened, 0, 4);
	suite_add_tcase(suite, loops);
	return expect_run(suite);
}
