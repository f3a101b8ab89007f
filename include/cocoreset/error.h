/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * What went wrong, for programs and for people.
 *
 * Every function that can fail returns 0 or a negative errno, and takes a
 * `struct coco_error *` as its last argument. The struct is the caller's and
 * may be NULL. On failure the library writes all of it (it needs no
 * initialising and no freeing); on success it is left alone.
 */
#ifndef COCORESET_ERROR_H
#define COCORESET_ERROR_H

#include <cocoreset/base.h>

/** Where in a guest's life a call failed. */
enum coco_stage {
	COCO_STAGE_ARGUMENT = 1, /**< the caller's arguments, or the state the call was made in */
	COCO_STAGE_HOST = 2,     /**< opening the platform or asking what it can do */
	COCO_STAGE_CREATE = 3,   /**< VM, memory and vCPUs of an incarnation */
	COCO_STAGE_LOAD = 4,     /**< the launch image going into guest memory */
	COCO_STAGE_SEAL = 5,     /**< the step after which the guest may run */
	COCO_STAGE_SWAP = 6,     /**< moving an incarnation onto the guest's stable handles */
	COCO_STAGE_RUN = 7,      /**< entering the guest or serving one of its exits */
	COCO_STAGE_PARK = 8,     /**< bringing the vCPUs to rest */
	COCO_STAGE_RETIRE = 9,   /**< giving an incarnation back to the kernel */
};

/**
 * Details of one failure. The layout is fixed for SONAME 0: new members take
 * bytes from `reserved`.
 */
struct coco_error {
	int32_t code;    /**< the function's return value, a negative errno */
	uint32_t stage;  /**< enum coco_stage */
	uint64_t status; /**< what the firmware or module answered; 0 if it was not asked */
	char call[48];   /**< the system call or KVM ioctl that failed, or "" */
	char field[48];  /**< the argument or option field at fault, or "" */
	char text[336];  /**< a sentence: what failed, why, and what to do about it */
	uint8_t reserved[64];
};

COCO_BEGIN_DECLS

/**
 * A stage's name in lower case ("load"), "unknown" for other values.
 *
 * Ownership: static text. Thread safety: any thread.
 */
COCO_API const char *coco_stage_name(uint32_t stage);

COCO_END_DECLS

#endif
