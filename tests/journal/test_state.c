/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Is it state that the journal keeps, and not history? What is taken away, replaced, refused or
 * closed must not come back; what only KVM can tell apart must be told apart.
 */
#include "rows.h"
#include "snapshot.h"

#include "core/guest.h"
#include "journal/payload.h"
#include "journal/rules.h"
#include "kvm/seam.h"
#include "sim/sim.h"
#include "sim/vm.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define IRQFD_PAIRS 1000000

static struct rig rig;

static void both_resets(void)
{
	rig_reset(&rig, COCO_STRATEGY_SEQUENTIAL);
	rig_reset(&rig, COCO_STRATEGY_OVERLAP);
}

static void expect_unchanged_by_resets(char *before, const char *what)
{
	both_resets();
	snapshot_expect_same(before, snapshot_take(&rig), what);
}

static void irqfd(int fd, uint32_t gsi, uint32_t flags)
{
	const struct kvm_irqfd irqfd = {.fd = (uint32_t)fd, .gsi = gsi, .flags = flags};

	rig_vm(&rig, KVM_IRQFD, &irqfd);
}

static struct kvm_ioeventfd ioeventfd_at(int fd, uint64_t address, uint32_t flags)
{
	return (struct kvm_ioeventfd){
		.fd = fd, .addr = address, .len = 4, .datamatch = 1, .flags = flags};
}

static void ioeventfd(int fd, uint64_t address, uint32_t flags)
{
	const struct kvm_ioeventfd ioeventfd = ioeventfd_at(fd, address, flags);

	rig_vm(&rig, KVM_IOEVENTFD, &ioeventfd);
}

static void cap(uint32_t number, uint64_t value)
{
	const struct kvm_enable_cap cap = {.cap = number, .args = {value}};

	rig_vm(&rig, KVM_ENABLE_CAP, &cap);
}

/* ---- eventfds */

START_TEST(an_irqfd_that_was_taken_off_stays_off)
{
	const int fd = rig_eventfd(), other = rig_eventfd();
	const int again = fcntl(other, F_DUPFD_CLOEXEC, 0);
	char *bare;

	rig_launch(&rig);
	bare = snapshot_take(&rig);
	irqfd(fd, 5, 0);
	irqfd(other, 6, 0);
	ck_assert_uint_eq(rig.guest->journal.count, 2);
	irqfd(fd, 5, KVM_IRQFD_FLAG_DEASSIGN);
	/* By another number of the same eventfd. */
	irqfd(again, 6, KVM_IRQFD_FLAG_DEASSIGN);
	ck_assert_uint_eq(rig.guest->journal.count, 0);
	expect_unchanged_by_resets(bare, "taken off");
	rig_end(&rig);
	close(fd);
	close(other);
	close(again);
}
END_TEST

START_TEST(a_closed_eventfd_is_gone_whoever_has_its_number)
{
	const int fd = rig_eventfd(), keeper = rig_eventfd();
	char *before;
	int reused;

	rig_launch(&rig);
	irqfd(keeper, 4, 0);
	before = snapshot_take(&rig);
	irqfd(fd, 5, 0);
	close(fd);
	/* The kernel gives it the same number, and the same id. */
	reused = rig_eventfd();
	ck_assert_int_eq(reused, fd);
	expect_unchanged_by_resets(before, "closed");
	ck_assert_uint_eq(rig_account(&rig).irqfds, 1);
	rig_end(&rig);
	close(keeper);
	close(reused);
}
END_TEST

START_TEST(an_eventfd_with_a_closed_ones_number_is_another)
{
	int fd = rig_eventfd();

	rig_launch(&rig);
	for (uint32_t i = 0; i < 100; i++) {
		irqfd(fd, i % 24, 0);
		close(fd);
		ck_assert_int_eq(rig_eventfd(), fd);
	}
	irqfd(fd, 3, 0);
	ck_assert_uint_eq(rig.guest->journal.count, 1);
	expect_unchanged_by_resets(snapshot_take(&rig), "the last of many");
	ck_assert_uint_eq(rig_account(&rig).irqfds, 1);
	rig_end(&rig);
	close(fd);
}
END_TEST

