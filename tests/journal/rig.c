/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "rig.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

static void kick(void *payload, struct coco_vcpu *vcpu)
{
	(void)payload;
	(void)vcpu;
}

static void not_replayed(void *payload, unsigned long request, const char *name, const char *reason)
{
	struct rig *rig = payload;

	(void)name;
	rig->reports++;
	rig->reported = request;
	snprintf(rig->reason, sizeof(rig->reason), "%s", reason);
}

static void make_image(struct rig *rig)
{
	/* At the reset vector: mov al, 1; out 0x80, al; and again. */
	static const uint8_t page[4096] = {[0xff0] = 0xb0, 1, 0xe6, 0x80, 0xeb, 0xfa};
	struct coco_page_run run;

	expect_ok(coco_image_new(&rig->image, &rig->error), &rig->error);
	COCO_INIT(&run);
	run.gpa = 0xfffff000;
	run.size = sizeof(page);
	run.kind = COCO_PAGE_DATA;
	run.bytes = page;
	expect_ok(coco_image_add(rig->image, &run, &rig->error), &rig->error);
}

void rig_init(struct rig *rig)
{
	struct coco_host_options options;

	memset(rig, 0, sizeof(*rig));
	expect_ok(coco_sim_new_from_text("all", &rig->sim, &rig->error), &rig->error);
	COCO_INIT(&options);
	options.platform = coco_sim_get_platform(rig->sim);
	expect_ok(coco_host_open(&options, &rig->host, &rig->error), &rig->error);
	make_image(rig);
	rig->memory =
		mmap(NULL, 0x2000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(rig->memory, MAP_FAILED);
	COCO_INIT(&rig->options);
	rig->options.tech = COCO_TECH_PLAIN;
	rig->options.vcpus = RIG_VCPUS;
	rig->options.image = rig->image;
	rig->options.irqchip = COCO_IRQCHIP_FULL;
	rig->options.kick = kick;
	rig->options.not_replayed = not_replayed;
	rig->options.not_replayed_payload = rig;
}

static void add_memory(struct rig *rig, uint64_t gpa, uint64_t size)
{
	struct coco_memory memory;

	COCO_INIT(&memory);
	memory.gpa = gpa;
	memory.size = size;
	expect_ok(coco_guest_add_memory(rig->guest, &memory, &rig->error), &rig->error);
}

void rig_guest(struct rig *rig)
{
	expect_ok(coco_guest_new(rig->host, &rig->options, &rig->guest, &rig->error), &rig->error);
	add_memory(rig, 0, RIG_RAM_SIZE);
	add_memory(rig, 0xffff0000, 0x10000);
}

void rig_launch(struct rig *rig)
{
	rig_init(rig);
	rig_guest(rig);
	expect_ok(coco_guest_launch(rig->guest, &rig->error), &rig->error);
}

void rig_reset(struct rig *rig, uint32_t strategy)
{
	struct coco_reset_options options;

	COCO_INIT(&options);
	options.strategy = strategy;
	expect_ok(coco_guest_reset_with(rig->guest, &options, &rig->error), &rig->error);
	expect_ok(coco_guest_wait_retired(rig->guest, 10000, &rig->error), &rig->error);
}

void rig_end(struct rig *rig)
{
	struct coco_sim_account account;

	coco_guest_free(rig->guest);
	coco_image_unref(rig->image);
	coco_host_close(rig->host);
	account = rig_account(rig);
	ck_assert_uint_eq(account.vms, 0);
	ck_assert_uint_eq(account.fds, 0);
	ck_assert_uint_eq(account.mappings, 0);
	munmap(rig->memory, 0x2000);
	coco_sim_free(rig->sim);
}

static int expect_result(struct rig *rig, int r)
{
	expect_ok(r < 0 ? r : 0, &rig->error);
	return r;
}

int rig_vm(struct rig *rig, unsigned long request, const void *argument)
{
	return expect_result(rig,
			     coco_vm_ioctl(rig->guest, request, (uintptr_t)argument, &rig->error));
}

int rig_vm_value(struct rig *rig, unsigned long request, uintptr_t value)
{
	return expect_result(rig, coco_vm_ioctl(rig->guest, request, value, &rig->error));
}

int rig_vcpu(struct rig *rig, unsigned long request, const void *argument)
{
	return expect_result(rig, coco_vcpu_ioctl(coco_guest_vcpu(rig->guest, 0), request,
						  (uintptr_t)argument, &rig->error));
}

struct coco_sim_account rig_account(struct rig *rig)
{
	struct coco_sim_account account;

	COCO_INIT(&account);
	expect_ok(coco_sim_get_account(rig->sim, &account, &rig->error), &rig->error);
	return account;
}

struct coco_guest_info rig_info(struct rig *rig)
{
	struct coco_guest_info info;

	COCO_INIT(&info);
	expect_ok(coco_guest_get_info(rig->guest, &info, &rig->error), &rig->error);
	return info;
}

int rig_eventfd(void)
{
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	ck_assert_int_ge(fd, 0);
	return fd;
}
