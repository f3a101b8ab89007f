/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Interrupt controllers, routes, irqfds, ioeventfds and coalesced zones:
 * sections 6.2, 7.3, 9.6, 11.5, 11.6. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"
#include "sim/vm_config.h"

#define BAD ((const void *)8) /* an address that nothing is at */

enum irqchip { NONE, SPLIT, FULL };

static void open_with(struct bench *bench, const char *knobs, enum irqchip irqchip)
{
	bench_open(bench, knobs, 0);
	if (irqchip == SPLIT)
		bench_split(bench);
	if (irqchip == FULL)
		bench_irqchip(bench);
}

static struct sim_vm *vm_of(const struct bench *bench)
{
	return bench->sim->vms;
}

/* --- irqfds */

/* Descriptors that rows name: an eventfd, another one, what is no eventfd, what is not open. */
enum fd { EVENT, EVENT2, PIPE, CLOSED };

struct fds {
	int numbers[4];
	int pipe_write;
};

static void open_fds(struct fds *fds)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	fds->numbers[EVENT] = eventfd(0, EFD_NONBLOCK);
	fds->numbers[EVENT2] = eventfd(0, EFD_NONBLOCK);
	fds->numbers[PIPE] = ends[0];
	fds->numbers[CLOSED] = 9999;
	fds->pipe_write = ends[1];
}

static void close_fds(const struct fds *fds)
{
	for (unsigned i = EVENT; i <= PIPE; i++)
		close(fds->numbers[i]);
	close(fds->pipe_write);
}

static const struct irqfd_row {
	const char *row;
	enum irqchip irqchip;
	uint32_t flags;
	enum fd fd, resample;
	int expected;
} irqfd_rows[] = {
	{"9.6 unknown flag", SPLIT, 4, EVENT, EVENT2, -EINVAL},
	{"9.6 unknown flag, deassign", SPLIT, 5, EVENT, EVENT2, -EINVAL},
	{"9.6 no irqchip", NONE, 0, EVENT, EVENT2, -EINVAL},
	{"9.6 no irqchip before the fd", NONE, 0, CLOSED, EVENT2, -EINVAL},
	{"9.6 bad fd", SPLIT, 0, CLOSED, EVENT2, -EBADF},
	{"9.6 not eventfd", SPLIT, 0, PIPE, EVENT2, -EINVAL},
	{"11.5 split", SPLIT, 0, EVENT, EVENT2, 0},
	{"11.5 full", FULL, 0, EVENT, EVENT2, 0},
	{"11.5 RESAMPLE, split", SPLIT, 2, EVENT, EVENT2, -EINVAL},
	{"11.5 RESAMPLE, full", FULL, 2, EVENT, EVENT2, 0},
	{"9.6 resamplefd bad", FULL, 2, EVENT, CLOSED, -EBADF},
	{"9.6 resamplefd not eventfd", FULL, 2, EVENT, PIPE, -EINVAL},
	{"9.6 fd before resamplefd", FULL, 2, PIPE, CLOSED, -EINVAL},
	{"9.6 deassign needs no irqchip", NONE, 1, EVENT, EVENT2, 0},
	{"9.6 deassign, bad fd", SPLIT, 1, CLOSED, EVENT2, -EBADF},
	{"9.6 deassign, not eventfd", SPLIT, 1, PIPE, EVENT2, -EINVAL},
	{"9.6 deassign of absent", SPLIT, 1, EVENT, EVENT2, 0},
};

START_TEST(irqfds_are_checked_in_the_kernels_order)
{
	const struct irqfd_row *row = &irqfd_rows[_i];
	struct kvm_irqfd args = {.gsi = 5, .flags = row->flags};
	struct bench bench;
	struct fds fds;
	int r;

	open_with(&bench, "all", row->irqchip);
	open_fds(&fds);
	args.fd = (uint32_t)fds.numbers[row->fd];
	args.resamplefd = (uint32_t)fds.numbers[row->resample];
	r = bench_ioctl(&bench, bench.vm, KVM_IRQFD, &args);
	ck_assert_msg(r == row->expected, "%s: %d", row->row, r);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_IRQFD, BAD), -EFAULT);
	close_fds(&fds);
	bench_close(&bench);
}
END_TEST

