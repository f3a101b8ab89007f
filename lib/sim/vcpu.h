/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ioctls on vCPUs that are served in files of their own. */
#ifndef COCO_SIM_VCPU_H
#define COCO_SIM_VCPU_H

#include "sim/sim.h"

/* vcpu_cpuid.c */
int sim_set_cpuid2(struct sim_file *file, uintptr_t argument);
int sim_set_cpuid(struct sim_file *file, uintptr_t argument);
int sim_get_cpuid2(struct sim_file *file, uintptr_t argument);
/* vcpu_msrs.c */
int sim_get_msrs(struct sim_file *file, uintptr_t argument);
int sim_set_msrs(struct sim_file *file, uintptr_t argument);
int sim_get_one_reg(struct sim_file *file, uintptr_t argument);
int sim_set_one_reg(struct sim_file *file, uintptr_t argument);
int sim_get_reg_list(struct sim_file *file, uintptr_t argument);

#endif
