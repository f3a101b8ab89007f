/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Is a guest's info as JSON what it was as a struct, and valid JSON whatever is in it? */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "fixture.h"

static struct fixture f;
static struct coco_error error;

static struct coco_guest_info sample(void)
{
	struct coco_guest_info info;

	COCO_INIT(&info);
	info.state = COCO_STATE_RUNNABLE;
	info.tech = COCO_TECH_SNP;
	info.generation = 7;
	info.vcpus = 4;
	info.memory_bytes = 1ull << 40;
	info.total_ns = 123456789012ull;
	info.phase_ns[COCO_PHASE_VM] = 5;
	info.phase_ns[COCO_PHASE_SWAP] = 6;
	info.strategy = COCO_STRATEGY_SEQUENTIAL;
	info.retiring = 2;
	info.retiring_bytes = 4096;
	info.fallback_code = -ENOSPC;
	strcpy(info.fallback, "KVM_CREATE_VM: no \"ASID\" \\ left\n\x01\xff");
	info.digest_size = 2;
	info.digest[0] = 0xab;
	info.digest[1] = 0x01;
	return info;
}

static struct json_object *parse(const struct coco_guest_info *info)
{
	char text[COCO_GUEST_INFO_JSON_SIZE];
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *root;

	expect_ok(coco_guest_info_json(info, text, sizeof(text), &error), &error);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	root = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
	ck_assert_msg(root != NULL, "%s", text);
	json_tokener_free(tokener);
	return root;
}

static struct json_object *find(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	ck_assert_msg(json_object_object_get_ex(object, key, &value), "no %s", key);
	return value;
}

static void expect_number(struct json_object *object, const char *key, uint64_t number)
{
	ck_assert_uint_eq(json_object_get_uint64(find(object, key)), number);
}

static void expect_string(struct json_object *object, const char *key, const char *text)
{
	ck_assert_str_eq(json_object_get_string(find(object, key)), text);
}

START_TEST(says_what_the_struct_says)
{
	const struct coco_guest_info info = sample();
	struct json_object *root = parse(&info), *last = find(root, "last");
	struct json_object *phases = find(last, "phases_ns");

	expect_string(root, "state", "runnable");
	expect_string(root, "tech", "snp");
	expect_number(root, "generation", 7);
	expect_number(root, "memory_bytes", 1ull << 40);
	expect_string(root, "digest", "ab01");
	ck_assert(find(root, "launch_measure") == NULL);
	expect_string(last, "strategy", "sequential");
	expect_number(last, "total_ns", 123456789012ull);
	ck_assert_int_eq(json_object_object_length(phases), 2);
	expect_number(phases, "vm", 5);
	expect_number(phases, "swap", 6);
	expect_number(find(root, "retiring"), "incarnations", 2);
	expect_number(find(root, "retiring"), "bytes", 4096);
	expect_number(find(last, "fallback"), "errno", ENOSPC);
	/* Bytes that are no text are told as U+00xx. */
	expect_string(find(last, "fallback"), "text",
		      "KVM_CREATE_VM: no \"ASID\" \\ left\n\x01\xc3\xbf");
	json_object_put(root);
}
END_TEST

START_TEST(the_longest_has_room)
{
	struct coco_guest_info info = sample();

	memset(&info.state, 0xff, sizeof(info) - offsetof(struct coco_guest_info, state));
	info.digest_size = sizeof(info.digest);
	info.launch_measure_size = sizeof(info.launch_measure);
	json_object_put(parse(&info));
}
END_TEST

START_TEST(too_little_room_is_an_error)
{
	const struct coco_guest_info info = sample();
	char text[COCO_GUEST_INFO_JSON_SIZE];
	size_t length;

	expect_ok(coco_guest_info_json(&info, text, sizeof(text), &error), &error);
	length = strlen(text);
	for (size_t size = 0; size <= length; size++) {
		char *tight = malloc(size + 1);

		ck_assert_ptr_nonnull(tight);
		tight[size] = 'x';
		expect_error(coco_guest_info_json(&info, tight, size, &error), &error, -EINVAL,
			     "size");
		ck_assert_int_eq(tight[size], 'x');
		free(tight);
	}
	expect_ok(coco_guest_info_json(&info, text, length + 1, &error), &error);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	struct coco_guest_info info = sample();
	char text[COCO_GUEST_INFO_JSON_SIZE];

	expect_error(coco_guest_info_json(NULL, text, sizeof(text), &error), &error, -EINVAL,
		     "info");
	expect_error(coco_guest_info_json(&info, NULL, 0, &error), &error, -EINVAL, "out");
	info.digest_size = sizeof(info.digest) + 1;
	expect_error(coco_guest_info_json(&info, text, sizeof(text), &error), &error, -EINVAL,
		     "digest_size");
	info = sample();
	info.struct_size = 4;
	expect_error(coco_guest_info_json(&info, text, sizeof(text), &error), &error, -EINVAL,
		     "struct_size");
}
END_TEST

START_TEST(a_guest_is_told_of)
{
	struct coco_guest_info info;
	struct json_object *root;

	fixture_launch(&f, COCO_TECH_SWPROTECTED);
	fixture_reset(&f, COCO_STRATEGY_OVERLAP);
	expect_ok(coco_guest_wait_retired(f.guest, 10000, &error), &error);
	info = fixture_info(&f);
	root = parse(&info);
	expect_string(root, "state", "runnable");
	expect_string(find(root, "last"), "strategy", "overlap");
	expect_number(root, "generation", 2);
	expect_number(root, "private_bytes", info.private_bytes);
	expect_number(find(root, "retiring"), "incarnations", 0);
	json_object_put(root);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		says_what_the_struct_says, the_longest_has_room, too_little_room_is_an_error,
		nonsense_is_refused,       a_guest_is_told_of,   NULL,
	};

	return expect_run(expect_suite("info_json", tests));
}
