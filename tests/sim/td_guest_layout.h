/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What td_guest.S and td_guest.c have to agree on. */
#ifndef TD_GUEST_LAYOUT_H
#define TD_GUEST_LAYOUT_H

/* The image ends at 4 GiB, where a TD begins. */
#define TD_GUEST_BASE 0xffff0000
#define TD_GUEST_SIZE 0x10000

/* Offsets in it; the code is at 0. */
#define TD_GUEST_PML4        0x1000
#define TD_GUEST_PDPT        0x2000
#define TD_GUEST_SHARED_PDPT 0x3000
#define TD_GUEST_IDT         0x4000
#define TD_GUEST_GDT         0x5000
#define TD_GUEST_GDTR        0x5100
#define TD_GUEST_IDTR        0x5110
#define TD_GUEST_CODE32      0x5200
#define TD_GUEST_STACKS      0x6000
#define TD_GUEST_RESET       0xfff0

/* The shared half of the address space is seen from here on, the private one at 0. */
#define TD_GUEST_SHARED 0x8000000000
/* A page a vCPU, the first at TD_MEMORY_GPA. */
#define TD_GUEST_MAILBOX (TD_GUEST_SHARED + 0x100000)

#define TD_GUEST_PORT 0x80

/* Offsets in a mailbox: struct td_mailbox. */
#define MAILBOX_OPERATION 0
#define MAILBOX_VECTOR    8
#define MAILBOX_ERROR     16
#define MAILBOX_RIP       24
#define MAILBOX_IN        32
#define MAILBOX_OUT       160
#define MAILBOX_TARGET    288

#endif
