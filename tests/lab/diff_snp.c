/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* KVM_MEMORY_ENCRYPT_OP as SNP guests have it. */
#include <cocoreset/id_block.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "diff_command.h"

#define POLICY 0x30000ull /* SMT, and the bit that must be one */

static void certs(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		  struct diff_result *result)
{
	diff_command(side, vm, UAPI_SNP_ENABLE_REQ_CERTS, NULL, a[0], result);
}

static void start(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		  struct diff_result *result)
{
	static const uint64_t policies[] = {
		POLICY,          POLICY | 1u << 19,   POLICY | 1u << 18, 0x20000, 0x10000,
		POLICY | 0xff00, POLICY | 1ull << 40, POLICY | 55,       0};
	struct uapi_snp_launch_start data = {.policy = PICK(policies, a[0]),
					     .flags = a[1] == 1,
					     .pad0 = {a[1] == 2},
					     .pad1 = {a[1] == 3},
					     .gosvw = {a[2]}};

	diff_command(side, vm, UAPI_SNP_LAUNCH_START, &data, a[3], result);
	diff_put(result, &data, sizeof(data));
}

struct update {
	uint64_t page;
	uint64_t pages;
};

static void update_with(struct diff_side *side, struct diff_vm *vm, uint8_t range, uint8_t type,
			uint8_t source, uint8_t how, struct diff_result *result)
{
	static const struct update updates[] = {
		{0, 4},      {0xffff0, 16},   {8, 1}, {2, 4}, {30, 4}, {28, 8},
		{0x5000, 1}, {1ull << 51, 1}, {6, 0}, {5, 1}, {9, 1},  {38, 2},
	};
	static const uint8_t types[] = {UAPI_SNP_PAGE_NORMAL,
					UAPI_SNP_PAGE_ZERO,
					UAPI_SNP_PAGE_UNMEASURED,
					UAPI_SNP_PAGE_SECRETS,
					UAPI_SNP_PAGE_CPUID,
					2,
					0,
					7,
					255};
	struct uapi_snp_launch_update data = {
		.gfn_start = PICK(updates, range).page,
		.len = PICK(updates, range).pages * DIFF_PAGE,
		.uaddr = (uintptr_t)side->source +
			 PICK(((const uint8_t[]){2, 0, 1}), source) * (uint64_t)DIFF_PAGE,
		.type = PICK(types, type),
	};
	const uint64_t base = data.uaddr;

	/* The source goes on behind its end with what is not the VMM's to read. */
	if (how == 1)
		data.uaddr += 0x10;
	else if (how == 2)
		data.len += 0x10;
	else if (how == 3)
		data.flags = 1;
	else if (how == 4)
		data.uaddr = (uintptr_t)NOWHERE & ~0xfffull;
	else if (how == 5)
		data.pad0 = 1;
	else if (how == 6) /* one page can be read, the next is not there */
		data.uaddr = (uintptr_t)vm->ram + (uint64_t)DIFF_RAM_PAGES * DIFF_PAGE;
	diff_command(side, vm, UAPI_SNP_LAUNCH_UPDATE, &data, how == 7, result);
	if (how != 4 && how != 6)
		data.uaddr -= base;
	else
		data.uaddr = 0;
	diff_put(result, &data, sizeof(data));
	/* A CPUID page that is not accepted is corrected. */
	diff_put(result, side->source, 256);
	diff_put(result, side->source + DIFF_PAGE, 256);
}

static void update(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		   struct diff_result *result)
{
	/* Sources: some page, a CPUID page, one that is wrong. */
	update_with(side, vm, a[0], a[1], a[2], a[3], result);
}

static void cpuid_page(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		       struct diff_result *result)
{
	update_with(side, vm, a[0] ? 10 : 2, 4, a[1] ? 2 : 1, 0, result);
}

/* A key that is made once, and signs ID blocks. */
static const struct coco_id_key *owners_key(void)
{
	static struct coco_id_key *key;
	EVP_PKEY *made;
	char *text;
	long size;
	BIO *pem;

	if (key)
		return key;
	made = EVP_EC_gen("P-384");
	pem = BIO_new(BIO_s_mem());
	if (!made || !pem || !PEM_write_bio_PKCS8PrivateKey(pem, made, NULL, NULL, 0, NULL, NULL))
		abort();
	size = BIO_get_mem_data(pem, &text);
	if (size <= 0 || coco_id_key_from_pem(text, (size_t)size, &key, NULL))
		abort();
	BIO_free(pem);
	EVP_PKEY_free(made);
	return key;
}

/* As an owner makes them. vCPUs are not measured yet: with any of them, the digest is a wrong one.
 */
static void make_id_block(struct diff_side *side, uint8_t choice, uint8_t *block, uint8_t *auth)
{
	struct coco_id_block content;

	COCO_INIT(&content);
	content.policy = POLICY | (choice == 4 ? 1u << 19 : 0);
	diff_first_digest(side, content.launch_digest);
	if (choice == 5)
		content.launch_digest[0] ^= 1;
	if (coco_id_block_build(&content, block, NULL) ||
	    coco_id_block_sign(block, owners_key(), NULL, auth, NULL))
		abort();
	if (choice == 6)
		auth[0] = 2; /* an algorithm that there is not */
}

static void finish(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		   struct diff_result *result)
{
	static uint8_t block[COCO_ID_BLOCK_SIZE], auth[COCO_ID_AUTH_SIZE];
	struct uapi_snp_launch_finish data = {
		.vcek_disabled = a[2] == 1, .host_data = {a[2]}, .flags = a[2] == 2};

	data.id_block_en = a[0] != 0;
	if (a[0])
		make_id_block(side, a[0], block, auth);
	data.id_block_uaddr = a[0] == 2 ? (uintptr_t)NOWHERE : (uintptr_t)block;
	data.id_auth_uaddr = a[0] == 3 ? (uintptr_t)NOWHERE : (uintptr_t)auth;
	diff_command(side, vm, UAPI_SNP_LAUNCH_FINISH, &data, a[1], result);
}

const struct diff_op diff_snp_ops[] = {
	{"certs", certs, {3}, 2},
	{"snp_start", start, {9, 4, 2, 3}, 6},
	{"update", update, {12, 9, 3, 8}, 14},
	{"cpuid_page", cpuid_page, {2, 2}, 3},
	{"snp_finish", finish, {7, 3, 3}, 4},
	{0},
};
