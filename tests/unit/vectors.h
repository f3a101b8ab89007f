/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Test vectors: JSON files in tests/vectors, and the firmware and files that they are about. */
#ifndef VECTORS_H
#define VECTORS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "expect.h"

/* A file of vectors; it stays loaded. A file that can't be read ends the test. */
struct json_object *vectors_load(const char *name);
/* The same for files whose vectors are in another array. */
struct json_object *vectors_load_of(const char *name, const char *array);

/* Fields of an object. Text: NULL if null or not there. Numbers may be text, as "0x21". */
struct json_object *vectors_get(struct json_object *object, const char *key);
const char *vectors_text(struct json_object *object, const char *key);
uint64_t vectors_number(struct json_object *object, const char *key);
/* Exactly `size` bytes of hexadecimal. */
void vectors_hex(struct json_object *object, const char *key, void *out, size_t size);

void vectors_expect_hex(const char *what, const void *bytes, size_t size, const char *expected);
void vectors_expect_sha256(const void *bytes, size_t size, const char *expected);

/*
 * Firmware of a file of vectors: made, or found in the folder that the environment variable
 * COCO_VECTOR_FIRMWARE names, as *.fd or *.fd.xz, by its SHA-256. NULL if it is not to be had.
 * The caller frees it.
 */
uint8_t *vectors_firmware(struct json_object *file, const char *name, size_t *size);

/*
 * A file that is in the object, compressed ("zb64"), or lies in the folder that the environment
 * variable COCO_VECTOR_FILES names ("file"). NULL if it is not to be had. The caller frees it.
 */
uint8_t *vectors_packed(struct json_object *object, size_t *size);

/* The path of a kernel or initrd, made by its recipe; NULL for NULL. The caller frees it. */
char *vectors_make_file(struct json_object *file, const char *name);
/* Removes it as well. NULL is allowed. */
void vectors_remove_file(char *path);

/*
 * A suite with one check for each vector, which has the vector's id as its name and gets its index.
 */
Suite *vectors_suite(const char *name, struct json_object *file, TFun check);
/* The same for elements of another array, whose names are in `id`. Its file is not checked. */
Suite *vectors_suite_of(const char *name, struct json_object *file, const char *array,
			const char *id, TFun check);
struct json_object *vectors_at(struct json_object *file, int index);
/* Says by name that a vector could not be tried. */
void vectors_skip(struct json_object *file, int index);

#endif
