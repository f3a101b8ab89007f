/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What catches a guest's writes without an exit: ioeventfds and coalesced zones, on one bus for
 * MMIO and one for ports. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/eventfd.h"
#include "sim/irq.h"

/* Virtio's channel I/O, 0x8, is another architecture's: valid for KVM, and an MMIO ioeventfd here.
 */
#define IOEVENTFD_FLAGS      0x1fu
#define IOEVENTFD_DATAMATCH  (1u << 0)
#define IOEVENTFD_PIO        (1u << 1)
#define IOEVENTFD_DEASSIGN   (1u << 2)
#define IOEVENTFD_VIRTIO_CCW (1u << 3)

static uint32_t devices_on(const struct sim_vm *vm, bool pio)
{
	uint32_t count = 0;

	for (const struct sim_ioeventfd *io = vm->config->ioeventfds; io; io = io->next)
		count += io->pio == pio;
	for (const struct sim_zone *zone = vm->config->zones; zone; zone = zone->next)
		count += (zone->zone.pio != 0) == pio;
	return count;
}

/* --- ioeventfds */

/* ioeventfd_check_collision(): would one write signal both? */
static bool collide(const struct sim_ioeventfd *a, const struct sim_ioeventfd *b)
{
	return a->pio == b->pio && a->address == b->address &&
	       (!a->length || !b->length ||
		(a->length == b->length &&
		 (a->wildcard || b->wildcard || a->datamatch == b->datamatch)));
}

static struct sim_ioeventfd wanted(const struct kvm_ioeventfd *args)
{
	return (struct sim_ioeventfd){
		.pio = args->flags & IOEVENTFD_PIO,
		.wildcard = !(args->flags & IOEVENTFD_DATAMATCH),
		.address = args->addr,
		.length = args->len,
		.datamatch = args->flags & IOEVENTFD_DATAMATCH ? args->datamatch : 0,
	};
}

static int check(const struct kvm_ioeventfd *args)
{
	switch (args->len) {
	case 0:
	case 1:
	case 2:
	case 4:
	case 8:
		break;
	default:
		return -EINVAL;
	}
	if (args->addr + args->len < args->addr || args->flags & ~IOEVENTFD_FLAGS ||
	    (!args->len && args->flags & IOEVENTFD_DATAMATCH))
		return -EINVAL;
	return 0;
}

static int assign(struct sim_vm *vm, const struct kvm_ioeventfd *args)
{
	struct sim_ioeventfd made = wanted(args), *copy;
	struct sim_ioeventfd **at = &vm->config->ioeventfds;
	int r = check(args);

	if (!r)
		r = sim_eventfd_identify(args->fd, &made.event);
	if (r)
		return r;
	for (; *at; at = &(*at)->next)
		if (collide(*at, &made))
			return -EEXIST;
	/* An MMIO one of any length is on KVM's fast bus, too, whose limit is its own. */
	if (devices_on(vm, made.pio) >= SIM_MAX_BUS)
		return -ENOSPC;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = made;
	*at = copy;
	return 0;
}

static int deassign(struct sim_vm *vm, const struct kvm_ioeventfd *args)
{
	struct sim_ioeventfd gone = wanted(args);
	struct sim_ioeventfd **at = &vm->config->ioeventfds;
	int r = sim_eventfd_identify(args->fd, &gone.event);

	if (r)
		return r;
	for (; *at; at = &(*at)->next) {
		struct sim_ioeventfd *io = *at;

		if (io->pio != gone.pio || io->event.id != gone.event.id ||
		    io->address != gone.address || io->length != gone.length ||
		    io->wildcard != gone.wildcard || io->datamatch != gone.datamatch)
			continue;
		*at = io->next;
		free(io);
		return 0;
	}
	return -ENOENT;
}

int sim_ioeventfd(struct sim_file *file, uintptr_t argument)
{
	struct kvm_ioeventfd args;

	if (sim_copy_in(&args, argument, sizeof(args)))
		return -EFAULT;
	return args.flags & IOEVENTFD_DEASSIGN ? deassign(file->vm, &args)
					       : assign(file->vm, &args);
}

bool sim_ioeventfd_write(struct sim_vm *vm, bool pio, uint64_t address, uint32_t length,
			 const void *data)
{
	uint64_t value = 0;

	if (length > sizeof(value))
		return false;
	memcpy(&value, data, length);
	for (const struct sim_ioeventfd *io = vm->config->ioeventfds; io; io = io->next)
		if (io->pio == pio && io->address == address &&
		    (!io->length ||
		     (io->length == length && (io->wildcard || io->datamatch == value)))) {
			sim_eventfd_signal(&io->event);
			return true;
		}
	return false;
}

/* --- coalesced zones */

static bool contains(const struct kvm_coalesced_mmio_zone *zone, uint64_t address, uint64_t length)
{
	return address + length >= address && address >= zone->addr &&
	       address + length <= zone->addr + zone->size;
}

static int read_zone(uintptr_t argument, struct kvm_coalesced_mmio_zone *zone)
{
	if (sim_copy_in(zone, argument, sizeof(*zone)))
		return -EFAULT;
	return zone->pio > 1 ? -EINVAL : 0;
}

/* The same zone may be there several times; each is a device on the bus. */
int sim_register_coalesced(struct sim_file *file, uintptr_t argument)
{
	struct sim_zone **at = &file->vm->config->zones;
	struct kvm_coalesced_mmio_zone zone;
	int r = read_zone(argument, &zone);

	if (r)
		return r;
	if (devices_on(file->vm, zone.pio) >= SIM_MAX_BUS)
		return -ENOSPC;
	while (*at)
		at = &(*at)->next;
	*at = calloc(1, sizeof(**at));
	if (!*at)
		return -ENOMEM;
	(*at)->zone = zone;
	return 0;
}

/* Every zone that contains the range goes; that none does is no error. */
int sim_unregister_coalesced(struct sim_file *file, uintptr_t argument)
{
	struct sim_zone **at = &file->vm->config->zones;
	struct kvm_coalesced_mmio_zone zone;
	int r = read_zone(argument, &zone);

	if (r)
		return r;
	while (*at) {
		struct sim_zone *here = *at;

		if (here->zone.pio == zone.pio && contains(&here->zone, zone.addr, zone.size)) {
			*at = here->next;
			free(here);
		} else {
			at = &here->next;
		}
	}
	return 0;
}

static bool put_in_ring(struct kvm_coalesced_mmio_ring *ring,
			const struct kvm_coalesced_mmio *write)
{
	/* User space writes both indices. */
	const uint32_t first = __atomic_load_n(&ring->first, __ATOMIC_ACQUIRE);
	const uint32_t last = __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE);

	if (last >= SIM_COALESCED_SLOTS || (last + 1) % SIM_COALESCED_SLOTS == first)
		return false;
	ring->coalesced_mmio[last] = *write;
	__atomic_store_n(&ring->last, (uint32_t)((last + 1) % SIM_COALESCED_SLOTS),
			 __ATOMIC_RELEASE);
	return true;
}

bool sim_coalesced_write(struct sim_vm *vm, bool pio, uint64_t address, uint32_t length,
			 const void *data)
{
	struct kvm_coalesced_mmio write = {.phys_addr = address, .len = length, .pio = pio};

	if (length > sizeof(write.data))
		return false;
	memcpy(write.data, data, length);
	for (const struct sim_zone *zone = vm->config->zones; zone; zone = zone->next)
		if ((zone->zone.pio != 0) == pio && contains(&zone->zone, address, length) &&
		    put_in_ring(vm->config->ring, &write))
			return true;
	return false;
}
