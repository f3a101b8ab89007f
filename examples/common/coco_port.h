/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The port device through which minivmm and tinyfw talk: minivmm models it,
 * tinyfw drives it. Little-endian registers from COCO_PORT_BASE on.
 */
#ifndef COCO_PORT_H
#define COCO_PORT_H

#define COCO_PORT_BASE 0xc0c0
#define COCO_PORT_SIZE 0x40

#define COCO_PORT_MAGIC      0xc0c0 /* in 32: COCO_PORT_MAGIC_VALUE when the device is there */
#define COCO_PORT_GENERATION 0xc0c4 /* in 32: the incarnation that runs, from 1 */
#define COCO_PORT_FEATURES   0xc0c8 /* in 32: COCO_FEATURE_* */
#define COCO_PORT_MEMORY     0xc0cc /* in 32: KiB of memory from address 0 on, below 4 GiB */
#define COCO_PORT_VCPUS      0xc0d0 /* in 32: how many vCPUs; their APIC ids count from 0 */
#define COCO_PORT_SCAN       0xc0d4 /* in 32: MiB of memory to search for an old secret */
#define COCO_PORT_COMMAND    0xc0d8 /* in 8: the next byte of this life's commands, 0 at their end */
#define COCO_PORT_FAILURES   0xc0dc /* out 32: checks that failed so far in this life */
#define COCO_PORT_HALT       0xc0e0 /* out 8: the guest is done; the VMM ends with this status */

#define COCO_PORT_MAGIC_VALUE 0x6f636f63 /* "coco" */

/* Memory has a private side, and the guest has to ask for it: a software-protected one with
 * KVM_HC_MAP_GPA_RANGE, others with what their technology has for it. */
#define COCO_FEATURE_CONVERT 0x1

#endif
