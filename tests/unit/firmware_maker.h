/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Makes firmware files for tests: 64 KiB with the tables that a test wants, in their right form or
 * in a wrong one.
 */
#ifndef FIRMWARE_MAKER_H
#define FIRMWARE_MAKER_H

#include <stddef.h>
#include <stdint.h>

#include <cocoreset/firmware.h>

#define MAKER_SIZE 0x10000u
/* The firmware's address in the guest. */
#define MAKER_BASE (0x100000000ull - MAKER_SIZE)
/* Where a right footer's fields are. */
#define MAKER_FOOTER_GUID   (MAKER_SIZE - 48)
#define MAKER_FOOTER_LENGTH (MAKER_SIZE - 50)

/* As UEFI stores it. */
struct maker_guid {
	uint32_t a;
	uint16_t b, c;
	uint8_t d[8];
};

extern const struct maker_guid maker_footer, maker_reset_block, maker_secret_area, maker_hash_table,
	maker_sev_metadata, maker_tdx_metadata, maker_svsm_info, maker_unknown;

struct maker {
	uint8_t bytes[MAKER_SIZE];
	/* Offsets: where the next entry will end, where the metadata are. */
	size_t entries, sev, tdx;
	uint32_t sev_count, tdx_count;
};

void maker_put16(struct maker *maker, size_t offset, uint16_t value);
void maker_put32(struct maker *maker, size_t offset, uint32_t value);
void maker_put64(struct maker *maker, size_t offset, uint64_t value);
void maker_put_guid(struct maker *maker, size_t offset, const struct maker_guid *guid);

/* A file with an empty table. */
void maker_init(struct maker *maker);
/* Adds an entry to the table. */
void maker_entry(struct maker *maker, const struct maker_guid *guid, const void *data, size_t size);
void maker_entry32(struct maker *maker, const struct maker_guid *guid, uint32_t value);
void maker_area(struct maker *maker, const struct maker_guid *guid, uint32_t gpa, uint32_t size);
/* Adds the metadata's entry to the table and a header without sections. */
void maker_begin_sev(struct maker *maker);
void maker_begin_tdx(struct maker *maker);
/* The same header without an entry in the table, but with its offset where older files have it. */
void maker_begin_tdx_old(struct maker *maker);
void maker_sev_section(struct maker *maker, uint32_t gpa, uint32_t size, uint32_t type);
void maker_tdx_section(struct maker *maker, const struct coco_firmware_section *section);

/* What OVMF has: reset block, both areas, SEV and TDX metadata with sections of all kinds. */
void maker_ovmf(struct maker *maker);

#endif
