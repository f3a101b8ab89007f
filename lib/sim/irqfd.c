/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * irqfds (virt/kvm/eventfd.c). KVM is woken by the eventfd itself; here an epoll set, which does
 * not keep eventfds open either, tells which were signalled, and vCPUs look into it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sim/eventfd.h"
#include "sim/irq.h"
#include "sim/knobs.h"

static void remove_irqfd(struct sim_vm *vm, struct sim_irqfd **at)
{
	struct sim_irqfd *irqfd = *at;

	*at = irqfd->next;
	sim_irqfd_forget(vm, irqfd);
	free(irqfd);
}

void sim_irqfd_forget(struct sim_vm *vm, const struct sim_irqfd *irqfd)
{
	struct sim_eventfd now;

	/* If the number is another eventfd's by now, the set has the old one under it until that is
	 * closed. */
	if (sim_eventfd_identify(irqfd->event.fd, &now) == 0 && now.id == irqfd->event.id)
		epoll_ctl(vm->config->irqfd_epoll, EPOLL_CTL_DEL, irqfd->event.fd, NULL);
}

void sim_irqfd_shut_down(struct sim_vm *vm)
{
	while (vm->config->irqfds)
		remove_irqfd(vm, &vm->config->irqfds);
}

/* Whether the set still has it: the kernel takes an eventfd out when its last descriptor is closed.
 */
static bool is_listed(FILE *info, uint64_t token)
{
	char line[160];

	rewind(info);
	while (fgets(line, sizeof(line), info)) {
		const char *data = strstr(line, "data:");

		if (data && strtoull(data + strlen("data:"), NULL, 16) == token)
			return true;
	}
	return false;
}

void sim_irqfd_prune(struct sim_vm *vm)
{
	struct sim_irqfd **at = &vm->config->irqfds;
	char path[64];
	FILE *info;

	if (!*at)
		return;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", vm->config->irqfd_epoll);
	info = fopen(path, "re");
	if (!info)
		return;
	while (*at) {
		if (is_listed(info, (*at)->token))
			at = &(*at)->next;
		else
			remove_irqfd(vm, at);
	}
	fclose(info);
}

/* An eventfd has one irqfd at most: of the host, or (COCO_SIM_IRQFD_SHARED) of the VM. */
static bool is_busy(struct sim_vm *vm, uint64_t id)
{
	const bool shared = sim_quirk(vm->sim, COCO_SIM_IRQFD_SHARED);

	for (struct sim_vm *other = vm->sim->vms; other; other = other->next) {
		if (shared && other != vm)
			continue;
		sim_irqfd_prune(other);
		for (const struct sim_irqfd *irqfd = other->config->irqfds; irqfd;
		     irqfd = irqfd->next)
			if (irqfd->event.id == id)
				return true;
	}
	return false;
}

static int listen(struct sim_vm *vm, const struct sim_irqfd *irqfd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = irqfd->token};
	int *epoll = &vm->config->irqfd_epoll;

	if (*epoll < 0)
		*epoll = epoll_create1(EPOLL_CLOEXEC);
	if (*epoll < 0)
		return -errno;
	if (epoll_ctl(*epoll, EPOLL_CTL_ADD, irqfd->event.fd, &event) == 0)
		return 0;
	/* Left over from an irqfd whose number was closed before it was taken away. */
	if (errno == EEXIST && epoll_ctl(*epoll, EPOLL_CTL_MOD, irqfd->event.fd, &event) == 0)
		return 0;
	return -errno;
}

static int assign(struct sim_vm *vm, const struct kvm_irqfd *args)
{
	const bool resample = args->flags & KVM_IRQFD_FLAG_RESAMPLE;
	struct sim_irqfd *irqfd;
	int r;

	if (vm->irqchip == SIM_IRQCHIP_NONE || (resample && vm->irqchip != SIM_IRQCHIP_FULL))
		return -EINVAL;
	irqfd = calloc(1, sizeof(*irqfd));
	if (!irqfd)
		return -ENOMEM;
	irqfd->gsi = args->gsi;
	irqfd->flags = args->flags;
	irqfd->token = ++vm->config->next_token;
	r = sim_eventfd_identify((int)args->fd, &irqfd->event);
	if (!r && resample)
		r = sim_eventfd_identify((int)args->resamplefd, &irqfd->resample);
	if (!r && is_busy(vm, irqfd->event.id))
		r = -EBUSY;
	if (!r)
		r = listen(vm, irqfd);
	if (r) {
		free(irqfd);
		return r;
	}
	irqfd->next = vm->config->irqfds;
	vm->config->irqfds = irqfd;
	return 0;
}

static int deassign(struct sim_vm *vm, const struct kvm_irqfd *args)
{
	struct sim_irqfd **at = &vm->config->irqfds;
	struct sim_eventfd event;
	int r = sim_eventfd_identify((int)args->fd, &event);

	if (r)
		return r;
	/* A closed one's id is given anew. */
	sim_irqfd_prune(vm);
	while (*at) {
		if ((*at)->event.id == event.id && (*at)->gsi == args->gsi)
			remove_irqfd(vm, at);
		else
			at = &(*at)->next;
	}
	return 0;
}

int sim_irqfd(struct sim_file *file, uintptr_t argument)
{
	struct kvm_irqfd args;

	if (sim_copy_in(&args, argument, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~(uint32_t)(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	return args.flags & KVM_IRQFD_FLAG_DEASSIGN ? deassign(file->vm, &args)
						    : assign(file->vm, &args);
}

static struct sim_irqfd *of_token(const struct sim_vm *vm, uint64_t token)
{
	struct sim_irqfd *irqfd = vm->config->irqfds;

	while (irqfd && irqfd->token != token)
		irqfd = irqfd->next;
	return irqfd;
}

void sim_irqfd_poll(struct sim_vm *vm, sim_deliver_fn deliver)
{
	struct epoll_event events[16];
	int count;

	if (!vm->config->irqfds)
		return;
	do {
		count = epoll_wait(vm->config->irqfd_epoll, events, 16, 0);
		for (int i = 0; i < count; i++) {
			const struct sim_irqfd *irqfd = of_token(vm, events[i].data.u64);

			if (!irqfd)
				continue;
			sim_eventfd_consume(&irqfd->event);
			sim_routes_of(vm, irqfd->gsi, 1, deliver);
			/* A level stays until the guest acknowledges it; without resampling it is
			 * an edge. */
			if (!(irqfd->flags & KVM_IRQFD_FLAG_RESAMPLE))
				sim_routes_of(vm, irqfd->gsi, 0, deliver);
		}
	} while (count == 16);
}

void sim_irqfd_acknowledge(struct sim_vm *vm, uint32_t gsi)
{
	for (const struct sim_irqfd *irqfd = vm->config->irqfds; irqfd; irqfd = irqfd->next)
		if (irqfd->gsi == gsi && irqfd->flags & KVM_IRQFD_FLAG_RESAMPLE)
			sim_eventfd_signal(&irqfd->resample);
}
