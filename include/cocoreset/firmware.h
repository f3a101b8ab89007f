/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * Guest firmware with OVMF's tables (OVMF, TDVF, and what follows them), and the launch
 * images that the technologies make of it.
 *
 * One file can serve all of them: a table of GUIDed entries at its end says where vCPUs start,
 * where launch secrets and kernel hashes go, and which memory has to be there at launch, for SEV
 * and TDX each in a list of sections.
 */
#ifndef COCORESET_FIRMWARE_H
#define COCORESET_FIRMWARE_H

#include <cocoreset/error.h>
#include <cocoreset/host.h>
#include <cocoreset/image.h>
#include <cocoreset/measure.h>

/** A parsed firmware file. Immutable. */
struct coco_firmware;

/** The most sections a table may have. */
#define COCO_FIRMWARE_MAX_SECTIONS 256u

/** The lists of sections. */
enum coco_firmware_table {
	COCO_FIRMWARE_SEV = 1, /**< SEV metadata, for SNP */
	COCO_FIRMWARE_TDX = 2, /**< TDX metadata */
};

/** Types of sections in the SEV metadata. */
enum coco_sev_section {
	COCO_SEV_SECTION_MEMORY = 1,         /**< memory for the firmware's first steps */
	COCO_SEV_SECTION_SECRETS = 2,        /**< the secrets page */
	COCO_SEV_SECTION_CPUID = 3,          /**< the CPUID page */
	COCO_SEV_SECTION_SVSM_CAA = 4,       /**< the SVSM calling area */
	COCO_SEV_SECTION_KERNEL_HASHES = 16, /**< where the table of kernel hashes goes */
};

/** Types of sections in the TDX metadata. */
enum coco_tdx_section {
	COCO_TDX_SECTION_BFV = 0, /**< boot firmware volume: code, from the file */
	COCO_TDX_SECTION_CFV = 1, /**< configuration volume: variables, from the file */
	COCO_TDX_SECTION_HOB = 2, /**< where the TD HOB goes */
	COCO_TDX_SECTION_TEMPORARY_MEMORY = 3, /**< memory for the firmware's first steps */
	COCO_TDX_SECTION_PERMANENT_MEMORY = 4, /**< memory */
};

/** Attributes of a section in the TDX metadata. */
enum coco_tdx_attributes {
	COCO_TDX_MR_EXTEND = 1u << 0, /**< the contents are measured */
	COCO_TDX_PAGE_AUG = 1u << 1,  /**< not there at launch: the guest accepts it later */
};

/** What a firmware file says of itself. Addresses are guest physical. */
struct coco_firmware_info {
	size_t struct_size;       /**< COCO_INIT */
	uint64_t size;            /**< of the file, in bytes; it ends at 4 GiB in the guest */
	uint32_t has_guid_table;  /**< 1 if there is a table of GUIDed entries */
	uint32_t has_reset_block; /**< 1 if there is an SEV-ES reset block, in the table or alone */
	uint32_t ap_reset_address; /**< where vCPUs but the first start (SEV-ES, SNP) */
	uint32_t hash_table_gpa;   /**< room for the table of kernel hashes; 0: none */
	uint32_t hash_table_size;  /**< bytes */
	uint32_t secret_area_gpa;  /**< room for launch secrets (SEV, SEV-ES); 0: none */
	uint32_t secret_area_size; /**< bytes */
	uint32_t has_sev_metadata; /**< 1 if there is SEV metadata: SNP can't do without */
	uint32_t sev_sections;     /**< how many */
	uint32_t has_tdx_metadata; /**< 1 if there is TDX metadata: TDX can't do without */
	uint32_t tdx_sections;     /**< how many */
	/** 1 if TDX sections lie beyond the end of the file: one half of a split build. */
	uint32_t tdx_data_missing;
	uint32_t has_svsm_info;    /**< 1 if the file is an SVSM that says where it starts */
	uint32_t svsm_info_offset; /**< its entry point, from where it is loaded */
};

