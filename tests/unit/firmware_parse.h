/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What coco_firmware_parse() has to say of a maker's file. */
#ifndef FIRMWARE_PARSE_H
#define FIRMWARE_PARSE_H

#include "firmware_maker.h"

/* It is accepted. The caller frees the result. */
struct coco_firmware *parse_well(const struct maker *maker);
struct coco_firmware_info info_of_maker(const struct maker *maker);
/* It is refused as malformed, with these words. */
void expect_malformed(const struct maker *maker, const char *words);

#endif
