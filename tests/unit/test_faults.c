/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What if any one system call of a launch or a reset fails, once or from then on? Then the call
 * is named, the state is `down`, nothing is left behind, and the same call made again builds what
 * an undisturbed one builds, by the same calls.
 */
#include "fixture.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/mman.h>

static struct fixture f;

static const struct setting {
	const char *name;
	uint32_t tech, guest_flags, memory_flags;
	bool own_memory;
} settings[] = {
	{"plain", COCO_TECH_PLAIN, 0, 0, false},
	{"plain in guest_memfd", COCO_TECH_PLAIN, 0, COCO_MEMORY_GUEST_MEMFD, false},
	{"plain, kept", COCO_TECH_PLAIN, 0, COCO_MEMORY_KEEP, false},
	{"protected", COCO_TECH_SWPROTECTED, 0, 0, false},
	{"protected, eager", COCO_TECH_SWPROTECTED, COCO_GUEST_EAGER_PRIVATE, 0, false},
	{"plain in the caller's memory", COCO_TECH_PLAIN, 0, COCO_MEMORY_ANONYMOUS, true},
};

#define SETTINGS ((int)(sizeof(settings) / sizeof(settings[0])))

static uint8_t *own_memory;

static void make_guest(const struct setting *setting)
{
	fixture_init(&f, setting->tech);
	f.options.vcpus = 2;
	f.options.flags = setting->guest_flags;
	f.memory_flags = setting->memory_flags;
	f.ram_host = setting->own_memory ? own_memory : NULL;
	fixture_guest(&f);
}

/* ---- transcripts without what differs from one incarnation to the next ---- */

/* Numbers behind these words count incarnations or mappings. */
static bool is_counter(const char *text, size_t at)
{
	static const char *const words[] = {"vm", "vcpu", "gmem", "map"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i]);

		if (at >= length && memcmp(text + at - length, words[i], length) == 0 &&
		    (at == length || !isalpha((unsigned char)text[at - length - 1])))
			return true;
	}
	return false;
}

/* Power-on state is captured in the first launch only, however that ends. */
static bool is_capture(const char *line, size_t length)
{
	char copy[200];

	ck_assert_uint_lt(length, sizeof(copy));
	memcpy(copy, line, length);
	copy[length] = '\0';
	return strstr(copy, " KVM_GET_") != NULL;
}

static char *normalise(const char *text)
{
	char *out = calloc(1, strlen(text) + 1);
	size_t to = 0;

	ck_assert_ptr_nonnull(out);
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		bool kept = !is_capture(text, length);

		for (size_t i = 0; i < length && kept; i++) {
			if (!isdigit((unsigned char)text[i]) || !is_counter(text, i)) {
				out[to++] = text[i];
				continue;
			}
			out[to++] = '#';
			while (i + 1 < length && isdigit((unsigned char)text[i + 1]))
				i++;
		}
		if (to > 0 && out[to - 1] != '\n')
			out[to++] = '\n';
		text += length + (text[length] == '\n');
	}
	return out;
}

static char *transcript(void)
{
	return normalise(fake_kvm_transcript(f.fake));
}

/* How an undisturbed build goes, from the first call of it on. */
static char *clean_build(const struct setting *setting)
{
	char *text;

	make_guest(setting);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	text = transcript();
	fixture_end(&f);
	return text;
}

/* The part of a transcript that begins with the same line as a clean build. */
static const char *build_part(const char *text, const char *clean)
{
	size_t length = strcspn(clean, "\n") + 1;

	while (*text != '\0' && strncmp(text, clean, length) != 0)
		text += strcspn(text, "\n") + 1;
	return text;
}

/* ---- one failure ---- */

/* How the library calls what the seam calls otherwise. */
static const char *named(const char *call)
{
	return strcmp(call, "set_cloexec") == 0 || strcmp(call, "dup") == 0 ? "fcntl" : call;
}

/* A close that fails has closed all the same, and a spare mapping is no reason to give up. */
static bool may_be_ignored(const char *call)
{
	return strcmp(call, "close") == 0 || strcmp(call, "munmap") == 0;
}

/* The failure is told: by the name of its call, if it is not one that was passed over. */
static void expect_told(int rc)
{
	const char *call = named(fake_kvm_failed_call(f.fake));

	expect_call_failed(rc, &f.error, -EIO, may_be_ignored(call) ? f.error.call : call,
			   "with a failure");
	ck_assert_str_ne(f.error.call, "");
	ck_assert_uint_ne(f.error.stage, COCO_STAGE_ARGUMENT);
}

static void expect_nothing_left(void)
{
	ck_assert_uint_eq(fixture_info(&f).private_bytes, 0);
	ck_assert_msg(fake_kvm_live_vms(f.fake) == 0, "a VM is left after %s failed:\n%s",
		      fake_kvm_failed_call(f.fake), fake_kvm_leftovers(f.fake));
	ck_assert_uint_eq(fixture_info(&f).open_objects, 0);
	/* The host's descriptor and the reserved numbers. */
	ck_assert_uint_eq(fake_kvm_open_fds(f.fake), 1 + 1 + 2);
}

static void expect_running(uint64_t generation)
{
	fixture_expect_state(&f, COCO_STATE_RUNNABLE, generation);
	fixture_expect_image(&f);
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 1);
	expect_no_faults(f.fake);
}

typedef int (*build_fn)(struct coco_guest *guest, struct coco_error *error);

