/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What stays over a reset and what is new: handles, addresses, memory, numbers. */
#define _GNU_SOURCE
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SECRET_GPA 0x200000ull /* no page of the image */

static struct fixture f;
static const uint32_t techs[] = {COCO_TECH_PLAIN, COCO_TECH_SWPROTECTED};

static void reset(void)
{
	expect_ok(coco_guest_reset(f.guest, &f.error), &f.error);
}

static uint8_t *host_address(uint64_t gpa)
{
	void *address = NULL;

	expect_ok(coco_guest_host_address(f.guest, gpa, 1, &address, &f.error), &f.error);
	return address;
}

START_TEST(numbers_and_addresses_stay)
{
	int vm, vcpus[2];
	struct kvm_run *runs[2];
	uint8_t *ram, *rom;

	fixture_init(&f, techs[_i]);
	f.options.vcpus = 2;
	fixture_guest(&f);
	vm = coco_guest_vm_fd(f.guest);
	ram = host_address(0);
	rom = host_address(ROM_GPA);
	for (uint32_t i = 0; i < 2; i++) {
		vcpus[i] = coco_vcpu_fd(coco_guest_vcpu(f.guest, i));
		runs[i] = coco_vcpu_kvm_run(coco_guest_vcpu(f.guest, i));
	}
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	for (uint64_t generation = 1; generation < 5; generation++) {
		fixture_expect_state(&f, COCO_STATE_RUNNABLE, generation);
		ck_assert_int_eq(coco_guest_vm_fd(f.guest), vm);
		ck_assert_ptr_eq(host_address(0), ram);
		ck_assert_ptr_eq(host_address(ROM_GPA), rom);
		for (uint32_t i = 0; i < 2; i++) {
			struct coco_vcpu *vcpu = coco_guest_vcpu(f.guest, i);

			ck_assert_int_eq(coco_vcpu_fd(vcpu), vcpus[i]);
			ck_assert_ptr_eq(coco_vcpu_kvm_run(vcpu), runs[i]);
			/* The page is the new vCPU's: nothing of the last life is in it. */
			ck_assert_uint_ne(runs[i]->exit_reason, 99);
			runs[i]->exit_reason = 99;
		}
		reset();
	}
	fixture_end(&f);
}
END_TEST

/* ---- memory ---- */

START_TEST(memory_is_the_image_and_zeroes_again)
{
	fixture_launch(&f, techs[_i]);
	host_address(SECRET_GPA)[0] = 0x5e;
	host_address(RAM_SIZE - 1)[0] = 0x5e;
	host_address(ROM_GPA)[0] = 0x5e;
	ck_assert(fake_kvm_write_guest(f.fake, coco_guest_vm_fd(f.guest), DATA_GPA, "changed", 7));
	ck_assert(fake_kvm_write_guest(f.fake, coco_guest_vm_fd(f.guest), ZERO_GPA, "changed", 7));
	reset();
	ck_assert_uint_eq(host_address(SECRET_GPA)[0], 0);
	ck_assert_uint_eq(host_address(RAM_SIZE - 1)[0], 0);
	ck_assert_uint_eq(host_address(ROM_GPA)[0], 0);
	fixture_expect_image(&f);
	fixture_end(&f);
}
END_TEST

START_TEST(kept_memory_is_kept_but_for_the_image)
{
	fixture_init(&f, techs[_i]);
	f.memory_flags = COCO_MEMORY_KEEP;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	host_address(SECRET_GPA)[0] = 0x5e;
	host_address(DATA_GPA)[0] ^= 0xff;
	host_address(ROM_GPA)[0] = 0x5e;
	reset();
	ck_assert_uint_eq(host_address(SECRET_GPA)[0], 0x5e);
	ck_assert_uint_eq(host_address(ROM_GPA)[0], 0);
	fixture_expect_image(&f);
	fixture_end(&f);
}
END_TEST

