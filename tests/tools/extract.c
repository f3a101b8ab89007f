/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Writes the compressed files of tests/vectors/igvm.json or uki.json to the current folder, each
 * named after its vector.
 * usage: extract FILE.json
 */
#include <json-c/json.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static int fail(const char *what)
{
	fprintf(stderr, "extract: %s\n", what);
	return 1;
}

static const char *text_of(struct json_object *vector, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(vector, key, &value) ? json_object_get_string(value)
							      : NULL;
}

static int write_file(const char *name, const void *bytes, size_t size)
{
	FILE *file = fopen(name, "wb");
	const int bad = !file || fwrite(bytes, 1, size, file) != size;

	if (file && (fclose(file) || bad))
		return fail(name);
	return bad ? fail(name) : 0;
}

static int extract(struct json_object *vector)
{
	const char *packed_text = text_of(vector, "zb64"), *name = text_of(vector, "name");
	uLongf size = strtoul(text_of(vector, "size"), NULL, 0);
	unsigned char *packed, *bytes;
	int packed_size, status;

	if (!packed_text)
		return 0;
	packed = malloc(strlen(packed_text) + 3);
	bytes = malloc(size + 1);
	packed_size = EVP_DecodeBlock(packed, (const unsigned char *)packed_text,
				      (int)strlen(packed_text));
	if (!packed || !bytes || packed_size < 0 ||
	    uncompress(bytes, &size, packed, (uLong)packed_size) != Z_OK)
		status = fail(name);
	else
		status = write_file(name, bytes, size);
	free(packed);
	free(bytes);
	return status;
}

static int extract_all(struct json_object *file, const char *key)
{
	struct json_object *vectors;
	int status = 0;

	if (!json_object_object_get_ex(file, key, &vectors))
		return fail(key);
	for (size_t i = 0; !status && i < json_object_array_length(vectors); i++)
		status = extract(json_object_array_get_idx(vectors, i));
	return status;
}

int main(int argc, char **argv)
{
	struct json_object *file = argc == 2 ? json_object_from_file(argv[1]) : NULL;
	int status;

	if (!file)
		return fail("which file?");
	status = extract_all(file, "files");
	if (!status)
		status = extract_all(file, "cases");
	json_object_put(file);
	return status;
}
