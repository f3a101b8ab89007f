/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What of SEV outlives a call: ASIDs and what keeps them, keys, a processor that fails or dies,
 * /dev/sev; and launches that go wrong in a way that each call takes for right.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "sev_program.h"
#include "sim/sev_status.h"

#define SEV UAPI_VM_TYPE_SEV
#define ES  UAPI_VM_TYPE_SEVES
#define SNP UAPI_VM_TYPE_SNP

static struct coco_error error;

static struct coco_sim *new_sim(struct coco_sim_options options)
{
	struct coco_sim *sim = NULL;

	options.struct_size = sizeof(options);
	expect_ok(coco_sim_new(&options, &sim, &error), &error);
	return sim;
}

static struct coco_sim_account account_of(struct coco_sim *sim)
{
	struct coco_sim_account account;

	COCO_INIT(&account);
	expect_ok(coco_sim_get_account(sim, &account, &error), &error);
	return account;
}

static struct coco_sim_vm_info info_of(const struct sev_guest *guest)
{
	struct coco_sim_vm_info info;

	COCO_INIT(&info);
	expect_ok(coco_sim_get_vm_info(guest->sim, guest->vm, &info, &error), &error);
	return info;
}

/* --- 5.2, 2.6: ASIDs */

START_TEST(asid_is_free_when_the_vm_is_gone)
{
	static const uint64_t types[] = {SEV, ES, SNP};
	struct coco_sim *sim =
		new_sim((struct coco_sim_options){.sev_asids = 2, .sev_min_asid = 2});
	struct sev_guest first, second;

	sev_open_on(&first, sim, types[_i]);
	sev_launch(&first, 1);
	sev_open_on(&second, sim, types[_i]);
	ck_assert_int_eq(sev_step(&second, "init2"), -EBUSY);
	ck_assert_uint_eq(account_of(sim).sev_contexts, 1);
	sev_close_vm(&first);
	ck_assert_uint_eq(account_of(sim).sev_contexts, 0);
	ck_assert_uint_eq(account_of(sim).rmp_pages, 0);
	/* 8.2: INIT2 that failed may be tried again. */
	sev_launch(&second, 1);
	sev_close_vm(&second);
	ck_assert_uint_eq(account_of(sim).vms, 0);
	ck_assert_uint_eq(account_of(sim).sev_asids_used + account_of(sim).seves_asids_used, 0);
	coco_sim_free(sim);
}
END_TEST

/* 5.1: any descriptor or mapping of it keeps the VM, and so its ASID. */
START_TEST(leaked_object_keeps_the_asid)
{
	struct coco_sim *sim =
		new_sim((struct coco_sim_options){.sev_asids = 2, .sev_min_asid = 2});
	const struct coco_platform_ops *ops = coco_sim_get_platform(sim)->ops;
	void *context = coco_sim_get_platform(sim)->context;
	struct sev_guest first, second;
	int leaked;

	sev_open_on(&first, sim, SNP);
	sev_launch(&first, 1);
	leaked = ops->dup(context, _i ? first.gmem : first.vcpus[0]);
	sev_close_vm(&first);
	sev_open_on(&second, sim, SNP);
	ck_assert_int_eq(sev_step(&second, "init2"), -EBUSY);
	ops->close(context, leaked);
	ck_assert_int_eq(sev_step(&second, "init2"), 0);
	sev_close_vm(&second);
	coco_sim_free(sim);
}
END_TEST

/* 2.6: with ciphertext hiding SEV-ES and SNP do not share. */
START_TEST(hiding)
{
	struct coco_sim *sim = new_sim((struct coco_sim_options){.quirks = COCO_SIM_SEV_HIDING,
								 .sev_asids = 4,
								 .sev_min_asid = 3,
								 .sev_snp_max_asid = 1});
	struct sev_guest snp, es, more;

	sev_open_on(&snp, sim, SNP);
	sev_launch(&snp, 1);
	sev_open_on(&more, sim, SNP);
	ck_assert_int_eq(sev_step(&more, "init2"), -EBUSY);
	sev_open_on(&es, sim, ES);
	sev_launch(&es, 1);
	sev_close_vm(&snp);
	sev_close_vm(&es);
	sev_close_vm(&more);
	coco_sim_free(sim);
}
END_TEST

