/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SNP: page states, validation, and vCPUs that the guest makes itself. */
#ifndef SNP_H
#define SNP_H

#include <stdbool.h>
#include <stdint.h>

/* Asks the VMM for pages to be on one side: 0 or negative. */
int64_t snp_request_state(uint64_t gpa, uint64_t pages, bool private);
/* Validates pages, or takes that back: 0 or negative. */
int64_t snp_validate(uint64_t gpa, uint64_t pages, bool valid);

/* Gives the VMM a state that vCPU `vcpu` starts with; false: that is not to be had here. */
bool snp_start_ap(uint32_t vcpu);

#endif