START_TEST(a_resamplefd_may_be_closed)
{
	const int fd = rig_eventfd(), resample = rig_eventfd();
	const struct kvm_irqfd with = {.fd = (uint32_t)fd,
				       .gsi = 5,
				       .flags = KVM_IRQFD_FLAG_RESAMPLE,
				       .resamplefd = (uint32_t)resample};
	const struct kvm_irqfd off = {
		.fd = (uint32_t)fd, .gsi = 5, .flags = KVM_IRQFD_FLAG_DEASSIGN};
	char *bare;

	rig_launch(&rig);
	bare = snapshot_take(&rig);
	rig_vm(&rig, KVM_IRQFD, &with);
	close(resample);
	expect_unchanged_by_resets(snapshot_take(&rig), "with a resamplefd");
	rig_vm(&rig, KVM_IRQFD, &off);
	expect_unchanged_by_resets(bare, "without it");
	rig_end(&rig);
	close(fd);
}
END_TEST

START_TEST(ioeventfds_are_told_apart_as_kvm_does)
{
	const uint32_t match = KVM_IOEVENTFD_FLAG_DATAMATCH, off = KVM_IOEVENTFD_FLAG_DEASSIGN;
	const int one = rig_eventfd(), other = rig_eventfd();
	const int again = fcntl(one, F_DUPFD_CLOEXEC, 0);
	struct kvm_ioeventfd second = ioeventfd_at(other, 0x1000, match);
	char *before;

	second.datamatch = 2;
	rig_launch(&rig);
	ioeventfd(one, 0x1000, match);
	rig_vm(&rig, KVM_IOEVENTFD, &second);
	before = snapshot_take(&rig);
	ioeventfd(one, 0x2000, 0);
	ioeventfd(one, 0x2000, KVM_IOEVENTFD_FLAG_PIO);
	ck_assert_uint_eq(rig.guest->journal.count, 4);
	expect_unchanged_by_resets(snapshot_take(&rig), "four of them");
	close(one);
	/* KVM holds it, whoever closes it. */
	expect_unchanged_by_resets(snapshot_take(&rig), "closed");
	ioeventfd(again, 0x2000, off);
	ioeventfd(again, 0x2000, off | KVM_IOEVENTFD_FLAG_PIO);
	ck_assert_uint_eq(rig.guest->journal.count, 2);
	expect_unchanged_by_resets(before, "two of them");
	rig_end(&rig);
	close(other);
	close(again);
}
END_TEST

/* The journal alone: no kernel is asked. */
START_TEST(a_million_pairs_leave_it_as_it_was)
{
	const int fd = rig_eventfd();
	struct kvm_irqfd irqfd = {.fd = (uint32_t)fd};
	struct coco_journal journal;
	struct coco_change change;
	struct coco_error error;

	coco_journal_init(&journal, COCO_SCOPE_VM, NULL);
	for (uint32_t i = 0; i < 2 * IRQFD_PAIRS; i++) {
		irqfd.gsi = i / 2 % 64;
		irqfd.flags = i % 2 ? KVM_IRQFD_FLAG_DEASSIGN : 0;
		if (coco_journal_prepare(&journal, KVM_IRQFD, (uintptr_t)&irqfd, false, &change,
					 &error))
			ck_abort_msg("%s", error.text);
		coco_journal_commit(&journal, &change, 0);
		if (journal.count > 1)
			ck_abort_msg("%u entries", journal.count);
	}
	ck_assert_uint_eq(journal.count, 0);
	coco_journal_release(&journal);
	close(fd);
}
END_TEST

/* ---- what gathers, and what replaces */

