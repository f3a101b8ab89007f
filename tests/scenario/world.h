/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A simulated host with one guest on it, of any technology: what the scenarios are played on. */
#ifndef WORLD_H
#define WORLD_H

#include <cocoreset/cocoreset.h>
#include <cocoreset/sim.h>

#include "expect.h"

#define WORLD_RAM_SIZE 0x200000ull
#define WORLD_FREE_GPA 0x100000ull /* no page of the image */

/* Which technologies there are, and what the scenarios have to know of each. */
struct world_tech {
	uint32_t tech;
	const char *name;
	bool encrypted;      /* has a key of its own, and a digest */
	bool in_place;       /* encrypts the VMM's own memory: see docs/reset.md */
	const char *vm_call; /* a command that each launch needs, and whose failure is a shortage */
	int shortage;
};
extern const struct world_tech world_techs[];
#define WORLD_TECHS 6

struct world {
	const struct world_tech *tech;
	struct coco_sim *sim;
	const struct coco_platform *platform; /* the simulator's, or one that wraps it */
	struct coco_host *host;
	struct coco_image *image;
	struct coco_guest *guest;
	struct coco_guest_options options; /* may be changed before world_guest() */
	struct coco_error error;
	char text[256];
};

/* `knobs`: as coco_sim_new_from_text() takes them after "all:", "" for none. */
void world_init(struct world *world, int tech, const char *knobs);
/* The host, on world->platform, and the guest. */
void world_guest(struct world *world);
/* Both, and a launch. */
void world_launch(struct world *world, int tech, const char *knobs);
/* Frees guest and host, and expects that nothing of them is left on the platform. */
void world_end(struct world *world);

int world_try_reset(struct world *world, uint32_t strategy);
void world_reset(struct world *world, uint32_t strategy);
void world_await_retired(struct world *world);

struct coco_guest_info world_info(struct world *world);
struct coco_sim_account world_account(struct world *world);
struct coco_sim_vm_info world_vm(struct world *world);

void world_expect_state(struct world *world, uint32_t state, uint64_t generation);
/* What the platform measured is what was predicted, and memory is empty but for the image. */
void world_expect_whole(struct world *world);

uint8_t *world_host_address(struct world *world, uint64_t gpa);

#endif
