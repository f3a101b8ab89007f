/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A simulated platform with a VM on it, and its operations in short. */
#ifndef BENCH_H
#define BENCH_H

#include <cocoreset/sim.h>
#include <errno.h>

#include "expect.h"
#include "kvm/uapi.h"

#define MEMORY_SIZE 0x400000ull

struct bench {
	struct coco_sim *sim;
	const struct coco_platform *platform;
	int kvm;
	int vm;
	uint8_t *memory; /* MEMORY_SIZE of it, for slots */
};

/* A platform by coco_sim_new_from_text(), with a VM of that type. */
void bench_open(struct bench *bench, const char *knobs, uint64_t type);
/* Closes what is left, and checks that nothing of it stays. */
void bench_close(struct bench *bench);

/* The operations: >= 0, or -errno. */
int bench_ioctl(struct bench *bench, int fd, unsigned long request, const void *argument);
int bench_ioctl_value(struct bench *bench, int fd, unsigned long request, uintptr_t argument);
int bench_close_fd(struct bench *bench, int fd);
int bench_dup3(struct bench *bench, int fd, int number);
/* Shared, readable and writable, at an address of the kernel's choice. NULL: it failed with *r. */
void *bench_map(struct bench *bench, int fd, size_t size, int *r);
void bench_unmap(struct bench *bench, void *address, size_t size);
int bench_fallocate(struct bench *bench, int fd, int mode, uint64_t offset, uint64_t size);

/* Those that must go well. */
int bench_vm(struct bench *bench, uint64_t type);
int bench_vcpu(struct bench *bench, uint64_t id);
int bench_gmem(struct bench *bench, uint64_t size, uint64_t flags);
void bench_irqchip(struct bench *bench);
void bench_split(struct bench *bench);

int bench_cap(struct bench *bench, uint32_t cap, uint64_t value);
int bench_slot(struct bench *bench, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size);
struct coco_sim_account bench_account(struct bench *bench);

#endif