START_TEST(the_images_zero_pages_are_zero_in_kept_memory_too)
{
	fixture_init(&f, COCO_TECH_PLAIN);
	f.memory_flags = COCO_MEMORY_KEEP;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	memset(host_address(ZERO_GPA), 0x5e, ZERO_SIZE);
	reset();
	fixture_expect_image(&f);
	fixture_end(&f);
}
END_TEST

START_TEST(a_guest_memfd_is_empty_again)
{
	fixture_init(&f, COCO_TECH_PLAIN);
	f.memory_flags = COCO_MEMORY_GUEST_MEMFD;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	host_address(SECRET_GPA)[0] = 0x5e;
	ck_assert_uint_gt(fake_kvm_gmem_allocated(f.fake, coco_guest_vm_fd(f.guest)), DATA_SIZE);
	reset();
	ck_assert_uint_eq(host_address(SECRET_GPA)[0], 0);
	fixture_expect_image(&f);
	fixture_end(&f);
}
END_TEST

/* ---- memory of the caller's ---- */

enum backing { PRIVATE_ANON, SHARED_ANON, SHARED_FILE, PRIVATE_FILE, BACKINGS };

/* 4 MiB of a kind that a VMM may bring along, full of 0x5e. */
static uint8_t *map_backing(enum backing backing)
{
	static const int flags[] = {MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS,
				    MAP_SHARED, MAP_PRIVATE};
	int fd = -1;
	uint8_t *at;

	if (backing == SHARED_FILE || backing == PRIVATE_FILE) {
		void *bytes = malloc(RAM_SIZE);

		ck_assert_ptr_nonnull(bytes);
		memset(bytes, 0x5e, RAM_SIZE);
		fd = memfd_create("guest memory", MFD_CLOEXEC);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(write(fd, bytes, RAM_SIZE), (ssize_t)RAM_SIZE);
		free(bytes);
	}
	at = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, flags[backing], fd, 0);
	ck_assert_ptr_ne(at, MAP_FAILED);
	if (fd >= 0)
		ck_assert_int_eq(close(fd), 0);
	memset(at, 0x5e, RAM_SIZE);
	return at;
}

static void expect_scrubbed(const uint8_t *at, enum backing backing)
{
	for (uint64_t gpa = 0x10000; gpa < RAM_SIZE; gpa++)
		if (at[gpa] != 0)
			ck_abort_msg("backing %d reads 0x%02x at 0x%llx", backing, at[gpa],
				     (unsigned long long)gpa);
	fixture_expect_image(&f);
}

static void launch_on(uint8_t *host, uint32_t flags)
{
	fixture_init(&f, COCO_TECH_PLAIN);
	f.ram_host = host;
	f.memory_flags = flags;
	fixture_guest(&f);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
}

START_TEST(the_callers_memory_reads_as_zeroes_in_each_incarnation)
{
	enum backing backing = (enum backing)_i;
	uint8_t *host = map_backing(backing);

	launch_on(host, 0);
	expect_scrubbed(host, backing);
	for (unsigned round = 0; round < 2; round++) {
		memset(host, 0x5e, RAM_SIZE);
		reset();
		expect_scrubbed(host, backing);
	}
	fixture_end(&f);
	ck_assert_int_eq(munmap(host, RAM_SIZE), 0);
}
END_TEST

START_TEST(the_callers_memory_is_scrubbed_even_where_holes_cannot_be_punched)
{
	enum backing backing = (enum backing)(_i / 2);
	uint8_t *host = map_backing(backing);
	int rc;

	launch_on(host, 0);
	memset(host, 0x5e, RAM_SIZE);
	/* A file system without holes, or locked memory. */
	fake_kvm_fail(f.fake, "madvise", 1, _i % 2 == 0 ? EOPNOTSUPP : EINVAL, _i % 2);
	rc = coco_guest_reset(f.guest, &f.error);
	fake_kvm_fail_clear(f.fake);
	if (rc != 0)
		reset();
	expect_scrubbed(host, backing);
	fixture_end(&f);
	ck_assert_int_eq(munmap(host, RAM_SIZE), 0);
}
END_TEST

