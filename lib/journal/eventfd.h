/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Telling files apart by more than their numbers, which are given anew. */
#ifndef COCO_JOURNAL_EVENTFD_H
#define COCO_JOURNAL_EVENTFD_H

#include <cocoreset/error.h>
#include <stdbool.h>

/*
 * What tells an eventfd from all others that are open, by whatever number: the kernel's own id
 * (proc(5), fdinfo), or its number where there is no /proc. Never 0. -EBADF, -EINVAL if it is
 * something else.
 */
int coco_eventfd_id(int fd, uint64_t *out, struct coco_error *error);

/*
 * A watch tells whether a number means the same open file as when it was added, without keeping
 * that open: an epoll instance forgets a file that is closed, and knows it by file and number.
 * `watch` is -1 before the first is added; whoever has it closes it. 1: it was not there under that
 * number, 0: it was, or -errno.
 */
int coco_watch_add(int *watch, int fd, struct coco_error *error);
bool coco_watch_has(int watch, int fd);

/* Whether two numbers mean the same open file. */
bool coco_same_file(int a, int b);

#endif
