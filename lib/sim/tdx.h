/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * TDX: KVM's half and the module's half of a TD. The commands are in tdx_vm_command.c and
 * tdx_vcpu_command.c, pages in tdx_pages.c, what the guest does in tdx_call.c (TDCALL),
 * tdx_vmcall*.c (TDVMCALL) and tdx_ve.c (what it may not do itself).
 */
#ifndef COCO_SIM_TDX_H
#define COCO_SIM_TDX_H

#include "sim/cpu.h"
#include "sim/sim.h"
#include "sim/tdx_abi.h"
#include "sim/tdx_cpuid.h"
#include "sim/tdx_host.h"
#include "sim/tdx_mrtd.h"
#include "sim/tdx_params.h"

enum sim_td_state { SIM_TD_UNINITIALIZED, SIM_TD_INITIALIZED, SIM_TD_RUNNABLE };

/* sim_gmem_page.state of a TD's pages. */
enum sim_td_page {
	SIM_TD_PAGE_ABSENT,
	SIM_TD_PAGE_MAPPED,  /* added before the TD was finalized, or accepted since */
	SIM_TD_PAGE_PENDING, /* given by KVM, not accepted by the guest */
};

#define SIM_TD_RTMRS 4

/* sim_vm.tech_state */
struct sim_td {
	enum sim_td_state state;
	int key_id; /* 0: none. What ends when it is given back is in tdx.c */
	uint8_t key[32];
	uint64_t shared_bit; /* 0 before KVM_TDX_INIT_VM */
	struct sim_td_params params;
	struct sim_tdx_cpuid cpuid;
	struct sim_mrtd *mrtd;
	uint8_t digest[SIM_MRTD_SIZE]; /* once it is runnable */
	uint8_t rtmr[SIM_TD_RTMRS][SIM_MRTD_SIZE];
	uint64_t pages; /* private ones that the TD has */
	uint32_t vcpus; /* initialized */
};

/* What TDG.VP.VEINFO.GET tells. */
struct sim_ve_info {
	bool valid;
	uint32_t reason;
	uint64_t qualification;
	uint64_t gla;
	uint64_t gpa;
	uint32_t length;
};

/* sim_vcpu.tech_state */
struct sim_td_vcpu {
	bool initialized;
	bool ended;     /* TDX_NON_RECOVERABLE_VCPU: a triple fault */
	uint32_t index; /* the module's: in the order of initialization */
	uint64_t rcx;   /* KVM_TDX_INIT_VCPU's argument */
	struct sim_ve_info ve;
	/* The TDVMCALL under way: the registers by their x86 numbers, and which of them KVM sees.
	 */
	uint64_t args[16];
	uint32_t selected;
	uint64_t map_gpa_next;
	uint64_t map_gpa_end;
};

static inline struct sim_td *sim_td(const struct sim_vm *vm)
{
	return vm->tech_state;
}

static inline struct sim_td_vcpu *sim_td_vcpu(const struct sim_vcpu *vcpu)
{
	return vcpu->tech_state;
}

static inline struct sim_tdx_host *sim_tdx_host(const struct coco_sim *sim)
{
	return sim->tdx;
}

static inline bool sim_td_is_private(const struct sim_td *td, uint64_t gpa)
{
	return !(gpa & td->shared_bit);
}

/*
 * A SEAMCALL: counted, with latency, and with what a test dialled in for it. Returns the module's
 * status: a fault without one is `otherwise`.
 */
uint64_t sim_td_seamcall(struct sim_vm *vm, const char *name, uint64_t otherwise);

/* KVM_MEMORY_ENCRYPT_OP's argument. -EFAULT; -EINVAL: hw_error was not zero. */
int sim_td_get_command(uintptr_t argument, struct uapi_tdx_command *command);

int sim_td_vm_command(struct sim_vm *vm, uintptr_t argument);
int sim_td_vcpu_command(struct sim_vcpu *vcpu, uintptr_t argument);
/* INIT_MEM_REGION, once everything before the region's own checks was found right. */
int sim_td_init_region(struct sim_vcpu *vcpu, const struct uapi_tdx_command *command);
/* GET_CPUID. */
int sim_td_get_cpuid(struct sim_vcpu *vcpu, const struct uapi_tdx_command *command);

/* x2APIC mode, and whether the vCPU is the boot CPU. */
uint64_t sim_td_apic_base(const struct sim_vcpu *vcpu);

/* Pages (tdx_pages.c). */
int sim_td_add_page(struct sim_vm *vm, uint64_t gpa, const void *source, bool measure);
/* KVM's answer to a private access of an absent page: TDH.MEM.PAGE.AUG. 0, -EFAULT, -ENOMEM, -EIO.
 */
int sim_td_augment(struct sim_vm *vm, uint64_t gpa, struct sim_gmem_page **page, uint8_t **bytes);
int sim_td_pre_fault(struct sim_vcpu *vcpu, uint64_t gpa);
void sim_td_pages_gone(struct sim_vm *vm, struct sim_gmem *gmem, uint64_t offset, uint64_t size);
void sim_td_slot_deleted(struct sim_vm *vm, const struct sim_slot *slot);
void sim_td_attributes_changed(struct sim_vm *vm, uint64_t gpa, uint64_t size, uint64_t attributes);
void sim_td_find_memory(struct sim_vcpu *vcpu, uint64_t gpa, bool private, enum sim_access access,
			struct sim_memory *out);
/* What a guest reads or writes by a private address in a TDCALL: NULL if that page is not mapped.
 */
uint8_t *sim_td_private_page(struct sim_vm *vm, uint64_t gpa);

/* Run time. */
enum sim_verdict sim_td_instruction(struct sim_vcpu *vcpu, enum sim_instruction instruction);
enum sim_verdict sim_td_mmio(struct sim_vcpu *vcpu, uint64_t gpa, enum sim_access access);
enum sim_verdict sim_td_call(struct sim_vcpu *vcpu);
enum sim_verdict sim_td_vmcall(struct sim_vcpu *vcpu);
/* TDG.MEM.PAGE.ACCEPT's page: SIM_DONE with *status, or what its EPT violation leads to. */
enum sim_verdict sim_td_accept(struct sim_vcpu *vcpu, uint64_t page_info, uint64_t *status);

/*
 * A #VE. The vector that is due: TDX_VECTOR_VE, or TDX_VECTOR_DF if the guest has not fetched the
 * information of the last.
 */
uint32_t sim_td_note_ve(struct sim_vcpu *vcpu, uint32_t reason, uint64_t qualification,
			uint64_t gpa, uint32_t length);
enum sim_verdict sim_td_raise_ve(struct sim_vcpu *vcpu, uint32_t reason, uint64_t qualification,
				 uint64_t gpa, uint32_t length);
enum sim_verdict sim_td_raise_gp(struct sim_vcpu *vcpu);

#endif
