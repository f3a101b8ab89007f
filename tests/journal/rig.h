/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A simulated host with one small guest on it, whose VMM makes ioctls of its own. */
#ifndef RIG_H
#define RIG_H

#include <cocoreset/cocoreset.h>
#include <cocoreset/sim.h>
#include <errno.h>

#include "expect.h"
#include "kvm/uapi.h"

#define RIG_RAM_SIZE 0x400000ull
#define RIG_VCPUS    2u
#define RIG_SLOT     2u /* the first that is not the recipe's */

struct rig {
	struct coco_sim *sim;
	struct coco_host *host;
	struct coco_image *image;
	struct coco_guest *guest;
	struct coco_guest_options options;
	struct coco_error error;
	uint8_t *memory; /* a page of the VMM's, for slots of its own */
	/* What was reported as not replayed. */
	unsigned reports;
	unsigned long reported;
	char reason[96];
};

/* A host and options for a plain guest with the full irqchip; to be changed before rig_guest(). */
void rig_init(struct rig *rig);
void rig_guest(struct rig *rig);
/* All of the above, and a launch. */
void rig_launch(struct rig *rig);
/* `strategy`: enum coco_strategy. Waits until the old incarnation is gone. */
void rig_reset(struct rig *rig, uint32_t strategy);
/* Frees all, and expects that the simulator has nothing left. */
void rig_end(struct rig *rig);

/* Ioctls that must go well, and what they return. vCPU 0. */
int rig_vm(struct rig *rig, unsigned long request, const void *argument);
int rig_vm_value(struct rig *rig, unsigned long request, uintptr_t value);
int rig_vcpu(struct rig *rig, unsigned long request, const void *argument);
struct coco_sim_account rig_account(struct rig *rig);
struct coco_guest_info rig_info(struct rig *rig);

int rig_eventfd(void);

#endif
