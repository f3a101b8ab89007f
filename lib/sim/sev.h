/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SEV, SEV-ES and SNP as KVM has them: what sev_*.c share. */
#ifndef COCO_SIM_SEV_H
#define COCO_SIM_SEV_H

#include "sim/sim.h"

#include "kvm/uapi_sev.h"
#include "sim/sev_asid.h"
#include "sim/sev_psp.h"
#include "sim/sev_vmsa.h"

#define SIM_SEV_FEATURE_SNP        (1ull << 0)
#define SIM_SEV_FEATURE_DEBUG_SWAP (1ull << 5)
#define SIM_SEV_FEATURE_SECURE_TSC (1ull << 9)

/* Where KVM puts the VMSAs that it makes, as far as the RMP and the launch digest are concerned. */
#define SIM_SNP_VMSA_GPA 0xfffffffff000ull

#define SIM_SEV_NO_GPA UINT64_MAX

/* --- the host (sev_host.c) */

struct sim_sev_host {
	struct coco_sim *sim;
	struct sim_psp psp;
	struct sim_sev_asids asids;
	bool dead; /* the processor did not answer: it is not asked again */
	bool sev;  /* enabled in KVM */
	bool es;
	bool snp;
	uint64_t vmsa_features;
	uint64_t snp_policy;
	uint64_t rmp_pages; /* assigned to guests */
};

struct sim_sev_host *sim_sev_host(const struct coco_sim *sim);

/*
 * What the driver does around a firmware command. begin: 0 if it is to be executed, else -errno,
 * and *error as the kernel leaves it. `fd` has to be of /dev/sev; begin_kernel is for the kernel's
 * own commands.
 */
int sim_sev_begin(struct coco_sim *sim, int fd, const char *command, uint32_t *error);
int sim_sev_begin_kernel(struct coco_sim *sim, const char *command, uint32_t *error);
/* -EIO if the status is not 0. */
int sim_sev_end(uint16_t status, uint32_t *error);
/* What INIT2 does where the platform was shut down. */
int sim_sev_platform_init(struct sim_sev_host *host, uint32_t *error);

/* --- VMs (sev_vm.c) */

struct sim_sev_region {
	struct sim_sev_region *next;
	uint64_t address;
	uint64_t size;
};

/* Plaintext of host memory of a SEV or SEV-ES guest (sev_memory.c). */
struct sim_sev_chunk;
#define SIM_SEV_CHUNK_BUCKETS 256

struct sim_sev_vm {
	struct sim_vm *vm;
	uint64_t type; /* KVM_CREATE_VM's */
	enum sim_sev_kind kind;
	bool need_init;
	bool active;
	uint32_t asid;
	uint64_t features;
	uint16_t ghcb_version;
	int fd; /* a number that START was given, and no reference */
	uint64_t policy;
	uint32_t handle;
	struct sim_psp_context *context;
	bool certs;
	bool pre_fault;
	uint64_t ap_jump_table;
	struct sim_sev_region *regions;
	uint64_t pages_locked;
	uint8_t key_bytes[32];
	uint64_t key;
	struct sim_sev_chunk *chunks[SIM_SEV_CHUNK_BUCKETS];
};

/* Why a vCPU waits for a SIPI in KVM. */
enum sim_ap_hold { SIM_AP_HOLD_NONE, SIM_AP_HOLD_EVENT, SIM_AP_HOLD_MSR };

/* The VMGEXIT that is being served: what KVM keeps of the GHCB, and its answer (sev_ghcb.c). */
struct sim_ghcb_event {
	bool active; /* the GHCB at `gpa` gets the answer at the next entry */
	uint64_t gpa;
	uint64_t code;
	uint64_t info1;
	uint64_t info2;
	uint64_t scratch; /* guest physical */
	uint64_t rax, rbx, rcx, rdx, rsi;
	uint64_t xcr0;
	uint64_t valid[2];
	uint16_t usage;
	uint8_t cpl;
	uint64_t answer1; /* SW_EXITINFO1 and 2 */
	uint64_t answer2;
	/* The data of MMIO and string I/O is in the scratch area; so far it went to or from user
	 * space. */
	uint64_t done;
	/* Page state changes: what is at user space now. */
	uint16_t psc_index;
	uint16_t psc_end;
	uint16_t psc_batch;
};

