/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The table of kernel hashes (OVMF, QemuKernelLoaderFs): a GUID, a length, and entries alike. */
#include "tinyfw.h"

#define GUID_SIZE  16
#define HASH_SIZE  32
#define ENTRY_SIZE (GUID_SIZE + 2 + HASH_SIZE)

extern const uint8_t kernel_hashes_page[];

static const uint8_t table_guid[GUID_SIZE] = {0x06, 0xd6, 0x38, 0x94, 0x22, 0x4f, 0xc9, 0x4c,
					      0xb4, 0x79, 0xa7, 0x93, 0xd4, 0x11, 0xfd, 0x21};
static const struct {
	const char *name;
	uint8_t guid[GUID_SIZE];
} entries[] = {
	{"command line",
	 {0xd8, 0x2d, 0xd0, 0x97, 0x20, 0xbd, 0x94, 0x4c, 0xaa, 0x78, 0xe7, 0x71, 0x4d, 0x36, 0xab,
	  0x2a}},
	{"initrd",
	 {0x31, 0xf7, 0xba, 0x44, 0x2f, 0x3a, 0xd7, 0x4b, 0x9a, 0xf1, 0x41, 0xe2, 0x91, 0x69, 0x78,
	  0x1d}},
	{"kernel",
	 {0x37, 0x94, 0xe7, 0x4d, 0xd2, 0xab, 0x7f, 0x42, 0xb8, 0x35, 0xd5, 0xb1, 0x72, 0xd2, 0x04,
	  0x5b}},
};

static bool is_guid(const uint8_t *at, const uint8_t *guid)
{
	for (uint32_t i = 0; i < GUID_SIZE; i++)
		if (at[i] != guid[i])
			return false;
	return true;
}

static void print_hash(const char *name, const uint8_t *hash)
{
	print("tinyfw: %s has SHA-256 ", name);
	for (uint32_t i = 0; i < HASH_SIZE; i++)
		print("%x%x", hash[i] >> 4u, hash[i] & 0xfu);
	print("\n");
}

void hashes_print(void)
{
	const uint8_t *at = kernel_hashes_page;

	if (!is_guid(at, table_guid)) {
		print("tinyfw: no kernel hashes\n");
		return;
	}
	at += GUID_SIZE + 2;
	for (uint32_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++, at += ENTRY_SIZE)
		if (is_guid(at, entries[i].guid))
			print_hash(entries[i].name, at + GUID_SIZE + 2);
}
