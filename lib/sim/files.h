/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Descriptor numbers and mappings of simulated files, for platform.c. Below each number is a real
 * descriptor, so that nobody else in the process gets it.
 */
#ifndef COCO_SIM_FILES_H
#define COCO_SIM_FILES_H

#include "sim/sim.h"

int sim_files_new(struct coco_sim *sim);
/* Closes what is open. */
void sim_files_free(struct coco_sim *sim);

int sim_files_close(struct coco_sim *sim, int fd);
int sim_files_dup(struct coco_sim *sim, int fd);
int sim_files_dup3(struct coco_sim *sim, int fd, int number);

struct sim_mapping_request {
	void *address;
	size_t size;
	int protection;
	int flags;
	int fd;
	uint64_t offset;
};

int sim_files_mmap(struct coco_sim *sim, const struct sim_mapping_request *request, void **out);
int sim_files_munmap(struct coco_sim *sim, void *address, size_t size);

uint32_t sim_files_numbers(const struct coco_sim *sim);
uint32_t sim_files_mappings(const struct coco_sim *sim);
/* Calls `each` for each file that has a number or mapping and belongs to `vm`: once per number or
 * mapping. */
void sim_files_of_vm(const struct coco_sim *sim, const struct sim_vm *vm,
		     void (*each)(void *payload, const struct sim_file *file, bool mapping),
		     void *payload);

#endif
