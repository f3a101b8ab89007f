/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "tenant.h"

enum {
	PE_OFFSET = 0x80,
	OPTIONAL_SIZE = 0xf0,
	TABLE = PE_OFFSET + 24 + OPTIONAL_SIZE,
	FIRST_DATA = 0x1000,
	SECTION_SIZE = 40,
};

void tenant_firmware(struct maker *maker, uint8_t mark)
{
	const struct coco_firmware_section code = {
		.gpa = MAKER_BASE,
		.size = MAKER_SIZE,
		.file_size = MAKER_SIZE,
		.type = COCO_TDX_SECTION_BFV,
		.attributes = COCO_TDX_MR_EXTEND,
	};
	const struct coco_firmware_section hob = {
		.gpa = 0x109000,
		.size = 0x2000,
		.type = COCO_TDX_SECTION_HOB,
	};

	maker_init(maker);
	maker_entry32(maker, &maker_reset_block, 0xffffb004);
	maker_area(maker, &maker_hash_table, 0x110c00, 0x400);
	maker_begin_sev(maker);
	maker_sev_section(maker, 0x100000, 0x4000, COCO_SEV_SECTION_MEMORY);
	maker_sev_section(maker, 0x10e000, 0x1000, COCO_SEV_SECTION_CPUID);
	maker_sev_section(maker, 0x10d000, 0x1000, COCO_SEV_SECTION_SECRETS);
	maker_sev_section(maker, 0x110000, 0x1000, COCO_SEV_SECTION_KERNEL_HASHES);
	maker_begin_tdx(maker);
	maker_tdx_section(maker, &code);
	maker_tdx_section(maker, &hob);
	maker->bytes[TENANT_MARK] = mark;
}

void tenant_igvm(struct igvm_maker *maker, uint32_t type, uint8_t mark)
{
	uint32_t offset;

	igvm_begin(maker);
	igvm_platform(maker, type, 1);
	offset = igvm_data(maker, mark, ROM_SIZE / COCO_PAGE_SIZE);
	for (uint32_t i = 0; i < ROM_SIZE; i += COCO_PAGE_SIZE)
		igvm_page(maker, ROM_GPA + i, 1, offset + i, 0, COCO_IGVM_PAGE_NORMAL);
}

static void put(struct uki_maker *maker, uint32_t offset, uint64_t value, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		maker->bytes[offset + i] = (uint8_t)(value >> 8 * i);
}

void uki_begin(struct uki_maker *maker)
{
	memset(maker, 0, sizeof(*maker));
	memcpy(maker->bytes, "MZ", 2);
	put(maker, 60, PE_OFFSET, 4);
	memcpy(maker->bytes + PE_OFFSET, "PE", 2);
	put(maker, PE_OFFSET + 4, 0x8664, 2);
	put(maker, PE_OFFSET + 20, OPTIONAL_SIZE, 2);
	put(maker, PE_OFFSET + 24, 0x20b, 2);
	put(maker, PE_OFFSET + 24 + 68, 10, 2);
	maker->size = FIRST_DATA;
}

void uki_section(struct uki_maker *maker, const char *name, const void *bytes, uint32_t size)
{
	const uint32_t at = TABLE + maker->sections * SECTION_SIZE;

	ck_assert_uint_le(maker->size + size + 0x200, sizeof(maker->bytes));
	memcpy(maker->bytes + at, name, strnlen(name, 8));
	put(maker, at + 8, size, 4);
	put(maker, at + 12, maker->size, 4);
	put(maker, at + 16, (size + 0x1ff) & ~0x1ffu, 4);
	put(maker, at + 20, maker->size, 4);
	memcpy(maker->bytes + maker->size, bytes, size);
	maker->size += (size + 0x1ff) & ~0x1ffu;
	put(maker, PE_OFFSET + 6, ++maker->sections, 2);
}

void uki_firmware(struct uki_maker *maker, const char *id, const void *bytes, uint32_t size)
{
	static uint8_t section[0x60000];
	const uint32_t id_size = (uint32_t)strlen(id) + 1;
	const uint32_t header[] = {0xfeeddead, 16, id_size, size};

	ck_assert_uint_le(sizeof(header) + id_size + size, sizeof(section));
	memcpy(section, header, sizeof(header));
	memcpy(section + sizeof(header), id, id_size);
	memcpy(section + sizeof(header) + id_size, bytes, size);
	uki_section(maker, ".efifw", section, (uint32_t)sizeof(header) + id_size + size);
}

uint8_t tenant_mark(struct fixture *f)
{
	uint8_t mark = 0;

	ck_assert(fake_kvm_read_guest(f->fake, coco_guest_vm_fd(f->guest), ROM_GPA + TENANT_MARK,
				      &mark, 1));
	return mark;
}
