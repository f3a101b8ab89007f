/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Eventfds as KVM refers to them: by the object, not by a descriptor. A descriptor of our own would
 * keep an eventfd open that its owner has closed, and KVM's irqfds go away when that happens.
 */
#ifndef COCO_SIM_EVENTFD_H
#define COCO_SIM_EVENTFD_H

#include "sim/vm_config.h"

/* -EBADF: not open; -EINVAL: no eventfd. */
int sim_eventfd_identify(int fd, struct sim_eventfd *out);
/* Takes the count out of it, as KVM does when an irqfd is signalled. */
void sim_eventfd_consume(const struct sim_eventfd *event);

#endif
