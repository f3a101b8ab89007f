/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * On a real kernel: what if any one system call of a launch, reset or teardown fails, once or from
 * then on? Then the state has a name, what it says is so, no descriptor and no VM is left, and the
 * same call goes well when the fault is lifted. The argument is the technology.
 */
#include "faulty.h"

#include <cocoreset/cocoreset.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define RAM_SIZE 0x200000ull
#define ROM_SIZE 0x10000ull
#define ROM_GPA  (0x100000000ull - ROM_SIZE)
#define FREE_GPA 0x100000ull

static const int errnos[] = {EIO, ENOMEM, EINTR, EBUSY, EMFILE};

#define ERRNOS (sizeof(errnos) / sizeof(*errnos))

struct world {
	struct coco_host *host;
	struct coco_image *image;
	struct coco_guest *guest;
	struct faulty *faulty;
	uint8_t *free_memory;
	unsigned fds; /* of the process, with one incarnation */
};

static unsigned points;
static char where[64];

__attribute__((noreturn)) static void fail(const char *what, const struct coco_error *error)
{
	printf("not ok: %s: %s: %s\n", where, what, error ? error->text : "");
	exit(1);
}

static void must(int result, const char *what, const struct coco_error *error)
{
	if (result)
		fail(what, error);
}

static void expect(bool holds, const char *what)
{
	if (!holds)
		fail(what, NULL);
}

static void kick(void *payload, struct coco_vcpu *vcpu)
{
	(void)payload;
	(void)vcpu;
}

static unsigned count_entries(const char *path)
{
	DIR *folder = opendir(path);
	unsigned count = 0;

	while (folder && readdir(folder))
		count++;
	if (folder)
		closedir(folder);
	return count;
}

/* Folders that KVM has for its VMs, and files that don't change. */
static unsigned count_vms(void)
{
	return count_entries("/sys/kernel/debug/kvm");
}

static void add_memory(struct world *world, uint64_t gpa, uint64_t size)
{
	struct coco_memory memory;
	struct coco_error error;

	COCO_INIT(&memory);
	memory.gpa = gpa;
	memory.size = size;
	must(coco_guest_add_memory(world->guest, &memory, &error), "adding memory", &error);
}

static void make_image(struct world *world)
{
	static uint8_t bytes[ROM_SIZE];
	struct coco_page_run run;
	struct coco_error error;

	memset(bytes, 0xf4, sizeof(bytes));
	must(coco_image_new(&world->image, &error), "an image", &error);
	COCO_INIT(&run);
	run.gpa = ROM_GPA;
	run.size = ROM_SIZE;
	run.kind = COCO_PAGE_DATA;
	run.bytes = bytes;
	must(coco_image_add(world->image, &run, &error), "an image", &error);
}

static void start(struct world *world, uint32_t tech)
{
	struct coco_host_options host_options;
	struct coco_guest_options options;
	struct coco_error error;
	void *address;

	world->faulty = faulty_new(coco_platform_kernel());
	COCO_INIT(&host_options);
	host_options.platform = faulty_platform(world->faulty);
	must(coco_host_open(&host_options, &world->host, &error), "a host", &error);
	make_image(world);
	COCO_INIT(&options);
	options.tech = tech;
	options.vcpus = 2;
	options.image = world->image;
	options.irqchip = COCO_IRQCHIP_SPLIT;
	options.kick = kick;
	must(coco_guest_new(world->host, &options, &world->guest, &error), "a guest", &error);
	add_memory(world, 0, RAM_SIZE);
	add_memory(world, ROM_GPA, ROM_SIZE);
	must(coco_guest_host_address(world->guest, FREE_GPA, 1, &address, &error), "memory",
	     &error);
	world->free_memory = address;
}

static void end(struct world *world)
{
	coco_guest_free(world->guest);
	coco_image_unref(world->image);
	coco_host_close(world->host);
	faulty_free(world->faulty);
}

static int reset(struct world *world, uint32_t strategy, struct coco_error *error)
{
	struct coco_reset_options options;
	struct coco_error waiting;
	int r;

	COCO_INIT(&options);
	options.strategy = strategy;
	r = coco_guest_reset_with(world->guest, &options, error);
	must(coco_guest_wait_retired(world->guest, 60000, &waiting), "retiring", &waiting);
	return r;
}

