/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Steps of a launch: each command once as it should be, and in the ways in which it can be wrong.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sev_steps.h"
#include "sim/sev_digest.h"

#define NOWHERE ((void *)8)

/* --- KVM_MEMORY_ENCRYPT_OP itself */

static int op_null(struct sev_guest *guest)
{
	return sev_ioctl(guest, guest->vm, KVM_MEMORY_ENCRYPT_OP, 0);
}

static int op_fault(struct sev_guest *guest)
{
	return sev_ioctl(guest, guest->vm, KVM_MEMORY_ENCRYPT_OP, 8);
}

#define BY_ID(name, id)                                                                            \
	static int name(struct sev_guest *guest)                                                   \
	{                                                                                          \
		return sev_command(guest, id, NULL);                                               \
	}

BY_ID(op_10, 10)
BY_ID(op_14, 14)
BY_ID(op_19, 19)
BY_ID(op_23, 23)
BY_ID(op_99, 99)
BY_ID(op_104, 104)
BY_ID(legacy_init, UAPI_SEV_INIT)
BY_ID(legacy_es_init, UAPI_SEV_ES_INIT)
BY_ID(vmsa, UAPI_SEV_LAUNCH_UPDATE_VMSA)
BY_ID(finish, UAPI_SEV_LAUNCH_FINISH)
BY_ID(certs, UAPI_SNP_ENABLE_REQ_CERTS)

/* --- INIT2 */

static int init2_with(struct sev_guest *guest, struct uapi_sev_init2 init)
{
	return sev_command(guest, UAPI_SEV_INIT2, &init);
}

#define INIT2(name, ...)                                                                           \
	static int name(struct sev_guest *guest)                                                   \
	{                                                                                          \
		return init2_with(guest, (struct uapi_sev_init2){__VA_ARGS__});                    \
	}

INIT2(init2, .vmsa_features = 0)
INIT2(init2_flags, .flags = 1)
INIT2(init2_snp_bit, .vmsa_features = 1)
INIT2(init2_debug_swap, .vmsa_features = 0x20)
INIT2(init2_secure_tsc, .vmsa_features = 0x200)
INIT2(init2_unknown, .vmsa_features = 0x40)
INIT2(init2_ghcb1, .ghcb_version = 1)
INIT2(init2_ghcb2, .ghcb_version = 2)
INIT2(init2_ghcb3, .ghcb_version = 3)
INIT2(init2_pads, .pad1 = 1, .pad2 = {1})

static int init2_fault(struct sev_guest *guest)
{
	return sev_command(guest, UAPI_SEV_INIT2, NOWHERE);
}

/* --- LAUNCH_START */

static int start_with(struct sev_guest *guest, struct uapi_sev_launch_start start, int fd)
{
	int rc = sev_command_fd(guest, UAPI_SEV_LAUNCH_START, &start, fd);

	/* A guest's handle is never 0. */
	if (!rc)
		ck_assert_uint_ne(start.handle, 0);
	return rc;
}

#define START(name, ...)                                                                           \
	static int name(struct sev_guest *guest)                                                   \
	{                                                                                          \
		return start_with(guest,                                                           \
				  (struct uapi_sev_launch_start){                                  \
					  .policy = (uint32_t)guest->policy, __VA_ARGS__},         \
				  guest->sev);                                                     \
	}

static uint8_t session[48] = {[16] = 1, [32] = 2};

START(start, .session_uaddr = (uintptr_t)session, .session_len = sizeof(session))
START(start_share, .handle = 77)
START(start_empty_blob, .session_uaddr = (uintptr_t)session)
START(start_large_blob, .dh_uaddr = (uintptr_t)guest->ram, .dh_len = 0x4001)
START(start_blob_fault, .dh_uaddr = 8, .dh_len = 16)

static int start_new_api(struct sev_guest *guest)
{
	return start_with(guest, (struct uapi_sev_launch_start){.policy = 0xff0000}, guest->sev);
}

static int start_es(struct sev_guest *guest)
{
	return start_with(guest, (struct uapi_sev_launch_start){.policy = 4}, guest->sev);
}

static int start_no_es(struct sev_guest *guest)
{
	return start_with(guest, (struct uapi_sev_launch_start){.policy = 0}, guest->sev);
}

static int start_no_debug(struct sev_guest *guest)
{
	guest->policy |= 1;
	return start(guest);
}

static int start_kvm_fd(struct sev_guest *guest)
{
	return start_with(guest, (struct uapi_sev_launch_start){0}, guest->kvm);
}