static int assign_on(struct bench *bench, int vm, int fd, uint32_t gsi, uint32_t flags)
{
	const struct kvm_irqfd args = {.fd = (uint32_t)fd, .gsi = gsi, .flags = flags};

	return bench_ioctl(bench, vm, KVM_IRQFD, &args);
}

/* 7.3: one irqfd per eventfd on the host, until the other VM's last descriptor is closed. */
START_TEST(an_eventfd_has_one_irqfd_on_the_host)
{
	const bool shared = _i;
	int fd = eventfd(0, EFD_NONBLOCK), copy = dup(fd), other, vcpu;
	struct bench bench;

	open_with(&bench, shared ? "all:irqfd_shared=1" : "all", SPLIT);
	other = bench.vm;
	ck_assert_int_eq(assign_on(&bench, other, fd, 5, 0), 0);
	/* Neither another GSI nor another descriptor makes it another eventfd. */
	ck_assert_int_eq(assign_on(&bench, other, fd, 6, 0), -EBUSY);
	ck_assert_int_eq(assign_on(&bench, other, copy, 5, 0), -EBUSY);
	vcpu = bench_vcpu(&bench, 0);
	bench.vm = bench_vm(&bench, 0);
	bench_split(&bench);
	ck_assert_int_eq(assign_on(&bench, bench.vm, fd, 5, 0), shared ? 0 : -EBUSY);
	/* The old VM lives on by its vCPU, but its irqfds do not. */
	ck_assert_int_eq(bench_close_fd(&bench, other), 0);
	ck_assert_uint_eq(bench_account(&bench).vms, 2);
	ck_assert_int_eq(assign_on(&bench, bench.vm, fd, 5, 0), shared ? -EBUSY : 0);
	ck_assert_uint_eq(bench_account(&bench).irqfds, 1);
	ck_assert_int_eq(bench_close_fd(&bench, vcpu), 0);
	close(fd);
	close(copy);
	bench_close(&bench);
}
END_TEST

/* 7.3: the last close of the eventfd takes the irqfd away; a duplicate keeps it. */
START_TEST(an_irqfd_goes_with_its_eventfd)
{
	int fd = eventfd(0, EFD_NONBLOCK), copy = dup(fd);
	struct bench bench;

	open_with(&bench, "all", SPLIT);
	ck_assert_int_eq(assign_on(&bench, bench.vm, fd, 5, 0), 0);
	close(fd);
	ck_assert_uint_eq(bench_account(&bench).irqfds, 1);
	close(copy);
	ck_assert_uint_eq(bench_account(&bench).irqfds, 0);
	bench_close(&bench);
}
END_TEST

/* Deassigning is by eventfd and GSI, whatever the descriptor; assigning again works. */
START_TEST(an_irqfd_is_deassigned_by_eventfd_and_gsi)
{
	int fd = eventfd(0, EFD_NONBLOCK), copy = dup(fd);
	struct bench bench;

	open_with(&bench, "all", SPLIT);
	ck_assert_int_eq(assign_on(&bench, bench.vm, fd, 5, 0), 0);
	ck_assert_int_eq(assign_on(&bench, bench.vm, fd, 6, KVM_IRQFD_FLAG_DEASSIGN), 0);
	ck_assert_uint_eq(bench_account(&bench).irqfds, 1);
	close(fd);
	ck_assert_int_eq(assign_on(&bench, bench.vm, copy, 5, KVM_IRQFD_FLAG_DEASSIGN), 0);
	ck_assert_uint_eq(bench_account(&bench).irqfds, 0);
	/* The number is the same eventfd's once more. */
	ck_assert_int_eq(dup2(copy, fd), fd);
	ck_assert_int_eq(assign_on(&bench, bench.vm, fd, 5, 0), 0);
	ck_assert_uint_eq(bench_account(&bench).irqfds, 1);
	close(fd);
	close(copy);
	bench_close(&bench);
}
END_TEST

static unsigned delivered, last_gsi;

static void count_delivery(struct sim_vm *vm, uint32_t gsi,
			   const struct kvm_irq_routing_entry *route, int level)
{
	(void)vm;
	(void)route;
	delivered += level != 0;
	last_gsi = gsi;
}