/* --- pages and contexts are accounted */

START_TEST(rmp_pages)
{
	struct sev_guest guest;

	sev_open(&guest, SNP, NULL);
	sev_steps(&guest, "init2 slot private vcpu vcpu snp.start");
	ck_assert_int_eq(sev_update(&guest, 0, 3, UAPI_SNP_PAGE_NORMAL), 0);
	ck_assert_uint_eq(account_of(guest.sim).rmp_pages, 3);
	sev_steps(&guest, "snp.finish");
	ck_assert_uint_eq(account_of(guest.sim).rmp_pages, 5); /* two VMSAs */
	sev_steps(&guest, "punch");
	ck_assert_uint_eq(account_of(guest.sim).rmp_pages, 4);
	sev_close(&guest);
}
END_TEST

/* --- keys */

START_TEST(each_life_has_its_key)
{
	static const uint64_t types[] = {SEV, ES, SNP};
	struct coco_sim *sim = new_sim((struct coco_sim_options){.techs = 0});
	struct sev_guest first, second;

	sev_open_on(&first, sim, types[_i]);
	sev_launch(&first, 1);
	sev_open_on(&second, sim, types[_i]);
	sev_launch(&second, 1);
	ck_assert_mem_ne(info_of(&first).key, info_of(&second).key, 32);
	ck_assert_uint_eq(info_of(&first).digest_size, types[_i] == SNP ? 48 : 32);
	ck_assert_mem_eq(info_of(&first).digest, info_of(&second).digest,
			 info_of(&first).digest_size);
	sev_close_vm(&first);
	sev_close_vm(&second);
	coco_sim_free(sim);
}
END_TEST

/* What one guest's key has made of memory the next guest's key does not undo. */
START_TEST(next_key_sees_noise)
{
	struct coco_sim *sim = new_sim((struct coco_sim_options){.techs = 0});
	struct sev_guest first, second;
	uint8_t seen[SEV_PAGE];
	struct uapi_sev_debug decrypt = {.dst_uaddr = (uintptr_t)seen, .len = sizeof(seen)};

	sev_open_on(&first, sim, SEV);
	sev_launch(&first, 1);
	ck_assert_mem_ne(first.ram, first.source, SEV_PAGE);
	ck_assert_int_eq(coco_sim_is_hidden(sim, first.vm, 0), 1);
	ck_assert_int_eq(coco_sim_is_hidden(sim, first.vm, 8 * SEV_PAGE), 0);
	decrypt.src_uaddr = (uintptr_t)first.ram;
	ck_assert_int_eq(sev_command(&first, UAPI_SEV_DBG_DECRYPT, &decrypt), 0);
	ck_assert_mem_eq(seen, first.source, SEV_PAGE);

	sev_open_on(&second, sim, SEV);
	sev_launch(&second, 1);
	ck_assert_int_eq(sev_command(&second, UAPI_SEV_DBG_DECRYPT, &decrypt), 0);
	ck_assert_mem_ne(seen, first.source, SEV_PAGE);
	/* Neither does it survive that the host writes to it. */
	first.ram[17] ^= 1;
	ck_assert_int_eq(sev_command(&first, UAPI_SEV_DBG_DECRYPT, &decrypt), 0);
	ck_assert_mem_ne(seen, first.source, SEV_PAGE);
	sev_close_vm(&first);
	sev_close_vm(&second);
	coco_sim_free(sim);
}
END_TEST

/* --- firmware that fails (8.7) */

