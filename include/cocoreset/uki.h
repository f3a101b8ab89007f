/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * Unified kernel images (UKI): EFI programs that carry a kernel, its initrd and command line, and
 * possibly firmware (`.efifw`) for guests that want to be launched with their own.
 *
 * coco_uki_parse() checks a file, whose author need not be trusted. coco_uki_select_firmware()
 * picks the firmware for a machine by its hardware ids (CHIDs), and tells what it is: an IGVM file
 * for coco_igvm_parse(), or raw firmware for coco_firmware_parse().
 */
#ifndef COCORESET_UKI_H
#define COCORESET_UKI_H

#include <cocoreset/error.h>
#include <cocoreset/firmware.h>

struct coco_uki;

/** Bytes of a GUID as UEFI stores it. */
#define COCO_CHID_SIZE 16u
/** The kinds of CHIDs, from 0: see coco_chid_from_smbios(). */
#define COCO_CHID_COUNT 18u
/** struct coco_uki_section::profile of sections before the first `.profile`. */
#define COCO_UKI_BASE UINT32_MAX
/** The most sections a file may have. */
#define COCO_UKI_MAX_SECTIONS 1024u
/** The most entries that all tables of hardware ids may have. */
#define COCO_UKI_MAX_HWIDS 16384u
/** Names and firmware ids are shorter than this. */
#define COCO_UKI_TEXT_SIZE 1024u
/** The largest file, in bytes. */
#define COCO_UKI_MAX_SIZE 0x80000000u

/** What a file, or the payload of a firmware section, is. */
enum coco_payload_kind {
	COCO_PAYLOAD_UNKNOWN = 0,
	COCO_PAYLOAD_EMPTY = 1,
	COCO_PAYLOAD_IGVM = 2,     /**< for coco_igvm_parse() */
	COCO_PAYLOAD_FIRMWARE = 3, /**< raw firmware, for coco_firmware_parse() */
	COCO_PAYLOAD_CAPSULE = 4,  /**< a UEFI capsule; nothing here takes it */
	COCO_PAYLOAD_PE = 5,       /**< an EFI program, maybe a UKI, for coco_uki_parse() */
};

struct coco_uki_info {
	size_t struct_size;      /**< COCO_INIT */
	uint32_t machine;        /**< of the PE header: 0x8664 x64, 0xaa64 arm64 */
	uint32_t optional_magic; /**< 0x20b: PE32+, 0x10b: PE32 */
	uint32_t subsystem;      /**< 10: EFI application */
	uint32_t is_uki;         /**< 1 if there is a `.linux` section */
	uint32_t is_addon;       /**< 1 if there is none, but what add-ons have */
	uint32_t sections;       /**< how many, see coco_uki_get_section() */
	uint32_t profiles;       /**< how many `.profile` sections */
	uint32_t hwids;          /**< entries of all `.hwids` sections, see coco_uki_get_hwid() */
	uint32_t firmwares;      /**< `.efifw` sections, see coco_uki_get_firmware() */
	uint32_t reserved0;
	uint64_t size; /**< bytes of the file */
};

struct coco_uki_section {
	size_t struct_size; /**< COCO_INIT */
	char name[16];      /**< up to 8 characters */
	uint32_t profile;   /**< index from 0; COCO_UKI_BASE */
	uint32_t address;   /**< virtual address */
	uint32_t virtual_size;
	uint32_t raw_size;
	uint64_t raw_offset;
	/** Contents: `size` bytes, the smaller one of virtual_size and raw_size. The file's. */
	const void *bytes;
	uint64_t size;
};

/** Types of hardware id entries. */
enum coco_hwid_type {
	COCO_HWID_DEVICE_TREE = 1,
	COCO_HWID_FIRMWARE = 2,
};

/** An entry of a table of hardware ids (`.hwids`). */
struct coco_uki_hwid {
	size_t struct_size;           /**< COCO_INIT */
	uint32_t type;                /**< enum coco_hwid_type */
	uint32_t section;             /**< of the table, by its index */
	uint8_t chid[COCO_CHID_SIZE]; /**< as UEFI stores GUIDs */
	const char *name;             /**< of the machine; "" if there is none. The file's */
	/** Firmware id, or `compatible` of a device tree; "" if there is none. The file's. */
	const char *id;
};

/** A firmware section (`.efifw`). */
struct coco_uki_firmware {
	size_t struct_size; /**< COCO_INIT */
	uint32_t section;   /**< its index */
	uint32_t kind;      /**< enum coco_payload_kind */
	const char *id;     /**< firmware id. The file's */
	const void *bytes;  /**< the payload. The file's */
	uint64_t size;      /**< bytes of the payload */
};

/** What a machine's SMBIOS tables say, UTF-8; NULL: nothing. CHIDs are made of it. */
struct coco_smbios {
	size_t struct_size; /**< COCO_INIT */
	const char *manufacturer;
	const char *family;
	const char *product_name;
	const char *product_sku;
	const char *baseboard_manufacturer;
	const char *baseboard_product;
	const char *bios_vendor;
	const char *bios_version;
	const char *bios_major;     /**< release, two hexadecimal digits in lower case */
	const char *bios_minor;     /**< release, two hexadecimal digits in lower case */
	const char *enclosure_kind; /**< hexadecimal */
	const char *edid_panel;
};