static int route_msi(struct bench *bench, uint32_t gsi)
{
	struct {
		struct kvm_irq_routing header;
		struct kvm_irq_routing_entry entry;
	} routes = {{.nr = 1}, {.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI}};

	routes.entry.u.msi.address_lo = 0xfee00000;
	routes.entry.u.msi.data = 0x41;
	return bench_ioctl(bench, bench->vm, KVM_SET_GSI_ROUTING, &routes);
}

/* 11.6: a count that is there at assign time injects once; without a route it is swallowed. */
START_TEST(signalled_irqfds_are_delivered_by_their_routes)
{
	int fd = eventfd(1, EFD_NONBLOCK);
	uint64_t count;
	struct bench bench;

	open_with(&bench, "all", SPLIT);
	delivered = 0;
	ck_assert_int_eq(route_msi(&bench, 5), 0);
	ck_assert_int_eq(assign_on(&bench, bench.vm, fd, 5, 0), 0);
	sim_irqfd_poll(vm_of(&bench), count_delivery);
	ck_assert_uint_eq(delivered, 1);
	ck_assert_uint_eq(last_gsi, 5);
	sim_irqfd_poll(vm_of(&bench), count_delivery);
	ck_assert_uint_eq(delivered, 1);
	ck_assert_int_eq(eventfd_write(fd, 3), 0);
	sim_irqfd_poll(vm_of(&bench), count_delivery);
	ck_assert_uint_eq(delivered, 2);
	/* KVM takes the count out. */
	ck_assert_int_eq(eventfd_read(fd, &count), -1);
	ck_assert_int_eq(route_msi(&bench, 6), 0);
	ck_assert_int_eq(eventfd_write(fd, 1), 0);
	sim_irqfd_poll(vm_of(&bench), count_delivery);
	ck_assert_uint_eq(delivered, 2);
	close(fd);
	bench_close(&bench);
}
END_TEST

START_TEST(an_acknowledged_interrupt_signals_its_resamplefd)
{
	int fd = eventfd(0, EFD_NONBLOCK), resample = eventfd(0, EFD_NONBLOCK);
	struct kvm_irqfd args = {.fd = (uint32_t)fd,
				 .gsi = 10,
				 .flags = KVM_IRQFD_FLAG_RESAMPLE,
				 .resamplefd = (uint32_t)resample};
	uint64_t count;
	struct bench bench;

	open_with(&bench, "all", FULL);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_IRQFD, &args), 0);
	sim_irqfd_acknowledge(vm_of(&bench), 11);
	ck_assert_int_eq(eventfd_read(resample, &count), -1);
	sim_irqfd_acknowledge(vm_of(&bench), 10);
	ck_assert_int_eq(eventfd_read(resample, &count), 0);
	close(fd);
	close(resample);
	bench_close(&bench);
}
END_TEST

/* --- ioeventfds, on a VM that has one of 4 bytes at 0x1000 for data 7, and one of any length at
 * 0x2000 */

