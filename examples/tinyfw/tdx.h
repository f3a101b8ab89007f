/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* TDX: the module (TDCALL) and, through it, the VMM (TDVMCALL). */
#ifndef TDX_H
#define TDX_H

#include <stdbool.h>
#include <stdint.h>

void tdx_init(void);

/* Asks the VMM for pages to be on one side: 0 or negative. */
int64_t tdx_map_gpa(uint64_t gpa, uint64_t pages, bool private);
/* Takes pages that the VMM has given: 0 or negative. They are zero then. */
int64_t tdx_accept(uint64_t gpa, uint64_t pages);

/* Reports an error that the guest does not come back from; at most 64 bytes of the text go along.
 * Returns if the VMM lets it go on. */
void tdx_report_fatal_error(const char *text);

#endif
