/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A TD on a simulated platform, brought by plain ioctls to where a test wants it. */
#ifndef TD_H
#define TD_H

#include <cocoreset/sim.h>
#include <stdbool.h>

#include "expect.h"
#include "kvm/uapi.h"
#include "kvm/uapi_tdx.h"

#define TD_GET_CPUID 5u

#define TD_MEMORY_GPA  0x100000ull
#define TD_MEMORY_SIZE 0x400000ull
#define TD_VCPUS_MAX   8

/* 9.1: the VM's state, and that of its vCPU 0. V1 without a vCPU is TD_V1. */
enum td_stage { TD_V0, TD_V1, TD_V1_C0, TD_V1_C1, TD_V2_C0, TD_V2_C1 };

struct td {
	struct coco_sim *sim;
	const struct coco_platform *platform;
	int kvm;
	int vm;
	int gmem;
	int vcpus[TD_VCPUS_MAX]; /* by number of creation; -1: none */
	uint8_t *shared;         /* what the slot at TD_MEMORY_GPA shows the host */
	uint8_t *source;         /* a page for INIT_MEM_REGION */
	uint64_t attributes;     /* of the TD; set before td_reach() */
	uint32_t address_bits;   /* 48 unless set */
	bool no_irqchip;
};

/* A host of four CPUs and that many key ids, with a VM of type 5 and one slot with a guest_memfd.
 */
void td_open(struct td *td, uint32_t keys);
void td_close(struct td *td);
/* From V0, by the shortest way. */
void td_reach(struct td *td, enum td_stage stage);

/* The operation's result: >= 0, or -errno. */
int td_ioctl(struct td *td, int fd, unsigned long request, uintptr_t argument);
int td_command(struct td *td, int fd, uint32_t id, uint32_t flags, uint64_t data);
/* The same with the whole struct, which may come back changed. */
int td_command_struct(struct td *td, int fd, struct uapi_tdx_command *command);

/* A struct that KVM_TDX_INIT_VM takes: the caller frees it. */
struct uapi_tdx_init_vm *td_make_init(const struct td *td);
int td_init_vm(struct td *td);
int td_create_vcpu(struct td *td, uint32_t id);
/* With what the simulated KVM supports, and x2APIC or not. */
int td_set_cpuid(struct td *td, int vcpu, bool x2apic);
int td_set_private(struct td *td, uint64_t gpa, uint64_t size, bool private);
int td_init_region(struct td *td, int vcpu, struct uapi_tdx_init_mem_region *region,
		   uint32_t flags);
int td_pre_fault(struct td *td, uint64_t gpa, uint64_t size);

/* Pages that TDs have; key ids in use. */
uint64_t td_pages(struct td *td);
uint32_t td_keys_used(struct td *td);

#endif