static int start_no_fd(struct sev_guest *guest)
{
	return start_with(guest, (struct uapi_sev_launch_start){0}, 9999);
}

static int start_fault(struct sev_guest *guest)
{
	return sev_command(guest, UAPI_SEV_LAUNCH_START, NOWHERE);
}

/* --- LAUNCH_UPDATE_DATA, MEASURE, SECRET */

static int buffer(struct sev_guest *guest, uint32_t id, uint64_t address, uint32_t size)
{
	struct uapi_sev_buffer data = {.uaddr = address, .len = size};

	return sev_command(guest, id, &data);
}

#define BUFFER(name, id, address, size)                                                            \
	static int name(struct sev_guest *guest)                                                   \
	{                                                                                          \
		return buffer(guest, id, address, size);                                           \
	}

BUFFER(data, UAPI_SEV_LAUNCH_UPDATE_DATA, (uintptr_t)guest->ram, 4 * SEV_PAGE)
BUFFER(data_empty, UAPI_SEV_LAUNCH_UPDATE_DATA, (uintptr_t)guest->ram, 0)
BUFFER(data_wrap, UAPI_SEV_LAUNCH_UPDATE_DATA, UINT64_MAX - 15, 32)
BUFFER(data_unmapped, UAPI_SEV_LAUNCH_UPDATE_DATA, 0x1000, 16)
BUFFER(data_odd_size, UAPI_SEV_LAUNCH_UPDATE_DATA, (uintptr_t)guest->ram, 24)
BUFFER(data_odd_address, UAPI_SEV_LAUNCH_UPDATE_DATA, (uintptr_t)guest->ram + 8, 16)
BUFFER(measure_query, UAPI_SEV_LAUNCH_MEASURE, 0, 0)
BUFFER(measure_small, UAPI_SEV_LAUNCH_MEASURE, (uintptr_t)guest->measure, 47)
BUFFER(measure_large, UAPI_SEV_LAUNCH_MEASURE, (uintptr_t)guest->measure, 0x4001)

static int data_fault(struct sev_guest *guest)
{
	return sev_command(guest, UAPI_SEV_LAUNCH_UPDATE_DATA, NOWHERE);
}

static int data_read_only(struct sev_guest *guest)
{
	int rc;

	mprotect(guest->source, SEV_PAGE, PROT_READ);
	rc = buffer(guest, UAPI_SEV_LAUNCH_UPDATE_DATA, (uintptr_t)guest->source, 16);
	mprotect(guest->source, SEV_PAGE, PROT_READ | PROT_WRITE);
	return rc;
}

/* The length that is needed comes back although the call has failed. */
static int measure_length(struct sev_guest *guest)
{
	struct uapi_sev_buffer length = {0};
	int rc = sev_command(guest, UAPI_SEV_LAUNCH_MEASURE, &length);

	ck_assert_uint_eq(length.len, 48);
	return rc;
}

static int measure(struct sev_guest *guest)
{
	struct uapi_sev_buffer out = {.uaddr = (uintptr_t)guest->measure, .len = 48};
	int rc = sev_command(guest, UAPI_SEV_LAUNCH_MEASURE, &out);

	if (!rc)
		ck_assert_uint_eq(out.len, 48);
	return rc;
}

static int measure_fault(struct sev_guest *guest)
{
	return sev_command(guest, UAPI_SEV_LAUNCH_MEASURE, NOWHERE);
}

static int secret_with(struct sev_guest *guest, bool good, uint32_t header_size, uint32_t size)
{
	static uint8_t header[52], text[32] = "the secret";
	struct uapi_sev_launch_secret secret = {
		.header_uaddr = (uintptr_t)header,
		.header_len = header_size,
		.guest_uaddr = (uintptr_t)guest->ram + 8 * SEV_PAGE,
		.guest_len = size,
		.payload_uaddr = (uintptr_t)text,
		.payload_len = size,
	};
	static const uint8_t one = 1;
	const struct sim_piece pieces[] = {{&one, 1},           {header, 4}, {header + 4, 16},
					   {&size, 4},          {&size, 4},  {text, size},
					   {guest->measure, 32}};

	memset(header, 0, sizeof(header));
	if (good)
		sim_sev_hmac(session + 32, pieces, 7, header + 20);
	return sev_command(guest, UAPI_SEV_LAUNCH_SECRET, &secret);
}

