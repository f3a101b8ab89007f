/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reading regular files that nobody vouches for. */
#ifndef COCO_IMAGE_FILE_H
#define COCO_IMAGE_FILE_H

#include <cocoreset/error.h>

/*
 * Opens a regular file, which came as the argument `field`. `what` it is ("firmware") is for
 * messages. *size is set on success; size may be NULL. Returns a descriptor.
 */
int coco_file_open(const char *path, const char *what, const char *field, uint64_t *size,
		   struct coco_error *error);

/* Reads up to `size` bytes: fewer only at the end of the file. */
int coco_file_read(int fd, void *bytes, size_t size, const char *path, size_t *done,
		   struct coco_error *error);

/* Reads `size` bytes, which the file had when it was opened. */
int coco_file_read_whole(int fd, void *bytes, size_t size, const char *path,
			 struct coco_error *error);

/* The rules for firmware that coco_image_add_firmware() documents. */
int coco_firmware_check_size(uint64_t size, struct coco_error *error);

/* Reads a firmware file whole. The caller frees *out. */
int coco_firmware_read(const char *path, void **out, size_t *size, struct coco_error *error);

#endif
