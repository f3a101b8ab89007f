/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A parsed IGVM file as the functions around it see it.
 *
 *     igvm.c             the object, the public questions to it
 *     igvm_header.c      fixed header and checksum, the list of entries
 *     igvm_entry.c       what each type of entry consists of, and its own rules
 *     igvm_parameter.c   values of parameters
 *     igvm_id_block.c    SNP's ID block
 *     igvm_load.c        launch images, for which
 *     igvm_pages.c       makes runs of pages
 *     igvm_write.c       IGVM files of launch images
 */
#ifndef COCO_IMAGE_IGVM_H
#define COCO_IMAGE_IGVM_H

#include <cocoreset/igvm.h>

#include "image/image.h"

#define COCO_IGVM_MAGIC        0x4d564749u /* "IGVM" */
#define COCO_IGVM_HEADER_1     24u
#define COCO_IGVM_HEADER_2     32u
#define COCO_IGVM_ENTRY_HEADER 8u
#define COCO_IGVM_OPTIONAL     (1u << 31)
#define COCO_IGVM_LARGE_PAGE   0x200000u
#define COCO_IGVM_PAGE_FLAGS                                                                       \
	(COCO_IGVM_PAGE_2MB | COCO_IGVM_PAGE_UNMEASURED | COCO_IGVM_PAGE_SHARED)
/* Sizes of entries' bodies. */
#define COCO_IGVM_PLATFORM_SIZE 16u
#define COCO_IGVM_ID_BLOCK_SIZE 696u
/* There are so many bits in a mask. */
#define COCO_IGVM_MAX_PLATFORMS 32u

/* Areas are searched one by one. */
#define COCO_IGVM_MAX_AREAS 4096u

struct coco_igvm_area {
	uint32_t index;
	uint32_t file_offset; /* of what it begins with; 0: zeroes */
	uint64_t size;
};

struct coco_igvm {
	struct coco_blob *blob;
	struct coco_igvm_options options; /* complete */
	struct coco_igvm_info info;
	struct coco_igvm_platform platforms[COCO_IGVM_MAX_PLATFORMS];
	uint32_t declared; /* all platforms' bits */
	uint32_t *entries; /* where they are in the file */
	uint32_t capacity;
	struct coco_igvm_area *areas; /* those that are declared, in file order */
	uint32_t area_count;
};

/* The place of an area in `areas`; area_count if there is none of that index. */
uint32_t coco_igvm_find_area(const struct coco_igvm *igvm, uint32_t index);

/* coco_igvm_parse() of bytes that need not be copied: takes a reference. */
int coco_igvm_parse_blob(struct coco_blob *blob, const struct coco_igvm_options *options,
			 struct coco_igvm **out, struct coco_error *error);

/* Reads headers and entries; `igvm` has its blob and options. */
int coco_igvm_read(struct coco_igvm *igvm, struct coco_error *error);

/* The body of an entry. */
struct coco_igvm_body {
	uint32_t type;   /* without COCO_IGVM_OPTIONAL */
	uint32_t offset; /* of the entry in the file */
	const uint8_t *bytes;
	uint32_t size;
};

/* Takes the entry at `offset` apart, whose body has the size of its type. */
void coco_igvm_get(const struct coco_igvm *igvm, uint32_t offset, struct coco_igvm_entry *out);

/* 0: the type is not known. Otherwise the size that its body has. */
uint32_t coco_igvm_body_size(uint32_t type);
/* A parameter whose value is written into an area. */
bool coco_igvm_is_parameter(uint32_t type);
/* The bytes that its value has at least. */
uint32_t coco_igvm_parameter_size(uint32_t type);

/* The entry is malformed, in the way that the text says. Returns -EBADMSG. */
int coco_igvm_malformed(const struct coco_igvm_body *body, struct coco_error *error,
			const char *format, ...) __attribute__((format(printf, 3, 4)));

/* An entry's own rules, those that need no other entry. */
int coco_igvm_check_entry(const struct coco_igvm *igvm, const struct coco_igvm_body *body,
			  const struct coco_igvm_entry *entry, struct coco_error *error);
int coco_igvm_check_platform(struct coco_igvm *igvm, const struct coco_igvm_body *body,
			     struct coco_error *error);

/* The platform type that guests of a technology find themselves on. */
int coco_igvm_platform_of(uint32_t tech, uint32_t *out, struct coco_error *error);
/* That platform in the file. */
int coco_igvm_find_platform(const struct coco_igvm *igvm, uint32_t tech,
			    const struct coco_igvm_platform **out, struct coco_error *error);

/*
 * Writes the value of a parameter to its place in an area, which has room for `room` bytes.
 * `filled` is set to whether there was a value.
 */
int coco_igvm_fill_parameter(const struct coco_igvm_load_options *options,
			     const struct coco_igvm_entry *entry, uint8_t *to, uint64_t room,
			     bool *filled, struct coco_error *error);

#endif