static int secret(struct sev_guest *guest)
{
	return secret_with(guest, true, 52, 32);
}

static int secret_bad_mac(struct sev_guest *guest)
{
	return secret_with(guest, false, 52, 32);
}

static int secret_short_header(struct sev_guest *guest)
{
	return secret_with(guest, true, 51, 32);
}

static int secret_no_header(struct sev_guest *guest)
{
	return secret_with(guest, true, 0, 32);
}

static int secret_empty(struct sev_guest *guest)
{
	return secret_with(guest, true, 52, 0);
}

/* --- status, debugging, report, migration */

static int status_is(struct sev_guest *guest, uint32_t state)
{
	struct uapi_sev_guest_status status = {0};
	int rc = sev_command(guest, UAPI_SEV_GUEST_STATUS, &status);

	if (!rc) {
		ck_assert_uint_ne(status.handle, 0);
		ck_assert_uint_eq(status.policy, guest->policy);
		ck_assert_uint_eq(status.state, state);
	}
	return rc;
}

static int status_lupdate(struct sev_guest *guest)
{
	return status_is(guest, 1);
}

static int status_lsecret(struct sev_guest *guest)
{
	return status_is(guest, 2);
}

static int status_running(struct sev_guest *guest)
{
	return status_is(guest, 3);
}

static int debug(struct sev_guest *guest, uint32_t id, uint64_t from, uint64_t to, uint32_t size)
{
	struct uapi_sev_debug args = {.src_uaddr = from, .dst_uaddr = to, .len = size};

	return sev_command(guest, id, &args);
}

/* What was launched in page 0 comes out again. */
static int decrypt(struct sev_guest *guest)
{
	uint8_t out[64] = {0};
	int rc = debug(guest, UAPI_SEV_DBG_DECRYPT, (uintptr_t)guest->ram + 100, (uintptr_t)out,
		       sizeof(out));

	if (!rc)
		ck_assert_mem_eq(out, guest->source + 100, sizeof(out));
	return rc;
}

static int decrypt_empty(struct sev_guest *guest)
{
	return debug(guest, UAPI_SEV_DBG_DECRYPT, (uintptr_t)guest->ram, (uintptr_t)guest->source,
		     0);
}

static int decrypt_null(struct sev_guest *guest)
{
	return debug(guest, UAPI_SEV_DBG_DECRYPT, 0, (uintptr_t)guest->source, 16);
}

static int decrypt_wrap(struct sev_guest *guest)
{
	return debug(guest, UAPI_SEV_DBG_DECRYPT, UINT64_MAX - 7, (uintptr_t)guest->source, 16);
}

static int encrypt(struct sev_guest *guest)
{
	static const uint8_t text[16] = "written by host";
	uint8_t out[16] = {0};
	int rc = debug(guest, UAPI_SEV_DBG_ENCRYPT, (uintptr_t)text, (uintptr_t)guest->ram, 16);

	if (rc)
		return rc;
	ck_assert_mem_ne(guest->ram, text, 16);
	rc = debug(guest, UAPI_SEV_DBG_DECRYPT, (uintptr_t)guest->ram, (uintptr_t)out, 16);
	ck_assert_mem_eq(out, text, 16);
	return rc;
}

static int report_query(struct sev_guest *guest)
{
	struct uapi_sev_report report = {0};
	int rc = sev_command(guest, UAPI_SEV_GET_REPORT, &report);

	ck_assert_uint_eq(report.len, 0x1d0);
	return rc;
}

static int report(struct sev_guest *guest)
{
	uint8_t out[0x1d0];
	struct uapi_sev_report args = {.mnonce = {9}, .uaddr = (uintptr_t)out, .len = sizeof(out)};
	int rc = sev_command(guest, UAPI_SEV_GET_REPORT, &args);

	if (!rc)
		ck_assert_uint_eq(out[0], 9);
	return rc;
}

static int report_large(struct sev_guest *guest)
{
	struct uapi_sev_report args = {.uaddr = (uintptr_t)guest->source, .len = 0x4001};

	return sev_command(guest, UAPI_SEV_GET_REPORT, &args);
}

static int migrate(struct sev_guest *guest)
{
	uint8_t args[72] = {0};

	return sev_command(guest, UAPI_SEV_SEND_START, args);
}

static int receive_update(struct sev_guest *guest)
{
	uint8_t args[48] = {0};

	return sev_command(guest, UAPI_SEV_RECEIVE_UPDATE, args);
}

/* --- SNP */

