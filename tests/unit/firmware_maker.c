/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "firmware_maker.h"

#include <string.h>

#define SEV_AT 0x8000u
#define TDX_AT 0xa000u

const struct maker_guid maker_footer = {
	0x96b582de, 0x1fb2, 0x45f7, {0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d}};
const struct maker_guid maker_reset_block = {
	0x00f771de, 0x1a7e, 0x4fcb, {0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e}};
const struct maker_guid maker_secret_area = {
	0x4c2eb361, 0x7d9b, 0x4cc3, {0x80, 0x81, 0x12, 0x7c, 0x90, 0xd3, 0xd2, 0x94}};
const struct maker_guid maker_hash_table = {
	0x7255371f, 0x3a3b, 0x4b04, {0x92, 0x7b, 0x1d, 0xa6, 0xef, 0xa8, 0xd4, 0x54}};
const struct maker_guid maker_sev_metadata = {
	0xdc886566, 0x984a, 0x4798, {0xa7, 0x5e, 0x55, 0x85, 0xa7, 0xbf, 0x67, 0xcc}};
const struct maker_guid maker_tdx_metadata = {
	0xe47a6535, 0x984a, 0x4798, {0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2}};
const struct maker_guid maker_svsm_info = {
	0xa789a612, 0x0597, 0x4c4b, {0xa4, 0x9f, 0xcb, 0xb1, 0xfe, 0x9d, 0x1d, 0xdd}};
const struct maker_guid maker_unknown = {
	0x784fa70e, 0x3176, 0x4677, {0x8a, 0x20, 0x04, 0xb6, 0x86, 0x99, 0xe3, 0x74}};

void maker_put16(struct maker *maker, size_t offset, uint16_t value)
{
	maker->bytes[offset] = (uint8_t)value;
	maker->bytes[offset + 1] = (uint8_t)(value >> 8);
}

void maker_put32(struct maker *maker, size_t offset, uint32_t value)
{
	maker_put16(maker, offset, (uint16_t)value);
	maker_put16(maker, offset + 2, (uint16_t)(value >> 16));
}

void maker_put64(struct maker *maker, size_t offset, uint64_t value)
{
	maker_put32(maker, offset, (uint32_t)value);
	maker_put32(maker, offset + 4, (uint32_t)(value >> 32));
}

void maker_put_guid(struct maker *maker, size_t offset, const struct maker_guid *guid)
{
	maker_put32(maker, offset, guid->a);
	maker_put16(maker, offset + 4, guid->b);
	maker_put16(maker, offset + 6, guid->c);
	memcpy(maker->bytes + offset + 8, guid->d, sizeof(guid->d));
}

static void set_table_length(struct maker *maker)
{
	maker_put16(maker, MAKER_FOOTER_LENGTH, (uint16_t)(MAKER_SIZE - 32 - maker->entries));
}

void maker_init(struct maker *maker)
{
	memset(maker, 0, sizeof(*maker));
	for (size_t i = 0; i < MAKER_SIZE; i++)
		maker->bytes[i] = (uint8_t)(i * 13 + i / 4096);
	maker_put_guid(maker, MAKER_FOOTER_GUID, &maker_footer);
	maker->entries = MAKER_FOOTER_LENGTH;
	set_table_length(maker);
	/* Where older files have an offset, others have code. */
	maker_put32(maker, MAKER_SIZE - 32, 0x90ff2ae9);
}

void maker_entry(struct maker *maker, const struct maker_guid *guid, const void *data, size_t size)
{
	maker_put_guid(maker, maker->entries - 16, guid);
	maker_put16(maker, maker->entries - 18, (uint16_t)(size + 18));
	if (size)
		memcpy(maker->bytes + maker->entries - 18 - size, data, size);
	maker->entries -= 18 + size;
	set_table_length(maker);
}

void maker_entry32(struct maker *maker, const struct maker_guid *guid, uint32_t value)
{
	const uint8_t data[4] = {0};

	maker_entry(maker, guid, data, sizeof(data));
	maker_put32(maker, maker->entries, value);
}

void maker_area(struct maker *maker, const struct maker_guid *guid, uint32_t gpa, uint32_t size)
{
	const uint8_t data[8] = {0};

	maker_entry(maker, guid, data, sizeof(data));
	maker_put32(maker, maker->entries, gpa);
	maker_put32(maker, maker->entries + 4, size);
}

