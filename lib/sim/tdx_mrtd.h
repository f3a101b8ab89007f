/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* MRTD: one SHA-384 stream over the pages that are added to a TD before it is finalized. */
#ifndef COCO_SIM_TDX_MRTD_H
#define COCO_SIM_TDX_MRTD_H

#include <stdint.h>

#define SIM_MRTD_SIZE  48
#define SIM_MRTD_CHUNK 256

struct sim_mrtd;

/* The empty stream that TDH.MNG.INIT starts. -ENOMEM. */
int sim_mrtd_new(struct sim_mrtd **out);
void sim_mrtd_free(struct sim_mrtd *mrtd);

/* TDH.MEM.PAGE.ADD: the page's address goes in, its contents do not. 0 or -EIO. */
int sim_mrtd_add(struct sim_mrtd *mrtd, uint64_t gpa);
/* TDH.MR.EXTEND: SIM_MRTD_CHUNK bytes at `gpa`. */
int sim_mrtd_extend(struct sim_mrtd *mrtd, uint64_t gpa, const uint8_t *chunk);
/* What TDH.MR.FINALIZE would say now; the stream goes on. */
int sim_mrtd_read(const struct sim_mrtd *mrtd, uint8_t digest[SIM_MRTD_SIZE]);

#endif
