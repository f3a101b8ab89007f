/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The commands id-block and id-auth. */
#ifndef MEASURE_ID_BLOCK_H
#define MEASURE_ID_BLOCK_H

#include "options.h"

/* Prints the ID block or its authentication page; returns the program's exit status. */
int id_block_run(const struct options *options);

#endif