COCO_BEGIN_DECLS

/**
 * Parses a PE file and checks its headers, sections, and tables of firmware and hardware ids.
 *
 * Errors: -EBADMSG malformed (error->field names the part, the text what is wrong with it);
 * -EFBIG more than COCO_UKI_MAX_SIZE bytes; -EINVAL, -ENOMEM.
 *
 * Ownership: the bytes are copied. The caller frees *out with coco_uki_free().
 * Thread safety: any thread. Allowed states: any.
 */
COCO_API COCO_MUST_CHECK int coco_uki_parse(const void *bytes, size_t size, struct coco_uki **out,
					    struct coco_error *error);

/**
 * coco_uki_parse() with the contents of a regular file, which is read once.
 *
 * Errors: those of open(2) and read(2); -EIO the file shrank while it was read; those of
 * coco_uki_parse().
 *
 * Ownership, thread safety, allowed states: as for coco_uki_parse().
 */
COCO_API COCO_MUST_CHECK int coco_uki_parse_file(const char *path, struct coco_uki **out,
						 struct coco_error *error);

/** Frees it, and what it told of the file's. NULL is allowed. Thread safety: no other user. */
COCO_API void coco_uki_free(struct coco_uki *uki);

/**
 * Tells what the file says of itself.
 *
 * @param info struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL a struct_size too small. Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int
coco_uki_get_info(const struct coco_uki *uki, struct coco_uki_info *info, struct coco_error *error);

/**
 * Tells of one section, in the order of the file.
 *
 * @param section struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL no such index, or a struct_size too small. Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_uki_get_section(const struct coco_uki *uki, uint32_t index,
						  struct coco_uki_section *section,
						  struct coco_error *error);

/**
 * Finds the section that a profile has of a name: its own, or else that of the base. The first
 * wins.
 *
 * @param profile index from 0; files without profiles have 0 all the same.
 * @param section struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -ENOENT there is none; -EINVAL no such profile, or a struct_size too small.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_uki_find_section(const struct coco_uki *uki, uint32_t profile,
						   const char *name,
						   struct coco_uki_section *section,
						   struct coco_error *error);

/**
 * Tells of one entry of the tables of hardware ids, in the order of the file.
 *
 * @param hwid struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL no such index, or a struct_size too small. Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_uki_get_hwid(const struct coco_uki *uki, uint32_t index,
					       struct coco_uki_hwid *hwid,
					       struct coco_error *error);

/**
 * Tells of one firmware section, in the order of the file.
 *
 * @param firmware struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL no such index, or a struct_size too small. Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_uki_get_firmware(const struct coco_uki *uki, uint32_t index,
						   struct coco_uki_firmware *firmware,
						   struct coco_error *error);

/**
 * Picks the firmware for a machine: the first of its CHIDs that a firmware entry of the profile's
 * hardware ids has gives the firmware id, and the first of the profile's firmware sections with
 * that id is it.
 *
 * @param chids    `count` CHIDs of COCO_CHID_SIZE bytes each, the most specific one first.
 * @param firmware struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -ENOENT nothing is for this machine (the text says how far it got); -EINVAL no such
 * profile, or a struct_size too small. What the payload is, coco_payload_check() judges.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_uki_select_firmware(const struct coco_uki *uki, uint32_t profile,
						      const void *chids, uint32_t count,
						      struct coco_uki_firmware *firmware,
						      struct coco_error *error);

/**
 * Hashes what a profile's direct kernel boot gives to the guest: `.linux`, `.initrd`, and
 * `.cmdline` as text.
 *
 * Errors: -ENOENT there is no `.linux`; -EINVAL no such profile; -EIO libcrypto failed; -ENOMEM.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_kernel_hashes_from_uki(const struct coco_uki *uki,
							 uint32_t profile,
							 struct coco_kernel_hashes *out,
							 struct coco_error *error);

/**
 * Tells what a file is by its first bytes, and of raw firmware by its last.
 *
 * Returns enum coco_payload_kind. Thread safety: any thread.
 */
COCO_API uint32_t coco_payload_kind(const void *bytes, size_t size);

/**
 * Says of what coco_payload_kind() told whether guests can be launched from it.
 *
 * Errors: -EOPNOTSUPP they can't: the text names what it is instead of an IGVM file or raw
 * firmware. Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_payload_check(uint32_t kind, struct coco_error *error);

/**
 * The name of a payload kind ("IGVM", "UEFI capsule"), "unknown" for others.
 *
 * Ownership: static text. Thread safety: any thread.
 */
COCO_API const char *coco_payload_kind_name(uint32_t kind);

/**
 * Makes a CHID of what SMBIOS says, as Windows, fwupd and systemd do it: 0 to 14 are Microsoft's
 * list, 15 to 17 are systemd's, with a panel. Tools try them in the order 17, 16, 15, 3, 6, 8, 10,
 * 4, 5, 7, 9, 11.
 *
 * @param out COCO_CHID_SIZE bytes, as UEFI stores GUIDs.
 *
 * Errors: -ENODATA a text that it is made of is missing; -EINVAL no such number, text that is no
 * UTF-8; -E2BIG, -ENOMEM.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_chid_from_smbios(const struct coco_smbios *smbios,
						   uint32_t number, void *out,
						   struct coco_error *error);

COCO_END_DECLS

#endif