static int snp_start_with(struct sev_guest *guest, struct uapi_snp_launch_start start, int fd)
{
	return sev_command_fd(guest, UAPI_SNP_LAUNCH_START, &start, fd);
}

#define SNP_START(name, bits, ...)                                                                 \
	static int name(struct sev_guest *guest)                                                   \
	{                                                                                          \
		return snp_start_with(                                                             \
			guest, (struct uapi_snp_launch_start){.policy = (bits), __VA_ARGS__},      \
			guest->sev);                                                               \
	}

SNP_START(snp_start, guest->policy, .gosvw = {0})
SNP_START(snp_start_pads, guest->policy, .pad0 = {1}, .pad1 = {1})
SNP_START(snp_start_flags, guest->policy, .flags = 1)
SNP_START(snp_start_migrate, 0x70000, .flags = 0)
SNP_START(snp_start_unknown, 0x30000 | 1ull << 40, .flags = 0)
SNP_START(snp_start_bit_17, 0x10000, .flags = 0)
SNP_START(snp_start_no_smt, 0x20000, .flags = 0)
SNP_START(snp_start_new_api, 0x3ff00, .flags = 0)

static int snp_start_fault(struct sev_guest *guest)
{
	return sev_command(guest, UAPI_SNP_LAUNCH_START, NOWHERE);
}

static int snp_start_kvm_fd(struct sev_guest *guest)
{
	return snp_start_with(guest, (struct uapi_snp_launch_start){.policy = guest->policy},
			      guest->kvm);
}

static int update_with(struct sev_guest *guest, struct uapi_snp_launch_update update, int fd)
{
	return sev_command_fd(guest, UAPI_SNP_LAUNCH_UPDATE, &update, fd);
}

#define UPDATE(name, ...)                                                                          \
	static int name(struct sev_guest *guest)                                                   \
	{                                                                                          \
		struct uapi_snp_launch_update update = {                                           \
			.uaddr = (uintptr_t)guest->source, .len = SEV_PAGE, .type = 1};            \
		struct uapi_snp_launch_update change = {__VA_ARGS__};                              \
                                                                                                   \
		change_update(&update, &change);                                                   \
		return update_with(guest, update, guest->sev);                                     \
	}

/* Fields that are not 0 replace; all ones stand for 0. */
static void change_update(struct uapi_snp_launch_update *update,
			  const struct uapi_snp_launch_update *change)
{
	if (change->gfn_start)
		update->gfn_start = change->gfn_start;
	if (change->uaddr)
		update->uaddr = change->uaddr == UINT64_MAX ? 0 : change->uaddr;
	if (change->len)
		update->len = change->len == UINT64_MAX ? 0 : change->len;
	if (change->type)
		update->type = change->type == UINT8_MAX ? 0 : change->type;
	update->flags = change->flags;
	update->pad0 = change->pad0;
	update->pad1 = change->pad1;
}

UPDATE(upd_normal, .type = 1)
UPDATE(upd_pads, .pad0 = 1, .pad1 = 1)
UPDATE(upd_type_0, .type = UINT8_MAX)
UPDATE(upd_type_2, .type = 2)
UPDATE(upd_type_7, .type = 7)
UPDATE(upd_zero, .type = 3, .uaddr = UINT64_MAX, .gfn_start = 1)
UPDATE(upd_zero_odd_source, .type = 3, .uaddr = 8, .gfn_start = 1)
UPDATE(upd_unmeasured, .type = 4, .gfn_start = 2)
UPDATE(upd_secrets, .type = 5, .gfn_start = 3)
UPDATE(upd_empty, .len = UINT64_MAX)
UPDATE(upd_odd_size, .len = 4097)
UPDATE(upd_odd_source, .uaddr = (uintptr_t)guest->source + 16)
UPDATE(upd_flags, .flags = 1)
UPDATE(upd_no_slot, .gfn_start = 0x1000)
UPDATE(upd_no_source, .uaddr = UINT64_MAX)
UPDATE(upd_unmapped, .uaddr = 0x1000)

static int upd_fault(struct sev_guest *guest)
{
	return sev_command(guest, UAPI_SNP_LAUNCH_UPDATE, NOWHERE);
}

static int upd_kvm_fd(struct sev_guest *guest)
{
	return update_with(guest,
			   (struct uapi_snp_launch_update){
				   .uaddr = (uintptr_t)guest->source, .len = SEV_PAGE, .type = 1},
			   guest->kvm);
}