START_TEST(bits_of_capabilities_gather)
{
	rig_init(&rig);
	rig.options.irqchip = COCO_IRQCHIP_SPLIT;
	rig_guest(&rig);
	cap(KVM_CAP_X86_DISABLE_EXITS, 1);
	cap(KVM_CAP_X86_DISABLE_EXITS, 2);
	expect_ok(coco_guest_launch(rig.guest, &rig.error), &rig.error);
	cap(KVM_CAP_DISABLE_QUIRKS, 1);
	cap(KVM_CAP_DISABLE_QUIRKS, 8);
	cap(KVM_CAP_DISABLE_QUIRKS2, 2);
	/* The last of two that are about one thing. */
	cap(KVM_CAP_X2APIC_API, 4);
	cap(KVM_CAP_X2APIC_API, 1);
	cap(KVM_CAP_X2APIC_API, 8);
	/* Can't be switched off again. */
	cap(KVM_CAP_X86_BUS_LOCK_EXIT, 2);
	cap(KVM_CAP_X86_BUS_LOCK_EXIT, 1);
	expect_unchanged_by_resets(snapshot_take(&rig), "gathered");
	cap(KVM_CAP_X2APIC_API, 4);
	expect_unchanged_by_resets(snapshot_take(&rig), "the other one");
	rig_end(&rig);
}
END_TEST

START_TEST(a_filter_is_replaced_and_taken_off)
{
	static uint8_t bits[8];
	const struct kvm_msr_filter one = {
		.ranges = {{.flags = 1, .nmsrs = 64, .base = 0x10, .bitmap = bits},
			   {.flags = 2, .nmsrs = 3, .base = 0x100, .bitmap = bits}}};
	const struct kvm_msr_filter other = {
		.flags = KVM_MSR_FILTER_DEFAULT_DENY,
		.ranges = {{.flags = 3, .nmsrs = 1, .base = 0x20, .bitmap = bits}}};
	const struct kvm_msr_filter none = {0};
	char *bare;

	rig_launch(&rig);
	bare = snapshot_take(&rig);
	rig_vm(&rig, KVM_X86_SET_MSR_FILTER, &one);
	expect_unchanged_by_resets(snapshot_take(&rig), "one");
	rig_vm(&rig, KVM_X86_SET_MSR_FILTER, &other);
	expect_unchanged_by_resets(snapshot_take(&rig), "the other");
	rig_vm(&rig, KVM_X86_SET_MSR_FILTER, &none);
	ck_assert_uint_eq(rig.guest->journal.count, 0);
	expect_unchanged_by_resets(bare, "none");
	rig_end(&rig);
}
END_TEST

START_TEST(zones_go_with_what_they_contain)
{
	const struct kvm_coalesced_mmio_zone outer = {.addr = 0x1000, .size = 0x100};
	const struct kvm_coalesced_mmio_zone inner = {.addr = 0x1010, .size = 0x10};
	const struct kvm_coalesced_mmio_zone port = {.addr = 0x1010, .size = 0x10, .pio = 1};
	const struct kvm_coalesced_mmio_zone apart = {.addr = 0x3000, .size = 8};
	char *before;

	rig_launch(&rig);
	rig_vm(&rig, KVM_REGISTER_COALESCED_MMIO, &port);
	rig_vm(&rig, KVM_REGISTER_COALESCED_MMIO, &apart);
	before = snapshot_take(&rig);
	rig_vm(&rig, KVM_REGISTER_COALESCED_MMIO, &outer);
	rig_vm(&rig, KVM_REGISTER_COALESCED_MMIO, &inner);
	rig_vm(&rig, KVM_REGISTER_COALESCED_MMIO, &inner);
	expect_unchanged_by_resets(snapshot_take(&rig), "all");
	rig_vm(&rig, KVM_UNREGISTER_COALESCED_MMIO, &inner);
	expect_unchanged_by_resets(before, "those that contain it are gone");
	rig_end(&rig);
}
END_TEST

