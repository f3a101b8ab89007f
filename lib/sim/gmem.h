/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef COCO_SIM_GMEM_H
#define COCO_SIM_GMEM_H

#include "sim/sim.h"

int sim_create_guest_memfd(struct sim_file *file, uintptr_t argument);
int sim_gmem_fallocate(struct sim_file *file, int mode, uint64_t offset, uint64_t size);
/* UAPI_GUEST_MEMFD_FLAG_*: which ones a VM of that technology may use; NULL: what any may. */
uint64_t sim_gmem_flags(const struct coco_sim *sim, const struct sim_tech *tech);
/* Every access to the slot is one to its guest_memfd (KVM_MEMSLOT_GMEM_ONLY). */
bool sim_gmem_only(const struct sim_slot *slot);

#endif