static const struct {
	const char *name;
	uint64_t type;
	const char *before;
	const char *call;
	int code;
	uint64_t status;
	const char *step;
	int rc;
	uint32_t fw;
	const char *after; /* works again */
} fault_rows[] = {
	{"2.6 no room for a context", SNP, "init2", "SNP_GCTX_CREATE", -EIO, SIM_SEV_RESOURCE_LIMIT,
	 "snp.start", -ENOTTY, SIM_SEV_RESOURCE_LIMIT, "snp.start"},
	{"8.4 LAUNCH_START refused", SNP, "init2", "SNP_LAUNCH_START", -EIO, SIM_SEV_POLICY_FAILURE,
	 "snp.start", -EIO, SIM_SEV_POLICY_FAILURE, "snp.start"},
	{"8.4 ACTIVATE refused", SNP, "init2", "SNP_ACTIVATE", -EIO, SIM_SEV_DFFLUSH_REQUIRED,
	 "snp.start", -EIO, SIM_SEV_DFFLUSH_REQUIRED, "snp.start"},
	{"8.4 UPDATE refused: the page may be loaded again", SNP, "init2 slot private snp.start",
	 "SNP_LAUNCH_UPDATE", -EIO, SIM_SEV_INVALID_PARAM, "upd.normal", -EIO,
	 SIM_SEV_INVALID_PARAM, "upd.normal"},
	{"7.4 a signal at the first page", SNP, "init2 slot private snp.start", "SNP_LAUNCH_UPDATE",
	 -EINTR, 0, "upd.normal", -EIO, 0, "upd.normal"},
	{"3.8 VMSA refused: FINISH may be repeated", SNP, "init2 vcpu snp.start",
	 "SNP_LAUNCH_UPDATE", -EIO, SIM_SEV_INVALID_ADDRESS, "snp.finish", -EIO,
	 SIM_SEV_INVALID_ADDRESS, "snp.finish"},
	{"2.6 no room for a context: SEV", SEV, "init2", "SEV_LAUNCH_START", -EIO,
	 SIM_SEV_RESOURCE_LIMIT, "start", -EIO, SIM_SEV_RESOURCE_LIMIT, "start"},
	{"8.3 ACTIVATE refused: SEV", SEV, "init2", "SEV_ACTIVATE", -EIO, SIM_SEV_DFFLUSH_REQUIRED,
	 "start", -EIO, SIM_SEV_DFFLUSH_REQUIRED, "start"},
	{"3.7 a run is refused", SEV, "init2 slot reg start", "SEV_LAUNCH_UPDATE_DATA", -EIO,
	 SIM_SEV_INVALID_ADDRESS, "data", -EIO, SIM_SEV_INVALID_ADDRESS, ""},
};

START_TEST(firmware_faults)
{
	struct sev_guest guest;
	int rc;

	sev_open(&guest, fault_rows[_i].type, NULL);
	sev_steps(&guest, fault_rows[_i].before);
	ck_assert_int_eq(coco_sim_fail(guest.sim, fault_rows[_i].call, 1, 1, fault_rows[_i].code,
				       fault_rows[_i].status),
			 0);
	rc = sev_step(&guest, fault_rows[_i].step);
	ck_assert_msg(rc == fault_rows[_i].rc && guest.fw == fault_rows[_i].fw, "%s: %d, %#x",
		      fault_rows[_i].name, rc, guest.fw);
	sev_steps(&guest, fault_rows[_i].after);
	sev_close(&guest);
}
END_TEST

