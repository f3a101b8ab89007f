/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * Firmware that the tenant brings: what a guest's next incarnation is launched from, instead of the
 * image that it was made with.
 *
 * A file is staged: it is copied, checked, made a launch image for this guest, and the digest that
 * the platform will measure is predicted; then the next reset launches it. All that can be known
 * to be wrong with it is known when it is staged, and what is refused changes nothing. A reset
 * that fails leaves the guest's recipe as it was, and the file staged: reset again, or unstage it.
 *
 * The files that are taken: IGVM files; raw firmware (OVMF, TDVF); UKIs that carry either in an
 * `.efifw` section. They need not be trusted, and neither need their authors: a file decides what
 * is launched and measured, and nothing else. vCPUs, memory, policy and all other options remain
 * the guest's. A file that asks for others is refused rather than adapted.
 */
#ifndef COCORESET_STAGE_H
#define COCORESET_STAGE_H

#include <cocoreset/guest.h>
#include <cocoreset/igvm.h>
#include <cocoreset/uki.h>

enum coco_stage_flags {
	/** For the next incarnation only; without it, for all that follow. */
	COCO_STAGE_ONCE = 1u << 0,
	/**
	 * Take IGVM files, too, whose own measurement KVM can't produce (coco_image_check_kvm()):
	 * their tenants have to expect the digest that is predicted here.
	 */
	COCO_STAGE_INEXACT = 1u << 1,
	/**
	 * Measure a direct boot of the UKI's kernel: the hashes of its `.linux`, `.initrd` and
	 * `.cmdline` are launched with its raw firmware, as coco_sev_firmware_options::hashes.
	 */
	COCO_STAGE_KERNEL_HASHES = 1u << 2,
};

/** What is about to be staged. All of it is the library's, and valid during the call. */
struct coco_stage_offer {
	size_t struct_size; /**< set by the library */
	/** enum coco_payload_kind: COCO_PAYLOAD_IGVM, COCO_PAYLOAD_FIRMWARE; or 0: an image */
	uint32_t kind;
	uint32_t is_uki; /**< 1 if a UKI carries it */
	uint64_t size;   /**< bytes of the file; 0: an image */
	const char *name;
	const struct coco_image *image; /**< what will be launched */
	/** What the platform will measure; NULL if it measures nothing. */
	const struct coco_digest *digest;
};

/**
 * Looks at what is about to be staged. Called from the thread that stages, without locks of the
 * library held: it may call the library, but not stage for the same guest.
 *
 * @return 0, or a negative errno, with which the call is refused.
 */
typedef int (*coco_stage_fn)(void *payload, const struct coco_stage_offer *offer);

/**
 * What the VMM lets a tenant do, and what it has to add. 0 and NULL are defaults everywhere.
 */
struct coco_stage_options {
	size_t struct_size; /**< COCO_INIT */
	uint32_t flags;     /**< enum coco_stage_flags */
	/** The guests that may be given other firmware, each enum coco_tech as 1 << it; 0: all. */
	uint32_t techs;
	/**
	 * What the file may be, each enum coco_payload_kind as 1 << it: IGVM, FIRMWARE, and PE for
	 * UKIs, of which what they carry has to be allowed, too. 0: all.
	 */
	uint32_t kinds;
	/** The most vCPUs that an IGVM file may have registers of; 0: the guest's. */
	uint32_t max_vcpus;
	uint64_t max_size; /**< bytes of the file; 0: 64 MiB */
	/**
	 * What it is, for people and coco_guest_get_info(): shorter than COCO_STAGE_NAME_SIZE.
	 * NULL: the library says what it is. Copied.
	 */
	const char *name;
	coco_stage_fn accept; /**< has the last word; NULL: everything is accepted */
	void *accept_payload;

	/** IGVM: as in struct coco_igvm_load_options. */
	const char *cmdline;
	coco_igvm_parameter_fn parameter;
	void *parameter_payload;
	/** IGVM: the memory map; NULL: all of the guest's memory is memory. */
	const struct coco_igvm_memory *memory;
	uint32_t memory_count;
	uint32_t zero_pages; /**< enum coco_igvm_zero_pages */

	/** UKI: whose sections count, index from 0. */
	uint32_t profile;
	/**
	 * UKI: `chid_count` CHIDs of the machine that the guest sees, the most specific one first,
	 * by which its firmware is picked (coco_uki_select_firmware()).
	 */
	uint32_t chid_count;
	const void *chids;
	/** UKI: picks by id instead. Neither: the profile has to have one firmware. */
	const char *firmware_id;

	/** Raw firmware: the TD HOB (coco_tdx_firmware_options). Copied. */
	const void *hob;
	uint64_t hob_size;
	uint32_t vmm;       /**< raw firmware: as in struct coco_sev_firmware_options */
	uint32_t reserved0; /**< 0 */
};