static const struct io_row {
	const char *row;
	struct kvm_ioeventfd args;
	enum fd fd;
	int expected;
} io_rows[] = {
	{"9.6 len 3", {.addr = 0x5000, .len = 3}, EVENT, -EINVAL},
	{"9.6 addr wraps", {.addr = UINT64_MAX, .len = 4}, EVENT, -EINVAL},
	{"9.6 flags", {.addr = 0x5000, .len = 4, .flags = 0x20}, EVENT, -EINVAL},
	{"9.6 len 0 with DATAMATCH", {.addr = 0x5000, .flags = 1}, EVENT, -EINVAL},
	{"9.6 arguments before fd", {.addr = 0x5000, .len = 3}, CLOSED, -EINVAL},
	{"9.6 bad fd", {.addr = 0x5000, .len = 4}, CLOSED, -EBADF},
	{"9.6 not eventfd", {.addr = 0x5000, .len = 4}, PIPE, -EINVAL},
	{"9.6 fd before EEXIST", {.addr = 0x2000, .len = 4}, CLOSED, -EBADF},
	{"6.2 ok", {.addr = 0x5000, .len = 4}, EVENT, 0},
	{"6.2 same, with other data",
	 {.addr = 0x1000, .len = 4, .flags = 1, .datamatch = 8},
	 EVENT,
	 0},
	{"6.2 same, with the same data",
	 {.addr = 0x1000, .len = 4, .flags = 1, .datamatch = 7},
	 EVENT2,
	 -EEXIST},
	{"6.2 same, wildcard", {.addr = 0x1000, .len = 4}, EVENT, -EEXIST},
	{"6.2 same, another length",
	 {.addr = 0x1000, .len = 2, .flags = 1, .datamatch = 7},
	 EVENT,
	 0},
	{"6.2 same, any length", {.addr = 0x1000}, EVENT, -EEXIST},
	{"6.2 where one of any length is", {.addr = 0x2000, .len = 8, .flags = 1}, EVENT, -EEXIST},
	{"6.2 the other bus", {.addr = 0x2000, .len = 4, .flags = 2}, EVENT, 0},
	{"9.6 deassign", {.addr = 0x1000, .len = 4, .flags = 5, .datamatch = 7}, EVENT, 0},
	{"9.6 deassign: flags are not validated", {.addr = 0x2000, .flags = 0x24}, EVENT, 0},
	{"9.6 deassign: other data",
	 {.addr = 0x1000, .len = 4, .flags = 5, .datamatch = 8},
	 EVENT,
	 -ENOENT},
	{"9.6 deassign: wildcard", {.addr = 0x1000, .len = 4, .flags = 4}, EVENT, -ENOENT},
	{"9.6 deassign: other eventfd", {.addr = 0x2000, .flags = 4}, EVENT2, -ENOENT},
	{"9.6 deassign: other bus", {.addr = 0x2000, .flags = 6}, EVENT, -ENOENT},
	{"9.6 deassign: bad fd", {.addr = 0x2000, .flags = 4}, CLOSED, -EBADF},
};

static int ioeventfd(struct bench *bench, struct kvm_ioeventfd args, int fd)
{
	args.fd = fd;
	return bench_ioctl(bench, bench->vm, KVM_IOEVENTFD, &args);
}

static void add_ioeventfds(struct bench *bench, int fd)
{
	const struct kvm_ioeventfd four = {.addr = 0x1000, .len = 4, .flags = 1, .datamatch = 7};
	const struct kvm_ioeventfd any = {.addr = 0x2000};

	ck_assert_int_eq(ioeventfd(bench, four, fd), 0);
	ck_assert_int_eq(ioeventfd(bench, any, fd), 0);
}

START_TEST(ioeventfds_are_checked_in_the_kernels_order)
{
	struct bench bench;
	struct fds fds;
	int r;

	open_with(&bench, "all", NONE);
	open_fds(&fds);
	add_ioeventfds(&bench, fds.numbers[EVENT]);
	r = ioeventfd(&bench, io_rows[_i].args, fds.numbers[io_rows[_i].fd]);
	ck_assert_msg(r == io_rows[_i].expected, "%s: %d", io_rows[_i].row, r);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_IOEVENTFD, BAD), -EFAULT);
	close_fds(&fds);
	bench_close(&bench);
}
END_TEST

START_TEST(ioeventfds_catch_the_writes_that_they_are_for)
{
	const struct {
		const char *row;
		bool pio;
		uint64_t address;
		uint32_t length;
		uint64_t data;
		bool caught;
	} writes[] = {
		{"its data", false, 0x1000, 4, 7, true},
		{"other data", false, 0x1000, 4, 8, false},
		{"other length", false, 0x1000, 2, 7, false},
		{"other address", false, 0x1004, 4, 7, false},
		{"other bus", true, 0x1000, 4, 7, false},
		{"any length: 1", false, 0x2000, 1, 99, true},
		{"any length: 8", false, 0x2000, 8, 99, true},
	};
	int fd = eventfd(0, EFD_NONBLOCK);
	struct bench bench;

	open_with(&bench, "all", NONE);
	add_ioeventfds(&bench, fd);
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		uint64_t count = 0;
		bool caught = sim_ioeventfd_write(vm_of(&bench), writes[i].pio, writes[i].address,
						  writes[i].length, &writes[i].data);

		ck_assert_msg(caught == writes[i].caught, "%s", writes[i].row);
		(void)eventfd_read(fd, &count);
		ck_assert_msg(count == caught, "%s: counted %lu", writes[i].row,
			      (unsigned long)count);
	}
	close(fd);
	bench_close(&bench);
}
END_TEST

