/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A picture of all resets: a column for each, made of the times of its phases. */
#ifndef MINIVMM_PLOT_H
#define MINIVMM_PLOT_H

#include <stdbool.h>

#include "report.h"

/* Writes an SVG of the incarnations that the report has kept. False: it can't be written (errno).
 */
bool plot_write(const struct report *report, const char *path);

#endif
