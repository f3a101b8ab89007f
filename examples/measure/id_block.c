/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "id_block.h"

#include <cocoreset/cocoreset.h>
#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "hex.h"
#include "launch.h"
#include "message.h"
#include "record.h"

struct id_block {
	struct coco_id_key *id_key;
	struct coco_id_key *author_key;
	uint8_t block[COCO_ID_BLOCK_SIZE];
	uint8_t auth[COCO_ID_AUTH_SIZE];
};

/* "scheme:..." as OpenSSL's stores take it; a file of such a name is "./scheme:...". */
static bool is_uri(const char *text)
{
	size_t length = 0;

	while (isalnum((unsigned char)text[length]) ||
	       (length && text[length] && strchr("+-.", text[length])))
		length++;
	return length > 1 && text[length] == ':';
}

static int open_key(const char *option, const char *where, struct coco_id_key **out)
{
	struct coco_error error;
	char what[256];
	int r;

	if (!where)
		return 0;
	r = is_uri(where) ? coco_id_key_from_uri(where, out, &error)
			  : coco_id_key_from_file(where, out, &error);
	if (!r)
		return 0;
	snprintf(what, sizeof(what), "%s %s: ", option, where);
	return library_failed_with(what, &error);
}

/* The launch digest, given or measured. */
static int find_digest(const struct options *options, uint8_t out[48])
{
	struct launch launch;
	int status;

	if (options_given(options, OPT_DIGEST)) {
		memcpy(out, options->digest, 48);
		return 0;
	}
	status = launch_measure(&launch, options, false);
	if (!status)
		memcpy(out, coco_digest_bytes(launch.digest, NULL), 48);
	launch_free(&launch);
	return status;
}

static int build(struct id_block *id, const struct options *options)
{
	struct coco_id_block block;
	struct coco_error error;
	int status;

	COCO_INIT(&block);
	memcpy(block.family_id, options->family_id, sizeof(block.family_id));
	memcpy(block.image_id, options->image_id, sizeof(block.image_id));
	block.guest_svn = (uint32_t)options->guest_svn;
	block.policy = options->policy;
	status = find_digest(options, block.launch_digest);
	if (!status && coco_id_block_build(&block, id->block, &error))
		status = library_failed(&error);
	return status;
}

static int sign(struct id_block *id, const struct options *options)
{
	struct coco_error error;
	int status = open_key("--id-key", options->id_key, &id->id_key);

	if (!status)
		status = open_key("--author-key", options->author_key, &id->author_key);
	if (!status && coco_id_block_sign(id->block, id->id_key, id->author_key, id->auth, &error))
		status = library_failed(&error);
	return status;
}

static int add_base64(struct json_object *root, const char *key, const void *bytes, size_t size)
{
	char text[COCO_BASE64_SIZE(COCO_ID_AUTH_SIZE)];
	struct coco_error error;

	if (coco_base64_encode(bytes, size, text, sizeof(text), &error))
		return library_failed(&error);
	json_object_object_add(root, key, json_object_new_string(text));
	return 0;
}

static int add_key_digest(struct json_object *root, const char *name, const struct coco_id_key *key)
{
	uint8_t digest[COCO_ID_KEY_DIGEST_SIZE];
	struct coco_error error;

	if (!key)
		return 0;
	if (coco_id_key_digest(key, digest, &error))
		return library_failed(&error);
	json_add_bytes(root, name, digest, sizeof(digest));
	return 0;
}

static int print_json(const struct id_block *id, const struct options *options)
{
	struct json_object *root = json_object_new_object();
	int status = add_base64(root, "id_block", id->block, sizeof(id->block));

	json_add_bytes(root, "launch_digest", id->block, 48);
	if (options->command == COMMAND_ID_AUTH) {
		if (!status)
			status = add_base64(root, "id_auth", id->auth, sizeof(id->auth));
		if (!status)
			status = add_key_digest(root, "id_key_digest", id->id_key);
		if (!status)
			status = add_key_digest(root, "author_key_digest", id->author_key);
		json_object_object_add(root, "author_key_enabled",
				       json_object_new_boolean(id->author_key != NULL));
	}
	if (!status)
		return json_print(root);
	json_object_put(root);
	return status;
}

static int print_bytes(const void *bytes, size_t size, uint64_t format)
{
	char text[HEX_SIZE(COCO_ID_AUTH_SIZE)];
	struct coco_error error;

	if (format == FORMAT_HEX)
		hex_write(bytes, size, text);
	else if (coco_base64_encode(bytes, size, text, sizeof(text), &error))
		return library_failed(&error);
	puts(text);
	return 0;
}

int id_block_run(const struct options *options)
{
	const bool auth = options->command == COMMAND_ID_AUTH;
	struct id_block id = {0};
	int status = build(&id, options);

	if (!status && auth)
		status = sign(&id, options);
	if (!status && options->format == FORMAT_JSON)
		status = print_json(&id, options);
	else if (!status && auth)
		status = print_bytes(id.auth, sizeof(id.auth), options->format);
	else if (!status)
		status = print_bytes(id.block, sizeof(id.block), options->format);
	coco_id_key_free(id.id_key);
	coco_id_key_free(id.author_key);
	return status;
}