/* 6.2: the bus takes 1000 devices, ioeventfds and zones together. */
START_TEST(a_bus_has_room_for_a_thousand_devices)
{
	const struct kvm_coalesced_mmio_zone zone = {.addr = 0x1000, .size = 0x1000};
	const struct kvm_coalesced_mmio_zone port = {.addr = 0x80, .size = 1, .pio = 1};
	struct kvm_ioeventfd io = {.addr = 0x9000, .len = 4};
	int fd = eventfd(0, EFD_NONBLOCK);
	struct bench bench;

	open_with(&bench, "all", NONE);
	for (unsigned i = 0; i < 999; i++)
		ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_REGISTER_COALESCED_MMIO, &zone),
				 0);
	ck_assert_int_eq(ioeventfd(&bench, io, fd), 0);
	io.addr = 0xa000;
	ck_assert_int_eq(ioeventfd(&bench, io, fd), -ENOSPC);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_REGISTER_COALESCED_MMIO, &zone),
			 -ENOSPC);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_REGISTER_COALESCED_MMIO, &port), 0);
	/* All that contain the range go at once. */
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_UNREGISTER_COALESCED_MMIO, &zone), 0);
	ck_assert_int_eq(ioeventfd(&bench, io, fd), 0);
	close(fd);
	bench_close(&bench);
}
END_TEST

/* --- coalesced zones */

START_TEST(coalesced_zones_are_checked)
{
	const struct kvm_coalesced_mmio_zone bad = {.addr = 0x1000, .size = 8, .pio = 2};
	const struct kvm_coalesced_mmio_zone absent = {.addr = 0x1000, .size = 8};
	struct bench bench;

	open_with(&bench, "all", NONE);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_REGISTER_COALESCED_MMIO, BAD), -EFAULT);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_REGISTER_COALESCED_MMIO, &bad), -EINVAL);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_UNREGISTER_COALESCED_MMIO, &bad),
			 -EINVAL);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_UNREGISTER_COALESCED_MMIO, &absent), 0);
	bench_close(&bench);
}
END_TEST

/* 11.6: 170 entries, one of which stays free; a full ring means an exit. */
START_TEST(the_coalesced_ring_takes_169_writes)
{
	const struct kvm_coalesced_mmio_zone zone = {.addr = 0x1000, .size = 0x10};
	const struct kvm_coalesced_mmio_ring *ring;
	const uint32_t data = 0x12345678;
	unsigned taken = 0;
	struct bench bench;
	uint8_t *run;
	int vcpu, r;

	open_with(&bench, "all", NONE);
	vcpu = bench_vcpu(&bench, 0);
	run = bench_map(&bench, vcpu, 12288, &r);
	ring = (const void *)(run + 8192);
	ck_assert(!sim_coalesced_write(vm_of(&bench), false, 0x1000, 4, &data));
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_REGISTER_COALESCED_MMIO, &zone), 0);
	ck_assert(!sim_coalesced_write(vm_of(&bench), false, 0x100e, 4, &data));
	ck_assert(!sim_coalesced_write(vm_of(&bench), true, 0x1000, 4, &data));
	while (taken < 1000 && sim_coalesced_write(vm_of(&bench), false, 0x1004, 4, &data))
		taken++;
	ck_assert_uint_eq(taken, 169);
	ck_assert_uint_eq(ring->last, 169);
	ck_assert_uint_eq(ring->coalesced_mmio[168].phys_addr, 0x1004);
	ck_assert_uint_eq(ring->coalesced_mmio[168].len, 4);
	ck_assert_int_eq(memcmp(ring->coalesced_mmio[168].data, &data, 4), 0);
	bench_unmap(&bench, run, 12288);
	ck_assert_int_eq(bench_close_fd(&bench, vcpu), 0);
	bench_close(&bench);
}
END_TEST

/* --- routes */

struct routes {
	struct kvm_irq_routing header;
	struct kvm_irq_routing_entry entries[2];
};

#define CHIP(g, chip, p)                                                                           \
	{                                                                                          \
		.gsi = (g), .type = KVM_IRQ_ROUTING_IRQCHIP,                                       \
		.u = {.irqchip = {.irqchip = (chip), .pin = (p)} }                                 \
	}
