/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the parts of cocoreset-inspect call each other by. Functions that look into something add
 * what they find to an object and return 0, or -errno with `error` filled.
 */
#ifndef INSPECT_INSPECT_H
#define INSPECT_INSPECT_H

#include <cocoreset/cocoreset.h>

#include "object.h"

/* A file, or what is in one. */
int inspect_bytes(const void *bytes, size_t size, struct json_object *to, struct coco_error *error);
int inspect_firmware(const void *bytes, size_t size, struct json_object *to,
		     struct coco_error *error);
int inspect_igvm(const void *bytes, size_t size, struct json_object *to, struct coco_error *error);
int inspect_uki(const void *bytes, size_t size, struct json_object *to, struct coco_error *error);

/* The measurement of an image as hexadecimal, or why there is none. */
void put_digest(struct json_object *to, const char *key, const struct coco_image *image,
		uint32_t tech, uint32_t flags);
/* What the image consists of, run by run. */
void put_runs(struct json_object *to, const struct coco_image *image);

/* Prints what was found for people. */
void print_table(struct json_object *object);

#endif
