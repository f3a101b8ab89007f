/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the image says of itself, as OVMF's images do (OvmfPkg/ResetVector): a table of GUIDed
 * entries, SEV metadata, and TDX metadata (Intel TDX Virtual Firmware Design Guide, section 11).
 */

#define SEV_MEMORY        1
#define SEV_SECRETS       2
#define SEV_CPUID         3
#define SEV_KERNEL_HASHES 16

#define TDX_FIRMWARE  0
#define TDX_HOB       2
#define TDX_MEMORY    3
#define TDX_MR_EXTEND 1

#define PAGE 0x1000

/* The bytes of a GUID: of its first three groups the lowest comes first. */
.macro guid a, b, c, d:vararg
	.long \a
	.word \b, \c
	.byte \d
.endm

	.section .metadata, "a", @progbits
	.balign 16
sev_metadata:
	.ascii "ASEV"
	.long sev_metadata_end - sev_metadata
	.long 1
	.long (sev_metadata_end - sev_sections) / 12
sev_sections:
	.long ram_page_tables, 7 * PAGE, SEV_MEMORY /* and boot_record */
	.long secrets_page, PAGE, SEV_SECRETS
	.long cpuid_page, PAGE, SEV_CPUID
	.long kernel_hashes_page, PAGE, SEV_KERNEL_HASHES
	.long work_area, work_area_size, SEV_MEMORY
sev_metadata_end:

	.balign 16
	guid 0xe9eaf9f3, 0x168e, 0x44d5, 0xa8, 0xeb, 0x7f, 0x4d, 0x87, 0x38, 0xf6, 0xae
tdx_metadata:
	.ascii "TDVF"
	.long tdx_metadata_end - tdx_metadata
	.long 1
	.long (tdx_metadata_end - tdx_sections) / 32
tdx_sections:
	.long 0, 0x10000 /* the whole file */
	.quad page_tables, 0x10000
	.long TDX_FIRMWARE, TDX_MR_EXTEND
	.long 0, 0
	.quad td_hob, 2 * PAGE
	.long TDX_HOB, 0
	.long 0, 0
	.quad ram_page_tables, 7 * PAGE
	.long TDX_MEMORY, 0
	.long 0, 0
	.quad work_area, work_area_size
	.long TDX_MEMORY, 0
tdx_metadata_end:

/* An entry is its data, its length with length and GUID, and its GUID. */
	.section .guid_table, "a", @progbits
	.fill 0x1e0 - (guid_table_end - guid_table), 1, 0
guid_table:
	.long launch_secret_area, PAGE
	.word 8 + 18
	guid 0x4c2eb361, 0x7d9b, 0x4cc3, 0x80, 0x81, 0x12, 0x7c, 0x90, 0xd3, 0xd2, 0x94
	.long kernel_hashes_page, 0x400
	.word 8 + 18
	guid 0x7255371f, 0x3a3b, 0x4b04, 0x92, 0x7b, 0x1d, 0xa6, 0xef, 0xa8, 0xd4, 0x54
	.long ap_entry
	.word 4 + 18
	guid 0x00f771de, 0x1a7e, 0x4fcb, 0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e
	.long tdx_metadata_distance
	.word 4 + 18
	guid 0xe47a6535, 0x984a, 0x4798, 0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2
	.long sev_metadata_distance
	.word 4 + 18
	guid 0xdc886566, 0x984a, 0x4798, 0xa7, 0x5e, 0x55, 0x85, 0xa7, 0xbf, 0x67, 0xcc
	/* the footer: what ends here has no data, its length is the table's */
	.word guid_table_end - guid_table
	guid 0x96b582de, 0x1fb2, 0x45f7, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d
guid_table_end:

	.globl sev_metadata, tdx_metadata
	.section .note.GNU-stack, "", @progbits
