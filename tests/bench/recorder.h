/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A platform that passes everything on to the kernel and can write down what it was asked, with all
 * data, and do exactly that again: the same system calls one after the other, and nothing else.
 */
#ifndef RECORDER_H
#define RECORDER_H

#include <cocoreset/sys/platform.h>
#include <stdbool.h>

struct recorder;

struct recorder *recorder_new(void);
const struct coco_platform *recorder_platform(struct recorder *recorder);
/* What is asked from now on is a new recording; false: recording ends. */
void recorder_record(struct recorder *recorder, bool on);
unsigned recorder_count(const struct recorder *recorder);
/* Ends the program if a call fails that went well before, or answers another descriptor. */
void recorder_replay(const struct recorder *recorder);

#endif
