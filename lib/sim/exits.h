/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Port I/O, MMIO and MSR accesses that user space has to serve: how KVM puts them into kvm_run, and
 * what it serves itself before. Whoever the guest asked (an instruction, a GHCB, a TDVMCALL), it
 * ends here.
 */
#ifndef COCO_SIM_EXITS_H
#define COCO_SIM_EXITS_H

#include "sim/sim.h"

/* Writes: true: an ioeventfd or the coalesced ring took it. False: kvm_run is filled. */
bool sim_exit_pio_write(struct sim_vcpu *vcpu, uint16_t port, uint32_t size, uint32_t value);
bool sim_exit_mmio_write(struct sim_vcpu *vcpu, uint64_t gpa, uint32_t size, uint64_t value);

/* Reads: kvm_run is filled; what user space answered is there when KVM_RUN comes again. The size
 * is to be the one that was asked for: kvm_run is user space's to write. */
void sim_exit_pio_read(struct sim_vcpu *vcpu, uint16_t port, uint32_t size);
uint32_t sim_exit_pio_value(const struct sim_vcpu *vcpu, uint32_t size);
void sim_exit_mmio_read(struct sim_vcpu *vcpu, uint64_t gpa, uint32_t size);
uint64_t sim_exit_mmio_value(const struct sim_vcpu *vcpu, uint32_t size);

/*
 * An MSR access that failed for that KVM_MSR_EXIT_REASON_*. True: user space asked to see such
 * (KVM_CAP_X86_USER_SPACE_MSR), and kvm_run is filled. False: it is the guest's to suffer.
 */
bool sim_exit_msr(struct sim_vcpu *vcpu, uint32_t index, bool write, uint64_t data,
		  uint32_t reason);

#endif