START_TEST(slots_move_and_go)
{
	struct kvm_userspace_memory_region slot = {
		.slot = 7, .guest_phys_addr = 0x80000000, .memory_size = 0x1000};
	char *bare;

	rig_launch(&rig);
	bare = snapshot_take(&rig);
	slot.userspace_addr = (uintptr_t)rig.memory;
	rig_vm(&rig, KVM_SET_USER_MEMORY_REGION, &slot);
	slot.guest_phys_addr = 0x90000000;
	rig_vm(&rig, KVM_SET_USER_MEMORY_REGION, &slot);
	expect_unchanged_by_resets(snapshot_take(&rig), "moved");
	slot.memory_size = 0;
	rig_vm(&rig, KVM_SET_USER_MEMORY_REGION, &slot);
	expect_unchanged_by_resets(bare, "deleted");
	slot.slot = 0;
	expect_error(
		coco_vm_ioctl(rig.guest, KVM_SET_USER_MEMORY_REGION, (uintptr_t)&slot, &rig.error),
		&rig.error, -EPERM, "slot");
	rig_end(&rig);
}
END_TEST

START_TEST(xen_channels_come_update_and_go)
{
	struct kvm_xen_hvm_attr attr = {.type = KVM_XEN_ATTR_TYPE_EVTCHN};
	const int fd = rig_eventfd();
	char *bare;

	rig_launch(&rig);
	bare = snapshot_take(&rig);
	attr.u.evtchn.send_port = 3;
	attr.u.evtchn.type = 1; /* interdomain */
	attr.u.evtchn.deliver.port.port = 9;
	rig_vm(&rig, KVM_XEN_HVM_SET_ATTR, &attr);
	attr.u.evtchn.flags = KVM_XEN_EVTCHN_UPDATE;
	attr.u.evtchn.deliver.port.vcpu = 1;
	rig_vm(&rig, KVM_XEN_HVM_SET_ATTR, &attr);
	attr.u.evtchn.send_port = 4;
	attr.u.evtchn.flags = 0;
	attr.u.evtchn.deliver.eventfd.port = 0;
	attr.u.evtchn.deliver.eventfd.fd = fd;
	rig_vm(&rig, KVM_XEN_HVM_SET_ATTR, &attr);
	close(fd);
	expect_unchanged_by_resets(snapshot_take(&rig), "two channels");
	attr.u.evtchn.flags = KVM_XEN_EVTCHN_DEASSIGN;
	rig_vm(&rig, KVM_XEN_HVM_SET_ATTR, &attr);
	expect_unchanged_by_resets(snapshot_take(&rig), "one channel");
	attr.u.evtchn.flags = KVM_XEN_EVTCHN_RESET;
	rig_vm(&rig, KVM_XEN_HVM_SET_ATTR, &attr);
	expect_unchanged_by_resets(bare, "none");
	rig_end(&rig);
}
END_TEST

/* Both are about the same registers: the later one counts, in whichever order they came first. */
START_TEST(the_later_of_two_ways_to_say_it_counts)
{
	struct kvm_sregs2 sregs2;
	struct kvm_sregs sregs;

	rig_launch(&rig);
	rig_vcpu(&rig, KVM_GET_SREGS, &sregs);
	rig_vcpu(&rig, KVM_GET_SREGS2, &sregs2);
	sregs.cr2 = 1;
	sregs2.cr2 = 2;
	rig_vcpu(&rig, KVM_SET_SREGS, &sregs);
	rig_vcpu(&rig, KVM_SET_SREGS2, &sregs2);
	expect_unchanged_by_resets(snapshot_take(&rig), "the newer call");
	rig_vcpu(&rig, KVM_SET_SREGS, &sregs);
	expect_unchanged_by_resets(snapshot_take(&rig), "the older call");
	ck_assert_uint_eq(coco_guest_vcpu(rig.guest, 0)->journal.count, 1);
	rig_end(&rig);
}
END_TEST

