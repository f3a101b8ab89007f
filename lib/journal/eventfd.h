/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Telling files apart by more than their numbers, which are given anew. */
#ifndef COCO_JOURNAL_EVENTFD_H
#define COCO_JOURNAL_EVENTFD_H

#include <cocoreset/error.h>

/* The kernel's own id of an eventfd (proc(5), fdinfo). -EBADF, -EINVAL if it is something else. */
int coco_eventfd_id(int fd, uint64_t *out, struct coco_error *error);

/* Device and inode of any file, hashed into one number. */
int coco_file_id(int fd, uint64_t *out, struct coco_error *error);

#endif
