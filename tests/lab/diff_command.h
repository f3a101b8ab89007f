/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the operations with KVM_MEMORY_ENCRYPT_OP share. */
#ifndef DIFF_COMMAND_H
#define DIFF_COMMAND_H

#include "diff.h"

#define NOWHERE ((void *)8)

/* Sets the result's rc and status. `file` 0: with the descriptor of /dev/sev. */
int diff_command(struct diff_side *side, struct diff_vm *vm, uint32_t id, const void *data,
		 uint8_t file, struct diff_result *result);

#endif
