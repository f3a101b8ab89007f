/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * How tinyfw reaches the fields of cocoreset/fwupdate.h in minivmm: a port device that is to
 * them what fw_cfg is in other VMMs. Little-endian registers from FWUPDATE_PORT_BASE on.
 */
#ifndef FWUPDATE_PORT_H
#define FWUPDATE_PORT_H

#define FWUPDATE_PORT_BASE 0xc140
#define FWUPDATE_PORT_SIZE 0x20

#define FWUPDATE_PORT_MAGIC  0xc140 /* in 32: FWUPDATE_PORT_MAGIC_VALUE when the device is there */
#define FWUPDATE_PORT_SELECT 0xc144 /* out 32: enum coco_fwupdate_field, from its start */
/* in 8: the field's next byte; out 8: the next of what is to be written */
#define FWUPDATE_PORT_DATA   0xc148
#define FWUPDATE_PORT_COMMIT 0xc14c /* out 32: writes what came from DATA to the field's start */
#define FWUPDATE_PORT_RESULT 0xc150 /* in 32: how the last COMMIT went: 0, or an errno */
/* Where the VMM has put a file for the guest to bring, in shared memory; size 0: nowhere. */
#define FWUPDATE_PORT_OFFER_GPA  0xc154 /* in 32 */
#define FWUPDATE_PORT_OFFER_SIZE 0xc158 /* in 32 */

#define FWUPDATE_PORT_MAGIC_VALUE 0x75666d76 /* "vmfu" */

/* The fields, as in enum coco_fwupdate_field; firmware has no such header. */
#define FWUPDATE_FIELD_BLOB    2
#define FWUPDATE_FIELD_OPAQUE  3
#define FWUPDATE_FIELD_DISABLE 4
#define FWUPDATE_FIELD_STATUS  5

#endif
