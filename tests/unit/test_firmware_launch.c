/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What this version can't launch is refused, with the reason, before anything is created. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */

#include "expect.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/mman.h>

#include <cocoreset/cocoreset.h>
#include <cocoreset/sys/platform.h>

static struct coco_error error;
static struct coco_host *host;
static unsigned vms;

/* A platform that agrees to all, and counts the VMs that it is asked for. */

static int give_fd(void *context, const char *path)
{
	(void)context;
	return strcmp(path, "/dev/kvm") == 0 ? 1000 : -ENOENT;
}

static int dup_fd(void *context, int fd)
{
	(void)context;
	return fd + 1;
}

static int close_fd(void *context, int fd)
{
	(void)context;
	(void)fd;
	return 0;
}

static int dup3_fd(void *context, int fd, int number)
{
	(void)context;
	(void)fd;
	return number;
}

static int answer(void *context, int fd, unsigned long request, uintptr_t argument)
{
	(void)context;
	(void)fd;
	switch (request) {
	case KVM_GET_API_VERSION:
		return 12;
	case KVM_GET_VCPU_MMAP_SIZE:
		return 3 * COCO_PAGE_SIZE;
	case KVM_CHECK_EXTENSION:
		return 0xffff;
	case KVM_GET_SUPPORTED_CPUID:
		((struct kvm_cpuid2 *)argument)->nent = 0; /* NOLINT */
		return 0;
	case KVM_CREATE_VM:
		vms++;
		return -ENOMEM;
	default:
		return 0;
	}
}

static int map(void *context, void *address, size_t size, int protection, int flags, int fd,
	       uint64_t offset, void **out)
{
	(void)context;
	(void)fd;
	(void)offset;
	*out = mmap(address, size, protection, (flags & ~MAP_SHARED) | MAP_ANONYMOUS | MAP_PRIVATE,
		    -1, 0);
	return *out == MAP_FAILED ? -errno : 0;
}

static int unmap(void *context, void *address, size_t size)
{
	(void)context;
	return munmap(address, size);
}

static int advise(void *context, void *address, size_t size, int advice)
{
	(void)context;
	(void)address;
	(void)size;
	(void)advice;
	return 0;
}

static int allocate(void *context, int fd, int mode, uint64_t offset, uint64_t size)
{
	(void)context;
	(void)fd;
	(void)mode;
	(void)offset;
	(void)size;
	return 0;
}

static const struct coco_platform_ops ops = {
	.struct_size = sizeof(ops),
	.name = "agreeable",
	.open = give_fd,
	.close = close_fd,
	.dup = dup_fd,
	.dup3 = dup3_fd,
	.set_cloexec = close_fd,
	.ioctl = answer,
	.mmap = map,
	.munmap = unmap,
	.madvise = advise,
	.fallocate = allocate,
};
static const struct coco_platform platform = {.ops = &ops};

static void open_host(void)
{
	struct coco_host_options options;

	vms = 0;
	COCO_INIT(&options);
	options.platform = &platform;
	expect_ok(coco_host_open(&options, &host, &error), &error);
}

static void kick_nobody(void *payload, struct coco_vcpu *vcpu)
{
	(void)payload;
	(void)vcpu;
}

static struct coco_image *image_of(uint32_t kind)
{
	static const uint8_t bytes[COCO_PAGE_SIZE];
	struct coco_image *image;
	struct coco_page_run run;

	expect_ok(coco_image_new(&image, &error), &error);
	COCO_INIT(&run);
	run.size = COCO_PAGE_SIZE;
	run.kind = COCO_PAGE_ZERO;
	expect_ok(coco_image_add(image, &run, &error), &error);
	run.gpa = COCO_PAGE_SIZE;
	run.kind = kind;
	run.bytes = kind == COCO_PAGE_DATA || kind == COCO_PAGE_PART ? bytes : NULL;
	run.label = "the odd one";
	expect_ok(coco_image_add(image, &run, &error), &error);
	return image;
}

static int new_guest(uint32_t tech, struct coco_image *image, struct coco_guest **guest)
{
	struct coco_guest_options options;

	COCO_INIT(&options);
	options.tech = tech;
	options.vcpus = 1;
	options.image = image;
	options.kick = kick_nobody;
	return coco_guest_new(host, &options, guest, &error);
}

