/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SEV, SEV-ES and SNP guests at run time: instructions, #VC, and what they ask of KVM by VMGEXIT.
 */
#ifndef COCO_SIM_SEV_RUN_H
#define COCO_SIM_SEV_RUN_H

#include "sim/sev.h"

/* Exit codes that a GHCB names: AMD APM volume 2, appendix C; GHCB specification, table 5. */
#define SIM_VC_READ_DR7      0x027u
#define SIM_VC_WRITE_DR7     0x037u
#define SIM_VC_RDTSC         0x06eu
#define SIM_VC_RDPMC         0x06fu
#define SIM_VC_CPUID         0x072u
#define SIM_VC_INVD          0x076u
#define SIM_VC_IOIO          0x07bu
#define SIM_VC_MSR           0x07cu
#define SIM_VC_VMMCALL       0x081u
#define SIM_VC_RDTSCP        0x087u
#define SIM_VC_WBINVD        0x089u
#define SIM_VC_MONITOR       0x08au
#define SIM_VC_MWAIT         0x08bu
#define SIM_VC_NPF           0x400u
#define SIM_VC_NOT_VALIDATED 0x404u

#define SIM_GHCB_MMIO_READ         0x80000001ull
#define SIM_GHCB_MMIO_WRITE        0x80000002ull
#define SIM_GHCB_NMI_COMPLETE      0x80000003ull
#define SIM_GHCB_AP_RESET_HOLD     0x80000004ull
#define SIM_GHCB_AP_JUMP_TABLE     0x80000005ull
#define SIM_GHCB_PSC               0x80000010ull
#define SIM_GHCB_GUEST_REQUEST     0x80000011ull
#define SIM_GHCB_EXT_GUEST_REQUEST 0x80000012ull
#define SIM_GHCB_AP_CREATION       0x80000013ull
#define SIM_GHCB_HV_FEATURES       0x8000fffdull
#define SIM_GHCB_TERM_REQUEST      0x8000fffeull
#define SIM_GHCB_UNSUPPORTED       0x8000ffffull

/* SW_EXITINFO1 and its suberrors, GHCB specification 4.1. */
#define SIM_GHCB_EXCEPTION       1u
#define SIM_GHCB_MALFORMED       2u
#define SIM_GHCB_NOT_REGISTERED  1u
#define SIM_GHCB_INVALID_USAGE   2u
#define SIM_GHCB_INVALID_SCRATCH 3u
#define SIM_GHCB_MISSING_INPUT   4u
#define SIM_GHCB_INVALID_INPUT   5u
#define SIM_GHCB_INVALID_EVENT   6u

/* Where a GHCB has what (GHCB specification, table 3); valid_bitmap has a bit for each 8 bytes of
 * the save area. */
#define SIM_GHCB_CPL        0x0cbu
#define SIM_GHCB_RAX        0x1f8u
#define SIM_GHCB_RCX        0x308u
#define SIM_GHCB_RDX        0x310u
#define SIM_GHCB_RBX        0x318u
#define SIM_GHCB_RSI        0x330u
#define SIM_GHCB_CODE       0x390u
#define SIM_GHCB_INFO1      0x398u
#define SIM_GHCB_INFO2      0x3a0u
#define SIM_GHCB_SCRATCH    0x3a8u
#define SIM_GHCB_XCR0       0x3e8u
#define SIM_GHCB_VALID      0x3f0u
#define SIM_GHCB_SHARED     0x800u
#define SIM_GHCB_SHARED_END 0xff0u
#define SIM_GHCB_USAGE      0xffcu

/* flags of KVM_EXIT_HYPERCALL; headers before Linux 6.4 have a u32 there. */
#define SIM_RUN_HYPERCALL_FLAGS 96u

#define SIM_HV_FEATURES 0x3u /* SNP, AP creation */

#define SIM_MSR_GHCB       0xc0010130u
#define SIM_MSR_SEV_STATUS 0xc0010131u

/* The technology's steps (struct sim_tech). */
uint64_t sim_sev_address_bit(const struct sim_vcpu *vcpu);
enum sim_verdict sim_sev_instruction(struct sim_vcpu *vcpu, enum sim_instruction instruction);
enum sim_verdict sim_sev_mmio(struct sim_vcpu *vcpu, uint64_t gpa, enum sim_access access);

/*
 * How KVM goes on, as its exit handlers say it: 1 with the guest, 0 by an exit to user space
 * (kvm_run is filled), or -errno.
 */

/* VMGEXIT. */
int sim_sev_vmgexit(struct sim_vcpu *vcpu);
int sim_ghcb_msr_protocol(struct sim_vcpu *vcpu);
int sim_ghcb_event(struct sim_vcpu *vcpu);

int sim_ghcb_io(struct sim_vcpu *vcpu);
int sim_ghcb_mmio(struct sim_vcpu *vcpu, bool write);
int sim_ghcb_msr(struct sim_vcpu *vcpu);
int sim_ghcb_vmmcall(struct sim_vcpu *vcpu);
int sim_ghcb_cpuid(struct sim_vcpu *vcpu);
int sim_ghcb_psc(struct sim_vcpu *vcpu);
int sim_ghcb_psc_msr(struct sim_vcpu *vcpu);
int sim_ghcb_ap_creation(struct sim_vcpu *vcpu);
int sim_ghcb_guest_request(struct sim_vcpu *vcpu, bool extended);
int sim_ghcb_ap_reset_hold(struct sim_vcpu *vcpu, enum sim_ap_hold hold);
int sim_ghcb_terminate(struct sim_vcpu *vcpu);

/* The answers. */
void sim_ghcb_success(struct sim_vcpu *vcpu, uint64_t data);
void sim_ghcb_bad_input(struct sim_vcpu *vcpu, uint64_t suberror);
void sim_ghcb_exception(struct sim_vcpu *vcpu, uint32_t vector);
/* The GHCB gets the answer: before each entry. */
void sim_ghcb_finish(struct sim_vcpu *vcpu);
/* Whether the guest has said that a field of the save area is valid. */
bool sim_ghcb_has(const struct sim_ghcb_event *event, uint32_t offset);
/*
 * setup_vmgexit_scratch(): 1 and what is left of the scratch area from there on in *size (at least
 * `need`); 0 the guest has got its answer; -errno.
 */
int sim_ghcb_scratch(struct sim_vcpu *vcpu, uint64_t need, uint64_t *size);

/* A VMM's answer to KVM_HC_MAP_GPA_RANGE is one that KVM takes. */
bool sim_is_map_gpa_answer(uint64_t ret);
void sim_fill_map_gpa(struct sim_vcpu *vcpu, uint64_t gpa, uint64_t pages, uint64_t attributes);

/* Guest memory as KVM reads and writes it: the host's side. -EFAULT. */
int sim_sev_guest_read(const struct sim_vm *vm, uint64_t gpa, void *out, uint64_t size);
int sim_sev_guest_write(const struct sim_vm *vm, uint64_t gpa, const void *in, uint64_t size);

#endif
