/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Structs that begin with the caller's struct_size: the rules are in cocoreset/base.h. */
#ifndef COCO_BASE_OPTIONS_H
#define COCO_BASE_OPTIONS_H

#include <cocoreset/error.h>

/*
 * Copies the caller's option struct `from` into `to`, which is `size` bytes in
 * this library. `required` is the end of the last field that a caller must
 * have. `name` is the struct's name, for messages. NULL is not allowed.
 */
int coco_options_read(void *to, size_t size, const void *from, size_t required, const char *name,
		      struct coco_error *error);

/*
 * Copies the result `from` of `size` bytes to the caller's `to` as far as its struct_size reaches,
 * zeroes what lies beyond, and leaves struct_size alone.
 */
int coco_result_write(void *to, const void *from, size_t size, size_t required, const char *name,
		      struct coco_error *error);

/* The end of a member, for `required`. */
#define COCO_END_OF(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

#endif
