/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Does a host open only what can serve, and say what is missing and what to do about it? */
#include <cocoreset/cocoreset.h>
#include <errno.h>

#include "expect.h"
#include "kvm/uapi.h"

static struct coco_error error;

static struct coco_host *open_host(struct fake_kvm *fake)
{
	struct coco_host_options options;
	struct coco_host *host = NULL;

	COCO_INIT(&options);
	options.platform = fake_kvm_platform(fake);
	expect_ok(coco_host_open(&options, &host, &error), &error);
	ck_assert_ptr_nonnull(host);
	return host;
}

/* Opening fails with that errno, and leaves nothing behind. */
static void expect_no_host(struct fake_kvm *fake, int code, const char *call)
{
	struct coco_host_options options;
	struct coco_host *host = NULL;

	COCO_INIT(&options);
	options.platform = fake_kvm_platform(fake);
	expect_call_error(coco_host_open(&options, &host, &error), &error, code, call);
	ck_assert_uint_eq(error.stage, COCO_STAGE_HOST);
	ck_assert_ptr_null(host);
	expect_clean(fake);
}

START_TEST(a_host_is_one_descriptor_and_gives_it_back)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_host *host = open_host(fake);

	coco_host_close(host);
	coco_host_close(NULL);
	expect_transcript(fake, "open /dev/kvm = kvm\n"
				"close kvm\n");
	expect_clean(fake);
}
END_TEST

START_TEST(the_path_can_be_chosen)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_host_options options;
	struct coco_host *host = NULL;
	char path[] = "/dev/kvm-of-another-name";

	COCO_INIT(&options);
	options.platform = fake_kvm_platform(fake);
	options.kvm_path = path;
	expect_call_error(coco_host_open(&options, &host, &error), &error, -ENOENT, "open");
	expect_text(&error, path);
	expect_transcript(fake, "open /dev/kvm-of-another-name = -ENOENT\n");
	expect_clean(fake);
}
END_TEST

START_TEST(without_the_device_the_text_says_what_to_load)
{
	struct fake_kvm *fake = fake_kvm_new();

	fake_kvm_fail(fake, "open", 1, ENOENT, false);
	expect_no_host(fake, -ENOENT, "open");
	expect_text(&error, "/dev/kvm");
	expect_text(&error, "kvm_intel");
	expect_text(&error, "kvm_amd");
}
END_TEST

START_TEST(without_permission_the_text_says_whose_group_to_join)
{
	static const int codes[] = {EACCES, EPERM};
	struct fake_kvm *fake = fake_kvm_new();

	fake_kvm_fail(fake, "open", 1, codes[_i], false);
	expect_no_host(fake, -codes[_i], "open");
	expect_text(&error, "/dev/kvm");
	expect_text(&error, "permission");
	expect_text(&error, "group");
}
END_TEST

START_TEST(only_kvm_api_12_is_spoken)
{
	static const int versions[] = {0, 11, 13, 1 << 30};

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		struct fake_kvm *fake = fake_kvm_new();

		fake_kvm_set_api_version(fake, versions[i]);
		expect_no_host(fake, -EPROTO, "");
		expect_text(&error, "12");
	}
}
END_TEST

START_TEST(every_call_of_opening_may_fail)
{
	unsigned n = 0;
	bool hit = true;

	for (n = 1; hit; n++) {
		struct fake_kvm *fake = fake_kvm_new();
		struct coco_host_options options;
		struct coco_host *host = NULL;
		int rc;

		fake_kvm_fail(fake, NULL, n, EMFILE, false);
		COCO_INIT(&options);
		options.platform = fake_kvm_platform(fake);
		expect_spoil(&error);
		rc = coco_host_open(&options, &host, &error);
		hit = fake_kvm_failed_call(fake)[0] != '\0';
		if (hit) {
			expect_call_failed(rc, &error, -EMFILE, fake_kvm_failed_call(fake), "open");
			ck_assert_ptr_null(host);
		} else {
			ck_assert_int_eq(rc, 0);
			coco_host_close(host);
		}
		expect_clean(fake);
	}
	ck_assert_uint_gt(n, 3);
}
END_TEST

/* ---- platforms that lack something ---- */

static const struct {
	const char *name;
	size_t offset;
} required[] = {
	{"open", offsetof(struct coco_platform_ops, open)},
	{"close", offsetof(struct coco_platform_ops, close)},
	{"dup", offsetof(struct coco_platform_ops, dup)},
	{"dup3", offsetof(struct coco_platform_ops, dup3)},
	{"set_cloexec", offsetof(struct coco_platform_ops, set_cloexec)},
	{"ioctl", offsetof(struct coco_platform_ops, ioctl)},
	{"mmap", offsetof(struct coco_platform_ops, mmap)},
	{"munmap", offsetof(struct coco_platform_ops, munmap)},
	{"madvise", offsetof(struct coco_platform_ops, madvise)},
	{"fallocate", offsetof(struct coco_platform_ops, fallocate)},
};

