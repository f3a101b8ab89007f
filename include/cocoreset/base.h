/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * What every other header of the library needs: export marks, the version, and
 * the way option structs grow.
 *
 * Option structs begin with `struct_size`, which the caller sets to the size of
 * the struct as *the caller* was compiled (COCO_INIT does that). The library
 * takes the fields that the caller's size covers, and treats the rest as zero. The size is
 * a multiple of 8, as that of all these structs. A struct from a newer header is accepted as long
 * as the bytes that this library does not know are zero; otherwise the call fails with -E2BIG.
 */
#ifndef COCORESET_BASE_H
#define COCORESET_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define COCO_API        __attribute__((visibility("default")))
#define COCO_MUST_CHECK __attribute__((warn_unused_result))
#else
#define COCO_API
#define COCO_MUST_CHECK
#endif

#ifdef __cplusplus
#define COCO_BEGIN_DECLS extern "C" {
#define COCO_END_DECLS   }
#else
#define COCO_BEGIN_DECLS
#define COCO_END_DECLS
#endif

/** Version of these headers; coco_version() tells that of the linked library. */
#define COCO_VERSION_MAJOR 0
#define COCO_VERSION_MINOR 1
#define COCO_VERSION_PATCH 0

/** Zero an option or result struct and write its size: `COCO_INIT(&options);` */
#define COCO_INIT(ptr)                                                                             \
	(memset((ptr), 0, sizeof(*(ptr))), (void)((ptr)->struct_size = sizeof(*(ptr))))

/** The guest page: sizes and guest addresses are multiples of it. */
#define COCO_PAGE_SIZE 4096u

COCO_BEGIN_DECLS

/**
 * The linked library's version, as major << 16 | minor << 8 | patch.
 *
 * Thread safety: any thread. Allowed states: any.
 */
COCO_API uint32_t coco_version(void);

COCO_END_DECLS

#endif
