/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Numbers that assembly and C share. Addresses are in tinyfw.ld. */
#ifndef LAYOUT_H
#define LAYOUT_H

#define MAX_VCPUS      64
#define BSP_STACK_SIZE 0x2000
#define AP_STACK_SIZE  0x400

#define SERIAL_PORT     0x3f8
#define SERIAL_LSR      (SERIAL_PORT + 5)
#define SERIAL_LSR_THRE 0x20

/* The attributes of KVM's hypercall MAP_GPA_RANGE. */
#define MAP_GPA_SHARED  0x00
#define MAP_GPA_PRIVATE 0x10

#endif
