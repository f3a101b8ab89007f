/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ioctls about interrupts and devices' eventfds. */
#ifndef COCO_SIM_IRQ_H
#define COCO_SIM_IRQ_H

#include "sim/vm_config.h"

int sim_irqfd(struct sim_file *file, uintptr_t argument);
/* It is not listened to any more. */
void sim_irqfd_forget(struct sim_vm *vm, const struct sim_irqfd *irqfd);

/* bus.c */
int sim_ioeventfd(struct sim_file *file, uintptr_t argument);
int sim_register_coalesced(struct sim_file *file, uintptr_t argument);
int sim_unregister_coalesced(struct sim_file *file, uintptr_t argument);

/* routes.c */
int sim_set_gsi_routing(struct sim_file *file, uintptr_t argument);
/* What KVM_CREATE_IRQCHIP routes: GSIs 0 to 15 to PIC and IOAPIC, 16 to 23 to the IOAPIC. */
int sim_default_routes(struct sim_vm *vm);

#endif