START_TEST(the_callers_anonymous_memory_is_given_back)
{
	/* None fails, or memory is locked. */
	const int code = _i == 0 ? 0 : EINVAL;
	uint8_t *host = map_backing(PRIVATE_ANON);

	launch_on(host, COCO_MEMORY_ANONYMOUS);
	expect_scrubbed(host, PRIVATE_ANON);
	memset(host, 0x5e, RAM_SIZE);
	fake_kvm_transcript_clear(f.fake);
	fake_kvm_label_memory(f.fake, host, RAM_SIZE, "ram");
	/* The first one is for the vCPU's kvm_run. */
	if (code != 0)
		fake_kvm_fail(f.fake, "madvise", 2, code, false);
	reset();
	ck_assert_ptr_nonnull(
		strstr(fake_kvm_transcript(f.fake), "madvise ram size=0x400000 dontneed"));
	expect_scrubbed(host, PRIVATE_ANON);
	fixture_end(&f);
	ck_assert_int_eq(munmap(host, RAM_SIZE), 0);
}
END_TEST

START_TEST(the_callers_memory_can_be_kept)
{
	uint8_t *host = map_backing((enum backing)_i);

	launch_on(host, COCO_MEMORY_KEEP);
	ck_assert_uint_eq(host[SECRET_GPA], 0x5e);
	host[SECRET_GPA] = 0x77;
	reset();
	ck_assert_uint_eq(host[SECRET_GPA], 0x77);
	ck_assert_uint_eq(host[DATA_GPA], fixture_byte(DATA_GPA));
	fixture_end(&f);
	ck_assert_uint_eq(host[SECRET_GPA], 0x77);
	ck_assert_int_eq(munmap(host, RAM_SIZE), 0);
}
END_TEST

/* ---- images that take the loader several rounds ---- */

START_TEST(large_images_are_loaded_whole)
{
	static const uint64_t sizes[] = {0x1fb000, 0x1fc000, 0x200000, 0x401000, 0x1000000};
	const uint64_t size = sizes[_i], gpa = 0x100000000ull - size;
	uint8_t *bytes = malloc(size), *seen = malloc(size);

	ck_assert(bytes != NULL && seen != NULL);
	for (uint64_t i = 0; i < size; i++)
		bytes[i] = fixture_byte(i * 3);
	fixture_init(&f, COCO_TECH_SWPROTECTED);
	coco_image_unref(f.image);
	expect_ok(coco_image_new(&f.image, &f.error), &f.error);
	expect_ok(coco_image_add_firmware(f.image, bytes, size, &f.error), &f.error);
	f.options.image = f.image;
	expect_ok(coco_guest_new(f.host, &f.options, &f.guest, &f.error), &f.error);
	expect_ok(fixture_add_memory(&f, gpa, size, NULL, 0), &f.error);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	for (unsigned round = 0; round < 2; round++) {
		ck_assert(fake_kvm_is_private(f.fake, coco_guest_vm_fd(f.guest), gpa));
		ck_assert(fake_kvm_read_guest(f.fake, coco_guest_vm_fd(f.guest), gpa, seen, size));
		ck_assert_int_eq(memcmp(bytes, seen, size), 0);
		reset();
	}
	free(bytes);
	free(seen);
	fixture_end(&f);
}
END_TEST

START_TEST(the_loader_finds_room_wherever_memory_lies)
{
	/* Up to the last byte that 48 address bits reach, with a hole below. */
	const uint64_t top = 1ull << 48;

	fixture_init(&f, COCO_TECH_SWPROTECTED);
	fixture_guest(&f);
	expect_ok(fixture_add_memory(&f, top - 0x200000, 0x200000, NULL, 0), &f.error);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	fixture_expect_image(&f);
	fixture_end(&f);
}
END_TEST

/* ---- what is told ---- */

struct listed {
	unsigned total, vms, vcpus, runs, memfds, maps, wrong;
	uint64_t generation;
};