/* 3.2: a processor that did not answer is not asked again. */
static const struct {
	const char *name;
	uint64_t type;
	const char *before;
	const char *step;
	int rc;
	uint32_t fw;
} dead_rows[] = {
	{"LAUNCH_FINISH: SEV", SEV, "init2 slot reg start data measure", "finish", -EBUSY,
	 SEV_UNTOUCHED},
	{"LAUNCH_UPDATE_DATA", SEV, "init2 slot reg start", "data", -EBUSY, SEV_UNTOUCHED},
	{"INIT2 while there are ASIDs", SNP, "", "init2", 0, SEV_UNTOUCHED},
	{"SNP_LAUNCH_START", SNP, "init2", "snp.start", -ENOTTY, SEV_UNTOUCHED},
	{"SNP_LAUNCH_UPDATE", SNP, "init2 slot private snp.start", "upd.normal", -EIO, 0},
	{"SNP_LAUNCH_FINISH", SNP, "init2 snp.start", "snp.finish", -EBUSY, SEV_UNTOUCHED},
};

START_TEST(dead_processor)
{
	struct uapi_sev_status status;
	struct uapi_sev_issue issue = {.cmd = UAPI_SEV_PLATFORM_STATUS, .data = (uintptr_t)&status};
	struct sev_guest guest;
	int rc;

	sev_open(&guest, dead_rows[_i].type, NULL);
	sev_steps(&guest, dead_rows[_i].before);
	coco_sim_fail(guest.sim, "SEV_PLATFORM_STATUS", 1, 1, -ETIMEDOUT, 0);
	ck_assert_int_eq(sev_ioctl(&guest, guest.sev, UAPI_SEV_ISSUE_CMD, (uintptr_t)&issue),
			 -ETIMEDOUT);
	ck_assert_int_eq(sev_ioctl(&guest, guest.sev, UAPI_SEV_ISSUE_CMD, (uintptr_t)&issue),
			 -EBUSY);
	rc = sev_step(&guest, dead_rows[_i].step);
	ck_assert_msg(rc == dead_rows[_i].rc && guest.fw == dead_rows[_i].fw, "%s: %d, %#x",
		      dead_rows[_i].name, rc, guest.fw);
	sev_close(&guest);
}
END_TEST

/* 3.2: the page can't be reclaimed then, and that is the VM's end; what it has is lost. */
START_TEST(timeout_of_update_kills_the_vm)
{
	struct sev_guest guest;
	struct coco_sim *sim;

	sev_open(&guest, SNP, NULL);
	sev_steps(&guest, "init2 slot private snp.start");
	coco_sim_fail(guest.sim, "SNP_LAUNCH_UPDATE", 1, 1, -ETIMEDOUT, 0);
	ck_assert_int_eq(sev_step(&guest, "upd.normal"), -EIO);
	ck_assert_uint_eq(guest.fw, 0);
	ck_assert_int_eq(sev_step(&guest, "vcpu"), -EIO);
	sim = guest.sim;
	sev_close_vm(&guest);
	ck_assert_uint_eq(account_of(sim).seves_asids_used, 1);
	coco_sim_free(sim);
}
END_TEST

/* --- /dev/sev and attributes (2.3, 2.4) */

static const struct {
	const char *name;
	uint32_t cmd;
	int rc;
} device_rows[] = {
	{"FACTORY_RESET", 0, 0},
	{"PEK_GEN", 2, 0},
	{"PDH_GEN", 4, 0},
	{"PEK_CSR", 3, -EIO},
	{"SNP_COMMIT", 10, 0},
	{"SNP_PLATFORM_STATUS without data", 9, -EINVAL},
	{"SNP_SET_CONFIG without data", 11, -EINVAL},
	{"no such command", 13, -EINVAL},
};

START_TEST(device_commands)
{
	struct uapi_sev_issue issue = {.cmd = device_rows[_i].cmd};
	struct sev_guest guest;
	int rc;

	sev_open(&guest, SEV, NULL);
	rc = sev_ioctl(&guest, guest.sev, UAPI_SEV_ISSUE_CMD, (uintptr_t)&issue);
	ck_assert_msg(rc == device_rows[_i].rc, "%s: %d", device_rows[_i].name, rc);
	sev_close(&guest);
}
END_TEST

