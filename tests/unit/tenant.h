/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files that a tenant of the standard guest could bring: 64 KiB that end at 4 GiB. */
#ifndef TENANT_H
#define TENANT_H

#include "firmware_maker.h"
#include "fixture.h"
#include "igvm_maker.h"

#define TENANT_MARK 0x100u /* where firmware and IGVM file have their mark, from ROM_GPA */

/* Raw firmware with OVMF's tables, whose sections lie in "ram", and that mark. */
void tenant_firmware(struct maker *maker, uint8_t mark);
/* An IGVM file for platforms of that type (enum coco_igvm_platform_type): 64 KiB of firmware. */
void tenant_igvm(struct igvm_maker *maker, uint32_t type, uint8_t mark);

/* A PE file with sections, for UKIs. */
struct uki_maker {
	uint8_t bytes[0x80000];
	uint32_t sections, size;
};
void uki_begin(struct uki_maker *maker);
void uki_section(struct uki_maker *maker, const char *name, const void *bytes, uint32_t size);
/* An `.efifw` section. */
void uki_firmware(struct uki_maker *maker, const char *id, const void *bytes, uint32_t size);

/* The mark that the guest sees in its firmware. */
uint8_t tenant_mark(struct fixture *f);

#endif