START_TEST(technologies_that_the_host_lacks_are_not_launchable)
{
	/* The platform agrees to all VM types, and has neither secure processor nor TDX module. */
	static const char *const reasons[] = {"no /dev/sev", "no /dev/sev", "no /dev/sev",
					      "KVM_CREATE_VM"};
	struct coco_image *image = image_of(COCO_PAGE_ZERO);
	struct coco_guest *guest = NULL;
	struct coco_tech_info info;

	open_host();
	for (uint32_t tech = COCO_TECH_SEV; tech <= COCO_TECH_TDX; tech++) {
		const char *reason = reasons[tech - COCO_TECH_SEV];

		COCO_INIT(&info);
		expect_ok(coco_host_probe(host, tech, &info, &error), &error);
		ck_assert_uint_eq(info.launchable, 0);
		ck_assert_uint_eq(info.max_vcpus, 0);
		ck_assert_uint_eq(info.private_memory, 1);
		ck_assert_ptr_nonnull(strstr(info.reason, reason));
		expect_error(new_guest(tech, image, &guest), &error, -EOPNOTSUPP, "tech");
		expect_text(&error, reason);
	}
	expect_error(coco_host_probe(host, COCO_TECH_TDX + 1, &info, &error), &error, -EINVAL,
		     "tech");
	coco_image_unref(image);
	coco_host_close(host);
}
END_TEST

static int launch(uint32_t tech, struct coco_image *image)
{
	struct coco_guest *guest = NULL;
	struct coco_memory memory;
	int rc;

	expect_ok(new_guest(tech, image, &guest), &error);
	COCO_INIT(&memory);
	memory.size = 16 * COCO_PAGE_SIZE;
	expect_ok(coco_guest_add_memory(guest, &memory, &error), &error);
	rc = coco_guest_launch(guest, &error);
	coco_guest_free(guest);
	return rc;
}

START_TEST(pages_that_a_technology_can_not_load_are_refused_by_name)
{
	static const struct {
		uint32_t kind;
		const char *name;
	} kinds[] = {
		{COCO_PAGE_SECRETS, "secrets"},
		{COCO_PAGE_CPUID, "cpuid"},
		{COCO_PAGE_PART, "part"},
	};

	open_host();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct coco_image *image = image_of(kinds[i].kind);

		for (uint32_t tech = COCO_TECH_PLAIN; tech <= COCO_TECH_SWPROTECTED; tech++) {
			expect_error(launch(tech, image), &error, -EINVAL, "image");
			expect_text(&error, "run 1 of the image, \"the odd one\" at 0x1000");
			expect_text(&error, kinds[i].name);
			expect_text(&error, coco_tech_name(tech));
		}
		coco_image_unref(image);
	}
	ck_assert_uint_eq(vms, 0);
	coco_host_close(host);
}
END_TEST

START_TEST(images_of_data_and_zero_pages_are_launched)
{
	struct coco_image *image = image_of(COCO_PAGE_DATA);

	open_host();
	/* Beyond the check, where this platform gives up. */
	ck_assert_int_eq(launch(COCO_TECH_PLAIN, image), -ENOMEM);
	ck_assert_uint_eq(vms, 1);
	coco_image_unref(image);
	coco_host_close(host);
}
END_TEST

START_TEST(an_image_in_use_is_immutable)
{
	struct coco_image *image = image_of(COCO_PAGE_DATA);
	struct coco_guest *guest = NULL;

	open_host();
	expect_ok(new_guest(COCO_TECH_PLAIN, image, &guest), &error);
	expect_error(coco_image_set_ap_start(image, 0x1000, &error), &error, -EBUSY, "image");
	expect_error(coco_image_set_hob(image, 0x1000, &error), &error, -EBUSY, "image");
	coco_guest_free(guest);
	coco_image_unref(image);
	coco_host_close(host);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		technologies_that_the_host_lacks_are_not_launchable,
		pages_that_a_technology_can_not_load_are_refused_by_name,
		images_of_data_and_zero_pages_are_launched,
		an_image_in_use_is_immutable,
		NULL,
	};

	return expect_run(expect_suite("firmware launch", tests));
}