START_TEST(registers_count_until_the_vcpu_runs)
{
	struct coco_exit exit;
	struct kvm_regs regs;
	char *before;

	rig_launch(&rig);
	rig_vcpu(&rig, KVM_GET_REGS, &regs);
	regs.rbx = 0x1234;
	rig_vcpu(&rig, KVM_SET_REGS, &regs);
	before = snapshot_take(&rig);
	COCO_INIT(&exit);
	expect_ok(coco_vcpu_run(coco_guest_vcpu(rig.guest, 0), &exit, &rig.error), &rig.error);
	ck_assert_uint_eq(exit.kvm_reason, KVM_EXIT_IO);
	rig_vcpu(&rig, KVM_GET_REGS, &regs);
	regs.rbx = 0x5678;
	rig_vcpu(&rig, KVM_SET_REGS, &regs);
	expect_unchanged_by_resets(before, "what it starts with");
	rig_end(&rig);
}
END_TEST

/* ---- what is not kept */

START_TEST(what_kvm_refuses_is_not_kept)
{
	const struct kvm_pit_config pit = {0};
	const int fd = rig_eventfd();
	struct kvm_ioeventfd ioeventfd = ioeventfd_at(fd, 0x1000, 0);
	struct kvm_irqfd irqfd = {.fd = (uint32_t)fd, .gsi = 5, .flags = 1u << 7};

	rig_launch(&rig);
	rig_vm(&rig, KVM_CREATE_PIT2, &pit);
	ck_assert_int_eq(coco_vm_ioctl(rig.guest, KVM_CREATE_PIT2, (uintptr_t)&pit, NULL), -EEXIST);
	ck_assert_int_eq(coco_vm_ioctl(rig.guest, KVM_IRQFD, (uintptr_t)&irqfd, NULL), -EINVAL);
	ioeventfd.flags = KVM_IOEVENTFD_FLAG_DEASSIGN;
	ck_assert_int_eq(coco_vm_ioctl(rig.guest, KVM_IOEVENTFD, (uintptr_t)&ioeventfd, NULL),
			 -ENOENT);
	ck_assert_uint_eq(rig.guest->journal.count, 1);
	expect_unchanged_by_resets(snapshot_take(&rig), "what was taken");
	rig_end(&rig);
	close(fd);
}
END_TEST

START_TEST(more_than_kvm_takes_is_not_even_read)
{
	/* What the numbers promise is not there. */
	struct kvm_irq_routing *routes = calloc(1, sizeof(*routes));
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid));
	struct kvm_msrs *msrs = calloc(1, sizeof(*msrs));
	struct kvm_msr_filter filter = {.ranges = {{.flags = 1, .nmsrs = 1u << 30}}};
	struct coco_vcpu *vcpu;

	rig_launch(&rig);
	vcpu = coco_guest_vcpu(rig.guest, 0);
	ck_assert_ptr_nonnull(routes);
	ck_assert_ptr_nonnull(cpuid);
	ck_assert_ptr_nonnull(msrs);
	routes->nr = 4097;
	cpuid->nent = 257;
	msrs->nmsrs = 256;
	expect_error(coco_vm_ioctl(rig.guest, KVM_SET_GSI_ROUTING, (uintptr_t)routes, &rig.error),
		     &rig.error, -EINVAL, "argument");
	expect_error(coco_vcpu_ioctl(vcpu, KVM_SET_CPUID2, (uintptr_t)cpuid, &rig.error),
		     &rig.error, -E2BIG, "argument");
	expect_error(coco_vcpu_ioctl(vcpu, KVM_SET_MSRS, (uintptr_t)msrs, &rig.error), &rig.error,
		     -E2BIG, "argument");
	expect_error(
		coco_vm_ioctl(rig.guest, KVM_X86_SET_MSR_FILTER, (uintptr_t)&filter, &rig.error),
		&rig.error, -EINVAL, "argument");
	expect_error(coco_vm_ioctl(rig.guest, KVM_IRQFD, 0, &rig.error), &rig.error, -EFAULT,
		     "argument");
	expect_error(coco_vm_ioctl(rig.guest, KVM_ENABLE_CAP, 0, &rig.error), &rig.error, -EFAULT,
		     "argument");
	free(routes);
	free(cpuid);
	free(msrs);
	rig_end(&rig);
}
END_TEST