START_TEST(device_says_what_there_is)
{
	struct uapi_sev_status status;
	struct uapi_snp_status snp;
	struct uapi_sev_issue issue = {.cmd = UAPI_SEV_PLATFORM_STATUS, .data = (uintptr_t)&status};
	struct sev_guest guest;

	sev_open(&guest, SEV, NULL);
	ck_assert_int_eq(sev_ioctl(&guest, guest.sev, UAPI_SEV_ISSUE_CMD, (uintptr_t)&issue), 0);
	ck_assert_uint_eq(status.state, 1);
	ck_assert_uint_eq(status.flags, UAPI_SEV_FLAGS_CONFIG_ES);
	sev_launch(&guest, 1);
	ck_assert_int_eq(sev_ioctl(&guest, guest.sev, UAPI_SEV_ISSUE_CMD, (uintptr_t)&issue), 0);
	ck_assert_uint_eq(status.state, 2);
	ck_assert_uint_eq(status.guest_count, 1);
	issue = (struct uapi_sev_issue){.cmd = 0};
	ck_assert_int_eq(sev_ioctl(&guest, guest.sev, UAPI_SEV_ISSUE_CMD, (uintptr_t)&issue),
			 -EBUSY);
	issue = (struct uapi_sev_issue){.cmd = UAPI_SEV_SNP_PLATFORM_STATUS,
					.data = (uintptr_t)&snp};
	ck_assert_int_eq(sev_ioctl(&guest, guest.sev, UAPI_SEV_ISSUE_CMD, (uintptr_t)&issue), 0);
	ck_assert_uint_eq(snp.state, 1);
	ck_assert_uint_eq(snp.guest_count, 0);
	ck_assert_int_eq(sev_ioctl(&guest, guest.sev, KVM_GET_API_VERSION, 0), -EINVAL);
	sev_close(&guest);
}
END_TEST

static const struct {
	uint64_t attribute;
	int rc;
	uint64_t value;
} attribute_rows[] = {{0, 0, 0x220}, {1, 0, 0x1fbffff}, {2, 0, 1}, {3, -ENXIO, 7}};

START_TEST(attributes)
{
	uint64_t value = 7;
	struct kvm_device_attr attr = {
		.group = 1, .attr = attribute_rows[_i].attribute, .addr = (uintptr_t)&value};
	struct sev_guest guest;

	sev_open(&guest, SEV, NULL);
	ck_assert_int_eq(sev_ioctl(&guest, guest.kvm, KVM_GET_DEVICE_ATTR, (uintptr_t)&attr),
			 attribute_rows[_i].rc);
	ck_assert_uint_eq(value, attribute_rows[_i].value);
	sev_close(&guest);
}
END_TEST

static const struct {
	const char *name;
	uint64_t type;
	const char *before;
	uint32_t cap;
	int value;
} capability_rows[] = {
	{"2.1 MEMORY_ATTRIBUTES: SEV", SEV, "", 233, 0},
	{"2.1 MEMORY_ATTRIBUTES: SEV-ES", ES, "", 233, 0},
	{"2.1 MEMORY_ATTRIBUTES: SNP", SNP, "", 233, 8},
	{"2.1 READONLY_MEM: SEV", SEV, "", 81, 1},
	{"2.1 READONLY_MEM: SEV-ES", ES, "", 81, 0},
	{"2.1 READONLY_MEM: SNP", SNP, "", 81, 0},
	{"2.1 SYNC_REGS: SNP", SNP, "", 74, 0},
	{"2.1 X86_SMM: SNP after INIT2", SNP, "init2", 117, 0},
	{"2.1 GUEST_MEMFD_FLAGS: SEV", SEV, "", 244, 3},
	{"2.1 GUEST_MEMFD_FLAGS: SNP", SNP, "", 244, 1},
	{"2.1 MULTI_ADDRESS_SPACE: SNP", SNP, "", 118, 1},
};

