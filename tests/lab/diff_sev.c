/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* KVM_MEMORY_ENCRYPT_OP as SEV and SEV-ES guests have it, and /dev/sev. */
#include <errno.h>
#include <linux/kvm.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "diff_command.h"
#include "sim_psp.h"

static const uint8_t session[48] = {[16] = 1, [32] = 2};

int diff_command(struct diff_side *side, struct diff_vm *vm, uint32_t id, const void *data,
		 uint8_t file, struct diff_result *result)
{
	const int fds[] = {side->sev, side->kvm, -1};
	struct uapi_sev_command command = {.id = id,
					   .data = (uintptr_t)data,
					   .error = DIFF_UNTOUCHED,
					   .sev_fd = (uint32_t)PICK(fds, file)};
	int rc = diff_ioctl(side, vm->fd, KVM_MEMORY_ENCRYPT_OP, &command);

	result->rc = rc;
	result->status = command.error;
	return rc;
}

static void op(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
	       struct diff_result *result)
{
	/* SEND and RECEIVE are neither the simulator's nor the lab's. */
	static const uint32_t ids[] = {10,
				       14,
				       19,
				       23,
				       99,
				       104,
				       UAPI_SEV_LAUNCH_START,
				       UAPI_SNP_LAUNCH_START,
				       UAPI_SNP_LAUNCH_UPDATE,
				       UAPI_SNP_LAUNCH_FINISH,
				       UAPI_SEV_INIT2,
				       UAPI_SEV_LAUNCH_UPDATE_DATA,
				       UAPI_SEV_GUEST_STATUS};

	if (a[1])
		result->rc =
			diff_ioctl_value(side, vm->fd, KVM_MEMORY_ENCRYPT_OP, a[1] == 1 ? 0 : 8);
	else
		diff_command(side, vm, PICK(ids, a[0]), NOWHERE, 0, result);
}

static void init(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		 struct diff_result *result)
{
	diff_command(side, vm, a[0] ? UAPI_SEV_ES_INIT : UAPI_SEV_INIT, NULL, a[1], result);
}

static void init2(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		  struct diff_result *result)
{
	static const uint64_t features[] = {0, 0x20, 1, 0x200, 0x40, 0x220, 1ull << 63};
	static const uint16_t versions[] = {0, 2, 1, 3};
	struct uapi_sev_init2 data = {.vmsa_features = PICK(features, a[0]),
				      .ghcb_version = PICK(versions, a[1]),
				      .flags = a[2] == 1,
				      .pad1 = a[2] == 2};

	diff_command(side, vm, UAPI_SEV_INIT2, &data, a[3], result);
	diff_put(result, &data, sizeof(data));
}

static void start(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		  struct diff_result *result)
{
	struct uapi_sev_launch_start data = {.policy = vm->type == UAPI_VM_TYPE_SEVES ? 4 : 0,
					     .session_uaddr = (uintptr_t)session,
					     .session_len = sizeof(session)};

	if (a[0] == 1)
		data.policy ^= 4;
	else if (a[0] == 2)
		data.policy |= 1; /* no debugging */
	else if (a[0] == 3)
		data.policy |= 0xff0000;
	if (a[1] == 1)
		data.session_len = 0;
	else if (a[1] == 2)
		data.session_len = UAPI_SEV_BLOB_MAX + 1;
	else if (a[1] == 3)
		data.session_uaddr = (uintptr_t)NOWHERE;
	else if (a[1] == 4) {
		data.dh_uaddr = (uintptr_t)NOWHERE;
		data.dh_len = 16;
	} else if (a[1] == 5) {
		data.session_uaddr = 0;
	}
	if (a[2])
		data.handle = 0x7777;
	diff_command(side, vm, UAPI_SEV_LAUNCH_START, &data, a[3], result);
	/* Which handle it is is the firmware's choice. */
	if (data.handle && data.handle != 0x7777)
		data.handle = 1;
	diff_put_word(result, data.handle);
	diff_put_word(result, data.policy);
}

