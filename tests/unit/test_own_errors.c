/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Does each thing that is wrong with firmware, an option, a key or an ID block get an error of its
 * own? What was said before is remembered, and must not be said again.
 */
#include <cocoreset/cocoreset.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "expect.h"
#include "firmware_maker.h"

#define MAX_SAID 128

static struct coco_error error, said[MAX_SAID];
static unsigned said_count;
static struct maker maker;

/* A call failed with this code, and says what no other has said. */
static void remember(int rc, int code, const char *what)
{
	ck_assert_msg(rc == code && error.code == code, "%s: %d, not %d: %s", what, rc, code,
		      error.text);
	ck_assert_msg(error.field[0] || error.call[0], "%s blames nothing: %s", what, error.text);
	for (unsigned i = 0; i < said_count; i++)
		ck_assert_msg(strcmp(said[i].text, error.text) != 0 ||
				      strcmp(said[i].field, error.field) != 0,
			      "%s is told what another was: %s: %s", what, error.field, error.text);
	ck_assert_uint_lt(said_count, MAX_SAID);
	said[said_count++] = error;
	expect_spoil(&error);
}

/* ---- firmware ---- */

static int parse(void)
{
	struct coco_firmware *firmware = NULL;
	int r = coco_firmware_parse(maker.bytes, MAKER_SIZE, &firmware, &error);

	coco_firmware_free(firmware);
	return r;
}

START_TEST(firmware)
{
	/* In the file that maker_ovmf() makes: `sev` and `tdx` are the metadata's places. */
	static const struct {
		const char *what;
		enum { FILE_END, SEV, TDX } from;
		int offset;
		uint32_t value;
	} edits[] = {
		{"a table shorter than its footer", FILE_END, -50, 17},
		{"a table longer than the file", FILE_END, -50, 0xffff},
		{"an entry that is too short", FILE_END, -68, 17},
		{"an entry that is too long", FILE_END, -68, 0x7fff},
		{"no SEV signature", SEV, 0, 0},
		{"a SEV length that does not fit", SEV, 4, 15},
		{"another SEV version", SEV, 8, 2},
		{"too many SEV sections", SEV, 12, 0x10000},
		{"a SEV section at no page", SEV, 16, 0x800001},
		{"a SEV section of no pages", SEV, 20, 1},
		{"no TDX signature", TDX, 0, 0},
		{"a TDX length that does not fit", TDX, 4, 15},
		{"another TDX version", TDX, 8, 2},
		{"too many TDX sections", TDX, 12, 0x10000},
		{"a TDX section at no page", TDX, 24, 1},
		{"a TDX section of no pages", TDX, 32, 1},
		{"a TDX section with more data than memory", TDX, 20, 0x7fffffff},
	};

	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		size_t at = MAKER_SIZE;

		maker_ovmf(&maker);
		if (edits[i].from == SEV)
			at = maker.sev;
		if (edits[i].from == TDX)
			at = maker.tdx;
		at = (size_t)((ptrdiff_t)at + edits[i].offset);
		if (edits[i].from == FILE_END)
			maker_put16(&maker, at, (uint16_t)edits[i].value);
		else
			maker_put32(&maker, at, edits[i].value);
		remember(parse(), -EBADMSG, edits[i].what);
	}
}
END_TEST

/* ---- options ---- */

static struct coco_measure_options options;

static int begin(void)
{
	struct coco_measure *measure = NULL;
	int r = coco_measure_begin(&options, &measure, &error);

	coco_measure_free(measure);
	return r;
}