START_TEST(capabilities)
{
	struct sev_guest guest;
	int value;

	sev_open(&guest, capability_rows[_i].type, NULL);
	sev_steps(&guest, capability_rows[_i].before);
	value = sev_ioctl(&guest, guest.vm, KVM_CHECK_EXTENSION, capability_rows[_i].cap);
	ck_assert_msg(value == capability_rows[_i].value, "%s: %d", capability_rows[_i].name,
		      value);
	sev_close(&guest);
}
END_TEST

/* --- launches that go wrong without any call's failing: the guest does not get through */

enum slip {
	SLIP_NONE,
	SLIP_TABLES_MISSING,
	SLIP_TABLES_TWICE,
	SLIP_TABLES_SWAPPED,
	SLIP_TABLES_ZERO, /* type ZERO and not NORMAL */
	SLIP_NOT_PINNED,
	SLIP_NOT_FINISHED,
	SLIP_NOT_MEASURED,
	SLIP_NO_VMSA,
	SLIP_HOST_WRITES,
};

static const struct {
	const char *name;
	uint64_t type;
	enum slip slip;
} slip_rows[] = {
	{"SNP: page tables are missing", SNP, SLIP_TABLES_MISSING},
	{"SNP: page tables twice", SNP, SLIP_TABLES_TWICE},
	{"SNP: page tables in another order", SNP, SLIP_TABLES_SWAPPED},
	{"SNP: page tables of the wrong type", SNP, SLIP_TABLES_ZERO},
	{"SNP: not finished", SNP, SLIP_NOT_FINISHED},
	{"SEV-ES: page tables are missing", ES, SLIP_TABLES_MISSING},
	{"SEV-ES: page tables twice", ES, SLIP_TABLES_TWICE},
	{"SEV-ES: page tables in another order", ES, SLIP_TABLES_SWAPPED},
	{"SEV-ES: memory is not pinned", ES, SLIP_NOT_PINNED},
	{"SEV-ES: no VMSA", ES, SLIP_NO_VMSA},
	{"SEV-ES: not measured", ES, SLIP_NOT_MEASURED},
	{"SEV-ES: not finished", ES, SLIP_NOT_FINISHED},
	{"SEV-ES: the host writes after the launch", ES, SLIP_HOST_WRITES},
	{"SEV: page tables are missing", SEV, SLIP_TABLES_MISSING},
	{"SEV: page tables twice", SEV, SLIP_TABLES_TWICE},
	{"SEV: page tables in another order", SEV, SLIP_TABLES_SWAPPED},
	{"SEV: memory is not pinned", SEV, SLIP_NOT_PINNED},
	{"SEV: not measured", SEV, SLIP_NOT_MEASURED},
	{"SEV: not finished", SEV, SLIP_NOT_FINISHED},
	{"SEV: the host writes after the launch", SEV, SLIP_HOST_WRITES},
};

static struct program program;

static void swap_pages(uint8_t *a, uint8_t *b)
{
	uint8_t page[SEV_PAGE];

	memcpy(page, a, SEV_PAGE);
	memcpy(a, b, SEV_PAGE);
	memcpy(b, page, SEV_PAGE);
}

static int load(uint64_t page, uint32_t pages)
{
	struct sev_guest *guest = &program.guest;
	struct uapi_sev_buffer data = {.uaddr = (uintptr_t)guest->ram + page * SEV_PAGE,
				       .len = pages * SEV_PAGE};

	return guest->type == SNP ? sev_update(guest, page, pages, UAPI_SNP_PAGE_NORMAL)
				  : sev_command(guest, UAPI_SEV_LAUNCH_UPDATE_DATA, &data);
}

/* Page 1 is the top of the page tables. */
static int load_tables(enum slip slip)
{
	struct sev_guest *guest = &program.guest;
	int rc = 0;

	if (slip == SLIP_TABLES_SWAPPED) {
		swap_pages(guest->ram + SEV_PAGE, guest->ram + 2 * SEV_PAGE);
		swap_pages(guest->source + SEV_PAGE, guest->source + 2 * SEV_PAGE);
	}
	if (slip == SLIP_TABLES_ZERO)
		rc = sev_update(guest, 1, 1, UAPI_SNP_PAGE_ZERO);
	else if (slip != SLIP_TABLES_MISSING)
		rc = load(1, 1);
	if (!rc && slip == SLIP_TABLES_TWICE)
		rc = load(1, 1);
	return rc ? rc : load(2, 6);
}