START_TEST(what_nobody_knows_is_reported_at_once)
{
	const struct kvm_enable_cap unknown = {.cap = 60000};

	rig_launch(&rig);
	/* KVM refuses it: there is nothing to report. */
	ck_assert_int_lt(coco_vm_ioctl(rig.guest, 0xae7fu, 0, NULL), 0);
	ck_assert_int_lt(coco_vm_ioctl(rig.guest, KVM_ENABLE_CAP, (uintptr_t)&unknown, NULL), 0);
	ck_assert_uint_eq(rig.reports, 0);
	/* The simulator takes it. */
	ck_assert_int_ge(
		coco_vcpu_ioctl(coco_guest_vcpu(rig.guest, 0), KVM_GET_REG_LIST,
				(uintptr_t) & (struct { uint64_t n, list[600]; }){.n = 600}, NULL),
		0);
	ck_assert_uint_eq(rig.reports, 1);
	ck_assert_uint_eq(rig.reported, KVM_GET_REG_LIST);
	ck_assert_uint_eq(rig_info(&rig).not_replayed, 1);
	rig_end(&rig);
}
END_TEST

START_TEST(without_a_vm_only_what_can_wait_is_taken)
{
	struct kvm_create_device device = {.type = KVM_DEV_TYPE_VFIO};
	struct kvm_irq_level level = {0};

	rig_init(&rig);
	rig_guest(&rig);
	expect_error(coco_vm_ioctl(rig.guest, KVM_CREATE_DEVICE, (uintptr_t)&device, &rig.error),
		     &rig.error, -EBUSY, "state");
	expect_error(coco_vm_ioctl(rig.guest, KVM_IRQ_LINE, (uintptr_t)&level, &rig.error),
		     &rig.error, -EBUSY, "state");
	expect_error(coco_vm_ioctl(rig.guest, 0xae7fu, 0, &rig.error), &rig.error, -EBUSY, "state");
	ck_assert_int_ge(coco_vm_ioctl(rig.guest, KVM_CHECK_EXTENSION, KVM_CAP_IRQFD, &rig.error),
			 1);
	ck_assert_uint_eq(rig_account(&rig).vms, 0);
	rig_end(&rig);
}
END_TEST

START_TEST(a_record_must_fit_the_recipe)
{
	const struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};
	const struct kvm_enable_cap mirror = {.cap = KVM_CAP_VM_COPY_ENC_CONTEXT_FROM};

	rig_init(&rig);
	rig_guest(&rig);
	expect_ok(coco_vm_record(rig.guest, KVM_CREATE_IRQCHIP, 0, &rig.error), &rig.error);
	expect_ok(coco_vm_record(rig.guest, KVM_CREATE_VCPU, 0, &rig.error), &rig.error);
	expect_error(coco_vm_record(rig.guest, KVM_ENABLE_CAP, (uintptr_t)&split, &rig.error),
		     &rig.error, -EINVAL, "irqchip");
	expect_error(coco_vm_record(rig.guest, KVM_ENABLE_CAP, (uintptr_t)&mirror, &rig.error),
		     &rig.error, -EINVAL, "request");
	expect_error(coco_vm_record(rig.guest, 0xae7fu, 0, &rig.error), &rig.error, -EINVAL,
		     "request");
	expect_error(coco_vm_record(rig.guest, KVM_GET_STATS_FD, 0, &rig.error), &rig.error,
		     -EINVAL, "request");
	ck_assert_uint_eq(rig.guest->journal.count, 0);
	rig_end(&rig);
}
END_TEST

/* ---- devices */

static struct kvm_device_attr vfio_attr(uint64_t attr, int32_t *fd)
{
	return (struct kvm_device_attr){
		.group = KVM_DEV_VFIO_GROUP, .attr = attr, .addr = (uintptr_t)fd};
}

