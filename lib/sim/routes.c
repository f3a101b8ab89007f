/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* GSI routing (virt/kvm/irqchip.c). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/irq.h"

#define PIC_PINS  8u
#define XEN_PORTS 1024u /* of a 32-bit guest, which it is until told otherwise */

static int check_pin(const struct kvm_irq_routing_irqchip *to)
{
	switch (to->irqchip) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		return to->pin < PIC_PINS ? 0 : -EINVAL;
	case KVM_IRQCHIP_IOAPIC:
		return to->pin < SIM_IRQCHIP_PINS ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

/* kvm_set_routing_entry() */
static int check_target(const struct sim_vm *vm, const struct kvm_irq_routing_entry *entry)
{
	switch (entry->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		return vm->irqchip == SIM_IRQCHIP_SPLIT ? -EINVAL : check_pin(&entry->u.irqchip);
	case KVM_IRQ_ROUTING_MSI:
		/* With 32-bit destinations the low byte of the high half is reserved. */
		return vm->config->caps.x2apic_api & KVM_X2APIC_API_USE_32BIT_IDS &&
				       entry->u.msi.address_hi & 0xff
			       ? -EINVAL
			       : 0;
	case KVM_IRQ_ROUTING_HV_SINT:
		return 0;
	case KVM_IRQ_ROUTING_XEN_EVTCHN:
		return entry->u.xen_evtchn.port < XEN_PORTS &&
				       entry->u.xen_evtchn.priority ==
					       KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL
			       ? 0
			       : -EINVAL;
	default:
		return -EINVAL;
	}
}

/* A GSI has one route, or one to each of several irqchips. */
static bool conflict(const struct kvm_irq_routing_entry *a, const struct kvm_irq_routing_entry *b)
{
	return a->gsi == b->gsi &&
	       (a->type != KVM_IRQ_ROUTING_IRQCHIP || b->type != KVM_IRQ_ROUTING_IRQCHIP ||
		a->u.irqchip.irqchip == b->u.irqchip.irqchip);
}

static int check_entries(const struct sim_vm *vm, const struct kvm_irq_routing_entry *entries,
			 uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (entries[i].gsi >= SIM_MAX_ROUTES)
			return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t flags =
			entries[i].type == KVM_IRQ_ROUTING_MSI ? KVM_MSI_VALID_DEVID : 0;

		if (entries[i].flags & ~flags)
			return -EINVAL;
		for (uint32_t before = 0; before < i; before++)
			if (conflict(&entries[before], &entries[i]))
				return -EINVAL;
		if (check_target(vm, &entries[i]))
			return -EINVAL;
	}
	return 0;
}

int sim_set_gsi_routing(struct sim_file *file, uintptr_t argument)
{
	struct sim_vm *vm = file->vm;
	struct kvm_irq_routing_entry *entries;
	struct kvm_irq_routing header;
	int r;

	if (sim_copy_in(&header, argument, sizeof(header)))
		return -EFAULT;
	if (vm->irqchip == SIM_IRQCHIP_NONE || header.nr > SIM_MAX_ROUTES || header.flags)
		return -EINVAL;
	entries = calloc(header.nr + 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	r = sim_copy_in(entries, argument + sizeof(header), header.nr * sizeof(*entries));
	if (!r)
		r = check_entries(vm, entries, header.nr);
	if (r) {
		free(entries);
		return r;
	}
	free(vm->config->routes);
	vm->config->routes = entries;
	vm->config->route_count = header.nr;
	return 0;
}

int sim_default_routes(struct sim_vm *vm)
{
	struct kvm_irq_routing_entry *entries =
		calloc(SIM_IRQCHIP_PINS + 2 * PIC_PINS, sizeof(*entries));
	uint32_t count = 0;

	if (!entries)
		return -ENOMEM;
	for (uint32_t gsi = 0; gsi < SIM_IRQCHIP_PINS; gsi++) {
		entries[count++] = (struct kvm_irq_routing_entry){
			.gsi = gsi,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = {KVM_IRQCHIP_IOAPIC, gsi},
		};
		if (gsi < 2 * PIC_PINS)
			entries[count++] = (struct kvm_irq_routing_entry){
				.gsi = gsi,
				.type = KVM_IRQ_ROUTING_IRQCHIP,
				.u.irqchip = {gsi < PIC_PINS ? KVM_IRQCHIP_PIC_MASTER
							     : KVM_IRQCHIP_PIC_SLAVE,
					      gsi % PIC_PINS},
			};
	}
	free(vm->config->routes);
	vm->config->routes = entries;
	vm->config->route_count = count;
	return 0;
}

void sim_routes_of(struct sim_vm *vm, uint32_t gsi, int level, sim_deliver_fn deliver)
{
	for (uint32_t i = 0; i < vm->config->route_count; i++)
		if (vm->config->routes[i].gsi == gsi)
			deliver(vm, gsi, &vm->config->routes[i], level);
}