START_TEST(options_of_a_measurement)
{
	static const uint8_t start[48];

#define BAD(field, value)                                                                          \
	do {                                                                                       \
		COCO_INIT(&options);                                                               \
		options.tech = COCO_TECH_SEVES;                                                    \
		options.vcpus = 2;                                                                 \
		options.vcpu_signature = 0x800f12;                                                 \
		options.ap_start = 0x80b004;                                                       \
		options.field = (value);                                                           \
		remember(begin(), -EINVAL, #field);                                                \
	} while (0)

	BAD(struct_size, 8);
	BAD(tech, 0);
	BAD(flags, 1u << 31);
	BAD(flags, COCO_MEASURE_NO_VCPUS);
	BAD(vcpus, 0);
	BAD(vcpus, COCO_MEASURE_MAX_VCPUS + 1);
	BAD(vcpu_signature, 0);
	BAD(vmm, COCO_VMM_KVM + 1);
	BAD(vmsa_flags, 8);
	BAD(sev_features, 1);
	BAD(ap_start, 0);
	BAD(ap_start, 1ull << 32);
	BAD(start_digest, start);
	BAD(svsm_entry, 0x1000);
	BAD(svsm_entry, 1ull << 32);
#undef BAD
	options.svsm_entry = 0;
	options.tech = COCO_TECH_SNP;
	options.vmsa_flags = COCO_VMSA_LEGACY;
	remember(begin(), -EINVAL, "SNP in the old way");
}
END_TEST

/* ---- keys ---- */

static char text[4096];

static void write_key(const char *type, const char *group, bool private_key)
{
	EVP_PKEY *key = group ? EVP_PKEY_Q_keygen(NULL, NULL, type, group)
			      : EVP_PKEY_Q_keygen(NULL, NULL, type);
	BIO *bio = BIO_new(BIO_s_mem());
	int size;

	ck_assert_ptr_nonnull(key);
	if (private_key)
		PEM_write_bio_PrivateKey(bio, key, EVP_aes_256_cbc(), (unsigned char *)text, 0,
					 NULL, (void *)(uintptr_t) "passphrase");
	else
		PEM_write_bio_PUBKEY(bio, key);
	size = BIO_read(bio, text, sizeof(text) - 1);
	ck_assert_int_gt(size, 0);
	text[size] = '\0';
	BIO_free(bio);
	EVP_PKEY_free(key);
}

static struct coco_id_key *key;

static int take(void)
{
	int r;

	coco_id_key_free(key);
	key = NULL;
	r = coco_id_key_from_pem(text, strlen(text), &key, &error);
	return r;
}

START_TEST(keys)
{
	uint8_t block[COCO_ID_BLOCK_SIZE] = {0}, auth[COCO_ID_AUTH_SIZE];

	strcpy(text, "no key");
	remember(take(), -ENOKEY, "a text without a key");
	strcpy(text, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
	remember(take(), -EBADMSG, "a damaged key");
	write_key("EC", "P-384", true);
	remember(take(), -EACCES, "an encrypted key");
	write_key("EC", "P-256", false);
	remember(take(), -EKEYREJECTED, "a key on another curve");
	write_key("ED25519", NULL, false);
	remember(take(), -EKEYREJECTED, "a key of another kind");
	write_key("EC", "P-384", false);
	expect_ok(take(), &error);
	expect_spoil(&error);
	remember(coco_id_block_sign(block, key, NULL, auth, &error), -ENOKEY,
		 "a public key that is to sign");
	coco_id_key_free(key);
	key = NULL;
	remember(coco_id_key_from_file("/nowhere/key.pem", &key, &error), -ENOENT, "no file");
	remember(coco_id_key_from_file("/dev/null", &key, &error), -EINVAL, "no regular file");
	remember(coco_id_key_from_uri("nowhere:key", &key, &error), -ENOKEY, "no store");
}
END_TEST

/* ---- ID blocks ---- */

START_TEST(id_blocks)
{
	/* Of the authentication page: where, and what is put there. */
	static const struct {
		const char *what;
		size_t offset;
		uint8_t value;
		int code;
	} edits[] = {
		{"the ID key's algorithm", 0x000, 2, -EBADMSG},
		{"the author key's algorithm", 0x004, 2, -EBADMSG},
		{"a reserved byte", 0x008, 1, -EBADMSG},
		{"the last reserved byte", 0xfff, 1, -EBADMSG},
		{"a byte behind R", 0x040 + 71, 1, -EBADMSG},
		{"a byte behind S", 0x040 + 143, 1, -EBADMSG},
		{"a byte behind X", 0x244 + 71, 1, -EBADMSG},
		{"a byte behind Y", 0x244 + 143, 1, -EBADMSG},
		{"a byte behind the signature", 0x040 + 0x1ff, 1, -EBADMSG},
		{"the ID key's curve", 0x240, 1, -EBADMSG},
		{"a byte behind the ID key", 0x240 + 0x403, 1, -EBADMSG},
		{"the ID key", 0x244, 0xa5, -EBADMSG},
		{"the ID key's signature", 0x041, 0xa5, -EKEYREJECTED},
		{"an author's signature without an author", 0x681, 0xa5, -EBADMSG},
	};
	uint8_t block[COCO_ID_BLOCK_SIZE], good[COCO_ID_AUTH_SIZE], page[COCO_ID_AUTH_SIZE];
	struct coco_id_block content;
	EVP_PKEY *made = EVP_EC_gen("P-384");
	BIO *bio = BIO_new(BIO_s_mem());
	int size;

	PEM_write_bio_PrivateKey(bio, made, NULL, NULL, 0, NULL, NULL);
	size = BIO_read(bio, text, sizeof(text) - 1);
	text[size] = '\0';
	BIO_free(bio);
	EVP_PKEY_free(made);
	expect_ok(take(), &error);
	COCO_INIT(&content);
	expect_ok(coco_id_block_build(&content, block, &error), &error);
	expect_ok(coco_id_block_sign(block, key, NULL, good, &error), &error);
	expect_ok(coco_id_block_verify(block, good, 0, NULL, &error), &error);
	coco_id_key_free(key);
	key = NULL;
	expect_spoil(&error);
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		memcpy(page, good, sizeof(page));
		page[edits[i].offset] ^= edits[i].value;
		remember(coco_id_block_verify(block, page, 0, NULL, &error), edits[i].code,
			 edits[i].what);
	}
	remember(coco_id_block_verify(block, good, 1, NULL, &error), -EBADMSG,
		 "an author that is missing");
	content.version = 2;
	remember(coco_id_block_build(&content, block, &error), -EINVAL, "version 2 to build");
	block[80] = 2;
	remember(coco_id_block_parse(block, &content, &error), -EBADMSG, "version 2 to read");
	remember(coco_base64_decode("AAA", block, 2, &error), -EBADMSG, "base64 without its end");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		firmware, options_of_a_measurement, keys, id_blocks, NULL,
	};

	return expect_run(expect_suite("own errors", tests));
}