static void count_object(void *payload, const struct coco_object *object)
{
	struct listed *listed = payload;

	listed->total++;
	listed->wrong += object->generation != listed->generation;
	if (!object->holder || !object->holder[0] || !object->kind) {
		listed->wrong++;
		return;
	}
	if (strcmp(object->kind, "vm") == 0)
		listed->vms += object->fd == coco_guest_vm_fd(f.guest) &&
			       strcmp(object->holder, "guest") == 0;
	else if (strcmp(object->kind, "vcpu") == 0)
		listed->vcpus += object->fd == coco_vcpu_fd(coco_guest_vcpu(f.guest, 0))
					 ? strcmp(object->holder, "vcpu 0") == 0
					 : strcmp(object->holder, "vcpu 1") == 0;
	else if (strcmp(object->kind, "run mapping") == 0)
		listed->runs += object->fd == -1;
	else if (strcmp(object->kind, "guest_memfd") == 0)
		listed->memfds += object->fd >= 0 && strncmp(object->holder, "memory 0x", 9) == 0;
	else if (strcmp(object->kind, "guest_memfd mapping") == 0)
		listed->maps += object->fd == -1;
}

static struct listed list(uint64_t generation)
{
	struct listed listed = {.generation = generation};

	coco_guest_list_objects(f.guest, count_object, &listed);
	ck_assert_uint_eq(listed.total, fixture_info(&f).open_objects);
	ck_assert_uint_eq(listed.wrong, 0);
	return listed;
}

START_TEST(all_that_keeps_a_vm_alive_is_listed)
{
	fixture_init(&f, techs[_i]);
	f.options.vcpus = 2;
	f.memory_flags = _i == 0 ? COCO_MEMORY_GUEST_MEMFD : 0;
	fixture_guest(&f);
	ck_assert_uint_eq(list(0).total, 0);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	for (uint64_t generation = 1; generation < 3; generation++) {
		struct listed listed = list(generation);

		ck_assert_uint_eq(listed.vms, 1);
		ck_assert_uint_eq(listed.vcpus, 2);
		ck_assert_uint_eq(listed.runs, 2);
		ck_assert_uint_eq(listed.memfds, _i == 0 ? 1 : 2);
		ck_assert_uint_eq(listed.maps, _i == 0 ? 1 : 0);
		ck_assert_uint_eq(listed.total, 7);
		reset();
	}
	expect_ok(coco_guest_teardown(f.guest, &f.error), &f.error);
	ck_assert_uint_eq(list(0).total, 0);
	fixture_end(&f);
}
END_TEST

START_TEST(private_bytes_are_those_of_the_image_or_all)
{
	fixture_init(&f, COCO_TECH_SWPROTECTED);
	f.options.flags = _i == 0 ? 0 : COCO_GUEST_EAGER_PRIVATE;
	fixture_guest(&f);
	ck_assert_uint_eq(fixture_info(&f).private_bytes, 0);
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	for (unsigned round = 0; round < 3; round++) {
		uint64_t told = fixture_info(&f).private_bytes;

		ck_assert_uint_eq(told, _i == 0 ? DATA_SIZE + ZERO_SIZE + FIRMWARE_SIZE
						: RAM_SIZE + ROM_SIZE);
		ck_assert_uint_eq(fake_kvm_private_bytes(f.fake, coco_guest_vm_fd(f.guest)), told);
		ck_assert_uint_eq(fixture_info(&f).conversions, 0);
		reset();
	}
	expect_ok(coco_guest_teardown(f.guest, &f.error), &f.error);
	ck_assert_uint_eq(fixture_info(&f).private_bytes, 0);
	fixture_end(&f);
}
END_TEST

/* ---- descriptors that the VMM got from KVM itself ---- */

/* Stands for a stats descriptor: it keeps the VM alive as one does. */
static int hold_vm(void)
{
	const struct coco_platform *platform = fake_kvm_platform(f.fake);

	return platform->ops->dup(platform->context, coco_guest_vm_fd(f.guest));
}

