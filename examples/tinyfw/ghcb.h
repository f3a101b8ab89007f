/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How an SEV-ES or SNP guest talks to its VMM (GHCB specification, revision 2.03). */
#ifndef GHCB_H
#define GHCB_H

#include <stdbool.h>
#include <stdint.h>

/* Events of the GHCB page: exits of the processor (APM volume 2, appendix C), and its own */
#define EXIT_CPUID        0x72
#define EXIT_HLT          0x78
#define EXIT_IOIO         0x7b
#define EXIT_MSR          0x7c
#define EXIT_WBINVD       0x89
#define EVENT_RESET_HOLD  0x80000004
#define EVENT_PSC         0x80000010
#define EVENT_AP_CREATION 0x80000013

#define GHCB_SHARED_BUFFER      0x800
#define GHCB_SHARED_BUFFER_SIZE 0x7f0

/* Of the calling vCPU: makes its page shared, known to the VMM, and what the others below use. */
void ghcb_init(uint32_t vcpu);
/* Of the calling vCPU, in the shared view. */
volatile uint64_t *ghcb_page(void);

/* A request of the MSR protocol, and its answer. The page is in use again afterwards. */
uint64_t ghcb_msr_protocol(uint64_t request);
/* Terminates the guest. Returns if the VMM lets it go on. */
void ghcb_terminate(uint32_t set, uint32_t code);

/*
 * Begins a request: nothing in the page is valid. ghcb_put() and ghcb_call() follow; false: the VMM
 * says that it was wrong.
 */
void ghcb_begin(void);
void ghcb_put(uint32_t field, uint64_t value);
bool ghcb_call(uint64_t event, uint64_t info1, uint64_t info2);
uint64_t ghcb_get(uint32_t field);

/* Fields of the page */
#define GHCB_RAX      0x1f8
#define GHCB_RCX      0x308
#define GHCB_RDX      0x310
#define GHCB_RBX      0x318
#define GHCB_CODE     0x390
#define GHCB_INFO1    0x398
#define GHCB_INFO2    0x3a0
#define GHCB_SCRATCH  0x3a8
#define GHCB_XCR0     0x3e8
#define GHCB_BITMAP   0x3f0
#define GHCB_VERSIONS 0xff8 /* bits 31:16 the protocol's version, 63:32 the page's usage: 0 */

bool ghcb_msr(uint32_t msr, bool write, uint64_t *value);
/* AP reset hold: returns after a SIPI, or for no reason. */
void ghcb_reset_hold(void);

#endif