START_TEST(a_platform_that_lacks_an_operation_is_refused_by_its_name)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_platform_ops operations = *fake_kvm_platform(fake)->ops;
	const struct coco_platform platform = {&operations, fake};
	struct coco_host_options options;
	struct coco_host *host = NULL;
	void (*nothing)(void) = NULL;

	memcpy((char *)&operations + required[_i].offset, &nothing, sizeof(nothing));
	COCO_INIT(&options);
	options.platform = &platform;
	expect_spoil(&error);
	ck_assert_int_eq(coco_host_open(&options, &host, &error), -EINVAL);
	ck_assert_msg(strstr(error.field, required[_i].name) != NULL, "blames '%s' instead of '%s'",
		      error.field, required[_i].name);
	ck_assert_ptr_null(host);
	expect_transcript(fake, "");
	expect_clean(fake);
}
END_TEST

START_TEST(a_platform_table_that_is_too_short_or_missing_is_refused)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_platform_ops operations = *fake_kvm_platform(fake)->ops;
	struct coco_platform platform = {&operations, fake};
	struct coco_host_options options;
	struct coco_host *host = NULL;

	COCO_INIT(&options);
	options.platform = &platform;
	operations.struct_size = offsetof(struct coco_platform_ops, fallocate);
	expect_spoil(&error);
	ck_assert_int_eq(coco_host_open(&options, &host, &error), -EINVAL);
	ck_assert_int_eq(error.code, -EINVAL);
	platform.ops = NULL;
	expect_spoil(&error);
	ck_assert_int_eq(coco_host_open(&options, &host, &error), -EINVAL);
	ck_assert_int_eq(error.code, -EINVAL);
	ck_assert_ptr_null(host);
	expect_transcript(fake, "");
	expect_clean(fake);
}
END_TEST

/* ---- probe ---- */

static struct coco_tech_info probe(struct coco_host *host, uint32_t tech)
{
	struct coco_tech_info info;

	COCO_INIT(&info);
	expect_ok(coco_host_probe(host, tech, &info, &error), &error);
	ck_assert_ptr_nonnull(memchr(info.reason, 0, sizeof(info.reason)));
	if (info.launchable)
		ck_assert_str_eq(info.reason, "");
	else
		ck_assert_uint_gt(strlen(info.reason), 20);
	if (!info.launchable)
		ck_assert_uint_eq(info.max_vcpus, 0);
	return info;
}

START_TEST(a_kernel_with_everything_launches_both)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_host *host = open_host(fake);
	struct coco_tech_info info;

	fake_kvm_set_extension(fake, FAKE_SCOPE_ALL, KVM_CAP_MAX_VCPUS, 288);
	info = probe(host, COCO_TECH_PLAIN);
	ck_assert_uint_eq(info.launchable, 1);
	ck_assert_uint_eq(info.max_vcpus, 288);
	ck_assert_uint_eq(info.guest_memfd_shared, 1);
	ck_assert_uint_eq(info.private_memory, 0);
	info = probe(host, COCO_TECH_SWPROTECTED);
	ck_assert_uint_eq(info.launchable, 1);
	ck_assert_uint_eq(info.max_vcpus, 288);
	ck_assert_uint_eq(info.private_memory, 1);
	coco_host_close(host);
	expect_clean(fake);
}
END_TEST

START_TEST(probing_makes_no_vm_and_asks_anew_each_time)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_host *host = open_host(fake);

	ck_assert_uint_eq(probe(host, COCO_TECH_SWPROTECTED).launchable, 1);
	fake_kvm_set_extension(fake, FAKE_SCOPE_ALL, UAPI_CAP_VM_TYPES, 1);
	ck_assert_uint_eq(probe(host, COCO_TECH_SWPROTECTED).launchable, 0);
	fake_kvm_set_extension(fake, FAKE_SCOPE_ALL, UAPI_CAP_VM_TYPES, 3);
	ck_assert_uint_eq(probe(host, COCO_TECH_SWPROTECTED).launchable, 1);
	ck_assert_uint_eq(fake_kvm_most_vms(fake), 0);
	expect_transcript(fake, "open /dev/kvm = kvm\n");
	coco_host_close(host);
	expect_clean(fake);
}
END_TEST

START_TEST(an_old_kernel_launches_plain_guests_only_and_says_why)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_host *host = open_host(fake);
	struct coco_tech_info info;

	/* Linux 6.1: none of these are known. */
	fake_kvm_set_extension(fake, FAKE_SCOPE_ALL, UAPI_CAP_VM_TYPES, 0);
	fake_kvm_set_extension(fake, FAKE_SCOPE_ALL, UAPI_CAP_USER_MEMORY2, 0);
	fake_kvm_set_extension(fake, FAKE_SCOPE_ALL, UAPI_CAP_MEMORY_ATTRIBUTES, 0);
	fake_kvm_set_extension(fake, FAKE_SCOPE_ALL, UAPI_CAP_GUEST_MEMFD, 0);
	fake_kvm_set_extension(fake, FAKE_SCOPE_ALL, UAPI_CAP_GUEST_MEMFD_FLAGS, 0);
	info = probe(host, COCO_TECH_PLAIN);
	ck_assert_uint_eq(info.launchable, 1);
	ck_assert_uint_eq(info.guest_memfd_shared, 0);
	info = probe(host, COCO_TECH_SWPROTECTED);
	ck_assert_uint_eq(info.launchable, 0);
	ck_assert_uint_eq(info.private_memory, 1);
	ck_assert_ptr_nonnull(strstr(info.reason, "Linux 6.8"));
	coco_host_close(host);
	expect_clean(fake);
}
END_TEST