static uint32_t state(struct world *world)
{
	struct coco_guest_info info;
	struct coco_error error;

	COCO_INIT(&info);
	must(coco_guest_get_info(world->guest, &info, &error), "info", &error);
	return info.state;
}

static void inject(struct world *world, unsigned nth, bool sticky)
{
	faulty_set(world->faulty, nth, errnos[nth % ERRNOS], sticky);
}

static bool lift(struct world *world)
{
	const bool struck = faulty_struck(world->faulty);

	snprintf(where, sizeof(where), "%s", faulty_what(world->faulty));
	faulty_set(world->faulty, 0, 0, false);
	points += struck;
	return struck;
}

/* One incarnation, and nothing beside it. */
static void expect_running(struct world *world, unsigned vms)
{
	expect(state(world) == COCO_STATE_RUNNABLE, "is not runnable");
	/* Of two VMs that were created on the same number, the second has no folder. */
	expect(count_vms() <= vms + 1, "there is more than one VM");
	expect(count_entries("/proc/self/fd") == world->fds, "descriptors have leaked");
}

/* Every fault of a reset, from the first call on; the guest goes from one to the next. */
static void fail_resets(struct world *world, uint32_t strategy, bool sticky, unsigned vms)
{
	struct coco_error error;
	bool struck = true;

	for (unsigned nth = 1; struck; nth++) {
		int rc;

		*world->free_memory = 0x5e;
		inject(world, nth, sticky);
		rc = reset(world, strategy, &error);
		struck = lift(world);
		if (rc) {
			const uint32_t now = state(world);

			expect(struck && error.code == rc && *error.text,
			       "an error without a text");
			expect(now == COCO_STATE_DOWN || (now == COCO_STATE_PARKED &&
							  strategy != COCO_STRATEGY_SEQUENTIAL),
			       "is in a state that the strategy has not");
			expect(now == COCO_STATE_DOWN || *world->free_memory == 0x5e,
			       "the old life has lost its memory");
			must(reset(world, strategy, &error), "the second try", &error);
		}
		expect(*world->free_memory == 0, "memory of the old life is left");
		expect_running(world, vms);
	}
}

static void fail_launches(uint32_t tech, bool sticky, unsigned vms)
{
	bool struck = true;

	for (unsigned nth = 1; struck; nth++) {
		struct world world;
		struct coco_error error;

		start(&world, tech);
		inject(&world, nth, sticky);
		if (coco_guest_launch(world.guest, &error)) {
			lift(&world);
			must(coco_guest_launch(world.guest, &error), "the second try", &error);
		} else {
			struck = lift(&world);
		}
		expect(state(&world) == COCO_STATE_RUNNABLE, "is not runnable");
		end(&world);
		expect(count_vms() == vms, "a VM is left");
	}
}

static void fail_teardowns(uint32_t tech, bool sticky, unsigned vms)
{
	bool struck = true;

	for (unsigned nth = 1; struck; nth++) {
		struct world world;
		struct coco_error error;

		start(&world, tech);
		must(coco_guest_launch(world.guest, &error), "a launch", &error);
		inject(&world, nth, sticky);
		if (coco_guest_teardown(world.guest, &error)) {
			lift(&world);
			must(coco_guest_teardown(world.guest, &error), "the second try", &error);
		} else {
			struck = lift(&world);
		}
		expect(state(&world) == COCO_STATE_DEAD, "is not dead");
		expect(count_vms() == vms, "a VM is left");
		end(&world);
	}
}

int main(int argc, char **argv)
{
	const uint32_t tech = coco_tech_from_name(argc > 1 ? argv[1] : "");
	const unsigned vms = count_vms();

	if (!tech || !vms) {
		printf("usage: faults TECHNOLOGY, where debugfs is mounted\n");
		return 2;
	}
	for (int sticky = 0; sticky < 2; sticky++) {
		fail_launches(tech, sticky, vms);
		fail_teardowns(tech, sticky, vms);
		for (uint32_t s = COCO_STRATEGY_OVERLAP; s <= COCO_STRATEGY_AUTO; s++) {
			struct world world;
			struct coco_error error;

			start(&world, tech);
			must(coco_guest_launch(world.guest, &error), "a launch", &error);
			must(reset(&world, COCO_STRATEGY_OVERLAP, &error), "a reset", &error);
			world.fds = count_entries("/proc/self/fd");
			fail_resets(&world, s, sticky, vms);
			end(&world);
		}
	}
	printf("%u faults\n", points);
	return 0;
}
