/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * All that is known of a measurement, whether it was made just now or is read from a JSON document
 * that was written earlier. What is shown, written and compared is this.
 */
#ifndef MEASURE_RECORD_H
#define MEASURE_RECORD_H

#include "launch.h"
#include "vcpus.h"

struct json_object;

struct record {
	uint64_t mode;
	uint32_t tech;
	uint32_t size; /* of the digests, in bytes */
	uint8_t digest[COCO_DIGEST_MAX_SIZE];
	bool has_start;
	uint8_t start[COCO_DIGEST_MAX_SIZE];
	struct vcpus vcpus;
	uint32_t count;
	struct coco_digest_step *steps; /* their VMSAs are those of `vcpus` */
};

struct difference {
	uint32_t kind;   /* enum coco_difference_kind */
	uint32_t first;  /* step index in the first record, its count if it ended */
	uint32_t second; /* the same in the second */
	char text[512];
};

/* A record is not to be moved while it has steps. Each of these returns 0 or what the program is to
 * return: a message was printed. */
int record_from_launch(struct record *record, const struct launch *launch,
		       const struct options *options);
int record_load(struct record *record, const char *path);
void record_free(struct record *record);
/* Why `second` is not `first`. */
int record_compare(const struct record *first, const struct record *second, struct difference *out);

/* Prints the steps as a table; steps that continue each other are one line. */
void record_explain(const struct record *record);

/* What the program calls a value of enum coco_difference_kind. */
const char *difference_name(uint32_t kind);

/* The record as JSON; `difference` may be NULL. NULL if memory is used up. */
struct json_object *record_to_json(const struct record *record, const struct options *options,
				   const struct difference *difference);

/* Prints a document and frees it; NULL is memory that is used up. */
int json_print(struct json_object *root);
/* Adds "key": "0x...". */
void json_add_address(struct json_object *object, const char *key, uint64_t value);
/* Adds "key": "<bytes in hex>". */
void json_add_bytes(struct json_object *object, const char *key, const void *bytes, size_t size);

#endif
