/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* --offer: a file in the guest's shared memory, as if the guest had got it from a disk or network.
 */
#ifndef MINIVMM_OFFER_H
#define MINIVMM_OFFER_H

#include "vm.h"

/* Reads the file and adds the memory for it, which resets leave alone. False: a problem was
 * reported. */
bool offer_add(struct vm *vm);
/* Gives up what offer_add() took. */
void offer_release(struct vm *vm);

#endif