static const struct sim_vm *vm_of(int fd, bool of_vfio)
{
	struct sim_file *file;
	const struct sim_vm *vm;

	pthread_mutex_lock(&rig.sim->lock);
	file = sim_file_get(rig.sim, fd);
	ck_assert_ptr_nonnull(file);
	vm = of_vfio ? sim_vfio_vm(file) : file->vm;
	sim_file_put(file);
	pthread_mutex_unlock(&rig.sim->lock);
	return vm;
}

START_TEST(a_device_keeps_its_number_and_its_files)
{
	const struct coco_platform *platform = coco_sim_get_platform(rig.sim);
	struct kvm_create_device device = {.type = KVM_DEV_TYPE_VFIO};
	struct kvm_device_attr add, del;
	int32_t files[2];
	int stats[2];

	rig_launch(&rig);
	platform = coco_sim_get_platform(rig.sim);
	files[0] = platform->ops->open(platform->context, "/dev/vfio/1");
	files[1] = platform->ops->open(platform->context, "/dev/vfio/2");
	ck_assert_int_ge(files[1], 0);
	rig_vm(&rig, KVM_CREATE_DEVICE, &device);
	stats[0] = rig_vm_value(&rig, KVM_GET_STATS_FD, 0);
	stats[1] = rig_vcpu(&rig, KVM_GET_STATS_FD, NULL);
	for (int i = 0; i < 2; i++) {
		add = vfio_attr(KVM_DEV_VFIO_GROUP_ADD, &files[i]);
		expect_ok(coco_device_ioctl(rig.guest, (int)device.fd, KVM_SET_DEVICE_ATTR,
					    (uintptr_t)&add, &rig.error),
			  &rig.error);
	}
	for (int i = 0; i < 4; i++) {
		const struct sim_vm *vm;

		rig_reset(&rig, i % 2 ? COCO_STRATEGY_OVERLAP : COCO_STRATEGY_SEQUENTIAL);
		vm = vm_of(coco_guest_vm_fd(rig.guest), false);
		ck_assert_ptr_eq(vm_of((int)device.fd, false), vm);
		ck_assert_ptr_eq(vm_of(stats[0], false), vm);
		ck_assert_ptr_eq(vm_of(stats[1], false), vm);
		/* Releasing the old device must not have cleared it. */
		ck_assert_ptr_eq(vm_of(files[0], true), vm);
		ck_assert_ptr_eq(vm_of(files[1], true), i < 2 ? vm : NULL);
		if (i != 1)
			continue;
		del = vfio_attr(KVM_DEV_VFIO_GROUP_DEL, &files[1]);
		expect_ok(coco_device_ioctl(rig.guest, (int)device.fd, KVM_SET_DEVICE_ATTR,
					    (uintptr_t)&del, &rig.error),
			  &rig.error);
	}
	expect_ok(coco_guest_close_device(rig.guest, stats[1], &rig.error), &rig.error);
	expect_error(coco_guest_close_device(rig.guest, stats[1], &rig.error), &rig.error, -EBADF,
		     "fd");
	expect_error(coco_device_ioctl(rig.guest, stats[0], KVM_SET_DEVICE_ATTR, (uintptr_t)&add,
				       &rig.error),
		     &rig.error, -EBADF, "fd");
	both_resets();
	ck_assert_uint_eq(rig_account(&rig).vms, 1);
	platform->ops->close(platform->context, files[0]);
	platform->ops->close(platform->context, files[1]);
	rig_end(&rig);
}
END_TEST

/* ---- technologies */

