/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Each call of an overlapping reset fails once, of a guest whose VMM has irqfds, ioeventfds, routes
 * and a VFIO device. Does the old VM have all of that again, or, if the guest is down, the next
 * one?
 */
#include "rig.h"
#include "snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_CALLS 4096u

static struct rig rig;
static int events[4];
static int32_t vfio;

static struct {
	bool on;
	unsigned count;
	const char *names[MAX_CALLS];
} calls;

/* Names of calls are literals of the simulator's. */
static void note(void *payload, const char *call, int fd, int result)
{
	(void)payload;
	(void)fd;
	(void)result;
	if (calls.on && calls.count < MAX_CALLS)
		calls.names[calls.count++] = call;
}

static void set_up(void)
{
	const struct coco_platform *platform;
	struct kvm_create_device device = {.type = KVM_DEV_TYPE_VFIO};
	struct kvm_device_attr attr = {.group = KVM_DEV_VFIO_GROUP,
				       .attr = KVM_DEV_VFIO_GROUP_ADD,
				       .addr = (uintptr_t)&vfio};

	rig_init(&rig);
	rig.options.vcpus = 1;
	rig_guest(&rig);
	expect_ok(coco_guest_launch(rig.guest, &rig.error), &rig.error);
	for (uint32_t i = 0; i < 3; i++) {
		struct kvm_irqfd irqfd = {.gsi = 4 + i};

		events[i] = rig_eventfd();
		irqfd.fd = (uint32_t)events[i];
		rig_vm(&rig, KVM_IRQFD, &irqfd);
	}
	events[3] = rig_eventfd();
	rig_vm(&rig, KVM_IOEVENTFD,
	       &(struct kvm_ioeventfd){.fd = events[3], .addr = 0xe0000000, .len = 4});
	platform = coco_sim_get_platform(rig.sim);
	vfio = platform->ops->open(platform->context, "/dev/vfio/7");
	ck_assert_int_ge(vfio, 0);
	rig_vm(&rig, KVM_CREATE_DEVICE, &device);
	expect_ok(coco_device_ioctl(rig.guest, (int)device.fd, KVM_SET_DEVICE_ATTR,
				    (uintptr_t)&attr, &rig.error),
		  &rig.error);
}

static void tear_down(void)
{
	const struct coco_platform *platform = coco_sim_get_platform(rig.sim);

	platform->ops->close(platform->context, vfio);
	rig_end(&rig);
	for (int i = 0; i < 4; i++)
		close(events[i]);
}

static int reset(uint32_t strategy)
{
	struct coco_reset_options options;

	COCO_INIT(&options);
	options.strategy = strategy;
	return coco_guest_reset_with(rig.guest, &options, &rig.error);
}

/* How many calls of that name there were before it. */
static unsigned occurrence(unsigned index)
{
	unsigned nth = 1;

	for (unsigned i = 0; i < index; i++)
		nth += !strcmp(calls.names[i], calls.names[index]);
	return nth;
}

static void fail_at(unsigned index, uint32_t strategy)
{
	char *before, what[96];
	int r;

	set_up();
	before = snapshot_take(&rig);
	snprintf(what, sizeof(what), "%s no. %u", calls.names[index], occurrence(index));
	if (coco_sim_fail(rig.sim, calls.names[index], occurrence(index), 1, -ENOMEM, 0)) {
		free(before);
		tear_down();
		return;
	}
	r = reset(strategy);
	/* Some failures are not the guest's business: a close, a hole that is not punched. */
	if (!r || rig_info(&rig).state == COCO_STATE_PARKED) {
		char *copy = strdup(before);

		ck_assert_ptr_nonnull(copy);
		snapshot_expect_same(copy, snapshot_take(&rig), what);
		ck_assert_uint_eq(rig_account(&rig).irqfds, 3);
	} else {
		ck_assert_uint_eq(rig_info(&rig).state, COCO_STATE_DOWN);
	}
	coco_sim_fail(rig.sim, calls.names[index], 0, 0, -ENOMEM, 0);
	r = reset(strategy);
	ck_assert_msg(!r, "after %s: %s", what, rig.error.text);
	expect_ok(coco_guest_wait_retired(rig.guest, 10000, &rig.error), &rig.error);
	snapshot_expect_same(before, snapshot_take(&rig), what);
	ck_assert_uint_eq(rig_account(&rig).irqfds, 3);
	ck_assert_uint_eq(rig_account(&rig).vms, 1);
	tear_down();
}

static void each_call_fails(uint32_t strategy)
{
	unsigned moves = 0;

	set_up();
	calls.count = 0;
	coco_sim_set_log(rig.sim, note, NULL);
	calls.on = true;
	expect_ok(reset(strategy), &rig.error);
	calls.on = false;
	coco_sim_set_log(rig.sim, NULL, NULL);
	tear_down();
	ck_assert_uint_lt(calls.count, MAX_CALLS);
	for (unsigned i = 0; i < calls.count; i++) {
		moves += !strcmp(calls.names[i], "KVM_IRQFD");
		/* The kernel's close() closes, whatever it returns. */
		if (strcmp(calls.names[i], "close") != 0)
			fail_at(i, strategy);
	}
	/* Off the old VM and onto the new one. */
	ck_assert_uint_eq(moves, strategy == COCO_STRATEGY_OVERLAP ? 6 : 3);
}

START_TEST(overlapping)
{
	each_call_fails(COCO_STRATEGY_OVERLAP);
}
END_TEST

START_TEST(sequential)
{
	each_call_fails(COCO_STRATEGY_SEQUENTIAL);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {overlapping, sequential, NULL};

	return expect_run(expect_suite("journal take-over", tests));
}
