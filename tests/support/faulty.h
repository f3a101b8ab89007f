/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A platform that passes calls on to another and makes the nth of them fail, once or from then on:
 * before anything has happened, as a kernel that runs out of something. A close that fails has
 * closed all the same.
 */
#ifndef FAULTY_H
#define FAULTY_H

#include <cocoreset/sys/platform.h>
#include <stdbool.h>

struct faulty;

struct faulty *faulty_new(const struct coco_platform *below);
void faulty_free(struct faulty *faulty);
const struct coco_platform *faulty_platform(struct faulty *faulty);

/* The nth call from now, counted from 1, fails with -error; with `sticky` all later ones too. 0:
 * none. */
void faulty_set(struct faulty *faulty, unsigned nth, int error, bool sticky);
/* Whether it has come to that. */
bool faulty_struck(const struct faulty *faulty);
/* "ioctl 0xc008aeba": what was the first to fail. */
const char *faulty_what(const struct faulty *faulty);

#endif