/* 0: no command has failed. */
static int launch_with(uint64_t type, enum slip slip)
{
	struct sev_guest *guest = &program.guest;
	int rc;

	program_prepare(&program, type);
	if (type == SNP) {
		sev_steps(guest, "private snp.start");
		sev_set_private(guest, 8, 1, false);
		sev_set_private(guest, 10, 1, false);
	} else {
		sev_steps(guest, slip == SLIP_NOT_PINNED ? "start" : "reg start");
	}
	rc = load(0, 1);
	if (!rc)
		rc = load_tables(slip);
	if (!rc && type == ES && slip != SLIP_NO_VMSA)
		rc = sev_step(guest, "vmsa");
	if (!rc && type != SNP && slip != SLIP_NOT_MEASURED)
		rc = sev_step(guest, "measure");
	if (!rc && slip != SLIP_NOT_FINISHED)
		rc = sev_step(guest, type == SNP ? "snp.finish" : "finish");
	if (!rc && slip == SLIP_HOST_WRITES)
		memset(guest->ram + SEV_PAGE, 0, SEV_PAGE);
	return rc;
}

/* A guest of which nothing is as it should be may go round in circles: it is called back. */
static void call_back(int number)
{
	(void)number;
	program.guest.runs[0]->immediate_exit = 1;
}

START_TEST(slips_do_not_pass)
{
	const struct itimerval soon = {.it_value.tv_sec = 2}, never = {.it_value.tv_sec = 0};
	int rc = launch_with(slip_rows[_i].type, slip_rows[_i].slip);

	signal(SIGALRM, call_back);
	setitimer(ITIMER_REAL, &soon, NULL);
	if (!rc)
		program_run(&program);
	setitimer(ITIMER_REAL, &never, NULL);
	ck_assert_msg(rc || program.mailbox->reached == 0, "%s passed unnoticed",
		      slip_rows[_i].name);
	program_close(&program);
}
END_TEST

START_TEST(without_a_slip_it_passes)
{
	static const uint64_t types[] = {SEV, ES, SNP};

	ck_assert_int_eq(launch_with(types[_i], SLIP_NONE), 0);
	program_finish(&program);
	program_close(&program);
}
END_TEST

#define LOOP(test, rows)                                                                           \
	tcase_add_loop_test(tcase, test, 0, (int)(sizeof(rows) / sizeof((rows)[0])))

int main(void)
{
	Suite *suite = suite_create("sev_life");
	TCase *tcase = tcase_create("life");

	tcase_add_loop_test(tcase, asid_is_free_when_the_vm_is_gone, 0, 3);
	tcase_add_loop_test(tcase, leaked_object_keeps_the_asid, 0, 2);
	tcase_add_test(tcase, hiding);
	tcase_add_test(tcase, rmp_pages);
	tcase_add_loop_test(tcase, each_life_has_its_key, 0, 3);
	tcase_add_test(tcase, next_key_sees_noise);
	LOOP(firmware_faults, fault_rows);
	LOOP(dead_processor, dead_rows);
	tcase_add_test(tcase, timeout_of_update_kills_the_vm);
	LOOP(device_commands, device_rows);
	tcase_add_test(tcase, device_says_what_there_is);
	LOOP(attributes, attribute_rows);
	LOOP(capabilities, capability_rows);
	LOOP(slips_do_not_pass, slip_rows);
	tcase_add_loop_test(tcase, without_a_slip_it_passes, 0, 3);
	suite_add_tcase(suite, tcase);
	return expect_run(suite);
}