START_TEST(private_guests_need_their_hypercall)
{
	const struct kvm_enable_cap off = {.cap = KVM_CAP_EXIT_HYPERCALL};

	rig_init(&rig);
	rig.options.tech = COCO_TECH_SWPROTECTED;
	rig_guest(&rig);
	expect_error(coco_vm_ioctl(rig.guest, KVM_ENABLE_CAP, (uintptr_t)&off, &rig.error),
		     &rig.error, -EPERM, "args[0]");
	cap(KVM_CAP_EXIT_HYPERCALL, 1u << UAPI_HC_MAP_GPA_RANGE);
	expect_ok(coco_guest_launch(rig.guest, &rig.error), &rig.error);
	expect_unchanged_by_resets(snapshot_take(&rig), "software-protected");
	rig_end(&rig);
}
END_TEST

/* ---- rows that the simulator does not show: what is replayed is what was told */

struct seen {
	unsigned count;
	unsigned long request;
	uint8_t bytes[64];
};

static int see(void *context, int fd, unsigned long request, uintptr_t argument)
{
	struct seen *seen = context;

	(void)fd;
	seen->count++;
	seen->request = request;
	memcpy(seen->bytes, (const void *)argument, sizeof(seen->bytes));
	return 0;
}

static int dup_fd(void *context, int fd)
{
	(void)context;
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static int close_fd(void *context, int fd)
{
	(void)context;
	return close(fd);
}

START_TEST(what_the_simulator_lacks_is_replayed_as_told)
{
	static const struct coco_platform_ops ops = {
		.ioctl = see, .dup = dup_fd, .close = close_fd};
	const struct row *row = &rows[_i];
	const struct coco_rule *rule;
	struct coco_seam seam = {.ops = &ops};
	struct coco_journal journal;
	struct coco_change change;
	struct coco_error error;
	struct seen seen = {0};
	uint8_t told[512] = {0};

	if (!(row->when & ROW_UNSEEN))
		return;
	memcpy(told, row->argument, row->size);
	seam.context = &seen;
	coco_journal_init(&journal, row->vcpu ? COCO_SCOPE_VCPU : COCO_SCOPE_VM, &seam);
	expect_ok(coco_journal_prepare(&journal, row->request, (uintptr_t)told, false, &change,
				       &error),
		  &error);
	rule = change.rule;
	ck_assert_str_eq(rule->name, row->name);
	coco_journal_commit(&journal, &change, 0);
	for (int at = 0; at < COCO_REPLAY_COUNT; at++)
		expect_ok(coco_journal_replay(&journal, &seam, -1, (enum coco_replay)at, &error),
			  &error);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_uint_eq(seen.request, row->request);
	/* Pointers and descriptors are its own. */
	if (rule->payload == COCO_PAYLOAD_FIXED && rule->fd == COCO_RULE_FD_NONE)
		ck_assert_mem_eq(seen.bytes, told, row->size < 64 ? row->size : 64);
	coco_journal_release(&journal);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		an_irqfd_that_was_taken_off_stays_off,
		a_closed_eventfd_is_gone_whoever_has_its_number,
		an_eventfd_with_a_closed_ones_number_is_another,
		a_resamplefd_may_be_closed,
		ioeventfds_are_told_apart_as_kvm_does,
		a_million_pairs_leave_it_as_it_was,
		bits_of_capabilities_gather,
		a_filter_is_replaced_and_taken_off,
		zones_go_with_what_they_contain,
		slots_move_and_go,
		xen_channels_come_update_and_go,
		the_later_of_two_ways_to_say_it_counts,
		registers_count_until_the_vcpu_runs,
		what_kvm_refuses_is_not_kept,
		more_than_kvm_takes_is_not_even_read,
		what_nobody_knows_is_reported_at_once,
		without_a_vm_only_what_can_wait_is_taken,
		a_record_must_fit_the_recipe,
		a_device_keeps_its_number_and_its_files,
		private_guests_need_their_hypercall,
		NULL,
	};
	Suite *suite = expect_suite("journal state", tests);
	TCase *unseen = tcase_create("unseen");

	tcase_add_loop_test(unseen, what_the_simulator_lacks_is_replayed_as_told, 0,
			    (int)row_count);
	suite_add_tcase(suite, unseen);
	return expect_run(suite);
}
