/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "igvm_maker.h"

#include <stdlib.h>
#include <string.h>

#define FIXED_SIZE 24u

static void put(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static uint8_t *entry(struct igvm_maker *maker, uint32_t type, uint32_t size)
{
	uint8_t *at = maker->bytes + maker->entries_end;

	maker->entries_end += (8 + size + 7) / 8 * 8;
	if (maker->entries_end > IGVM_MAKER_DATA)
		abort();
	put(at, type, 4);
	put(at + 4, size, 4);
	return at + 8;
}

void igvm_begin(struct igvm_maker *maker)
{
	memset(maker, 0, sizeof(*maker));
	maker->entries_end = FIXED_SIZE;
	maker->size = IGVM_MAKER_DATA;
}

void igvm_platform(struct igvm_maker *maker, uint32_t type, uint32_t mask)
{
	uint8_t *body = entry(maker, COCO_IGVM_SUPPORTED_PLATFORM, 16);

	put(body, mask, 4);
	put(body + 5, type, 1);
	put(body + 6, 1, 2);
}

void igvm_policy(struct igvm_maker *maker, uint64_t policy, uint32_t mask)
{
	uint8_t *body = entry(maker, COCO_IGVM_GUEST_POLICY, 16);

	put(body, policy, 8);
	put(body + 8, mask, 4);
}

uint32_t igvm_data(struct igvm_maker *maker, uint8_t fill, uint32_t pages)
{
	const uint32_t offset = maker->size;

	maker->size += pages * COCO_PAGE_SIZE;
	if (maker->size > sizeof(maker->bytes))
		abort();
	memset(maker->bytes + offset, fill, pages * (size_t)COCO_PAGE_SIZE);
	return offset;
}

uint32_t igvm_page_of(struct igvm_maker *maker, const uint8_t *page)
{
	const uint32_t offset = igvm_data(maker, 0, 1);

	memcpy(maker->bytes + offset, page, COCO_PAGE_SIZE);
	return offset;
}

void igvm_page(struct igvm_maker *maker, uint64_t gpa, uint32_t mask, uint32_t offset,
	       uint32_t flags, uint32_t type)
{
	uint8_t *body = entry(maker, COCO_IGVM_PAGE_DATA, 24);

	put(body, gpa, 8);
	put(body + 8, mask, 4);
	put(body + 12, offset, 4);
	put(body + 16, flags, 4);
	put(body + 20, type, 2);
}

void igvm_area(struct igvm_maker *maker, uint32_t index, uint64_t size, uint32_t offset)
{
	uint8_t *body = entry(maker, COCO_IGVM_PARAMETER_AREA, 16);

	put(body, size, 8);
	put(body + 8, index, 4);
	put(body + 12, offset, 4);
}

void igvm_parameter(struct igvm_maker *maker, uint32_t type, uint32_t index, uint32_t position)
{
	uint8_t *body = entry(maker, type, 8);

	put(body, index, 4);
	put(body + 4, position, 4);
}

void igvm_insert(struct igvm_maker *maker, uint64_t gpa, uint32_t mask, uint32_t index)
{
	uint8_t *body = entry(maker, COCO_IGVM_PARAMETER_INSERT, 16);

	put(body, gpa, 8);
	put(body + 8, mask, 4);
	put(body + 12, index, 4);
}

void igvm_context(struct igvm_maker *maker, uint64_t gpa, uint32_t mask, uint32_t offset,
		  uint32_t vcpu)
{
	uint8_t *body = entry(maker, COCO_IGVM_VP_CONTEXT, 20);

	put(body, gpa, 8);
	put(body + 8, mask, 4);
	put(body + 12, offset, 4);
	put(body + 16, vcpu, 2);
}

void igvm_required(struct igvm_maker *maker, uint64_t gpa, uint32_t mask, uint32_t size)
{
	uint8_t *body = entry(maker, COCO_IGVM_REQUIRED_MEMORY, 24);

	put(body, gpa, 8);
	put(body + 8, mask, 4);
	put(body + 12, size, 4);
}

void igvm_error_range(struct igvm_maker *maker, uint64_t gpa, uint32_t mask, uint32_t size)
{
	uint8_t *body = entry(maker, COCO_IGVM_ERROR_RANGE, 16);

	put(body, gpa, 8);
	put(body + 8, mask, 4);
	put(body + 12, size, 4);
}

static uint32_t crc(uint32_t value, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		value ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? 0xedb88320u : 0);
	}
	return value;
}

void igvm_fix_checksum(struct igvm_maker *maker)
{
	uint32_t value;

	put(maker->bytes + 20, 0, 4);
	value = crc(UINT32_MAX, maker->bytes, maker->entries_end);
	put(maker->bytes + 20, ~value, 4);
}

void igvm_end(struct igvm_maker *maker)
{
	memcpy(maker->bytes, "IGVM", 4);
	put(maker->bytes + 4, 1, 4);
	put(maker->bytes + 8, FIXED_SIZE, 4);
	put(maker->bytes + 12, maker->entries_end - FIXED_SIZE, 4);
	put(maker->bytes + 16, maker->size, 4);
	igvm_fix_checksum(maker);
}