/** A section, of either table. */
struct coco_firmware_section {
	size_t struct_size;   /**< COCO_INIT */
	uint64_t gpa;         /**< guest physical address, page aligned */
	uint64_t size;        /**< bytes in the guest, a multiple of the page, may be 0 */
	uint64_t file_offset; /**< TDX: of its contents in the file */
	uint64_t file_size;   /**< TDX: bytes that come from the file, the rest is 0 */
	uint32_t type;        /**< enum coco_sev_section or enum coco_tdx_section, or another */
	uint32_t attributes;  /**< TDX: enum coco_tdx_attributes; SEV: 0 */
};

/** Bytes of the table of kernel hashes. */
#define COCO_KERNEL_HASHES_TABLE_SIZE 176u

/**
 * SHA-256 of what a direct kernel boot gives to the guest. Firmware that has room for them compares
 * what it gets with what was measured.
 */
struct coco_kernel_hashes {
	uint8_t cmdline[32]; /**< of the command line with its terminating NUL */
	uint8_t initrd[32];  /**< of the file; without one, of nothing */
	uint8_t kernel[32];  /**< of the whole file, before a boot loader's header is filled in */
};

struct coco_sev_firmware_options {
	size_t struct_size; /**< COCO_INIT */
	uint32_t tech;      /**< COCO_TECH_SEV, COCO_TECH_SEVES or COCO_TECH_SNP */
	/**
	 * SNP: whose pages, enum coco_vmm; 0: COCO_VMM_QEMU, which takes sections as the table has
	 * them. COCO_VMM_EC2 launches the CPUID page last, COCO_VMM_GCE leaves the contents of
	 * memory sections unmeasured. COCO_VMM_KVM is like QEMU.
	 */
	uint32_t vmm;
	/** What a direct kernel boot is measured with; NULL: nothing. Copied. */
	const struct coco_kernel_hashes *hashes;
};

struct coco_tdx_firmware_options {
	size_t struct_size; /**< COCO_INIT */
	/** Contents of the TD HOB section; NULL: zeroes. Copied. */
	const void *hob;
	uint64_t hob_size; /**< bytes, at most the section's size; the rest of it is 0 */
};

COCO_BEGIN_DECLS

/**
 * Parses a firmware file and checks its tables. What some technology can't use is no error: the
 * functions that make images find out.
 *
 * @param size bytes, a multiple of the page, at most COCO_FIRMWARE_MAX_SIZE.
 *
 * Errors: -EINVAL a size of 0 or not a multiple of the page; -EFBIG too large; -EBADMSG a table is
 * malformed (the text says which and how); -ENOMEM.
 *
 * Ownership: the bytes are copied. The caller frees *out with coco_firmware_free().
 * Thread safety: any thread. Allowed states: any.
 */
COCO_API COCO_MUST_CHECK int coco_firmware_parse(const void *bytes, size_t size,
						 struct coco_firmware **out,
						 struct coco_error *error);

/**
 * coco_firmware_parse() with the contents of a regular file. It is read once and not needed
 * afterwards.
 *
 * Errors: those of open(2) and read(2), -EINVAL not a regular file, -EIO the file shrank while it
 * was read, and those of coco_firmware_parse().
 *
 * Ownership, thread safety, allowed states: as for coco_firmware_parse().
 */
COCO_API COCO_MUST_CHECK int coco_firmware_parse_file(const char *path, struct coco_firmware **out,
						      struct coco_error *error);

/**
 * Frees it. Images that were made from it do not need it. NULL is allowed.
 *
 * Thread safety: no other thread may be using it.
 */
COCO_API void coco_firmware_free(struct coco_firmware *firmware);

/**
 * Tells what the file says of itself.
 *
 * @param info struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL a struct_size too small.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_firmware_get_info(const struct coco_firmware *firmware,
						    struct coco_firmware_info *info,
						    struct coco_error *error);

/**
 * Tells of one section, in the order of the table.
 *
 * @param table   enum coco_firmware_table.
 * @param index   below sev_sections or tdx_sections of coco_firmware_get_info().
 * @param section struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL no such table or section, or a struct_size too small.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_firmware_get_section(const struct coco_firmware *firmware,
						       uint32_t table, uint32_t index,
						       struct coco_firmware_section *section,
						       struct coco_error *error);

/**
 * Appends what an SEV, SEV-ES or SNP guest with this firmware is launched with: the firmware, which
 * ends at 4 GiB; for SNP the sections of the SEV metadata; for SEV and SEV-ES, if there are hashes,
 * their table. For SEV-ES and SNP the address where vCPUs other than the first start is set.
 *
 * Errors: -EINVAL a technology or VMM that there isn't, an SNP section of a wrong size, or two
 * where one is allowed; -EOPNOTSUPP SNP without SEV metadata, hashes without room for their table,
 * or a section whose meaning to this VMM is not known; -EEXIST memory that is used twice; -ENOSPC,
 * -EBUSY, -E2BIG, -ENOMEM as for coco_image_add(). The image is as it was after every error.
 *
 * Thread safety: one thread at a time for the image. Allowed states: before the image's first use.
 */