static void fill(struct diff_vm *vm, unsigned page, unsigned pages, bool encrypted)
{
	for (unsigned i = page; i < page + pages && i < DIFF_RAM_PAGES; i++) {
		/* What was encrypted twice is not the same on both sides: their ciphers differ. */
		diff_fill_page(vm->ram + (size_t)i * DIFF_PAGE, i);
		vm->encrypted[i] = encrypted;
	}
}

/* Whether the VMM still sees what it has put into that page. */
static bool is_plain(const struct diff_vm *vm, unsigned page)
{
	uint8_t plain[DIFF_PAGE];

	diff_fill_page(plain, page);
	return !memcmp(plain, vm->ram + (size_t)page * DIFF_PAGE, DIFF_PAGE);
}

static void update_data(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
			struct diff_result *result)
{
	static const uint8_t pages[] = {0, 8, 44, DIFF_RAM_PAGES, 40};
	static const uint32_t sizes[] = {4 * DIFF_PAGE, 16,        0, 24, DIFF_PAGE - 16,
					 9 * DIFF_PAGE, 0xffffff00};
	static const uint8_t offsets[] = {0, 16, 8};
	const unsigned page = PICK(pages, a[0]);
	const struct uapi_sev_buffer data = {
		.uaddr = (uintptr_t)vm->ram + (uint64_t)page * DIFF_PAGE + PICK(offsets, a[2]),
		.len = PICK(sizes, a[1])};

	fill(vm, page, 10, false);
	diff_command(side, vm, UAPI_SEV_LAUNCH_UPDATE_DATA, &data, a[3], result);
	for (unsigned i = page; i < page + 10 && i < DIFF_RAM_PAGES; i++)
		diff_put_word(result, is_plain(vm, i));
}

static void update_vmsa(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
			struct diff_result *result)
{
	diff_command(side, vm, UAPI_SEV_LAUNCH_UPDATE_VMSA, NULL, a[0], result);
}

static void measure(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		    struct diff_result *result)
{
	static const uint32_t sizes[] = {48, 0, 47, UAPI_SEV_BLOB_MAX + 1, 4096};
	struct uapi_sev_buffer data = {.uaddr = (uintptr_t)vm->measure, .len = PICK(sizes, a[0])};
	static uint8_t large[4096];

	if (data.len > sizeof(vm->measure))
		data.uaddr = (uintptr_t)large;
	if (a[1] == 1)
		data.uaddr = 0;
	else if (a[1] == 2)
		data.uaddr = (uintptr_t)NOWHERE;
	diff_command(side, vm, UAPI_SEV_LAUNCH_MEASURE, &data, a[2], result);
	if (!result->rc && data.uaddr == (uintptr_t)large)
		memcpy(vm->measure, large, sizeof(vm->measure));
	diff_put_word(result, data.len);
}

/* The header of a secret (SEV API, 6.6): flags, IV, and their HMAC by the session's TIK. */
static void make_header(const struct diff_vm *vm, const uint8_t *text, uint32_t size,
			uint8_t header[52])
{
	uint8_t message[1 + 4 + 16 + 4 + 4 + 64 + 32] = {1};
	unsigned length = 32;
	size_t at = 1 + 4 + 16;

	memset(header, 0, 52);
	memcpy(message + at, &size, 4);
	memcpy(message + at + 4, &size, 4);
	memcpy(message + at + 8, text, size);
	memcpy(message + at + 8 + size, vm->measure, 32);
	HMAC(EVP_sha256(), session + 32, 16, message, at + 8 + size + 32, header + 20, &length);
}