#define MSI(g, f)                                                                                  \
	{                                                                                          \
		.gsi = (g), .type = KVM_IRQ_ROUTING_MSI, .flags = (f)                              \
	}

static const struct {
	const char *row;
	enum irqchip irqchip;
	struct routes routes;
	int expected;
} route_rows[] = {
	{"9.6 no irqchip", NONE, {{.nr = 1}, {MSI(1, 0)}}, -EINVAL},
	{"9.6 nr > 4096", SPLIT, {{.nr = 4097}, {MSI(1, 0)}}, -EINVAL},
	{"9.6 flags", SPLIT, {{.nr = 1, .flags = 1}, {MSI(1, 0)}}, -EINVAL},
	{"9.6 gsi 4096", SPLIT, {{.nr = 1}, {MSI(4096, 0)}}, -EINVAL},
	{"9.6 gsi 4095", SPLIT, {{.nr = 1}, {MSI(4095, 0)}}, 0},
	{"9.6 empty table", SPLIT, {{.nr = 0}, {MSI(0, 0)}}, 0},
	{"9.6 entry: MSI with a device id", SPLIT, {{.nr = 1}, {MSI(1, 1)}}, 0},
	{"9.6 entry: MSI with another flag", SPLIT, {{.nr = 1}, {MSI(1, 2)}}, -EINVAL},
	{"9.6 entry: unknown type", SPLIT, {{.nr = 1}, {{.gsi = 1, .type = 9}}}, -EINVAL},
	{"11.5 IRQCHIP on split", SPLIT, {{.nr = 1}, {CHIP(1, 2, 1)}}, -EINVAL},
	{"11.5 IRQCHIP on full", FULL, {{.nr = 1}, {CHIP(1, 2, 1)}}, 0},
	{"11.5 IOAPIC pin 24", FULL, {{.nr = 1}, {CHIP(1, 2, 24)}}, -EINVAL},
	{"11.5 PIC pin 8", FULL, {{.nr = 1}, {CHIP(1, 0, 8)}}, -EINVAL},
	{"11.5 chip 3", FULL, {{.nr = 1}, {CHIP(1, 3, 0)}}, -EINVAL},
	{"11.5 two chips at a GSI", FULL, {{.nr = 2}, {CHIP(1, 2, 1), CHIP(1, 0, 1)}}, 0},
	{"11.5 one chip twice", FULL, {{.nr = 2}, {CHIP(1, 2, 1), CHIP(1, 2, 2)}}, -EINVAL},
	{"11.5 MSI twice", SPLIT, {{.nr = 2}, {MSI(1, 0), MSI(1, 0)}}, -EINVAL},
	{"11.5 MSI after IRQCHIP", FULL, {{.nr = 2}, {CHIP(1, 2, 1), MSI(1, 0)}}, -EINVAL},
	{"11.5 HV_SINT", SPLIT, {{.nr = 1}, {{.gsi = 1, .type = KVM_IRQ_ROUTING_HV_SINT}}}, 0},
	{"11.5 XEN, no priority of two levels",
	 SPLIT,
	 {{.nr = 1}, {{.gsi = 1, .type = KVM_IRQ_ROUTING_XEN_EVTCHN}}},
	 -EINVAL},
};

START_TEST(routes_are_checked_and_a_failed_table_leaves_the_old)
{
	struct bench bench;
	uint32_t before;
	int r;

	open_with(&bench, "all", route_rows[_i].irqchip);
	if (route_rows[_i].irqchip == SPLIT)
		ck_assert_int_eq(route_msi(&bench, 77), 0);
	before = vm_of(&bench)->config->route_count;
	r = bench_ioctl(&bench, bench.vm, KVM_SET_GSI_ROUTING, &route_rows[_i].routes);
	ck_assert_msg(r == route_rows[_i].expected, "%s: %d", route_rows[_i].row, r);
	ck_assert_uint_eq(vm_of(&bench)->config->route_count,
			  r ? before : route_rows[_i].routes.header.nr);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_SET_GSI_ROUTING, BAD), -EFAULT);
	bench_close(&bench);
}
END_TEST

/* --- controllers and timer: what they want before them */

enum step {
	IRQCHIP,
	SPLIT_CAP,
	VCPU,
	PIT,
	PIT2,
	GET_CHIP,
	SET_CHIP,
	GET_PIT2,
	SET_PIT2,
	REINJECT,
	IRQ_LINE,
	LINE_STATUS,
	MSI_SIGNAL,
	NO_STEP
};

