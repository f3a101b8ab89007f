/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * OVMF's table of GUIDed entries (OvmfPkg/ResetVector). It is read backwards: 32 bytes before the
 * file's end it ends with a footer, and each entry ends with its GUID:
 *
 *     data, length (2 bytes: of data, length and GUID), GUID
 *
 * The footer's data is nothing, its length that of the whole table.
 */
#include "base/bytes.h"
#include "image/firmware.h"
#include "image/guid.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

/* What lies behind the table: the reset vector's code. */
#define RESET_VECTOR_SIZE 32u
/* An entry without data: its length and GUID. */
#define ENTRY_SIZE (2 + COCO_GUID_SIZE)

#define FOOTER_GUID      "96b582de-1fb2-45f7-baea-a366c55a082d"
#define RESET_BLOCK_GUID "00f771de-1a7e-4fcb-890e-68c77e2fb44e"

static int read_reset_block(struct coco_firmware *firmware, const uint8_t *data,
			    struct coco_error *error)
{
	(void)error;
	firmware->info.has_reset_block = 1;
	firmware->info.ap_reset_address = coco_le32(data);
	return 0;
}

/* An area of guest memory; a base of 0 says that this build has none. */
static int read_area(const uint8_t *data, const char *what, uint32_t *gpa, uint32_t *size,
		     struct coco_error *error)
{
	const uint32_t base = coco_le32(data), length = coco_le32(data + 4);

	if (!base)
		return 0;
	if (length > COCO_FIRMWARE_END - base)
		return coco_malformed(error,
				      "the %s area, 0x%" PRIx32 " bytes at 0x%" PRIx32
				      ", ends above 4 GiB",
				      what, length, base);
	*gpa = base;
	*size = length;
	return 0;
}

static int read_secret_area(struct coco_firmware *firmware, const uint8_t *data,
			    struct coco_error *error)
{
	return read_area(data, "launch secret", &firmware->info.secret_area_gpa,
			 &firmware->info.secret_area_size, error);
}

static int read_hash_table_area(struct coco_firmware *firmware, const uint8_t *data,
				struct coco_error *error)
{
	return read_area(data, "kernel hash table", &firmware->info.hash_table_gpa,
			 &firmware->info.hash_table_size, error);
}

static int read_sev_metadata(struct coco_firmware *firmware, const uint8_t *data,
			     struct coco_error *error)
{
	return coco_sev_metadata_parse(firmware, coco_le32(data), error);
}

static int read_tdx_metadata(struct coco_firmware *firmware, const uint8_t *data,
			     struct coco_error *error)
{
	return coco_tdx_metadata_parse(firmware, coco_le32(data), error);
}

static int read_svsm_info(struct coco_firmware *firmware, const uint8_t *data,
			  struct coco_error *error)
{
	(void)error;
	firmware->info.has_svsm_info = 1;
	firmware->info.svsm_info_offset = coco_le32(data);
	return 0;
}

/* The entries that say something to us. */
static const struct known_entry {
	const char *guid;
	const char *name;
	size_t size; /* of the data, at least */
	int (*read)(struct coco_firmware *firmware, const uint8_t *data, struct coco_error *error);
} known[] = {
	{RESET_BLOCK_GUID, "SEV-ES reset block", 4, read_reset_block},
	{"4c2eb361-7d9b-4cc3-8081-127c90d3d294", "launch secret area", 8, read_secret_area},
	{"7255371f-3a3b-4b04-927b-1da6efa8d454", "kernel hash table area", 8, read_hash_table_area},
	{"dc886566-984a-4798-a75e-5585a7bf67cc", "SEV metadata", 4, read_sev_metadata},
	{"e47a6535-984a-4798-865e-4685a7bf8ec2", "TDX metadata", 4, read_tdx_metadata},
	{"a789a612-0597-4c4b-a49f-cbb1fe9d1ddd", "SVSM info", 4, read_svsm_info},
};

static const struct known_entry *find_known(const uint8_t *guid)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (coco_guid_is(guid, known[i].guid))
			return &known[i];
	return NULL;
}

/* An entry with `size` bytes of data. `seen` has a bit for each known one that was there before. */
static int read_entry(struct coco_firmware *firmware, const uint8_t *data, size_t size,
		      const uint8_t *guid, uint32_t *seen, struct coco_error *error)
{
	const struct known_entry *entry = find_known(guid);
	uint32_t bit;

	if (!entry)
		return 0;
	bit = 1u << (entry - known);
	if (*seen & bit)
		return coco_malformed(error, "the GUID table has two entries for the %s",
				      entry->name);
	*seen |= bit;
	if (size < entry->size)
		return coco_malformed(error,
				      "the GUID table's entry for the %s has %zu bytes of data, "
				      "not %zu",
				      entry->name, size, entry->size);
	return entry->read(firmware, data, error);
}

/* The entries in [start, end) of the file, the last one first. */
static int read_entries(struct coco_firmware *firmware, size_t start, size_t end,
			struct coco_error *error)
{
	uint32_t seen = 0;

	while (end - start >= ENTRY_SIZE) {
		const uint8_t *tail = firmware->bytes + end - ENTRY_SIZE;
		const size_t length = coco_le16(tail);
		int r;

		if (length < ENTRY_SIZE)
			return coco_malformed(
				error,
				"the GUID table's entry that ends at offset 0x%zx has "
				"a length of %zu, at least %u is needed",
				end, length, ENTRY_SIZE);
		if (length > end - start)
			return coco_malformed(
				error,
				"the GUID table's entry that ends at offset 0x%zx has "
				"a length of %zu, but the table begins %zu bytes "
				"before",
				end, length, end - start);
		r = read_entry(firmware, firmware->bytes + end - length, length - ENTRY_SIZE,
			       tail + 2, &seen, error);
		if (r)
			return r;
		end -= length;
	}
	return 0;
}

/* Older firmware: no table, but a block of its own, whose first field is the address. */
static int read_lone_reset_block(struct coco_firmware *firmware, size_t end,
				 struct coco_error *error)
{
	const size_t length = coco_le16(firmware->bytes + end - ENTRY_SIZE);

	if (length < ENTRY_SIZE + 4 || length > end)
		return coco_malformed(error,
				      "the SEV-ES reset block has a length of %zu: it is %u bytes "
				      "and an address, within the file",
				      length, ENTRY_SIZE);
	return read_reset_block(firmware, firmware->bytes + end - length, error);
}

int coco_guid_table_parse(struct coco_firmware *firmware, struct coco_error *error)
{
	/* A file has at least one page. */
	const size_t end = firmware->size - RESET_VECTOR_SIZE;
	const uint8_t *footer = firmware->bytes + end - ENTRY_SIZE;
	const size_t length = coco_le16(footer);

	if (coco_guid_is(footer + 2, RESET_BLOCK_GUID))
		return read_lone_reset_block(firmware, end, error);
	if (!coco_guid_is(footer + 2, FOOTER_GUID))
		return 0;
	if (length < ENTRY_SIZE)
		return coco_malformed(error,
				      "the GUID table has a length of %zu, its footer alone has %u",
				      length, ENTRY_SIZE);
	if (length > end)
		return coco_malformed(error,
				      "the GUID table has a length of %zu, which begins before the "
				      "file of %zu bytes",
				      length, firmware->size);
	firmware->info.has_guid_table = 1;
	return read_entries(firmware, end - length, end - ENTRY_SIZE, error);
}
