/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A TDVMCALL under way: the registers that the guest lets KVM see, and KVM's answer. */
#ifndef COCO_SIM_TDX_VMCALL_H
#define COCO_SIM_TDX_VMCALL_H

#include "sim/tdx.h"

uint64_t sim_td_arg(const struct sim_vcpu *vcpu, enum sim_gpr gpr);
void sim_td_set_arg(struct sim_vcpu *vcpu, enum sim_gpr gpr, uint64_t value);

/* Back to the guest, with R10 as the result, or as it is. */
enum sim_verdict sim_td_return(struct sim_vcpu *vcpu, uint64_t result);
/* User space serves it; KVM_RUN comes back to `complete`, which ends with sim_td_resume(). */
enum sim_verdict sim_td_exit(struct sim_vcpu *vcpu, int (*complete)(struct sim_vcpu *vcpu));
/* What the guest gets: the registers that it selected. Returns 0. */
int sim_td_resume(struct sim_vcpu *vcpu);

/* tdx_vmcall_io.c */
enum sim_verdict sim_td_vmcall_io(struct sim_vcpu *vcpu);
enum sim_verdict sim_td_vmcall_mmio(struct sim_vcpu *vcpu);
enum sim_verdict sim_td_vmcall_msr(struct sim_vcpu *vcpu, bool write);
enum sim_verdict sim_td_vmcall_cpuid(struct sim_vcpu *vcpu);

/* tdx_vmcall_exit.c */
enum sim_verdict sim_td_vmcall_map_gpa(struct sim_vcpu *vcpu);
enum sim_verdict sim_td_vmcall_get_quote(struct sim_vcpu *vcpu);
enum sim_verdict sim_td_vmcall_get_info(struct sim_vcpu *vcpu);
enum sim_verdict sim_td_vmcall_event_notify(struct sim_vcpu *vcpu);
enum sim_verdict sim_td_vmcall_fatal(struct sim_vcpu *vcpu);
enum sim_verdict sim_td_vmcall_hypercall(struct sim_vcpu *vcpu);

#endif