static void make_cpuid(struct sev_guest *guest, uint32_t ecx)
{
	struct uapi_snp_cpuid_table table = {.count = 1};

	table.entries[0].eax_in = 1;
	table.entries[0].ecx = ecx;
	memset(guest->source + 4 * SEV_PAGE, 0, SEV_PAGE);
	memcpy(guest->source + 4 * SEV_PAGE, &table, sizeof(table));
}

static int upd_cpuid(struct sev_guest *guest)
{
	make_cpuid(guest, 0);
	return sev_update(guest, 4, 1, UAPI_SNP_PAGE_CPUID);
}

/* VMX, which no SNP guest has: the firmware refuses it and leaves the page as it would have it. */
static int upd_cpuid_vmx(struct sev_guest *guest)
{
	int rc;

	make_cpuid(guest, 1u << 5);
	rc = sev_update(guest, 4, 1, UAPI_SNP_PAGE_CPUID);
	for (uint32_t i = 0; i < SEV_PAGE; i++)
		ck_assert_msg(guest->source[4 * SEV_PAGE + i] == (i == 0 || i == 16 ? 1 : 0),
			      "byte %u", i);
	return rc;
}

static int upd_cpuid_again(struct sev_guest *guest)
{
	return sev_update(guest, 4, 1, UAPI_SNP_PAGE_CPUID);
}

static int upd_cpuid_read_only(struct sev_guest *guest)
{
	int rc;

	make_cpuid(guest, 0);
	mprotect(guest->source + 4 * SEV_PAGE, SEV_PAGE, PROT_READ);
	rc = sev_update(guest, 4, 1, UAPI_SNP_PAGE_CPUID);
	mprotect(guest->source + 4 * SEV_PAGE, SEV_PAGE, PROT_READ | PROT_WRITE);
	return rc;
}

/* Past the slot's end: what fits is done, and the struct says what is left. */
static int upd_past_end(struct sev_guest *guest)
{
	struct uapi_snp_launch_update update = {.gfn_start = SEV_RAM_PAGES - 2,
						.uaddr = (uintptr_t)guest->source,
						.len = 5 * SEV_PAGE,
						.type = 1};
	int rc = sev_command(guest, UAPI_SNP_LAUNCH_UPDATE, &update);

	ck_assert_uint_eq(update.gfn_start, SEV_RAM_PAGES);
	ck_assert_uint_eq(update.len, 3 * SEV_PAGE);
	ck_assert_uint_eq(update.uaddr, (uintptr_t)guest->source + 2 * SEV_PAGE);
	return rc;
}

static int snp_finish_with(struct sev_guest *guest, struct uapi_snp_launch_finish finish_args,
			   int fd)
{
	return sev_command_fd(guest, UAPI_SNP_LAUNCH_FINISH, &finish_args, fd);
}

#define SNP_FINISH(name, ...)                                                                      \
	static int name(struct sev_guest *guest)                                                   \
	{                                                                                          \
		return snp_finish_with(guest, (struct uapi_snp_launch_finish){__VA_ARGS__},        \
				       guest->sev);                                                \
	}

SNP_FINISH(snp_finish, .host_data = {1})
SNP_FINISH(snp_finish_flags, .flags = 1)
SNP_FINISH(snp_finish_pads, .pad0 = {1}, .pad1 = {1})
SNP_FINISH(snp_finish_no_block, .id_block_en = 1)
SNP_FINISH(snp_finish_block_fault, .id_block_en = 1, .id_block_uaddr = 8, .id_auth_uaddr = 8)
SNP_FINISH(snp_finish_bad_block, .id_block_en = 1, .id_block_uaddr = (uintptr_t)guest->source,
	   .id_auth_uaddr = (uintptr_t)guest->source)

static int snp_finish_fault(struct sev_guest *guest)
{
	return sev_command(guest, UAPI_SNP_LAUNCH_FINISH, NOWHERE);
}

static int snp_finish_kvm_fd(struct sev_guest *guest)
{
	return snp_finish_with(guest, (struct uapi_snp_launch_finish){0}, guest->kvm);
}