/* Fails the nth call; returns whether there was one. The guest is running afterwards. */
static bool fail_nth(build_fn build, unsigned n, bool sticky, uint64_t generation,
		     const char *clean)
{
	char *text;
	int rc;

	fake_kvm_fail(f.fake, NULL, n, EIO, sticky);
	expect_spoil(&f.error);
	rc = build(f.guest, &f.error);
	if (fake_kvm_failed_call(f.fake)[0] == '\0') {
		ck_assert_int_eq(rc, 0);
		fake_kvm_fail_clear(f.fake);
		return false;
	}
	fake_kvm_fail_clear(f.fake);
	if (rc == 0) {
		ck_assert_msg(may_be_ignored(fake_kvm_failed_call(f.fake)),
			      "%s failed, and nobody noticed", fake_kvm_failed_call(f.fake));
		expect_running(generation + 1);
		return true;
	}
	expect_told(rc);
	/* What could not be given back is still there: the next try does that first. */
	if (!sticky && f.error.stage != COCO_STAGE_RETIRE)
		expect_nothing_left();
	fixture_expect_state(&f, COCO_STATE_DOWN, generation);
	ck_assert_uint_le(fake_kvm_most_vms(f.fake), 1);

	fake_kvm_transcript_clear(f.fake);
	expect_ok(build(f.guest, &f.error), &f.error);
	expect_running(generation + 1);
	text = transcript();
	expect_lines("the second try", build_part(text, clean), clean);
	free(text);
	return true;
}

START_TEST(a_launch_survives_any_failure)
{
	const struct setting *setting = &settings[_i / 2];
	char *clean = clean_build(setting);
	bool more = true;

	for (unsigned n = 1; more; n++) {
		make_guest(setting);
		more = fail_nth(coco_guest_launch, n, _i % 2, 0, clean);
		fixture_end(&f);
	}
	free(clean);
}
END_TEST

START_TEST(a_reset_survives_any_failure)
{
	const struct setting *setting = &settings[_i / 2];
	char *clean = clean_build(setting);
	bool more = true;

	for (unsigned n = 1; more; n++) {
		make_guest(setting);
		expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
		fake_kvm_transcript_clear(f.fake);
		more = fail_nth(coco_guest_reset, n, _i % 2, 1, clean);
		fixture_end(&f);
	}
	free(clean);
}
END_TEST

/* What is done with a guest after a failure, instead of trying again. */
static void give_up(int how)
{
	if (how == 1) {
		expect_ok(coco_guest_teardown(f.guest, &f.error), &f.error);
		ck_assert_uint_eq(fixture_info(&f).state, COCO_STATE_DEAD);
		ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 0);
	}
	fixture_end(&f);
}

START_TEST(a_failed_reset_can_be_given_up)
{
	const struct setting *setting = &settings[_i / 2];
	bool more = true;

	for (unsigned n = 1; more; n++) {
		int rc;

		make_guest(setting);
		expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
		fake_kvm_fail(f.fake, NULL, n, EIO, true);
		rc = coco_guest_reset(f.guest, &f.error);
		more = fake_kvm_failed_call(f.fake)[0] != '\0';
		ck_assert_int_eq(rc == 0, !more);
		fake_kvm_fail_clear(f.fake);
		give_up(_i % 2);
	}
}
END_TEST

START_TEST(a_teardown_survives_any_failure)
{
	const struct setting *setting = &settings[_i / 2];
	bool more = true;

	for (unsigned n = 1; more; n++) {
		int rc;

		make_guest(setting);
		expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
		fake_kvm_fail(f.fake, NULL, n, EIO, _i % 2);
		expect_spoil(&f.error);
		rc = coco_guest_teardown(f.guest, &f.error);
		more = fake_kvm_failed_call(f.fake)[0] != '\0';
		if (rc != 0)
			expect_told(rc);
		else
			ck_assert(!more || may_be_ignored(fake_kvm_failed_call(f.fake)));
		fake_kvm_fail_clear(f.fake);
		expect_ok(coco_guest_teardown(f.guest, &f.error), &f.error);
		ck_assert_uint_eq(fixture_info(&f).state, COCO_STATE_DEAD);
		ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 0);
		fixture_end(&f);
	}
}
END_TEST

START_TEST(resets_that_fail_again_and_again_leave_nothing)
{
	make_guest(&settings[_i]);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	for (unsigned round = 0; round < 20; round++) {
		fake_kvm_fail(f.fake, "KVM_SET_CPUID2", 1 + round % 2, EIO, false);
		expect_call_error(coco_guest_reset(f.guest, &f.error), &f.error, -EIO,
				  "KVM_SET_CPUID2");
		expect_nothing_left();
	}
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
	expect_running(2);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("faults");
	TCase *loops = tcase_create("every call");
	int rc;

	own_memory =
		mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (own_memory == MAP_FAILED)
		return EXIT_FAILURE;

	/* Each setting, with one failure and with all later calls failing. */
	tcase_add_loop_test(loops, a_launch_survives_any_failure, 0, 2 * SETTINGS);
	tcase_add_loop_test(loops, a_reset_survives_any_failure, 0, 2 * SETTINGS);
	tcase_add_loop_test(loops, a_failed_reset_can_be_given_up, 0, 2 * SETTINGS);
	tcase_add_loop_test(loops, a_teardown_survives_any_failure, 0, 2 * SETTINGS);
	tcase_add_loop_test(loops, resets_that_fail_again_and_again_leave_nothing, 0, SETTINGS);
	suite_add_tcase(suite, loops);
	rc = expect_run(suite);
	munmap(own_memory, RAM_SIZE);
	return rc;
}
