/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the memory controller does to a page of an encrypted guest: as on hardware the ciphertext
 * depends on the guest's key and on the page's place. It hides nothing; it is there to be noise to
 * all others.
 */
#ifndef COCO_SIM_SEV_CIPHER_H
#define COCO_SIM_SEV_CIPHER_H

#include <stddef.h>
#include <stdint.h>

/* Encrypts or decrypts `size` bytes (of one page) that are `offset` into the page at `place`. */
void sim_cipher(uint64_t key, uint64_t place, size_t offset, uint8_t *bytes, size_t size);
/* To see whether a page was changed behind the guest's back. */
uint64_t sim_page_checksum(const uint8_t page[4096]);

#endif