enum coco_unstage_flags {
	/** The next incarnation is launched from the image of the guest's options again. */
	COCO_UNSTAGE_OWN = 1u << 0,
};

COCO_BEGIN_DECLS

/**
 * Stages an image: the guest's next reset launches it. What was staged before is replaced, and
 * stays if this is refused. A reset that is under way is not affected.
 *
 * @param image   immutable from here on; the guest takes a reference.
 * @param options NULL for all defaults. Those about files are not looked at.
 * @param digest  set to what the platform will measure, to NULL if it measures nothing; may be
 *                NULL.
 *
 * Errors: -EPERM the options don't let such guests be given other firmware; -EINVAL, -EBADMSG,
 * -EIO what coco_guest_launch() would find wrong with it; what `accept` returned; -EBUSY the
 * state; -E2BIG, -ENOMEM. Nothing has changed then.
 *
 * Ownership: the caller frees *digest with coco_digest_free().
 * Thread safety: any thread. Allowed states: all but configured and dead.
 */
COCO_API COCO_MUST_CHECK int coco_guest_stage_image(struct coco_guest *guest,
						    struct coco_image *image,
						    const struct coco_stage_options *options,
						    struct coco_digest **digest,
						    struct coco_error *error);

/**
 * Stages a file that is in memory.
 *
 * Errors: those of coco_guest_stage_image(); -EFBIG it is larger than max_size, or asks for more
 * than the limits; -EPERM a policy, or a kind of file, that the guest or the options don't allow;
 * -EOPNOTSUPP it is neither IGVM file, firmware nor UKI, or not for this technology, or its own
 * measurement can't be produced; -ENOENT, -EINVAL a UKI without firmware for this machine, or
 * with several; -EBADMSG and others of coco_igvm_parse(), coco_image_add_igvm(), coco_uki_parse(),
 * coco_firmware_parse(), coco_image_add_sev_firmware() and coco_image_add_tdx_firmware().
 *
 * Ownership: the bytes are copied before they are checked. *digest as above.
 * Thread safety: any thread. Allowed states: all but configured and dead.
 */
COCO_API COCO_MUST_CHECK int coco_guest_stage_bytes(struct coco_guest *guest, const void *bytes,
						    size_t size,
						    const struct coco_stage_options *options,
						    struct coco_digest **digest,
						    struct coco_error *error);

/**
 * Stages a regular file, which is read once, from its beginning. Its offset stays as it is.
 *
 * Errors: those of coco_guest_stage_bytes(), fstat(2) and pread(2); -EINVAL not a regular file;
 * -EIO it became shorter while it was read.
 *
 * Ownership: `fd` is the caller's. *digest as above.
 * Thread safety: any thread. Allowed states: all but configured and dead.
 */
COCO_API COCO_MUST_CHECK int coco_guest_stage_file(struct coco_guest *guest, int fd,
						   const struct coco_stage_options *options,
						   struct coco_digest **digest,
						   struct coco_error *error);

/**
 * Stages a file that the guest has in memory that it shares with the host. It is copied once, and
 * only the copy is looked at: the guest may change its memory while this runs. Address and size
 * may be whatever the guest says.
 *
 * A request is a matter of the incarnation that made it: while a launch or reset is under way it
 * is refused rather than waited for.
 *
 * Errors: those of coco_guest_stage_bytes(); -EINVAL a size of 0; -EFBIG it is larger than
 * max_size; -EOVERFLOW the range wraps; -EFAULT it is not within one memory region; -EACCES some of
 * it is private; -EBUSY the state, or a launch, reset or teardown is under way.
 *
 * Ownership: *digest as above.
 * Thread safety: any thread, that of a vCPU too. Allowed states: runnable, parked.
 */
COCO_API COCO_MUST_CHECK int coco_guest_stage_from_guest(struct coco_guest *guest, uint64_t gpa,
							 uint64_t size,
							 const struct coco_stage_options *options,
							 struct coco_digest **digest,
							 struct coco_error *error);

/**
 * Drops what is staged and was not launched yet: the next incarnation is launched from what the
 * guest's recipe has, which is the last image that was staged without COCO_STAGE_ONCE and ran, or
 * that of the guest's options.
 *
 * @param flags enum coco_unstage_flags.
 *
 * Errors: -EINVAL unknown flags; -EBUSY the state.
 * Thread safety: any thread. Allowed states: all but dead.
 */
COCO_API COCO_MUST_CHECK int coco_guest_unstage(struct coco_guest *guest, uint32_t flags,
						struct coco_error *error);

COCO_END_DECLS

#endif