START_TEST(each_thing_that_swprotected_needs_is_asked_for)
{
	static const struct {
		unsigned capability;
		int value;
		const char *word;
	} missing[] = {
		{UAPI_CAP_VM_TYPES, 1 << UAPI_VM_TYPE_DEFAULT, "CONFIG_KVM_SW_PROTECTED_VM"},
		{KVM_CAP_EXIT_HYPERCALL, 0, "KVM_HC_MAP_GPA_RANGE"},
		{KVM_CAP_EXIT_HYPERCALL, 1 << 11, "KVM_HC_MAP_GPA_RANGE"},
		{UAPI_CAP_GUEST_MEMFD, 0, "guest_memfd"},
		{UAPI_CAP_MEMORY_ATTRIBUTES, 0, "attribute"},
	};
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_host *host = open_host(fake);
	struct coco_tech_info info;

	fake_kvm_set_extension(fake, FAKE_SCOPE_ALL, missing[_i].capability, missing[_i].value);
	info = probe(host, COCO_TECH_SWPROTECTED);
	ck_assert_msg(info.launchable == 0, "launchable without capability %u",
		      missing[_i].capability);
	ck_assert_msg(strstr(info.reason, missing[_i].word) != NULL, "'%s' is not in: %s",
		      missing[_i].word, info.reason);
	ck_assert_uint_eq(probe(host, COCO_TECH_PLAIN).launchable, 1);
	coco_host_close(host);
	expect_clean(fake);
}
END_TEST

START_TEST(mapping_guest_memfd_takes_both_flags)
{
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_host *host = open_host(fake);

	for (int flags = 0; flags < 8; flags++) {
		fake_kvm_set_extension(fake, FAKE_SCOPE_ALL, UAPI_CAP_GUEST_MEMFD_FLAGS, flags);
		ck_assert_uint_eq(probe(host, COCO_TECH_PLAIN).guest_memfd_shared,
				  (flags & 3) == 3);
	}
	coco_host_close(host);
	expect_clean(fake);
}
END_TEST

START_TEST(an_unknown_technology_is_an_error)
{
	static const uint32_t unknown[] = {0, COCO_TECH_TDX + 1, UINT32_MAX};
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_host *host = open_host(fake);
	struct coco_tech_info info;

	COCO_INIT(&info);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		expect_error(coco_host_probe(host, unknown[i], &info, &error), &error, -EINVAL,
			     "tech");
	coco_host_close(host);
	expect_clean(fake);
}
END_TEST

START_TEST(a_question_that_fails_is_an_error)
{
	static const uint32_t techs[] = {COCO_TECH_PLAIN, COCO_TECH_SWPROTECTED};
	struct fake_kvm *fake = fake_kvm_new();
	struct coco_host *host = open_host(fake);
	struct coco_tech_info info;

	for (unsigned n = 1;; n++) {
		fake_kvm_fail(fake, "KVM_CHECK_EXTENSION", n, EIO, false);
		COCO_INIT(&info);
		expect_spoil(&error);
		if (coco_host_probe(host, techs[_i], &info, &error) == 0) {
			ck_assert_str_eq(fake_kvm_failed_call(fake), "");
			ck_assert_uint_gt(n, 1);
			break;
		}
		expect_call_failed(error.code, &error, -EIO, "KVM_CHECK_EXTENSION", "probe");
		ck_assert_uint_eq(info.launchable, 0);
	}
	fake_kvm_fail_clear(fake);
	coco_host_close(host);
	expect_clean(fake);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_host_is_one_descriptor_and_gives_it_back,
		the_path_can_be_chosen,
		without_the_device_the_text_says_what_to_load,
		only_kvm_api_12_is_spoken,
		every_call_of_opening_may_fail,
		a_platform_table_that_is_too_short_or_missing_is_refused,
		a_kernel_with_everything_launches_both,
		probing_makes_no_vm_and_asks_anew_each_time,
		an_old_kernel_launches_plain_guests_only_and_says_why,
		mapping_guest_memfd_takes_both_flags,
		an_unknown_technology_is_an_error,
		NULL,
	};
	Suite *suite = expect_suite("host", tests);
	TCase *loops = tcase_create("one by one");

	tcase_add_loop_test(loops, without_permission_the_text_says_whose_group_to_join, 0, 2);
	tcase_add_loop_test(loops, a_platform_that_lacks_an_operation_is_refused_by_its_name, 0,
			    (int)(sizeof(required) / sizeof(required[0])));
	tcase_add_loop_test(loops, each_thing_that_swprotected_needs_is_asked_for, 0, 5);
	tcase_add_loop_test(loops, a_question_that_fails_is_an_error, 0, 2);
	suite_add_tcase(suite, loops);
	return expect_run(suite);
}
