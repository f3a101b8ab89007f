/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is done on VM descriptors, apart from memory and interrupts. */
#ifndef COCO_SIM_VM_H
#define COCO_SIM_VM_H

#include "sim/sim.h"

int sim_create_vm(struct sim_file *file, uintptr_t argument);
int sim_create_vcpu(struct sim_file *file, uintptr_t id);
int sim_create_device(struct sim_file *file, uintptr_t argument);
/* A file that a VFIO device of KVM takes: nothing else can be done with it. */
int sim_open_vfio(struct coco_sim *sim);
/* The VM that a VFIO file was told of last; NULL: none. */
const struct sim_vm *sim_vfio_vm(const struct sim_file *file);
/* Of a VM or a vCPU. */
int sim_get_stats_fd(struct sim_file *file, uintptr_t argument);

/* caps.c: `file` is /dev/kvm or a VM. */
int sim_check_extension(struct sim_file *file, uintptr_t argument);
int sim_extension(const struct coco_sim *sim, const struct sim_vm *vm, uint32_t cap);
int sim_enable_cap(struct sim_file *file, uintptr_t argument);

#endif