static void secret(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		   struct diff_result *result)
{
	static const uint32_t sizes[] = {32, 0, 24, 16};
	static const uint8_t text[64] = "the secret";
	const uint32_t size = PICK(sizes, a[0]);
	uint8_t header[52];
	struct uapi_sev_launch_secret data = {
		.header_uaddr = (uintptr_t)header,
		.header_len = sizeof(header),
		.guest_uaddr = (uintptr_t)vm->ram + 20ull * DIFF_PAGE,
		.guest_len = size,
		.payload_uaddr = (uintptr_t)text,
		.payload_len = size,
	};

	make_header(vm, text, size, header);
	if (a[1] == 1)
		header[20] ^= 1;
	else if (a[1] == 2)
		data.header_len = 51;
	else if (a[1] == 3)
		data.header_len = 0;
	else if (a[1] == 4)
		data.header_uaddr = (uintptr_t)NOWHERE;
	if (a[2] == 1)
		data.guest_uaddr = (uintptr_t)vm->ram + (uint64_t)DIFF_RAM_PAGES * DIFF_PAGE;
	else if (a[2] == 2)
		data.payload_len = 16;
	else if (a[2] == 3)
		data.payload_uaddr = (uintptr_t)NOWHERE;
	else if (a[2] == 4)
		data.guest_uaddr += 2 * DIFF_PAGE - 16; /* into the next page */
	fill(vm, 20, 3, false);
	diff_command(side, vm, UAPI_SEV_LAUNCH_SECRET, &data, a[3], result);
	diff_put_word(result, is_plain(vm, 20));
	diff_put_word(result, is_plain(vm, 21));
}

static void finish(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		   struct diff_result *result)
{
	diff_command(side, vm, UAPI_SEV_LAUNCH_FINISH, NULL, a[0], result);
}

static void status(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		   struct diff_result *result)
{
	struct uapi_sev_guest_status data = {0};

	diff_command(side, vm, UAPI_SEV_GUEST_STATUS, a[0] ? NOWHERE : &data, a[1], result);
	data.handle = data.handle != 0;
	diff_put(result, &data, sizeof(data));
}

/* What is decrypted is compared with what was encrypted: nobody's ciphertext is. */
static void debug(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		  struct diff_result *result)
{
	static const uint32_t sizes[] = {64, 16, 0, 1, 100, DIFF_PAGE, DIFF_PAGE + 32};
	uint8_t plain[2 * DIFF_PAGE], out[2 * DIFF_PAGE] = {0};
	struct uapi_sev_debug data = {.src_uaddr = (uintptr_t)vm->ram,
				      .dst_uaddr = (uintptr_t)out,
				      .len = PICK(sizes, a[0])};
	uint64_t offset = 0;

	if (a[1] == 1)
		data.src_uaddr += offset = 16;
	else if (a[1] == 2)
		data.src_uaddr += offset = 100;
	else if (a[1] == 3)
		data.src_uaddr = 0;
	else if (a[1] == 4)
		data.dst_uaddr = 0;
	else if (a[1] == 5)
		data.src_uaddr = UINT64_MAX - 7;
	diff_fill_page(plain, 0);
	diff_fill_page(plain + DIFF_PAGE, 1);
	diff_command(side, vm, UAPI_SEV_DBG_DECRYPT, &data, a[2], result);
	diff_put_word(result, !memcmp(out, plain + offset, data.len <= DIFF_PAGE ? data.len : 0));
}

static void debug_encrypt(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
			  struct diff_result *result)
{
	static const uint32_t sizes[] = {16, 64, 0, 5, DIFF_PAGE};
	static const uint8_t offsets[] = {0, 16, 7};
	uint8_t text[DIFF_PAGE], out[DIFF_PAGE] = {0};
	struct uapi_sev_debug data = {.src_uaddr = (uintptr_t)text,
				      .dst_uaddr = (uintptr_t)vm->ram + 2ull * DIFF_PAGE +
						   PICK(offsets, a[1]),
				      .len = PICK(sizes, a[0])};
	struct diff_result ignored;

	memset(text, 0x3d, sizeof(text));
	diff_command(side, vm, UAPI_SEV_DBG_ENCRYPT, &data, a[2], result);
	if (result->rc || !data.len)
		return;
	data = (struct uapi_sev_debug){data.dst_uaddr, (uintptr_t)out, data.len, 0};
	diff_command(side, vm, UAPI_SEV_DBG_DECRYPT, &data, a[2], &ignored);
	diff_put_word(result, !memcmp(out, text, data.len));
}

static void report(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		   struct diff_result *result)
{
	static const uint32_t sizes[] = {0x1d0, 0, 0x1cf, UAPI_SEV_BLOB_MAX + 1};
	uint8_t out[0x1d0] = {0};
	struct uapi_sev_report data = {
		.mnonce = {9}, .uaddr = (uintptr_t)out, .len = PICK(sizes, a[0])};

	if (a[1] == 1)
		data.uaddr = 0;
	else if (a[1] == 2)
		data.uaddr = (uintptr_t)NOWHERE;
	diff_command(side, vm, UAPI_SEV_GET_REPORT, &data, a[2], result);
	diff_put_word(result, data.len);
	diff_put(result, out, 48);
}

