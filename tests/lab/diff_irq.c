/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Interrupt controllers, routes and eventfds, in whatever order. */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "diff.h"

static void irqchip(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		    struct diff_result *result)
{
	(void)a;
	result->rc = diff_ioctl_value(side, vm->fd, KVM_CREATE_IRQCHIP, 0);
}

static void pit(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		struct diff_result *result)
{
	struct kvm_pit_config config = {.flags = a[0]};

	result->rc = diff_ioctl(side, vm->fd, KVM_CREATE_PIT2, &config);
}

static void tss(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		struct diff_result *result)
{
	static const unsigned long addresses[] = {0xfeffd000, 0xffffffff, 0xfeffd010};
	uint64_t identity = addresses[a[0]] - 0x1000;

	if (a[1])
		result->rc = diff_ioctl(side, vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	else
		result->rc = diff_ioctl_value(side, vm->fd, KVM_SET_TSS_ADDR, addresses[a[0]]);
}

static void routing(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		    struct diff_result *result)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[2];
	} routes;

	memset(&routes, 0, sizeof(routes));
	routes.head.nr = 2;
	routes.entries[0].gsi = 5;
	routes.entries[0].type = KVM_IRQ_ROUTING_MSI;
	routes.entries[0].u.msi.address_lo = 0xfee00000;
	routes.entries[1].gsi = 6;
	routes.entries[1].type = KVM_IRQ_ROUTING_MSI;
	routes.entries[1].u.msi.address_lo = 0xfee01000;
	if (a[0] == 1)
		routes.head.flags = 1;
	else if (a[0] == 2)
		routes.head.nr = 5000;
	else if (a[0] == 3)
		routes.entries[1].type = KVM_IRQ_ROUTING_IRQCHIP;
	else if (a[0] == 4)
		routes.entries[1].gsi = 4096;
	else if (a[0] == 5)
		routes.entries[1].type = 77;
	else if (a[0] == 6)
		routes.entries[1].flags = 2;
	result->rc = diff_ioctl(side, vm->fd, KVM_SET_GSI_ROUTING, &routes);
}

static void irqfd(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		  struct diff_result *result)
{
	static const uint32_t gsis[] = {5, 6, 100, 5000};
	const int fds[] = {side->eventfds[0], side->eventfds[1], side->kvm, -1};
	struct kvm_irqfd irqfd = {.fd = (uint32_t)fds[a[0]], .gsi = gsis[a[1]], .flags = a[2]};

	result->rc = diff_ioctl(side, vm->fd, KVM_IRQFD, &irqfd);
}

static void ioeventfd(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		      struct diff_result *result)
{
	static const uint32_t lengths[] = {4, 0, 3, 8};
	const int fds[] = {side->eventfds[0], side->eventfds[1], side->kvm};
	struct kvm_ioeventfd ioeventfd = {.datamatch = a[2] ? 7 : 0,
					  .addr = 0x1000,
					  .len = lengths[a[1]],
					  .fd = fds[a[0]],
					  .flags = a[2]};

	result->rc = diff_ioctl(side, vm->fd, KVM_IOEVENTFD, &ioeventfd);
}

static void irq_line(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		     struct diff_result *result)
{
	struct kvm_irq_level level = {.irq = 5, .level = a[0]};

	result->rc = diff_ioctl(side, vm->fd, a[1] ? KVM_IRQ_LINE_STATUS : KVM_IRQ_LINE, &level);
}

static void signal_msi(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		       struct diff_result *result)
{
	struct kvm_msi msi = {.address_lo = 0xfee00000, .data = 0x41, .flags = a[0]};

	result->rc = diff_ioctl(side, vm->fd, KVM_SIGNAL_MSI, &msi);
}

static void get_irqchip(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
			struct diff_result *result)
{
	struct kvm_irqchip chip;

	memset(&chip, 0, sizeof(chip));
	chip.chip_id = a[0];
	result->rc = diff_ioctl(side, vm->fd, a[1] ? KVM_SET_IRQCHIP : KVM_GET_IRQCHIP, &chip);
	if (!a[1])
		diff_put(result, &chip, sizeof(chip));
}

static void coalesced(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		      struct diff_result *result)
{
	struct kvm_coalesced_mmio_zone zone = {.addr = 0xe0000000, .size = 0x100};

	if (a[1])
		zone.pio = 2;
	result->rc = diff_ioctl(side, vm->fd,
				a[0] ? KVM_UNREGISTER_COALESCED_MMIO : KVM_REGISTER_COALESCED_MMIO,
				&zone);
}

static void device(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		   struct diff_result *result)
{
	static const uint32_t types[] = {4 /* VFIO */, 1, 77};
	struct kvm_create_device create = {.type = types[a[0]],
					   .flags = a[1] ? KVM_CREATE_DEVICE_TEST : 0};
	int fd;

	create.fd = (uint32_t)-1;
	result->rc = diff_ioctl(side, vm->fd, KVM_CREATE_DEVICE, &create);
	fd = result->rc || a[1] ? -1 : (int)create.fd;
	diff_close(side, &fd);
}

const struct diff_op diff_irq_ops[] = {
	{"irqchip", irqchip, {0}, 3},
	{"pit", pit, {3}, 1},
	{"tss", tss, {3, 2}, 2},
	{"routing", routing, {7}, 3},
	{"irqfd", irqfd, {4, 4, 4}, 5},
	{"ioeventfd", ioeventfd, {3, 4, 16}, 2},
	{"irq_line", irq_line, {2, 2}, 1},
	{"signal_msi", signal_msi, {2}, 1},
	{"get_irqchip", get_irqchip, {4, 2}, 1},
	{"coalesced", coalesced, {2, 2}, 1},
	{"device", device, {3, 2}, 1},
	{0},
};
