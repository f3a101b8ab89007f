/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Launch measurements of IGVM files: `cocoreset-measure --igvm FILE`, with options of its own. */
#ifndef MEASURE_IGVM_H
#define MEASURE_IGVM_H

#include <stdbool.h>

/* Whether the command line is about an IGVM file. */
bool igvm_wanted(int argc, char **argv);

/* All of it: the exit status of the program. */
int igvm_run(int argc, char **argv);

/* Its part of --help. */
void igvm_print_help(void);

#endif
