/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a simulated VM is like, as text that two VMs can be compared by. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "rig.h"

/* One line for each thing that is set, sorted. The caller frees it. */
char *snapshot_take(struct rig *rig);
/* Compares, and tells the first line that only one of them has. Frees both. */
void snapshot_expect_same(char *before, char *after, const char *what);
/* The same set of lines? */
bool snapshot_same(const char *a, const char *b);

#endif