static void platform(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		     struct diff_result *result)
{
	uint8_t out[64] = {0};
	static const uint32_t commands[] = {UAPI_SEV_PLATFORM_STATUS, UAPI_SEV_SNP_PLATFORM_STATUS,
					    13, 99};
	struct uapi_sev_issue issue = {.cmd = PICK(commands, a[0]),
				       .data = a[1] == 1   ? 0
					       : a[1] == 2 ? (uintptr_t)NOWHERE
							   : (uintptr_t)out,
				       .error = DIFF_UNTOUCHED};

	(void)vm;
	result->rc = diff_ioctl(side, side->sev, UAPI_SEV_ISSUE_CMD, &issue);
	result->status = issue.error;
	diff_put(result, out, sizeof(out));
}

/* The next firmware command of a kind fails, with one of its statuses. */
static void inject(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		   struct diff_result *result)
{
	static const struct {
		const char *name;
		uint32_t command;
	} commands[] = {
		{"SNP_LAUNCH_UPDATE", SIM_SNP_LAUNCH_UPDATE},
		{"SNP_LAUNCH_START", SIM_SNP_LAUNCH_START},
		{"SNP_LAUNCH_FINISH", SIM_SNP_LAUNCH_FINISH},
		{"SNP_GCTX_CREATE", SIM_SNP_GCTX_CREATE},
		{"SNP_ACTIVATE", SIM_SNP_ACTIVATE},
		{"SEV_LAUNCH_START", SIM_SEV_LAUNCH_START},
		{"SEV_ACTIVATE", SIM_SEV_ACTIVATE},
		{"SEV_LAUNCH_UPDATE_DATA", SIM_SEV_LAUNCH_UPDATE_DATA},
		{"SEV_LAUNCH_UPDATE_VMSA", SIM_SEV_LAUNCH_UPDATE_VMSA},
		{"SEV_LAUNCH_MEASURE", SIM_SEV_LAUNCH_MEASURE},
		{"SEV_LAUNCH_FINISH", SIM_SEV_LAUNCH_FINISH},
		{NULL, 0},
	};
	static const uint32_t statuses[] = {0x02, 0x07, 0x10, 0x16, 0x17, 0x1a};
	const uint32_t code = PICK(statuses, a[1]);

	(void)vm;
	(void)result;
	/* One at a time, as the lab has it; the last row takes it back. */
	for (size_t i = 0; side->sim && commands[i].name; i++)
		(void)coco_sim_fail(side->sim, commands[i].name, 0, 0, -EIO, 0);
	if (!side->sim)
		(void)sim_inject(commands[a[0]].command, code, a[2], commands[a[0]].name ? 1 : 0);
	else if (commands[a[0]].name)
		(void)coco_sim_fail(side->sim, commands[a[0]].name, a[2] + 1u, 1, -EIO, code);
}

const struct diff_op diff_sev_ops[] = {
	{"op", op, {13, 3}, 3},
	{"init", init, {2, 3}, 2},
	{"init2", init2, {7, 4, 3, 3}, 6},
	{"start", start, {4, 6, 2, 3}, 6},
	{"data", update_data, {5, 7, 3, 3}, 8},
	{"vmsa", update_vmsa, {3}, 3},
	{"measure", measure, {5, 3, 3}, 4},
	{"secret", secret, {4, 5, 5, 3}, 3},
	{"finish", finish, {3}, 3},
	{"status", status, {2, 3}, 3},
	{"decrypt", debug, {7, 6, 3}, 4},
	{"encrypt", debug_encrypt, {5, 3, 3}, 2},
	{"report", report, {4, 3, 3}, 2},
	{"platform", platform, {4, 3}, 1},
	/* LAUNCH_UPDATE_DATA: as many commands as the memory has physical pieces, so the first. */
	{"inject", inject, {12, 6, 1}, 3},
	{"inject_later", inject, {7, 6, 4}, 1},
	{0},
};