COCO_API COCO_MUST_CHECK int
coco_image_add_sev_firmware(struct coco_image *image, const struct coco_firmware *firmware,
			    const struct coco_sev_firmware_options *options,
			    struct coco_error *error);

/**
 * Appends what a TDX guest with this firmware is launched with: the sections of the TDX metadata.
 * The TD HOB's address is set.
 *
 * @param options NULL for all defaults.
 *
 * Errors: -EINVAL no section with the code that vCPUs start at, two TD HOBs, a TD HOB that is
 * larger than its section, a section that begins or ends above 4 GiB or has attributes that there
 * aren't; -EOPNOTSUPP no TDX metadata, contents beyond the end of the file, a TD HOB without a
 * section for it, or a section of a type that this version does not load; -EEXIST memory that is
 * used twice; -ENOSPC, -EBUSY, -E2BIG, -ENOMEM as for coco_image_add(). The image is as it was
 * after every error.
 *
 * Thread safety: one thread at a time for the image. Allowed states: before the image's first use.
 */
COCO_API COCO_MUST_CHECK int
coco_image_add_tdx_firmware(struct coco_image *image, const struct coco_firmware *firmware,
			    const struct coco_tdx_firmware_options *options,
			    struct coco_error *error);

/**
 * Appends an SVSM, a service module that an SNP guest starts in, as Coconut's QEMU branch from
 * before IGVM launches it: its bytes, and the pages that its SEV metadata ask for. Those of the
 * guest's own firmware don't count then: that is added before with coco_image_add_firmware().
 *
 * @param svsm  a file with the entry "SVSM info" in its table, and SEV metadata.
 * @param end   where it ends: at the firmware's address minus the bytes of its variables.
 * @param entry set to where all vCPUs start: coco_measure_options::svsm_entry.
 *
 * Errors: -EOPNOTSUPP the file is no SVSM, or has no SEV metadata; -EINVAL `end` or the
 * file's size are not multiples of a page, the SVSM does not fit below `end`, it starts outside of
 * itself, or a section is wrong; -EEXIST memory that is used twice; -ENOSPC, -EBUSY,
 * -ENOMEM as for coco_image_add(). The image is as it was after every error.
 *
 * Thread safety: one thread at a time for the image. Allowed states: before the image's first use.
 */
COCO_API COCO_MUST_CHECK int coco_image_add_svsm(struct coco_image *image,
						 const struct coco_firmware *svsm, uint64_t end,
						 uint64_t *entry, struct coco_error *error);

/**
 * Hashes what a direct kernel boot gives to the guest. Files are read once, through a small buffer.
 *
 * @param kernel  path of a regular file.
 * @param initrd  path of a regular file; NULL: none.
 * @param cmdline the command line, byte for byte; NULL is the same as "".
 * @param out     set on success only.
 *
 * Errors: those of open(2) and read(2), -EINVAL not a regular file, -EIO libcrypto failed, -ENOMEM.
 * Thread safety: any thread. Allowed states: any.
 */
COCO_API COCO_MUST_CHECK int coco_kernel_hashes_from_files(const char *kernel, const char *initrd,
							   const char *cmdline,
							   struct coco_kernel_hashes *out,
							   struct coco_error *error);

/**
 * Writes the table that firmware looks for: COCO_KERNEL_HASHES_TABLE_SIZE bytes.
 * coco_image_add_sev_firmware() does it by itself.
 *
 * Errors: -EINVAL an argument is NULL.
 * Thread safety: any thread. Allowed states: any.
 */
COCO_API COCO_MUST_CHECK int coco_kernel_hashes_table(const struct coco_kernel_hashes *hashes,
						      void *table, struct coco_error *error);

COCO_END_DECLS

#endif
