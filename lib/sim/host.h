/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Constants of the simulated host, and of the KVM on it. */
#ifndef COCO_SIM_HOST_H
#define COCO_SIM_HOST_H

#include <stdint.h>

#define SIM_RUN_SIZE       12288u /* kvm_run, PIO data, coalesced ring */
#define SIM_TSC_KHZ        2000000u
#define SIM_MAX_TSC_KHZ    0xffffffffu
#define SIM_XCR0_SUPPORTED 0x7ull /* x87, SSE, AVX */
#define SIM_MCE_BANKS      32u
#define SIM_MCG_CAP        (0x1000000ull | 1ull << 8 | 1ull << 27 | SIM_MCE_BANKS)
#define SIM_APIC_BASE      0xfee00000ull

#define SIM_MAX_IO_MSRS 256u  /* MAX_IO_MSRS */
#define SIM_XSAVE_SIZE  4096u /* KVM_CAP_XSAVE2 */

/* struct kvm_xsave without its open end: FXSAVE's area in front, then the header, then AVX. */
struct sim_xsave {
	uint32_t region[SIM_XSAVE_SIZE / sizeof(uint32_t)];
};

#endif