static void put_header(struct maker *maker, size_t at, const char *signature, uint32_t count,
		       uint32_t each)
{
	memcpy(maker->bytes + at, signature, 4);
	maker_put32(maker, at + 4, 16 + count * each);
	maker_put32(maker, at + 8, 1);
	maker_put32(maker, at + 12, count);
}

void maker_begin_sev(struct maker *maker)
{
	maker->sev = SEV_AT;
	maker_entry32(maker, &maker_sev_metadata, MAKER_SIZE - SEV_AT);
	put_header(maker, maker->sev, "ASEV", 0, 12);
}

void maker_begin_tdx(struct maker *maker)
{
	maker->tdx = TDX_AT;
	maker_entry32(maker, &maker_tdx_metadata, MAKER_SIZE - TDX_AT);
	put_header(maker, maker->tdx, "TDVF", 0, 32);
}

void maker_begin_tdx_old(struct maker *maker)
{
	maker->tdx = TDX_AT;
	maker_put32(maker, MAKER_SIZE - 32, TDX_AT);
	put_header(maker, maker->tdx, "TDVF", 0, 32);
}

void maker_sev_section(struct maker *maker, uint32_t gpa, uint32_t size, uint32_t type)
{
	const size_t at = maker->sev + 16 + (size_t)12 * maker->sev_count++;

	put_header(maker, maker->sev, "ASEV", maker->sev_count, 12);
	maker_put32(maker, at, gpa);
	maker_put32(maker, at + 4, size);
	maker_put32(maker, at + 8, type);
}

void maker_tdx_section(struct maker *maker, const struct coco_firmware_section *section)
{
	const size_t at = maker->tdx + 16 + (size_t)32 * maker->tdx_count++;

	put_header(maker, maker->tdx, "TDVF", maker->tdx_count, 32);
	maker_put32(maker, at, (uint32_t)section->file_offset);
	maker_put32(maker, at + 4, (uint32_t)section->file_size);
	maker_put64(maker, at + 8, section->gpa);
	maker_put64(maker, at + 16, section->size);
	maker_put32(maker, at + 24, section->type);
	maker_put32(maker, at + 28, section->attributes);
}

void maker_ovmf(struct maker *maker)
{
	static const struct coco_firmware_section tdx[] = {
		{.gpa = MAKER_BASE + 0x4000,
		 .size = 0xc000,
		 .file_offset = 0x4000,
		 .file_size = 0xc000,
		 .type = COCO_TDX_SECTION_BFV,
		 .attributes = COCO_TDX_MR_EXTEND},
		{.gpa = MAKER_BASE,
		 .size = 0x4000,
		 .file_size = 0x4000,
		 .type = COCO_TDX_SECTION_CFV},
		{.gpa = 0x810000, .size = 0x2000, .type = COCO_TDX_SECTION_TEMPORARY_MEMORY},
		{.gpa = 0x809000, .size = 0x2000, .type = COCO_TDX_SECTION_HOB},
	};

	maker_init(maker);
	maker_entry32(maker, &maker_reset_block, 0x0080b004);
	maker_area(maker, &maker_secret_area, 0x810000, 0xc00);
	maker_area(maker, &maker_hash_table, 0x810c00, 0x400);
	maker_begin_sev(maker);
	maker_sev_section(maker, 0x800000, 0x9000, COCO_SEV_SECTION_MEMORY);
	maker_sev_section(maker, 0x80e000, 0x1000, COCO_SEV_SECTION_CPUID);
	maker_sev_section(maker, 0x80d000, 0x1000, COCO_SEV_SECTION_SECRETS);
	maker_sev_section(maker, 0x80f000, 0x1000, COCO_SEV_SECTION_SVSM_CAA);
	maker_sev_section(maker, 0, 0, COCO_SEV_SECTION_MEMORY);
	maker_sev_section(maker, 0x810000, 0x1000, COCO_SEV_SECTION_KERNEL_HASHES);
	maker_sev_section(maker, 0x811000, 0x3000, COCO_SEV_SECTION_MEMORY);
	maker_begin_tdx(maker);
	for (size_t i = 0; i < sizeof(tdx) / sizeof(*tdx); i++)
		maker_tdx_section(maker, &tdx[i]);
}
