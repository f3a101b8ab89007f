/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tables of ioctls: each kind of file has its own, since numbers mean different things on different
 * files. */
#ifndef COCO_SIM_REQUEST_H
#define COCO_SIM_REQUEST_H

#include "sim/sim.h"

enum sim_request_flags {
	SIM_CHANGES_MEMORY = 1u << 0, /* no vCPU executes guest code meanwhile */
};

struct sim_request {
	unsigned long number;
	const char *name;
	int (*serve)(struct sim_file *file, uintptr_t argument);
	uint32_t flags;
};

/* Tables end with an entry of zeroes. */
extern const struct sim_request sim_system_requests[];
extern const struct sim_request sim_vm_requests[];
extern const struct sim_request
	sim_irq_requests[]; /* on VMs, too: interrupt controllers, eventfds */
extern const struct sim_request
	sim_filter_requests[]; /* on VMs, too: filters, clock, Xen, Hyper-V */
extern const struct sim_request sim_vcpu_requests[];
extern const struct sim_request sim_register_requests[]; /* on vCPUs, too */
extern const struct sim_request sim_device_requests[];

/* NULL: not in the table. */
const struct sim_request *sim_request_find(const struct sim_request *table, unsigned long number);

/* The name of a request on that kind of file, "ioctl" if there is none. */
const char *sim_ioctl_name(const struct sim_file *file, unsigned long number);

/* ioctl(2) on a simulated file. */
int sim_ioctl(struct sim_file *file, unsigned long number, uintptr_t argument);

#endif
