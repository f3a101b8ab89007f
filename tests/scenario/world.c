/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ROM_SIZE 0x10000ull
#define ROM_GPA  (0x100000000ull - ROM_SIZE)
#define DATA_GPA 0x1000ull

const struct world_tech world_techs[] = {
	{COCO_TECH_PLAIN, "plain", false, false, "KVM_CREATE_VM", ENOMEM},
	{COCO_TECH_SWPROTECTED, "swprotected", false, false, "KVM_CREATE_VM", ENOMEM},
	{COCO_TECH_SEV, "sev", true, true, "KVM_SEV_INIT2", EBUSY},
	{COCO_TECH_SEVES, "seves", true, true, "KVM_SEV_INIT2", EBUSY},
	{COCO_TECH_SNP, "snp", true, false, "KVM_SEV_INIT2", EBUSY},
	{COCO_TECH_TDX, "tdx", true, false, "KVM_TDX_INIT_VM", ENOSPC},
};

static void add_page(struct world *world, uint64_t gpa, uint64_t size, uint32_t kind)
{
	uint8_t *bytes = calloc(1, size);
	struct coco_page_run run;

	ck_assert_ptr_nonnull(bytes);
	for (uint64_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)((gpa + i) * 7 + (gpa >> 12));
	COCO_INIT(&run);
	run.gpa = gpa;
	run.size = size;
	run.kind = kind;
	run.bytes = kind == COCO_PAGE_DATA ? bytes : NULL;
	expect_ok(coco_image_add(world->image, &run, &world->error), &world->error);
	free(bytes);
}

static void kick(void *payload, struct coco_vcpu *vcpu)
{
	(void)payload;
	(void)vcpu;
}

void world_init(struct world *world, int tech, const char *knobs)
{
	memset(world, 0, sizeof(*world));
	world->tech = &world_techs[tech];
	snprintf(world->text, sizeof(world->text), "all%s%s", *knobs ? ":" : "", knobs);
	expect_ok(coco_sim_new_from_text(world->text, &world->sim, &world->error), &world->error);
	world->platform = coco_sim_get_platform(world->sim);
	expect_ok(coco_image_new(&world->image, &world->error), &world->error);
	add_page(world, DATA_GPA, 0x2000, COCO_PAGE_DATA);
	add_page(world, 0x8000, 0x1000, COCO_PAGE_ZERO);
	add_page(world, ROM_GPA, ROM_SIZE, COCO_PAGE_DATA);
	COCO_INIT(&world->options);
	world->options.tech = world->tech->tech;
	world->options.vcpus = 2;
	world->options.image = world->image;
	world->options.irqchip = COCO_IRQCHIP_SPLIT;
	world->options.ioapic_pins = 24;
	world->options.kick = kick;
}

static void add_memory(struct world *world, uint64_t gpa, uint64_t size)
{
	struct coco_memory memory;

	COCO_INIT(&memory);
	memory.gpa = gpa;
	memory.size = size;
	expect_ok(coco_guest_add_memory(world->guest, &memory, &world->error), &world->error);
}

void world_guest(struct world *world)
{
	struct coco_host_options options;

	COCO_INIT(&options);
	options.platform = world->platform;
	expect_ok(coco_host_open(&options, &world->host, &world->error), &world->error);
	expect_ok(coco_guest_new(world->host, &world->options, &world->guest, &world->error),
		  &world->error);
	add_memory(world, 0, WORLD_RAM_SIZE);
	add_memory(world, ROM_GPA, ROM_SIZE);
}

void world_launch(struct world *world, int tech, const char *knobs)
{
	world_init(world, tech, knobs);
	world_guest(world);
	expect_ok(coco_guest_launch(world->guest, &world->error), &world->error);
}

void world_end(struct world *world)
{
	struct coco_sim_account account;

	coco_guest_free(world->guest);
	coco_host_close(world->host);
	coco_image_unref(world->image);
	account = world_account(world);
	ck_assert_uint_eq(account.vms, 0);
	ck_assert_uint_eq(account.fds, 0);
	ck_assert_uint_eq(account.mappings, 0);
	ck_assert_uint_eq(account.gmems, 0);
	ck_assert_uint_eq(account.sev_asids_used + account.seves_asids_used, 0);
	ck_assert_uint_eq(account.sev_contexts, 0);
	ck_assert_uint_eq(account.tdx_keys_used, 0);
	ck_assert_uint_eq(account.rmp_pages, 0);
	ck_assert_uint_eq(account.tdx_pages, 0);
	ck_assert_uint_eq(account.memory_used, 0);
	coco_sim_free(world->sim);
}

int world_try_reset(struct world *world, uint32_t strategy)
{
	struct coco_reset_options options;

	COCO_INIT(&options);
	options.strategy = strategy;
	expect_spoil(&world->error);
	return coco_guest_reset_with(world->guest, &options, &world->error);
}

void world_reset(struct world *world, uint32_t strategy)
{
	int r = world_try_reset(world, strategy);

	ck_assert_msg(!r, "%s: %d, %s", world->tech->name, r, world->error.text);
}

void world_await_retired(struct world *world)
{
	expect_ok(coco_guest_wait_retired(world->guest, 30000, &world->error), &world->error);
}

struct coco_guest_info world_info(struct world *world)
{
	struct coco_guest_info info;

	COCO_INIT(&info);
	expect_ok(coco_guest_get_info(world->guest, &info, &world->error), &world->error);
	return info;
}

struct coco_sim_account world_account(struct world *world)
{
	struct coco_sim_account account;

	COCO_INIT(&account);
	expect_ok(coco_sim_get_account(world->sim, &account, &world->error), &world->error);
	return account;
}

struct coco_sim_vm_info world_vm(struct world *world)
{
	struct coco_sim_vm_info info;

	COCO_INIT(&info);
	expect_ok(coco_sim_get_vm_info(world->sim, coco_guest_vm_fd(world->guest), &info,
				       &world->error),
		  &world->error);
	return info;
}

void world_expect_state(struct world *world, uint32_t state, uint64_t generation)
{
	struct coco_guest_info info = world_info(world);

	ck_assert_str_eq(coco_state_name(info.state), coco_state_name(state));
	ck_assert_uint_eq(info.generation, generation);
}

uint8_t *world_host_address(struct world *world, uint64_t gpa)
{
	void *address = NULL;

	expect_ok(coco_guest_host_address(world->guest, gpa, 1, &address, &world->error),
		  &world->error);
	return address;
}

void world_expect_whole(struct world *world)
{
	struct coco_sim_vm_info vm = world_vm(world);
	uint8_t digest[64];
	size_t size = sizeof(digest);

	ck_assert_uint_eq(vm.dead, 0);
	ck_assert_uint_eq(vm.vcpus, world->options.vcpus);
	if (!world->tech->encrypted) {
		expect_error(coco_guest_get_digest(world->guest, digest, &size, &world->error),
			     &world->error, -ENODATA, "");
		return;
	}
	expect_ok(coco_guest_get_digest(world->guest, digest, &size, &world->error), &world->error);
	ck_assert_uint_eq(size, vm.digest_size);
	ck_assert_mem_eq(digest, vm.digest, size);
}
