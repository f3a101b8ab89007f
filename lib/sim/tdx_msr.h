/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whose an MSR of a TD is: KVM's to emulate, or the module's to let the guest at. */
#ifndef COCO_SIM_TDX_MSR_H
#define COCO_SIM_TDX_MSR_H

#include <stdbool.h>
#include <stdint.h>

/* tdx_has_emulated_msr() and tdx_is_read_only_msr() of Linux 7.2. */
bool sim_td_kvm_reads_msr(uint32_t index);
bool sim_td_kvm_writes_msr(uint32_t index);

/* RDMSR and WRMSR go through without a #VE. */
bool sim_td_guest_reads_msr(uint32_t index);
bool sim_td_guest_writes_msr(uint32_t index);

#endif
