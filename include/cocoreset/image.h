/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * The launch image: an ordered list of page runs. Every loader makes one and
 * every technology launches one, in the order of its runs.
 *
 * An image is built by one thread, then used. From its first use by a guest on
 * it is immutable and may be shared by any number of guests and threads.
 */
#ifndef COCORESET_IMAGE_H
#define COCORESET_IMAGE_H

#include <cocoreset/error.h>

struct coco_image;

/** The most runs an image can have. */
#define COCO_IMAGE_MAX_RUNS 65536u
/** The largest raw firmware: what fits between 4 GiB - 16 MiB and 4 GiB. */
#define COCO_FIRMWARE_MAX_SIZE 0x1000000u

enum coco_page_kind {
	COCO_PAGE_DATA = 1, /**< pages with the given bytes */
	COCO_PAGE_ZERO = 2, /**< pages of zeroes */
};

/** Flags of a run. */
enum coco_run_flags {
	/** Loaded, but its contents are left out of the launch measurement. */
	COCO_RUN_UNMEASURED = 1u << 0,
};

/** Guest pages that follow each other and are loaded alike. */
struct coco_page_run {
	size_t struct_size; /**< COCO_INIT */
	uint64_t gpa;       /**< guest physical address, page aligned */
	uint64_t size;      /**< bytes, a multiple of the page, not 0 */
	/** `size` bytes for COCO_PAGE_DATA; NULL for COCO_PAGE_ZERO. */
	const void *bytes;
	uint32_t kind;  /**< enum coco_page_kind */
	uint32_t flags; /**< enum coco_run_flags */
};

COCO_BEGIN_DECLS

/**
 * Makes an empty image.
 *
 * Errors: -ENOMEM.
 * Ownership: the caller holds a reference; coco_image_unref() gives it up.
 * Thread safety: any thread.
 */
COCO_API COCO_MUST_CHECK int coco_image_new(struct coco_image **out, struct coco_error *error);

/**
 * Takes one more reference and returns `image`.
 *
 * Thread safety: any thread.
 */
COCO_API struct coco_image *coco_image_ref(struct coco_image *image);

/**
 * Gives a reference up; the last one frees the image. NULL is allowed.
 *
 * Thread safety: any thread.
 */
COCO_API void coco_image_unref(struct coco_image *image);

/**
 * Appends a run. Its bytes are copied.
 *
 * Errors: -EINVAL a size of 0, an unaligned gpa or size, a range that wraps or
 * ends beyond 2^52, bytes that are missing or superfluous for the kind, an unknown kind or
 * flag; -EEXIST pages that another run has already; -ENOSPC more than
 * COCO_IMAGE_MAX_RUNS; -EBUSY the image is in use already; -E2BIG, -ENOMEM. The image is
 * as it was after every error.
 *
 * Thread safety: one thread at a time. Allowed states: before the first use.
 */
COCO_API COCO_MUST_CHECK int
coco_image_add(struct coco_image *image, const struct coco_page_run *run, struct coco_error *error);

/**
 * Appends raw firmware so that it ends at 4 GiB, where x86 processors start.
 * The bytes are copied.
 *
 * @param size a multiple of the page, at most COCO_FIRMWARE_MAX_SIZE.
 *
 * Errors: -EINVAL a size of 0 or not a multiple of the page; -EFBIG too large; otherwise
 * those of coco_image_add().
 *
 * Thread safety: one thread at a time. Allowed states: before the first use.
 */
COCO_API COCO_MUST_CHECK int coco_image_add_firmware(struct coco_image *image, const void *bytes,
						     size_t size, struct coco_error *error);

/**
 * coco_image_add_firmware() with the contents of a regular file. The file is
 * read once and not needed afterwards.
 *
 * Errors: those of open(2) and read(2), -EINVAL not a regular file, -EIO the file shrank while
 * it was read, and those of coco_image_add_firmware().
 *
 * Thread safety: one thread at a time. Allowed states: before the first use.
 */
COCO_API COCO_MUST_CHECK int
coco_image_add_firmware_file(struct coco_image *image, const char *path, struct coco_error *error);

/**
 * How many runs the image has.
 *
 * Thread safety: any thread once the image is in use.
 */
COCO_API uint32_t coco_image_run_count(const struct coco_image *image);

/**
 * Tells of one run, in launch order.
 *
 * @param run struct_size set by the caller. `bytes` belongs to the image.
 *
 * Errors: -EINVAL no such index, or a struct_size too small.
 * Thread safety: any thread once the image is in use.
 */
COCO_API COCO_MUST_CHECK int coco_image_get_run(const struct coco_image *image, uint32_t index,
						struct coco_page_run *run,
						struct coco_error *error);

COCO_END_DECLS

#endif