static const struct {
	const char *row;
	enum step steps[3];
	int expected; /* of the last one; the others succeed */
} order_rows[] = {
	{"6.2 CREATE_IRQCHIP", {IRQCHIP, NO_STEP}, 0},
	{"6.2 CREATE_IRQCHIP twice", {IRQCHIP, IRQCHIP, NO_STEP}, -EEXIST},
	{"6.2 CREATE_IRQCHIP excludes split", {SPLIT_CAP, IRQCHIP, NO_STEP}, -EEXIST},
	{"6.2 CREATE_IRQCHIP after a vCPU", {VCPU, IRQCHIP, NO_STEP}, -EINVAL},
	{"6.3 split after full", {IRQCHIP, SPLIT_CAP, NO_STEP}, -EEXIST},
	{"6.3 split twice", {SPLIT_CAP, SPLIT_CAP, NO_STEP}, -EEXIST},
	{"6.3 split after a vCPU", {VCPU, SPLIT_CAP, NO_STEP}, -EEXIST},
	{"6.2 CREATE_PIT without irqchip", {PIT, NO_STEP}, -ENOENT},
	{"6.2 CREATE_PIT2 with split", {SPLIT_CAP, PIT2, NO_STEP}, -ENOENT},
	{"6.2 CREATE_PIT2", {IRQCHIP, PIT2, NO_STEP}, 0},
	{"6.2 CREATE_PIT after CREATE_PIT2", {IRQCHIP, PIT2, PIT}, -EEXIST},
	{"6.2 REINJECT without PIT", {IRQCHIP, REINJECT, NO_STEP}, -ENXIO},
	{"6.2 REINJECT", {IRQCHIP, PIT, REINJECT}, 0},
	{"6.2 SET_IRQCHIP without irqchip", {SET_CHIP, NO_STEP}, -ENXIO},
	{"6.2 SET_IRQCHIP with split", {SPLIT_CAP, SET_CHIP, NO_STEP}, -ENXIO},
	{"6.2 SET_IRQCHIP", {IRQCHIP, SET_CHIP, NO_STEP}, 0},
	{"6.2 GET_IRQCHIP with split", {SPLIT_CAP, GET_CHIP, NO_STEP}, -ENXIO},
	{"6.2 SET_PIT2 without PIT", {IRQCHIP, SET_PIT2, NO_STEP}, -ENXIO},
	{"6.2 GET_PIT2", {IRQCHIP, PIT2, GET_PIT2}, 0},
	{"6.2 IRQ_LINE without irqchip", {IRQ_LINE, NO_STEP}, -ENXIO},
	{"6.2 IRQ_LINE_STATUS without irqchip", {LINE_STATUS, NO_STEP}, -ENXIO},
	{"11.5 IRQ_LINE with split", {SPLIT_CAP, IRQ_LINE, NO_STEP}, 0},
	{"6.2 SIGNAL_MSI without irqchip", {MSI_SIGNAL, NO_STEP}, -EINVAL},
};

static int take(struct bench *bench, enum step step)
{
	static struct kvm_irqchip chip;
	static struct kvm_pit_state2 pit;
	const struct kvm_pit_config config = {0};
	const struct kvm_reinject_control control = {0};
	struct kvm_irq_level level = {.irq = 4};
	const struct kvm_msi msi = {.address_lo = 0xfee00000};
	int fd;

	switch (step) {
	case IRQCHIP:
		return bench_ioctl_value(bench, bench->vm, KVM_CREATE_IRQCHIP, 0);
	case SPLIT_CAP:
		return bench_cap(bench, KVM_CAP_SPLIT_IRQCHIP, 24);
	case VCPU:
		fd = bench_vcpu(bench, 0);
		return bench_close_fd(bench, fd);
	case PIT:
		return bench_ioctl_value(bench, bench->vm, KVM_CREATE_PIT, 0);
	case PIT2:
		return bench_ioctl(bench, bench->vm, KVM_CREATE_PIT2, &config);
	case GET_CHIP:
		return bench_ioctl(bench, bench->vm, KVM_GET_IRQCHIP, &chip);
	case SET_CHIP:
		return bench_ioctl(bench, bench->vm, KVM_SET_IRQCHIP, &chip);
	case GET_PIT2:
		return bench_ioctl(bench, bench->vm, KVM_GET_PIT2, &pit);
	case SET_PIT2:
		return bench_ioctl(bench, bench->vm, KVM_SET_PIT2, &pit);
	case REINJECT:
		return bench_ioctl(bench, bench->vm, KVM_REINJECT_CONTROL, &control);
	case IRQ_LINE:
		return bench_ioctl(bench, bench->vm, KVM_IRQ_LINE, &level);
	case LINE_STATUS:
		return bench_ioctl(bench, bench->vm, KVM_IRQ_LINE_STATUS, &level);
	case MSI_SIGNAL:
		return bench_ioctl(bench, bench->vm, KVM_SIGNAL_MSI, &msi);
	case NO_STEP:
		break;
	}
	return -ENOSYS;
}

