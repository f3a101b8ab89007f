/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* cocoreset-inspect: what a firmware, IGVM file or UKI holds, and what it measures to. */
#include "inspect.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* The exit statuses. */
enum {
	STATUS_OK = 0,
	STATUS_FAILED = 1,       /* the file can't be read, or is malformed */
	STATUS_COMMAND_LINE = 2, /* a mistake on the command line */
};

struct options {
	const char *path;
	bool json;
	bool help;
	bool version;
};

static bool parse(struct options *options, int argc, char **argv)
{
	*options = (struct options){0};
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (!strcmp(word, "--json")) {
			options->json = true;
		} else if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
			options->help = true;
		} else if (!strcmp(word, "--version")) {
			options->version = true;
		} else if (word[0] != '-' && !options->path) {
			options->path = word;
		} else {
			fprintf(stderr, "cocoreset-inspect: %s \"%s\" (--help lists the options)\n",
				word[0] == '-' ? "unknown option" : "unexpected argument", word);
			return false;
		}
	}
	if (options->path || options->help || options->version)
		return true;
	fputs("cocoreset-inspect: which file? (--help lists the options)\n", stderr);
	return false;
}

static void print_help(void)
{
	puts("cocoreset-inspect [--json] FILE\n"
	     "Tells what a firmware, an IGVM file or a UKI holds, and what it measures to.\n\n"
	     "  --json\n        one JSON document instead of tables\n"
	     "  --help\n        -h: this text\n"
	     "  --version\n        versions of program and library\n\n"
	     "Exit status: 1 the file can't be read or is malformed; 2 a mistake on the\n"
	     "command line.");
}

static void print_version(void)
{
	const uint32_t library = coco_version();

	printf("cocoreset-inspect %d.%d.%d (libcocoreset %u.%u.%u)\n", COCO_VERSION_MAJOR,
	       COCO_VERSION_MINOR, COCO_VERSION_PATCH, library >> 16, library >> 8 & 0xff,
	       library & 0xff);
}

static int system_failed(const char *path)
{
	fprintf(stderr, "cocoreset-inspect: %s: %s\n", path, strerror(errno));
	return STATUS_FAILED;
}

/* A file of any kind, pipes too, as much of it as a UKI may have. */
static void *read_file(const char *path, size_t *size)
{
	size_t room = 1u << 20, done;
	FILE *file = fopen(path, "rb");
	char *bytes = file ? malloc(room) : NULL;

	*size = 0;
	while (bytes && (done = fread(bytes + *size, 1, room - *size, file)) > 0) {
		char *grown;

		*size += done;
		if (*size < room)
			continue;
		room *= 2;
		errno = EFBIG;
		grown = room <= 2ull * COCO_UKI_MAX_SIZE ? realloc(bytes, room) : NULL;
		if (!grown)
			free(bytes);
		bytes = grown;
	}
	if (bytes && ferror(file)) {
		free(bytes);
		bytes = NULL;
	}
	if (file) {
		const int problem = errno;

		fclose(file);
		errno = problem;
	}
	return bytes;
}

int inspect_bytes(const void *bytes, size_t size, struct json_object *to, struct coco_error *error)
{
	const uint32_t kind = coco_payload_kind(bytes, size);

	put_text(to, "kind", coco_payload_kind_name(kind));
	put_number(to, "size", size);
	switch (kind) {
	case COCO_PAYLOAD_IGVM:
		return inspect_igvm(bytes, size, to, error);
	case COCO_PAYLOAD_PE:
		return inspect_uki(bytes, size, to, error);
	case COCO_PAYLOAD_FIRMWARE:
		return inspect_firmware(bytes, size, to, error);
	default:
		return coco_payload_check(kind, error);
	}
}

static int inspect(const struct options *options)
{
	struct json_object *object;
	struct coco_error error;
	size_t size;
	void *bytes = read_file(options->path, &size);
	int r;

	if (!bytes)
		return system_failed(options->path);
	object = json_object_new_object();
	r = inspect_bytes(bytes, size, object, &error);
	free(bytes);
	if (r)
		fprintf(stderr, "cocoreset-inspect: %s: %s%s%s\n", options->path, error.field,
			error.field[0] ? ": " : "", error.text);
	else if (options->json)
		puts(json_object_to_json_string_ext(
			object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		print_table(object);
	json_object_put(object);
	return r ? STATUS_FAILED : STATUS_OK;
}

int main(int argc, char **argv)
{
	struct options options;
	int status = STATUS_OK;

	if (!parse(&options, argc, argv))
		return STATUS_COMMAND_LINE;
	if (options.help)
		print_help();
	else if (options.version)
		print_version();
	else
		status = inspect(&options);
	if (fflush(stdout) || ferror(stdout))
		return system_failed("standard output");
	return status;
}
