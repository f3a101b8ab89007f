/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the platform is told at launch besides the image. */
#ifndef MINIVMM_TECH_OPTIONS_H
#define MINIVMM_TECH_OPTIONS_H

#include <cocoreset/cocoreset.h>

#include "options.h"

struct tech_options {
	struct coco_sev_options sev;
	struct coco_tdx_options tdx;
	uint8_t id_block[COCO_ID_BLOCK_SIZE];
	uint8_t id_auth[COCO_ID_AUTH_SIZE];
};

/* Fills *out and answers what of it coco_guest_options::tech_options is to be. */
const void *tech_options_make(const struct options *options, uint32_t tech,
			      struct tech_options *out);

/* What is wrong with the options for launches, or NULL; *name is the option. */
const char *tech_options_check(const struct options *options, const char **name);

#endif
