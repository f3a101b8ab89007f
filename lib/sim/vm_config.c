/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A VM's configuration when it is made, and its end. */
#define _GNU_SOURCE /* memfd_create */

#include "sim/vm_config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define APIC_BUS_NS 1

static int make_ring(struct sim_vm_config *config)
{
	void *ring;

	config->ring_backing = memfd_create("sim-coalesced", MFD_CLOEXEC);
	if (config->ring_backing < 0)
		return -errno;
	if (ftruncate(config->ring_backing, SIM_PAGE_SIZE))
		return -errno;
	ring = mmap(NULL, SIM_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, config->ring_backing,
		    0);
	if (ring == MAP_FAILED)
		return -errno;
	config->ring = ring;
	return 0;
}

static int64_t boot_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint64_t sim_vm_clock(const struct sim_vm *vm)
{
	return (uint64_t)(boot_time() + vm->config->clock_offset);
}

int sim_vm_config_new(struct sim_vm *vm)
{
	struct sim_vm_config *config = calloc(1, sizeof(*config));
	int r;

	if (!config)
		return -ENOMEM;
	vm->config = config;
	config->ring_backing = -1;
	config->irqfd_epoll = -1;
	config->caps.platform_info = true;
	config->caps.apic_bus_ns = APIC_BUS_NS;
	config->reinject.pit_reinject = 1;
	config->clock_offset = -boot_time();
	r = make_ring(config);
	if (r)
		sim_vm_config_free(vm);
	return r;
}

static void free_ports(struct sim_port_eventfd *ports)
{
	while (ports) {
		struct sim_port_eventfd *next = ports->next;

		free(ports);
		ports = next;
	}
}

static void free_lists(struct sim_vm_config *config)
{
	while (config->ioeventfds) {
		struct sim_ioeventfd *next = config->ioeventfds->next;

		free(config->ioeventfds);
		config->ioeventfds = next;
	}
	while (config->zones) {
		struct sim_zone *next = config->zones->next;

		free(config->zones);
		config->zones = next;
	}
	while (config->xen_attributes) {
		struct sim_blob *next = config->xen_attributes->next;

		free(config->xen_attributes);
		config->xen_attributes = next;
	}
	free_ports(config->xen_ports);
	free_ports(config->hyperv_eventfds);
}

void sim_vm_config_free(struct sim_vm *vm)
{
	struct sim_vm_config *config = vm->config;

	if (!config)
		return;
	sim_irqfd_shut_down(vm);
	free_lists(config);
	for (uint32_t i = 0; i < config->msr_filter.count; i++)
		free(config->msr_filter.ranges[i].bitmap);
	free(config->routes);
	free(config->pmu_filter);
	if (config->ring)
		munmap(config->ring, SIM_PAGE_SIZE);
	if (config->ring_backing >= 0)
		close(config->ring_backing);
	if (config->irqfd_epoll >= 0)
		close(config->irqfd_epoll);
	free(config);
	vm->config = NULL;
}
