/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A parsed UKI as the functions around it see it.
 *
 *     pe.c            headers and sections
 *     uki.c           the object, profiles, the public questions to it
 *     uki_firmware.c  firmware sections and tables of hardware ids
 *     uki_hashes.c    what a direct kernel boot is measured with
 *     payload.c       what a payload is
 *     chid.c          hardware ids of SMBIOS tables
 */
#ifndef COCO_IMAGE_UKI_H
#define COCO_IMAGE_UKI_H

#include <cocoreset/uki.h>

#include "image/blob.h"
#include "image/pe.h"

struct coco_uki {
	struct coco_blob *blob;
	struct coco_pe pe;
	struct coco_uki_info info;
};

/* coco_uki_parse() of bytes that need not be copied: takes a reference. */
int coco_uki_parse_blob(struct coco_blob *blob, struct coco_uki **out, struct coco_error *error);

/* Checks all `.efifw` and `.hwids` sections and counts their contents. */
int coco_uki_read_firmware(struct coco_uki *uki, struct coco_error *error);

/* The index of the first section of that name that is part of `profile` alone; the count if none.
 */
uint32_t coco_uki_find_own(const struct coco_uki *uki, uint32_t profile, const char *name,
			   uint32_t from);
/* The profile whose sections of that name count for `profile`: itself, or the base. */
uint32_t coco_uki_profile_of(const struct coco_uki *uki, uint32_t profile, const char *name);
int coco_uki_check_profile(const struct coco_uki *uki, uint32_t profile, struct coco_error *error);
/* The profile that section `index` is part of. */
uint32_t coco_uki_section_profile(const struct coco_uki *uki, uint32_t index);

#endif