struct sim_sev_vcpu {
	bool protected;
	struct sim_vmsa vmsa;
	bool entered;      /* the CPU has the VMSA's state */
	bool has_vmsa;     /* false: after AP destroy, or a guest's VMSA that is not there */
	bool reload;       /* the guest's VMSA at `vmsa_gpa` is to be loaded before entry */
	uint64_t vmsa_gpa; /* of the guest's own VMSA; SIM_SEV_NO_GPA: KVM's */
	bool waiting_for_reset;
	bool change_requested; /* it is to act upon that in its next KVM_RUN */
	uint64_t pending_vmsa_gpa;
	uint64_t ghcb_msr;
	uint64_t ghcb_registered;
	bool received_first_sipi;
	enum sim_ap_hold hold;
	struct sim_ghcb_event event;
};

static inline struct sim_sev_vm *sim_sev_vm(const struct sim_vm *vm)
{
	return vm->tech_state;
}

static inline struct sim_sev_vcpu *sim_sev_vcpu(const struct sim_vcpu *vcpu)
{
	return vcpu->tech_state;
}

static inline bool sim_sev_is_es(const struct sim_sev_vm *sev)
{
	return sev->active && sev->kind != SIM_SEV_PLAIN;
}

static inline bool sim_sev_is_snp(const struct sim_sev_vm *sev)
{
	return sev->active && sev->kind == SIM_SEV_SNP;
}

/* KVM_MEMORY_ENCRYPT_OP on a VM of type 0: KVM_SEV_INIT and KVM_SEV_ES_INIT make it one of SEV. */
int sim_sev_legacy_command(struct sim_vm *vm, uintptr_t argument);

/* --- commands (sev_launch.c, sev_snp_launch.c, sev_data.c, sev_region.c) */

int sim_sev_init(struct sim_sev_vm *sev, struct uapi_sev_command *command);
int sim_sev_init2(struct sim_sev_vm *sev, struct uapi_sev_command *command);
int sim_sev_launch_start(struct sim_sev_vm *sev, struct uapi_sev_command *command);
int sim_sev_launch_update_data(struct sim_sev_vm *sev, struct uapi_sev_command *command);
int sim_sev_launch_update_vmsa(struct sim_sev_vm *sev, struct uapi_sev_command *command);
int sim_sev_launch_measure(struct sim_sev_vm *sev, struct uapi_sev_command *command);
int sim_sev_launch_secret(struct sim_sev_vm *sev, struct uapi_sev_command *command);
int sim_sev_launch_finish(struct sim_sev_vm *sev, struct uapi_sev_command *command);
int sim_sev_guest_status(struct sim_sev_vm *sev, struct uapi_sev_command *command);
int sim_sev_debug(struct sim_sev_vm *sev, struct uapi_sev_command *command);
int sim_sev_attestation_report(struct sim_sev_vm *sev, struct uapi_sev_command *command);
int sim_sev_migration(struct sim_sev_vm *sev, struct uapi_sev_command *command);
int sim_snp_launch_start(struct sim_sev_vm *sev, struct uapi_sev_command *command);
int sim_snp_launch_update(struct sim_sev_vm *sev, struct uapi_sev_command *command);
int sim_snp_launch_finish(struct sim_sev_vm *sev, struct uapi_sev_command *command);
int sim_snp_enable_certs(struct sim_sev_vm *sev, struct uapi_sev_command *command);

/* psp_copy_user_blob(): *out is the caller's to free. -EINVAL null, empty or too large; -EFAULT;
 * -ENOMEM. */