START_TEST(controllers_are_made_in_order)
{
	const enum step *steps = order_rows[_i].steps;
	struct bench bench;

	bench_open(&bench, "all", 0);
	for (unsigned i = 0; i < 3 && steps[i] != NO_STEP; i++) {
		const bool last = i == 2 || steps[i + 1] == NO_STEP;
		int expected = last ? order_rows[_i].expected : 0;
		int r = take(&bench, steps[i]);

		ck_assert_msg(r == expected, "%s: step %u: %d", order_rows[_i].row, i, r);
	}
	bench_close(&bench);
}
END_TEST

START_TEST(controllers_give_back_what_was_put_in)
{
	struct kvm_irqchip chip = {.chip_id = KVM_IRQCHIP_IOAPIC}, back = chip;
	struct kvm_pit_state2 pit = {.flags = 1}, pit_back;
	const struct kvm_pit_config config = {0};
	struct bench bench;

	open_with(&bench, "all", FULL);
	/* 16 GSIs to both PIC and IOAPIC, 8 to the IOAPIC alone. */
	ck_assert_uint_eq(vm_of(&bench)->config->route_count, 40);
	chip.chip.ioapic.redirtbl[4].bits = 0x31;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_SET_IRQCHIP, &chip), 0);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_GET_IRQCHIP, &back), 0);
	ck_assert_uint_eq(back.chip.ioapic.redirtbl[4].bits, 0x31);
	chip.chip_id = 3;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_SET_IRQCHIP, &chip), -EINVAL);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_CREATE_PIT2, &config), 0);
	pit.channels[0].count = 1193;
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_SET_PIT2, &pit), 0);
	ck_assert_int_eq(bench_ioctl(&bench, bench.vm, KVM_GET_PIT2, &pit_back), 0);
	ck_assert_mem_eq(&pit, &pit_back, sizeof(pit));
	bench_close(&bench);
}
END_TEST

#define ROWS(array) (int)(sizeof(array) / sizeof((array)[0]))

int main(void)
{
	const TTest *const tests[] = {
		an_irqfd_goes_with_its_eventfd,
		an_irqfd_is_deassigned_by_eventfd_and_gsi,
		signalled_irqfds_are_delivered_by_their_routes,
		an_acknowledged_interrupt_signals_its_resamplefd,
		ioeventfds_catch_the_writes_that_they_are_for,
		a_bus_has_room_for_a_thousand_devices,
		coalesced_zones_are_checked,
		the_coalesced_ring_takes_169_writes,
		controllers_give_back_what_was_put_in,
		NULL,
	};
	Suite *suite = expect_suite("sim.irq", tests);
	TCase *rows = tcase_create("rows");

	tcase_add_loop_test(rows, irqfds_are_checked_in_the_kernels_order, 0, ROWS(irqfd_rows));
	tcase_add_loop_test(rows, an_eventfd_has_one_irqfd_on_the_host, 0, 2);
	tcase_add_loop_test(rows, ioeventfds_are_checked_in_the_kernels_order, 0, ROWS(io_rows));
	tcase_add_loop_test(rows, routes_are_checked_and_a_failed_table_leaves_the_old, 0,
			    ROWS(route_rows));
	tcase_add_loop_test(rows, controllers_are_made_in_order, 0, ROWS(order_rows));
	suite_add_tcase(suite, rows);
	return expect_run(suite);
}