const struct sev_step sev_launch_steps[] = {
	{"op.null", op_null},
	{"op.fault", op_fault},
	{"op.10", op_10},
	{"op.14", op_14},
	{"op.19", op_19},
	{"op.23", op_23},
	{"op.99", op_99},
	{"op.104", op_104},
	{"init", legacy_init},
	{"es_init", legacy_es_init},
	{"init2", init2},
	{"init2.flags", init2_flags},
	{"init2.snp_bit", init2_snp_bit},
	{"init2.debug_swap", init2_debug_swap},
	{"init2.secure_tsc", init2_secure_tsc},
	{"init2.unknown", init2_unknown},
	{"init2.ghcb1", init2_ghcb1},
	{"init2.ghcb2", init2_ghcb2},
	{"init2.ghcb3", init2_ghcb3},
	{"init2.pads", init2_pads},
	{"init2.fault", init2_fault},
	{"start", start},
	{"start.share", start_share},
	{"start.empty_blob", start_empty_blob},
	{"start.large_blob", start_large_blob},
	{"start.blob_fault", start_blob_fault},
	{"start.new_api", start_new_api},
	{"start.es", start_es},
	{"start.no_es", start_no_es},
	{"start.no_debug", start_no_debug},
	{"start.kvm_fd", start_kvm_fd},
	{"start.no_fd", start_no_fd},
	{"start.fault", start_fault},
	{"data", data},
	{"data.empty", data_empty},
	{"data.wrap", data_wrap},
	{"data.unmapped", data_unmapped},
	{"data.odd_size", data_odd_size},
	{"data.odd_address", data_odd_address},
	{"data.fault", data_fault},
	{"data.read_only", data_read_only},
	{"vmsa", vmsa},
	{"measure", measure},
	{"measure.query", measure_query},
	{"measure.length", measure_length},
	{"measure.small", measure_small},
	{"measure.large", measure_large},
	{"measure.fault", measure_fault},
	{"secret", secret},
	{"secret.bad_mac", secret_bad_mac},
	{"secret.short_header", secret_short_header},
	{"secret.no_header", secret_no_header},
	{"secret.empty", secret_empty},
	{"finish", finish},
	{"status.lupdate", status_lupdate},
	{"status.lsecret", status_lsecret},
	{"status.running", status_running},
	{"decrypt", decrypt},
	{"decrypt.empty", decrypt_empty},
	{"decrypt.null", decrypt_null},
	{"decrypt.wrap", decrypt_wrap},
	{"encrypt", encrypt},
	{"report", report},
	{"report.query", report_query},
	{"report.large", report_large},
	{"migrate", migrate},
	{"receive_update", receive_update},
	{"certs", certs},
	{"snp.start", snp_start},
	{"snp.start.pads", snp_start_pads},
	{"snp.start.flags", snp_start_flags},
	{"snp.start.migrate", snp_start_migrate},
	{"snp.start.unknown", snp_start_unknown},
	{"snp.start.bit_17", snp_start_bit_17},
	{"snp.start.no_smt", snp_start_no_smt},
	{"snp.start.new_api", snp_start_new_api},
	{"snp.start.fault", snp_start_fault},
	{"snp.start.kvm_fd", snp_start_kvm_fd},
	{"upd.normal", upd_normal},
	{"upd.pads", upd_pads},
	{"upd.type_0", upd_type_0},
	{"upd.type_2", upd_type_2},
	{"upd.type_7", upd_type_7},
	{"upd.zero", upd_zero},
	{"upd.zero.odd_source", upd_zero_odd_source},
	{"upd.unmeasured", upd_unmeasured},
	{"upd.secrets", upd_secrets},
	{"upd.empty", upd_empty},
	{"upd.odd_size", upd_odd_size},
	{"upd.odd_source", upd_odd_source},
	{"upd.flags", upd_flags},
	{"upd.no_slot", upd_no_slot},
	{"upd.no_source", upd_no_source},
	{"upd.unmapped", upd_unmapped},
	{"upd.fault", upd_fault},
	{"upd.kvm_fd", upd_kvm_fd},
	{"upd.cpuid", upd_cpuid},
	{"upd.cpuid.vmx", upd_cpuid_vmx},
	{"upd.cpuid.again", upd_cpuid_again},
	{"upd.cpuid.read_only", upd_cpuid_read_only},
	{"upd.past_end", upd_past_end},
	{"snp.finish", snp_finish},
	{"snp.finish.flags", snp_finish_flags},
	{"snp.finish.pads", snp_finish_pads},
	{"snp.finish.no_block", snp_finish_no_block},
	{"snp.finish.block_fault", snp_finish_block_fault},
	{"snp.finish.bad_block", snp_finish_bad_block},
	{"snp.finish.fault", snp_finish_fault},
	{"snp.finish.kvm_fd", snp_finish_kvm_fd},
	{NULL, NULL},
};