int sim_sev_copy_blob(uint64_t address, uint32_t size, uint8_t **out);
/* sev_pin_memory(): 0 if it could be pinned. `keep`: it stays so. */
int sim_sev_pin(struct sim_sev_vm *sev, uint64_t address, uint64_t size, bool writable, bool keep);
void sim_sev_unpin_all(struct sim_sev_vm *sev);
int sim_sev_register_region(struct sim_vm *vm, const struct kvm_enc_region *region);
int sim_sev_unregister_region(struct sim_vm *vm, const struct kvm_enc_region *region);

/* --- vCPUs (sev_vcpu.c) */

int sim_sev_create_vcpu(struct sim_vcpu *vcpu);
void sim_sev_destroy_vcpu(struct sim_vcpu *vcpu);
/* sev_es_sync_vmsa(): -EINVAL if it is protected already, debugged, or DR7 is armed. */
int sim_sev_capture_vmsa(struct sim_vcpu *vcpu);
/* kvm_lock_all_vcpus(): waits for those in KVM_RUN. */
void sim_sev_wait_for_vcpus(struct sim_vm *vm);
int sim_sev_refuse_vcpu_ioctl(const struct sim_vcpu *vcpu, unsigned long request);
bool sim_sev_refuse_msr(const struct sim_vcpu *vcpu, uint32_t index, bool write);
int sim_sev_check_run(struct sim_vcpu *vcpu);
int sim_sev_enter(struct sim_vcpu *vcpu);
bool sim_sev_init_event(struct sim_vcpu *vcpu);
bool sim_sev_sipi(struct sim_vcpu *vcpu, uint8_t vector);
/* SNP AP creation and destruction have arrived at the vCPU: what INIT does to it then. */
void sim_snp_change_vmsa(struct sim_vcpu *vcpu);

/* --- memory of SEV and SEV-ES (sev_memory.c) */

/*
 * What the guest has at a host address, and the other way round: the bytes become the guest's, and
 * their ciphertext is in host memory. -EFAULT.
 */
int sim_sev_read_plain(struct sim_sev_vm *sev, uint64_t address, void *out, uint64_t size);
int sim_sev_write_plain(struct sim_sev_vm *sev, uint64_t address, const void *in, uint64_t size);
void sim_sev_free_chunks(struct sim_sev_vm *sev);
void sim_sev_find_memory(struct sim_vcpu *vcpu, uint64_t gpa, bool private, enum sim_access access,
			 struct sim_memory *out);
bool sim_sev_is_hidden(const struct sim_vm *vm, uint64_t gpa);

/* --- memory of SNP (sev_snp_memory.c) */

/* What is in sim_gmem_page.state, as the RMP has it. */
enum sim_rmp_state { SIM_RMP_SHARED = 1, SIM_RMP_PRIVATE = 2 };
#define SIM_RMP_VALIDATED 1u
#define SIM_RMP_VMSA      2u

void sim_rmp_assign(struct sim_vm *vm, struct sim_gmem_page *page, uint64_t gpa, uint8_t flags);
/* Back to the host. */
void sim_rmp_release(struct sim_vm *vm, struct sim_gmem_page *page, uint8_t state);
void sim_snp_pages_gone(struct sim_vm *vm, struct sim_gmem *gmem, uint64_t offset, uint64_t size);
void sim_snp_find_memory(struct sim_vcpu *vcpu, uint64_t gpa, bool private, enum sim_access access,
			 struct sim_memory *out);
/* The page at `gpa`, assigned to the guest. -EFAULT no guest_memfd, -ENOMEM. */
int sim_snp_take_page(struct sim_vm *vm, uint64_t gpa, uint8_t **bytes,
		      struct sim_gmem_page **page);
int sim_snp_pre_fault(struct sim_vcpu *vcpu, uint64_t gpa);

#endif
