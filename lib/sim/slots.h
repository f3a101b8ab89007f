/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Memory slots and attributes, for vm.c and platform.c. */
#ifndef COCO_SIM_SLOTS_H
#define COCO_SIM_SLOTS_H

#include "sim/sim.h"

#define SIM_USER_SLOTS 32764u /* KVM_USER_MEM_SLOTS */

/* Of a VM that goes. */
void sim_slots_free(struct sim_vm *vm);
void sim_attributes_free(struct sim_vm *vm);

/* Whether host memory of that range is a slot's. */
bool sim_slots_use(const struct sim_vm *vm, const void *address, size_t size);

int sim_set_memory_region(struct sim_file *file, uintptr_t argument);
int sim_set_memory_region2(struct sim_file *file, uintptr_t argument);
int sim_set_attributes(struct sim_file *file, uintptr_t argument);
/* The slot's log is made, or goes, as its flags say. */
int sim_dirty_prepare(struct sim_vm *vm, struct sim_slot *slot);
int sim_get_dirty_log(struct sim_file *file, uintptr_t argument);
int sim_clear_dirty_log(struct sim_file *file, uintptr_t argument);

#endif