START_TEST(a_descriptor_that_was_handed_over_goes_with_its_incarnation)
{
	fixture_launch(&f, techs[_i]);
	expect_ok(coco_guest_hand_over_fd(f.guest, COCO_FD_STATS, hold_vm(), "stats", &f.error),
		  &f.error);
	expect_ok(coco_guest_hand_over_fd(f.guest, COCO_FD_DEVICE, hold_vm(), "vfio", &f.error),
		  &f.error);
	reset();
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 1);
	ck_assert_uint_eq(fake_kvm_most_vms(f.fake), 1);
	fixture_end(&f);
}
END_TEST

START_TEST(one_that_was_not_keeps_the_old_vm)
{
	const struct coco_platform *platform;
	int fd;

	fixture_launch(&f, COCO_TECH_PLAIN);
	platform = fake_kvm_platform(f.fake);
	fd = hold_vm();
	reset();
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 2);
	ck_assert_int_eq(platform->ops->close(platform->context, fd), 0);
	ck_assert_uint_eq(fake_kvm_live_vms(f.fake), 1);
	fixture_end(&f);
}
END_TEST

static void find_vfio(void *payload, const struct coco_object *object)
{
	int *found = payload;

	if (!strcmp(object->kind, "device") && !strcmp(object->holder, "vfio"))
		*found = object->fd;
}

START_TEST(what_was_handed_over_is_listed_and_refused_otherwise)
{
	int found = -1, fd;

	fixture_init(&f, COCO_TECH_PLAIN);
	fixture_guest(&f);
	expect_error(coco_guest_hand_over_fd(f.guest, COCO_FD_STATS, 1, "early", &f.error),
		     &f.error, -EBUSY, "state");
	expect_ok(coco_guest_launch(f.guest, &f.error), &f.error);
	fd = hold_vm();
	expect_error(coco_guest_hand_over_fd(f.guest, 3, fd, "vfio", &f.error), &f.error, -EINVAL,
		     "kind");
	expect_error(coco_guest_hand_over_fd(f.guest, COCO_FD_DEVICE, -1, "vfio", &f.error),
		     &f.error, -EINVAL, "fd");
	expect_error(coco_guest_hand_over_fd(f.guest, COCO_FD_DEVICE, fd, NULL, &f.error), &f.error,
		     -EINVAL, "holder");
	expect_ok(coco_guest_hand_over_fd(f.guest, COCO_FD_DEVICE, fd, "vfio", &f.error), &f.error);
	coco_guest_list_objects(f.guest, find_vfio, &found);
	ck_assert_int_eq(found, fd);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reset");
	TCase *tcase = tcase_create("reset");

	tcase_add_loop_test(tcase, numbers_and_addresses_stay, 0, 2);
	tcase_add_loop_test(tcase, memory_is_the_image_and_zeroes_again, 0, 2);
	tcase_add_loop_test(tcase, kept_memory_is_kept_but_for_the_image, 0, 2);
	tcase_add_test(tcase, the_images_zero_pages_are_zero_in_kept_memory_too);
	tcase_add_test(tcase, a_guest_memfd_is_empty_again);
	tcase_add_loop_test(tcase, the_callers_memory_reads_as_zeroes_in_each_incarnation, 0,
			    BACKINGS);
	tcase_add_loop_test(tcase,
			    the_callers_memory_is_scrubbed_even_where_holes_cannot_be_punched, 0,
			    2 * BACKINGS);
	tcase_add_loop_test(tcase, the_callers_anonymous_memory_is_given_back, 0, 2);
	tcase_add_loop_test(tcase, the_callers_memory_can_be_kept, 0, BACKINGS);
	tcase_add_loop_test(tcase, large_images_are_loaded_whole, 0, 5);
	tcase_add_test(tcase, the_loader_finds_room_wherever_memory_lies);
	tcase_add_loop_test(tcase, all_that_keeps_a_vm_alive_is_listed, 0, 2);
	tcase_add_loop_test(tcase, private_bytes_are_those_of_the_image_or_all, 0, 2);
	tcase_add_loop_test(tcase, a_descriptor_that_was_handed_over_goes_with_its_incarnation, 0,
			    2);
	tcase_add_test(tcase, one_that_was_not_keeps_the_old_vm);
	tcase_add_test(tcase, what_was_handed_over_is_listed_and_refused_otherwise);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
