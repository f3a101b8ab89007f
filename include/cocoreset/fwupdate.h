/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * The guest's side of bringing firmware: a request object, to which a VMM connects whatever its
 * guests can reach (fw_cfg, MMIO, a port, a hypercall). Fields and their rules are those of the
 * vmfwupdate device that was proposed for QEMU (version 6 of the patches, February 2025, and what
 * its review asked for), and a status that it lacks.
 *
 * A guest shares memory with the host, puts a file there, and writes size and address to
 * COCO_FWUPDATE_BLOB: the file is staged at once (cocoreset/stage.h), and the guest learns there
 * and then whether it is accepted. Then it resets by any means. The next life finds what was
 * written to COCO_FWUPDATE_OPAQUE, and the status; all else is as at the beginning.
 *
 *      idle -- blob: accepted --> staged -- reset --> launched -- reset --> idle
 *       |                          |  ^
 *       |                          |  +-- blob: refused (the first request holds),
 *       |                          |      or accepted (the second takes its place)
 *       |                          +-- blob: size 0, or disable --> idle
 *       +-- blob: refused --> refused -- reset --> refused -- reset --> idle
 *
 * Once a guest has disabled it, nothing is accepted until the next life.
 */
#ifndef COCORESET_FWUPDATE_H
#define COCORESET_FWUPDATE_H

#include <cocoreset/stage.h>

struct coco_fwupdate;

/** What the guest can read and write. Numbers are little-endian. */
enum coco_fwupdate_field {
	/** 8 bytes, read only: enum coco_fwupdate_capability. */
	COCO_FWUPDATE_CAP = 0,
	/** 8 bytes, read only: bytes of memory that raw firmware has below 4 GiB. */
	COCO_FWUPDATE_BIOS_SIZE = 1,
	/**
	 * 16 bytes, written as a whole: size and guest physical address of a file, 8 bytes each.
	 * Reads as the last request that was accepted in this life. Size 0 takes it back.
	 */
	COCO_FWUPDATE_BLOB = 2,
	/** COCO_FWUPDATE_OPAQUE_SIZE bytes, the guest's own, which live through resets. */
	COCO_FWUPDATE_OPAQUE = 3,
	/** 1 byte: 1 disables updates for the rest of this life, and drops a request. */
	COCO_FWUPDATE_DISABLE = 4,
	/**
	 * 16 bytes, read only: enum coco_fwupdate_state, the errno that a file was refused with (a
	 * positive number, or 0), 4 bytes each, and the incarnation that it is about, 8 bytes.
	 */
	COCO_FWUPDATE_STATUS = 5,
};

#define COCO_FWUPDATE_FIELDS      6u
#define COCO_FWUPDATE_OPAQUE_SIZE 4096u

enum coco_fwupdate_capability {
	COCO_FWUPDATE_CAP_RESIZE = 1u << 0, /**< the memory below 4 GiB can be resized: it can't */
	COCO_FWUPDATE_CAP_IGVM = 1u << 1,   /**< IGVM files are taken */
};

enum coco_fwupdate_state {
	COCO_FWUPDATE_IDLE = 0,     /**< nothing was asked for */
	COCO_FWUPDATE_STAGED = 1,   /**< the next reset launches it */
	COCO_FWUPDATE_REFUSED = 2,  /**< the last request of this life, or of the one before, was */
	COCO_FWUPDATE_LAUNCHED = 3, /**< this life was launched from it */
};

struct coco_fwupdate_options {
	size_t struct_size; /**< COCO_INIT */
	/**
	 * What files are staged with; NULL: all defaults. Copied; what it points to has to stay
	 * until coco_fwupdate_free().
	 */
	const struct coco_stage_options *stage;
	uint64_t bios_size; /**< what COCO_FWUPDATE_BIOS_SIZE says */
};

/** A field, for whatever the guest finds it by. */
struct coco_fwupdate_field_info {
	size_t struct_size; /**< COCO_INIT */
	const char *name;   /**< that of the fw_cfg file, "etc/vmfwupdate/cap". Static text */
	uint32_t size;      /**< bytes */
	uint32_t writable;  /**< 1: the guest may write it */
};

/** How it is, for the VMM. */
struct coco_fwupdate_info {
	size_t struct_size;        /**< COCO_INIT */
	uint32_t state;            /**< enum coco_fwupdate_state */
	uint32_t disabled;         /**< 1: until the next life */
	uint64_t size;             /**< of the request that holds, bytes; 0: none */
	uint64_t gpa;              /**< of the same */
	struct coco_error refusal; /**< why the last file was refused; code 0: it was not */
};

COCO_BEGIN_DECLS

/**
 * Makes the object for a guest.
 *
 * Errors: -EINVAL, -E2BIG a bad option; -ENOMEM.
 * Ownership: the caller frees *out with coco_fwupdate_free(), before the guest.
 * Thread safety: any thread. Allowed states: any.
 */
COCO_API COCO_MUST_CHECK int coco_fwupdate_new(struct coco_guest *guest,
					       const struct coco_fwupdate_options *options,
					       struct coco_fwupdate **out,
					       struct coco_error *error);

/** Frees it. What is staged stays so. NULL is allowed. Thread safety: no other user. */
COCO_API void coco_fwupdate_free(struct coco_fwupdate *update);

/**
 * Tells of a field.
 *
 * @param info struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL no such field, or a struct_size too small. Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_fwupdate_get_field(uint32_t field,
						     struct coco_fwupdate_field_info *info,
						     struct coco_error *error);

/**
 * The guest reads from a field. Arguments may be whatever the guest says.
 *
 * Errors: -EINVAL no such field, or beyond its end.
 * Thread safety: any thread. Allowed states: any.
 */
COCO_API COCO_MUST_CHECK int coco_fwupdate_read(struct coco_fwupdate *update, uint32_t field,
						uint64_t offset, void *to, size_t size,
						struct coco_error *error);

/**
 * The guest writes to a field. Arguments may be whatever the guest says; `bytes` are the VMM's own
 * copy. Whatever this returns, the guest goes on: its VMM reports failures as its device can.
 *
 * Errors: -EINVAL no such field, beyond its end, or not as a whole where that is wanted; -EPERM the
 * field is read only, or updates are disabled; COCO_FWUPDATE_BLOB: those of
 * coco_guest_stage_from_guest().
 * Thread safety: any thread, one at a time does the staging. Allowed states: runnable, parked.
 */
COCO_API COCO_MUST_CHECK int coco_fwupdate_write(struct coco_fwupdate *update, uint32_t field,
						 uint64_t offset, const void *bytes, size_t size,
						 struct coco_error *error);

/**
 * A new life has begun. To be called after each coco_guest_reset() that went well, before the
 * guest reads a field: a VMM calls it where it resets its devices.
 *
 * Errors: -EINVAL. Thread safety: any thread. Allowed states: any.
 */
COCO_API COCO_MUST_CHECK int coco_fwupdate_reset(struct coco_fwupdate *update,
						 struct coco_error *error);

/**
 * Tells how it is.
 *
 * @param info struct_size set by the caller; filled as far as that reaches.
 *
 * Errors: -EINVAL a struct_size too small. Thread safety: any thread. Allowed states: any.
 */
COCO_API COCO_MUST_CHECK int coco_fwupdate_get_info(struct coco_fwupdate *update,
						    struct coco_fwupdate_info *info,
						    struct coco_error *error);

COCO_END_DECLS

#endif
